"""Names and Role Provisioning Services 2.0: who is in the course.

Rules: https://www.imsglobal.org/spec/lti-nrps/v2p0
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from lti_tool.demo.claims import courses_url, role_uris
from lti_tool.demo.config import PlatformConfig
from lti_tool.demo.records import Person
from lti_tool.demo.service import SCOPE_MEMBERS, json_answer, page_of, refuse, require_accept, require_scope
from lti_tool.demo.store import Store

MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"


def nrps_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("nrps", __name__)

    @bp.get("/lti/courses/<course_id>/memberships")
    def memberships(course_id: str) -> Response:
        require_scope(request, store, SCOPE_MEMBERS)
        require_accept(request, MEMBERS)
        course = store.course()
        if course_id != course.id:
            refuse(404, "No such course.")
        url = courses_url(config, course, "memberships")
        page, headers = page_of(request, [person for person in store.people() if _wanted(person)], url)
        container = {
            "id": url,
            "context": {"id": course.id, "label": course.label, "title": course.title},
            "members": [_member(person) for person in page],
        }
        return json_answer(container, MEMBERS, headers=headers)

    return bp


def _wanted(person: Person) -> bool:
    """The role filter takes a full role address or its last word."""
    asked = request.args.get("role")
    return asked is None or asked in role_uris(person) or asked in {uri.partition("#")[2] for uri in role_uris(person)}


def _member(person: Person) -> dict[str, Any]:
    return {
        "status": "Active",
        "user_id": person.sub,
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "lis_person_sourcedid": person.sourced_id,
        "roles": role_uris(person),
    }

"""What the platform says in an id_token (LTI 1.3 core, AGS 2.0 and NRPS 2.0 claims)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from lti_tool.demo.config import PlatformConfig, Tool
from lti_tool.demo.dates import activity_dates, fill_in
from lti_tool.demo.records import (
    ADMINISTRATOR,
    ASSISTANT,
    INSTRUCTOR,
    LEARNER,
    RESEARCHER,
    Course,
    LaunchDetail,
    LineItem,
    Person,
)
from lti_tool.demo.service import AGS_SCOPES
from lti_tool.demo.store import RESOURCE_LINK_ID, Store

ID_TOKEN_SECONDS = 60
PLATFORM_GUID = "atelier-mini-lms"

_LTI = "https://purl.imsglobal.org/spec/lti/claim"
_DL = "https://purl.imsglobal.org/spec/lti-dl/claim"
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
_INSTITUTION = "http://purl.imsglobal.org/vocab/lis/v2/institution/person"


def launch_claims(
    config: PlatformConfig, store: Store, tool: Tool, person: Person, nonce: str, detail: LaunchDetail | None = None
) -> dict[str, Any]:
    """Every claim of a launch by this person: of an activity, or to choose content for the course."""
    link_id = (detail.resource_link_id if detail else None) or RESOURCE_LINK_ID
    choosing = detail.state if detail else None
    about = _choosing(config, tool, choosing) if choosing else _opening(config, store, tool, link_id)
    now = int(config.clock().timestamp())
    return {
        "iss": config.issuer,
        "aud": tool.client_id,
        "sub": person.sub,
        "iat": now,
        "exp": now + ID_TOKEN_SECONDS,
        "nonce": nonce,
        **_person_claims(person),
        **_message_claims(config, store, tool, person),
        **about,
    }


def role_uris(person: Person) -> list[str]:
    """The context role first, with its sub-role as LTI 1.3 core A.2.3.1 has it, then the institution's.

    A researcher comes into a course as a guest who may see what its instructors see.
    """
    return {
        LEARNER: [f"{_MEMBERSHIP}#Learner", f"{_INSTITUTION}#Student"],
        INSTRUCTOR: [f"{_MEMBERSHIP}#Instructor", f"{_INSTITUTION}#Instructor"],
        ASSISTANT: [
            f"{_MEMBERSHIP}#Instructor",
            f"{_MEMBERSHIP}/Instructor#TeachingAssistant",
            f"{_INSTITUTION}#Student",
        ],
        RESEARCHER: [f"{_MEMBERSHIP}#Instructor", f"{_MEMBERSHIP}/Instructor#GuestInstructor", f"{_INSTITUTION}#Staff"],
        ADMINISTRATOR: [f"{_MEMBERSHIP}#Administrator", f"{_INSTITUTION}#Administrator"],
    }[person.role]


def courses_url(config: PlatformConfig, course: Course, service: str) -> str:
    return f"{config.issuer}/lti/courses/{course.id}/{service}"


def line_items_url(config: PlatformConfig, course: Course) -> str:
    return courses_url(config, course, "lineitems") + "?type_id=1"


def line_item_url(config: PlatformConfig, item: LineItem, part: str = "") -> str:
    """An item's address; like Moodle's it ends in a query, and a part such as /scores goes before that."""
    return f"{config.issuer}/lti/courses/{item.course_id}/lineitems/{item.id}/lineitem{part}?type_id=1"


def _person_claims(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "given_name": person.given_name,
        "family_name": person.family_name,
        "email": person.email,
        "locale": "en",
    }


def _message_claims(config: PlatformConfig, store: Store, tool: Tool, person: Person) -> dict[str, Any]:
    course = store.course()
    return {
        f"{_LTI}/version": "1.3.0",
        f"{_LTI}/deployment_id": tool.deployment_id,
        f"{_LTI}/roles": role_uris(person),
        f"{_LTI}/context": {
            "id": course.id,
            "label": course.label,
            "title": course.title,
            "type": ["http://purl.imsglobal.org/vocab/lis/v2/course#CourseSection"],
        },
        f"{_LTI}/launch_presentation": {
            "document_target": "iframe",
            "width": 840,
            "height": 640,
            "locale": "en",
            "return_url": f"{config.issuer}/returned/{person.slug}",
        },
        f"{_LTI}/lis": {
            "person_sourcedid": person.sourced_id,
            "course_section_sourcedid": f"sis-{course.id}",
        },
        f"{_LTI}/tool_platform": {
            "guid": PLATFORM_GUID,
            "name": "Atelier mini-LMS",
            "product_family_code": "atelier-mini-lms",
            "version": "1",
        },
    }


def _opening(config: PlatformConfig, store: Store, tool: Tool, link_id: str) -> dict[str, Any]:
    """What is said of one activity: its own custom parameters if a tool's answer added it."""
    link, added = store.resource_link(link_id), store.added_link(link_id)
    assert link is not None
    custom = json.loads(added.custom) if added else tool.custom
    return {
        f"{_LTI}/message_type": "LtiResourceLinkRequest",
        f"{_LTI}/target_link_uri": added.url if added else tool.target_link_uri,
        f"{_LTI}/resource_link": {"id": link.id, "title": link.title, "description": link.description},
        f"{_LTI}/custom": fill_in(custom, activity_dates(store, link_id)),
        **_service_claims(config, store, link_id),
    }


def _choosing(config: PlatformConfig, tool: Tool, state: str) -> dict[str, Any]:
    """https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-request-message"""
    return {
        f"{_LTI}/message_type": "LtiDeepLinkingRequest",
        f"{_LTI}/target_link_uri": tool.target_link_uri,
        f"{_DL}/deep_linking_settings": {
            "deep_link_return_url": deep_link_return_url(config),
            "accept_types": ["ltiResourceLink"],
            "accept_presentation_document_targets": ["iframe", "window"],
            "accept_multiple": True,
            "accept_lineitem": True,
            "auto_create": True,
            "data": state,
        },
    }


def deep_link_return_url(config: PlatformConfig) -> str:
    return f"{config.issuer}/content/returned"


def _service_claims(config: PlatformConfig, store: Store, link_id: str) -> dict[str, Any]:
    course = store.course()
    endpoint: dict[str, Any] = {"scope": list(AGS_SCOPES), "lineitems": line_items_url(config, course)}
    with store.session() as session:
        items = session.scalars(select(LineItem).where(LineItem.resource_link_id == link_id)).all()
    if len(items) == 1:  # AGS 2.0 section 3.1.1: named only when the link has one and only one line item
        endpoint["lineitem"] = line_item_url(config, items[0])
    return {
        "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": endpoint,
        "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice": {
            "context_memberships_url": courses_url(config, course, "memberships"),
            "service_versions": ["2.0"],
        },
    }

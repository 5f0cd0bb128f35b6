"""The course's roster beside what was sent: who is missing. Read from the course when an instructor asks."""

from urllib.parse import urlencode

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool.db import utc_now
from lti_tool.keys import SigningKey, current_key
from lti_tool.lessons import lesson_here
from lti_tool.models import ResourceLink
from lti_tool.nrps import group_names, members
from lti_tool.outbound import OutboundError
from lti_tool.platforms import rules_for
from lti_tool.roster import MAX_MEMBERS, Roster, RosterRow, roster_of, store_members
from lti_tool.shelf import is_on_shelf
from lti_tool.web.context import current
from lti_tool.web.queue_page import read_view
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import placement_here, teachers_page

bp = Blueprint("roster", __name__, url_prefix="/l/<launch_id>/roster")

NOT_OFFERED = (
    "Your course did not offer its list of members to this tool. An admin can allow it in the tool’s settings."
)

Answer = str | Response | tuple[str, int]


@bp.get("")
@signed_in("instructor")
def roster(launch_id: str) -> Answer:
    """Who is in the course and what they have sent here."""
    with current().database.read() as session:
        return _page(session)


@bp.post("")
@signed_in("instructor")
def read(launch_id: str) -> Answer:
    """Ask the course for its members now; a failure is a sentence, and what was read before stays."""
    problem = _read_members()
    if problem:
        with current().database.read() as session:
            return _page(session, problem), 422
    return redirect(url_for("roster.roster", launch_id=launch_id) + read_view(request.form).query(), code=303)


def _read_members() -> str:
    """Read and keep the members; returns what went wrong, or ""."""
    atelier = current()
    with atelier.database.write() as session:
        link, key = placement_here(session), current_key(session, atelier.settings)
    if not link.memberships_url:
        return NOT_OFFERED
    try:  # outside any transaction: a slow platform holds up nobody else
        listed = members(atelier.outbound, g.launch.registration, key, _address(link), at_most=MAX_MEMBERS)
    except OutboundError as error:
        return str(error)
    names = _group_names(link, key)
    with atelier.database.write() as session:
        store_members(session, link.context_id, listed, utc_now(), names)
    return ""


def _address(link: ResourceLink) -> str:
    """Where the members are asked for; for some platforms by resource link (NRPS 2.0, section 2.3)."""
    url = link.memberships_url or ""
    if is_on_shelf(link) or not rules_for(link.platform_family).members_by_link:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'rlid': link.lms_id})}"


def _group_names(link: ResourceLink, key: SigningKey) -> dict[str, str]:
    """The course's groups by id; none where they are not offered or cannot be had, since the roster is worth more."""
    if not link.groups_url:
        return {}
    try:
        return group_names(current().outbound, g.launch.registration, key, link.groups_url)
    except OutboundError:
        return {}


def _page(session: Session, problem: str = "") -> str:
    link = placement_here(session)
    listed: Roster = roster_of(session, link)
    group = request.values.get("group", "")
    return teachers_page(
        session,
        "roster.html",
        "roster.roster",
        page=listed.only(group) if group in listed.groups else listed,
        groups=listed.groups,
        group=group,
        view=read_view(request.values),
        learner=learner,
        questions=len(lesson_here(session, link).lesson.items),
        offered=bool(link.memberships_url),
        problem=problem or ("" if link.memberships_url else NOT_OFFERED),
        most=MAX_MEMBERS,
    )


def learner(row: RosterRow, names: bool) -> str:
    """How a learner is called here: by handle, or by the name the platform sent where names are shown."""
    return row.name or f"{row.handle} (no name sent)" if names else row.handle

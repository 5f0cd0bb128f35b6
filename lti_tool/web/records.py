"""What an accepted launch leaves behind: who, where, and the launch itself."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Select, or_, select, true
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.deadlines import dates_of
from lti_tool.handles import handles
from lti_tool.lesson import WEIGHTS_SUM
from lti_tool.lessons import UnknownLesson, lesson_of_course
from lti_tool.models import (
    Base,
    Context,
    Deployment,
    Launch,
    LineItem,
    Person,
    ResourceLink,
    Submission,
)
from lti_tool.placement_settings import hold_settings
from lti_tool.settings import Settings
from lti_tool.shelf import read_lessons
from lti_tool.web.claims import MAX_ID
from lti_tool.web.launch_refusals import NothingToReview
from lti_tool.web.verify import SUBMISSION_REVIEW, VerifiedLaunch

Row = TypeVar("Row", bound=Base)
RELEASES = ("review", "auto")
MAX_ZONE = 64


def record_launch(session: Session, settings: Settings, registration_id: int, verified: VerifiedLaunch) -> Launch:
    """Find or make the person, course and placement, let them follow what the platform says now, add the launch."""
    deployment_id = session.scalars(
        select(Deployment.id).where(
            Deployment.registration_id == registration_id, Deployment.lms_id == verified.deployment_id
        )
    ).one()
    person = record_person(session, registration_id, verified)
    context = _context(session, deployment_id, verified)
    detail = asked_work(verified)
    link = _link_of_work(session, deployment_id, context, verified, detail) or _resource_link(
        session, settings, deployment_id, context.id, verified
    )
    launch = Launch(
        id=secrets.token_urlsafe(32),
        registration_id=registration_id,
        resource_link_id=link.id,
        person_id=person.id,
        role=verified.role,
        message_type=verified.message_type,
        detail=detail or {"dates": dates_of(verified.custom), **time_zone_of(verified.custom)},
        locale=verified.locale,
        return_url=verified.return_url,
    )
    session.add(launch)
    session.flush()
    return launch


def time_zone_of(custom: Mapping[str, str]) -> dict[str, str]:
    """The person's time zone, where the platform told one that we know; Moodle says 99 for its own."""
    name = custom.get("time_zone", "")
    try:
        return {"time_zone": ZoneInfo(name).key} if 0 < len(name) <= MAX_ZONE else {}
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return {}


def _find_or_add(session: Session, find: Callable[[], Row | None], make: Callable[[], Row]) -> Row:
    """The row, made if it is not there; two first launches at once both get the one that was stored."""
    found = find()
    if found is not None:
        return found
    try:
        with session.begin_nested():
            row = make()
            session.add(row)
            session.flush()
        return row
    except IntegrityError:
        found = find()
        if found is None:
            raise
        return found


def record_person(session: Session, registration_id: int, verified: VerifiedLaunch) -> Person:
    """Find or make the person, with the name and address that the platform sends now."""

    def find() -> Person | None:
        return session.scalar(
            select(Person).where(Person.registration_id == registration_id, Person.sub == verified.sub)
        )

    def make() -> Person:
        handle = _free_handle(session, registration_id, verified.sub)
        return Person(registration_id=registration_id, sub=verified.sub, handle=handle)

    try:
        person = _find_or_add(session, find, make)
    except IntegrityError:  # somebody else took the handle in this very moment; the next one is free
        person = _find_or_add(session, find, make)
    person.name, person.email = verified.name, verified.email
    return person


def _free_handle(session: Session, registration_id: int, sub: str) -> str:
    for handle in handles(registration_id, sub):
        taken = select(Person.id).where(Person.registration_id == registration_id, Person.handle == handle)
        if session.scalar(taken) is None:
            return handle
    raise AssertionError("handles never end")


def _context(session: Session, deployment_id: int, verified: VerifiedLaunch) -> Context:
    context = _find_or_add(
        session,
        lambda: session.scalar(
            select(Context).where(Context.deployment_id == deployment_id, Context.lms_id == verified.context_id)
        ),
        lambda: Context(deployment_id=deployment_id, lms_id=verified.context_id),
    )
    context.label, context.title = verified.context_label, verified.context_title
    return context


def _resource_link(
    session: Session, settings: Settings, deployment_id: int, context_id: int, verified: VerifiedLaunch
) -> ResourceLink:
    lesson = verified.lesson or settings.default_lesson
    link = _find_or_add(
        session,
        lambda: session.scalar(
            select(ResourceLink).where(
                ResourceLink.deployment_id == deployment_id, ResourceLink.lms_id == verified.resource_link_id
            )
        ),
        lambda: ResourceLink(
            deployment_id=deployment_id,
            context_id=context_id,
            lms_id=verified.resource_link_id,
            lesson_slug=lesson,
        ),
    )
    link.context_id, link.title, link.lesson_slug = context_id, verified.resource_link_title, lesson
    link.line_items_url, link.line_item_url = verified.line_items_url, verified.line_item_url
    link.memberships_url, link.scopes = verified.memberships_url, list(verified.scopes)
    link.groups_url, link.platform_family = verified.groups_url, verified.platform_family
    if _placed(session, link, verified.custom) != link.settings:
        hold_settings(session, link)
        link.settings = _placed(session, link, verified.custom)
    return link


# ---- what the link itself says -------------------------------------------------------------------------------


def _placed(session: Session, link: ResourceLink, custom: Mapping[str, str]) -> dict[str, Any]:
    """The placement's settings, with what its custom parameters say; what they no longer say is taken out again.

    They travel with the link when a course is copied, so the copy counts and releases as the original did. What an
    instructor set for this placement since stays (`chosen`, see placement_settings).
    """
    chosen = set(link.settings.get("chosen", ()))
    placed: dict[str, Any] = {}
    if custom.get("release") in RELEASES:
        placed["release"] = custom["release"]
    if lessons := read_lessons(custom.get("lessons", "")):
        placed["lessons"] = lessons
    if item_id := custom.get("item"):
        placed["item"] = item_id
        placed["weights"] = _only(session, link, item_id)
    placed = {name: value for name, value in placed.items() if name not in chosen}
    before = {"placed", *link.settings.get("placed", ())} - chosen
    kept = {name: value for name, value in link.settings.items() if name not in before}
    return {**kept, **placed, "placed": sorted(placed)} if placed else kept


def _only(session: Session, link: ResourceLink, item_id: str) -> dict[str, float]:
    """Weights by which one item counts for everything; none where the lesson or the item is not here."""
    try:
        items = lesson_of_course(session, link.lesson_slug, link.context_id).lesson.items
    except UnknownLesson:
        return {}
    known = any(item.id == item_id for item in items)
    return {item.id: WEIGHTS_SUM if item.id == item_id else 0.0 for item in items} if known else {}


# ---- one piece of work -------------------------------------------------------------------------------------


def asked_work(verified: VerifiedLaunch) -> dict[str, Any]:
    """Which work the launch asks for: {"for_user": sub}, {"submission": public id}, or nothing in particular.

    A gradebook that opens the address stored with a score (Canvas' SpeedGrader) asks by that address's own query.
    """
    if verified.message_type == SUBMISSION_REVIEW:
        return {"for_user": verified.for_user}
    asked = dict(parse_qsl(urlsplit(verified.target_link_uri).query)).get("submission")
    public_id = asked or verified.custom.get("submission", "")
    # What was %-encoded in the address has not been looked at yet.
    return {"submission": public_id[:MAX_ID]} if public_id.isascii() and public_id.isprintable() and public_id else {}


def _link_of_work(
    session: Session, deployment_id: int, context: Context, verified: VerifiedLaunch, detail: Mapping[str, Any]
) -> ResourceLink | None:
    """The placement of the work that is asked for, left as it is: such a launch may name none, or another one.

    Canvas gives a relaunch from SpeedGrader another resource link id (canvas-lms issue 1952).
    """
    here = select(ResourceLink).where(
        ResourceLink.deployment_id == deployment_id, ResourceLink.context_id == context.id
    )
    if "for_user" in detail:
        return _reviewed_link(session, here, verified)
    if "submission" not in detail:
        return None
    own = (Person.sub == verified.sub) if verified.role == "student" else true()
    return session.scalar(
        here.join(Submission, Submission.resource_link_id == ResourceLink.id)
        .join(Person, Person.id == Submission.person_id)
        .where(Submission.public_id == detail["submission"], own)
    )


def _reviewed_link(session: Session, here: Select[ResourceLink], verified: VerifiedLaunch) -> ResourceLink:
    """The placement whose column is reviewed; a review never makes one. NothingToReview if there is none."""
    column = verified.line_item_url
    made = select(LineItem.resource_link_id).where(LineItem.url == column)
    named = (
        ResourceLink.lms_id == verified.resource_link_id
        if verified.resource_link_id
        else or_(ResourceLink.line_item_url == column, ResourceLink.id.in_(made))
    )
    found = session.scalars(here.where(named).limit(2)).all()
    if len(found) != 1:
        raise NothingToReview()
    return found[0]

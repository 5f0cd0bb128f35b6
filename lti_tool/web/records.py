"""What an accepted launch leaves behind: who, where, and the launch itself."""

import secrets
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.handles import handles
from lti_tool.models import Base, Context, Deployment, Launch, Person, ResourceLink
from lti_tool.settings import Settings
from lti_tool.web.verify import VerifiedLaunch

Row = TypeVar("Row", bound=Base)


def record_launch(session: Session, settings: Settings, registration_id: int, verified: VerifiedLaunch) -> Launch:
    """Find or make the person, course and placement, let them follow what the platform says now, add the launch."""
    deployment_id = session.scalars(
        select(Deployment.id).where(
            Deployment.registration_id == registration_id, Deployment.lms_id == verified.deployment_id
        )
    ).one()
    person = record_person(session, registration_id, verified)
    context = _context(session, deployment_id, verified)
    link = _resource_link(session, settings, deployment_id, context.id, verified)
    launch = Launch(
        id=secrets.token_urlsafe(32),
        registration_id=registration_id,
        resource_link_id=link.id,
        person_id=person.id,
        role=verified.role,
        locale=verified.locale,
        return_url=verified.return_url,
    )
    session.add(launch)
    session.flush()
    return launch


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
    link.platform_family = verified.platform_family
    return link

"""An instructor as a student: a placement of their own, beside the course's, in which a lesson can be tried.

It pins the version that is tried, often an unpublished one. It has no gradebook, nobody else is in it, and nothing in
it is counted: it is a row with `rehearsal`, and every list of a course's work goes by placement.
"""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.handles import WORDS
from lti_tool.models import Launch, LessonVersion, Person, ResourceLink
from lti_tool.notice import accept, notice_of

ATTEMPTS = 1000  # as good as no limit: trying costs no student anything


def rehearsal(session: Session, launch: Launch, version: LessonVersion) -> ResourceLink:
    """The placement in which this instructor tries a version of a lesson; the same one every time."""
    link = find_rehearsal(session, launch.resource_link, launch.person_id, version.slug)
    if link is None:
        link = ResourceLink(
            deployment_id=launch.resource_link.deployment_id,
            context_id=launch.resource_link.context_id,
            lms_id=_name(launch.resource_link, launch.person_id, version.slug),
            title=version.title,
            lesson_slug=version.slug,
            rehearsal=True,
        )
        session.add(link)
    link.lesson_version_id = version.id
    items = [item["id"] for item in version.content["items"]]
    link.settings = {"attempts": dict.fromkeys(items, ATTEMPTS), "show_judged": True}
    session.flush()
    return link


def find_rehearsal(session: Session, beside: ResourceLink, person_id: int, slug: str) -> ResourceLink | None:
    """The rehearsal of an instructor in the course of a placement, if there is one yet."""
    return session.scalar(
        select(ResourceLink).where(
            ResourceLink.deployment_id == beside.deployment_id,
            ResourceLink.lms_id == _name(beside, person_id, slug),
            ResourceLink.rehearsal,
        )
    )


def _name(beside: ResourceLink, person_id: int, slug: str) -> str:
    return f"rehearsal-{person_id}-{beside.context_id}-{slug}"


def stand_in(session: Session, launch: Launch, judge: str, link: ResourceLink) -> Person:
    """Whom this instructor plays: a learner of no course, who has read the notice."""
    sub = _sub(launch.person_id)
    known = select(Person).where(Person.registration_id == launch.registration_id, Person.sub == sub)
    person = session.scalar(known)
    if person is None:
        person = Person(registration_id=launch.registration_id, sub=sub, handle=_handle(), name="Student view")
        session.add(person)
        session.flush()
    accept(session, link, person.id, notice_of(judge, link).version)
    return person


def is_stand_in(person: Person, instructor_id: int) -> bool:
    """Whether this is whom an instructor plays."""
    return person.sub == _sub(instructor_id)


def _sub(instructor_id: int) -> str:
    return f"atelier:rehearsal:{instructor_id}"


def _handle() -> str:
    return f"try-{secrets.choice(WORDS)}-{secrets.randbelow(9000) + 1000}"


def open_rehearsal(session: Session, launch: Launch, link: ResourceLink, person: Person) -> Launch:
    """A launch of the rehearsal as a student, as if the course had opened it."""
    opened = Launch(
        id=secrets.token_urlsafe(32),
        registration_id=launch.registration_id,
        resource_link_id=link.id,
        person_id=person.id,
        role="student",
        message_type=launch.message_type,
        locale=launch.locale,
        return_url=launch.return_url,
    )
    session.add(opened)
    session.flush()
    return opened

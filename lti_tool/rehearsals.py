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
    name = f"rehearsal-{launch.person_id}-{launch.resource_link.context_id}-{version.slug}"
    found = select(ResourceLink).where(
        ResourceLink.deployment_id == launch.resource_link.deployment_id,
        ResourceLink.lms_id == name,
        ResourceLink.rehearsal,
    )
    link = session.scalar(found)
    if link is None:
        link = ResourceLink(
            deployment_id=launch.resource_link.deployment_id,
            context_id=launch.resource_link.context_id,
            lms_id=name,
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


def stand_in(session: Session, launch: Launch, judge: str, link: ResourceLink) -> Person:
    """Whom this instructor plays: a learner of no course, who has read the notice."""
    sub = f"atelier:rehearsal:{launch.person_id}"
    known = select(Person).where(Person.registration_id == launch.registration_id, Person.sub == sub)
    person = session.scalar(known)
    if person is None:
        person = Person(registration_id=launch.registration_id, sub=sub, handle=_handle(), name="Student view")
        session.add(person)
        session.flush()
    accept(session, link, person.id, notice_of(judge, link).version)
    return person


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

"""Where a launch leads: the pages of its role, one question of the lesson, or one piece of work."""

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.attempts import find_submission
from lti_tool.lessons import lesson_here
from lti_tool.models import Launch, Person, ResourceLink, Submission
from lti_tool.notice import is_accepted
from lti_tool.shelf import lessons_on
from lti_tool.web.notice_page import notice_here
from lti_tool.web.refusals import LessonUnknown, NothingSent, NotYourWork


def first_page(session: Session, launch: Launch) -> str:
    """The address of a launch's first page. Raises NotYourWork, NothingSent, LessonUnknown."""
    link = session.get_one(ResourceLink, launch.resource_link_id)
    if "for_user" in launch.detail:
        return _newest_of(session, launch, link, launch.detail["for_user"])
    if "submission" in launch.detail:
        return _one(session, launch, link, launch.detail["submission"])
    if lessons_on(link):
        return url_for("shelf.index", launch_id=launch.id)
    if launch.role == "instructor":
        return url_for("instructor.queue", launch_id=launch.id)
    return _lesson(session, launch, link)


def _lesson(session: Session, launch: Launch, link: ResourceLink) -> str:
    """The path, or the one question that the placement is about."""
    lesson = lesson_here(session, link).lesson
    item_id = link.settings.get("item")
    if item_id is not None and all(item.id != item_id for item in lesson.items):
        raise LessonUnknown()
    if not is_accepted(session, link, launch.person_id, notice_here(link)):
        return url_for("student.notice", launch_id=launch.id)
    if item_id is None:
        return url_for("student.path", launch_id=launch.id)
    return url_for("student.item", launch_id=launch.id, item_id=item_id)


def _newest_of(session: Session, launch: Launch, link: ResourceLink, sub: str) -> str:
    """The newest work of the learner that a review names; a learner only gets to their own."""
    if launch.role != "instructor" and launch.person.sub != sub:
        raise NotYourWork()
    newest = session.scalar(
        select(Submission)
        .join(Person, Person.id == Submission.person_id)
        .where(Submission.resource_link_id == link.id, Person.sub == sub)
        .order_by(Submission.id.desc())
        .limit(1)
    )
    if newest is None:
        raise NothingSent()
    return _work(launch, newest)


def _one(session: Session, launch: Launch, link: ResourceLink, public_id: str) -> str:
    if launch.role == "instructor":
        found = find_submission(session, link, public_id)
        if found is None:
            raise NothingSent()
        return _work(launch, found)
    own = find_submission(session, link, public_id, person_id=launch.person_id)
    if own is None:
        raise NotYourWork()
    return _work(launch, own)


def _work(launch: Launch, submission: Submission) -> str:
    endpoint = "instructor.review" if launch.role == "instructor" else "student.submission"
    return url_for(endpoint, launch_id=launch.id, public_id=submission.public_id)

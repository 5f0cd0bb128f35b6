"""The index of a placement that holds several lessons."""

from dataclasses import dataclass

from flask import Blueprint, abort, g, redirect, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool.lesson import Lesson
from lti_tool.lessons import Progress, UnknownLesson, lesson_here, lesson_of_course, progress
from lti_tool.models import Launch, ResourceLink
from lti_tool.scores import Standing, lesson_standing
from lti_tool.shelf import find_placement, lessons_on, open_lesson
from lti_tool.web.arrival import first_page
from lti_tool.web.context import current
from lti_tool.web.sessions import open_session, set_session_cookie, signed_in

bp = Blueprint("shelf", __name__, url_prefix="/l/<launch_id>/index")


@dataclass(frozen=True)
class Row:
    """A lesson on the shelf; a learner also sees how far they are in it."""

    lesson: Lesson
    progress: Progress | None
    standing: Standing | None

    @property
    def state(self) -> str:
        """Done, now (begun) or open."""
        if self.progress is None or not self.progress.opened:
            return "open"
        return "done" if len(self.progress.done) == len(self.lesson.steps) else "now"


@bp.get("")
@signed_in()
def index(launch_id: str) -> str:
    """Every lesson of the placement that is here."""
    with current().database.read() as session:
        shelf = session.get_one(ResourceLink, g.resource_link_id)
        if not lessons_on(shelf):
            abort(404)
        rows = [row for slug in lessons_on(shelf) if (row := _row(session, shelf, slug)) is not None]
        return render_template("student/index.html", title=shelf.title, rows=rows)


def _row(session: Session, shelf: ResourceLink, slug: str) -> Row | None:
    link = find_placement(session, shelf, slug)
    try:
        found = lesson_here(session, link) if link else lesson_of_course(session, slug, shelf.context_id)
    except UnknownLesson:
        return None
    lesson = found.lesson.student_view()
    if link is None or g.launch.role != "student":
        return Row(lesson, None, None)
    return Row(lesson, progress(session, link, g.person_id, lesson), lesson_standing(session, link, g.person_id))


@bp.post("/<slug>")
@signed_in()
def open_one(launch_id: str, slug: str) -> Response:
    """Go to one of the lessons, as whoever the platform vouched for."""
    atelier = current()
    with atelier.database.write() as session:
        try:
            opened = open_lesson(session, session.get_one(Launch, launch_id), slug)
        except KeyError:
            abort(404)
        where = first_page(session, opened)
        token = open_session(session, opened.id, atelier.settings.session_minutes)
        answer = redirect(where, code=303)
        set_session_cookie(answer, opened.id, token)
    return answer

"""Answering an appeal: score the criterion blind, see the other levels, then say what stands and why."""

from flask import Blueprint, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool import appeals
from lti_tool.appeal_statistics import appeal_counts
from lti_tool.appeals import MAX_WORDS, AppealProblem
from lti_tool.deadlines import span
from lti_tool.lessons import lesson_of
from lti_tool.models import Appeal
from lti_tool.web.context import current
from lti_tool.web.drawing_page import drawing_page
from lti_tool.web.markup import Passage, highlight
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import placement_here, teachers_page
from lti_tool.web.whole import whole

bp = Blueprint("appeals", __name__, url_prefix="/l/<launch_id>/appeals")

Answer = str | Response | tuple[str, int]
UNPROCESSABLE = 422


def _find(session: Session, public_id: str) -> Appeal:
    found = appeals.find_appeal(session, placement_here(session), public_id)
    if found is None:
        abort(404)
    return found


@bp.get("")
@signed_in("instructor")
def waiting(launch_id: str) -> str:
    """The appeals nobody has answered, and which of them this person may."""
    with current().database.read() as session:
        rows = [
            (appeal, lesson_of(appeal.submission).item(appeal.submission.item_id), _criterion_title(appeal), why_not)
            for appeal in appeals.waiting(session, placement_here(session))
            for why_not in [appeals.why_not_you(session, appeal, g.person_id)]
        ]
        counts = appeal_counts(session, placement_here(session))
        return teachers_page(session, "appeals.html", "instructor.queue", rows=rows, counts=counts, span=span)


def _criterion_title(appeal: Appeal) -> str:
    return appeals.rubric_of_appeal(appeal).criterion(appeal.criterion).title


@bp.get("/<public_id>")
@signed_in("instructor")
def appeal(launch_id: str, public_id: str) -> Answer:
    """Blind until this person has committed a level; then the levels side by side; at the end the answer."""
    with current().database.read() as session:
        return _page(session, _find(session, public_id))


def _page(session: Session, found: Appeal, problem: str | None = None) -> str:
    blind = appeals.read_blind(session, found)
    span = (
        [] if found.start is None or found.end is None else [Passage(1, blind.criterion.title, found.start, found.end)]
    )
    drawn = drawing_page(blind.text, lesson_of(found.submission)) if blind.is_drawing else None
    return teachers_page(
        session,
        "appeal.html",
        "instructor.queue",
        blind=blind,
        drawn=drawn,
        text=None if blind.is_drawing else highlight(blind.text, span),
        revealed=appeals.reveal(session, found, g.person_id),
        why_not=appeals.why_not_you(session, found, g.person_id),
        most=MAX_WORDS,
        problem=problem,
    )


@bp.post("/<public_id>/level")
@signed_in("instructor")
def commit(launch_id: str, public_id: str) -> Answer:
    """Commit a level, before any other is shown."""
    try:
        with current().database.write() as session:
            found = _find(session, public_id)
            appeals.commit_level(session, found, g.person_id, _level())
    except AppealProblem as problem:
        return _refused(public_id, problem)
    return redirect(url_for("appeals.appeal", public_id=public_id), code=303)


@bp.post("/<public_id>/answer")
@signed_in("instructor")
def answer(launch_id: str, public_id: str) -> Answer:
    """Say which level stands, and why."""
    try:
        with current().database.write() as session:
            found = _find(session, public_id)
            words = request.form.get("reason", "")
            appeals.answer(session, placement_here(session), found, g.person_id, _level(), words)
    except AppealProblem as problem:
        return _refused(public_id, problem)
    return redirect(url_for("appeals.waiting"), code=303)


def _level() -> int:
    level = whole(request.form.get("level", ""), 2)
    return -1 if level is None else level


def _refused(public_id: str, problem: AppealProblem) -> Answer:
    with current().database.read() as session:
        return _page(session, _find(session, public_id), str(problem)), UNPROCESSABLE

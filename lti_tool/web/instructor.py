"""The instructor's pages: the queue and one review."""

from dataclasses import replace

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool import blind, returns, review_claims, reviews
from lti_tool.attempts import find_submission
from lti_tool.blind_draws import pending
from lti_tool.language import gettext as _
from lti_tool.models import PendingRelease, Submission
from lti_tool.pending_releases import AlreadyPending, decide, in_batch
from lti_tool.results import REASONS, bare_sheet, judge_sheet, newest_release, state_of
from lti_tool.review_claims import Held
from lti_tool.review_queue import WAITING, next_to_review
from lti_tool.web.context import current
from lti_tool.web.instructor_words import STATES, told_already, told_pending, told_released, unscored_words
from lti_tool.web.queue_page import FILTERS, TABS, View, learner, queue_page, read_view, waits
from lti_tool.web.review_form import ReviewForm, blind_form, judged_form, posted_form
from lti_tool.web.review_page import review_page
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import placement_here, teachers_page, work_here
from lti_tool.web.whole import whole

bp = Blueprint("instructor", __name__, url_prefix="/l/<launch_id>")

PAGES = {
    "scores": "gradebook.scores",
    "roster": "roster.roster",
    "lessons": "authoring.lessons",
    "calibration": "calibration.calibration",
    "settings": "placement.settings",
}

Answer = str | Response | tuple[str, int]


@bp.get("/queue")
@signed_in("instructor")
def queue(launch_id: str) -> Answer:
    """What waits for a person, or everything that was sent."""
    with current().database.read() as session:
        problem = _("Tick some rows first.") if request.args.get("problem") == "none" else ""
        done = _done(session, request.args.get("done", ""))
        return _queue(session, read_view(request.args), done=done, problem=problem)


@bp.get("/queue/go")
@signed_in("instructor")
def go(launch_id: str) -> Answer:
    """The page chosen in the narrow bar."""
    page = PAGES.get(request.args.get("to", ""), "instructor.queue")
    return redirect(url_for(page, launch_id=launch_id))


@bp.get("/queue/help")
@signed_in("instructor")
def help_page(launch_id: str) -> Answer:
    """What the pages do, and their keys."""
    with current().database.read() as session:
        return teachers_page(session, "help.html", "instructor.help_page", reasons=REASONS)


@bp.get("/review/<public_id>")
@signed_in("instructor")
def review(launch_id: str, public_id: str) -> Answer:
    """One submission: its sheet, and the form while there is something to decide."""
    held = _take(public_id)
    with current().database.read() as session:
        submission = work_here(session, public_id)
        notice = _done(session, request.args.get("done", ""))
        change = request.args.get("change") == "1"
        return _review(session, submission, read_view(request.args), change=change, notice=notice, held=held)


def _take(public_id: str) -> Held | None:
    """Be on a submission that waits, unless somebody else is; says who."""
    with current().database.read() as session:
        submission = work_here(session, public_id)
        if state_of(session, submission) not in WAITING:
            return None
        if not review_claims.needs_taking(session, submission.id, g.person_id):
            return None
    with current().database.write() as session:
        return review_claims.take(session, submission.id, g.person_id)


@bp.post("/review/<public_id>/hold")
@signed_in("instructor")
def hold(launch_id: str, public_id: str) -> Answer:
    """Leave a submission to whoever comes."""
    with current().database.write() as session:
        review_claims.give_up(session, work_here(session, public_id).id, g.person_id)
    return redirect(url_for("instructor.queue", launch_id=launch_id) + read_view(request.form).query(), code=303)


@bp.post("/review/<public_id>/return")
@signed_in("instructor")
def send_back(launch_id: str, public_id: str) -> Answer:
    """Send work back to its learner for a new attempt, with a sentence."""
    view, words = read_view(request.form), request.form.get("words", "")
    try:
        with current().database.write() as session:
            link, submission = placement_here(session), work_here(session, public_id)
            returns.return_work(session, link, submission, g.person_id, words)
    except reviews.ReviewProblem as problem:
        with current().database.read() as session:
            submission = work_here(session, public_id)
            return _review(session, submission, view, problem=str(problem), words=words), 422
    except reviews.AlreadyReleased:
        return _taken(public_id, view), 409
    here = url_for("instructor.review", launch_id=launch_id, public_id=public_id)
    return redirect(here + view.query(), code=303)


@bp.post("/review/<public_id>/after-all")
@signed_in("instructor")
def after_all(launch_id: str, public_id: str) -> Answer:
    """Review work after all that was sent back."""
    view = read_view(request.form)
    try:
        with current().database.write() as session:
            returns.take_again(session, placement_here(session), work_here(session, public_id))
    except reviews.ReviewProblem as problem:
        with current().database.read() as session:
            return _review(session, work_here(session, public_id), view, problem=str(problem)), 409
    here = url_for("instructor.review", launch_id=launch_id, public_id=public_id)
    return redirect(here + view.query(), code=303)


@bp.post("/review/<public_id>/recall")
@signed_in("instructor")
def recall(launch_id: str, public_id: str) -> Answer:
    """Take back a decision that has not taken effect."""
    with current().database.write() as session:
        pending = session.get(PendingRelease, work_here(session, public_id).id)
        if pending is not None:
            session.delete(pending)
    here = url_for("instructor.review", launch_id=launch_id, public_id=public_id)
    return redirect(here + read_view(request.form).query(), code=303)


@bp.post("/review/<public_id>")
@signed_in("instructor")
def confirm(launch_id: str, public_id: str) -> Answer:
    """Release a sheet as the form fills it in, then open the next row."""
    view = read_view(request.form)
    try:
        with current().database.write() as session:
            submission = work_here(session, public_id)
            form = _posted(session, submission)
            wanted = replace(view, tab="to_review").wanted(g.person_id)
            after = next_to_review(session, placement_here(session), wanted, submission.id)
            if form.sheet.release is None and form.problems:
                raise reviews.ReviewProblem("")
            decide(session, placement_here(session), submission, g.person_id, form.decisions, form.seen)
            following = session.get_one(Submission, after).public_id if after else None
    except reviews.ReviewProblem as problem:
        return _refused(public_id, view, str(problem)), 422
    except (reviews.AlreadyReleased, AlreadyPending):
        return _taken(public_id, view), 409
    if following is None:
        return redirect(url_for("instructor.queue", launch_id=launch_id) + view.query(done=public_id))
    there = url_for("instructor.review", launch_id=launch_id, public_id=following)
    return redirect(there + view.query(done=public_id))


@bp.post("/review/<public_id>/change")
@signed_in("instructor")
def change(launch_id: str, public_id: str) -> Answer:
    """Correct a released sheet, with a reason."""
    view = read_view(request.form)
    try:
        with current().database.write() as session:
            submission = work_here(session, public_id)
            form = _posted(session, submission)
            if form.problems:
                raise reviews.ReviewProblem("")
            link, standing = placement_here(session), form.standing or 0
            reviews.change(
                session, link, submission, g.person_id, form.decisions, form.reason, seen_release_id=standing
            )
    except reviews.ReviewProblem as problem:
        return _refused(public_id, view, str(problem), change=True), 422
    except reviews.AlreadyReleased:
        return _taken(public_id, view), 409
    here = url_for("instructor.review", launch_id=launch_id, public_id=public_id)
    return redirect(here + view.query(done=public_id))


def _refused(public_id: str, view: View, problem: str, *, change: bool = False) -> str:
    """The form as it was sent, with what is wrong with it."""
    with current().database.read() as session:
        submission = work_here(session, public_id)
        form = _posted(session, submission)
        return _review(session, submission, view, change=change, form=form, problem=problem)


def _posted(session: Session, submission: Submission) -> ReviewForm:
    """The form as it was sent; nothing of the judge's is read where it is to be scored blind."""
    if pending(session, [submission.id]):
        return blind_form(bare_sheet(session, submission), request.form)
    own = reviews.own_levels(session, submission.id, g.person_id)
    sheet = judge_sheet(session, submission)
    taken = own and request.form.get("take") == "judge"
    return judged_form(sheet, request.form, own) if taken else posted_form(sheet, request.form, own)


@bp.post("/review/<public_id>/blind")
@signed_in("instructor")
def commit_blind(launch_id: str, public_id: str) -> Answer:
    """Keep a sheet that was filled in before any other was shown; then the judge's is shown beside it."""
    view = read_view(request.form)
    try:
        with current().database.write() as session:
            submission = work_here(session, public_id)
            form = blind_form(bare_sheet(session, submission), request.form)
            if form.problems:
                raise reviews.ReviewProblem("")
            levels = {row.row.criterion.id: row.chosen for row in form.rows if row.chosen is not None}
            quotes = {row.row.criterion.id: row.spans for row in form.rows if row.spans}
            blind.commit(session, submission, g.person_id, levels, quotes)
    except reviews.ReviewProblem as problem:
        return _refused(public_id, view, str(problem)), 422
    here = url_for("instructor.review", launch_id=launch_id, public_id=public_id)
    return redirect(here + view.query(), code=303)


def _taken(public_id: str, view: View) -> str:
    """The sheet that stands, for whoever came second."""
    with current().database.read() as session:
        submission = work_here(session, public_id)
        stands, pending = newest_release(session, submission), session.get(PendingRelease, submission.id)
        notice = told_already(stands, g.person_id) if stands else told_pending(pending) if pending else ""
        return _review(session, submission, view, notice=notice, taken=True)


def _done(session: Session, public_id: str) -> str:
    """The line about the release that led here, if there was one in this placement; it tells no points too early."""
    submission = find_submission(session, placement_here(session), public_id) if public_id else None
    release = newest_release(session, submission) if submission else None
    if submission is None or release is None or pending(session, [submission.id]):
        return ""
    title = judge_sheet(session, submission).item.title
    return told_released(learner(submission.person, read_view(request.args).names), title, release)


def _queue(session: Session, view: View, *, done: str = "", problem: str = "") -> str:
    link = placement_here(session)
    batch = request.args.get("batch", "")[:43]
    pending, due = in_batch(session, link, batch) if batch else (0, None)
    return teachers_page(
        session,
        "queue.html",
        "instructor.queue",
        page=queue_page(session, link, view, g.person_id),
        done=done,
        problem=problem,
        batch=batch,
        pending=pending,
        due=due,
        undone=whole(request.args.get("undone", "")),
        filters=FILTERS,
        tabs=TABS,
        me=g.person_id,
        states=STATES,
        learner=learner,
        waits=waits,
    )


def _review(
    session: Session,
    submission: Submission,
    view: View,
    *,
    change: bool = False,
    form: ReviewForm | None = None,
    problem: str = "",
    notice: str = "",
    taken: bool = False,
    held: Held | None = None,
    words: str = "",
) -> str:
    page = review_page(session, placement_here(session), submission, view, g.person_id, change=change, form=form)
    return teachers_page(
        session,
        "review.html",
        "instructor.queue",
        page=page,
        problem=problem,
        notice=notice,
        taken=taken,
        held=held,
        words=words,
        reasons=REASONS,
        unscored=unscored_words,
        place={"launch_id": g.launch.id, "public_id": submission.public_id},
    )

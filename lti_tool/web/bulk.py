"""Many rows of the queue at once: what would happen is shown first, and what happens can be taken back for a while."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lti_tool import pending_releases, rejudging, review_claims
from lti_tool.attempts import find_submission, find_submissions
from lti_tool.db import utc_now
from lti_tool.language import gettext as _
from lti_tool.models import ResourceLink
from lti_tool.pending_releases import GRACE, AlreadyPending
from lti_tool.rejudging import RejudgeProblem
from lti_tool.results import Sheet, judge_sheet
from lti_tool.review_queue import QueueRow, queue, rows_of
from lti_tool.reviews import AlreadyReleased, ReviewProblem, check, own_levels
from lti_tool.web.context import current
from lti_tool.web.queue_page import View, learner, read_view
from lti_tool.web.sessions import signed_in
from lti_tool.web.tables import csv_answer, taken_away
from lti_tool.web.teaching import own_handle, placement_here, teachers_page
from lti_tool.web.whole import whole

bp = Blueprint("bulk", __name__, url_prefix="/l/<launch_id>/queue/bulk")

ACTIONS = ("release", "assign", "rejudge", "csv", "jsonl")
MOST = 5000
LISTED = 100
Answer = str | BaseResponse | tuple[str, int]


@dataclass(frozen=True)
class Stays:
    """A picked row that nothing will happen to, and why."""

    row: QueueRow
    sentence: str


@dataclass(frozen=True)
class Plan:
    """What an action would do: the rows it is about, and those that stay as they are."""

    action: str
    rows: tuple[QueueRow, ...]
    stays: tuple[Stays, ...]

    @property
    def picks(self) -> str:
        """The rows and the sheets they were picked for, for the form that carries it out."""
        return " ".join(f"{row.submission.public_id}:{row.judgement_id or ''}" for row in self.rows)


@bp.post("")
@signed_in("instructor")
def preview(launch_id: str) -> Answer:
    """What would happen to the picked rows; nothing happens yet. Exports are answered at once."""
    action, view = request.form.get("action", ""), read_view(request.form)
    if action not in ACTIONS:
        abort(404)
    with current().database.read() as session:
        link = placement_here(session)
        rows = _picked(session, link, view)
        if not rows:
            return redirect(_queue_url(view, problem="none"), code=303)
        if action in ("csv", "jsonl"):
            return _export(session, rows, action)
        plan = _plan(session, action, rows)
        return _render(session, view, plan)


@bp.post("/release")
@signed_in("instructor")
def release(launch_id: str) -> Answer:
    """Confirm the judge's levels of the rows that were shown; they go out when the grace time is over."""
    view, batch = read_view(request.form), pending_releases.new_batch()
    for pick in request.form.get("picks", "").split()[:MOST]:
        public_id, _colon, seen = pick.partition(":")
        _postpone(public_id, whole(seen), batch)
    return redirect(_queue_url(view, batch=batch), code=303)


def _postpone(public_id: str, seen: int | None, batch: str) -> None:
    """One row of a batch; what has changed since it was shown stays in the queue, where its row says so."""
    try:
        with current().database.write() as session:
            link = placement_here(session)
            submission = find_submission(session, link, public_id)
            if submission is None:
                return
            now = utc_now()
            due = pending_releases.release_date(link, now) or now + GRACE
            decisions = pending_releases.as_judged(session, submission)
            pending_releases.postpone(session, link, submission, g.person_id, decisions, seen, due, batch)
    except (ReviewProblem, AlreadyReleased, AlreadyPending):
        return


@bp.post("/undo")
@signed_in("instructor")
def undo(launch_id: str) -> Answer:
    """Take back what has not gone out yet."""
    with current().database.write() as session:
        count = pending_releases.take_back(session, placement_here(session), request.form.get("batch", ""))
    return redirect(_queue_url(read_view(request.form), undone=str(count)), code=303)


@bp.post("/assign")
@signed_in("instructor")
def assign(launch_id: str) -> Answer:
    """Give the rows that were shown to one grader, or to whoever comes."""
    handle = request.form.get("to", "")
    with current().database.write() as session:
        link = placement_here(session)
        people = {person.handle: person.id for person in review_claims.graders(session, link)}
        if handle and handle not in people:
            abort(404)
        ids = [found.id for found in find_submissions(session, link, _names())]
        review_claims.assign(session, ids, people.get(handle))
    return redirect(_queue_url(read_view(request.form)), code=303)


@bp.post("/rejudge")
@signed_in("instructor")
def rejudge(launch_id: str) -> Answer:
    """Have the rows that were shown judged again, as a draft of each question; nothing that holds is touched."""
    made = []
    with current().database.write() as session:
        link = placement_here(session)
        found = find_submissions(session, link, _names())
        handle = own_handle(session)
        for item_id in dict.fromkeys(sent.item_id for sent in found):
            ids = [sent.id for sent in found if sent.item_id == item_id]
            try:
                made.append(rejudging.begin(session, link, item_id, by=handle, only=ids).public_id)
            except RejudgeProblem:
                continue  # taken back, or out of the lesson, since it was shown
    if len(made) == 1:
        return redirect(url_for("rejudging.draft", launch_id=launch_id, draft_id=made[0]), code=303)
    return redirect(url_for("rejudging.drafts", launch_id=launch_id), code=303)


def _names() -> list[str]:
    """The public ids of the rows that were shown."""
    return [pick.partition(":")[0] for pick in request.form.get("picks", "").split()[:MOST]]


# ---- what is picked, and what would become of it -------------------------------------------------------------


def _picked(session: Session, link: ResourceLink, view: View) -> list[QueueRow]:
    """The ticked rows, or every row that matches what the page shows."""
    if request.form.get("every") == "1":
        return queue(session, link, view.wanted(g.person_id), limit=MOST)
    names = [pick.partition(":")[0] for pick in request.form.getlist("pick")][:MOST]
    return rows_of(session, link, [sent.id for sent in find_submissions(session, link, names)])


def _plan(session: Session, action: str, rows: Sequence[QueueRow]) -> Plan:
    if action == "assign":
        return Plan(action, tuple(rows), ())
    goes, stays = [], []
    for row in rows:
        sentence = _why_not_again(row) if action == "rejudge" else _why_not(session, row)
        if sentence is None:
            goes.append(row)
        else:
            stays.append(Stays(row, sentence))
    return Plan(action, tuple(goes), tuple(stays))


def _why_not_again(row: QueueRow) -> str | None:
    """Why a row cannot be judged again, or None."""
    if row.state not in ("awaiting_review", "needs_person", "released") or not (row.blind or row.judgement_id):
        return _("It has not been judged yet.")
    return None


def _why_not(session: Session, row: QueueRow) -> str | None:
    """Why the judge's sheet of a row cannot be confirmed as it is, or None."""
    if row.pending is not None:
        return _("It is decided already.")
    if row.blind:
        return _("It is to be scored blind first.")
    if row.points is None:
        return _("Not every criterion has a level.")
    try:
        levels = pending_releases.as_judged(session, row.submission)
        own = own_levels(session, row.submission.id, g.person_id)
        if any(own.get(criterion, said.level) != said.level for criterion, said in levels.items()):
            return _("You committed other levels before you saw the judge’s. Open it, and say which hold.")
        check(session, row.submission, g.person_id, levels, row.judgement_id)
    except ReviewProblem as problem:
        return str(problem)
    except AlreadyReleased:
        return _("Somebody confirmed this already. Theirs stands.")
    return None


# ---- taking it away ------------------------------------------------------------------------------------------


def _export(session: Session, rows: Sequence[QueueRow], kind: str) -> Response:
    """The rows with their levels, by handle and without texts, as CSV or as a JSON object a line."""
    told = [_told(row, judge_sheet(session, row.submission)) for row in rows]
    if kind == "csv":
        return csv_answer("submissions.csv", dict.fromkeys(name for one in told for name in one), told)
    return taken_away("submissions.jsonl", "".join(f"{json.dumps(one)}\n" for one in told), "application/jsonl")


def _told(row: QueueRow, sheet: Sheet) -> dict[str, Any]:
    levels = {f"level_{one.criterion.id}": None if row.blind else one.level for one in sheet.rows}
    judged = {f"judge_{one.criterion.id}": None if row.blind else one.judge_level for one in sheet.rows}
    return {
        "submission": row.submission.public_id,
        "learner": row.handle,
        "question": row.item.id,
        "attempt": row.submission.attempt,
        "sent_at": row.sent_at.isoformat(timespec="seconds"),
        "late": bool(row.late_by),
        "state": row.state,
        "why": row.why,
        "points": row.points,
        "rubric": f"{sheet.rubric.id} v{sheet.rubric.version}",
        **levels,
        **judged,
    }


# ---- shared --------------------------------------------------------------------------------------------------


def _queue_url(view: View, **more: str) -> str:
    return url_for("instructor.queue", launch_id=g.launch.id) + view.query(**more)


def _render(session: Session, view: View, plan: Plan) -> str:
    return teachers_page(
        session,
        "bulk.html",
        "instructor.queue",
        plan=plan,
        view=view,
        listed=LISTED,
        grace=int(GRACE.total_seconds() // 60),
        date=pending_releases.release_date(placement_here(session), utc_now()),
        graders=review_claims.graders(session, placement_here(session)) if plan.action == "assign" else (),
        learner=learner,
        reasons=_grouped(plan.stays),
    )


def _grouped(stays: Sequence[Stays]) -> list[tuple[str, int]]:
    """The sentences of the rows that stay, each with how many it is about, the most frequent first."""
    counted: dict[str, int] = {}
    for one in stays:
        counted[one.sentence] = counted.get(one.sentence, 0) + 1
    return sorted(counted.items(), key=lambda pair: -pair[1])

"""Judging again as a draft: begin one, watch it, see what would move, apply none, some or all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, g, jsonify, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool import rejudge_decisions, rejudging
from lti_tool.db import utc_now
from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.lessons import Published, lesson_here, read_rubric
from lti_tool.models import RejudgeDraft
from lti_tool.pending_releases import GRACE, new_batch
from lti_tool.rejudging import DraftProgress, DraftRow, Order, RejudgeProblem
from lti_tool.web.context import current
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import own_handle, placement_here, teachers_page
from lti_tool.web.whole import whole
from rubrics.model import Rubric

bp = Blueprint("rejudging", __name__, url_prefix="/l/<launch_id>/again")

PAGE_ROWS = 50
MOST = 5000
ORDERS = {
    "moved": later("what moves most"),
    "least": later("what moves least"),
    "learner": later("learner"),
    "before": later("points now"),
    "after": later("points as a draft"),
}
Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Listed:
    """A draft in the list of a placement's, and how far it is; None of one that is put away."""

    draft: RejudgeDraft
    title: str
    version: int
    progress: DraftProgress | None


@bp.get("")
@signed_in("instructor")
def drafts(launch_id: str) -> Answer:
    """The drafts of this placement, and a form that begins another."""
    with current().database.read() as session:
        return _index(session)


@bp.post("")
@signed_in("instructor")
def begin(launch_id: str) -> Answer:
    """Begin a draft of one question; the earlier one of that question is closed."""
    judge = request.form.get("judge", "")
    if judge and judge not in _judges():
        abort(404)
    try:
        with current().database.write() as session:
            link = placement_here(session)
            draft = rejudging.begin(session, link, request.form.get("item", ""), by=own_handle(session), judge=judge)
            return redirect(_url("draft", draft_id=draft.public_id), code=303)
    except RejudgeProblem as problem:
        with current().database.read() as session:
            return _index(session, str(problem)), 422


@bp.get("/<draft_id>")
@signed_in("instructor")
def draft(launch_id: str, draft_id: str) -> Answer:
    """What would move, and the buttons that move it."""
    with current().database.read() as session:
        return _page(session, _find(session, draft_id))


@bp.get("/<draft_id>/progress")
@signed_in("instructor")
def progress(launch_id: str, draft_id: str) -> Response:
    """How far a draft is, for the page's script."""
    with current().database.read() as session:
        far = rejudging.progress(session, _find(session, draft_id))
        answer: Response = jsonify(
            of=far.of, judged=far.judged, failed=far.failed, waiting=far.waiting, words=progress_words(far)
        )
        return answer


@bp.post("/<draft_id>/apply")
@signed_in("instructor")
def apply(launch_id: str, draft_id: str) -> Answer:
    """Have the picked rows, or all of them, take effect when the grace time is over."""
    batch = new_batch()
    every = request.form.get("which") == "all"
    ticked = [whole(one) for one in request.form.getlist("pick")[:MOST]]
    picked = None if every else [one for one in ticked if one is not None]
    try:
        with current().database.write() as session:
            found = _find(session, draft_id)
            if picked == []:
                raise RejudgeProblem(_("Pick the rows to apply first."))
            reason = request.form.get("reason", "")
            due = utc_now() + GRACE
            taken = rejudge_decisions.choose(
                session, found, by=g.person_id, reason=reason, due_at=due, batch=batch, only=picked
            )
            if not taken:
                raise RejudgeProblem(_("None of these can be applied any more; somebody else may have been first."))
    except RejudgeProblem as problem:
        with current().database.read() as session:
            return _page(session, _find(session, draft_id), str(problem)), 422
    return redirect(_url("draft", draft_id=draft_id, batch=batch, order=_order()), code=303)


@bp.post("/<draft_id>/undo")
@signed_in("instructor")
def undo(launch_id: str, draft_id: str) -> Answer:
    """Take back what has not taken effect."""
    with current().database.write() as session:
        count = rejudge_decisions.take_back(session, _find(session, draft_id), request.form.get("batch", ""))
    return redirect(_url("draft", draft_id=draft_id, undone=count, order=_order()), code=303)


@bp.post("/<draft_id>/retry")
@signed_in("instructor")
def retry(launch_id: str, draft_id: str) -> Answer:
    """Judge once more what was given up."""
    with current().database.write() as session:
        rejudging.try_again(session, _find(session, draft_id))
    return redirect(_url("draft", draft_id=draft_id), code=303)


@bp.post("/<draft_id>/close")
@signed_in("instructor")
def close(launch_id: str, draft_id: str) -> Answer:
    """Apply none of it: the draft is put away, and what holds stays."""
    with current().database.write() as session:
        found = _find(session, draft_id)
        if found.closed_at is None:
            rejudging.close(session, placement_here(session), found.item_id)
    return redirect(_url("drafts"), code=303)


# ---- what is shown -------------------------------------------------------------------------------------------


def progress_words(far: DraftProgress) -> str:
    """How far a draft is, in a sentence."""
    if far.held:
        return _("%(judged)d of %(of)d judged. The judge waits: %(why)s", judged=far.judged, of=far.of, why=far.trouble)
    if far.waiting:
        why = f" {far.trouble}" if far.trouble else ""
        return _("%(judged)d of %(of)d judged.", judged=far.judged, of=far.of) + why
    if far.failed:
        return _(
            "%(judged)d of %(of)d judged; %(failed)d could not be.", judged=far.judged, of=far.of, failed=far.failed
        )
    return _("All %(of)d judged.", of=far.of)


def _index(session: Session, problem: str = "") -> str:
    link = placement_here(session)
    here = lesson_here(session, link)
    return teachers_page(
        session,
        "again.html",
        "authoring.lessons",
        items=[(item, rejudging.count_judged(session, link, item.id)) for item in here.lesson.items],
        judges=_judges(),
        listed=[_listed(session, here, one) for one in rejudging.drafts_of(session, link)],
        problem=problem,
        wanted=request.values.get("item", ""),
        words=progress_words,
    )


def _listed(session: Session, here: Published, draft: RejudgeDraft) -> Listed:
    rubric = read_rubric(draft.rubric_version)
    far = rejudging.progress(session, draft) if draft.closed_at is None else None
    return Listed(draft, _title(here, draft), rubric.version, far)


def _title(here: Published, draft: RejudgeDraft) -> str:
    return next((item.title for item in here.lesson.items if item.id == draft.item_id), draft.item_id)


def _page(session: Session, draft: RejudgeDraft, problem: str = "") -> str:
    far, page, order = rejudging.progress(session, draft), _number(), _order()
    rows = rejudging.rows(session, draft, order, limit=PAGE_ROWS, offset=(page - 1) * PAGE_ROWS)
    rubric, batch = read_rubric(draft.rubric_version), request.args.get("batch", "")
    going, due = rejudge_decisions.in_batch(session, draft, batch) if batch else (0, None)
    return teachers_page(
        session,
        "again_draft.html",
        "authoring.lessons",
        draft=draft,
        title=_title(lesson_here(session, placement_here(session)), draft),
        rubric=rubric,
        far=far,
        far_words=progress_words(far),
        moves=rejudging.moves(session, draft),
        rows=rows,
        changes=lambda row: changes(row, rubric),
        order=order,
        orders=ORDERS,
        page=page,
        page_count=max(1, -(-far.of // PAGE_ROWS)),
        every=rejudge_decisions.count_open(session, draft),
        batch=batch,
        going=going,
        due=due,
        undone=whole(request.args.get("undone", "")) or 0,
        problem=problem,
        reason=request.form.get("reason", ""),
        grace=int(GRACE.total_seconds() // 60),
    )


def changes(row: DraftRow, rubric: Rubric) -> Sequence[tuple[str, int | None, int | None]]:
    """Criterion title, level now and level in the draft, of those that differ; nothing of a blind row's."""
    if row.blind or row.sheet.judged_at is None:
        return ()
    titles = {criterion.id: criterion.title for criterion in rubric.criteria}
    before, after = row.sheet.before_levels, row.sheet.levels
    ids = dict.fromkeys([*titles, *before])
    return [(titles.get(one, one), before.get(one), after.get(one)) for one in ids if before.get(one) != after.get(one)]


# ---- shared --------------------------------------------------------------------------------------------------


def _judges() -> tuple[str, ...]:
    settings = current().settings
    return tuple(dict.fromkeys((settings.judge, *settings.offered_judges)))


def _order() -> Order:
    said = request.values.get("order", "")
    return next((one for one in rejudging.ORDERS if one == said), "moved")


def _number() -> int:
    return max(1, whole(request.args.get("page", ""), 6) or 0)


def _find(session: Session, draft_id: str) -> RejudgeDraft:
    return rejudging.find_draft(session, placement_here(session), draft_id) or abort(404)


def _url(view: str, **values: Any) -> str:
    return url_for(f"rejudging.{view}", launch_id=g.launch.id, **values)

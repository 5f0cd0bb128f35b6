"""Work that is judged again as a draft: beginning one, how far it is, and what it would move.

A draft changes nothing. What is applied from it, and when, is decided row by row (`lti_tool.rejudge_decisions`).
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, select, update
from sqlalchemy.orm import Session, defer, joinedload

from lti_tool import jobs
from lti_tool.blind_draws import is_pending
from lti_tool.db import in_parts, utc_now
from lti_tool.language import gettext as _
from lti_tool.lessons import lesson_here, rubric_for
from lti_tool.models import Job, JudgementRow, Person, RejudgeDraft, RejudgedSheet, ResourceLink, Submission
from lti_tool.placement_settings import hold_settings

JUDGED = ("awaiting_review", "done", "needs_person")  # states of judging in which there may be a sheet
Order = Literal["moved", "least", "learner", "before", "after"]
ORDERS: tuple[Order, ...] = ("moved", "least", "learner", "before", "after")
State = Literal["waiting", "failed", "judged", "going out", "applied", "stays"]


class RejudgeProblem(ValueError):
    """Nothing can be judged again, or applied, as it was asked for; the message says why."""


@dataclass(frozen=True)
class DraftProgress:
    """How far a draft is: submissions in it, judged again, given up after every try, waiting for an operator."""

    of: int
    judged: int
    failed: int
    held: int
    trouble: str

    @property
    def waiting(self) -> int:
        """How many are still to be judged."""
        return self.of - self.judged - self.failed


@dataclass(frozen=True)
class Moves:
    """What applying all of a draft would move, of what may be shown: counts, and the mean change in points."""

    shown: int
    up: int
    down: int
    same: int
    unscored: int
    mean: float | None
    hidden: int


@dataclass(frozen=True)
class DraftRow:
    """One submission of a draft. Of one that is to be scored blind nothing but its learner is told."""

    sheet: RejudgedSheet
    learner: Person
    blind: bool
    state: State
    sentence: str


# ---- beginning -----------------------------------------------------------------------------------------------


def begin(
    session: Session,
    link: ResourceLink,
    item_id: str,
    *,
    by: str,
    judge: str = "",
    only: Collection[int] | None = None,
) -> RejudgeDraft:
    """Have what was judged of a question judged again, on the rubric as it is now; `only` these submissions if given.

    An earlier draft of the question is closed. Raises RejudgeProblem where there is no such question, or no work.
    """
    hold_settings(session, link)  # of two who begin at once the second closes the first one's draft
    published = lesson_here(session, link)
    item = next((one for one in published.lesson.items if one.id == item_id), None)
    if item is None:
        raise RejudgeProblem(_("The lesson as it is now has no such question."))
    found = _judged(link, item_id) if only is None else _judged(link, item_id).where(Submission.id.in_(only))
    ids = session.scalars(found).all()
    if not ids:
        raise RejudgeProblem(_("Nothing of this question has been judged yet."))
    close(session, link, item_id)
    version, _rubric = rubric_for(session, published.version, item.rubric)
    draft = RejudgeDraft(
        public_id=secrets.token_urlsafe(12),
        resource_link_id=link.id,
        item_id=item_id,
        rubric_version_id=version.id,
        judge=judge,
        by=by,
    )
    session.add(draft)
    session.flush()
    for some in in_parts(ids):
        session.execute(insert(RejudgedSheet), [{"draft_id": draft.id, "submission_id": one} for one in some])
        jobs.enqueue_rejudging(session, some)
    return draft


def _judged(link: ResourceLink, item_id: str) -> Select[int]:
    has_sheet = select(JudgementRow.id).where(JudgementRow.submission_id == Submission.id)
    return (
        select(Submission.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(
            Submission.resource_link_id == link.id,
            Submission.item_id == item_id,
            Job.state.in_(JUDGED),
            has_sheet.exists(),
        )
        .order_by(Submission.id)
    )


def count_judged(session: Session, link: ResourceLink, item_id: str) -> int:
    """How many submissions of a question could be judged again."""
    return session.scalar(select(func.count()).select_from(_judged(link, item_id).subquery())) or 0


def behind(session: Session, link: ResourceLink) -> dict[str, int]:
    """How many submissions of each question were judged on another version of its rubric than the one that is now."""
    published = lesson_here(session, link)
    now = {item.id: rubric_for(session, published.version, item.rubric)[0].id for item in published.lesson.items}
    newest = (
        select(JudgementRow.submission_id, func.max(JudgementRow.id).label("id"))
        .join(Submission, Submission.id == JudgementRow.submission_id)
        .where(Submission.resource_link_id == link.id)
        .group_by(JudgementRow.submission_id)
        .subquery()
    )
    version = func.coalesce(JudgementRow.rubric_version_id, Submission.rubric_version_id)
    found = session.execute(
        select(Submission.item_id, version, func.count())
        .join(newest, newest.c.submission_id == Submission.id)
        .join(JudgementRow, JudgementRow.id == newest.c.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(Job.state.in_(JUDGED))
        .group_by(Submission.item_id, version)
    )
    older: dict[str, int] = {}
    for item_id, version_id, count in found:
        if item_id in now and version_id != now[item_id]:
            older[item_id] = older.get(item_id, 0) + count
    return older


def close(session: Session, link: ResourceLink, item_id: str) -> None:
    """Nobody needs the open draft of a question any more; what waits to be judged for it is left."""
    session.execute(
        update(RejudgeDraft)
        .where(
            RejudgeDraft.resource_link_id == link.id,
            RejudgeDraft.item_id == item_id,
            RejudgeDraft.closed_at.is_(None),
        )
        .values(closed_at=utc_now())
        .execution_options(synchronize_session="fetch")
    )


def try_again(session: Session, draft: RejudgeDraft) -> int:
    """Judge once more what was given up; returns how many those are."""
    ids = session.scalars(
        select(RejudgedSheet.submission_id)
        .join(Job, _job_of_sheet())
        .where(RejudgedSheet.draft_id == draft.id, RejudgedSheet.judged_at.is_(None), Job.state == "needs_person")
    ).all()
    if ids:
        jobs.enqueue_rejudging(session, ids)
    return len(ids)


def _job_of_sheet() -> ColumnElement[bool]:
    return and_(Job.submission_id == RejudgedSheet.submission_id, Job.kind == jobs.REJUDGE)


# ---- looking at it -------------------------------------------------------------------------------------------


def find_draft(session: Session, link: ResourceLink, public_id: str) -> RejudgeDraft | None:
    """A draft of this placement."""
    found = select(RejudgeDraft).where(RejudgeDraft.public_id == public_id, RejudgeDraft.resource_link_id == link.id)
    return session.scalar(found.options(joinedload(RejudgeDraft.rubric_version)))


def drafts_of(session: Session, link: ResourceLink, limit: int = 50) -> list[RejudgeDraft]:
    """The drafts of a placement, the newest first."""
    found = select(RejudgeDraft).where(RejudgeDraft.resource_link_id == link.id)
    loaded = found.options(joinedload(RejudgeDraft.rubric_version))
    return list(session.scalars(loaded.order_by(RejudgeDraft.id.desc()).limit(limit)))


def progress(session: Session, draft: RejudgeDraft) -> DraftProgress:
    """How far a draft is. Of a closed one nothing is judged any more."""
    judged = RejudgedSheet.judged_at.is_not(None)
    failed = and_(~judged, Job.state == "needs_person")
    held = and_(~judged, Job.state == "queued", Job.held.is_(True))
    row = session.execute(
        select(
            func.count(),
            func.sum(case((judged, 1), else_=0)),
            func.sum(case((failed, 1), else_=0)),
            func.sum(case((held, 1), else_=0)),
            func.max(case((judged, None), else_=Job.last_error)),
        )
        .select_from(RejudgedSheet)
        .outerjoin(Job, _job_of_sheet())
        .where(RejudgedSheet.draft_id == draft.id)
    ).one()
    return DraftProgress(row[0], row[1] or 0, row[2] or 0, row[3] or 0, row[4] or "")


def moves(session: Session, draft: RejudgeDraft) -> Moves:
    """What would move. What is to be scored blind counts as hidden and as nothing else."""
    blind = case((is_pending(), 1), else_=0)
    given = RejudgedSheet.points - RejudgedSheet.before_points
    seen = blind == 0
    row = session.execute(
        select(
            func.sum(case((seen, 1), else_=0)),
            func.sum(case((and_(seen, given > 0), 1), else_=0)),
            func.sum(case((and_(seen, given < 0), 1), else_=0)),
            func.sum(case((and_(seen, given == 0), 1), else_=0)),
            func.sum(case((and_(seen, RejudgedSheet.points.is_(None)), 1), else_=0)),
            func.avg(case((seen, given))),
            func.sum(blind),
        )
        .select_from(RejudgedSheet)
        .join(Submission, Submission.id == RejudgedSheet.submission_id)
        .where(RejudgedSheet.draft_id == draft.id, RejudgedSheet.judged_at.is_not(None))
    ).one()
    mean = None if row[5] is None else float(row[5])
    return Moves(row[0] or 0, row[1] or 0, row[2] or 0, row[3] or 0, row[4] or 0, mean, row[6] or 0)


def rows(
    session: Session, draft: RejudgeDraft, order: Order = "moved", *, limit: int | None = None, offset: int = 0
) -> list[DraftRow]:
    """A page of a draft. What is to be scored blind comes last, in an order that says nothing of its levels."""
    blind = case((is_pending(), 1), else_=0)
    found = session.execute(
        select(RejudgedSheet, Person, blind, Job.state, Job.last_error)
        .join(Submission, Submission.id == RejudgedSheet.submission_id)
        .join(Person, Person.id == Submission.person_id)
        .outerjoin(Job, _job_of_sheet())
        .where(RejudgedSheet.draft_id == draft.id)
        .options(joinedload(RejudgedSheet.submission).options(defer(Submission.text)), defer(RejudgedSheet.judgement))
        .order_by(blind, *_by(order, blind), RejudgedSheet.id)
        .limit(limit)
        .offset(offset)
    ).all()
    return [
        DraftRow(sheet, person, bool(hidden), state := _state(sheet, job), _sentence(state, sheet, error))
        for sheet, person, hidden, job, error in found
    ]


def _by(order: Order, blind: ColumnElement[int]) -> Sequence[ColumnElement[Any]]:
    def shown(column: Any) -> ColumnElement[Any]:
        return case((blind == 0, column))

    moved, changed = shown(RejudgedSheet.moved), shown(RejudgedSheet.changed)
    orders: dict[Order, Sequence[Any]] = {
        "moved": (moved.desc().nulls_last(), changed.desc().nulls_last()),
        "least": (moved.asc().nulls_last(), changed.asc().nulls_last()),
        "learner": (Person.handle,),
        "before": (shown(RejudgedSheet.before_points).asc().nulls_last(),),
        "after": (shown(RejudgedSheet.points).asc().nulls_last(),),
    }
    return orders[order]


def _state(sheet: RejudgedSheet, job: str | None) -> State:
    if sheet.applied_at is not None:
        return "applied"
    if sheet.problem is not None:
        return "stays"
    if sheet.due_at is not None:
        return "going out"
    if sheet.judged_at is not None:
        return "judged"
    return "failed" if job == "needs_person" else "waiting"


def _sentence(state: State, sheet: RejudgedSheet, error: str | None) -> str:
    if state == "stays":
        return sheet.problem or ""
    return (error or "") if state in ("failed", "waiting") else ""

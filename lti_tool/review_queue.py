"""What waits for the instructor and why: a page of it at a time, in as many queries for 50,000 rows as for one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Select, TextClause, and_, cast, func, or_, select
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from lti_tool.blind_draws import HELD, is_pending, marked, pending
from lti_tool.db import AT_ONCE, in_parts, utc_now
from lti_tool.deadlines import late_by
from lti_tool.jobs import GONE, JUDGE
from lti_tool.lesson import Item
from lti_tool.lessons import lesson_of, read_rubric, rubric_of
from lti_tool.models import (
    FOR_REVIEW,
    Deployment,
    Job,
    JudgementRow,
    PendingRelease,
    Person,
    RatingRow,
    Release,
    ResourceLink,
    ReviewClaim,
    ReviewRank,
    RubricVersion,
    Submission,
)
from lti_tool.results import State, state_of_job
from lti_tool.review_rank import BLIND
from rubrics.model import Rubric
from rubrics.scoring import item_points

WAITING = ("awaiting_review", "needs_person")
Tab = Literal["to_review", "blind", "going_out", "all"]
# The grader's number turns the multiplier, so that ties stand in another order for each, and always the same one.
_PRIME, _MULTIPLIER, _TURN = 2_147_483_647, 1_103_515_245, 15_838


@dataclass(frozen=True)
class Wanted:
    """Which rows, in whose order: `reason` is a code of review_rank or "late" or "mine"; "" filters nothing."""

    tab: Tab = "to_review"
    item: str = ""
    reason: str = ""
    search: str = ""
    names: bool = False
    grader_id: int = 0


@dataclass(frozen=True)
class QueueRow:
    """One submission in the queue and why it is there, in words; `judgement_id` is the sheet its points come from."""

    submission: Submission
    judgement_id: int | None
    handle: str
    item: Item
    why: str
    detail: str
    state: State
    sent_at: datetime
    points: float | None
    claim: ReviewClaim | None = None
    pending: PendingRelease | None = None
    blind: bool = False

    @property
    def late_by(self) -> str | None:
        """How late it was sent, as `2 h`; None if in time."""
        return late_by(self.submission.due_at, self.sent_at)


@dataclass(frozen=True)
class _Sheets:
    """What is known about many submissions, by submission id: releases, judgements; levels by rating id.

    `rubrics` are those that work was judged again on, by the id of their version.
    """

    releases: Mapping[int, Any]
    judgements: Mapping[int, Any]
    rubrics: Mapping[int, Rubric]
    levels: Mapping[int, int | None]
    twins: Mapping[int, str]


def queue(
    session: Session,
    resource_link: ResourceLink,
    wanted: Wanted | Tab = "to_review",
    *,
    limit: int | None = None,
    offset: int = 0,
) -> list[QueueRow]:
    """A page of the placement's submissions: what waits by how unsure its sheet is, everything else as it was sent."""
    asked = wanted if isinstance(wanted, Wanted) else Wanted(tab=wanted)
    ids = session.scalars(_ordered(resource_link, asked).limit(limit).offset(offset)).all()
    return rows_of(session, resource_link, ids)


def matching(session: Session, resource_link: ResourceLink, wanted: Wanted) -> Sequence[int]:
    """The ids of all submissions that are wanted, in order."""
    return session.scalars(_ordered(resource_link, wanted)).all()


def rows_of(session: Session, resource_link: ResourceLink, ids: Sequence[int]) -> list[QueueRow]:
    """The rows of these submissions, in this order."""
    return [row for part in in_parts(ids) for row in _rows_of(session, resource_link, part)]


def _rows_of(session: Session, resource_link: ResourceLink, ids: Sequence[int]) -> list[QueueRow]:
    wanted = select(Submission.id).where(Submission.id.in_(ids), Submission.resource_link_id == resource_link.id)
    found = session.execute(
        select(Submission, Job, ReviewClaim, PendingRelease)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == JUDGE))
        .outerjoin(ReviewClaim, ReviewClaim.submission_id == Submission.id)
        .outerjoin(PendingRelease, PendingRelease.submission_id == Submission.id)
        .where(Submission.id.in_(wanted))
        .options(
            defer(Submission.text),
            joinedload(Submission.person),
            selectinload(Submission.lesson_version),
            selectinload(Submission.rubric_version),
            joinedload(ReviewClaim.person),
            joinedload(PendingRelease.reviewer),
        )
    ).all()
    sheets = _sheets(session, resource_link, wanted, [submission for submission, *_ in found])
    blind = pending(session, ids)
    rows = {one[0].id: _row(sheets, *one, blind=one[0].id in blind) for one in found}
    return [rows[one] for one in ids if one in rows]


def _ordered(resource_link: ResourceLink, asked: Wanted) -> Select[int]:
    found = _matching(resource_link, asked)
    if asked.tab in ("to_review", "blind"):
        return found.order_by(Job.doubt.desc(), _shuffled(asked.grader_id), Submission.id)
    return found.order_by(Submission.sent_at, Submission.id)


def _matching(resource_link: ResourceLink, asked: Wanted) -> Select[int]:
    found = (
        select(Submission.id)
        .join(Job, Job.submission_id == Submission.id)
        .outerjoin(ReviewRank, ReviewRank.submission_id == Submission.id)
        .outerjoin(ReviewClaim, ReviewClaim.submission_id == Submission.id)
        .outerjoin(PendingRelease, PendingRelease.submission_id == Submission.id)
        .where(*_judged_here(resource_link), *_in_tab(asked.tab))
    )
    if asked.item:
        found = found.where(Submission.item_id == asked.item)
    if asked.reason:
        found = found.where(_because(asked))
    if asked.search:
        found = found.join(Person, Person.id == Submission.person_id).where(_said(asked))
    return found


def _judged_here(resource_link: ResourceLink) -> Sequence[ColumnElement[bool]]:
    return Job.resource_link_id == resource_link.id, Job.kind == JUDGE


def _in_tab(tab: Tab) -> Sequence[ColumnElement[bool] | TextClause]:
    decided = and_(PendingRelease.submission_id.is_not(None), PendingRelease.problem.is_(None))
    kinds: dict[Tab, Sequence[ColumnElement[bool] | TextClause]] = {
        "to_review": (FOR_REVIEW, ~decided),
        "blind": (Submission.id.in_(marked()), is_pending(), Job.state.not_in(GONE)),
        "going_out": (FOR_REVIEW, decided),
        "all": (),
    }
    return kinds[tab]


def _because(asked: Wanted) -> ColumnElement[bool]:
    if asked.reason == "late":
        return Submission.sent_at > Submission.due_at
    if asked.reason == "mine":
        return and_(ReviewClaim.person_id == asked.grader_id, _is_fresh())
    return ReviewRank.reasons.contains(f"|{asked.reason}|", autoescape=True)


def _said(asked: Wanted) -> ColumnElement[bool]:
    """Whether the words are found; the reasons of what is to be scored blind are not looked through."""
    names = [Person.handle, *([Person.name] if asked.names else [])]
    shown = ~func.coalesce(ReviewRank.reasons, "").contains(f"|{BLIND}|")
    why = and_(shown, Job.gate_reason.icontains(asked.search, autoescape=True))
    return or_(why, *(name.icontains(asked.search, autoescape=True) for name in names))


def _is_fresh() -> ColumnElement[bool]:
    return or_(ReviewClaim.until.is_(None), ReviewClaim.until > utc_now())


def _shuffled(grader_id: int) -> ColumnElement[int]:
    """A number for each submission that has nothing to do with it, the same for a grader every time."""
    return cast(Submission.id, BigInteger) * (_MULTIPLIER + grader_id % 10_000 * _TURN) % _PRIME


def next_to_review(session: Session, resource_link: ResourceLink, asked: Wanted, after: int) -> int | None:
    """The id of the submission that comes after one in the grader's order, the first one after the last.

    What somebody else is on is passed over.
    """
    others = or_(ReviewClaim.submission_id.is_(None), ReviewClaim.person_id == asked.grader_id, ~_is_fresh())
    found = _ordered(resource_link, asked).where(others, Submission.id != after).limit(1)
    shuffled = _shuffled(asked.grader_id)
    here = session.execute(
        select(Job.doubt, shuffled)
        .join(Submission, Submission.id == Job.submission_id)
        .where(Submission.id == after, Job.kind == JUDGE)
    ).one_or_none()
    if here is not None:
        behind = or_(
            Job.doubt < here[0],
            and_(Job.doubt == here[0], shuffled > here[1]),
            and_(Job.doubt == here[0], shuffled == here[1], Submission.id > after),
        )
        following = session.scalar(found.where(behind))
        if following is not None:
            return following
    return session.scalar(found)


def _sheets(
    session: Session, resource_link: ResourceLink, wanted: Select[Any], submissions: Sequence[Submission]
) -> _Sheets:
    releases = session.execute(
        select(Release.submission_id, Release.judgement_id, Release.points)
        .where(Release.submission_id.in_(wanted))
        .order_by(Release.sequence)
    )
    judgements = session.execute(
        select(
            JudgementRow.submission_id,
            JudgementRow.id,
            JudgementRow.rating_ids,
            JudgementRow.graph_checks,
            JudgementRow.rubric_version_id,
        )
        .where(JudgementRow.submission_id.in_(wanted))
        .order_by(JudgementRow.id)
    )
    levels = session.execute(select(RatingRow.id, RatingRow.level).where(RatingRow.submission_id.in_(wanted)))
    # Of several rows about one submission the last stands.
    standing = {row.submission_id: row for row in judgements}
    newer = {row.rubric_version_id for row in standing.values() if row.rubric_version_id is not None}
    versions = session.scalars(select(RubricVersion).where(RubricVersion.id.in_(newer))) if newer else ()
    return _Sheets(
        releases={row.submission_id: row for row in releases},
        judgements=standing,
        rubrics={version.id: read_rubric(version) for version in versions},
        levels={row.id: row.level for row in levels},
        twins=same_text(session, resource_link, submissions),
    )


def _row(
    sheets: _Sheets,
    submission: Submission,
    job: Job,
    claim: ReviewClaim | None,
    decided: PendingRelease | None,
    *,
    blind: bool,
) -> QueueRow:
    release, judgement = sheets.releases.get(submission.id), sheets.judgements.get(submission.id)
    judged = release.judgement_id if release else None
    twin = sheets.twins.get(submission.id)
    return QueueRow(
        submission=submission,
        judgement_id=None if blind else judged or (judgement.id if judgement else None),
        handle=submission.person.handle,
        item=lesson_of(submission).item(submission.item_id),
        why=HELD if blind else (decided.problem if decided else None) or job.gate_reason or job.last_error or "",
        detail=f"{twin} sent the same text" if twin else "",
        state="released" if release else state_of_job(job),
        sent_at=submission.sent_at,
        points=None if blind else release.points if release else _judged_points(sheets, submission, judgement),
        claim=claim if claim is not None and (claim.until is None or claim.until > utc_now()) else None,
        pending=decided if decided is not None and decided.problem is None else None,
        blind=blind,
    )


def _judged_points(sheets: _Sheets, submission: Submission, judgement: Any) -> float | None:
    if judgement is None:
        return None
    levels = {criterion: sheets.levels.get(rating_id) for criterion, rating_id in judgement.rating_ids.items()}
    graph = float(judgement.graph_checks["points"]) if judgement.graph_checks else None
    rubric = sheets.rubrics.get(judgement.rubric_version_id) or rubric_of(submission)
    return item_points(rubric, levels, graph)


def same_text(session: Session, resource_link: ResourceLink, submissions: Sequence[Submission]) -> dict[int, str]:
    """Submission id to the handle of whoever of this registration was the first other learner to send its text.

    For the instructor alone.
    """
    # A long queue is asked about by its placement: a list of its hashes would outgrow a statement.
    placed = select(Submission.text_hash).where(Submission.resource_link_id == resource_link.id)
    texts = [one.text_hash for one in submissions] if len(submissions) <= AT_ONCE else placed
    # Without their names: joined to persons, a database that knows nothing of its tables' sizes yet (a term's first
    # deadline) reads every learner's submissions for every learner.
    found = session.execute(
        select(Submission.text_hash, Submission.item_id, Submission.person_id)
        .join(ResourceLink, ResourceLink.id == Submission.resource_link_id)
        .join(Deployment, Deployment.id == ResourceLink.deployment_id)
        .where(
            Submission.text_hash.in_(texts),
            Deployment.registration_id == resource_link.deployment.registration_id,
            ResourceLink.lesson_slug == resource_link.lesson_slug,
            ResourceLink.rehearsal.is_(False),
        )
        .order_by(Submission.sent_at, Submission.id)
    )
    senders: dict[tuple[str, str], list[int]] = {}
    for text_hash, item_id, person_id in found:
        senders.setdefault((text_hash, item_id), []).append(person_id)
    firsts = {one.id: _first_other(senders.get((one.text_hash, one.item_id), ()), one.person_id) for one in submissions}
    twins = {submission_id: first for submission_id, first in firsts.items() if first is not None}
    handles = _handles(session, twins.values())
    # Somebody may have been erased since.
    return {submission_id: handles[first] for submission_id, first in twins.items() if first in handles}


def _first_other(senders: Sequence[int], person_id: int) -> int | None:
    return next((sender for sender in senders if sender != person_id), None)


def _handles(session: Session, person_ids: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for part in in_parts(sorted(set(person_ids))):
        for row in session.execute(select(Person.id, Person.handle).where(Person.id.in_(part))):
            found[row.id] = row.handle
    return found


def count_to_review(session: Session, resource_link: ResourceLink) -> int:
    """How many submissions wait for a decision."""
    return _by_tab(session, resource_link)["to_review"]


def count_blind(session: Session, resource_link: ResourceLink) -> int:
    """How many submissions wait to be scored blind."""
    found = _matching(resource_link, Wanted("blind")).subquery()
    return session.scalars(select(func.count()).select_from(found)).one()


def counts(session: Session, resource_link: ResourceLink) -> dict[Tab, int]:
    """How many submissions each tab of the queue holds."""
    return {**_by_tab(session, resource_link), "blind": count_blind(session, resource_link)}


def _by_tab(session: Session, resource_link: ResourceLink) -> dict[Tab, int]:
    here = _judged_here(resource_link)
    rows = session.execute(select(Job.state, func.count()).where(*here).group_by(Job.state)).all()
    by_state = dict(rows)
    going_out = session.scalars(
        select(func.count())
        .select_from(PendingRelease)
        .join(Job, Job.submission_id == PendingRelease.submission_id)
        .where(*here, Job.state.in_(WAITING), PendingRelease.problem.is_(None))
    ).one()
    waiting = sum(by_state.get(state, 0) for state in WAITING)
    return {"to_review": waiting - going_out, "going_out": going_out, "all": sum(by_state.values())}

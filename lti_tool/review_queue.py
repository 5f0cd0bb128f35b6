"""What waits for the instructor and why, for a whole placement at once: as many queries for 300 rows as for one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, defer, joinedload, selectinload

from lti_tool.deadlines import late_by
from lti_tool.lesson import Item
from lti_tool.lessons import lesson_of, rubric_of
from lti_tool.models import Job, JudgementRow, Person, RatingRow, Release, ResourceLink, Submission
from lti_tool.results import State, state_of_job
from rubrics.scoring import item_points

FEW = 100
WAITING = ("awaiting_review", "needs_person")
Tab = Literal["to_review", "all"]


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

    @property
    def late_by(self) -> str | None:
        """How late it was sent, as `2 h`; None if in time."""
        return late_by(self.submission.due_at, self.sent_at)


@dataclass(frozen=True)
class _Sheets:
    """What is known about many submissions, by submission id: releases, judgements; levels by rating id."""

    releases: Mapping[int, Any]
    judgements: Mapping[int, Any]
    levels: Mapping[int, int | None]
    twins: Mapping[int, str]


def queue(session: Session, resource_link: ResourceLink, tab: Tab = "to_review") -> list[QueueRow]:
    """The placement's submissions that wait for a person, or all of them; unscored and flagged ones first."""
    wanted = (
        select(Submission.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == "judge"))
        .where(Submission.resource_link_id == resource_link.id)
    )
    if tab == "to_review":
        wanted = wanted.where(Job.state.in_(WAITING))
    found = session.execute(
        wanted.with_only_columns(Submission, Job)
        .order_by(Submission.sent_at, Submission.id)
        .options(
            defer(Submission.text),
            joinedload(Submission.person),
            selectinload(Submission.lesson_version),
            selectinload(Submission.rubric_version),
        )
    ).all()
    sheets = _sheets(session, resource_link, wanted, [submission for submission, _ in found])
    rows = [_row(sheets, submission, job) for submission, job in found]
    return sorted(rows, key=lambda row: row.points is not None) if tab == "to_review" else rows


def _sheets(
    session: Session, resource_link: ResourceLink, wanted: Select[Any], submissions: Sequence[Submission]
) -> _Sheets:
    releases = session.execute(
        select(Release.submission_id, Release.judgement_id, Release.points)
        .where(Release.submission_id.in_(wanted))
        .order_by(Release.sequence)
    )
    judgements = session.execute(
        select(JudgementRow.submission_id, JudgementRow.id, JudgementRow.rating_ids, JudgementRow.graph_checks)
        .where(JudgementRow.submission_id.in_(wanted))
        .order_by(JudgementRow.id)
    )
    levels = session.execute(select(RatingRow.id, RatingRow.level).where(RatingRow.submission_id.in_(wanted)))
    # Of several rows about one submission the last stands.
    return _Sheets(
        releases={row.submission_id: row for row in releases},
        judgements={row.submission_id: row for row in judgements},
        levels={row.id: row.level for row in levels},
        twins=same_text(session, resource_link, submissions),
    )


def _row(sheets: _Sheets, submission: Submission, job: Job) -> QueueRow:
    release, judgement = sheets.releases.get(submission.id), sheets.judgements.get(submission.id)
    judged = release.judgement_id if release else None
    twin = sheets.twins.get(submission.id)
    return QueueRow(
        submission=submission,
        judgement_id=judged or (judgement.id if judgement else None),
        handle=submission.person.handle,
        item=lesson_of(submission).item(submission.item_id),
        why=job.gate_reason or job.last_error or "",
        detail=f"{twin} sent the same text" if twin else "",
        state="released" if release else state_of_job(job),
        sent_at=submission.sent_at,
        points=release.points if release else _judged_points(sheets, submission, judgement),
    )


def _judged_points(sheets: _Sheets, submission: Submission, judgement: Any) -> float | None:
    if judgement is None:
        return None
    levels = {criterion: sheets.levels.get(rating_id) for criterion, rating_id in judgement.rating_ids.items()}
    graph = float(judgement.graph_checks["points"]) if judgement.graph_checks else None
    return item_points(rubric_of(submission), levels, graph)


def same_text(session: Session, resource_link: ResourceLink, submissions: Sequence[Submission]) -> dict[int, str]:
    """Submission id to the handle of whoever of this registration was the first other learner to send its text.

    For the instructor alone.
    """
    # A long queue is asked about by its placement: a list of its hashes would outgrow a statement.
    placed = select(Submission.text_hash).where(Submission.resource_link_id == resource_link.id)
    texts = [one.text_hash for one in submissions] if len(submissions) <= FEW else placed
    found = session.execute(
        select(Submission.text_hash, Submission.item_id, Submission.person_id, Person.handle)
        .join(Person, Person.id == Submission.person_id)
        .join(ResourceLink, ResourceLink.id == Submission.resource_link_id)
        .where(
            Submission.text_hash.in_(texts),
            Person.registration_id == resource_link.deployment.registration_id,
            ResourceLink.lesson_slug == resource_link.lesson_slug,
            ResourceLink.rehearsal.is_(False),
        )
        .order_by(Submission.sent_at, Submission.id)
    )
    senders: dict[tuple[str, str], dict[int, str]] = {}
    for text_hash, item_id, person_id, handle in found:
        senders.setdefault((text_hash, item_id), {}).setdefault(person_id, handle)
    twins = {one.id: _first_other(senders.get((one.text_hash, one.item_id), {}), one.person_id) for one in submissions}
    return {submission_id: handle for submission_id, handle in twins.items() if handle}


def _first_other(senders: Mapping[int, str], person_id: int) -> str:
    return next((handle for sender, handle in senders.items() if sender != person_id), "")


def counts(session: Session, resource_link: ResourceLink) -> dict[Tab, int]:
    """How many submissions each tab of the queue holds."""
    by_state = session.execute(
        select(Job.state, func.count())
        .join(Submission, Submission.id == Job.submission_id)
        .where(Job.kind == "judge", Submission.resource_link_id == resource_link.id)
        .group_by(Job.state)
    ).all()
    return {
        "to_review": sum(count for state, count in by_state if state in WAITING),
        "all": sum(count for _, count in by_state),
    }

"""Submissions as they stand when the engine has judged them."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from lti_tool.lessons import rubric_of
from lti_tool.models import Job, JudgementRow, RatingRow, Release, Submission
from lti_tool.results import newest_release
from lti_tool.review_rank import rank
from lti_tool.reviews import Decision
from tests.conftest import World


def judge_as(
    session: Any,
    submission: Submission,
    levels: Mapping[str, int | None],
    *,
    quotes: Mapping[str, str] | None = None,
    flags: tuple[str, ...] = (),
    graph_checks: dict[str, Any] | None = None,
    comment: str = "",
    confidence: float | None = None,
    identity: dict[str, Any] | None = None,
    label: str = "Checklist",
    evidence: str = "quotes",
) -> JudgementRow:
    """What the engine would have stored: ratings, a sheet, and the job at the gate."""
    ratings = {}
    for criterion, level in levels.items():
        quote = (quotes or {}).get(criterion)
        start = submission.text.index(quote) if quote else 0
        row = RatingRow(
            submission_id=submission.id,
            criterion=criterion,
            fingerprint=f"f-{criterion}",
            level=level,
            reason=None if level is not None else "quote",
            quotes=[{"text": quote, "start": start, "end": start + len(quote)}] if quote else [],
            comment=comment,
            confidence=confidence,
        )
        session.add(row)
        session.flush()
        ratings[criterion] = row.id
    judgement = JudgementRow(
        submission_id=submission.id,
        fingerprint="sheet",
        judge="checklist",
        judge_version="1",
        judge_label=label,
        evidence=evidence,
        provisional=True,
        rating_ids=ratings,
        flags=list(flags),
        facts={"words": len(submission.text.split())},
        graph_checks=graph_checks,
        identity=identity,
    )
    session.add(judgement)
    job = session.scalars(select(Job).where(Job.kind == "judge", Job.submission_id == submission.id)).one()
    job.state, job.gate_reason = "awaiting_review", "provisional judge"
    session.flush()
    rank(session, submission)
    return judgement


def standing(session: Any, submission: Submission) -> int:
    """The id of the release that stands, as whoever corrects it saw it."""
    release = newest_release(session, submission)
    assert release is not None
    return release.id


def releases(world: World) -> list[Release]:
    """Every release there is, the first one first."""
    with world.database.read() as session:
        return list(session.scalars(select(Release).order_by(Release.id)))


def all_at(submission: Submission, level: int) -> dict[str, int]:
    """Every criterion at a level, or at its top where that is lower."""
    return {criterion.id: min(level, criterion.top) for criterion in rubric_of(submission).criteria}


def judged_levels(session: Any, submission: Submission) -> dict[str, int]:
    """The judge's level for each criterion."""
    rows = session.scalars(select(RatingRow).where(RatingRow.submission_id == submission.id))
    return {row.criterion: row.level for row in rows}


def decisions(levels: Mapping[str, int], **changed: Decision) -> dict[str, Decision]:
    """A person's sheet with these levels, some of them changed."""
    return {**{key: Decision(level) for key, level in levels.items()}, **changed}

"""What is known about a submission: where its judging stands, and the sheet as far as somebody may see it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.lesson import Item, Lesson
from lti_tool.lessons import lesson_of, read_rubric, rubric_of
from lti_tool.models import HumanScoreRow, Job, JobEvent, JudgementRow, RatingRow, Release, RubricVersion, Submission
from rubrics.model import Criterion, Rubric
from rubrics.scoring import criterion_points, item_points

State = Literal["queued", "judging", "awaiting_review", "released", "needs_person", "withdrawn", "returned"]
Provenance = Literal["judging", "judged", "confirmed", "policy"]

REASONS: Mapping[str, str] = {
    "wrong_level": later("wrong level"),
    "missed_evidence": later("missed evidence"),
    "quote_out_of_context": later("quote out of context"),
    "rubric_unclear": later("rubric unclear"),
    "other": later("other"),
}
_STATE_OF_JOB: dict[str, State] = {
    "queued": "queued",
    "running": "judging",
    "awaiting_review": "awaiting_review",
    "needs_person": "needs_person",
    "withdrawn": "withdrawn",
    "returned": "returned",
    "done": "released",
}


@dataclass(frozen=True)
class Stage:
    """A stage that judging reached, and when."""

    id: int
    stage: str
    detail: Mapping[str, Any]
    at: datetime


@dataclass(frozen=True)
class Row:
    """One criterion of a sheet: the level that stands, the judge's, what it is worth, what the next one needs.

    `reason` is why a person changed the level, in words for learner and instructor alike.
    """

    criterion: Criterion
    level: int | None
    judge_level: int | None
    rating: RatingRow | None
    points: float | None
    maximum: float
    next_needs: str | None
    changed: bool
    reason: str | None


@dataclass(frozen=True)
class Sheet:
    """A submission's sheet; `points` (0 to 100) is None until every criterion has a level."""

    submission: Submission
    rubric: Rubric
    lesson: Lesson
    item: Item
    judgement: JudgementRow | None
    rows: tuple[Row, ...]
    points: float | None
    judge_points: float | None
    release: Release | None
    provenance: Provenance
    flags: tuple[str, ...]
    facts: Mapping[str, Any]
    graph_checks: Mapping[str, Any] | None


def judging_job(session: Session, submission: Submission) -> Job | None:
    """The job that judges a submission."""
    return session.scalar(select(Job).where(Job.kind == "judge", Job.submission_id == submission.id))


def state_of(session: Session, submission: Submission) -> State:
    """Where a submission stands, computed from its release and its job."""
    if newest_release(session, submission) is not None:
        return "released"
    job = judging_job(session, submission)
    return state_of_job(job) if job else "queued"


def state_of_job(job: Job) -> State:
    """Where a submission that is not released stands, by its job."""
    return _STATE_OF_JOB[job.state]


def stages(session: Session, submission: Submission) -> tuple[Stage, ...]:
    """The stages reached, oldest first."""
    found = (
        select(JobEvent)
        .join(Job, Job.id == JobEvent.job_id)
        .where(Job.kind == "judge", Job.submission_id == submission.id)
        .order_by(JobEvent.id)
    )
    return tuple(Stage(row.id, row.stage, row.detail, row.at) for row in session.scalars(found))


def newest_judgement(session: Session, submission: Submission) -> JudgementRow | None:
    """The judge's last sheet on a submission."""
    found = select(JudgementRow).where(JudgementRow.submission_id == submission.id)
    return session.scalar(found.order_by(JudgementRow.id.desc()).limit(1))


def newest_judgement_id(session: Session, submission: Submission) -> int | None:
    """The id of the judge's last sheet on a submission, read anew."""
    return session.scalar(select(last_sheet(submission.id)))


def last_sheet(submission_id: int) -> ScalarSelect[int]:
    """SQL: the id of the judge's last sheet on a submission."""
    return select(func.max(JudgementRow.id)).where(JudgementRow.submission_id == submission_id).scalar_subquery()


def mark_again(fingerprint: str, number: int) -> str:
    """The fingerprint of a sheet that stood before and stands once more; `number` tells one such time from another."""
    return hashlib.sha256(f"{fingerprint} again {number}".encode()).hexdigest()


def newest_release(session: Session, submission: Submission) -> Release | None:
    """The release that stands, if there is one."""
    found = select(Release).where(Release.submission_id == submission.id)
    return session.scalar(found.order_by(Release.sequence.desc()).limit(1))


def earlier_releases(session: Session, submission: Submission) -> tuple[Release, ...]:
    """The releases before the one that stands, first to last."""
    found = select(Release).where(Release.submission_id == submission.id).order_by(Release.sequence)
    return tuple(session.scalars(found))[:-1]


def judge_sheet(session: Session, submission: Submission) -> Sheet:
    """The newest judgement together with the release that stands: everything an instructor may see."""
    release = newest_release(session, submission)
    judgement = newest_judgement(session, submission)
    if release is not None and release.judgement is not None:
        judgement = release.judgement
    return _sheet(session, submission, judgement, release)


def sheet_of(session: Session, submission: Submission, judgement: JudgementRow) -> Sheet:
    """The sheet with this judgement on it, beside the release that stands."""
    return _sheet(session, submission, judgement, newest_release(session, submission))


def bare_sheet(session: Session, submission: Submission) -> Sheet:
    """The sheet as it is before anybody has filled it in; nothing of a judge's or a person's is even read."""
    return _sheet(session, submission, None, None, standing_rubric(session, submission))


def standing_rubric(session: Session, submission: Submission) -> Rubric:
    """The rubric that a submission is read against now: a newer version where it was judged again on one."""
    found = select(RubricVersion).join(JudgementRow, JudgementRow.rubric_version_id == RubricVersion.id)
    version = session.scalar(found.where(JudgementRow.id == last_sheet(submission.id)))
    return read_rubric(version) if version is not None else rubric_of(submission)


def student_sheet(session: Session, submission: Submission) -> Sheet | None:
    """The sheet as its learner may see it: released, a hot-take's practice, or shown at once by the placement."""
    sheet = judge_sheet(session, submission)
    if sheet.release is not None:
        return sheet
    if sheet.judgement is None:
        return None
    at_once = bool(submission.resource_link.settings.get("show_judged"))
    return sheet if at_once or sheet.item.kind == "hot_take" else None


def _sheet(
    session: Session,
    submission: Submission,
    judgement: JudgementRow | None,
    release: Release | None,
    rubric: Rubric | None = None,
) -> Sheet:
    rubric, lesson = rubric or rubric_of(submission, judgement), lesson_of(submission)
    ratings = _ratings(session, judgement)
    reviewed = _human_scores(session, release)
    rows = tuple(
        _row(criterion, ratings.get(criterion.id), release, reviewed.get(criterion.id)) for criterion in rubric.criteria
    )
    graph = judgement.graph_checks if judgement else None
    graph_points = float(graph["points"]) if graph else None
    judged = item_points(rubric, {row.criterion.id: row.judge_level for row in rows}, graph_points)
    return Sheet(
        submission=submission,
        rubric=rubric,
        lesson=lesson,
        item=lesson.item(submission.item_id),
        judgement=judgement,
        rows=rows,
        points=release.points if release else judged,
        judge_points=judged,
        release=release,
        provenance=_provenance(judgement, release),
        flags=tuple(judgement.flags) if judgement else (),
        facts=judgement.facts if judgement else {},
        graph_checks=graph,
    )


def _ratings(session: Session, judgement: JudgementRow | None) -> dict[str, RatingRow]:
    if judgement is None:
        return {}
    found = session.scalars(select(RatingRow).where(RatingRow.id.in_(judgement.rating_ids.values())))
    return {rating.criterion: rating for rating in found}


def _human_scores(session: Session, release: Release | None) -> dict[str, HumanScoreRow]:
    if release is None or release.review_id is None:
        return {}
    found = session.scalars(select(HumanScoreRow).where(HumanScoreRow.review_id == release.review_id))
    return {score.criterion: score for score in found}


def _row(criterion: Criterion, rating: RatingRow | None, release: Release | None, score: HumanScoreRow | None) -> Row:
    judge_level = rating.level if rating else None
    level = release.levels.get(criterion.id) if release else judge_level
    return Row(
        criterion=criterion,
        level=level,
        judge_level=judge_level,
        rating=rating,
        points=None if level is None else criterion_points(criterion, level),
        maximum=criterion.weight,
        next_needs=None if level is None else criterion.next_needs(level),
        changed=release is not None and level != judge_level,
        reason=_why(score) if score else None,
    )


def _why(score: HumanScoreRow) -> str | None:
    """A person's reason for a level: from the list, in words of their own, or both."""
    listed = REASONS.get(score.reason_code or "")
    if score.reason and score.reason_code == "other":
        return score.reason
    return ": ".join(part for part in (_(listed) if listed else "", score.reason or "") if part) or None


def _provenance(judgement: JudgementRow | None, release: Release | None) -> Provenance:
    if release is not None:
        return "confirmed" if release.review_id is not None else "policy"
    return "judged" if judgement is not None else "judging"

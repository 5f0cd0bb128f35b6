"""The instructor's decisions: confirming or changing a sheet, releasing it, correcting it later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from lti_tool import jobs, scores
from lti_tool.blind_draws import pending
from lti_tool.models import BlindSheet, HumanScoreRow, JudgementRow, Release, ResourceLink, Review, Submission
from lti_tool.results import (
    REASONS,
    Row,
    Sheet,
    judge_sheet,
    judging_job,
    last_sheet,
    newest_judgement_id,
    newest_release,
    state_of,
)
from rubrics.scoring import item_points


class ReviewProblem(ValueError):
    """The sheet cannot be released as it is; the message is shown and nothing is lost."""


class AlreadyReleased(Exception):
    """Somebody else was first; their release stands."""

    def __init__(self, handle: str | None, at: datetime | None) -> None:
        super().__init__("Someone else confirmed this first. See theirs.")
        self.handle = handle
        self.at = at


CHANGED = "The judge's sheet changed while you read it. Look at it once more."


@dataclass(frozen=True)
class Decision:
    """A person's level for one criterion, why where it differs from the judge's, and what of the text it rests on.

    `quotes` are (start, end) in characters of the text.
    """

    level: int
    reason_code: str | None = None
    reason: str | None = None
    quotes: tuple[tuple[int, int], ...] = ()


def release(
    session: Session,
    resource_link: ResourceLink,
    submission: Submission,
    reviewer_id: int,
    decisions: Mapping[str, Decision],
    seen_judgement_id: int | None,
) -> Release:
    """Make a sheet final: the learner sees it, and the lesson score goes to the outbox, in one transaction.

    Raises ReviewProblem with the sentence to show, or AlreadyReleased when somebody else was first.
    """
    sheet = _seen(session, submission, seen_judgement_id)
    _check(sheet, decisions, own_levels(session, submission.id, reviewer_id))
    if not jobs.pass_gate(session, submission.id):
        raise taken_by_another(session, submission)
    # Whoever replaces the judge's sheet holds the gate too: what was read above may be another one by now.
    if sheet.judgement is not None and newest_judgement_id(session, submission) != sheet.judgement.id:
        raise ReviewProblem(CHANGED)
    return _write(session, resource_link, sheet, reviewer_id, decisions, reason=None)


def check(
    session: Session,
    submission: Submission,
    reviewer_id: int,
    decisions: Mapping[str, Decision],
    seen_judgement_id: int | None,
) -> None:
    """Whether `release` would take this decision now. Raises as it does."""
    sheet = _seen(session, submission, seen_judgement_id)
    _check(sheet, decisions, own_levels(session, submission.id, reviewer_id))
    if state_of(session, submission) not in ("awaiting_review", "needs_person"):
        raise taken_by_another(session, submission)


def own_levels(session: Session, submission_id: int, reviewer_id: int) -> Mapping[str, int]:
    """The levels that this person committed before they were shown the judge's; none if they did not."""
    standing = aliased(JudgementRow)
    found = (
        select(BlindSheet.levels)
        .join(JudgementRow, JudgementRow.id == BlindSheet.judgement_id)
        .join(standing, standing.id == last_sheet(submission_id))
        .where(
            BlindSheet.submission_id == submission_id,
            BlindSheet.reader_id == reviewer_id,
            # What was committed on another version of the rubric says nothing about this one.
            standing.rubric_version_id.is_not_distinct_from(JudgementRow.rubric_version_id),
        )
    )
    return session.scalar(found) or {}


def _seen(session: Session, submission: Submission, seen_judgement_id: int | None) -> Sheet:
    if pending(session, [submission.id]):
        raise ReviewProblem("This one is to be scored blind first.")
    sheet = judge_sheet(session, submission)
    if sheet.release is None and sheet.judgement is not None and sheet.judgement.id != seen_judgement_id:
        raise ReviewProblem(CHANGED)
    return sheet


def change(
    session: Session,
    resource_link: ResourceLink,
    submission: Submission,
    reviewer_id: int,
    decisions: Mapping[str, Decision],
    reason: str,
    *,
    seen_release_id: int,
) -> Release:
    """Correct a released sheet: a new release, with its reason. ReviewProblem if nothing or no reason is given.

    AlreadyReleased where another release stands by now than the one that was seen: it would be undone unread.
    """
    sheet = judge_sheet(session, submission)
    if sheet.release is None:
        raise ReviewProblem("This has not been released yet.")
    if sheet.release.id != seen_release_id:
        raise taken_by_another(session, submission)
    if not reason.strip():
        raise ReviewProblem("Say why it changes; the learner reads it.")
    _check(sheet, decisions, own_levels(session, submission.id, reviewer_id))
    if {key: decision.level for key, decision in decisions.items()} == sheet.release.levels:
        raise ReviewProblem("No level differs from what was released.")
    try:
        with session.begin_nested():
            return _write(session, resource_link, sheet, reviewer_id, decisions, reason.strip())
    except IntegrityError as error:
        raise taken_by_another(session, submission) from error


def release_again(
    session: Session, resource_link: ResourceLink, sheet: Sheet, reviewer_id: int, reason: str
) -> Release:
    """Release another sheet of the judge's in the place of the one that was; it must be fully scored."""
    if sheet.release is None or sheet.judge_points is None:
        raise ReviewProblem("Not every criterion has a level.")
    decisions = {row.criterion.id: Decision(row.judge_level) for row in sheet.rows if row.judge_level is not None}
    try:
        with session.begin_nested():
            return _write(session, resource_link, sheet, reviewer_id, decisions, reason)
    except IntegrityError as error:
        raise taken_by_another(session, sheet.submission) from error


def release_by_policy(session: Session, submission: Submission) -> Release:
    """Release the judge's own sheet where the placement's policy says so; it must be fully scored."""
    sheet = judge_sheet(session, submission)
    levels = {row.criterion.id: row.judge_level for row in sheet.rows}
    if sheet.judge_points is None or sheet.release is not None:
        raise ReviewProblem("Only a fully scored sheet that nobody released can be released by policy.")
    return _store(session, submission.resource_link, sheet, levels, sheet.judge_points, review=None, reason=None)


def level_problem(row: Row, decision: Decision | None, own: int | None = None) -> str | None:
    """What is wrong with a person's level for one criterion, as a sentence; None if nothing is.

    `own` is the level that they committed before they were shown the judge's: it is that one which needs no reason.
    What was released already needs none either: whoever released it gave theirs, or had committed it.
    """
    title = row.criterion.title
    if decision is None:
        return f"{title} has no level yet."
    if not 0 <= decision.level <= row.criterion.top:
        return f"{title} goes from 0 to {row.criterion.top}."
    if decision.reason_code and decision.reason_code not in REASONS:
        return f"{title}: choose a reason from the list."
    if any(not 0 <= start < end for start, end in decision.quotes):
        return f"{title}: a quote begins before it ends."
    if row.changed and decision.level == row.level:
        return None
    explained = bool(decision.reason_code or (decision.reason or "").strip())
    if own is not None:
        return None if explained or decision.level == own else f"You committed {own} on {title}. Say why it changes."
    if row.judge_level is not None and decision.level != row.judge_level and not explained:
        return f"You {decision.level}, judge {row.judge_level} on {title}. Say why it changes."
    return None


def _check(sheet: Sheet, decisions: Mapping[str, Decision], own: Mapping[str, int]) -> None:
    known = {criterion.id for criterion in sheet.rubric.criteria}
    if unknown := set(decisions) - known:
        raise ReviewProblem(f"This rubric has no criterion {sorted(unknown)[0]}.")
    length = len(sheet.submission.text)
    if any(end > length for decision in decisions.values() for _, end in decision.quotes):
        raise ReviewProblem("A quote reaches beyond the text. Select it once more.")
    for row in sheet.rows:
        if problem := level_problem(row, decisions.get(row.criterion.id), own.get(row.criterion.id)):
            raise ReviewProblem(problem)


def _write(
    session: Session,
    resource_link: ResourceLink,
    sheet: Sheet,
    reviewer_id: int,
    decisions: Mapping[str, Decision],
    reason: str | None,
) -> Release:
    judged = {row.criterion.id: row.judge_level for row in sheet.rows}
    levels = {criterion_id: decision.level for criterion_id, decision in decisions.items()}
    review = Review(
        submission_id=sheet.submission.id,
        reviewer_id=reviewer_id,
        judgement_id=sheet.judgement.id if sheet.judgement else None,
        kind="score" if sheet.judgement is None else "confirm" if levels == judged else "change",
        scores=[
            HumanScoreRow(
                criterion=criterion_id,
                level=decision.level,
                judge_level=judged[criterion_id],
                reason_code=decision.reason_code,
                reason=(decision.reason or "").strip() or None,
                quotes=[_quote(sheet.submission.text, start, end) for start, end in decision.quotes],
            )
            for criterion_id, decision in decisions.items()
        ],
    )
    session.add(review)
    session.flush()
    points = item_points(sheet.rubric, levels, _graph_points(sheet))
    if points is None:
        raise ReviewProblem("The drawing's checks are missing, so it cannot be scored yet.")
    return _store(session, resource_link, sheet, levels, points, review, reason)


def _quote(text: str, start: int, end: int) -> dict[str, Any]:
    return {"text": text[start:end], "start": start, "end": end}


def _store(
    session: Session,
    resource_link: ResourceLink,
    sheet: Sheet,
    levels: Mapping[str, int | None],
    points: float,
    review: Review | None,
    reason: str | None,
) -> Release:
    released = Release(
        submission_id=sheet.submission.id,
        sequence=(sheet.release.sequence + 1) if sheet.release else 1,
        review_id=review.id if review else None,
        judgement_id=sheet.judgement.id if sheet.judgement else None,
        levels=dict(levels),
        graph_points=_graph_points(sheet),
        points=points,
        reason=reason,
    )
    session.add(released)
    session.flush()
    job = judging_job(session, sheet.submission)
    if job is not None:
        jobs.add_event(session, job.id, "released", sequence=released.sequence)
    scores.settle(session, resource_link, sheet.submission.person_id)
    return released


def _graph_points(sheet: Sheet) -> float | None:
    return float(sheet.graph_checks["points"]) if sheet.graph_checks else None


def taken_by_another(session: Session, submission: Submission) -> Exception:
    """The error for whoever came second: what stands, or why there is nothing to decide."""
    stands = newest_release(session, submission)
    if stands is None and state_of(session, submission) == "returned":
        return ReviewProblem("Somebody sent this back to its learner meanwhile.")
    if stands is None:
        return ReviewProblem("This is still being judged. It comes back to the queue when the judge is done.")
    reviewer = stands.review.reviewer.handle if stands.review else None
    return AlreadyReleased(reviewer, stands.released_at)

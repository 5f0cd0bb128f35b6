"""How unsure a judged sheet is, as one number to order the queue by, and why, as codes to filter by."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.lessons import rubric_of
from lti_tool.models import JudgementRow, RatingRow, ReviewRank, Submission
from lti_tool.results import newest_judgement
from rubrics.scoring import item_points

QUOTE = "quote"
# Code to how unsure a sheet is by it alone.
DOUBTS: Mapping[str, float] = {"unscored": 1.0, "quote": 1.0, "flag": 0.95, "estimate": 0.7, "doubt": 0.6}
PROVISIONAL = 0.3  # a judge that calls itself provisional, where it told no confidence


def rank(session: Session, submission: Submission) -> ReviewRank | None:
    """Compute and keep a submission's rank from its newest judgement; None while there is none."""
    judgement = newest_judgement(session, submission)
    if judgement is None:
        return None
    ratings = session.scalars(select(RatingRow).where(RatingRow.id.in_(judgement.rating_ids.values()))).all()
    reasons = reasons_of(judgement, ratings)
    levels = {rating.criterion: rating.level for rating in ratings}
    graph = float(judgement.graph_checks["points"]) if judgement.graph_checks else None
    row = session.get(ReviewRank, submission.id)
    if row is None:
        row = ReviewRank(submission_id=submission.id, resource_link_id=submission.resource_link_id)
        session.add(row)
    row.doubt = doubt_of(judgement, ratings, reasons)
    row.points = item_points(rubric_of(submission), levels, graph)
    row.reasons = f"|{'|'.join(reasons)}|" if reasons else ""
    session.flush()
    return row


def reasons_of(judgement: JudgementRow, ratings: Sequence[RatingRow]) -> list[str]:
    """Why a person should look, as codes."""
    missing = [rating for rating in ratings if rating.level is None]
    found = {
        "unscored": any(rating.reason != QUOTE for rating in missing),
        "quote": any(rating.reason == QUOTE for rating in missing),
        "flag": bool(judgement.flags),
        "doubt": any(rating.doubt for rating in ratings),
        "estimate": judgement.evidence == "none",
        "provisional": judgement.provisional,
    }
    return [code for code, holds in found.items() if holds]


def doubt_of(judgement: JudgementRow, ratings: Sequence[RatingRow], reasons: Collection[str]) -> float:
    """How unsure a sheet is, between 0 and 1: its worst reason, or its least confident row, whichever is more."""
    told = [1 - min(1.0, max(0.0, rating.confidence)) for rating in ratings if rating.confidence is not None]
    by_confidence = max(told, default=PROVISIONAL if judgement.provisional else 0.0)
    return max([by_confidence, *(DOUBTS.get(code, 0.0) for code in reasons)])

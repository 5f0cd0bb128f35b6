"""How unsure a judged sheet is, as one number to order the queue by, and why, as codes to filter by."""

import secrets
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from lti_tool.blind_draws import pending
from lti_tool.jobs import JUDGE
from lti_tool.models import Job, JudgementRow, RatingRow, ReviewRank, Submission

BLIND = "blind"
QUOTE = "quote"
# Code to how unsure a sheet is by it alone.
DOUBTS: Mapping[str, float] = {"unscored": 1.0, "quote": 1.0, "flag": 0.95, "estimate": 0.7, "doubt": 0.6}
PROVISIONAL = 0.3  # a judge that calls itself provisional, where it told no confidence


def rank(session: Session, submission: Submission) -> None:
    """Compute and keep a submission's rank from its newest judgement; nothing while there is none."""
    rank_all(session, [submission.id])


def rank_all(session: Session, submission_ids: Sequence[int]) -> None:
    """The ranks of a lot of submissions, in as many queries as for one."""
    found = session.execute(
        select(JudgementRow, Submission.resource_link_id)
        .join(Submission, Submission.id == JudgementRow.submission_id)
        .where(JudgementRow.submission_id.in_(submission_ids))
        .order_by(JudgementRow.id)
    ).all()
    newest = {judgement.submission_id: (judgement, placement) for judgement, placement in found}
    ids = [rating_id for judgement, _ in newest.values() for rating_id in judgement.rating_ids.values()]
    ratings = {row.id: row for row in session.scalars(select(RatingRow).where(RatingRow.id.in_(ids)))}
    known = {
        row.submission_id: row
        for row in session.scalars(select(ReviewRank).where(ReviewRank.submission_id.in_(newest)))
    }
    blind = pending(session, newest)
    doubts = []
    for submission_id, (judgement, placement) in newest.items():
        row = known.get(submission_id)
        if row is None:
            row = ReviewRank(submission_id=submission_id, resource_link_id=placement)
            session.add(row)
        if submission_id in blind:
            doubt = _hide(row)
        else:
            doubt = _fill_in(row, judgement, [ratings[one] for one in judgement.rating_ids.values()])
        doubts.append({"judged": submission_id, "unsure": doubt})
    session.flush()
    if doubts:
        judgings = update(Job.__table__).where(Job.submission_id == bindparam("judged"), Job.kind == JUDGE)  # type: ignore[arg-type]
        session.execute(judgings.values(doubt=bindparam("unsure")), doubts)


def _hide(row: ReviewRank) -> float:
    """What is to be scored blind stands anywhere in the order, and says nothing of the judge's sheet."""
    row.reasons = f"|{BLIND}|"
    return secrets.SystemRandom().random()


def _fill_in(row: ReviewRank, judgement: JudgementRow, ratings: Sequence[RatingRow]) -> float:
    reasons = reasons_of(judgement, ratings)
    row.reasons = f"|{'|'.join(reasons)}|" if reasons else ""
    return doubt_of(judgement, ratings, reasons)


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

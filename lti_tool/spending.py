"""What judging has cost: the answers that were bought, by the placement whose work they rate."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.models import AnswerRow, RatingRow, Submission


def spent_on(session: Session, resource_link_id: int) -> float:
    """US dollars for the answers that ratings on this placement rest on; an answer used twice was paid once."""
    rated = (
        select(RatingRow.fingerprint)
        .join(Submission, Submission.id == RatingRow.submission_id)
        .where(Submission.resource_link_id == resource_link_id)
    )
    spent = select(func.sum(AnswerRow.usage["usd"].as_float())).where(AnswerRow.fingerprint.in_(rated))
    return float(session.scalar(spent) or 0.0)

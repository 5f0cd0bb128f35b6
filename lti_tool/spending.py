"""What judging has cost: the answers that were bought, by placement, platform and time."""

from collections.abc import Mapping
from datetime import datetime

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


def spent_since(session: Session, since: datetime) -> Mapping[int, float]:
    """US dollars for the answers bought since then, by the id of the registration whose work they rate."""
    usd = func.sum(AnswerRow.usage["usd"].as_float())
    rows = session.execute(
        select(AnswerRow.registration_id, usd).where(AnswerRow.created_at >= since).group_by(AnswerRow.registration_id)
    )
    return {registration_id: float(spent or 0.0) for registration_id, spent in rows}


def spent_today(session: Session, now: datetime) -> Mapping[int, float]:
    """The same since midnight (UTC)."""
    return spent_since(session, midnight(now))


def midnight(now: datetime) -> datetime:
    """When the day began that budgets count by."""
    return now.replace(hour=0, minute=0, second=0, microsecond=0)

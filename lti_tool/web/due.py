"""Dates on a learner's pages: whether the course takes work now, and until when it can be taken back."""

from datetime import datetime

from sqlalchemy import select

from lti_tool.attempts import withdraw_until
from lti_tool.db import utc_now
from lti_tool.deadlines import deadlines_for
from lti_tool.models import Review, Submission
from lti_tool.results import state_of
from lti_tool.web.visit import Visit


def takes_work(visit: Visit) -> bool:
    """Whether the course takes this learner's work now."""
    return deadlines_for(visit.session, visit.link, visit.person_id).stage(utc_now()) in ("open", "late")


def withdraw_until_if_open(visit: Visit, sent: Submission) -> datetime | None:
    """Until when this submission can still be taken back; None once it cannot."""
    until = withdraw_until(visit.link, sent)
    if utc_now() >= until or state_of(visit.session, sent) in ("released", "withdrawn", "returned"):
        return None
    opened = visit.session.scalar(select(Review.id).where(Review.submission_id == sent.id).limit(1))
    return until if opened is None else None

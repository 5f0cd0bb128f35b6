"""What a score post must be, and what it does to the gradebook; strict, with Moodle's two known quirks.

Rules: https://www.imsglobal.org/spec/lti-ags/v2p0#score-publish-service
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.demo.records import LEARNER, LineItem, Person, Result
from lti_tool.demo.service import read_number, read_text, refuse

ACTIVITY_PROGRESS = frozenset({"Initialized", "Started", "InProgress", "Submitted", "Completed"})
GRADING_PROGRESS = frozenset({"FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"})
SMALLEST_MAXIMUM = 0.001  # so that a score rescaled to its column stays a finite number
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)", re.ASCII)


@dataclass(frozen=True)
class Score:
    """A well-formed score; `given` is None or comes with a positive `maximum`."""

    user_id: str
    timestamp: datetime
    activity_progress: str
    grading_progress: str
    given: float | None
    maximum: float | None
    comment: str | None


def read_score(body: dict[str, Any]) -> Score:
    """Check every field of the post; raises ServiceError 400 naming the faulty one."""
    given, maximum = read_number(body, "scoreGiven"), read_number(body, "scoreMaximum")
    if given is not None and maximum is None:
        refuse(400, "scoreGiven needs scoreMaximum.")
    if given is not None and given < 0:
        refuse(400, "scoreGiven must not be below 0.")
    if maximum is not None and maximum < SMALLEST_MAXIMUM:
        refuse(400, f"scoreMaximum must be at least {SMALLEST_MAXIMUM}.")
    return Score(
        user_id=read_text(body, "userId", required=True) or "",
        timestamp=read_timestamp(body, "timestamp"),
        activity_progress=_one_of(body, "activityProgress", ACTIVITY_PROGRESS),
        grading_progress=_one_of(body, "gradingProgress", GRADING_PROGRESS),
        given=given,
        maximum=maximum,
        comment=read_text(body, "comment"),
    )


def record_score(session: Session, item: LineItem, score: Score) -> None:
    """Put the score into the gradebook, or raise ServiceError 404, 400 or 409.

    As on Moodle a timestamp that is not strictly later is a conflict, and any grading progress
    but FullyGraded blanks the score that stood there; each post replaces the comment.
    """
    person = session.scalar(select(Person).where(Person.sub == score.user_id))
    if person is None:
        refuse(404, "userId is nobody in this course.")
    if person.role != LEARNER:
        refuse(400, "Only learners have scores.")
    stored = session.get(Result, (item.id, person.sub))
    if stored is not None and score.timestamp <= stored.timestamp:
        refuse(409, "A score with this timestamp or a later one is already recorded.")
    final = score.grading_progress == "FullyGraded"
    session.merge(
        Result(
            line_item_id=item.id,
            user_id=person.sub,
            timestamp=score.timestamp,
            activity_progress=score.activity_progress,
            grading_progress=score.grading_progress,
            score_given=score.given if final else None,
            score_maximum=score.maximum if final else None,
            comment=score.comment,
        )
    )


def read_timestamp(body: dict[str, Any], name: str) -> datetime:
    """An ISO 8601 date and time with its zone, as UTC."""
    text = body.get(name)
    if not isinstance(text, str) or not _TIMESTAMP.fullmatch(text):
        refuse(400, f"{name} must be an ISO 8601 date and time with a zone.")
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        refuse(400, f"{name} is not a real date and time.")


def _one_of(body: dict[str, Any], name: str, allowed: frozenset[str]) -> str:
    value = body.get(name)
    if not isinstance(value, str) or value not in allowed:
        refuse(400, f"{name} must be one of {', '.join(sorted(allowed))}.")
    return value

"""The line: one sentence of their own essay that a learner pins to its result."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.models import PinnedLine, Submission


def pinned_line(session: Session, submission: Submission) -> str | None:
    """The sentence that is pinned now, if one is."""
    newest = select(PinnedLine).where(PinnedLine.submission_id == submission.id).order_by(PinnedLine.id.desc())
    line = session.scalar(newest.limit(1))
    return (submission.text[line.start : line.end] or None) if line else None


def pin(session: Session, submission: Submission, span: tuple[int, int] | None) -> None:
    """Pin the words from start to end; None takes the pin out."""
    start, end = span or (0, 0)
    session.add(PinnedLine(submission_id=submission.id, start=start, end=end))
    session.flush()

"""Decisions that take effect later: in a moment, so that they can be taken back, or on the placement's date.

Nothing of a pending decision is shown to its learner or told the course. What it says was true when it was made is
checked once more when it is due; where that fails, it goes back to the queue with the sentence that says why.
"""

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, delete, false, func, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from lti_tool import jobs, reviews
from lti_tool.db import Database, utc_now
from lti_tool.deadlines import read_date
from lti_tool.models import PendingRelease, Release, ResourceLink, Submission
from lti_tool.results import judge_sheet
from lti_tool.reviews import AlreadyReleased, Decision, ReviewProblem

GRACE = timedelta(minutes=2)
AT_ONCE = 200  # decisions carried out in one go, so that a stop is never far

log = structlog.get_logger()


class AlreadyPending(Exception):
    """Somebody else decided already; theirs takes effect at `due`."""

    def __init__(self, handle: str, due: datetime) -> None:
        super().__init__("Someone else decided this already.")
        self.handle = handle
        self.due = due


def new_batch() -> str:
    """The name of decisions that are made, and can be taken back, together."""
    return secrets.token_urlsafe(16)


def release_date(link: ResourceLink, now: datetime) -> datetime | None:
    """When what is confirmed here is shown, if that is still to come; None for at once."""
    if link.settings.get("release") != "date":
        return None
    date = read_date(str(link.settings.get("release_on", "")))
    return date if date is not None and date > now else None


def follow_date(session: Session, link: ResourceLink) -> None:
    """The placement's date was changed: what is decided already goes out on the new one, which may be over."""
    date, now = read_date(str(link.settings.get("release_on", ""))), utc_now()
    if link.settings.get("release") != "date" or date is None:
        return
    waits = [PendingRelease.resource_link_id == link.id, PendingRelease.problem.is_(None)]
    if date <= now:
        date = now + GRACE
        waits.append(PendingRelease.due_at > date)
    session.execute(update(PendingRelease).where(*waits).values(due_at=date))


def decide(
    session: Session,
    link: ResourceLink,
    submission: Submission,
    reviewer_id: int,
    decisions: Mapping[str, Decision],
    seen_judgement_id: int | None,
) -> Release | PendingRelease:
    """Release a sheet now, or on the placement's date where it has one. Raises as `reviews.release`, AlreadyPending."""
    now = utc_now()
    date = release_date(link, now)
    known = _held(session, submission)
    if date is not None:
        return postpone(session, link, submission, reviewer_id, decisions, seen_judgement_id, date, new_batch())
    if known is not None and known.problem is None:
        raise AlreadyPending(known.reviewer.handle, known.due_at)
    if known is not None:
        session.delete(known)
    return reviews.release(session, link, submission, reviewer_id, decisions, seen_judgement_id)


def postpone(
    session: Session,
    link: ResourceLink,
    submission: Submission,
    reviewer_id: int,
    decisions: Mapping[str, Decision],
    seen_judgement_id: int | None,
    due_at: datetime,
    batch: str,
) -> PendingRelease:
    """Keep a decision until it is due. ReviewProblem or AlreadyReleased as for a release now, or AlreadyPending."""
    known = _held(session, submission)
    reviews.check(session, submission, reviewer_id, decisions, seen_judgement_id)
    if known is not None and known.problem is None and known.reviewer_id != reviewer_id:
        raise AlreadyPending(known.reviewer.handle, known.due_at)
    if known is not None:
        session.delete(known)
        session.flush()
    row = PendingRelease(
        submission_id=submission.id,
        resource_link_id=link.id,
        reviewer_id=reviewer_id,
        judgement_id=seen_judgement_id,
        decisions={criterion: asdict(decision) for criterion, decision in decisions.items()},
        batch=batch,
        due_at=due_at,
    )
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        first = session.get_one(PendingRelease, submission.id)
        raise AlreadyPending(first.reviewer.handle, first.due_at) from None
    return row


def _held(session: Session, submission: Submission) -> PendingRelease | None:
    """What somebody decided already, while nobody else can decide or carry it out."""
    jobs.hold_gate(session, submission.id)
    return session.get(PendingRelease, submission.id, populate_existing=True)


def as_judged(session: Session, submission: Submission) -> dict[str, Decision]:
    """The judge's own levels as a person's decision; criteria without a level are left out."""
    rows = judge_sheet(session, submission).rows
    return {row.criterion.id: Decision(row.judge_level) for row in rows if row.judge_level is not None}


def take_back(session: Session, link: ResourceLink, batch: str) -> int:
    """Undo the decisions of a batch that have not taken effect; returns how many those were."""
    gone = session.scalars(
        delete(PendingRelease)
        .where(PendingRelease.resource_link_id == link.id, PendingRelease.batch == batch)
        .returning(PendingRelease.submission_id)
    ).all()
    return len(gone)


def in_batch(session: Session, link: ResourceLink, batch: str) -> tuple[int, datetime | None]:
    """How many decisions of a batch are still to take effect, and when."""
    count, due = session.execute(
        select(func.count(), func.max(PendingRelease.due_at)).where(
            PendingRelease.resource_link_id == link.id, PendingRelease.batch == batch, PendingRelease.problem.is_(None)
        )
    ).one()
    return count, due


def carry_out_due(database: Database, now: datetime | None = None) -> int:
    """Make releases of what is due, each in a transaction of its own; returns how many were made."""
    now = now or utc_now()
    with database.read() as session:
        due = session.scalars(
            select(PendingRelease.submission_id)
            .where(PendingRelease.due_at <= now, PendingRelease.problem.is_(None))
            .order_by(PendingRelease.due_at)
            .limit(AT_ONCE)
        ).all()
    return sum(_carry_out(database, submission_id, now) for submission_id in due)


def _carry_out(database: Database, submission_id: int, now: datetime) -> bool:
    same: ColumnElement[bool] = false()
    try:
        with database.write() as session:
            jobs.hold_gate(session, submission_id)
            if (date := _date_now(session, submission_id, now)) is not None:
                # It was decided just before somebody set this date.
                waits = (PendingRelease.submission_id == submission_id, PendingRelease.due_at <= now)
                session.execute(update(PendingRelease).where(*waits).values(due_at=date))
                return False
            taken = session.execute(
                delete(PendingRelease)
                .where(
                    PendingRelease.submission_id == submission_id,
                    PendingRelease.problem.is_(None),
                    PendingRelease.due_at <= now,
                )
                .returning(
                    PendingRelease.reviewer_id,
                    PendingRelease.judgement_id,
                    PendingRelease.decisions,
                    PendingRelease.batch,
                )
            ).one_or_none()
            if taken is None:
                return False  # another executor was first, or it was taken back, or decided anew
            same = and_(PendingRelease.submission_id == submission_id, PendingRelease.batch == taken.batch)
            submission = session.get_one(Submission, submission_id)
            decisions = {criterion: Decision(**_fields(said)) for criterion, said in taken.decisions.items()}
            reviews.release(
                session, submission.resource_link, submission, taken.reviewer_id, decisions, taken.judgement_id
            )
        return True
    except AlreadyReleased:
        with database.write() as session:
            session.execute(delete(PendingRelease).where(same))
    except ReviewProblem as problem:
        _goes_back(database, same, str(problem))
    except SQLAlchemyError as error:
        log.error("a decision waits for the database", submission=submission_id, error=type(error).__name__)
    except Exception as error:  # whatever is wrong in one placement, what is due in the others goes out
        log.error("a decision could not be carried out", submission=submission_id, error=type(error).__name__)
        _goes_back(database, same, f"It could not be released ({type(error).__name__}).")
    return False


def _goes_back(database: Database, same: ColumnElement[bool], sentence: str) -> None:
    with database.write() as session:
        session.execute(update(PendingRelease).where(same).values(problem=sentence))


def _date_now(session: Session, submission_id: int, now: datetime) -> datetime | None:
    submission = session.get(Submission, submission_id)
    return release_date(submission.resource_link, now) if submission is not None else None


def _fields(said: Mapping[str, Any]) -> dict[str, Any]:
    return {**said, "quotes": tuple(tuple(span) for span in said.get("quotes", ()))}

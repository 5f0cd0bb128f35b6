"""The ledger of durable work: what is waiting, who holds it, and until when.

A job is claimed with a lease (`lti_tool.claims`). Every write of the one who works on it goes through that claim, and
fails with LeaseLost when the lease has run out or somebody else holds the job by now; what ran out is claimed again.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, bindparam, case, func, insert, literal, or_, select, update
from sqlalchemy.orm import Session

from lti_tool.db import UtcDateTime, insert_new, utc_now
from lti_tool.models import Job, JobEvent, Passback, Submission

JUDGE = "judge"
SEND_SCORE = "send_score"
REJUDGE = "rejudge"
CALIBRATE = "calibrate"
KINDS = (JUDGE, SEND_SCORE, REJUDGE, CALIBRATE)
JUDGING = (JUDGE, REJUDGE)  # what judges are asked for
MAX_TRIES = 8
GONE = ("withdrawn", "returned")  # of a judging: with its learner again
UNFINISHED = ("queued", "running")
URGENT = 10  # from this priority on somebody waits for it
RUSH = 25  # with so many judgings waiting in one placement, the next ones are a deadline's, not a click
CHANNEL = "atelier_job"  # where PostgreSQL tells executors of work

_FIRST_PAUSE = 15.0  # seconds; three times as long after every try: with eight tries some two and a half hours
_LONGEST_PAUSE = 3600.0


log = structlog.get_logger()


class LeaseLost(Exception):
    """The job is no longer ours to write to: somebody else has it, or will."""


@dataclass(frozen=True)
class Claim:
    """A job that `owner` holds; `tries` counts the claims so far, so an earlier claim by the same owner is void."""

    job_id: int
    kind: str
    submission_id: int | None
    passback_id: int | None
    tries: int
    owner: str


# ---- putting work in -----------------------------------------------------------------------------------------


def enqueue_judging(session: Session, submission: Submission) -> Job:
    """The job that judges a submission, made in the caller's transaction; a second call returns the same job.

    It goes ahead as a click, unless so many wait in its placement that this is a deadline: one course's rush holds up
    nobody in another.
    """
    found = session.scalar(select(Job).where(Job.kind == JUDGE, Job.submission_id == submission.id))
    if found is not None:
        return found
    place = submission.resource_link_id
    job = Job(
        kind=JUDGE,
        submission_id=submission.id,
        resource_link_id=place,
        priority=_priority(session, place),
        next_try_at=clock(session),
    )
    session.add(job)
    session.flush()
    add_event(session, job.id, "received")
    log.info("enqueued", kind=JUDGE, job=job.id)
    announce(session)
    return job


def _priority(session: Session, resource_link_id: int) -> int:
    waiting = (
        select(Job.id)
        .where(Job.resource_link_id == resource_link_id, Job.kind == JUDGE, Job.state.in_(UNFINISHED))
        .limit(RUSH)
    )
    return URGENT if session.scalars(select(func.count()).select_from(waiting.subquery())).one() < RUSH else 0


def enqueue_sending(session: Session, passback: Passback) -> Job:
    """The job that sends a message; messages about one learner in one placement go one at a time, in order."""
    found = session.scalar(select(Job).where(Job.kind == SEND_SCORE, Job.passback_id == passback.id))
    if found is not None:
        return found
    lane = f"send:{passback.resource_link_id}:{passback.person_id}"
    job = Job(kind=SEND_SCORE, passback_id=passback.id, lane=lane, next_try_at=clock(session))
    session.add(job)
    session.flush()
    log.info("enqueued", kind=SEND_SCORE, job=job.id)
    announce(session)
    return job


def enqueue_rejudging(session: Session, submission_ids: Collection[int]) -> None:
    """Have submissions judged again as drafts, behind everything that somebody waits for.

    A submission has one such job: one that ended is queued again, and one that runs is taken from its holder.
    """
    theirs = (Job.kind == REJUDGE, Job.submission_id.in_(submission_ids))
    # Locked in the order in which executors lock what they hold, so that the two never wait for each other.
    session.scalars(select(Job.id).where(*theirs).order_by(Job.id).with_for_update(key_share=True)).all()
    known = set(
        session.scalars(
            update(Job)
            .where(*theirs)
            .values(
                state="queued",
                # Whoever holds it now must not be taken for its next holder, which the number of tries tells apart.
                tries=case((Job.state == "running", Job.tries), else_=0),
                next_try_at=clock(session),
                finished_at=None,
                last_error=None,
                held=False,
                **_RELEASED,
            )
            .returning(Job.submission_id)
            .execution_options(synchronize_session=False)
        )
    )
    new = [{"kind": REJUDGE, "submission_id": one} for one in submission_ids if one not in known]
    if new:
        session.execute(insert(Job).values(next_try_at=clock(session)), new)
    log.info("enqueued", kind=REJUDGE, jobs=len(submission_ids))
    announce(session)


def enqueue_calibration(session: Session, lane: str) -> Job:
    """The job of a calibration run; those of one question go one at a time."""
    job = Job(kind=CALIBRATE, lane=lane, next_try_at=clock(session))
    session.add(job)
    session.flush()
    log.info("enqueued", kind=CALIBRATE, job=job.id)
    announce(session)
    return job


def announce(session: Session) -> None:
    """Have executors told, when this transaction is committed, that there is work; elsewhere they look themselves."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_notify(CHANNEL, "")))


def enqueue_again(session: Session, job_id: int) -> bool:
    """Put a job that waits for a person back in the queue, with all its tries; False if it does not wait."""
    moved = session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state == "needs_person")
        .values(state="queued", tries=0, next_try_at=clock(session), finished_at=None, last_error=None)
        .returning(Job.id)
    )
    announce(session)
    return moved.scalar() is not None


def no_more(session: Session, passback_id: int) -> None:
    """A message that waits for a person needs none any more: another one says the same."""
    session.execute(
        update(Job)
        .where(Job.passback_id == passback_id, Job.kind == SEND_SCORE, Job.state == "needs_person")
        .values(state="done", finished_at=utc_now())
    )


def add_event(session: Session, job_id: int, stage: str, **detail: Any) -> JobEvent:
    """Record that a job reached a stage; pages show these."""
    event = JobEvent(job_id=job_id, stage=stage, detail=detail)
    session.add(event)
    session.flush()
    return event


def add_events(session: Session, events: Sequence[tuple[int, str, Mapping[str, Any]]]) -> None:
    """Record many stages, each as (job id, stage, detail), in one statement."""
    if events:
        rows = [{"job_id": job_id, "stage": stage, "detail": dict(detail)} for job_id, stage, detail in events]
        insert_new(session, JobEvent.__table__, rows, ["id"])  # type: ignore[arg-type]


def pass_gate(session: Session, submission_id: int) -> bool:
    """Let a judged submission through the human gate; False when it is not there, or somebody else was first."""
    moved = session.execute(
        update(Job)
        .where(Job.kind == JUDGE, Job.submission_id == submission_id, Job.state == "awaiting_review")
        .values(state="done", finished_at=utc_now())
        .returning(Job.id)
    )
    return moved.scalar() is not None


def hold_gate(session: Session, submission_id: int) -> None:
    """Let nobody else decide about a submission until this transaction ends; taken before anything else is locked."""
    gate = select(Job).where(Job.kind == JUDGE, Job.submission_id == submission_id).with_for_update(key_share=True)
    session.scalars(gate.execution_options(populate_existing=True)).all()


def withdraw_judging(session: Session, submission_id: int) -> bool:
    """Take a submission out of judging, whoever holds it; False when it is released, or taken back already."""
    moved = session.execute(
        update(Job)
        .where(
            Job.kind == JUDGE,
            Job.submission_id == submission_id,
            Job.state.in_(("queued", "running", "awaiting_review", "needs_person")),
        )
        .values(state="withdrawn", owner=None, lease_until=None, finished_at=utc_now())
        .returning(Job.id)
    )
    return moved.scalar() is not None


def return_judged(session: Session, submission_id: int) -> bool:
    """Take a judged submission out of the gate, back to its learner; False when somebody else was first."""
    moved = session.execute(
        update(Job)
        .where(
            Job.kind == JUDGE, Job.submission_id == submission_id, Job.state.in_(("awaiting_review", "needs_person"))
        )
        .values(state="returned", finished_at=utc_now())
        .returning(Job.id)
    )
    return moved.scalar() is not None


def review_after_all(session: Session, submission_id: int) -> bool:
    """Put a submission that went back to its learner before a person again; False when it is not with them."""
    moved = session.execute(
        update(Job)
        .where(Job.kind == JUDGE, Job.submission_id == submission_id, Job.state == "returned")
        .values(state="awaiting_review", finished_at=None)
        .returning(Job.id)
    ).scalar()
    if moved is not None:
        add_event(session, moved, "held")
    return moved is not None


def is_handed_in() -> ColumnElement[bool]:
    """SQL: whether a submission counts as sent: neither taken back by its learner nor returned to them."""
    return or_(Job.state.is_(None), Job.state.not_in(GONE))


def send_after_all(session: Session, submission: Submission) -> bool:
    """Queue the judging of a submission that was taken back or returned; what was rated before is found again."""
    priority = _priority(session, submission.resource_link_id)
    moved = session.execute(
        update(Job)
        .where(Job.kind == JUDGE, Job.submission_id == submission.id, Job.state.in_(GONE))
        .values(
            state="queued", tries=0, next_try_at=clock(session), finished_at=None, priority=priority, gate_reason=None
        )
        .returning(Job.id)
    )
    announce(session)
    return moved.scalar() is not None


# ---- writing as the holder -----------------------------------------------------------------------------------


def hold(session: Session, claim: Claim) -> None:
    """Make sure that the job is still ours until this transaction ends. Raises LeaseLost."""
    _write(session, claim, {"owner": claim.owner})


def hold_all(session: Session, claims: Collection[Claim]) -> frozenset[Claim]:
    """Those of the claims whose jobs are still ours, and stay so until this transaction ends."""
    # Locked in the order of their ids, so that two lots never wait for each other.
    found = session.execute(
        select(Job.id, Job.owner, Job.tries)
        .where(Job.id.in_({claim.job_id for claim in claims}), Job.state == "running", Job.lease_until > clock(session))
        .order_by(Job.id)
        .with_for_update(key_share=True)
    )
    held = {(job_id, owner, tries) for job_id, owner, tries in found}
    # An executor that slept past its lease may be at work on a job twice, and its older claim must not hide its newer.
    return frozenset(claim for claim in claims if (claim.job_id, claim.owner, claim.tries) in held)


def finish(session: Session, claim: Claim) -> None:
    """The work is done. Raises LeaseLost."""
    _write(session, claim, {"state": "done", "finished_at": utc_now(), "last_error": None, **_RELEASED})


def to_gate(session: Session, claim: Claim, reason: str) -> None:
    """A person decides next; `reason` says in words why. Raises LeaseLost."""
    _write(session, claim, {"state": "awaiting_review", "gate_reason": reason, "last_error": None, **_RELEASED})
    add_event(session, claim.job_id, "held")


def to_gate_all(session: Session, reasons: Mapping[Claim, str]) -> None:
    """As `to_gate`, for many jobs; each must be held in this transaction (`hold_all`)."""
    if not reasons:
        return
    session.execute(
        update(Job.__table__)  # type: ignore[arg-type]
        .where(Job.id == bindparam("held_id"))
        .values(state="awaiting_review", gate_reason=bindparam("why"), last_error=None, **_RELEASED),
        [{"held_id": claim.job_id, "why": reason} for claim, reason in reasons.items()],
    )
    add_events(session, [(claim.job_id, "held", {}) for claim in reasons])


def to_person(session: Session, claim: Claim, sentence: str) -> None:
    """Trying again is of no use: a judging goes to the gate, a message waits for a person. Raises LeaseLost."""
    hold(session, claim)
    hand_to_person(session, claim.job_id, claim.kind, sentence)


def fail(session: Session, claim: Claim, sentence: str, retry_after: float | None = None) -> bool:
    """Try again later, or hand the job to a person after the last try; returns whether it is tried again.

    The pause grows with every try up to an hour; `retry_after` (seconds) lengthens it within that. Raises LeaseLost.
    """
    if claim.tries >= MAX_TRIES:
        to_person(session, claim, sentence)
        return False
    due = clock(session, pause(claim.tries, retry_after))
    _write(session, claim, {"state": "queued", "next_try_at": due, "last_error": sentence, **_RELEASED})
    add_event(session, claim.job_id, "waiting", reason=sentence)
    return True


def give_back(session: Session, claim: Claim) -> None:
    """Leave a job to whoever comes next, as if it had not been claimed. Raises LeaseLost."""
    _write(session, claim, {"state": "queued", "tries": claim.tries - 1, **_RELEASED})
    announce(session)


def postpone(session: Session, claim: Claim, sentence: str, seconds: float) -> None:
    """Leave a job until somebody has acted, for so many seconds; no try is counted. Raises LeaseLost."""
    due = clock(session, seconds)
    values = {"state": "queued", "tries": claim.tries - 1, "next_try_at": due, "last_error": sentence, **_RELEASED}
    _write(session, claim, values | {"held": True})
    add_event(session, claim.job_id, "waiting", reason=sentence)


def wake_held(session: Session) -> int:
    """Have held judging tried now: what it waited for seems to be mended; returns how many jobs that were."""
    woken = session.scalars(
        update(Job)
        .where(Job.kind.in_(JUDGING), Job.state == "queued", Job.held.is_(True))
        .values(next_try_at=clock(session), held=False)
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return len(woken.all())


def count_held(session: Session) -> int:
    """How many submissions wait for an operator to change something."""
    held = select(func.count()).select_from(Job).where(Job.kind.in_(JUDGING), Job.state == "queued", Job.held.is_(True))
    return session.scalar(held) or 0


def pause(tries: int, retry_after: float | None = None) -> float:
    """Seconds until the next try: growing, capped, and spread so that a crowd does not come back together."""
    grown = max(_FIRST_PAUSE * 3.0 ** (tries - 1), retry_after or 0)
    return min(grown, _LONGEST_PAUSE) * random.uniform(1, 1.2)


_RELEASED: dict[str, Any] = {"owner": None, "lease_until": None}


def held_by(session: Session, owner: str) -> Sequence[ColumnElement[bool]]:
    """What is true of a job that this owner holds."""
    return Job.owner == owner, Job.state == "running", Job.lease_until > clock(session)


def _write(session: Session, claim: Claim, values: dict[str, Any]) -> None:
    matched = session.execute(
        update(Job)
        .where(Job.id == claim.job_id, Job.tries == claim.tries, *held_by(session, claim.owner))
        .values(**values)
        .returning(Job.id)
        .execution_options(synchronize_session="fetch")
    )
    if matched.scalar() is None:
        raise LeaseLost(f"job {claim.job_id} is no longer held by this executor")


def hand_to_person(session: Session, job_id: int, kind: str, sentence: str) -> None:
    """A judging goes to the gate, a message waits for a person; whoever calls holds the job's row."""
    gate = {"state": "awaiting_review", "gate_reason": sentence}
    person = {"state": "needs_person", "finished_at": utc_now()}
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(**(gate if kind == JUDGE else person), last_error=sentence, **_RELEASED)
        .execution_options(synchronize_session="fetch")
    )
    if kind == SEND_SCORE:
        # The message says so too, so that the page offers to send it again.
        said = select(Job.passback_id).where(Job.id == job_id).scalar_subquery()
        session.execute(
            update(Passback)
            .where(Passback.id == said, Passback.state.in_(("waiting", "unknown")))
            .values(state="refused", answer=sentence, settled_at=utc_now())
            .execution_options(synchronize_session="fetch")
        )
    add_event(session, job_id, "held")


def clock(session: Session, seconds: float = 0) -> ColumnElement[datetime]:
    """The time that leases are measured by: the database's own where several machines share one."""
    return clock_of(session.get_bind().dialect.name, seconds)


def clock_of(dialect: str, seconds: float = 0) -> ColumnElement[datetime]:
    """The same on a kind of database; it is read when its statement is executed, however long ago that was built."""
    ahead = timedelta(seconds=seconds)
    if dialect == "postgresql":
        return func.clock_timestamp(type_=UtcDateTime()) + literal(ahead)
    return bindparam(None, callable_=lambda: utc_now() + ahead, type_=UtcDateTime())

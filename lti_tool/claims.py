"""Taking jobs from the ledger: which are due, who gets them, and for how long."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from lti_tool.jobs import (
    KINDS,
    MAX_TRIES,
    UNFINISHED,
    URGENT,
    Claim,
    add_event,
    clock,
    clock_of,
    hand_to_person,
    held_by,
)
from lti_tool.models import Job, JobEvent, Passback, Person, Registration, Submission

BROKE_TOO_OFTEN = "The program broke off in the middle of this too often."
COUNTED = 400  # beyond that a queue is just long
# Seconds. A lease that ends further away, or a job made so far ahead, was written before the clock was set back.
FAR_LEASE = 600.0
FUTURE = 60.0
SUSPECT_TRIES = 3  # what broke off so often with its executor may have been what killed it

_OLDER = aliased(Job)


@dataclass(frozen=True)
class Due:
    """What waits: by kind how many that somebody waits for (True) and how many others, up to some hundreds of each.

    `suspects`: whether there is one that has to be run with nothing beside it; it is not among the others.
    """

    counts: Mapping[str, Mapping[bool, int]]
    suspects: bool

    def __bool__(self) -> bool:
        return self.suspects or any(count for of_kind in self.counts.values() for count in of_kind.values())


def look(session: Session) -> Due:
    """What `claim` would find: one cheap read, so that an idle executor never takes the write lock."""
    *counts, suspect = session.execute(_looking(session.get_bind().dialect.name)).one()
    of_kinds = zip(counts[::2], counts[1::2], strict=True)
    return Due(
        {kind: {True: urgent, False: others} for kind, (urgent, others) in zip(KINDS, of_kinds, strict=True)},
        suspect is not None,
    )


@lru_cache
def _looking(dialect: str) -> Select[Any]:
    """The statement of `look`, put together once: that takes ten times as long as the database does."""
    now = partial(clock_of, dialect)
    counts = [
        select(func.count())
        .select_from(select(Job.id).where(*_due(now, [kind]), _urgency(urgent), ~_suspect()).limit(COUNTED).subquery())
        .scalar_subquery()
        for kind in KINDS
        for urgent in (True, False)
    ]
    return select(*counts, select(Job.id).where(*_due(now, KINDS), _suspect()).limit(1).scalar_subquery())


def claim(
    session: Session,
    *,
    owner: str,
    limit: int,
    lease_seconds: float,
    kinds: Collection[str] = KINDS,
    urgent: bool | None = None,
    suspects: bool | None = None,
) -> list[Claim]:
    """Take up to `limit` due jobs, the higher priority first, then the oldest; of both urgencies if none is named.

    `suspects` alone, or none of them: jobs whose executor ended in the middle of them again and again.

    Due are queued jobs whose time has come and running ones whose lease ran out; these get the event "resumed".
    Nothing waits for the clock to come back to where it was before somebody set it back.
    A job in a lane is due only when no older unfinished job of its lane exists.
    """
    # On PostgreSQL rows that another claimer has locked are skipped; a SQLite writer is alone.
    found = session.execute(
        select(Job.id, Job.kind, Job.submission_id, Job.passback_id, Job.tries, Job.state)
        .where(
            *_due(partial(clock, session), kinds),
            *([] if urgent is None else [_urgency(urgent)]),
            *([] if suspects is None else [_suspect() if suspects else ~_suspect()]),
        )
        .order_by(Job.priority.desc(), Job.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=Job)
    ).all()
    broke = {row.id: row for row in found if row.state == "running"}
    given_up = {job_id for job_id, row in broke.items() if row.tries >= MAX_TRIES}
    for job_id in given_up:
        hand_to_person(session, job_id, broke[job_id].kind, BROKE_TOO_OFTEN)
    taken = [row for row in found if row.id not in given_up]
    session.execute(
        update(Job)
        .where(Job.id.in_([row.id for row in taken]))
        .values(
            state="running", held=False, owner=owner, tries=Job.tries + 1, lease_until=clock(session, lease_seconds)
        )
        .execution_options(synchronize_session=False)
    )
    for job_id in broke.keys() - given_up:
        add_event(session, job_id, "resumed", at=stage_reached(session, job_id))
    return [Claim(row.id, row.kind, row.submission_id, row.passback_id, row.tries + 1, owner) for row in taken]


def _suspect() -> ColumnElement[bool]:
    return and_(Job.state == "running", Job.tries >= SUSPECT_TRIES)


def _urgency(urgent: bool) -> ColumnElement[bool]:
    return Job.priority >= URGENT if urgent else Job.priority < URGENT


def _due(now: Callable[..., ColumnElement[datetime]], kinds: Collection[str]) -> Sequence[ColumnElement[bool]]:
    blocked = select(_OLDER.id).where(_OLDER.lane == Job.lane, _OLDER.id < Job.id, _OLDER.state.in_(UNFINISHED))
    untried = and_(Job.tries == 0, Job.held.is_(False), Job.created_at > now(FUTURE))
    ready = or_(
        and_(Job.state == "queued", or_(Job.next_try_at <= now(), untried)),
        and_(Job.state == "running", or_(Job.lease_until <= now(), Job.lease_until > now(FAR_LEASE))),
    )
    free = or_(Job.lane.is_(None), ~blocked.exists())
    return (Job.kind.in_(kinds), ready, free, *(~found.exists() for found in _of_disabled()))


def _of_disabled() -> Sequence[Select[int]]:
    """Work for a platform that is not let in: it waits, so that it spends nothing."""
    return [
        select(work.id)
        .join(Person, work.person_id == Person.id)
        .join(Registration, Person.registration_id == Registration.id)
        .where(work.id == of_job, Registration.enabled.is_(False))
        for work, of_job in ((Submission, Job.submission_id), (Passback, Job.passback_id))
    ]


def stage_reached(session: Session, job_id: int) -> str:
    """The furthest stage of a job in words, such as "judging 4 of 7"."""
    last = session.scalar(
        select(JobEvent)
        .where(JobEvent.job_id == job_id, JobEvent.stage.not_in(("resumed", "waiting")))
        .order_by(JobEvent.id.desc())
        .limit(1)
    )
    if last is None:
        return ""
    done, of = last.detail.get("done", 0), last.detail.get("of", 0)
    return f"{last.stage} {min(done + 1, of)} of {of}" if of else last.stage


def renew(session: Session, owner: str, job_ids: Collection[int], lease_seconds: float) -> set[int]:
    """Hold on to jobs for another lease; returns those that are still held."""
    ours = select(Job.id).where(Job.id.in_(job_ids), *held_by(session, owner))
    held = session.scalars(ours.order_by(Job.id).with_for_update(key_share=True)).all()
    kept = session.scalars(
        update(Job)
        .where(Job.id.in_(held), *held_by(session, owner))
        .values(lease_until=clock(session, lease_seconds))
        .returning(Job.id)
        .execution_options(synchronize_session=False)
    )
    return set(kept)

"""What is kept for a limited time, and goes when that is over: learners' work, answers of judges that nothing rests on,
and sign-ins that ended.

By hand with `atelier purge`; executors do it by themselves. Two at once do no harm.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from lti_tool.db import Database, utc_now
from lti_tool.erasing import Due, are_unrated, due_for_erasing, erase_work, forget_unrated
from lti_tool.locks import lock_learner
from lti_tool.models import (
    AdminCode,
    AdminSession,
    AnswerRow,
    DeepLinking,
    Handoff,
    LoginState,
    Person,
    ResourceLink,
    WebSession,
)

A_DAY = timedelta(days=1)
OVER = (AdminCode, AdminSession, DeepLinking, Handoff, LoginState, WebSession)


@dataclass(frozen=True)
class Purged:
    """What was due, and how many learners' work of it was erased now."""

    due: tuple[Due, ...]
    erased: int


def due_now(database: Database, now: datetime | None = None) -> tuple[Due, ...]:
    """Whose work has been kept as long as its placement says."""
    with database.read() as session:
        return tuple(due_for_erasing(session, now or utc_now()))


def anything_due(database: Database, now: datetime | None = None) -> bool:
    """Whether `purge` would find something."""
    now = now or utc_now()
    with database.read() as session:
        over = [select(table).where(table.expires_at < now - A_DAY).exists() for table in OVER]
        over.append(select(AnswerRow).where(are_unrated(now)).exists())
        return session.scalars(select(or_(*over))).one() or bool(due_for_erasing(session, now))


def purge(database: Database, now: datetime | None = None) -> Purged:
    """Erase what is due, each learner in a transaction of their own, so that a stop loses nothing; then the rest."""
    now = now or utc_now()
    due = due_now(database, now)
    erased = sum(_erase(database, one, now) for one in due)
    with database.write() as session:
        for table in OVER:
            session.execute(delete(table).where(table.expires_at < now - A_DAY))
        forget_unrated(session, now)
    return Purged(due, erased)


def _erase(database: Database, one: Due, now: datetime) -> bool:
    """Erase one learner's work, unless another did, or they came back meanwhile."""
    with database.write() as session:
        link = session.get(ResourceLink, one.resource_link_id)
        if link is None:
            return False
        lock_learner(session, link.id, one.person_id)
        still = due_for_erasing(session, now, link_id=link.id, person_id=one.person_id)
        if not still or session.scalar(select(Person.id).where(Person.id == one.person_id)) is None:
            return False
        erase_work(session, link, one.person_id, by=None)
        return True

"""How fast, and how much at a time, all executors together may ask the provider of a paid judge.

In the ledger's database a row for each provider says when the next question is due (its requests a minute, spread
evenly, with a tenth kept for bursts), and there is one for each question under way, with a lease so that a killed
executor's places come free. Whoever begins a question locks the provider's row for a moment, so that no two count the
same place.

The bulk leaves a fifth of the places and all of the burst to what somebody waits for; its first in line, after ten
seconds, is treated like everybody else, so that it moves on.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.claims import FAR_LEASE
from lti_tool.db import Database, insert_new
from lti_tool.models import ProviderCall, ProviderPace
from lti_tool.provider_limits import Limit

LEASE_SECONDS = 60.0  # of a question under way; renewed by its executor
PATIENCE = 10.0  # seconds after which the first of the bulk is treated like what somebody waits for
LONGEST_LOOK = 2.0
SHORTEST_LOOK = 0.05
LONGEST_BREAK = 60.0  # that everybody takes when a provider says it is too much
KEPT_FREE = 5  # one place in so many is not for the bulk
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

log = structlog.get_logger()

Clock = Callable[[Session], datetime]
Turn = Callable[[], AbstractAsyncContextManager[None]]


def database_clock(session: Session) -> datetime:
    """The time that all executors share."""
    return session.scalars(select(jobs.clock(session))).one()


@dataclass(frozen=True)
class Begun:
    """A question that may be put now; `end` gives its place back."""

    lease: str


@dataclass(frozen=True)
class Later:
    """Not yet: worth another look after so many seconds."""

    seconds: float


class Pace:
    """The limits of each provider, as one executor keeps to them; `owner` is its name."""

    def __init__(
        self, database: Database, limits: Mapping[str, Limit], owner: str, clock: Clock = database_clock
    ) -> None:
        self._database, self._limits, self._owner, self._clock = database, dict(limits), owner, clock
        self._lines: dict[tuple[str, bool], asyncio.Lock] = {}
        self._under_way: set[str] = set()  # leases of questions that this executor has put

    def limits(self, asked: Any) -> bool:
        """Whether what a judge or coach is asked is limited at all."""
        return bool(asked.paid) and provider_of(asked) in self._limits

    @asynccontextmanager
    async def turn(
        self, asked: Any, *, urgent: bool, in_thread: Callable[..., Any], own: Turn = nullcontext
    ) -> AsyncIterator[None]:
        """Wait until this judge's provider may be asked, and count as asking until the end of the block.

        `own` is a turn of the executor's own. A place at the provider is taken with one in hand, so that none is kept
        from others by what cannot ask yet; and who has to wait for a place gives the turn back meanwhile.
        """
        if not self.limits(asked):
            async with own():
                yield
            return
        async with AsyncExitStack() as held:
            # Of those who wait only the first of each class looks at the database.
            async with self._lines.setdefault((provider_of(asked), urgent), asyncio.Lock()):
                begun = await self._wait(provider_of(asked), urgent, in_thread, own, held)
            try:
                yield
            finally:
                await asyncio.shield(in_thread(self._end, begun))

    async def _wait(
        self, provider: str, urgent: bool, in_thread: Callable[..., Any], own: Turn, held: AsyncExitStack
    ) -> Begun:
        since = time.monotonic()
        while True:
            async with AsyncExitStack() as turn:
                await turn.enter_async_context(own())
                found = await in_thread(self.begin, provider, urgent or time.monotonic() - since > PATIENCE)
                if isinstance(found, Begun):
                    held.push_async_exit(turn.pop_all())
                    return found
            await asyncio.sleep(min(LONGEST_LOOK, max(SHORTEST_LOOK, found.seconds)))

    # ---- in the database -------------------------------------------------------------------------------------

    def begin(self, provider: str, urgent: bool) -> Begun | Later:
        """Take a place and a moment for one question, both or neither."""
        limit = self._limits[provider]
        with self._database.write() as session:
            pace = _locked(session, provider)
            now = self._clock(session)
            due = max(_meant(pace.due_at, now, limit), now)
            ahead = limit.burst if urgent else 0
            wait = (due - now).total_seconds() - ahead * limit.interval
            if wait > 0:
                return Later(wait)
            if limit.at_once and not _has_place(session, provider, limit, now, urgent):
                return Later(SHORTEST_LOOK * 4)
            pace.due_at = due + timedelta(seconds=limit.interval)
            lease = secrets.token_hex(16)
            until = now + timedelta(seconds=LEASE_SECONDS)
            session.add(ProviderCall(lease=lease, provider=provider, owner=self._owner, until=until))
        self._under_way.add(lease)
        return Begun(lease)

    def _end(self, begun: Begun) -> None:
        """End, whatever the database says: what was answered is not lost, and the place comes free with its lease."""
        try:
            self.end(begun)
        except SQLAlchemyError as error:
            log.error("a place at a provider could not be given back", error=type(error).__name__)

    def end(self, begun: Begun) -> None:
        """The question was answered, or will not be."""
        self._under_way.discard(begun.lease)
        with self._database.write() as session:
            session.execute(delete(ProviderCall).where(ProviderCall.lease == begun.lease))

    def renew(self) -> None:
        """Keep the places of what this executor has under way."""
        leases = list(self._under_way)
        if not leases:
            return
        with self._database.write() as session:
            until = self._clock(session) + timedelta(seconds=LEASE_SECONDS)
            session.execute(update(ProviderCall).where(ProviderCall.lease.in_(leases)).values(until=until))

    def take_a_break(self, asked: Any, seconds: float) -> None:
        """The provider said it is too much: nobody asks it for so long."""
        if not self.limits(asked):
            return
        with self._database.write() as session:
            pace = _locked(session, provider_of(asked))
            limit = self._limits[provider_of(asked)]
            # Past the burst too, so that what somebody waits for keeps to it.
            wait = min(seconds, LONGEST_BREAK) + limit.burst * limit.interval
            now = self._clock(session)
            pace.due_at = max(_meant(pace.due_at, now, limit), now + timedelta(seconds=wait))


def _meant(due_at: datetime, now: datetime, limit: Limit) -> datetime:
    """When the next question is due; now, where what is written was written before the clock was set back."""
    furthest = LONGEST_BREAK + (limit.burst + 1) * limit.interval
    return now if due_at > now + timedelta(seconds=furthest + FAR_LEASE) else due_at


def provider_of(asked: Any) -> str:
    """Whose service a judge or coach is asked at: the first word of its name, such as claude."""
    return str(asked.name).partition(":")[0]


def _locked(session: Session, provider: str) -> ProviderPace:
    """The provider's row, ours until the transaction ends."""
    known = select(ProviderPace).where(ProviderPace.provider == provider).with_for_update()
    found = session.scalar(known)
    if found is None:
        new = {"provider": provider, "due_at": LONG_AGO}
        insert_new(session, ProviderPace.__table__, [new], ["provider"])  # type: ignore[arg-type]
        found = session.scalars(known).one()
    return found


def _has_place(session: Session, provider: str, limit: Limit, now: datetime, urgent: bool) -> bool:
    over = or_(ProviderCall.until <= now, ProviderCall.until > now + timedelta(seconds=FAR_LEASE))
    session.execute(delete(ProviderCall).where(ProviderCall.provider == provider, over))
    taken = session.scalar(select(func.count()).where(ProviderCall.provider == provider)) or 0
    kept = 0 if urgent or limit.at_once == 1 else max(1, limit.at_once // KEPT_FREE)
    return taken < limit.at_once - kept

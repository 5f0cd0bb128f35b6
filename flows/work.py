"""What a chunk of work needs besides its ids: given to the flow's tasks through the context, never to Prefect."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

from flows import answers, closing, drafts, sheets
from flows.judging.coach import Coach
from flows.judging.judge import Answer, Judge
from flows.lots import Lots
from flows.pace import Pace
from flows.sheets import OpenSheet
from flows.turns import Turns
from lti_tool.db import Database
from lti_tool.delivery import GradebookOf
from lti_tool.jobs import Claim
from lti_tool.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

OTHER_THREADS = 8  # beside those that wait for a judge: the database, platforms


class Bench:
    """What all chunks of an executor share; made in the event loop that they run in.

    Small writes to the ledger go by lots. At most `calls_at_once` questions are put to judges at a time; `budget_usd`
    is what paid judges may spend in a day, 0 for no limit; `offered` are judges that a placement may have chosen;
    `trouble` is what asking ran into and no answer has ended.
    """

    def __init__(
        self,
        database: Database,
        *,
        criteria_at_once: int = 3,
        calls_at_once: int = 16,
        budget_usd: float = 0,
        judge_name: str = "",
        offered: Mapping[str, Judge] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.database = database
        self.criteria_at_once = criteria_at_once
        self.budget_usd = budget_usd
        self.judge_name = judge_name
        self.offered = dict(offered or {})
        self.trouble = ""
        self.threads = ThreadPoolExecutor(OTHER_THREADS, "work")
        self.judges = ThreadPoolExecutor(calls_at_once, "judge")
        self.turns = Turns(calls_at_once)
        self.pace = pace or Pace(database, {}, "")
        self.stored_answer = Lots[str, Answer | None](partial(answers.stored_answers, database), self.threads)
        self.keep_answer = Lots[answers.Bought, Answer](partial(answers.keep_answers, database), self.threads)
        self.keep_ratings = Lots[sheets.Answered, None](partial(sheets.keep_ratings, database), self.threads)
        self.close_sheet = Lots[closing.Filled, str | None](partial(closing.close_sheets, database), self.threads)
        self.close_draft = Lots[closing.Filled, Exception | None](partial(drafts.close_drafts, database), self.threads)
        self._asking: dict[str, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def may_ask(self, asked: Judge | Coach, *, urgent: bool) -> AsyncIterator[None]:
        """Wait until a judge or coach may be asked: a turn of this executor's, and a place at its provider's."""
        own = partial(self.turns.turn, urgent=urgent)
        async with self.pace.turn(asked, urgent=urgent, in_thread=self.in_thread, own=own):
            yield

    async def in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run something that waits (the database, a platform) without holding up the others."""
        return await _run(self.threads, function, *args, **kwargs)

    async def ask(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run something that waits for a judge."""
        return await _run(self.judges, function, *args, **kwargs)

    @asynccontextmanager
    async def asking_alone(self, question: str) -> AsyncIterator[None]:
        """Two learners who send the same text at the same moment get one answer: the second waits for the first."""
        lock, users = self._asking.get(question, (asyncio.Lock(), 0))
        self._asking[question] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._asking.pop(question)
            if users > 1:
                self._asking[question] = lock, users - 1

    def close(self) -> None:
        """Begin nothing more."""
        for pool in (self.threads, self.judges):
            pool.shutdown(wait=False, cancel_futures=True)


async def _run(pool: ThreadPoolExecutor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, lambda: context.run(function, *args, **kwargs))


async def all_or_first_error(parts: Sequence[Awaitable[None]]) -> None:
    """Wait for every part, then raise the first error: what the others reach is stored, and not done again."""
    results = await asyncio.gather(*parts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


@dataclass
class Chunk:
    """The submissions of one flow run: who holds them, the sheets that are open, and answers on their way to them.

    `coach` replies to hot-takes once they are judged. `one_less` is told of each submission that
    is over.
    """

    bench: Bench
    judge: Judge
    claims: dict[int, Claim]
    lessons: tuple[str, ...] = ()
    sheets: dict[int, OpenSheet] = field(default_factory=dict)
    answers: dict[tuple[int, str], Answer] = field(default_factory=dict)
    one_less: Callable[[], None] = lambda: None
    coach: Coach | None = None
    urgent: bool = True  # somebody waits for these
    draft: bool = False  # what is judged shows what would move, and nothing that holds is touched
    lost: set[int] = field(default_factory=set)  # submissions that somebody else has by now


@dataclass(frozen=True)
class Sending:
    """The messages of one flow run: who holds them, and which registration each goes to."""

    bench: Bench
    gradebook_of: GradebookOf
    claims: dict[int, Claim]
    registrations: Mapping[int, int]


@dataclass(frozen=True)
class Calibrating:
    """The calibrations of one flow run, by the ids of their jobs."""

    bench: Bench
    claims: dict[int, Claim]


@dataclass(frozen=True)
class Retaining:
    """What a run of the flow `retention` needs."""

    bench: Bench
    settings: Settings


CALIBRATING: ContextVar[Calibrating] = ContextVar("calibrating")
CHUNK: ContextVar[Chunk] = ContextVar("chunk")
RETAINING: ContextVar[Retaining] = ContextVar("retaining")
SENDING: ContextVar[Sending] = ContextVar("sending")

"""What a chunk of work needs besides its ids: given to the flow's tasks through the context, never to Prefect."""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

from flows.judging.judge import Judge
from flows.sheets import OpenSheet, open_sheet
from lti_tool.db import Database
from lti_tool.delivery import GradebookOf
from lti_tool.jobs import Claim

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Bench:
    """What all chunks of an executor share; made in the event loop that they run in.

    `asking` holds a lock for each question that is being put, so that two learners who send the same text at the
    same moment get one answer.
    """

    database: Database
    threads: ThreadPoolExecutor
    criteria_at_once: int = 3
    budget_usd: float = 0  # what paid judges may spend in a day; 0 for no limit
    calls: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(16))
    asking: dict[str, asyncio.Lock] = field(default_factory=dict)
    judge_name: str = ""  # as the setting has it
    trouble: str = ""  # what asking the judge ran into and no answer has ended yet

    async def in_thread(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run something that waits (a judge, the database) without holding up the others."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: context.run(function, *args, **kwargs))


@dataclass
class Chunk:
    """The submissions of one flow run: who holds them, and the sheets that are open."""

    bench: Bench
    judge: Judge
    claims: dict[int, Claim]
    sheets: dict[int, OpenSheet] = field(default_factory=dict)

    def sheet(self, submission_id: int) -> OpenSheet:
        """The open sheet of a submission, opened when first needed."""
        if submission_id not in self.sheets:
            self.sheets[submission_id] = open_sheet(self.bench.database, self.judge, submission_id)
        return self.sheets[submission_id]


@dataclass(frozen=True)
class Sending:
    """The messages of one flow run: who holds them, and which registration each goes to."""

    bench: Bench
    gradebook_of: GradebookOf
    claims: dict[int, Claim]
    registrations: dict[int, int]


CHUNK: ContextVar[Chunk] = ContextVar("chunk")
SENDING: ContextVar[Sending] = ContextVar("sending")

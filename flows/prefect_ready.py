"""Our flows as an executor runs them: with their result storage, reports and connection; imported once Prefect answers.

The connection to Prefect's server is opened once for the executor's life. Left to itself every flow run opens one of
its own, and reads the machine's certificates for it: a sixth of a second, which a click would wait for.
"""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, TypeVar

import structlog
from prefect.context import AsyncClientContext, SyncClientContext

from flows.calibrate import calibrate
from flows.judge_submissions import judge_submissions
from flows.records import BLOCK, SealedRecords
from flows.rejudge import rejudge
from flows.retention_flow import retention
from flows.send_scores import send_scores
from flows.task_events import TaskEvents
from flows.work import CALIBRATING, CHUNK, RETAINING, SENDING, Calibrating, Chunk, Retaining, Sending
from lti_tool.settings import Settings

T = TypeVar("T")


class Ready:
    """Prefect, ready to run chunks in the executor's event loop. Raises whatever Prefect raises when it is not."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop) -> None:
        records = SealedRecords.of(settings)
        records.save(BLOCK, overwrite=True)
        self._judge_submissions = judge_submissions.with_options(result_storage=records)
        self._rejudge = rejudge.with_options(result_storage=records)
        self._connected = asyncio.run_coroutine_threadsafe(_connect(), loop).result()
        self._events = TaskEvents()
        self._events.start()
        self._runs = 0

    async def judge(self, chunk: Chunk) -> None:
        """One flow run for a chunk of submissions."""
        await self._run(CHUNK, chunk, self._judge_submissions, list(chunk.claims))

    async def rejudge(self, chunk: Chunk) -> None:
        """One flow run for a chunk of submissions that are judged again as drafts."""
        await self._run(CHUNK, chunk, self._rejudge, list(chunk.claims))

    async def calibrate(self, work: Calibrating) -> None:
        """One flow run for calibrations."""
        await self._run(CALIBRATING, work, calibrate, list(work.claims))

    async def send(self, sending: Sending) -> None:
        """One flow run for a chunk of messages."""
        await self._run(SENDING, sending, send_scores, list(sending.claims))

    async def retain(self, work: Retaining) -> None:
        """One flow run for all that was kept long enough."""
        await self._run(RETAINING, work, retention)

    async def _run(
        self, variable: ContextVar[T], value: T, flow: Callable[..., Coroutine[Any, Any, None]], *ids: list[int]
    ) -> None:
        context = self._connected.copy()
        context.run(variable.set, value)
        context.run(structlog.contextvars.bind_contextvars, **structlog.contextvars.get_contextvars())
        self._runs += 1
        try:
            await asyncio.get_running_loop().create_task(flow(*ids), context=context)
        finally:
            self._runs -= 1
            if not self._runs:
                self._events.post_now()

    def close(self) -> None:
        """Tell Prefect what is left to tell."""
        self._events.close()


async def _connect() -> Context:
    """A context in which Prefect finds its clients; they stay open until the process ends."""
    await AsyncClientContext().__aenter__()
    SyncClientContext().__enter__()
    return contextvars.copy_context()

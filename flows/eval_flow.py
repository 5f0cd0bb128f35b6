"""The flow that asks a paid judge about a set: tasks cached by fingerprint, as in production.

Prefect keeps receipts, the run's log keeps answers: a receipt without its answer (another folder's) is void.
"""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.prefect_setup import API_URL, EmbeddedServer, PrefectUnavailable, prepare
from flows.run_eval import Desk, OpenSheet, Stopped
from lti_tool.settings import Settings

CHUNK_SIZE = 25
CALLS_AT_ONCE = 8
GIVE_UP_AFTER = 5  # sheets in a row that a judge could not be reached for


@dataclass
class Table:
    """The sheets of one flow run, and the desk they lie on."""

    desk: Desk
    sheets: dict[str, OpenSheet]
    threads: ThreadPoolExecutor
    calls: asyncio.Semaphore
    asking: dict[str, asyncio.Lock] = field(default_factory=dict)
    failed_in_a_row: int = 0

    async def in_thread(self, function: Any, *args: Any) -> Any:
        """Run what waits for a judge or a disk without holding up the others."""
        context = copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: context.run(function, *args))


TABLE: ContextVar[Table] = ContextVar("table")


def ask_by_prefect(folder: Path, desk: Desk, sheets: Sequence[OpenSheet]) -> None:
    """Fill in these sheets by flow runs of 25, beside a Prefect server of the folder's own if none is set."""
    with _server(folder):
        from flows.eval_tasks import judge_chunk

        asyncio.run(_run(judge_chunk, desk, sheets))


async def _run(judge_chunk: Any, desk: Desk, sheets: Sequence[OpenSheet]) -> None:
    with ThreadPoolExecutor(CALLS_AT_ONCE + 2, "judge") as threads:
        table = Table(desk, {}, threads, asyncio.Semaphore(CALLS_AT_ONCE))
        TABLE.set(table)
        for start in range(0, len(sheets), CHUNK_SIZE):
            if desk.stopped:
                return
            chunk = {sheet.wanted.fingerprint: sheet for sheet in sheets[start : start + CHUNK_SIZE]}
            table.sheets = chunk
            await judge_chunk(list(chunk))


@contextmanager
def _server(folder: Path) -> Iterator[None]:
    prepare(Settings(result_storage=folder / "prefect" / "results"))
    if os.environ.get(API_URL):
        yield
        return
    server = EmbeddedServer()
    try:
        server.start(threading.Event())
    except PrefectUnavailable as error:
        raise Stopped(str(error)) from None
    os.environ[API_URL] = server.api_url
    try:
        yield
    finally:
        del os.environ[API_URL]
        server.stop()

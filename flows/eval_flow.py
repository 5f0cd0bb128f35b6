"""The flow that asks a paid judge about a set: tasks cached by fingerprint, as in production.

Prefect keeps receipts, the run's log keeps answers: a receipt without its answer (another folder's) is void.
"""

import asyncio
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.eval_table import TABLE, Table
from flows.prefect_setup import API_URL, EmbeddedServer, PrefectUnavailable, prepare
from flows.run_eval import Desk, OpenSheet, Stopped
from lti_tool.settings import Settings

CHUNK_SIZE = 25
CALLS_AT_ONCE = 8


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
    prepare(Settings(result_storage=str(folder / "prefect" / "results")))
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

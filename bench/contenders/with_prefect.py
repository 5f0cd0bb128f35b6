"""Prefect by itself, in one of several styles, on one of several backends: what each costs, without a ledger of ours.

Arguments after the race's own: STYLE BACKEND. Prefect's server is a child of this process, so its CPU counts as ours.
"""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from bench.contenders.prefect_records import wait_for_records
from bench.contenders.race import STEP_SECONDS, STEPS, Race

STYLES = ("one flow a chunk", "a flow an essay", "bare tasks", "a process a run")
BACKENDS = ("sqlite", "postgres", "tuned", "redis")
START_SECONDS = 120
TUNED = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_READ_BATCH_SIZE": "100",
}
BROKER = {
    "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
    "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
    "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
}


def main() -> None:
    """Start the server, warm up with one essay, race, wait for the records."""
    race, (style, backend) = Race.from_arguments(), sys.argv[5:7]
    os.environ |= client_settings(race.folder)
    server = start_server(race, backend)
    try:
        asyncio.run(run_served(race) if style == "a process a run" else run(race, style))
    finally:
        server.terminate()
        server.wait()
    sys.stdout.flush()
    os._exit(0)


def client_settings(folder: str) -> dict[str, str]:
    """A home of its own, nothing sent anywhere, nothing logged."""
    return {
        "PREFECT_HOME": f"{folder}/prefect",
        "PREFECT_LOCAL_STORAGE_PATH": f"{folder}/results",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "DO_NOT_TRACK": "1",
    }


def start_server(race: Race, backend: str) -> subprocess.Popen[bytes]:
    """`prefect server start` as it comes, on a backend; returns once it answers."""
    settings = dict(os.environ)
    if backend != "sqlite":
        settings["PREFECT_API_DATABASE_CONNECTION_URL"] = race.url.replace("+psycopg", "+asyncpg")
    if backend in ("tuned", "redis"):
        settings |= TUNED
    if backend == "redis":
        settings |= BROKER
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    prefect = str(Path(sys.executable).parent / "prefect")
    server = subprocess.Popen(
        [prefect, "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        env=settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/health", timeout=2):
                return server
        except (URLError, OSError):
            time.sleep(0.2)
    raise SystemExit("Prefect's server did not answer")


async def run(race: Race, style: str) -> None:
    """The race in one style; essays that Prefect could not run are counted, not raised."""
    judge, whole = judges(race)
    turn = asyncio.Semaphore(race.at_once)
    failed: list[str] = []

    async def one(essay: int, work: Any) -> None:
        async with turn:
            try:
                await work(essay)
            except Exception as error:
                failed.append(type(error).__name__)
                print(error, file=sys.stderr, flush=True)

    from prefect import flow

    @flow(name="chunk", validate_parameters=False, persist_result=False)
    async def chunk(essays: list[int]) -> None:
        await asyncio.gather(*(one(essay, judge) for essay in essays))

    ways: dict[str, Any] = {
        "one flow a chunk": lambda essays: asyncio.gather(
            *(chunk(essays[start : start + 25]) for start in range(0, len(essays), 25))
        ),
        "a flow an essay": lambda essays: asyncio.gather(*(one(essay, whole) for essay in essays)),
        "bare tasks": lambda essays: asyncio.gather(*(one(essay, judge) for essay in essays)),
    }
    result = await compete(race, ways[style])
    race.first.pop(-1, None)
    race.finish(*result, failed=len(failed))


async def run_served(race: Race) -> None:
    """The race with a process for every flow run; they leave their first steps' times in files."""
    from bench.contenders.served_flow import served

    async with served(race.folder, race.at_once) as flows:
        seconds, records, recorded_seconds = await compete(race, flows.judge)
        race.first = {essay: at - race.began for essay, at in flows.first_steps().items() if essay >= 0}
        race.finish(seconds, records, recorded_seconds)


async def compete(race: Race, judge_all: Callable[[list[int]], Awaitable[Any]]) -> tuple[float, int, float]:
    """Warm up, race, wait for the records: seconds until all were judged, records found, seconds until the last one."""
    await judge_all([-1])
    await wait_for_records()
    race.wait_for_start()
    await judge_all(list(range(race.essays)))
    seconds = race.passed()
    runs, last = await wait_for_records()
    return seconds, runs["completed"] - STEPS, max(seconds, last - race.began)


def judges(race: Race) -> tuple[Any, Any]:
    """Six cached tasks in a row, and the same as a flow of its own."""
    from prefect import flow, task

    @task(name="rate", cache_key_fn=lambda _, inputs: f"{inputs['essay']}-{inputs['step']}")
    async def rate(essay: int, step: int) -> dict[str, int]:
        race.step_begins(essay)
        await asyncio.sleep(STEP_SECONDS)
        return {"level": 1}

    async def judge(essay: int) -> None:
        for step in range(STEPS):
            await rate(essay, step)

    @flow(name="judge", validate_parameters=False, persist_result=False)
    async def whole(essay: int) -> None:
        await judge(essay)

    return judge, whole


if __name__ == "__main__":
    main()

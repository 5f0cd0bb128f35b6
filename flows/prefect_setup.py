"""Prefect's environment, set before Prefect is imported, and its server as a child of the executor.

Nothing is sent to anybody, nothing is logged to Prefect (a log line could hold a learner's words), and results are
JSON files beside the database. Where PREFECT_API_URL is set, that server is used and none is started.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from sqlalchemy.engine import make_url

from flows import heap
from lti_tool.ports import free_port
from lti_tool.settings import Settings

API_URL = "PREFECT_API_URL"
Asgi = Callable[[Any, Any, Any], Awaitable[None]]
START_SECONDS = 120.0
STOP_SECONDS = 5.0

_POLL_SECONDS = 0.1
_PAUSE_WHEN_LOCKED = b"0.2"  # seconds; without it Prefect's client waits for two, and the learner with it
_WATCH_SECONDS = 1.0


class PrefectUnavailable(RuntimeError):
    """Prefect's server did not start; the message says how far it came."""


def environment(settings: Settings) -> dict[str, str]:
    """What Prefect is told about this machine, as PREFECT_* variables."""
    results = settings.result_folder
    return {
        "PREFECT_HOME": str(results.parent / "prefect"),
        "PREFECT_LOCAL_STORAGE_PATH": str(results),
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        "PREFECT_CLIENT_MAX_RETRIES": "8",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "DO_NOT_TRACK": "1",
        **_shared(settings),
    }


def _shared(settings: Settings) -> dict[str, str]:
    """What servers of Prefect's need to know that share the work: its database, and Redis for its events."""
    database = prefect_database(settings)
    found = {"PREFECT_API_DATABASE_CONNECTION_URL": database} if database else {}
    if settings.redis_url:
        found |= {
            "PREFECT_MESSAGING_BROKER": "prefect_redis.messaging",
            "PREFECT_MESSAGING_CACHE": "prefect_redis.messaging",
            "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
            "PREFECT_REDIS_MESSAGING_URL": settings.redis_url,
            "PREFECT_SERVER_DOCKET_URL": settings.redis_url,
        }
    return found


def prefect_database(settings: Settings) -> str:
    """Where Prefect keeps its records, in its own driver's words; "" for a SQLite file in its home."""
    url = settings.prefect_database_url
    if not url:
        ledger = make_url(settings.database_url)
        if not settings.redis_url or ledger.get_backend_name() != "postgresql":
            return ""
        url = ledger.set(database=f"{ledger.database}_prefect").render_as_string(hide_password=False)
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        # The same meaning under another name: https://magicstack.github.io/asyncpg/current/api/index.html#connection
        query = {("ssl" if name == "sslmode" else name): value for name, value in parsed.query.items()}
        parsed = parsed.set(drivername="postgresql+asyncpg", query=query)
    elif parsed.get_backend_name() == "sqlite":
        parsed = parsed.set(drivername="sqlite+aiosqlite")
    return parsed.render_as_string(hide_password=False)


def prepare(settings: Settings) -> None:
    """Set the environment where the operator has not; only before Prefect is first imported has it an effect."""
    for name, value in environment(settings).items():
        os.environ.setdefault(name, value)
    Path(os.environ["PREFECT_LOCAL_STORAGE_PATH"]).mkdir(parents=True, exist_ok=True)


class EmbeddedServer:
    """Prefect's server in a process of its own, which ends when its parent does, however that happens."""

    def __init__(self) -> None:
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def api_url(self) -> str:
        """Where clients reach it."""
        return f"http://127.0.0.1:{self._port}/api"

    def start(self, giving_up: threading.Event) -> None:
        """Start it and wait until it answers, or until `giving_up` is set. PrefectUnavailable if it never does."""
        self.revive()
        deadline = time.monotonic() + START_SECONDS
        while not _answers(f"{self.api_url}/health"):
            assert self._process is not None
            if self._process.poll() is not None:
                raise PrefectUnavailable(f"Prefect's server ended with code {self._process.returncode}.")
            if giving_up.wait(_POLL_SECONDS) or time.monotonic() > deadline:
                raise PrefectUnavailable("Prefect's server did not answer.")

    def revive(self) -> bool:
        """Start the process if it is not running; returns whether that was needed."""
        if self._process is not None and self._process.poll() is None:
            return False
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from flows.prefect_setup import serve; serve()", str(self._port), str(os.getpid())],
            env=server_environment({**os.environ, **_EMBEDDED}),
            stdin=subprocess.DEVNULL,
            # A terminal's Ctrl-C is for the executor, which still needs its server to finish what it runs.
            start_new_session=True,
        )
        return True

    def stop(self) -> None:
        """End it; nothing happens if it does not run."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


# The server records runs for a person to look at later, and nothing waits for that. Written in batches, and without
# the services that nothing here uses, it costs a third of the CPU.
_SERVER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
    **{
        f"PREFECT_SERVER_SERVICES_{service}_ENABLED": "false"
        for service in ("EVENT_PERSISTER", "TRIGGERS", "SCHEDULER", "LATE_RUNS", "FOREMAN", "PAUSE_EXPIRATIONS")
    },
}


_EMBEDDED = {"PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}


def server_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """A server's own environment; it is the one that others are pointed to."""
    return {**_SERVER, **{name: value for name, value in inherited.items() if name != API_URL}}


def serve() -> None:
    """What the server's process runs: arguments are the port and the parent's process id."""
    port, parent = int(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.prefect_recorder import recording

    heap.settle()
    uvicorn.run(
        _again_soon(recording(create_app())),
        host="127.0.0.1",
        port=port,
        log_level="critical",
        lifespan="on",
        timeout_graceful_shutdown=2,
    )


def _again_soon(app: Asgi) -> Asgi:
    """The application, saying when to come back with every 503, which is how it tells of a locked SQLite file."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def with_pause(message: Any) -> None:
            if message["type"] == "http.response.start" and message["status"] == 503:
                message["headers"] = [*message["headers"], (b"retry-after", _PAUSE_WHEN_LOCKED)]
            await send(message)

        await app(scope, receive, with_pause)

    return wrapped


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(0)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False

"""How an executor learns that there is work: PostgreSQL tells it, a SQLite file is looked at many times a second.

Neither is relied on: the executor looks for itself once a second, for what has become due and for what was missed.
"""

import sqlite3
import threading
from collections.abc import Callable

import psycopg
import structlog
from sqlalchemy.engine import make_url

from lti_tool.jobs import CHANNEL

LOOK_SECONDS = 0.04  # at a SQLite file; reading one number takes microseconds
LISTEN_SECONDS = 5.0
RECONNECT_SECONDS = 3.0

log = structlog.get_logger()


def wake_on_work(url: str, wake: Callable[[], None], stopping: threading.Event) -> None:
    """Call `wake` whenever jobs may have been put in, until `stopping` is set; for a thread of its own."""
    backend = make_url(url).get_backend_name()
    watch = _listen if backend == "postgresql" else _watch_file
    while not stopping.is_set():
        try:
            watch(url, wake, stopping)
        except (psycopg.Error, sqlite3.Error, OSError) as error:
            log.warning("not told of new work, looking once a second", error=type(error).__name__)
            stopping.wait(RECONNECT_SECONDS)


def _listen(url: str, wake: Callable[[], None], stopping: threading.Event) -> None:
    """LISTEN on a connection of its own, which a pooler must not share out per transaction."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        wake()  # for what came while nobody listened
        while not stopping.is_set():
            for _ in connection.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                wake()


def _watch_file(url: str, wake: Callable[[], None], stopping: threading.Event) -> None:
    """SQLite counts commits by others: https://sqlite.org/pragma.html#pragma_data_version."""
    connection = sqlite3.connect(make_url(url).database or ":memory:", isolation_level=None)
    try:
        last = None
        while not stopping.wait(LOOK_SECONDS):
            [version] = connection.execute("PRAGMA data_version").fetchone()
            if version != last:
                last = version
                wake()
    finally:
        connection.close()

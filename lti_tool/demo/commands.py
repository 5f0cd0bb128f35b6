"""`atelier demo`: the mini-LMS, the tool and an executor on this machine, ready to be looked at."""

import json
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from lti_tool.admin import Pages, make_code
from lti_tool.db import Database
from lti_tool.deadlines import VARIABLES
from lti_tool.demo.faults import Faults
from lti_tool.demo.midnight import Midnight
from lti_tool.demo.no_cookies import relay_without_cookies
from lti_tool.demo.once import play_through
from lti_tool.demo.platform import PlatformConfig, create_platform
from lti_tool.demo.robot import Stuck
from lti_tool.demo.server import PlatformServer
from lti_tool.ports import first_free_pair, port_is_free
from lti_tool.processes import Child, ChildFailed, wait_until_answers
from lti_tool.registrations import add_registration
from lti_tool.settings import HOME, Settings
from lti_tool.terminal import fail

app = typer.Typer(help="The whole thing on this machine.", add_completion=False)

PORT = 8321
CLIENT_ID = "atelier-demo"
DEPLOYMENT_ID = "1"
ONCE_SECONDS = 240


@dataclass(frozen=True)
class Stage:
    """Where a demo keeps its files and on which two ports it runs."""

    home: Path
    port: int

    @property
    def platform_url(self) -> str:
        """The mini-LMS's origin; by name, so that browsers take it for another site than the tool."""
        return f"http://localhost:{self.port}"

    @property
    def tool_url(self) -> str:
        """The tool's origin; by address, for the same reason."""
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def settings(self) -> Settings:
        """The tool's settings for this demo."""
        return Settings(
            database_url=f"sqlite:///{self.home / 'tool.db'}",
            base_url=self.tool_url,
            secret_key=_secret(self.home / "secret-key"),
            result_storage=str(self.home / "results"),
            allow_http=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same settings for child processes."""
        settings = self.settings
        return {
            "ATELIER_DATABASE_URL": settings.database_url,
            "ATELIER_BASE_URL": settings.base_url,
            "ATELIER_SECRET_KEY": settings.secret_key,
            "ATELIER_RESULT_STORAGE": settings.result_storage,
            "ATELIER_ALLOW_HTTP": "1",
            "ATELIER_JUDGE": settings.judge,
            "PREFECT_HOME": str(self.home / "prefect"),
            "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }


@app.command()
def demo(
    port: Annotated[
        int | None, typer.Option(min=1, max=65534, help=f"The mini-LMS's port; the tool takes the next. [{PORT}]")
    ] = None,
    once: Annotated[bool, typer.Option(help="Play the whole path through without a browser, then stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print the outcome as JSON.")] = False,
    reset: Annotated[bool, typer.Option(help="Forget what earlier demos on this port kept.")] = False,
    reset_at_midnight: Annotated[
        bool, typer.Option("--reset-at-midnight", help="For one that strangers share: begin afresh every night.")
    ] = False,
) -> None:
    """Start a mini-LMS, the tool, and an executor with the checklist judge; print one address to open."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        if once:
            _play_once(port, as_json)
        else:
            _stay_up(port or PORT, reset, nightly=reset_at_midnight)
    except ChildFailed as error:
        fail(f"{error}.")
    except KeyboardInterrupt:
        say("stopped")


def say(text: str) -> None:
    """One line of progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stay_up(port: int, reset: bool, *, nightly: bool = False) -> None:
    home = (HOME / f"demo-{port}").resolve()
    while True:
        if reset:
            shutil.rmtree(home, ignore_errors=True)
        _stay_up_until(Stage(home, port), Midnight() if nightly else None)
        say("midnight: everything begins afresh")
        reset = True


def _stay_up_until(stage: Stage, midnight: Midnight | None) -> None:
    """Be there until midnight is over; without one, until somebody stops it."""
    with running(stage, midnight) as faults:
        print(f"\n  Open  {stage.platform_url}\n", flush=True)
        kept = "forgotten at midnight" if midnight else f"kept in {stage.home}; --reset starts over"
        say(f"Ctrl-C stops it. What happens is {kept}.")
        while midnight is None or not midnight.is_over():
            time.sleep(0.5)
            for name in faults.restarted():
                say(f"{name} died and was started again; its work goes on where it was")


def _play_once(port: int | None, as_json: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="atelier-demo-") as folder:
        stage = Stage(Path(folder), port or _two_free_ports())
        with running(stage):
            watchdog = threading.Timer(ONCE_SECONDS, signal.raise_signal, [signal.SIGTERM])
            watchdog.start()
            try:
                outcome = play_through(stage.platform_url, stage.settings, say)
            except Stuck as error:
                fail(f"The path ended early: {error}.")
            finally:
                watchdog.cancel()
    print(json.dumps(outcome, indent=None if as_json else 2, ensure_ascii=False))
    if not _agree(outcome):
        fail("The gradebook does not show what was released.")


def _agree(outcome: dict[str, object]) -> bool:
    released, gradebook = outcome["released"], outcome["gradebook"]
    assert isinstance(released, dict)
    assert isinstance(gradebook, dict)
    return (released["given"], released["maximum"]) == (gradebook["scoreGiven"], gradebook["scoreMaximum"])


@contextmanager
def running(stage: Stage, midnight: Midnight | None = None) -> Iterator[Faults]:
    """The whole demo, up until the lesson can be opened; stopped in order at the end."""
    for port in (stage.port, stage.port + 1):
        if not port_is_free("127.0.0.1", port):
            fail(f"Port {port} is taken. Choose another with --port.")
    try:
        stage.home.mkdir(parents=True, exist_ok=True)
        settings = stage.settings
    except OSError as error:
        fail(f"The demo's folder cannot be written: {error.strerror}.")
    logs = stage.home / "logs"
    web = Child("the tool", ["serve", "--port", str(stage.port + 1)], stage.environment, logs / "web.log")
    executor = Child("the executor", ["worker"], stage.environment, logs / "worker.log", restarts=True)
    faults = Faults(web, executor)
    say("[1/4] database and lesson")
    _upgrade(stage)
    say(f"[2/4] the mini-LMS on {stage.platform_url}")
    relay = PlatformServer(relay_without_cookies(stage.tool_url), 0)
    config = _platform_config(stage, faults, f"http://127.0.0.1:{relay.port}", midnight)
    platform = PlatformServer(create_platform(config), stage.port)
    relay.start()
    platform.start()
    _register(stage, settings)
    try:
        say(f"[3/4] the tool on {stage.tool_url}")
        web.start()
        wait_until_answers(f"{stage.tool_url}/readyz", web)
        say("[4/4] the executor; judging starts in some 20 s, the lesson opens now")
        executor.start()
        yield faults
    finally:
        faults.end()
        executor.stop()
        web.stop()
        platform.stop()
        relay.stop()


def _upgrade(stage: Stage) -> None:
    child = Child("atelier db upgrade", ["db", "upgrade"], stage.environment, stage.home / "logs" / "upgrade.log")
    child.start()
    assert child.process is not None
    if child.process.wait() != 0:
        said = child.log.read_text().strip().splitlines()
        fail(said[-1].removeprefix("atelier: ") if said else "The database could not be prepared.")


def _platform_config(stage: Stage, faults: Faults, relay: str, midnight: Midnight | None) -> PlatformConfig:
    return PlatformConfig(
        issuer=stage.platform_url,
        tool_login_url=f"{stage.tool_url}/lti/login",
        tool_redirect_uris=(f"{stage.tool_url}/lti/launch",),
        tool_target_link_uri=f"{stage.tool_url}/lti/launch",
        tool_jwks_url=f"{stage.tool_url}/lti/jwks",
        client_id=CLIENT_ID,
        deployment_id=DEPLOYMENT_ID,
        database=stage.home / "platform.db",
        custom=VARIABLES,
        faults=faults,
        doors=lambda kind: _door(stage, kind),
        relay=relay,
        midnight=midnight,
    )


def _door(stage: Stage, kind: str) -> str:
    """A link to the tool's own pages, as its command line makes one."""
    pages: Pages = "admin" if kind == "admin" else "research"
    database = Database(stage.settings.database_url)
    try:
        with database.write() as session:
            return f"{stage.tool_url}/{pages}/enter?code={make_code(session, pages)}"
    finally:
        database.close()


def _register(stage: Stage, settings: Settings) -> None:
    database = Database(settings.database_url)
    try:
        with database.write() as session:
            add_registration(
                session,
                settings,
                name="mini-LMS",
                issuer=stage.platform_url,
                client_id=CLIENT_ID,
                auth_login_url=f"{stage.platform_url}/lti/authorize",
                auth_token_url=f"{stage.platform_url}/lti/token",
                jwks_url=f"{stage.platform_url}/lti/jwks",
                deployment_ids=[DEPLOYMENT_ID],
            )
    finally:
        database.close()


def _secret(path: Path) -> str:
    """The demo's own secret key, made on first use and kept, since stored keys are sealed with it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()


def _two_free_ports() -> int:
    found = first_free_pair(range(PORT + 100, PORT + 1000, 2))
    return found if found is not None else fail("No two free ports were found.")

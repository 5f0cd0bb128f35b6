"""Launches per second and CPU per launch of the tool's web process, beside a tool made with ltijs (Node).

Both are real servers on loopback with SQLite, one process each, asked by the same client: login, then the platform's
signed token. A launch counts when the tool answers it with a redirect into itself. Without Node the section is left
out, with a word on why. ltijs is installed from the npm registry into build/, at the versions in bench/ltijs/.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests
from flask import Flask, Response

from bench.figures import Figure, publish
from lti_tool.commands import gunicorn_options
from lti_tool.db import Database
from lti_tool.ports import free_port
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from tests.conftest import prepare
from tests.lti_tool.door import CLAIM, HostilePlatform, serving

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parent / "build" / "ltijs"
SECRET = "b" * 40
LAUNCHES = 400
WARM_UP = 40
AT_ONCE = 8
LEARNERS = 25
START_SECONDS = 60
INSTALL_SECONDS = 900
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Tool:
    """A tool that runs: where its login and launch are, and the processes that do its work."""

    login: str
    launch: str
    process_id: int


@dataclass(frozen=True)
class Measured:
    """What launching it gave."""

    per_second: float
    cpu_milliseconds: float
    lone_milliseconds: float


def main() -> None:
    """Install ltijs, run both, measure both in turns, print."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        publish("ltijs", f"left out: no {' and no '.join(missing)} on this machine", [])
        return
    install()
    platform = HostilePlatform()
    with (
        serving(platform_app(platform)) as address,
        tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder,
        atelier(platform, address, Path(folder)) as ours,
        ltijs(platform, address, Path(folder)) as theirs,
    ):
        for tool in (ours, theirs):
            launch_many(tool, platform, address, WARM_UP, 1)
        # In turns, so that a busy moment of the machine falls on both.
        rounds = [(measure(ours, platform, address), measure(theirs, platform, address)) for _ in range(3)]
    mine, other = (middle([pair[side] for pair in rounds]) for side in (0, 1))
    name = "ltijs 5.9.9, ltijs-sequelize on SQLite"
    publish(
        "ltijs",
        f"login and launch over HTTP, one process each, median of 3 rounds of {LAUNCHES} launches",
        [
            Figure("server's CPU per accepted launch", mine.cpu_milliseconds, "ms", other.cpu_milliseconds, name),
            Figure("wall clock per launch, one at a time", mine.lone_milliseconds, "ms", other.lone_milliseconds, name),
            Figure(
                f"launches a second, {AT_ONCE} at once (more is better)", mine.per_second, "/s", other.per_second, name
            ),
        ],
    )


def install() -> None:
    """ltijs at the versions of bench/ltijs/package.json, once."""
    wanted = (HERE / "ltijs" / "package.json").read_text()
    INSTALLED.mkdir(parents=True, exist_ok=True)
    done = INSTALLED / "installed.json"
    if done.exists() and done.read_text() == wanted:
        return
    (INSTALLED / "package.json").write_text(wanted)
    print("installing ltijs from the npm registry ...", file=sys.stderr, flush=True)
    quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"]
    subprocess.run(["npm", "install", *quiet], cwd=INSTALLED, check=True, timeout=INSTALL_SECONDS, stdout=sys.stderr)
    done.write_text(wanted)


def platform_app(platform: HostilePlatform) -> Flask:
    """The platform's key set over HTTP; nothing else of it is asked for during a launch."""
    app = Flask("platform")
    app.add_url_rule("/jwks", "jwks", lambda: Response(platform.jwks_body, mimetype="application/json"))
    return app


@contextmanager
def atelier(platform: HostilePlatform, issuer: str, folder: Path) -> Iterator[Tool]:
    """Our web process as `atelier serve` starts it, on a database file."""
    port = free_port()
    url, base = f"sqlite:///{folder / 'tool.db'}", f"http://127.0.0.1:{port}"
    database = Database(url)
    prepare(database)
    with database.write() as session:
        add_registration(
            session,
            Settings(base_url=base, secret_key=SECRET, allow_http=True),
            name="Bench",
            issuer=issuer,
            client_id=platform.client_id,
            auth_login_url=issuer + "/auth",
            auth_token_url=issuer + "/token",
            jwks_url=issuer + "/jwks",
            deployment_ids=[platform.deployment_id],
        )
    database.close()
    settings = {
        "ATELIER_DATABASE_URL": url,
        "ATELIER_BASE_URL": base,
        "ATELIER_SECRET_KEY": SECRET,
        "ATELIER_ALLOW_HTTP": "1",
        "ATELIER_RATE_LIMITS": "off",
    }
    command = [sys.executable, "-m", "gunicorn", *gunicorn_options("127.0.0.1", port, 1)]
    with running(command, HERE.parent, settings, f"{base}/healthz") as process_id:
        yield Tool(f"{base}/lti/login", f"{base}/lti/launch", process_id)


@contextmanager
def ltijs(platform: HostilePlatform, issuer: str, folder: Path) -> Iterator[Tool]:
    """A tool made with ltijs, on a database file."""
    port = free_port()
    shutil.copy(HERE / "ltijs" / "server.js", INSTALLED / "server.js")
    command = ["node", "server.js", str(port), issuer, platform.client_id, str(folder)]
    base = f"http://127.0.0.1:{port}"
    with running(command, INSTALLED, {"NODE_ENV": "production"}, f"{base}/keys") as process_id:
        yield Tool(f"{base}/login", f"{base}/launch", process_id)


@contextmanager
def running(command: list[str], folder: Path, settings: dict[str, str], ready: str) -> Iterator[int]:
    """A server in a process of its own, from when it answers until the block ends."""
    with (HERE.parent / "build" / "ltijs.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **settings}, stdout=log, stderr=log, start_new_session=True
        )
        try:
            wait_until(lambda: answers(ready), process)
            yield process.pid
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def wait_until(done: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait for a server that starts; SystemExit if it dies or takes too long."""
    ends = time.monotonic() + START_SECONDS
    while not done():
        if process.poll() is not None or time.monotonic() > ends:
            raise SystemExit("a server did not start; see build/ltijs.log")
        time.sleep(0.1)


def answers(address: str) -> bool:
    """Whether a server answers at an address."""
    try:
        return requests.get(address, timeout=2).ok
    except requests.RequestException:
        return False


# ---- measuring -----------------------------------------------------------------------------------------------


def measure(tool: Tool, platform: HostilePlatform, issuer: str) -> Measured:
    """Launch one at a time for CPU and wall clock, then many at once for the rate."""
    before = cpu_seconds(tool.process_id)
    lone = launch_many(tool, platform, issuer, LAUNCHES, 1)
    cpu = cpu_seconds(tool.process_id) - before
    crowd = launch_many(tool, platform, issuer, LAUNCHES, AT_ONCE)
    return Measured(LAUNCHES / crowd, cpu / LAUNCHES * 1000, lone / LAUNCHES * 1000)


def launch_many(tool: Tool, platform: HostilePlatform, issuer: str, count: int, at_once: int) -> float:
    """Wall-clock seconds that the tool was waited for; signing tokens is the platform's time and left out."""
    local = threading.local()
    signing = 0.0
    lock = threading.Lock()

    def one(number: int) -> None:
        nonlocal signing
        if not hasattr(local, "client"):
            local.client = requests.Session()
        local.client.cookies.clear()  # another browser each time
        question, cookies = begin(local.client, tool, platform, issuer)
        started = time.monotonic()
        claims = platform.claims(
            question["nonce"][0],
            iss=issuer,
            sub=f"user-{number % LEARNERS}",
            **{CLAIM + "target_link_uri": tool.launch},
        )
        token = platform.sign(claims)
        with lock:
            signing += time.monotonic() - started
        accept(local.client, tool, question["state"][0], token, cookies)

    started = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, range(count)))
    passed = time.monotonic() - started
    return passed - signing / at_once


def begin(
    client: requests.Session, tool: Tool, platform: HostilePlatform, issuer: str
) -> tuple[dict[str, list[str]], str]:
    """Begin a login; what the tool asks the platform, and its cookies as a header.

    By hand, because a browser sends Secure cookies to loopback over http and `requests` does not.
    """
    fields = {
        "iss": issuer,
        "login_hint": "hint",
        "target_link_uri": tool.launch,
        "client_id": platform.client_id,
    }
    answer = client.post(tool.login, data=fields, allow_redirects=False, timeout=30)
    if answer.status_code != 302:
        raise SystemExit(f"a login was answered {answer.status_code}")
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in answer.cookies)
    return parse_qs(urlsplit(answer.headers["Location"]).query), cookies


def accept(client: requests.Session, tool: Tool, state: str, token: str, cookies: str) -> None:
    """Send the token; only a redirect into the tool is an accepted launch."""
    fields = {"state": state, "id_token": token}
    answer = client.post(tool.launch, data=fields, headers={"Cookie": cookies}, allow_redirects=False, timeout=30)
    if answer.status_code not in (302, 303):
        raise SystemExit(f"a launch was answered {answer.status_code}: {answer.text[:200]}")


def cpu_seconds(process_id: int) -> float:
    """User and system time of a process, its threads and the children it has now."""
    family = [process_id, *children(process_id)]
    return sum(sum(map(int, stat(one)[11:13])) for one in family) / TICKS


def children(process_id: int) -> list[int]:
    """The living children of a process."""
    found = Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()
    return [int(one) for one in found]


def stat(process_id: int) -> list[str]:
    """The fields of /proc/PID/stat after the name (proc(5): utime and stime are the 14th and 15th)."""
    return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()


def middle(rounds: list[Measured]) -> Measured:
    """The median of each figure."""
    columns = zip(*((one.per_second, one.cpu_milliseconds, one.lone_milliseconds) for one in rounds), strict=True)
    return Measured(*(sorted(column)[len(rounds) // 2] for column in columns))


if __name__ == "__main__":
    main()

"""From a fresh clone to a page that can be used, and to the first judgement, beside making an empty venv.

Clones what is committed; nothing of this checkout's environment is used by the clone.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TypeVar
from urllib.parse import urljoin

import requests

from bench.figures import Figure, publish
from lti_tool.demo.robot import Page, Stuck, Visitor
from lti_tool.ports import first_free_pair
from seeds.load import bundled, read_lesson

ROOT = Path(__file__).resolve().parent.parent
SETUP_SECONDS = 900
PAGE_SECONDS = 90
JUDGED_SECONDS = 150
STOP_SECONDS = 30
POLL_SECONDS = 0.1
STUDENT, INSTRUCTOR = "ada", "ines"
HOT_TAKE = "q1"
PYTHON = "python3"

Found = TypeVar("Found")


def main() -> None:
    """Clone, set up twice, start the demo, open the lesson, have one answer judged."""
    signal.signal(signal.SIGTERM, end)
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        clone = Path(folder) / "clone"
        run(["git", "clone", "--quiet", str(ROOT), str(clone)], Path(folder))
        cache = package_cache()
        bare = seconds(lambda: run([PYTHON, "-m", "venv", str(Path(folder) / "bare")], clone))
        first = seconds(lambda: run([PYTHON, "scripts/dev.py", "setup"], clone))
        second = seconds(lambda: run([PYTHON, "scripts/dev.py", "setup"], clone))
        page, judged = demo_times(clone)
    steps = [
        ("setup of a fresh clone", first),
        ("atelier demo to the lesson page, by a real launch", page),
        ("clone to usable page (setup and demo)", first + page),
        ("atelier demo to the first judgement in the queue", judged),
        ("setup again", second),
    ]
    publish(
        "install", f"package cache {cache}", [Figure(name, took, "s", bare, "python3 -m venv") for name, took in steps]
    )


def end(_signal: int, _frame: FrameType | None) -> None:
    """A request to stop unwinds, so that the demo is stopped and the folder goes."""
    raise SystemExit("stopped")


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def environment() -> dict[str, str]:
    """The machine's own environment: without this project's venv and settings."""
    here = os.path.dirname(sys.executable)
    path = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if entry != here]
    foreign = ("ATELIER_", "PREFECT_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PATH": os.pathsep.join(path)}


def run(command: list[str], folder: Path) -> None:
    """Run a command to its end; what it said is told if it fails."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=SETUP_SECONDS, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def package_cache() -> str:
    """ "warm" where uv has unpacked packages before, else "cold"; "as pip has it" where uv is not to be had."""
    if shutil.which("uv", path=environment()["PATH"]) is None and not (Path(sys.executable).parent / "uv").exists():
        return "as pip has it"
    where = os.environ.get("UV_CACHE_DIR")
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    unpacked = (Path(where) if where else caches / "uv") / "archive-v0"
    return "warm" if unpacked.is_dir() and any(unpacked.iterdir()) else "cold"


# ---- demo ----------------------------------------------------------------------------------------------------


def demo_times(clone: Path) -> tuple[float, float]:
    """Seconds from starting the demo to the lesson page, and to the first answer that was judged."""
    port = first_free_pair(range(8600, 9600, 2))
    if port is None:
        raise SystemExit("no two free ports were found")
    address = f"http://localhost:{port}"
    started = time.monotonic()
    with demo(clone, port) as process:
        visitor = Visitor(address, STUDENT)
        home = wait_for(lambda: lesson_page(visitor), process, PAGE_SECONDS, "the lesson page")
        page = time.monotonic() - started
        send_hot_take(visitor, home)
        instructor = Visitor(address, INSTRUCTOR)
        queue = instructor.launch()
        wait_for(lambda: first_review(instructor, queue.url), process, JUDGED_SECONDS, "the first judgement")
        return page, time.monotonic() - started


@contextmanager
def demo(clone: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`atelier demo` of the clone, stopped at the end."""
    command = [str(clone / ".venv" / "bin" / "atelier"), "demo", "--port", str(port)]
    with (clone / "demo.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=clone, env=environment(), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def lesson_page(visitor: Visitor) -> Page | None:
    """The lesson by a whole OIDC launch; None while something does not answer yet."""
    try:
        page = visitor.launch()
    except (requests.RequestException, Stuck):
        return None
    return page if page.status == 200 and 'data-page="lesson' in page.html else None


def send_hot_take(visitor: Visitor, home: Page) -> None:
    """Send the lesson's own sample answer to its first hot-take."""
    sample = read_lesson(bundled()[0]).item(HOT_TAKE).samples[0].text
    form = visitor.get(urljoin(home.url, f"items/{HOT_TAKE}")).form(f"/items/{HOT_TAKE}/send")
    visitor.send(form, form.filled(text=sample))


def first_review(instructor: Visitor, queue_url: str) -> list[str] | None:
    """The reviews that wait in the instructor's queue; None while there are none."""
    return instructor.get(queue_url).links("/review/") or None


def wait_for(look: Callable[[], Found | None], process: subprocess.Popen[bytes], limit: float, what: str) -> Found:
    """What `look` finds, asked again and again for at most `limit` seconds while the demo runs."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline and process.poll() is None:
        found = look()
        if found is not None:
            return found
        time.sleep(POLL_SECONDS)
    state = "the demo ended" if process.poll() is not None else f"{limit:.0f} s passed"
    raise SystemExit(f"{state} before {what}")


if __name__ == "__main__":
    main()

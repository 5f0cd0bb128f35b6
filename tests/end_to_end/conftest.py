"""The demo as a person starts it, and a real browser."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from lti_tool.ports import first_free_pair

ATELIER = [sys.executable, "-c", "from lti_tool.cli import main; main()"]
PORT = 8711
PORTS_APART = 100  # of test processes that run side by side
START_SECONDS = 120


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that `atelier demo` prints."""
    folder = tmp_path_factory.mktemp("demo")
    beside = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    port = first_free_pair(range(PORT + beside * PORTS_APART, PORT + (beside + 1) * PORTS_APART, 2))
    said = folder / "said.txt"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [*ATELIER, "demo", "--port", str(port)], cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield _address(process, said)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _address(process: subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for line in said.read_text().splitlines():
            if line.strip().startswith("Open "):
                return line.split()[-1]
        time.sleep(0.1)
    raise AssertionError(f"the demo did not start: {said.read_text()}")


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A window of a fresh browser profile."""
    # A page that is still fading in has no contrast to speak of.
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(45_000)
    yield context.new_page()
    context.close()

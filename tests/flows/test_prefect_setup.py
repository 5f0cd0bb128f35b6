"""Prefect's surroundings: nothing leaves the machine, and its server neither lingers nor makes anybody wait."""

import asyncio
import os
import subprocess
import sys
import time

import pytest

from flows import prefect_setup
from lti_tool.settings import Settings


def test_nothing_is_sent_to_anybody_and_everything_lies_beside_the_results(tmp_path) -> None:
    variables = prefect_setup.environment(Settings(result_storage=tmp_path / "results"))
    assert variables["DO_NOT_TRACK"] == "1"
    assert variables["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert variables["PREFECT_LOGGING_TO_API_ENABLED"] == "false"
    assert variables["PREFECT_HOME"] == str(tmp_path / "prefect")
    assert variables["PREFECT_LOCAL_STORAGE_PATH"] == str(tmp_path / "results")


def test_what_the_operator_set_stays(tmp_path, monkeypatch) -> None:
    for name in prefect_setup.environment(Settings()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_HOME", "/srv/prefect")
    prefect_setup.prepare(Settings(result_storage=tmp_path / "results"))
    assert os.environ["PREFECT_HOME"] == "/srv/prefect"
    for name in prefect_setup.environment(Settings()):
        monkeypatch.delenv(name)  # so that they are gone again after the test


@pytest.mark.parametrize(("status", "pause"), [(503, [(b"retry-after", b"0.2")]), (200, [])])
def test_a_locked_server_says_to_come_back_soon(status, pause) -> None:
    async def app(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def send(message) -> None:
        sent.append(message)

    sent: list[dict] = []
    asyncio.run(prefect_setup._again_soon(app)({}, None, send))
    assert sent[0]["headers"] == pause


@pytest.mark.slow
def test_the_server_ends_when_its_parent_is_killed(tmp_path) -> None:
    """The parent here starts a server and dies at once, without a chance to stop it."""
    parent = (
        "import os, sys; from flows.prefect_setup import EmbeddedServer; server = EmbeddedServer(); server.revive(); "
        "print(server._process.pid, flush=True); sys.stdin.read(1); os.kill(os.getpid(), 9)"
    )
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", parent], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        os.kill(server, 0)
        process.communicate(b".")
    deadline = time.monotonic() + 30
    while _runs(server):
        assert time.monotonic() < deadline, "the server outlived its parent"
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False

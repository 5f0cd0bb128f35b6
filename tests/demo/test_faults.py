"""Switches of the demo: its processes are ended, frozen and stopped for real, and come back."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from lti_tool.demo.faults import EXECUTOR, TOOL, Faults
from lti_tool.demo.platform import PlatformConfig, create_platform
from lti_tool.processes import Child, ChildFailed
from tests.demo.dummy_tool import at_issuer

WAITS = (sys.executable, "-c", "import signal; signal.pause()")


@pytest.fixture
def children(tmp_path: Path) -> Iterator[dict[str, Child]]:
    """The tool and the executor, as processes that only wait."""
    made = {
        TOOL: Child("the tool", [], {}, tmp_path / "tool.log", command=WAITS),
        EXECUTOR: Child("the executor", [], {}, tmp_path / "executor.log", restarts=True, command=WAITS),
    }
    for child in made.values():
        child.start()
    yield made
    for child in made.values():
        child.process.kill()
        child.process.wait()


@pytest.fixture
def faults(children: dict[str, Child]) -> Faults:
    return Faults(children[TOOL], children[EXECUTOR])


@pytest.fixture
def client(config: PlatformConfig, faults: Faults) -> FlaskClient:
    app: Flask = create_platform(replace(config, faults=faults))
    return at_issuer(app)


def press(client: FlaskClient, switch: str) -> int:
    return client.post("/faults", data={"switch": switch}).status_code


def test_a_killed_executor_is_started_again(client: FlaskClient, children, faults: Faults) -> None:
    first = children[EXECUTOR].process
    assert press(client, "crash") == 303
    assert first.wait(10) < 0
    assert faults.restarted() == ["the executor"]
    assert children[EXECUTOR].process.pid != first.pid


def test_a_frozen_executor_stands_still_until_it_may_go_on(client: FlaskClient, children, faults: Faults) -> None:
    there = children[EXECUTOR].process.pid
    assert press(client, "freeze") == 303
    assert os.WIFSTOPPED(os.waitpid(there, os.WUNTRACED)[1])
    assert faults.restarted() == []
    assert "the executor: frozen" in client.get("/enter/ada").text
    assert press(client, "thaw") == 303
    assert os.WIFCONTINUED(os.waitpid(there, os.WCONTINUED)[1])


def test_a_slow_executor_stands_and_goes_in_turns_until_it_may_be_fast(client: FlaskClient, children, faults) -> None:
    there = children[EXECUTOR].process.pid
    assert press(client, "slow") == 303
    for _ in range(2):
        assert os.WIFSTOPPED(os.waitpid(there, os.WUNTRACED)[1])
        assert os.WIFCONTINUED(os.waitpid(there, os.WCONTINUED)[1])
    assert "the executor: slow" in client.get("/faults").text
    assert press(client, "crash") == 409
    assert press(client, "fast") == 303
    for slowing in [thread for thread in threading.enumerate() if thread.name == "slow"]:
        slowing.join(10)
    assert os.waitpid(there, os.WNOHANG | os.WUNTRACED) == (0, 0), "it goes on, and is not stopped again"
    assert "the executor: running" in client.get("/faults").text


def test_what_somebody_stopped_is_not_missed_and_is_started_by_its_button(client, children, faults: Faults) -> None:
    assert press(client, "no-tool") == 303
    assert children[TOOL].process.poll() is not None
    assert faults.restarted() == []
    assert "the tool: stopped" in client.get("/both").text
    assert press(client, "tool") == 303
    assert children[TOOL].process.poll() is None


def test_a_tool_that_ends_by_itself_ends_the_demo(children, faults: Faults) -> None:
    children[TOOL].process.kill()
    children[TOOL].process.wait(10)
    with pytest.raises(ChildFailed, match="the tool ended"):
        faults.restarted()


@pytest.mark.parametrize("switch", ["thaw", "judge", "nothing"])
def test_a_button_that_is_not_there_does_nothing(client: FlaskClient, children, switch: str) -> None:
    before = [child.process.pid for child in children.values()]
    assert press(client, switch) == 409
    assert [child.process.pid for child in children.values()] == before
    assert all(child.process.poll() is None for child in children.values())


def test_another_sites_page_cannot_press(client: FlaskClient, children) -> None:
    answer = client.post("/faults", data={"switch": "crash"}, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert children[EXECUTOR].process.poll() is None


def test_a_platform_without_switches_shows_none(config: PlatformConfig) -> None:
    client = at_issuer(create_platform(config))
    assert "Faults" not in client.get("/enter/ada").text
    assert client.get("/faults").status_code == 404


@pytest.mark.parametrize("kind", ["canvas", "moodle", "phone"])
def test_the_frame_is_chosen(client: FlaskClient, kind: str) -> None:
    chosen = client.get(f"/enter?person=bo&frame={kind}", follow_redirects=True).text
    assert f'data-frame="{kind}"' in chosen
    assert "open as Bo" in chosen


def test_a_frame_of_no_kind_is_not_found(client: FlaskClient) -> None:
    assert client.get("/enter/ada?frame=watch").status_code == 404


def test_two_people_are_side_by_side_with_the_gradebook_below(client: FlaskClient) -> None:
    page = client.get("/both?left=bo&right=ines").text
    assert page.index('src="/launch/bo"') < page.index('src="/launch/ines"') < page.index('id="gradebook"')


@pytest.mark.slow
def test_a_switch_leaves_the_tools_frame_alone(chromium, config: PlatformConfig, faults: Faults) -> None:
    address = "http://localhost:8741"
    app = create_platform(replace(config, issuer=address, faults=faults))
    server = make_server("127.0.0.1", 8741, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = chromium.new_page()
    launches: list[str] = []
    page.on("request", lambda asked: launches.append(asked.url) if "/launch/" in asked.url else None)
    page.goto(f"{address}/enter/ada?frame=phone")
    page.wait_for_selector("#size-contentframe:text-is('frame 320 × 568')")
    page.get_by_role("button", name="freeze it: the executor").press("Enter")
    page.wait_for_selector("#faults :text('the executor: frozen')")
    assert page.evaluate("document.activeElement.textContent") == "let it go on"
    assert "as with a judge that is down" in page.inner_text("#faults-said")
    assert launches == [f"{address}/launch/ada"]
    page.close()
    server.shutdown()
    thread.join()

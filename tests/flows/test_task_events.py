"""What Prefect is told about task runs: the newest state of each, in few requests, and never at a task's cost."""

import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from lti_tool.attempts import submit
from tests.flows.counting_judge import CountingJudge


class Server:
    """Takes what is posted, or nothing while it is away."""

    def __init__(self) -> None:
        self.posts: list[list[dict[str, Any]]] = []
        self.away = False

    def request(self, method: str, path: str, *, content: bytes, headers: dict[str, str]) -> None:
        if self.away:
            raise httpx.ConnectError("away")
        self.posts.append(json.loads(content))

    @property
    def states(self) -> list[str]:
        return [event["event"].rpartition(".")[2] for post in self.posts for event in post]


@pytest.fixture
def events(prefect_environment):
    from flows.task_events import TaskEvents

    return TaskEvents()


def tell(events, run: str, state: str) -> None:
    from prefect.events.schemas.events import Event

    resource = {"prefect.resource.id": f"prefect.task-run.{run}", "prefect.resource.name": run}
    events.send(Event(event=f"prefect.task-run.{state}", resource=resource, follows=uuid4()))


pytestmark = pytest.mark.slow


def test_of_each_task_run_the_newest_state_is_told_once(events) -> None:
    server = Server()
    for state in ("Pending", "Running", "Completed"):
        tell(events, "short", state)
    tell(events, "long", "Running")
    events._post(server)
    tell(events, "long", "Completed")
    events._post(server)
    events._post(server)
    assert [len(post) for post in server.posts] == [2, 1]
    assert server.states == ["Completed", "Running", "Completed"]
    assert all("follows" not in event for post in server.posts for event in post)


def test_states_are_posted_by_the_hundred(events, monkeypatch) -> None:
    monkeypatch.setattr("flows.task_events.MOST_AT_ONCE", 3)
    server = Server()
    for number in range(7):
        tell(events, f"run-{number}", "Completed")
    events._post(server)
    assert [len(post) for post in server.posts] == [3, 3, 1]


def test_while_prefect_is_away_states_are_kept_and_newer_ones_stand(events) -> None:
    server = Server()
    tell(events, "one", "Running")
    server.away = True
    events._post(server)
    tell(events, "one", "Completed")
    server.away = False
    events._post(server)
    assert server.states == ["Completed"]


def test_when_too_many_are_kept_the_oldest_go(events, monkeypatch) -> None:
    monkeypatch.setattr("flows.task_events.MOST_KEPT", 2)
    server = Server()
    for name in ("one", "two", "one", "three"):
        tell(events, name, "Completed")
    events._post(server)
    [post] = server.posts
    assert [event["resource"]["prefect.resource.name"] for event in post] == ["one", "three"]


def test_every_criterion_is_a_completed_task_run_that_prefect_shows(
    world, executor, prefect_environment, sample_texts
) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
    before = task_runs(prefect_environment)
    ours = executor(CountingJudge())
    ours.run_until_idle()
    ours.close()
    deadline = time.monotonic() + 20
    while len(new := task_runs(prefect_environment) - before) < 7:
        assert time.monotonic() < deadline, "Prefect does not show the task runs"
        time.sleep(0.1)
    assert {state for _, _, state in new} == {"COMPLETED"}
    assert len({flow_run for _, flow_run, _ in new} - {None}) == 1, "all belong to one flow run"


def task_runs(environment) -> set[tuple[str, str | None, str]]:
    """(Id, id of its flow run, state) of the newest task runs that the server knows."""
    found = httpx.post(
        f"{environment['PREFECT_API_URL']}/task_runs/filter", json={"sort": "EXPECTED_START_TIME_DESC", "limit": 200}
    )
    return {(run["id"], run["flow_run_id"], run["state_type"]) for run in found.raise_for_status().json()}

"""What Prefect is told about task runs: the newest state of each, in few requests, and never at a task's cost."""

import json
import time
from typing import Any
from uuid import UUID, uuid4

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
    events.note(task_run(run), None, reached(state))


def task_run(name: str) -> Any:
    """A task run of a flow run, the same one for the same name."""
    from prefect.client.schemas.objects import TaskRun

    number = UUID(bytes=name.encode().ljust(16))
    return TaskRun(
        id=number, name=name, flow_run_id=uuid4(), task_key="ask", dynamic_key=name, run_count=1, tags=["b", "a"]
    )


def reached(name: str) -> Any:
    """A state as Prefect's task engine makes it."""
    from prefect.client.schemas.objects import State

    return State(type=name.upper(), name=name, message=f"It is {name}.")


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


@pytest.mark.parametrize("before", [None, "Pending"])
def test_the_words_are_those_of_prefects_own_sender(events, monkeypatch, before) -> None:
    """Should Prefect change what it tells its server, this is where it shows."""
    from prefect.events.schemas.events import Event
    from prefect.utilities import engine

    from flows.task_events import Told, event_of

    told = Told(task_run("one"), before and reached(before), reached("Running"), None)
    monkeypatch.setattr(engine, "emit_event", lambda **words: Event(**words).model_dump(mode="json"))
    theirs = engine.emit_task_run_state_change_event(told.task_run, told.before, told.state)
    ours = Event.model_validate(event_of(told)).model_dump(mode="json")
    flow_run = {
        "prefect.resource.id": f"prefect.flow-run.{told.task_run.flow_run_id}",
        "prefect.resource.role": "flow-run",
    }
    assert ours == theirs | {"related": [*theirs["related"], flow_run]}


def test_it_takes_the_place_of_prefects_own_sender_and_gives_it_back(events, monkeypatch) -> None:
    from prefect import task_engine

    monkeypatch.setattr(events, "_run", lambda: None)
    theirs = task_engine.emit_task_run_state_change_event
    events.start()
    assert task_engine.emit_task_run_state_change_event == events.note
    events.close()
    assert task_engine.emit_task_run_state_change_event is theirs


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
    before = task_runs(prefect_environment)
    ours = executor(CountingJudge())
    judged(world, ours, sample_texts["essay"])
    ours.close()
    new = seven_more(prefect_environment, before)
    assert {state for _, _, state in new} == {"COMPLETED"}
    assert len({flow_run for _, flow_run, _ in new} - {None}) == 1, "all belong to one flow run"


def test_once_nothing_runs_what_is_left_is_told_without_waiting_for_the_second_to_be_over(
    world, executor, prefect_environment, sample_texts, monkeypatch
) -> None:
    monkeypatch.setattr("flows.task_events.EVERY_SECONDS", 600)
    before = task_runs(prefect_environment)
    judged(world, executor(CountingJudge()), sample_texts["essay"])
    assert {state for _, _, state in seven_more(prefect_environment, before)} == {"COMPLETED"}


def judged(world, executor, text: str) -> None:
    """An essay of Ada's, sent and judged; the executor is not closed."""
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", text)
    executor.run_until_idle()


def seven_more(environment, before: set[Any]) -> set[tuple[str, str | None, str]]:
    """The task runs of seven criteria beside those of before, once Prefect's server knows them."""
    deadline = time.monotonic() + 20
    while len(new := task_runs(environment) - before) < 7:
        assert time.monotonic() < deadline, "Prefect does not show the task runs"
        time.sleep(0.1)
    return new


def task_runs(environment) -> set[tuple[str, str | None, str]]:
    """(Id, id of its flow run, state) of the newest task runs that the server knows."""
    found = httpx.post(
        f"{environment['PREFECT_API_URL']}/task_runs/filter", json={"sort": "EXPECTED_START_TIME_DESC", "limit": 200}
    )
    return {(run["id"], run["flow_run_id"], run["state_type"]) for run in found.raise_for_status().json()}

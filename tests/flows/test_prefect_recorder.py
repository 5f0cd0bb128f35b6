"""What our server of Prefect's does with states of task runs that are posted to it, and with all else."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def event(task_run: str, state: str, seconds: float = 0, **words: Any) -> dict[str, Any]:
    """A state of a task run as the executor posts it."""
    return {
        "id": str(uuid4()),
        "occurred": (NOON + timedelta(seconds=seconds)).isoformat(),
        "event": f"prefect.task-run.{state}",
        "resource": {"prefect.resource.id": f"prefect.task-run.{task_run}", "prefect.orchestration": "client"},
        "related": [],
        "payload": {
            "validated_state": {"type": state.upper(), "name": state, "message": "", "state_details": {}, "data": None},
            "task_run": {"name": "claim of submission 1", "task_key": "ask", "dynamic_key": task_run} | words,
        },
    }


class Prefects:
    """Prefect's application, as far as the recorder sees it: it remembers the bodies that reach it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def post(app: Any, body: object, path: str = "/api/events") -> int:
    """The status of the answer to a post."""
    from flows.prefect_recorder import recording

    async def ask() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(recording(app)), base_url="http://here") as client:
            return (await client.post(path, json=body)).status_code

    return asyncio.run(ask())


def test_states_of_task_runs_do_not_reach_prefects_broker(prefect_environment, monkeypatch) -> None:
    recorded: list[Any] = []

    async def record(events: Any) -> None:
        recorded.extend(events)

    monkeypatch.setattr("flows.prefect_recorder.record", record)
    prefects = Prefects()
    assert post(prefects, [event(str(uuid4()), "Running"), event(str(uuid4()), "Completed")]) == 204
    assert ([one.event for one in recorded], prefects.bodies) == (
        ["prefect.task-run.Running", "prefect.task-run.Completed"],
        [],
    )


@pytest.mark.parametrize("strange", [{"event": "prefect.flow-run.Running"}, {"resource": {"prefect.resource.id": "x"}}])
def test_all_else_goes_prefects_own_way(prefect_environment, strange) -> None:
    prefects, body = Prefects(), [event(str(uuid4()), "Running"), event(str(uuid4()), "Running") | strange]
    assert post(prefects, body) == 202
    assert [json.loads(sent) for sent in prefects.bodies] == [body]


@pytest.mark.parametrize("path", ["/api/flow_runs/", "/api/events/filter"])
def test_other_addresses_are_prefects(prefect_environment, path) -> None:
    prefects = Prefects()
    assert post(prefects, [event(str(uuid4()), "Running")], path) == 202


def test_what_cannot_be_recorded_goes_prefects_own_way(prefect_environment, monkeypatch) -> None:
    async def record(_events: Any) -> None:
        raise OSError("database is locked")

    monkeypatch.setattr("flows.prefect_recorder.record", record)
    prefects, body = Prefects(), [event(str(uuid4()), "Running")]
    assert post(prefects, body) == 202
    assert [json.loads(sent) for sent in prefects.bodies] == [body]


def test_a_running_server_shows_them_when_it_has_answered(prefect_environment) -> None:
    """No waiting here: what the server has taken is written. An older state that comes late changes nothing."""
    api, first, second = prefect_environment["PREFECT_API_URL"], str(uuid4()), str(uuid4())
    ended = event(first, "Completed", 2, start_time=NOON.isoformat(), run_count=1)
    for events in ([event(second, "Running", 1), ended], [event(first, "Running", 1, run_count=1), ended]):
        httpx.post(f"{api}/events", json=events).raise_for_status()
    shown = {
        number: httpx.get(f"{api}/task_runs/{number}").raise_for_status().json()["state_name"]
        for number in (first, second)
    }
    assert shown == {first: "Completed", second: "Running"}
    states = httpx.get(f"{api}/task_run_states/", params={"task_run_id": first}).raise_for_status().json()
    assert sorted(state["name"] for state in states) == ["Completed", "Running"]

"""What tasks tell Prefect's server of their states, sent by the hundred instead of one by one.

Prefect's client makes an event of every state of every task run, hands it from thread to thread and sends it down a
websocket of its own. Here it is only noted which task run reached which state; once a second, and when nothing runs any
more, the newest of each is put into words and posted, so that a task that began and ended in that second is told once,
as ended, with both times.

Nothing waits for these events, and nothing of ours reads them: they are there for people who look at Prefect's pages.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from prefect import task_engine
from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.results import should_persist_result
from prefect.utilities.text import truncated_to
from pydantic_core import to_json

EVERY_SECONDS = 1.0
MOST_AT_ONCE = 200
MOST_KEPT = 20_000  # while the server is away; the oldest are dropped then
LONGEST_MESSAGE = 100_000  # as Prefect cuts it
TELL = "emit_task_run_state_change_event"  # by which name Prefect's task engine tells of a state

log = structlog.get_logger()


class Told(NamedTuple):
    """A state that a task run reached, what it reached it from, and what Prefect keeps of its result."""

    task_run: TaskRun
    before: State[Any] | None
    state: State[Any]
    result: ResultRecordMetadata | None


class TaskEvents:
    """The newest state of each task run since the last post, posted by a thread of its own."""

    def __init__(self) -> None:
        self._newest: dict[UUID, Told] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._due = threading.Event()
        self._dropped = 0
        self._theirs: Callable[..., Any] | None = None
        self._thread = threading.Thread(target=self._run, name="task-events", daemon=True)

    def start(self) -> None:
        """Take the place of Prefect's own sender, for this process."""
        self._theirs = getattr(task_engine, TELL)
        setattr(task_engine, TELL, self.note)
        self._thread.start()

    def close(self) -> None:
        """Post what is left and give Prefect its own sender back."""
        if self._theirs is not None:
            setattr(task_engine, TELL, self._theirs)
        self._closing.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def post_now(self) -> None:
        """Do not wait for the second to be over: nothing runs that would have more to tell."""
        self._due.set()

    def note(
        self,
        task_run: TaskRun,
        initial_state: State[Any] | None,
        validated_state: State[Any],
        follows: None = None,  # which event it follows is left out: that one may never be sent
    ) -> None:
        """Called by Prefect's task engine, in the context of the task."""
        record: Any = validated_state.data
        kept = isinstance(record, ResultRecord) and should_persist_result()
        told = Told(task_run, initial_state, validated_state, record.metadata if kept else None)
        with self._lock:
            # Taken out and put in again, so that the oldest is always the first.
            self._newest.pop(task_run.id, None)
            self._newest[task_run.id] = told
            while len(self._newest) > MOST_KEPT:
                del self._newest[next(iter(self._newest))]
                self._dropped += 1

    def _run(self) -> None:
        with get_client(sync_client=True) as client:
            while not self._closing.is_set():
                self._due.wait(EVERY_SECONDS)
                self._due.clear()
                self._post(client)
            self._post(client)

    def _post(self, client: SyncPrefectClient) -> None:
        with self._lock:
            told, self._newest = list(self._newest.values()), {}
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("states of tasks were not told to Prefect, which did not answer", task_runs=dropped)
        for start in range(0, len(told), MOST_AT_ONCE):
            lot = told[start : start + MOST_AT_ONCE]
            try:
                content = to_json([event_of(one) for one in lot])
                client.request("POST", "/events", content=content, headers={"Content-Type": "application/json"})
            except Exception as error:
                log.info("Prefect did not take the states of tasks", error=type(error).__name__, task_runs=len(lot))
                self._put_back(told[start:])
                return

    def _put_back(self, told: Sequence[Told]) -> None:
        """Keep for the next try what nothing newer has come for."""
        with self._lock:
            newer = self._newest
            self._newest = {one.task_run.id: one for one in told} | newer


def event_of(told: Told) -> dict[str, Any]:
    """The event that Prefect's own sender would have sent (`prefect.utilities.engine`), and which run it belongs to."""
    task_run, before, state = told.task_run, told.before, told.state
    flow_runs = [task_run.flow_run_id] if task_run.flow_run_id else []
    return {
        "id": str(state.id),
        "occurred": state.timestamp.isoformat(),
        "event": f"prefect.task-run.{state.name}",
        "resource": {
            "prefect.resource.id": f"prefect.task-run.{task_run.id}",
            "prefect.resource.name": task_run.name,
            "prefect.run-count": str(task_run.run_count),
            "prefect.state-message": truncated_to(LONGEST_MESSAGE, state.message),
            "prefect.state-name": state.name or "",
            "prefect.state-timestamp": state.timestamp.isoformat(),
            "prefect.state-type": state.type.value,
            "prefect.orchestration": "client",
        },
        "related": [*_related("tag", sorted(task_run.tags)), *_related("flow-run", flow_runs)],
        "payload": {
            "intended": {"from": before.type.value if before else None, "to": state.type.value},
            "initial_state": _in_words(before) if before else None,
            "validated_state": {
                **_in_words(state),
                "data": told.result.model_dump(mode="json") if told.result else None,
            },
            "task_run": task_run.model_dump(mode="json", exclude_none=True, exclude=_KNOWN_OTHERWISE),
        },
    }


# What a task run says of itself beside what the event says of it, and what the server works out.
_KNOWN_OTHERWISE = {
    "id",
    "created",
    "updated",
    "flow_run_id",
    "state_id",
    "state_type",
    "state_name",
    "state",
    "estimated_start_time_delta",
    "estimated_run_time",
}


def _in_words(state: State[Any]) -> dict[str, Any]:
    return {
        "type": state.type.value,
        "name": state.name,
        "message": truncated_to(LONGEST_MESSAGE, state.message),
        "state_details": state.state_details.model_dump(
            mode="json", exclude_none=True, exclude_unset=True, exclude={"flow_run_id", "task_run_id"}
        ),
    }


def _related(role: str, names: Iterable[object]) -> list[dict[str, str]]:
    return [{"prefect.resource.id": f"prefect.{role}.{name}", "prefect.resource.role": role} for name in names]

"""What tasks tell Prefect's server of their states, sent by the hundred instead of one by one.

Prefect's client hands every state of every task run from thread to thread and sends it down a websocket of its own.
Here they are kept where they arise, for a second, and posted together, of each task run the newest alone: a task that
began and ended in that second is told once, as ended, with both times. Measured: half of the server's CPU, and a
quarter of the executor's. The server's broker in memory, which drops what it can't hold, gets a third of the messages.

Nothing waits for these events, and nothing of ours reads them: they are there for people who look at Prefect's pages.
"""

import threading
from collections.abc import Sequence
from typing import Any

import structlog
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import FlowRunContext
from prefect.events.schemas.events import Event, RelatedResource
from prefect.events.worker import EventsWorker, ProcessPoolForwardingEventsClient

EVERY_SECONDS = 1.0
MOST_AT_ONCE = 200
MOST_KEPT = 20_000  # while the server is away; the oldest are dropped then

log = structlog.get_logger()


class TaskEvents:
    """The newest state of each task run since the last post, posted by a thread of its own."""

    client_type = ProcessPoolForwardingEventsClient  # of Prefect's kinds the one that hands events on, as this does

    def __init__(self) -> None:
        self._newest: dict[str, Event] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._dropped = 0
        self._theirs: Any = None
        self._thread = threading.Thread(target=self._run, name="task-events", daemon=True)

    def start(self) -> None:
        """Take the place of Prefect's own sender, for this process."""
        # As Prefect's own fixtures do it: whoever emits an event asks for the instance, and calls its `send`.
        self._theirs = EventsWorker.__dict__["instance"]
        EventsWorker.instance = lambda *_: self  # type: ignore[assignment,method-assign]
        self._thread.start()

    def close(self) -> None:
        """Post what is left and give Prefect its own sender back."""
        if self._theirs is not None:
            EventsWorker.instance = self._theirs  # type: ignore[method-assign]
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def send(self, event: Event) -> None:
        """Called by Prefect where the event arose, in the context of its run."""
        context = FlowRunContext.get()
        if context is not None and context.flow_run is not None:
            flow_run = context.flow_run
            # The server knows by this which run a task run belongs to.
            resource = {"prefect.resource.id": f"prefect.flow-run.{flow_run.id}", "prefect.resource.role": "flow-run"}
            event.related.append(RelatedResource(resource | {"prefect.resource.name": flow_run.name}))
        with self._lock:
            # Taken out and put in again, so that the oldest is always the first.
            self._newest.pop(event.resource.id, None)
            self._newest[event.resource.id] = event
            while len(self._newest) > MOST_KEPT:
                del self._newest[next(iter(self._newest))]
                self._dropped += 1

    def _run(self) -> None:
        with get_client(sync_client=True) as client:
            while not self._closing.wait(EVERY_SECONDS):
                self._post(client)
            self._post(client)

    def _post(self, client: SyncPrefectClient) -> None:
        with self._lock:
            events, self._newest = list(self._newest.values()), {}
            dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warning("states of tasks were not told to Prefect, which did not answer", task_runs=dropped)
        for start in range(0, len(events), MOST_AT_ONCE):
            lot = events[start : start + MOST_AT_ONCE]
            try:
                client.request("POST", "/events", content=_json(lot), headers={"Content-Type": "application/json"})
            except Exception as error:
                log.info("Prefect did not take the states of tasks", error=type(error).__name__, task_runs=len(lot))
                self._put_back(events[start:])
                return

    def _put_back(self, events: Sequence[Event]) -> None:
        """Keep for the next try what nothing newer has come for."""
        with self._lock:
            newer = self._newest
            self._newest = {event.resource.id: event for event in events} | newer


def _json(events: Sequence[Event]) -> bytes:
    # Which event it follows is left out: that one may never be sent.
    return b"[" + b",".join(event.model_dump_json(exclude={"follows"}).encode() for event in events) + b"]"

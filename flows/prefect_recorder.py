"""In our own server of Prefect's: task runs are recorded where they are posted, with statements of one row.

Prefect puts what it is posted on its broker in memory, which drops what it can't hold, reads it again, and writes it on
SQLite with statements of some thousand parameters that SQLAlchemy compiles anew each time: five sixths of the server's
CPU. Here a post that holds nothing but states of task runs is written at once, in one transaction, and only then
answered. Whatever else comes, and whatever could not be written so, goes Prefect's own way.
"""

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from prefect.server.database import provide_database_interface
from prefect.server.events.schemas.events import ReceivedEvent
from prefect.server.services.task_run_recorder import db_recordable_task_run_from_event
from prefect.types._datetime import now
from pydantic import TypeAdapter
from starlette.responses import Response

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

PATH = "/api/events"

_EVENTS = TypeAdapter(list[ReceivedEvent])


def recording(app: Asgi) -> Asgi:
    """Prefect's application, with states of task runs recorded as they come."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            return await app(scope, receive, send)
        body = await _whole(receive)
        if await _recorded(body):
            return await Response(status_code=204)(scope, receive, send)
        return await app(scope, _again(body, receive), send)

    return wrapped


async def _whole(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _again(body: bytes, receive: Any) -> Any:
    """What the application is to read: the body that was read already, then whatever else comes."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return first.pop() if first else await receive()

    return replayed


async def _recorded(body: bytes) -> bool:
    """Record a post; False if it is anything else than states of task runs, or could not be recorded so."""
    try:
        events = _EVENTS.validate_python([event | {"received": event["occurred"]} for event in json.loads(body)])
        if not all(_tells_of_task_run(event) for event in events):
            return False
        await record(events)
    except Exception:  # Prefect answers for it: with an error, or by trying it its own way
        return False
    return True


def _tells_of_task_run(event: ReceivedEvent) -> bool:
    """As Prefect's recorder tells them from others."""
    return event.event.startswith("prefect.task-run") and event.resource.get("prefect.orchestration") == "client"


async def record(events: Sequence[ReceivedEvent]) -> None:
    """Write the task runs and their states, all or nothing; an older state never takes a newer one's place."""
    db, written = provide_database_interface(), now("UTC")
    task_runs: dict[frozenset[str], list[dict[str, Any]]] = defaultdict(list)
    states = []
    for event in events:
        task_run, row = db_recordable_task_run_from_event(event)
        assert task_run.state is not None
        # A statement sets the same columns for all of its rows.
        task_runs[frozenset(row)].append(row | {"created": written, "updated": written})
        states.append({"created": written, "task_run_id": task_run.id, **task_run.state.model_dump()})
    async with db.session_context(begin_transaction=True, with_for_update=True) as session:
        for columns, rows in task_runs.items():
            insert = db.queries.insert(db.TaskRun)
            upsert = insert.on_conflict_do_update(
                index_elements=["id"],
                set_={name: insert.excluded[name] for name in [*sorted(columns - {"id"}), "updated"]},
                where=db.TaskRun.state_timestamp < insert.excluded.state_timestamp,
            )
            await session.execute(upsert.execution_options(dml_strategy="raw"), rows)
        insert = db.queries.insert(db.TaskRunState).on_conflict_do_nothing(index_elements=["id"])
        await session.execute(insert.execution_options(dml_strategy="raw"), states)

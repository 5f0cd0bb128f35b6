"""Keeps Prefect's records true and few: runs whose work is over are closed, old ones are deleted.

A killed executor leaves its flow run "Running" in Prefect for ever. The ledger knows better: when none of a run's jobs
is being worked on any more, nobody will ever say how the run ended, and this does. Any executor may do it for all.
"""

import random
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from sqlalchemy import select

from lti_tool import jobs
from lti_tool.db import Database, utc_now
from lti_tool.models import Job

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

LOOK_SECONDS = 60.0
YOUNG = timedelta(minutes=2)  # a run that began since then is left alone
AT_ONCE = 100  # runs that are looked at in one go; more wait for the next
OVER = "Its executor ended without a word; the ledger went on without it."
# The flows of ours that are about jobs: which parameter names them, and how the ledger knows those.
ABOUT_JOBS = {
    "judge-submissions": ("submission_ids", jobs.JUDGE, Job.submission_id),
    "send-scores": ("passback_ids", jobs.SEND_SCORE, Job.passback_id),
    "rejudge": ("drafted_ids", jobs.REJUDGE, Job.submission_id),
    "calibrate": ("calibration_ids", jobs.CALIBRATE, Job.id),
}
# Those about none: nothing but their age tells that they are over.
ABOUT_NONE = ["retention"]
LONGEST = timedelta(hours=6)

log = structlog.get_logger()


class Upkeep:
    """Looks every minute; a run is closed only when two looks in a row found its work over."""

    def __init__(self, database: Database, days: int) -> None:
        self._database = database
        self._days = days
        self._suspects: frozenset[UUID] = frozenset()

    def run(self, stopping: threading.Event) -> None:
        """Look until told to stop; while Prefect is away nothing happens."""
        # A little apart, so that several executors do not look at the same moment.
        while not stopping.wait(LOOK_SECONDS * random.uniform(1, 1.2)):
            try:
                self.look()
            except Exception as error:
                log.warning("Prefect's records could not be looked after", error=type(error).__name__)

    def look(self) -> tuple[int, int]:
        """One look: how many runs were closed, and how many deleted."""
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            over = runs_that_are_over(client, self._database)
            closed = [run for run in over if run.id in self._suspects]
            self._suspects = frozenset(run.id for run in over) - {run.id for run in closed}
            for run in closed:
                close(client, run)
            deleted = delete_old(client, self._days)
        if closed or deleted:
            log.info("Prefect's records looked after", closed=len(closed), deleted=deleted)
        return len(closed), deleted


def runs_that_are_over(client: "SyncPrefectClient", database: Database) -> "list[FlowRun]":
    """Runs that Prefect calls unfinished though none of their jobs is held by anybody."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import StateType

    unfinished = {"type": {"any_": [StateType.RUNNING, StateType.PENDING]}}
    began = {"before_": utc_now() - YOUNG}
    runs = client.read_flow_runs(
        flow_filter=ours(),
        flow_run_filter=FlowRunFilter.model_validate({"state": unfinished, "expected_start_time": began}),
        limit=AT_ONCE,
    )
    held = _held(database, [job for run in runs for job in _subjects(run.parameters)])
    return [run for run in runs if _is_over(run, held)]


def _is_over(run: "FlowRun", held: Collection[tuple[str, int]]) -> bool:
    """Whether nobody works on what a run is about; one about no jobs is over when it is older than any can be."""
    return _subjects(run.parameters).isdisjoint(held) if run.parameters else _is_old(run)


def _is_old(run: "FlowRun") -> bool:
    began = run.start_time or run.expected_start_time
    return began is not None and began < utc_now() - LONGEST


def ours() -> Any:
    """The filter for flows of ours: another project's may live on the same server."""
    from prefect.client.schemas.filters import FlowFilter

    return FlowFilter.model_validate({"name": {"any_": [*ABOUT_JOBS, *ABOUT_NONE]}})


def _subjects(parameters: Mapping[str, Any]) -> set[tuple[str, int]]:
    """What a run is about: ("submission_ids", 12) and so on."""
    return {(name, number) for name, _, _ in ABOUT_JOBS.values() for number in parameters.get(name) or ()}


def _held(database: Database, subjects: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
    """Those subjects whose jobs somebody works on now."""
    found: set[tuple[str, int]] = set()
    with database.read() as session:
        for name, kind, column in ABOUT_JOBS.values():
            numbers = [number for of, number in subjects if of == name]
            running = select(column).where(Job.kind == kind, Job.state == "running", column.in_(numbers))
            found |= {(name, number) for number in session.scalars(running) if number is not None}
    return found


def close(client: "SyncPrefectClient", run: "FlowRun") -> None:
    """Call a run, and those of its tasks that did not end, crashed: that is what became of them."""
    from prefect.client.schemas.filters import FlowRunFilter, TaskRunFilter
    from prefect.client.schemas.objects import StateType
    from prefect.states import Crashed

    open_ones = client.read_task_runs(
        flow_run_filter=FlowRunFilter.model_validate({"id": {"any_": [run.id]}}),
        task_run_filter=TaskRunFilter.model_validate(
            {"state": {"type": {"any_": [StateType.RUNNING, StateType.PENDING]}}}
        ),
    )
    for task_run in open_ones:
        client.set_task_run_state(task_run.id, Crashed(message=OVER), force=True)
    client.set_flow_run_state(run.id, Crashed(message=OVER), force=True)


def delete_old(client: "SyncPrefectClient", days: int) -> int:
    """Delete a bounded number of our runs that ended so many days ago, their tasks with them; 0 days keeps all."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.exceptions import ObjectNotFound

    if not days:
        return 0
    ended = {"before_": utc_now() - timedelta(days=days)}
    old: Sequence[FlowRun] = client.read_flow_runs(
        flow_filter=ours(), flow_run_filter=FlowRunFilter.model_validate({"end_time": ended}), limit=AT_ONCE
    )
    for run in old:
        try:
            client.delete_flow_run(run.id)
        except ObjectNotFound:
            continue  # another executor was faster
    return len(old)

"""Our flows as an executor runs them, with their result storage and their reports; imported once Prefect answers."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from flows.judge_submissions import judge_submissions
from flows.records import BLOCK, SealedRecords
from flows.send_scores import send_scores
from flows.task_events import TaskEvents
from lti_tool import jobs
from lti_tool.settings import Settings

Flow = Callable[[list[int]], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Ready:
    """The flow of each kind of job, and who tells Prefect how their tasks are doing."""

    flows: dict[str, Flow]
    events: TaskEvents


def make_ready(settings: Settings) -> Ready:
    """Register the storage of results with Prefect and begin to report to it. Raises whatever Prefect raises."""
    records = SealedRecords.of(settings)
    records.save(BLOCK, overwrite=True)
    events = TaskEvents()
    events.start()
    flows: dict[str, Flow] = {
        jobs.JUDGE: judge_submissions.with_options(result_storage=records),
        jobs.SEND_SCORE: send_scores,
    }
    return Ready(flows, events)

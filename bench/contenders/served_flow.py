"""Prefect's deployments as they come (`flow.serve`): every essay a flow run, every flow run a process of its own.

Prefect loads the flow from this file in each of those processes, so it is not made inside the race.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from prefect import flow, task
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.runner import Runner

from bench.contenders.race import STEP_SECONDS, STEPS

LOOK_SECONDS = 1.0  # Prefect's own is ten, of which a click would wait five


@task(name="rate", cache_key_fn=lambda _, inputs: f"{inputs['essay']}-{inputs['step']}")
async def rate(essay: int, step: int, begun: str) -> dict[str, int]:
    """One step; the first one leaves when it began, by the clock that all processes of a machine share."""
    if step == 0:
        Path(begun, str(essay)).write_text(str(time.monotonic()))
    await asyncio.sleep(STEP_SECONDS)
    return {"level": 1}


@flow(name="judge", validate_parameters=False, persist_result=False)
async def judge(essay: int, begun: str) -> None:
    """Six cached tasks in a row."""
    for step in range(STEPS):
        await rate(essay, step, begun)


class Served:
    """A runner that waits for runs, as `flow.serve` starts it."""

    def __init__(self, client: PrefectClient, deployment: UUID, begun: Path) -> None:
        self._client, self._deployment, self._begun = client, deployment, begun

    async def judge(self, essays: Sequence[int]) -> None:
        """A run for each of the essays; returns once all have ended, however they did."""
        runs = [
            await self._client.create_flow_run_from_deployment(
                self._deployment, parameters={"essay": essay, "begun": str(self._begun)}
            )
            for essay in essays
        ]
        ours = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs]))
        while any(not run.state or not run.state.is_final() for run in runs):
            await asyncio.sleep(LOOK_SECONDS / 2)
            runs = await self._client.read_flow_runs(flow_run_filter=ours)

    def first_steps(self) -> dict[int, float]:
        """When each essay's first step began, by the monotonic clock."""
        return {int(file.name): float(file.read_text()) for file in self._begun.iterdir()}


@asynccontextmanager
async def served(folder: str, at_once: int) -> AsyncIterator[Served]:
    """The flow, served while this is open."""
    begun = Path(folder, "begun")
    begun.mkdir()
    runner = Runner(name="race", query_seconds=LOOK_SECONDS, limit=at_once, pause_on_shutdown=False)
    deployment = await runner.aadd_flow(judge, name="race")
    waiting = asyncio.create_task(runner.start())
    try:
        async with get_client() as client:
            yield Served(client, deployment, begun)
    finally:
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

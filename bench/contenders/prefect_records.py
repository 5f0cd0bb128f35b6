"""What Prefect's server has recorded, and waiting until it has recorded all it will."""

import asyncio
import json
import os
import time
from urllib.request import Request, urlopen

SETTLED_SECONDS = 3.0


async def wait_for_records() -> tuple[dict[str, int], float]:
    """Task runs, all and completed, once nothing has changed for a while; and the moment of the last change."""
    counts, since = task_runs(), time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        await asyncio.sleep(0.5)
        now = await asyncio.to_thread(task_runs)
        if now != counts:
            counts, since = now, time.monotonic()
    return counts, since


def task_runs() -> dict[str, int]:
    """How many task runs Prefect's server knows, and how many of them are completed."""
    completed = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    return {"all": _count({}), "completed": _count(completed)}


def _count(body: dict[str, object]) -> int:
    request = Request(
        f"{os.environ['PREFECT_API_URL']}/task_runs/count",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as response:
        return int(response.read())

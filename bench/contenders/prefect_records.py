"""What Prefect's server has recorded, and waiting until it has recorded all it will."""

import asyncio
import json
import os
import time
from urllib.request import Request, urlopen

SETTLED_SECONDS = 3.0
LOOK_SECONDS = 0.2  # a record is seen at most so much late
COMPLETED: dict[str, object] = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}


async def wait_for_records() -> tuple[dict[str, int], float]:
    """Task runs, all and completed, once no more are completed for a while; and the moment of the last one."""
    completed, since = _count(COMPLETED), time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        await asyncio.sleep(LOOK_SECONDS)
        now = await asyncio.to_thread(_count, COMPLETED)
        if now != completed:
            completed, since = now, time.monotonic()
    return {"all": _count({}), "completed": completed}, since


def _count(body: dict[str, object]) -> int:
    request = Request(
        f"{os.environ['PREFECT_API_URL']}/task_runs/count",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as response:
        return int(response.read())

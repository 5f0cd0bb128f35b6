"""DBOS: a workflow for each essay on a queue, a step for each step, records in its system database.

Runs in an environment of its own that holds only dbos. The essays stand in the queue before the clock starts; the
queue is polled ten times as often as by default, so that it is measured at its best.
"""

import asyncio
import sys
import time

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig

from bench.contenders.race import STEP_SECONDS, STEPS, Race

QUEUE = "essays"
POLL_SECONDS = 0.1
VERSION = "1"


def main() -> None:
    """Hand in, launch, let the queue go, wait for all, count the records."""
    race = Race.from_arguments()
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": race.url,
        "application_version": VERSION,
        "log_level": "ERROR",
    }
    DBOS(config=config)

    @DBOS.step()
    async def rate(essay: int, step: int) -> dict[str, int]:
        if not step:
            race.step_begins(essay)
        await asyncio.sleep(STEP_SECONDS)
        return {"level": 1}

    @DBOS.workflow(name="judge")
    async def judge(essay: int) -> int:
        for step in range(STEPS):
            await rate(essay, step)
        return essay

    DBOS.launch()
    client = DBOSClient(system_database_url=race.url)
    for essay in range(race.essays):
        client.enqueue({"workflow_name": "judge", "queue_name": QUEUE, "app_version": VERSION}, essay)
    client.destroy()
    race.wait_for_start()
    DBOS.register_queue(QUEUE, worker_concurrency=race.at_once, polling_interval_sec=POLL_SECONDS)
    engine = sa.create_engine(race.url)
    count = "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'"
    while scalar(engine, count) < race.essays:
        time.sleep(POLL_SECONDS)
    seconds = race.passed()
    race.finish(seconds, scalar(engine, "SELECT count(*) FROM dbos.operation_outputs"))
    DBOS.destroy()
    sys.stdout.flush()


def scalar(engine: sa.Engine, statement: str) -> int:
    """One number from the system database."""
    with engine.connect() as connection:
        return int(connection.scalar(sa.text(statement)) or 0)


if __name__ == "__main__":
    main()

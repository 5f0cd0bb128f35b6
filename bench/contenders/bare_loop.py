"""An asyncio loop that writes a row for each step and one for each essay, and nothing else: no engine, no recovery."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from bench.contenders.race import STEP_SECONDS, STEPS, Race

TABLES = sa.MetaData()
STEP = sa.Table(
    "step",
    TABLES,
    sa.Column("essay", sa.Integer, primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),
    sa.Column("answer", sa.JSON),
)
ESSAY = sa.Table("essay", TABLES, sa.Column("id", sa.Integer, primary_key=True), sa.Column("state", sa.String(20)))


def main() -> None:
    """Hand in, run, count the rows."""
    race = Race.from_arguments()
    engine = sa.create_engine(race.url, pool_size=20)
    TABLES.create_all(engine)
    with engine.begin() as connection:
        connection.execute(ESSAY.insert(), [{"id": number, "state": "queued"} for number in range(race.essays)])
    seconds = asyncio.run(run(race, engine))
    with engine.connect() as connection:
        records = connection.scalar(sa.select(sa.func.count()).select_from(STEP)) or 0
    race.finish(seconds, records)


async def run(race: Race, engine: sa.Engine) -> float:
    """All essays, at most `at_once` of them side by side; returns the seconds that took."""
    threads = ThreadPoolExecutor(20)
    turn = asyncio.Semaphore(race.at_once)
    loop = asyncio.get_running_loop()

    def write(statement: sa.Executable) -> None:
        with engine.begin() as connection:
            connection.execute(statement)

    async def judge(essay: int) -> None:
        async with turn:
            for step in range(STEPS):
                race.step_begins(essay)
                await asyncio.sleep(STEP_SECONDS)
                row = STEP.insert().values(essay=essay, step=step, answer={"level": 1})
                await loop.run_in_executor(threads, write, row)
            done = ESSAY.update().where(ESSAY.c.id == essay).values(state="done")
            await loop.run_in_executor(threads, write, done)

    race.wait_for_start()
    await asyncio.gather(*(judge(essay) for essay in range(race.essays)))
    return race.passed()


if __name__ == "__main__":
    main()

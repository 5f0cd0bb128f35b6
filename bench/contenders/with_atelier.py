"""Atelier's executor, as it runs in production, with a judge that takes half a second a criterion.

The essays are handed in through the ordinary function and become due at the start, as at a deadline. It is done when
the ledger has every essay at the gate; after that Prefect's server may go on recording, and that is waited for too.
Two more arguments, where memory is of interest: seconds a step, and at how many essays (1000,2000) to look at it.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from bench.contenders.prefect_records import wait_for_records
from bench.contenders.race import STEP_SECONDS, Race
from bench.meter import children, resident
from flows.executor import Executor
from flows.judging.judge import Answer, JudgeRequest, read_ratings
from lti_tool import jobs, schema
from lti_tool.attempts import submit
from lti_tool.db import Database, utc_now
from lti_tool.models import Context, Deployment, Job, Person, RatingRow, Registration, ResourceLink
from lti_tool.settings import Settings
from rubrics.judgement import Rating
from seeds.load import bundled, load_into, read_lesson

LESSON = Path(__file__).parents[1] / "six_steps"
READY_SECONDS = 180


class SlowJudge:
    """Level 1 for whatever is asked, after half a second; tells the race when an essay's first question comes."""

    name, version, model, prompt_hash, label = "slow", "1", "none", "p", "Waits."
    evidence, fills, provisional, paid = "quotes", "criterion", True, False
    parameters: Mapping[str, Any] = {}

    def __init__(self, race: Race, seconds: float = STEP_SECONDS) -> None:
        self._race, self._seconds = race, seconds

    def ask(self, request: JudgeRequest) -> Answer:
        """Wait, then answer with the text's first word as the quote."""
        self._race.step_begins(int(request.text.rsplit(maxsplit=1)[1].rstrip(".")))
        time.sleep(self._seconds)
        word = request.text.split(maxsplit=1)[0]
        quote = {"text": word, "start": 0, "end": len(word)}
        ratings = [{"criterion": one, "level": 1, "quotes": [quote]} for one in request.criteria]
        return Answer(body={"ratings": ratings}, model=self.model)

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        """The ratings as they were answered."""
        return read_ratings(request, answer)


def main() -> None:
    """Hand in, warm up, let them be due, wait for the ledger and then for Prefect's records."""
    race = Race.from_arguments()
    seconds_a_step = float(sys.argv[5]) if len(sys.argv) > 5 else STEP_SECONDS
    marks = [int(mark) for mark in sys.argv[6].split(",")] if len(sys.argv) > 6 else []
    database = Database(race.url)
    hand_in(database, race.essays)
    executor, thread = started(race, database, race.at_once, seconds_a_step)
    race.wait_for_start()
    let_go(database)
    memory = memory_at(marks, race, database)
    finish(race, database, memory=memory)
    executor.stop()
    thread.join()
    sys.stdout.flush()
    os._exit(0)


def started(
    race: Race, database: Database, at_once: int, seconds_a_step: float = STEP_SECONDS
) -> tuple[Executor, threading.Thread]:
    """An executor that is ready to work, in a thread of its own."""
    settings = Settings(
        database_url=race.url, result_storage=Path(race.folder) / "results", secret_key="not a secret " * 4
    )
    judge = SlowJudge(race, seconds_a_step)
    executor = Executor(
        settings,
        database,
        judge_factory=lambda _: judge,  # type: ignore[arg-type,return-value]
        criteria_at_once=1,
        calls_at_once=at_once,
    )
    thread = threading.Thread(target=executor.run, kwargs={"own_process": True})
    thread.start()
    if not executor.wait_until_ready(READY_SECONDS):
        raise SystemExit("Prefect did not start.")
    return executor, thread


def let_go(database: Database) -> None:
    """Everything that was handed in is due now, and the executors are told, as of what is handed in."""
    with database.write() as session:
        session.execute(update(Job).values(next_try_at=utc_now()))
        jobs.announce(session)


def finish(race: Race, database: Database, **more: object) -> None:
    """Once the ledger has all: wait for Prefect's records, count ours, print."""
    seconds = race.passed()
    runs, last = asyncio.run(wait_for_records())
    recorded = max(seconds, last - race.began)
    with database.read() as session:
        records = session.scalar(select(func.count()).select_from(RatingRow)) or 0
    race.finish(seconds, records, recorded_seconds=recorded, prefect_runs=runs, **more)


def hand_in(database: Database, essays: int) -> None:
    """Schema, a lesson of six criteria, a course, and an essay of each learner that is not due yet."""
    text = next(item.samples[0].text for item in read_lesson(bundled()[0]).items if item.id == "essay")
    schema.upgrade(database)
    site = "https://campus.example.edu"
    with database.write() as session:
        load_into(session, LESSON)
        registration = Registration(
            name="Campus", issuer=site, client_id="1", auth_login_url=site, auth_token_url=site, jwks_url=site
        )
        deployment = Deployment(registration=registration, lms_id="1")
        context = Context(deployment=deployment, lms_id="course")
        link = ResourceLink(deployment=deployment, context=context, lms_id="link", lesson_slug="six-steps")
        session.add_all([registration, deployment, context, link])
        session.flush()
        for number in range(essays):
            person = Person(registration_id=registration.id, sub=f"learner-{number}", handle=f"learner-{number}")
            session.add(person)
            session.flush()
            jobs.enqueue_judging(session, submit(session, link, person.id, "answer", f"{text} {number}."))
        session.execute(update(Job).values(next_try_at=utc_now() + timedelta(days=1)))


def memory_at(marks: Sequence[int], race: Race, database: Database) -> dict[int, dict[str, float]]:
    """Wait for all essays; MB of the executor and of Prefect's server when so many were done."""
    found: dict[int, dict[str, float]] = {}
    while waiting := unfinished(database):
        for mark in marks:
            if race.essays - waiting >= mark and mark not in found:
                found[mark] = memory()
        time.sleep(0.1)
    return found | {mark: memory() for mark in marks if mark not in found}


def memory() -> dict[str, float]:
    """MB that this process and those it started hold now."""
    return {"executor": resident(os.getpid()), "Prefect's server": sum(map(resident, children(os.getpid())))}


def unfinished(database: Database) -> int:
    """How many essays are not at the gate yet; asked in plain words, as DBOS is."""
    with database.engine.connect() as connection:
        return int(connection.exec_driver_sql(_WAITING).scalar_one())


_WAITING = f"SELECT count(*) FROM job WHERE state IN ({', '.join(repr(state) for state in jobs.UNFINISHED)})"


if __name__ == "__main__":
    main()

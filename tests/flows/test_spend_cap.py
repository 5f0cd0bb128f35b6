"""Budgets, a day's and a placement's own: work waits, nothing fails, little is spent beyond."""

import threading
import time
from dataclasses import dataclass

import pytest
from sqlalchemy import select, update

from flows import answers
from flows.judging.judge import Answer, JudgeRequest, Usage
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import AnswerRow, Job, Person
from tests.flows.counting_judge import CountingJudge

pytestmark = pytest.mark.slow

PRICE, BUDGET, CALLS = 0.01, 0.25, 2


@dataclass
class PaidJudge(CountingJudge):
    """Costs a cent a question."""

    paid: bool = True
    name: str = "claude:counting"

    def ask(self, request: JudgeRequest) -> Answer:
        return super().ask(request).model_copy(update={"usage": Usage(usd=PRICE)})


@pytest.fixture
def slow_ledger(monkeypatch) -> None:
    """Answers take a while to be stored, as on a busy machine."""
    at_once = answers.keep_answers

    def keep(database, bought):
        time.sleep(0.1)
        return at_once(database, bought)

    monkeypatch.setattr(answers, "keep_answers", keep)


@pytest.mark.usefixtures("slow_ledger")
def test_two_executors_hold_work_at_the_budget_and_go_on_after_it(world, executor, sample_texts) -> None:
    with world.database.write() as session:
        for number in range(10):
            person = Person(registration_id=world.registration_id, sub=f"p-{number}", handle=f"p-{number}")
            session.add(person)
            session.flush()
            text = f"{sample_texts['essay']} Number {number}."
            submit(session, world.placement(session), person.id, "essay", text)
    judge = PaidJudge()
    pair = [executor(judge, calls_at_once=CALLS) for _ in range(2)]
    for one in pair:
        one._bench.budget_usd = BUDGET
    run(pair)

    with world.database.read() as session:
        spent = sum(answer.usage["usd"] for answer in session.scalars(select(AnswerRow)))
        jobs = session.scalars(select(Job)).all()
    assert spent + 1e-9 >= BUDGET
    assert spent <= BUDGET + len(pair) * CALLS * PRICE + 1e-9
    held = [job for job in jobs if job.state == "queued"]
    assert held
    assert {job.state for job in jobs} <= {"queued", "awaiting_review"}
    assert {(job.held, job.tries) for job in held} == {(True, 0)}
    assert all("budget" in (job.last_error or "") for job in held)

    for one in pair:
        one._bench.budget_usd = 0
    with world.database.write() as session:
        session.execute(update(Job).where(Job.state == "queued").values(next_try_at=utc_now()))
    run(pair)
    assert len(judge.asked) == 70  # what was paid before the stop was not asked again
    with world.database.read() as session:
        assert {job.state for job in session.scalars(select(Job))} == {"awaiting_review"}


def test_what_a_placement_has_spent_is_known_before_its_next_question(world, executor, sample_texts) -> None:
    judge, questions = PaidJudge(), 3
    with world.database.write() as session:
        world.placement(session).settings = {"budget_usd": questions * PRICE}
        submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
    executor(judge, calls_at_once=1).run_until_idle()
    assert len(judge.asked) == questions
    with world.database.read() as session:
        [job] = session.scalars(select(Job))
    assert (job.state, job.held, job.tries) == ("queued", True, 0)
    assert "placement" in job.last_error


def run(executors) -> None:
    threads = [threading.Thread(target=one.run_until_idle) for one in executors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

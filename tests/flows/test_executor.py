"""Jobs as an executor runs them, with Prefect: the whole way, trouble on it, and stopping."""

import asyncio
import json
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import OperationalError

from flows import answers, judge_submissions, sheets
from flows import executor as executor_module
from flows.judging.judge import JudgeRequest, JudgeUnavailable
from flows.portions import InHand
from flows.records import SealedRecords
from lti_tool.ags import Answer
from lti_tool.attempts import submit, withdraw
from lti_tool.db import utc_now
from lti_tool.models import AnswerRow, Job, JudgementRow, Passback, RatingRow, ResourceLink, Submission
from tests.flows.counting_judge import CountingJudge, rate_everything

pytestmark = pytest.mark.slow


def rows(world, kind, *where):
    with world.database.read() as session:
        return list(session.scalars(select(kind).where(*where).order_by(*kind.__table__.primary_key)))


def send_by(world, person_id: int, item_id: str, text: str) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), person_id, item_id, text)


class Blocking:
    """An answer that does not come until `go_on`; `asked` once it is waited for."""

    def __init__(self) -> None:
        self.asked, self.go_on = threading.Event(), threading.Event()

    def __call__(self, request: JudgeRequest) -> dict:
        self.asked.set()
        self.go_on.wait(30)
        return rate_everything(request)


class Gradebook:
    """Takes every score and shows it."""

    def __init__(self) -> None:
        self.posted: list[dict] = []

    def find_line_items(self, url, *, resource_link_id=None):
        return [{"id": "https://campus.example.edu/lineitems/1", "scoreMaximum": 100}]

    def create_line_item(self, url, body):
        raise AssertionError("there is a column already")

    def post_score(self, url, body):
        self.posted.append(dict(body))
        return Answer(200, "OK")

    def results(self, url, user_id):
        return [{"resultScore": self.posted[-1]["scoreGiven"], "resultMaximum": self.posted[-1]["scoreMaximum"]}]


def test_what_is_sent_in_is_judged_released_by_policy_and_in_the_gradebook(world, executor, sample_texts) -> None:
    with world.database.write() as session:
        session.get_one(ResourceLink, world.resource_link_id).settings = {"release": "auto"}
    for item_id, text in sample_texts.items():
        send_by(world, world.ada_id, item_id, text)
    gradebook = Gradebook()
    executor(gradebook_of=lambda session, link: gradebook).run_until_idle()
    assert [job.gate_reason for job in rows(world, Job) if job.gate_reason] == []
    assert {job.state for job in rows(world, Job)} == {"done"}
    [message] = rows(world, Passback)
    assert message.state == "sent"
    assert gradebook.posted == [message.body]


def test_the_same_text_of_two_learners_at_once_is_asked_about_once(world, executor, sample_texts) -> None:
    both = threading.Barrier(2, timeout=5)

    def slow(request: JudgeRequest) -> dict:
        if len(judge.asked) == 1:
            with pytest.raises(threading.BrokenBarrierError):  # nobody else asks meanwhile
                both.wait(0.3)
        return rate_everything(request)

    judge = CountingJudge(slow)
    for person_id in (world.ada_id, world.bo_id):
        send_by(world, person_id, "essay", sample_texts["essay"])
    executor(judge).run_until_idle()
    assert len(judge.asked) == 7
    assert len(rows(world, JudgementRow)) == 2
    again = CountingJudge()
    with world.database.write() as session:
        session.execute(update(Job).values(state="queued"))
    executor(again).run_until_idle()
    assert again.asked == []


def test_clicks_that_fill_their_places_leave_one_to_what_can_wait_and_the_other_way_round(
    world, executor, sample_texts
) -> None:
    can_wait = sample_texts["q1"]
    for item_id, text in sample_texts.items():
        for person_id in (world.ada_id, world.bo_id):
            send_by(world, person_id, item_id, text)
    waiting = select(Submission.id).where(Submission.text == can_wait)
    with world.database.write() as session:
        session.execute(update(Job).where(Job.submission_id.in_(waiting)).values(priority=0))
    both = {False: threading.Event(), True: threading.Event()}
    met = []

    def once_the_other_is_asked_too(request: JudgeRequest) -> dict:
        is_click = request.text != can_wait
        both[is_click].set()
        met.append(both[not is_click].wait(20))
        return rate_everything(request)

    executor(CountingJudge(once_the_other_is_asked_too), judging_at_once=2).run_until_idle()
    assert set(met) == {True}
    assert len(rows(world, JudgementRow)) == 8


def test_an_executor_puts_so_many_questions_at_a_time_as_its_operator_set(
    world, prefect_environment, settings, sample_texts, monkeypatch
) -> None:
    for item_id, text in sample_texts.items():
        send_by(world, world.ada_id, item_id, text)
    both, lock, under_way, most = threading.Barrier(2, timeout=30), threading.Lock(), [], []

    def with_another(request: JudgeRequest) -> dict:
        with lock:
            under_way.append(request)
            most.append(len(under_way))
        if len(judge.asked) <= 2:
            both.wait()
        with lock:
            under_way.pop()
        return rate_everything(request)

    judge = CountingJudge(with_another)
    monkeypatch.setenv(executor_module.API_URL, prefect_environment[executor_module.API_URL])
    two = settings.model_copy(update={"judge_calls": 2})
    working = executor_module.Executor(two, world.database, judge_factory=lambda _: judge)
    try:
        working.run_until_idle()
    finally:
        working.close()
    assert max(most) == 2


def test_an_essay_that_takes_long_keeps_nobody_elses_place(world, executor, sample_texts) -> None:
    slow, quick = sample_texts["q1"], sample_texts["q2"]
    others_ended, met = threading.Event(), []

    def until_the_others_ended(request: JudgeRequest) -> dict:
        if request.text == slow:
            met.append(others_ended.wait(20))
        elif request.text == sample_texts["essay"]:
            others_ended.set()
        return rate_everything(request)

    # Two places are for what somebody waits for. The essay comes last, and only where the quick one left its place.
    send_by(world, world.ada_id, "q1", slow)
    send_by(world, world.ada_id, "q2", quick)
    send_by(world, world.ada_id, "essay", sample_texts["essay"])
    executor(CountingJudge(until_the_others_ended), judging_at_once=3).run_until_idle()
    assert set(met) == {True}
    assert len(rows(world, JudgementRow)) == 3


def test_no_receipt_is_looked_for_where_no_answer_is_stored(world, executor, sample_texts, monkeypatch) -> None:
    looked = []
    read = SealedRecords.aread_path

    async def counted(records: SealedRecords, path: str) -> bytes:
        looked.append(path)
        return await read(records, path)

    monkeypatch.setattr(SealedRecords, "aread_path", counted)
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    assert looked == []
    with world.database.write() as session:
        for kind in (JudgementRow, RatingRow):
            session.execute(delete(kind))
        session.execute(update(Job).values(state="queued"))
    executor().run_until_idle()
    assert set(looked) == {answer.fingerprint for answer in rows(world, AnswerRow)}


def test_prefect_keeps_receipts_by_fingerprint_and_nothing_a_learner_wrote(
    world, executor, settings, sample_texts
) -> None:
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    kept = Path(settings.result_storage)
    for answer in rows(world, AnswerRow):
        _, _, content = (kept / answer.fingerprint).read_text().partition("\n")
        assert '"model"' in json.loads(content)["result"]
    words = sample_texts["q1"].split()[0]
    assert not any(f'"{words}' in file.read_text() for file in kept.iterdir())


def test_a_damaged_receipt_is_noticed_and_made_anew_without_paying_again(
    world, executor, settings, sample_texts
) -> None:
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    damaged, missing = (Path(settings.result_storage) / answer.fingerprint for answer in rows(world, AnswerRow))
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-20])
    missing.unlink()
    with world.database.write() as session:
        for kind in (JudgementRow, RatingRow):
            session.execute(delete(kind))
        session.execute(update(Job).values(state="queued"))
    judge = CountingJudge()
    executor(judge).run_until_idle()
    assert judge.asked == []
    assert len(rows(world, JudgementRow)) == 1
    assert len(damaged.read_bytes()) == len(whole)
    assert missing.exists()


def test_an_erased_answer_is_asked_for_again_whatever_prefect_remembers(world, executor, sample_texts) -> None:
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor().run_until_idle()
    with world.database.write() as session:
        for kind in (JudgementRow, RatingRow, AnswerRow):
            session.execute(delete(kind))
        session.execute(update(Job).values(state="queued"))
    judge = CountingJudge()
    executor(judge).run_until_idle()
    assert sorted(judge.asked) == [("edge",), ("hit",)]
    assert len(rows(world, JudgementRow)) == 1


def test_a_judge_that_is_away_for_a_moment_is_asked_again_in_the_same_run(world, executor, sample_texts) -> None:
    def once_away(request: JudgeRequest) -> dict:
        if len(judge.asked) == 1:
            raise JudgeUnavailable("busy", retry_after=0)
        return rate_everything(request)

    judge = CountingJudge(once_away)
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor(judge, criteria_at_once=1).run_until_idle()
    assert judge.asked == [("hit",), ("hit",), ("edge",)]
    [job] = rows(world, Job)
    assert (job.state, job.tries) == ("awaiting_review", 1)


def test_a_judge_that_is_away_for_long_is_asked_later_and_what_it_said_is_kept(world, executor, sample_texts) -> None:
    def away(request: JudgeRequest) -> dict:
        if request.criteria == ("edge",):
            raise JudgeUnavailable("overloaded", retry_after=900)
        return rate_everything(request)

    judge = CountingJudge(away)
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor(judge).run_until_idle()
    [job] = rows(world, Job)
    assert (job.state, job.last_error) == ("queued", "The judge cannot be reached.")
    assert job.next_try_at > utc_now() + timedelta(seconds=800)
    assert {row.criterion for row in rows(world, RatingRow)} == {"form", "hit"}
    assert judge.asked.count(("edge",)) == 1


def test_an_answer_that_cannot_be_stored_at_once_is_not_bought_again(
    world, executor, sample_texts, monkeypatch
) -> None:
    """The database is restarted just when an answer has come."""
    keep, away = answers.keep_answers, [OperationalError("INSERT INTO answer", {}, OSError("it went away"))] * 2

    def once_it_is_back(database, bought):
        if away:
            raise away.pop()
        return keep(database, bought)

    monkeypatch.setattr(answers, "keep_answers", once_it_is_back)
    monkeypatch.setattr(judge_submissions, "KEEP_AGAIN_AFTER", [0.0, 0.0])
    judge = CountingJudge()
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor(judge, criteria_at_once=1).run_until_idle()
    assert (judge.asked, away) == ([("hit",), ("edge",)], [])
    [job] = rows(world, Job)
    assert (job.state, job.tries) == ("awaiting_review", 1)


def test_one_bad_submission_costs_the_others_nothing(world, executor, sample_texts) -> None:
    def chokes(request: JudgeRequest) -> dict:
        if request.rubric.id == "durable-workflows-q1":
            raise KeyError("a fault of the judge's own")
        return rate_everything(request)

    for item_id, text in sample_texts.items():
        send_by(world, world.ada_id, item_id, text)
    executor(CountingJudge(chokes)).run_until_idle()
    bad, *others = rows(world, Job)
    assert (bad.state, bad.last_error) == ("queued", "Judging broke off (KeyError).")
    assert {job.state for job in others} == {"awaiting_review"}


def test_one_that_cannot_even_be_put_back_costs_the_others_nothing(world, executor, sample_texts, monkeypatch) -> None:
    put_back, tried = judge_submissions._put_back, threading.Event()

    def not_at_first(*told) -> None:
        if not tried.is_set():
            tried.set()
            raise OperationalError("UPDATE job", {}, OSError("the database went away"))
        put_back(*told)

    def chokes_on_one(request: JudgeRequest) -> dict:
        if request.text == sample_texts["q1"]:
            raise KeyError("a fault of the judge's own")
        assert tried.wait(20)
        return rate_everything(request)

    for item_id in ("q1", "essay"):
        send_by(world, world.ada_id, item_id, sample_texts[item_id])
    monkeypatch.setattr(judge_submissions, "_put_back", not_at_first)
    executor(CountingJudge(chokes_on_one)).run_until_idle()
    bad, other = rows(world, Job)
    assert (bad.state, bad.last_error) == ("queued", "The work could not be run (OperationalError).")
    assert (other.state, other.tries) == ("awaiting_review", 1)


def test_what_could_not_be_opened_is_tried_later_and_what_was_is_judged(
    world, executor, sample_texts, monkeypatch
) -> None:
    for person_id, text in ((world.ada_id, sample_texts["q1"]), (world.bo_id, sample_texts["q2"])):
        send_by(world, person_id, "q1", text)
    monkeypatch.setattr(judge_submissions, "OPENED_AT_ONCE", 1)
    begin, begun = sheets.begin, []

    def breaks_off_at_the_second(database, opened):
        begun.append(len(opened))
        if len(begun) == 2:
            raise OSError("the database went away")
        return begin(database, opened)

    monkeypatch.setattr(sheets, "begin", breaks_off_at_the_second)
    executor().run_until_idle()
    assert begun[:2] == [1, 1]
    one, other = rows(world, Job)
    assert (one.state, one.last_error) == ("awaiting_review", None)
    assert (other.state, other.tries) == ("queued", 1)
    assert other.last_error == "The work could not be run (OSError)."


def test_an_executor_that_is_stopped_gives_back_what_it_cannot_finish(
    world, executor, sample_texts, monkeypatch
) -> None:
    monkeypatch.setattr(executor_module, "GRACE_SECONDS", 0.2)
    blocking = Blocking()
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    working = executor(CountingJudge(blocking))
    thread = threading.Thread(target=working.run)
    thread.start()
    assert blocking.asked.wait(60)
    working.stop()
    thread.join(20)
    [job] = rows(world, Job)
    blocking.go_on.set()
    assert not thread.is_alive()
    assert (job.state, job.owner, job.tries) == ("queued", None, 0)


def test_an_executor_that_is_stopped_gives_back_what_it_holds_before_it_lets_go_of_it(
    world, executor, sample_texts, monkeypatch
) -> None:
    monkeypatch.setattr(executor_module, "GRACE_SECONDS", 0.2)
    blocking = Blocking()
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    working = executor(CountingJudge(blocking))
    give_back = working._give_back

    def when_what_was_cancelled_is_over() -> None:
        for run in working._runs:
            if run.cancelled():
                asyncio.run_coroutine_threadsafe(let_go(), working._loop).result(10)
        give_back()

    async def let_go() -> None:
        while working._held:
            await asyncio.sleep(0)

    monkeypatch.setattr(working, "_give_back", when_what_was_cancelled_is_over)
    thread = threading.Thread(target=working.run)
    thread.start()
    assert blocking.asked.wait(60)
    working.stop()
    thread.join(20)
    blocking.go_on.set()
    [job] = rows(world, Job)
    assert (job.state, job.owner, job.tries) == ("queued", None, 0)


def test_what_is_taken_back_and_sent_again_is_held_though_its_older_run_ends(
    world, executor, sample_texts, monkeypatch
) -> None:
    """Its tries begin anew, so that the executor's second claim on it is equal to its first."""
    go_on, essay_may_end, again, may_end = (threading.Event() for _ in range(4))
    asked, older_is_over = threading.Barrier(3, timeout=60), threading.Event()

    def answer(request: JudgeRequest) -> dict:
        if request.text == sample_texts["essay"]:
            essay_may_end.wait(60)
        elif not older_is_over.is_set():
            asked.wait()
            go_on.wait(60)
        else:
            again.set()
            may_end.wait(60)
        return rate_everything(request)

    one_less = InHand.one_less
    monkeypatch.setattr(InHand, "one_less", lambda run: (one_less(run), older_is_over.set()))
    for item_id in ("q1", "essay"):
        send_by(world, world.ada_id, item_id, sample_texts[item_id])
    working = executor(CountingJudge(answer), calls_at_once=16)
    thread = threading.Thread(target=working.run)
    thread.start()
    asked.wait()  # both questions about q1 are put
    [older] = working._runs
    job, _ = rows(world, Job)
    with world.database.write() as session:
        withdraw(session, world.placement(session), session.get_one(Submission, job.submission_id))
    go_on.set()
    assert older_is_over.wait(60)
    with world.database.write() as session:
        session.execute(delete(AnswerRow))
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    assert again.wait(60)
    essay_may_end.set()
    older.result(60)
    held = set(working._held)
    may_end.set()
    working.stop()
    thread.join(30)
    assert held == {job.id}


def test_of_work_that_is_taken_away_no_further_question_is_asked(world, executor, sample_texts) -> None:
    def answer(request: JudgeRequest) -> dict:
        if len(judge.asked) == 2:
            with world.database.write() as session:
                withdraw(session, world.placement(session), session.scalars(select(Submission)).one())
        return rate_everything(request)

    judge = CountingJudge(answer)
    send_by(world, world.ada_id, "essay", sample_texts["essay"])
    executor(judge, criteria_at_once=1).run_until_idle()
    assert len(judge.asked) == 2
    assert len(rows(world, RatingRow)) == 1
    assert [job.state for job in rows(world, Job)] == ["withdrawn"]


def test_a_long_judging_keeps_its_lease(world, executor, sample_texts) -> None:
    """The judge holds one question for three leases; nobody else may get the job meanwhile."""
    held = threading.Event()

    def slow(request: JudgeRequest) -> dict:
        if len(judge.asked) == 1:
            held.wait(3)
        return rate_everything(request)

    judge = CountingJudge(slow)
    send_by(world, world.ada_id, "q1", sample_texts["q1"])
    executor(judge, lease_seconds=1).run_until_idle()
    [job] = rows(world, Job)
    assert (job.state, job.tries) == ("awaiting_review", 1)

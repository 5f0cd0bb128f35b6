"""The coach after judging: pieces and a reply in rows, nothing bought twice, and an answer that is never lost."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import select

from flows.coaching import coach_take
from flows.judging.claude_client import forget_clients
from flows.judging.claude_coach import ClaudeCoach
from flows.judging.coach import OfflineCoach, RatedTake, Reply
from flows.judging.judge import Answer, JudgeUnavailable
from lti_tool import coaching
from lti_tool.attempts import submit
from lti_tool.coaching import coaching_of
from lti_tool.erasing import erase_work
from lti_tool.models import AnswerRow, Job, JobEvent, JudgementRow, Submission
from tests.flows.counting_judge import CountingJudge
from tests.flows.judging.anthropic_stub import KEY, ApiStub, Cut, Says, api_stub, overloaded
from tests.lti_tool.judged import judge_as

TAKE = "The function times out mid-run and all in-memory state is lost, so you have to start over."
TIGHTER = "The function times out mid-run, its in-memory state is lost, and you start over."
SAID = f"WHY: Right cause. Where does the state live?\nREWRITE: {TIGHTER}"


@pytest.fixture
def take(world) -> int:
    """The id of a hot-take that has been judged."""
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "q1", TAKE)
        judge_as(session, sent, {"hit": 3, "edge": 2, "form": 2}, comment="Found: a. Not found: where the state lives.")
        return sent.id


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiStub]:
    monkeypatch.setattr("flows.coaching.AGAIN_AFTER", 0.01)
    with api_stub() as stub:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", stub.address)
        monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", KEY)
        monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
        monkeypatch.delenv("ATELIER_CLAUDE_PROVIDER", raising=False)
        forget_clients()
        yield stub
        forget_clients()


def events(world, *stages: str) -> list[JobEvent]:
    with world.database.read() as session:
        found = select(JobEvent).where(JobEvent.stage.in_(stages or coaching.STAGES)).order_by(JobEvent.id)
        return list(session.scalars(found))


def coached(world, submission_id: int) -> coaching.Coaching:
    with world.database.read() as session:
        return coaching_of(session, session.get_one(Submission, submission_id))


def test_the_reply_comes_in_pieces_and_ends_with_all_of_it(world, take, api) -> None:
    api.says(Says(SAID))
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take)
    said = coached(world, take)
    assert (said.state, said.why, said.rewrite) == ("done", "Right cause. Where does the state live?", TIGHTER)
    pieces = events(world, coaching.PIECE)
    assert len(pieces) > 1
    assert said.why.startswith("".join(row.detail["text"] for row in pieces))
    assert pieces[0].detail["begins"] is True


def test_a_second_run_asks_nobody_and_says_nothing_twice(world, take, api) -> None:
    api.says(Says(SAID))
    coach = ClaudeCoach("claude-sonnet-5-5")
    coach_take(world.database, coach, take)
    before = len(events(world))
    assert coach_take(world.database, coach, take) is False
    assert (len(api.asked), len(events(world))) == (1, before)


def test_an_answer_that_was_paid_for_is_read_again_after_a_crash(world, take, api) -> None:
    api.says(Says(SAID))

    class Dies(ClaudeCoach):
        def read(self, take: RatedTake, answer: Answer) -> Reply:
            raise MemoryError

    with pytest.raises(MemoryError):
        coach_take(world.database, Dies("claude-sonnet-5-5"), take)
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take)
    assert len(api.asked) == 1
    with world.database.read() as session:
        assert len(session.scalars(select(AnswerRow)).all()) == 1


def test_a_busy_coach_is_asked_once_more_and_then_is_out(world, take, api) -> None:
    api.says(overloaded())
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take) is False
    assert len(api.asked) == 2
    assert coached(world, take).state == "out"
    with world.database.read() as session:
        assert session.scalars(select(JudgementRow)).one().submission_id == take
        assert session.scalars(select(Job)).one().state == "awaiting_review"


def test_a_coach_that_was_busy_for_a_moment_begins_anew(world, take, api) -> None:
    api.says(overloaded(), Says(SAID))
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take)
    assert coached(world, take).rewrite == TIGHTER


def test_a_cut_stream_loses_only_the_rewrite(world, take, api) -> None:
    api.says(Cut(SAID, pieces=4))
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take)
    said = coached(world, take)
    assert (said.state, said.rewrite, said.withheld) == ("done", "", "cut")


def test_todays_budget_holds_for_the_coach_too(world, take, api) -> None:
    with world.database.write() as session:
        row = {"body": {}, "model": "m", "usage": {"usd": 5.0}}
        session.add(AnswerRow(fingerprint="f" * 64, registration_id=world.registration_id, **row))
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take, budget_usd=5.0) is False
    assert api.asked == []
    assert coached(world, take).state == "out"


def test_offline_it_says_what_was_not_found_and_that_it_cannot_rewrite(world, take) -> None:
    assert coach_take(world.database, OfflineCoach(), take)
    said = coached(world, take)
    assert (said.why, said.missed, said.withheld) == ("Where the state lives?", ("where the state lives",), "offline")
    assert events(world, coaching.REWROTE) == []


def test_an_essay_has_no_coach(world, submission) -> None:
    with world.database.write() as session:
        essay = session.get_one(Submission, submission.id)
        judge_as(session, essay, {"claim": 2})
    assert coach_take(world.database, OfflineCoach(), submission.id) is False
    assert events(world) == []


def test_what_is_half_said_is_seen_and_a_new_try_starts_over(world, take) -> None:
    with world.database.write() as session:
        job_id = session.scalars(select(Job.id)).one()
        coaching.say(session, job_id, "Right ", begins=True)
    assert (coached(world, take).state, coached(world, take).why) == ("speaking", "Right ")
    with world.database.write() as session:
        coaching.say(session, job_id, "Other ", begins=True)
        coaching.say(session, job_id, "words.", begins=False)
    assert coached(world, take).why == "Other words."


def test_a_coach_that_says_nothing_for_a_minute_is_out(world, take, monkeypatch: pytest.MonkeyPatch) -> None:
    assert coached(world, take).state == "waiting"
    monkeypatch.setattr(coaching, "PATIENCE", -coaching.PATIENCE)
    assert coached(world, take).state == "out"


class Failing(OfflineCoach):
    """Fails in the way it is told, and counts."""

    def __init__(self, error: Exception) -> None:
        self.error, self.asked = error, 0

    def ask(self, take: RatedTake, hear: Callable[[str], None]) -> Answer:
        self.asked += 1
        raise self.error


@pytest.mark.slow
@pytest.mark.parametrize("error", [JudgeUnavailable("gone", retry_after=60), RuntimeError("a fault of ours")], ids=repr)
def test_whatever_the_coach_does_the_take_is_judged_and_counts(world, executor, error) -> None:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "q1", TAKE)
    failing = Failing(error)
    executor(CountingJudge(), coach_factory=lambda _: failing).run_until_idle()
    assert failing.asked == 1
    with world.database.read() as session:
        assert session.scalars(select(JudgementRow)).one().submission_id == sent.id
        assert session.scalars(select(Job)).one().state == "awaiting_review"


@pytest.mark.slow
def test_a_judged_take_is_coached_in_the_same_run(world, executor) -> None:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "q1", TAKE)
        submit(session, world.placement(session), world.bo_id, "essay", "A step is retried. " * 100)
    executor(CountingJudge()).run_until_idle()
    assert coached(world, sent.id).state == "done"
    assert len(events(world, *coaching.ENDS)) == 1


def test_what_the_coach_answered_is_erased_with_the_take(world, take, api) -> None:
    api.says(Says(SAID))
    assert coach_take(world.database, ClaudeCoach("claude-sonnet-5-5"), take)
    with world.database.write() as session:
        assert session.scalars(select(AnswerRow)).all() != []
        erase_work(session, world.placement(session), world.ada_id, by=None)
    with world.database.read() as session:
        assert session.scalars(select(AnswerRow)).all() == []

"""Submissions judged by Claude through the real executor: kept, held, paid once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from flows.judging.claude import claude_judge
from flows.judging.claude_client import forget_clients
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import AnswerRow, Job, JobEvent, JudgeHealth, RatingRow
from tests.conftest import World
from tests.flows.judging.anthropic_stub import KEY, ApiStub, Says, criteria_asked, error, filled_in, work_of
from tests.flows.judging.test_claude import MODEL, api

pytestmark = pytest.mark.slow
__all__ = ["api"]


def honest(request) -> Says:
    """Level 2 on the first words of the work."""
    quote = " ".join(work_of(request).split()[:6])
    return filled_in(request, dict.fromkeys(criteria_asked(request), (2, quote)))


def rows(world: World, kind):
    with world.database.read() as session:
        return list(session.scalars(select(kind)))


@pytest.fixture
def sent(world: World, sample_texts: dict[str, str]) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])


def make_due(world: World) -> None:
    with world.database.write() as session:
        session.execute(update(Job).values(next_try_at=utc_now() - timedelta(seconds=1)))


def test_an_essay_is_judged_with_quotes_usage_and_the_model_that_answered(world, executor, api: ApiStub, sent) -> None:
    api.script = honest
    executor(claude_judge(MODEL)).run_until_idle()
    assert {rating.level for rating in rows(world, RatingRow)} == {2}
    assert {rating.model for rating in rows(world, RatingRow)} == {MODEL}
    assert all(rating.quotes for rating in rows(world, RatingRow))
    assert all(kept.usage["usd"] > 0 for kept in rows(world, AnswerRow))
    assert [job.state for job in rows(world, Job)] == ["awaiting_review"]
    assert api.refused == []


def test_a_wrong_key_holds_the_work_and_what_was_paid_is_not_bought_again(
    world, executor, api: ApiStub, sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = []

    def three_then_forbidden(request):
        answered.append(request)
        return honest(request) if len(answered) <= 3 else error(403, "permission_error")

    api.script = three_then_forbidden
    executor(claude_judge(MODEL)).run_until_idle()
    [job] = rows(world, Job)
    assert (job.state, job.tries) == ("queued", 0)
    assert "may not be used with this key" in (job.last_error or "")
    assert job.next_try_at > utc_now() + timedelta(minutes=5)
    assert "waiting" in [event.stage for event in rows(world, JobEvent)]
    paid = len(rows(world, AnswerRow))
    assert paid == 3

    api.script = honest
    before = len(api.asked)
    make_due(world)
    executor(claude_judge(MODEL)).run_until_idle()
    assert len(api.asked) - before == 7 - paid
    assert [job.state for job in rows(world, Job)] == ["awaiting_review"]


def test_a_budget_that_is_spent_holds_the_work_until_tomorrow(
    world, executor, settings, api, sent, monkeypatch
) -> None:
    api.script = honest
    tight = executor(claude_judge(MODEL), criteria_at_once=1)
    tight._bench.budget_usd = 0.003
    tight.run_until_idle()
    [job] = rows(world, Job)
    assert job.state == "queued"
    assert "budget" in (job.last_error or "")
    assert 0 < len(api.asked) < 7
    spent = sum(kept.usage["usd"] for kept in rows(world, AnswerRow))
    assert spent >= 0.003

    tight._bench.budget_usd = 0
    make_due(world)
    tight.run_until_idle()
    assert len(api.asked) == 7


def test_a_missing_key_is_one_sentence_for_the_operator(world, executor, api, sent, monkeypatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    forget_clients()
    executor(claude_judge(MODEL)).run_until_idle()
    [job] = rows(world, Job)
    said = "There is no key for Claude; set ANTHROPIC_API_KEY."
    assert (job.state, job.held, job.last_error) == ("queued", True, said)
    assert [health.trouble for health in rows(world, JudgeHealth)] == [said]
    assert KEY not in str(job.last_error)
    assert api.asked == []


def test_work_that_was_held_goes_on_by_itself_once_the_key_is_there(world, executor, api, sent, monkeypatch) -> None:
    api.script = honest
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    forget_clients()
    executor(claude_judge(MODEL)).run_until_idle()
    [job] = rows(world, Job)
    assert job.held
    assert job.next_try_at > utc_now()
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    forget_clients()
    again = executor(claude_judge(MODEL))
    again.start()
    for _ in range(200):
        again._stopping.wait(0.05)
        if not rows(world, Job)[0].held:
            break
    again.run_until_idle()
    assert [job.state for job in rows(world, Job)] == ["awaiting_review"]
    assert [health.trouble for health in rows(world, JudgeHealth)] == [""]

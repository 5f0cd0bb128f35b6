"""What Claude costs: estimated before, accounted after, halved by batches, stopped by a budget."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.judging.catalog import get_judge
from flows.judging.claude import claude_judge
from flows.judging.claude_batches import batch_answers, batch_ended, send_batch
from flows.judging.claude_client import forget_clients
from flows.judging.commands import app
from flows.judging.estimate import estimate, likely_cost
from flows.judging.judge import JudgeHeld, fingerprint, judge_text
from flows.judging.prices import DEAREST, price_of
from tests.flows.judging.anthropic_stub import ApiStub, criteria_asked, error, filled_in, overloaded, tokens
from tests.flows.judging.test_claude import ESSAY, MODEL, QUOTE, TEXT, api, one, says

__all__ = ["api"]


def mark(criterion: str) -> str:
    return fingerprint(scope="s", judge=claude_judge(MODEL), rubric=ESSAY, criteria=[criterion], text=TEXT)


def test_a_price_is_that_of_the_longest_name_and_never_too_low() -> None:
    assert price_of("claude-sonnet-5-5-20260901").input == 2
    assert price_of("claude-next") == DEAREST
    assert price_of("eu.anthropic.claude-sonnet-5-5-20260901-v1:0").input == 2  # as a cloud names it
    assert price_of(MODEL).of(1_000_000, 100_000, cache_read=1_000_000) == pytest.approx(2 + 1 + 0.2)


def test_a_dry_run_counts_and_asks_nobody(api: ApiStub, tmp_path: Path) -> None:
    table = tmp_path / "essays.jsonl"
    table.write_text("".join(json.dumps({"id": number, "text": TEXT}) + "\n" for number in range(30)))
    command = [str(table), "--rubric", ESSAY.id, "--judge", f"claude:{MODEL}", "--jsonl", "--dry-run"]
    found = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert (found["texts"], found["calls"]) == (30, 30 * len(ESSAY.judged))
    assert found["usd"] == pytest.approx(price_of(MODEL).of(found["input_tokens"], found["output_tokens"]))
    assert found["usd_batch"] == pytest.approx(found["usd"] / 2)
    assert found["usd_cached"] < found["usd"] * 0.9
    assert len(api.counted) == 12
    assert api.asked == []
    assert "210 calls" in CliRunner().invoke(app, command).stdout


def test_a_dry_run_reckons_every_reader_and_only_those_that_are_paid(api: ApiStub) -> None:
    alone = estimate(get_judge(f"claude:{MODEL}"), ESSAY, [TEXT])
    thrice = estimate(get_judge(f"claude:{MODEL},repeats=3"), ESSAY, [TEXT])
    panel = estimate(get_judge(f"panel:checklist+claude:{MODEL}"), ESSAY, [TEXT])
    assert (thrice.calls, thrice.usd) == (3 * alone.calls, pytest.approx(3 * alone.usd))
    assert (panel.calls, panel.usd) == (2 * alone.calls, alone.usd)


def test_what_is_paid_lies_between_the_warm_and_the_cold_estimate(api: ApiStub) -> None:
    api.script = lambda request: filled_in(request, dict.fromkeys(criteria_asked(request), (2, QUOTE)))
    judge = get_judge(f"claude:{MODEL}")
    reckoned = estimate(judge, ESSAY, [TEXT])
    judge_text(judge, ESSAY, TEXT)
    read = sum(tokens(asked["messages"]) + tokens(asked["system"]) for asked in api.asked)
    assert reckoned.input_tokens == pytest.approx(read, rel=0.02)


def test_where_nobody_counts_the_estimate_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_CLAUDE_PROVIDER", "bedrock")
    found = estimate(claude_judge(MODEL, client=lambda: None), ESSAY, [TEXT] * 3)
    assert not found.counted
    assert "reckoned from the length" in str(found)
    assert found.usd > 0


def test_a_text_without_spaces_is_not_reckoned_cheaper_than_it_is() -> None:
    judge, plain, chinese = claude_judge(MODEL), "word " * 400, "复制出错时重试会读取记录" * 160
    price = price_of(MODEL).input / 1_000_000
    # About a token a letter: three quarters of that at least, where Latin letters take a quarter.
    more = likely_cost(judge, one(text=chinese)) - likely_cost(judge, one(text=plain))
    assert more >= price * (0.75 * len(chinese) - len(plain) / 4 - 1)


def test_a_dry_run_of_the_checklist_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "essay.txt").write_text(TEXT)
    result = CliRunner().invoke(app, [str(tmp_path / "essay.txt"), "--rubric", ESSAY.id, "--dry-run", "--json"])
    assert json.loads(result.stdout)["usd"] == 0


def test_a_batch_is_matched_by_fingerprint_at_half_the_price(api: ApiStub) -> None:
    def script(request):
        return overloaded() if criteria_asked(request) == ["retry"] else says(2, QUOTE)

    api.script, api.polls_until_done = script, 2
    judge = claude_judge(MODEL)
    questions = {mark(name): one(name) for name in ("claim", "retry", "economy")}
    batch = send_batch(judge, questions)
    assert [batch_ended(judge, batch), batch_ended(judge, batch)] == [False, True]
    found = dict(batch_answers(judge, batch))
    assert set(found) == {mark("claim"), mark("economy")}  # what failed is left to be asked again
    used = found[mark("claim")].usage
    assert used.usd == pytest.approx(
        price_of(MODEL).of(used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens) / 2
    )
    (rating,) = judge.read(one("economy"), found[mark("economy")])
    assert rating.level == 2
    assert api.refused == []


def test_a_batch_that_cannot_be_sent_says_why(api: ApiStub, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="1 to 10000"):
        send_batch(claude_judge(MODEL), {})
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-wrong")
    forget_clients()
    with pytest.raises(JudgeHeld, match="does not accept the key"):
        send_batch(claude_judge(MODEL), {mark("claim"): one()})


def test_a_question_that_a_batch_does_not_take_is_left_to_be_asked_by_itself(api: ApiStub) -> None:
    judge = claude_judge("claude-unheard-of")
    batch = send_batch(judge, {mark("claim"): one()})
    assert batch_ended(judge, batch)
    assert list(batch_answers(judge, batch)) == []


def test_whether_it_can_be_asked_is_known_without_spending(api: ApiStub) -> None:
    assert claude_judge(MODEL).unreachable() is None
    assert "no model" in str(claude_judge("claude-unheard-of").unreachable())
    assert api.asked == []


def test_what_failed_costs_nothing_and_what_answered_is_accounted(api: ApiStub) -> None:
    api.says(error(529, "overloaded_error"), says(1, QUOTE))
    judge = claude_judge(MODEL)
    with pytest.raises(Exception, match="busy"):
        judge.ask(one())
    used = judge.ask(one()).usage
    assert used.cache_write_tokens > 0
    assert used.usd > 0

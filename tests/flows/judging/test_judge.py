"""What every judge goes through: fingerprints, settling, code's own ratings, the whole sheet."""

from collections.abc import Mapping
from typing import Any

import pytest

from flows.judging.catalog import get_judge
from flows.judging.judge import (
    Answer,
    JudgeRefused,
    JudgeRequest,
    UnknownJudge,
    Usage,
    fingerprint,
    judge_text,
    rate,
    read_ratings,
    requests_for,
    settle,
)
from rubrics.checks import find_facts
from rubrics.judgement import Rating
from rubrics.model import Rubric, load_rubric

TEXT = "The host kills it at step 14. Its memory is gone."


class FakeJudge:
    """Answers every criterion asked with the same level and quote."""

    name = "fake"
    version = "1"
    model = "m"
    prompt_hash = "p"
    evidence = "quotes"
    fills = "criterion"
    provisional = False
    paid = False
    label = "A fake."

    def __init__(self, level: int | None = 3, quote: str = "kills it at step 14", **changes: Any) -> None:
        self.parameters: Mapping[str, Any] = {}
        self.level, self.quote, self.asked = level, quote, 0
        self.__dict__.update(changes)

    def ask(self, request: JudgeRequest) -> Answer:
        self.asked += 1
        quote = {"text": self.quote, "start": 0, "end": len(self.quote)}
        rows = [{"criterion": one, "level": self.level, "quotes": [quote]} for one in request.criteria]
        return Answer(body={"ratings": rows}, model="m", usage=Usage(input_tokens=5))

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        return read_ratings(request, answer)


class Refusing(FakeJudge):
    def ask(self, request: JudgeRequest) -> Answer:
        raise JudgeRefused("refused")


@pytest.fixture
def hot_take() -> Rubric:
    return load_rubric("durable-workflows-q1")


def stamp(rubric: Rubric, judge: FakeJudge | None = None, **changes: Any) -> str:
    content: dict[str, Any] = {"scope": "s", "criteria": ["hit", "edge"], "text": TEXT}
    return fingerprint(judge=judge or FakeJudge(), rubric=rubric, **(content | changes))  # type: ignore[arg-type]


def test_the_fingerprint_is_stable_and_blind_to_the_order_of_criteria(hot_take: Rubric) -> None:
    assert stamp(hot_take) == stamp(hot_take, criteria=["edge", "hit"])
    assert len(stamp(hot_take)) == 64


@pytest.mark.parametrize(
    "changes", [{"scope": "t"}, {"criteria": ["hit"]}, {"text": TEXT + " "}, {"repeat": 1}], ids=str
)
def test_the_fingerprint_covers_what_is_asked(hot_take: Rubric, changes: dict[str, Any]) -> None:
    assert stamp(hot_take, **changes) != stamp(hot_take)


@pytest.mark.parametrize(
    "changes",
    [{"name": "x"}, {"version": "2"}, {"model": "n"}, {"prompt_hash": "q"}, {"parameters": {"t": 1}}],
    ids=str,
)
def test_the_fingerprint_covers_the_judge(hot_take: Rubric, changes: dict[str, Any]) -> None:
    assert stamp(hot_take, FakeJudge(**changes)) != stamp(hot_take)


def test_the_fingerprint_covers_the_rubric(hot_take: Rubric) -> None:
    assert stamp(hot_take.model_copy(update={"version": 9})) != stamp(hot_take)


def test_a_moved_box_is_the_same_drawing() -> None:
    rubric = load_rubric("durable-workflows-drawing")
    drawing = '{"schema": "atelier.diagram/1", "nodes": [{"id": "%s", "kind": "queue", "label": "Queue"}], "edges": []}'
    assert stamp(rubric, text=drawing % "n1") == stamp(rubric, text=drawing % "n7")


def test_an_answer_survives_json() -> None:
    answer = Answer(body={"a": [1]}, model="m", usage=Usage(usd=0.01))
    assert Answer.model_validate_json(answer.model_dump_json()) == answer


def test_one_request_a_criterion_or_one_a_sheet(hot_take: Rubric) -> None:
    facts = find_facts(TEXT, hot_take)
    assert [one.criteria for one in requests_for(FakeJudge(), hot_take, TEXT, facts)] == [("hit",), ("edge",)]
    whole = requests_for(FakeJudge(fills="sheet"), hot_take, TEXT, facts)
    assert [one.criteria for one in whole] == [("hit", "edge")]


def test_the_sheet_holds_judged_and_coded_criteria(hot_take: Rubric) -> None:
    sheet = judge_text(FakeJudge(), hot_take, TEXT)
    assert sheet.levels == {"hit": 3, "edge": 3, "form": 1}  # two sentences
    assert sheet.ratings[0].quotes[0].start == TEXT.index("kills")


@pytest.mark.parametrize("level", [1, 4])
def test_a_level_whose_quote_is_not_in_the_text_is_unscored(hot_take: Rubric, level: int) -> None:
    sheet = judge_text(FakeJudge(level=level, quote="it never said this"), hot_take, TEXT)
    assert (sheet.levels["hit"], sheet.unscored_reasons["hit"]) == (None, "quote")


def test_a_level_of_zero_needs_no_quote(hot_take: Rubric) -> None:
    assert judge_text(FakeJudge(level=0, quote="none of this"), hot_take, TEXT).levels["hit"] == 0


def test_a_level_the_criterion_does_not_have_is_unscored(hot_take: Rubric) -> None:
    assert judge_text(FakeJudge(level=7), hot_take, TEXT).levels["edge"] is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "no_answer"),
        ({"ratings": "none"}, "no_answer"),
        ({"ratings": [{"criterion": "hit", "level": "high"}]}, "unreadable"),
        ({"ratings": [{"criterion": "edge", "level": 1}]}, "no_answer"),
    ],
)
def test_a_body_that_cannot_be_read_is_unscored(hot_take: Rubric, body: dict[str, Any], reason: str) -> None:
    request = requests_for(FakeJudge(), hot_take, TEXT, find_facts(TEXT, hot_take))[0]
    (rating,) = read_ratings(request, Answer(body=body, model="m"))
    assert (rating.level, rating.reason) == (None, reason)


def test_settling_fills_in_a_criterion_the_judge_left_out(hot_take: Rubric) -> None:
    request = requests_for(FakeJudge(fills="sheet"), hot_take, TEXT, find_facts(TEXT, hot_take))[0]
    settled = settle(FakeJudge(), request, [Rating(criterion="hit", level=0)])
    assert [(rating.criterion, rating.level) for rating in settled] == [("hit", 0), ("edge", None)]


def test_a_refusal_is_unscored_with_its_reason(hot_take: Rubric) -> None:
    sheet = judge_text(Refusing(), hot_take, TEXT)
    assert sheet.unscored_reasons == {"hit": "refused", "edge": "refused"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("\x00\x01 abc", "not_text"),
        ("\udcff\udcfe", "not_text"),
        ("a " * 400, "out_of_range"),
    ],
)
def test_what_cannot_be_judged_is_never_asked(hot_take: Rubric, text: str, reason: str) -> None:
    judge = FakeJudge()
    sheet = judge_text(judge, hot_take, text)
    assert set(sheet.levels.values()) == {None}
    assert set(sheet.unscored_reasons.values()) == {reason}
    assert reason in sheet.flags
    assert judge.asked == 0


def test_economy_is_capped_outside_the_range_whoever_judges() -> None:
    rubric = load_rubric("durable-workflows-essay")
    text = "kills it at step 14 and the agent retries its workflow. " * 30
    request = JudgeRequest(rubric, ("economy",), text, find_facts(text, rubric).model_dump(mode="json"))
    (rating,) = rate(FakeJudge(level=4), request)
    assert rating.level == 2
    assert "out of the asked range" in rating.comment


def test_an_unknown_judge_is_told_what_there_is() -> None:
    with pytest.raises(UnknownJudge, match="checklist"):
        get_judge("oracle")

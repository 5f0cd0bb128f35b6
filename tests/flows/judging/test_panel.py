"""A panel: one rating from several readers, their doubt in words, and every reader's answer paid once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from flows.gate import gate_reason
from flows.judging.catalog import get_judge
from flows.judging.doubt import boundary
from flows.judging.judge import (
    Answer,
    JudgeRefused,
    JudgeRequest,
    Reader,
    UnknownJudge,
    Usage,
    fingerprint,
    judge_text,
    questions_for,
)
from flows.judging.panel import PanelJudge, repeated
from rubrics.checks import find_facts
from rubrics.judgement import Quote, Rating
from rubrics.model import load_rubric

RUBRIC = load_rubric("durable-workflows-essay")
TEXT = "The worker dies at step nine and the history brings the run back. " * 25
QUOTE = "dies at step nine"


@dataclass(eq=False)
class Member:
    """Gives each criterion `levels` in turn of repeat, or an estimate, or refuses."""

    name: str
    levels: tuple[int | None, ...] = (2,)
    estimate: float | None = None
    evidence: str = "quotes"
    refuses: bool = False
    version: str = "1"
    model: str = "m"
    prompt_hash: str = "p"
    fills: str = "sheet"
    provisional: bool = False
    paid: bool = True
    label: str = "A member."
    parameters: dict[str, Any] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def ask(self, request: JudgeRequest) -> Answer:
        if self.refuses:
            raise JudgeRefused("refused")
        self.asked.append(request.repeat)
        return Answer(body={}, model=self.model, usage=Usage(usd=0.5))

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        level = self.levels[request.repeat % len(self.levels)]
        start = request.text.index(QUOTE)
        quotes = (Quote(text=QUOTE, start=start, end=start + len(QUOTE)),) if self.evidence == "quotes" else ()
        if level is None:
            return tuple(Rating(criterion=one, level=None, reason="language") for one in request.criteria)
        return tuple(
            Rating(criterion=one, level=level, quotes=quotes, estimate=self.estimate) for one in request.criteria
        )


def panel(*members: Member) -> PanelJudge:
    return PanelJudge("panel", [Reader(member) for member in members])


def claim_of(judge: PanelJudge) -> Rating:
    return next(one for one in judge_text(judge, RUBRIC, TEXT).ratings if one.criterion == "claim")


CASES: dict[str, tuple[tuple[Member, ...], int | None, str]] = {
    "they agree": ((Member("a"), Member("b")), 2, ""),
    "half a level is rounded down": (
        (Member("a", (2,)), Member("b", (3,))),
        2,
        "a says 2, b says 3; 2.5 lies on the boundary between 2 and 3",
    ),
    "far apart": ((Member("a", (1,)), Member("b", (4,))), 2, "a says 1, b says 4; 2.5 lies on the boundary between 2"),
    "the middle of three": ((Member("a", (0,)), Member("b", (3,)), Member("c", (3,))), 3, "a says 0, b says 3, c says"),
    "same level, close to the boundary": (
        (Member("a", (2,), 2.4, evidence="none"), Member("b", (2,), 2.45, evidence="none")),
        2,
        "2.4 lies on the boundary between 2 and 3",
    ),
    "one could not": ((Member("a", (None,)), Member("b", (3,))), 3, "a could not rate it (language)"),
    "one was refused": ((Member("a", refuses=True), Member("b", (3,))), 3, "a could not rate it (refused)"),
}


@pytest.mark.parametrize(("members", "level", "doubt"), CASES.values(), ids=CASES.keys())
def test_one_rating_and_what_is_uncertain_about_it(members: tuple[Member, ...], level: int | None, doubt: str) -> None:
    rating = claim_of(panel(*members))
    assert rating.level == level
    assert rating.doubt.startswith(doubt)
    assert bool(rating.doubt) == bool(doubt)


def test_what_nobody_could_rate_is_unscored_for_the_first_reason() -> None:
    rating = claim_of(panel(Member("a", (None,)), Member("b", refuses=True)))
    assert (rating.level, rating.reason) == (None, "language")
    assert "a: language; b: refused" in rating.comment


def test_confidence_is_the_share_that_agrees_and_says_so() -> None:
    rating = claim_of(panel(Member("a", (3,)), Member("b", (3,)), Member("c", (1,))))
    assert rating.confidence == pytest.approx(2 / 3)
    assert rating.confidence_source == "the share of 3 readings that give this level"


def test_quotes_are_those_of_the_readers_nearest_to_the_level() -> None:
    rating = claim_of(panel(Member("a", (3,), evidence="none"), Member("b", (3,))))
    assert [quote.text for quote in rating.quotes] == [QUOTE]
    assert panel(Member("a", evidence="none"), Member("b")).evidence == "none"


def test_a_drawings_level_between_two_rests_on_what_the_one_who_saw_something_saw() -> None:
    readers = [Reader(Member("blind")), Reader(Member("sees"))]
    given = [
        Rating(criterion="crash", level=0, looked_for="A pin."),
        Rating(criterion="crash", level=2, checks=("n3", "e1")),
    ]
    rubric = load_rubric("durable-workflows-drawing")
    rating = PanelJudge("panel", readers).combine(rubric, "crash", list(zip(readers, given, strict=True)))
    assert (rating.level, rating.checks) == (1, ("n3", "e1"))  # without them it would be unscored


def test_the_gate_tells_the_doubt_in_words_and_holds_even_where_policy_would_release() -> None:
    sheet = judge_text(panel(Member("a", (2,)), Member("b", (4,))), RUBRIC, TEXT)
    reason = gate_reason(
        policy="auto", rubric=RUBRIC, ratings=sheet.ratings, flags=(), provisional=False, evidence="quotes"
    )
    assert reason is not None
    assert reason.startswith("Claim: a says 2, b says 4; ")
    assert reason.endswith("3 more rows are uncertain.")


def test_a_member_is_asked_under_the_fingerprint_it_has_alone() -> None:
    alone, other = Member("a"), Member("b")
    facts = find_facts(TEXT, RUBRIC)
    own = questions_for(alone, RUBRIC, TEXT, facts, scope="s")
    shared = questions_for(panel(alone, other), RUBRIC, TEXT, facts, scope="s")
    assert {one.fingerprint for one in own} < {one.fingerprint for one in shared}


def test_a_judge_read_three_times_is_three_questions_and_repeats_go_on_counting() -> None:
    member = Member("a", (2, 2, 4))
    judge = repeated(member, 3)
    rating = claim_of(judge)
    assert member.asked == [0, 1, 2]
    assert (judge.name, rating.level) == ("a", 2)
    assert rating.doubt == "a says 2, 2 and 4"
    facts = find_facts(TEXT, RUBRIC)
    second = questions_for(judge, RUBRIC, TEXT, facts, scope="s", repeat=1)
    assert [one.request.repeat for one in second] == [3, 4, 5]


def test_usage_is_that_of_all_readers() -> None:
    assert judge_text(panel(Member("a"), Member("b")), RUBRIC, TEXT).usage["usd"] == 1


def test_the_fingerprint_of_a_panel_covers_its_readers() -> None:
    def stamp(*members: Member) -> str:
        return fingerprint(scope="s", judge=panel(*members), rubric=RUBRIC, criteria=["claim"], text=TEXT)

    first, second = Member("a"), Member("b")
    changed = [Member("b", version="2"), Member("b", model="n"), Member("b", prompt_hash="q")]
    changed.append(Member("b", parameters={"effort": "low"}))
    marks = {stamp(first, second), *(stamp(first, other) for other in changed), stamp(second, first)}
    assert len(marks) == 6


@pytest.mark.parametrize("name", ["panel:", "panel:checklist", "panel:checklist+", "panel:checklist+checklist"])
def test_a_panel_that_is_none_is_said_so(name: str) -> None:
    with pytest.raises(UnknownJudge):
        get_judge(name)


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (2.5, "2.5 lies on the boundary between 2 and 3"),
        (2.3, ""),
        (3.0, ""),
        (-0.5, ""),
        (4.5, ""),
        (0.4, "0.4 lies on the boundary between 0 and 1"),
    ],
)
def test_an_estimate_close_to_a_boundary_says_which(estimate: float, words: str) -> None:
    assert boundary(estimate, top=4) == words

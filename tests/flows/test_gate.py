"""When a person decides, and in which words they are told why."""

import pytest

from flows.gate import gate_reason
from rubrics.judgement import Rating
from rubrics.model import load_rubric

RUBRIC = load_rubric("durable-workflows-essay")


def ratings(**unscored: str) -> list[Rating]:
    """Every criterion at 3, except those given with their reason."""
    return [
        Rating(criterion=one.id, level=None, reason=unscored[one.id])
        if one.id in unscored
        else Rating(criterion=one.id, level=3)
        for one in RUBRIC.criteria
    ]


CASES = {
    "a judge of its own right, reviewed": ({}, "Every sheet here is confirmed by a person."),
    "a provisional judge": ({"provisional": True}, "The judge is provisional."),
    "a flag": ({"flags": ["off_topic"]}, "It may be off topic."),
    "an unknown flag": ({"flags": ["new_flag"]}, "New flag."),
    "released by policy": ({"policy": "auto"}, None),
    "released by policy, provisional": ({"policy": "auto", "provisional": True}, None),
    "policy, but a flag": ({"policy": "auto", "flags": ["same_text"]}, "Another learner sent the same text."),
    "policy, but no evidence": ({"policy": "auto", "evidence": "none"}, "An estimate without quotes."),
    "policy, but unscored": ({"policy": "auto", "ratings": ratings(claim="refused")}, "Not scored: Claim."),
    "quotes failed and more": (
        {"ratings": ratings(claim="quote", retry="refused", economy="quote"), "flags": ["repetition"]},
        "Quote failed: Claim, Economy; not scored: Retry layer; it repeats itself.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_gate(case) -> None:
    given, expected = CASES[case]
    known = {"policy": "review", "ratings": ratings(), "flags": [], "provisional": False, "evidence": "quotes"}
    assert gate_reason(rubric=RUBRIC, **{**known, **given}) == expected

"""Probes as texts, and what their figures say."""

import random

import pytest

from eval.probe_texts import INJECTIONS, OFF_TOPIC, PROBES, Source, paraphrase, sentences
from eval.probing import Pair, Reading, probe_figures, probes_json
from rubrics.checks import find_facts
from rubrics.model import load_rubric

ESSAY = load_rubric("durable-workflows-essay")
TEXT = (
    "The host kills the run at fifteen minutes. Because the state was in memory, nothing can resume. "
    "The retry starts again at step one, so the card is charged twice. A checkpoint after every step prevents that. "
    "It is cheap to write a row, but it has to be written before the next call is made."
)
BY_NAME = {probe.name: probe for probe in PROBES}


def changed(name: str, text: str = TEXT, others: tuple[str, ...] = ("Something else was asked.",)) -> str | None:
    return BY_NAME[name].change(Source(text, ESSAY, others), random.Random(1))


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_probe_changes_the_text_and_the_same_way_every_time(name: str) -> None:
    first = changed(name)
    assert first
    assert first != TEXT
    assert changed(name) == first


def test_what_each_probe_does() -> None:
    assert changed("duplication") == f"{TEXT}\n\n{TEXT}"
    assert sorted(sentences(changed("shuffle") or "")) == sorted(sentences(TEXT))
    assert sorted((changed("scramble") or "").split()) == sorted(TEXT.split())
    assert changed("off_topic") == OFF_TOPIC
    assert changed("wrong_prompt") == "Something else was asked."
    assert ESSAY.judged[0].levels[0].descriptor in (changed("parroting") or "")
    assert set(TEXT.split()) <= set((changed("padding") or "").split())


def test_a_paraphrase_says_the_same_in_other_words_and_back() -> None:
    once = paraphrase(Source(TEXT, ESSAY), random.Random(0))
    assert once is not None
    assert "Since the state was in memory" in once
    assert "yet it has to be written" in once
    assert "It's cheap" in once
    assert paraphrase(Source(once, ESSAY), random.Random(0)) == TEXT
    assert paraphrase(Source("Nothing to exchange.", ESSAY), random.Random(0)) is None


def test_probes_that_have_nothing_to_work_on_are_left_out() -> None:
    assert changed("shuffle", "One. Two. Three.") is None
    assert changed("scramble", "too short") is None
    assert changed("wrong_prompt", TEXT, ()) is None


def test_code_flags_what_it_should() -> None:
    injected = [find_facts(f"{TEXT} {words}", ESSAY).flags for words in INJECTIONS]
    assert sum("addresses_judge" in flags for flags in injected) >= 3
    assert "repetition" in find_facts(changed("duplication") or "", ESSAY).flags
    assert "addresses_judge" not in find_facts(TEXT, ESSAY).flags


def pair(before: int | None, after: int | None, flag: str = "") -> Pair:
    return Pair(
        Reading({"claim": before}, {"claim": 4}, frozenset()),
        Reading({"claim": after}, {"claim": 4}, frozenset([flag] if flag else [])),
    )


def test_figures_of_pairs_worked_by_hand() -> None:
    # Forty: ten raised by a level unseen, ten raised and flagged, ten unscored, ten as they were.
    pairs = [pair(2, 3)] * 10 + [pair(2, 4, "addresses_judge")] * 10 + [pair(2, None)] * 10 + [pair(2, 2)] * 10
    found = probe_figures(pairs, replicates=50)
    assert {name: found[name].value for name in ("raised", "lowered", "caught", "raised_uncaught")} == {
        "raised": 0.5,
        "lowered": 0.0,
        "caught": 0.5,
        "raised_uncaught": 0.25,
    }
    # Of thirty scored both times: ten by 1/4, ten by 2/4, ten by none.
    assert found["change"].value == pytest.approx(0.25)
    assert found["change"].n == 30


def test_too_few_pairs_have_no_figures() -> None:
    told = probes_json({"injection": [pair(1, 2)] * 5}, 5)
    assert told["probes"]["injection"]["raised"]["reason"] == "5 rows: below 10"

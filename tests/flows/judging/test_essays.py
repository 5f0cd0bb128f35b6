"""The checklist judge on essays of many voices, beside one reader's levels; see bench/essays.py for the figures."""

import random
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import yaml

from flows.judging.checklist import ChecklistJudge
from flows.judging.judge import JudgeRequest, judge_text, settle
from rubrics.checks import find_facts
from rubrics.model import load_rubric
from rubrics.scoring import item_points

ESSAYS = Path(__file__).parent / "essays"
JUDGE = ChecklistJudge()
RUBRIC = load_rubric("durable-workflows-essay")
CRITERIA = tuple(criterion.id for criterion in RUBRIC.criteria)
TABLE: dict[str, dict[str, Any]] = yaml.safe_load((ESSAYS / "levels.yaml").read_text())


def levels(text: str) -> list[int | None]:
    request = JudgeRequest(RUBRIC, CRITERIA, text, find_facts(text, RUBRIC).model_dump(mode="json"))
    return [rating.level for rating in settle(JUDGE, request, JUDGE.read(request, JUDGE.ask(request)))]


def read(name: str) -> str:
    return (ESSAYS / f"{name}.md").read_text()


def points(given: list[Any]) -> float:
    total = item_points(RUBRIC, dict(zip(CRITERIA, given, strict=True)))
    assert total is not None
    return total


def near(pairs: list[tuple[int | None, int]], most: int) -> float:
    return sum(level is not None and abs(level - want) <= most for level, want in pairs) / len(pairs)


@pytest.mark.parametrize(
    ("half", "lang", "within_one", "exact"),
    [
        ("dev", "en", 0.95, 0.55),
        ("dev", "de", 0.95, 0.55),
        ("held", "en", 0.93, 0.55),
        ("held", "de", 0.93, 0.55),
        ("late", "en", 0.93, 0.6),
    ],
)
def test_most_levels_are_the_readers_own_or_the_next(half: str, lang: str, within_one: float, exact: float) -> None:
    rows = {name: row for name, row in TABLE.items() if (row["half"], row["lang"]) == (half, lang)}
    pairs = [pair for name, row in rows.items() for pair in zip(levels(read(name)), row["levels"], strict=True)]
    assert len(rows) >= 6
    assert near(pairs, 1) >= within_one
    assert near(pairs, 0) >= exact


@pytest.mark.parametrize("lang", ["en", "de"])
def test_strong_essays_stand_above_middling_ones_and_these_above_weak_ones(lang: str) -> None:
    bands: dict[str, list[float]] = {"strong": [], "middle": [], "weak": []}
    for name, row in TABLE.items():
        if row["lang"] == lang:
            wanted = points(row["levels"])
            band = "strong" if wanted >= 85 else "weak" if wanted <= 35 else "middle"
            bands[band].append(points(levels(read(name))))
    assert min(bands["strong"]) > max(bands["weak"])
    assert median(bands["weak"]) < median(bands["middle"]) < median(bands["strong"])


@pytest.mark.parametrize("name", TABLE)
def test_it_is_never_two_levels_too_kind_to_a_missing_layer(name: str) -> None:
    given = dict(zip(CRITERIA, levels(read(name)), strict=True))
    wanted = dict(zip(CRITERIA, TABLE[name]["levels"], strict=True))
    for layer in ("retry", "checkpoint", "human_gate"):
        if wanted[layer] <= 1:
            assert (given[layer] or 0) <= 2, layer


@pytest.mark.parametrize("name", ["late-negated-terms", "de-spaet-verneint"])
def test_terms_stuffed_into_denials_earn_no_layer(name: str) -> None:
    sheet = dict(zip(CRITERIA, levels(read(name)), strict=True))
    assert max(sheet[layer] or 0 for layer in ("failure_story", "retry", "checkpoint", "human_gate")) <= 1


@pytest.mark.parametrize("name", ["late-plain-beekeeper", "de-spaet-ohne-begriffe", "no-jargon-bakery"])
def test_a_sound_essay_needs_none_of_the_terms(name: str) -> None:
    assert points(levels(read(name))) >= 75


@pytest.mark.parametrize("name", ["anchor-a", "strong-invoices", "late-plain-beekeeper", "de-anchor-b"])
def test_words_thrown_about_are_no_essay(name: str) -> None:
    words = read(name).split()
    random.Random(0).shuffle(words)
    assert max(level or 0 for level in levels(" ".join(words))) <= 1


def test_saying_the_rubrics_levels_back_earns_nothing() -> None:
    descriptors = "\n\n".join(criterion.levels[0].descriptor for criterion in RUBRIC.criteria)
    before = dict(zip(CRITERIA, levels(read("anchor-c")), strict=True))
    after = dict(zip(CRITERIA, levels(f"{read('anchor-c')}\n\n{descriptors}"), strict=True))
    assert {name: level for name, level in after.items() if level != before[name] and name != "economy"} == {}


def test_the_german_anchors_stand_within_one_level() -> None:
    for anchor in ("de-anchor-a", "de-anchor-b", "de-anchor-c"):
        sheet = judge_text(JUDGE, RUBRIC, read(anchor))
        wanted = TABLE[anchor]["levels"]
        assert near(list(zip(sheet.levels.values(), wanted, strict=True)), 1) == 1, sheet.levels


def test_a_german_sheet_speaks_german() -> None:
    sheet = judge_text(JUDGE, RUBRIC, read("de-anchor-c"))
    said = " ".join(rating.comment + rating.looked_for for rating in sheet.ratings)
    assert "Wiederholen ohne Ende wird gelobt" in said
    assert "Welcher Fehler noch einmal versucht wird" in said


@pytest.mark.parametrize("name", TABLE)
def test_no_essay_in_good_faith_is_flagged_for_speaking_to_its_judge(name: str) -> None:
    facts = find_facts(read(name), RUBRIC)
    assert "addresses_judge" not in facts.flags
    assert "copied_brief" not in facts.flags
    assert facts.copied_words < 0.1


# ---- hot-takes ---------------------------------------------------------------------------------------------------

TAKES: list[dict[str, Any]] = yaml.safe_load((ESSAYS.parent / "takes.yaml").read_text())


@pytest.mark.parametrize("lang", ["en", "de"])
@pytest.mark.parametrize(("half", "within_one", "exact"), [("dev", 0.97, 0.8), ("held", 0.9, 0.65)])
def test_hot_takes_of_other_voices(half: str, lang: str, within_one: float, exact: float) -> None:
    pairs: list[tuple[int | None, int]] = []
    for row in TAKES:
        if (row["half"], row.get("lang", "en")) == (half, lang):
            sheet = judge_text(JUDGE, load_rubric(f"durable-workflows-{row['q']}"), row["text"])
            pairs += [(sheet.levels[criterion], row[criterion]) for criterion in ("hit", "edge")]
    assert len(pairs) >= 12
    assert near(pairs, 1) >= within_one
    assert near(pairs, 0) >= exact


@pytest.mark.parametrize("question", ["q1", "q2"])
def test_harmful_takes_never_reach_the_middle(question: str) -> None:
    rubric = load_rubric(f"durable-workflows-{question}")
    for row in TAKES:
        if row["q"] == question and row["hit"] == 0:
            assert (judge_text(JUDGE, rubric, row["text"]).levels["hit"] or 0) <= 1, row["text"]

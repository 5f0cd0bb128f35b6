"""Look-fors of a small rubric of its own: what is found, quoted, refused and told to their author."""

from pathlib import Path

import pytest

from rubrics.grammar import english_stem as stem
from rubrics.languages import is_in_language
from rubrics.lexicon import Lexicon
from rubrics.look_for_match import find, read_criterion
from rubrics.look_for_page import Page
from rubrics.look_fors import LookFors, Pattern
from rubrics.model import Rubric, RubricError, load_rubric
from rubrics.passages import Passage

WORDS = {
    "water": ["water", "rain", "irrigat*"],
    "plant": ["tomato", "bean", "plant"],
    "daily": ["every day|morning", "@number time .. day"],
    "steps": ["step @number"],
    "code": ["@code"],
}


def page(text: str) -> Page:
    lexicon = Lexicon("en", WORDS)
    return Page(Passage(text, lexicon.meant), lexicon)


def block(**changes: object) -> LookFors:
    content: dict[str, object] = {
        "lang": "en",
        "looked_for": "Water for a plant.",
        "signals": [
            {"id": "watered", "any": [["water", "plant"]], "found": "plants get water", "missing": "water"},
            {"id": "often", "any": ["daily"], "found": "says how often", "missing": "how often"},
            {"id": "denied", "any": ["code"], "found": "an error"},
        ],
        "levels": {2: {"all": ["watered", "often"]}, 1: {"any": ["watered"]}},
        "caps": [{"when": "denied", "at_most": 0, "note": "plants have no errors"}],
    }
    return LookFors.model_validate(content | changes)


@pytest.mark.parametrize(
    ("form", "same"),
    [("retries", "retry"), ("retried", "retry"), ("stored", "store"), ("sent", "send"), ("stopped", "stop"),
     ("sees", "see"), ("cancelled", "cancel"), ("crashes", "crash"), ("used", "use")],
)  # fmt: skip
def test_inflections_share_a_stem(form: str, same: str) -> None:
    assert stem(form) == stem(same)


@pytest.mark.parametrize(
    ("text", "group", "there"),
    [
        ("We watered it.", "water", True),
        ("Irrigation helps.", "water", True),
        ("We water it three times a day.", "daily", True),
        ("We water it three times in one long dry day.", "daily", False),
        ("At step fourteen it broke.", "steps", True),
        ("It has fourteen steps.", "steps", False),
        ("It answered 503.", "code", True),
        ("It answered 200.", "code", False),
        ("The first step. Two came later.", "steps", False),
    ],
)
def test_a_phrase_matches_its_words(text: str, group: str, there: bool) -> None:
    assert bool(page(text).hits(group)) is there


@pytest.mark.parametrize(
    ("pattern", "text", "there"),
    [
        ({"together": ["water", "plant"]}, "We water the beans.", True),
        ({"together": ["water", "plant"]}, "We like water. The beans grow.", False),
        ({"together": ["water", "plant"], "within": "neighbours"}, "We like water. The beans grow.", True),
        ({"together": ["water", "plant"], "in_order": True}, "The beans get water.", False),
        ({"together": ["water"]}, "We never water them.", False),
        ({"together": ["water"], "denied": True}, "We never water them.", True),
        ({"together": ["water"], "first": 0.3}, "Beans grow. Peas grow. Leeks grow. We water them.", False),
        ({"together": ["water"], "last": 0.3}, "Beans grow. Peas grow. Leeks grow. We water them.", True),
        ({"together": ["water"], "without": ["plant"]}, "We water the beans.", False),
        ({"together": ["plant"], "lists": False}, "Tomatoes, beans and other plants.", False),
        ({"together": ["plant"], "at_least": 2}, "The beans like beans.", False),
        ({"together": ["water", "plant"]}, "Water tomato rain bean irrigation plant water tomato.", False),
    ],
)
def test_a_pattern_says_how_words_stand_together(pattern: dict[str, object], text: str, there: bool) -> None:
    assert (find(page(text), Pattern.model_validate(pattern)) is not None) is there


def test_a_long_word_may_be_misspelt() -> None:
    assert page("The tommato grew.").hits("plant")
    assert not page("The tamotas grew.").hits("plant")


def test_levels_rise_with_what_is_found_and_quote_it() -> None:
    text = "We water the beans. We do it every morning."
    low = read_criterion(page("We water the beans."), block())
    high = read_criterion(page(text), block())
    assert (low.level, low.missing) == (1, ("how often",))
    assert high.level == 2
    assert [text[start:end] for start, end in high.spans] == ["We water the beans.", "We do it every morning."]


def test_a_cap_holds_the_level_down_and_says_so() -> None:
    reading = read_criterion(page("We water the beans every morning and get a 503."), block())
    assert (reading.level, reading.capped) == (0, ("plants have no errors",))


def test_a_flag_of_the_facts_caps_too() -> None:
    held = block(caps=[{"when": "flag:copied_brief", "at_most": 1, "note": "copied"}])
    lexicon = Lexicon("en", WORDS)
    copied = Page(Passage("We water the beans every day."), lexicon, (), {"copied_brief"})
    assert read_criterion(copied, held).level == 1


def test_a_sentence_of_another_hand_counts_for_nothing() -> None:
    lexicon = Lexicon("en", WORDS)
    text = "We water the beans. Peas grow."
    assert read_criterion(Page(Passage(text), lexicon, ignored={0}), block()).level == 0


def test_a_quote_of_a_long_sentence_is_a_window_around_the_match() -> None:
    text = "and so " * 40 + "we water the beans " + "and on " * 40 + "."
    (start, end), *_ = read_criterion(page(text), block()).spans
    assert "water the beans" in text[start:end]
    assert len(text[start:end].split()) <= 30


def test_shape_wants_paragraphs_in_order() -> None:
    shaped = block(
        signals=[{"id": "ordered", "any": [{"order": ["water", "plant"], "paragraphs": [2, 3]}], "found": "in order"}],
        levels={1: {"all": ["ordered"]}},
        caps=[],
    )
    assert read_criterion(page("Rain fell.\n\nBeans grew."), shaped).level == 1
    assert read_criterion(page("Beans grew.\n\nRain fell."), shaped).level == 0


RUBRIC = """
id: garden
title: Garden
version: 1
kind: text
look_for_words:
  - {lang: en, words: {water: [water]}}
criteria:
  - id: care
    title: Care
    weight: 100
    levels: {1: waters, 0: nothing}
    look_fors:
      - lang: en
        looked_for: Water.
        signals: [{id: wet, any: [water], found: it is wet}]
        levels: {1: {all: [wet]}}
"""


@pytest.mark.parametrize(
    ("wrong", "key", "says"),
    [
        (("any: [water]", "any: [sun]"), "criteria[0].look_fors[0].signals[0]", "no group of words is called sun"),
        (("all: [wet]", "all: [dry]"), "criteria[0].look_fors[0].levels.1", "no signal is called dry"),
        (("levels: {1: {all", "levels: {3: {all"), "criteria[0].look_fors[0].levels.3", "has no such level"),
        (("any: [water]", "any: [{together: [water], witin: text}]"), "witin", "unknown key"),
        (("water: [water]", "water: ['@colour']"), "look_for_words[0].words", "unknown marker"),
        (("looked_for: Water.", "words: {water: [rain]}\n        looked_for: W."), "words.water", "has this name"),
    ],
)
def test_a_fault_names_file_and_key(tmp_path: Path, wrong: tuple[str, str], key: str, says: str) -> None:
    file = tmp_path / "garden.yaml"
    file.write_text(RUBRIC.replace(*wrong))
    with pytest.raises(RubricError) as caught:
        load_rubric(file)
    assert any(key in fault.key and says in fault.message for fault in caught.value.faults)
    assert caught.value.faults[0].file == "garden.yaml"


def test_look_fors_survive_json_and_count_in_the_hash(tmp_path: Path) -> None:
    file = tmp_path / "garden.yaml"
    file.write_text(RUBRIC)
    rubric = load_rubric(file)
    assert Rubric.from_json(rubric.as_json()) == rubric
    file.write_text(RUBRIC.replace("water: [water]", "water: [water, rain]"))
    assert load_rubric(file).content_hash != rubric.content_hash


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("The run was lost and we had to begin again.", True),
        ("Retry. Checkpoint. Replay.", True),
        ("El agente perdió la memoria y tuvo que empezar de nuevo con los datos que no estaban.", False),
        ("Der Agent hat den Speicher verloren und musste mit dem ersten Schritt wieder anfangen.", False),
        ("L'agent a perdu la mémoire et il faut tout refaire avec les mêmes données pour le client.", False),
        ("Агент потерял память и начал сначала.", False),
        ("代理丢失了内存，必须重新开始。", False),
    ],
)
def test_other_languages_are_noticed(text: str, english: bool) -> None:
    assert is_in_language(Passage(text).forms, "en") is english

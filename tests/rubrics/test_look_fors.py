"""Look-fors of a small rubric of its own: what is found, quoted, refused and told to their author."""

from pathlib import Path

import pytest

from rubrics.grammar import english_stem as stem
from rubrics.grammar import grammar_of
from rubrics.languages import is_in_language
from rubrics.lexicon import Lexicon
from rubrics.look_for_match import find, has_shape, read_criterion
from rubrics.look_for_page import Page
from rubrics.look_fors import LookFors, Pattern, Shape, filled_in
from rubrics.markers import marked
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
        ({"together": ["water", "plant"]}, "Bed 4, water: beans, peas, leeks, chard.", True),
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


def test_what_is_quoted_stands_where_most_of_it_is_said() -> None:
    text = "Some like to water beans.\n\nOurs are in the yard. We water our tomatoes every morning."
    (start, end), *_ = read_criterion(page(text), block()).spans
    assert text[start:end] == "We water our tomatoes every morning."


def test_a_shape_knows_a_text_that_only_denies() -> None:
    shape = Shape(denied_sentences=(0.7, 1))
    assert has_shape(page("There is no water. Nobody has beans. It isn't raining."), shape)
    assert not has_shape(page("There is no water. We carry it. The beans grow."), shape)


def test_a_shape_knows_words_thrown_about() -> None:
    shape = Shape(jumbled=(0.2, 1))
    said = "The worker lost a page, and the run read its log before the next step began. " * 3
    thrown = "The and lost a before, worker the its of began the. Read step log a next run page it my is. " * 3
    assert not has_shape(page(said), shape)
    assert has_shape(page(thrown), shape)


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


# ---- markers, stories, and talk about words --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "marker", "found"),
    [
        ("At consignment nine the lookup timed out.", "@position", ["consignment nine"]),
        ("The lookup for consignment nine timed out.", "@position", ["consignment nine"]),
        ("It was the fourteenth leg.", "@position", ["fourteenth leg"]),
        ("It waits ten seconds and tries five times.", "@position", []),
        ("It broke at nine of seventeen.", "@position", ["nine of"]),
        ("Nine people of the town came.", "@position", []),
        ("The second layer, the third attempt.", "@position", []),
        ("There were task[19] and event 20.", "@position", ["task 19", "event 20"]),
        ("Wait 5 seconds, then 15, then 45.", "@series", ["5 seconds"]),
        ("It waits two seconds, then four, then eight.", "@series", ["two seconds"]),
        ("Steps 11, 12 and 13 were lost.", "@series", []),
        ("It said 429 and later 503.", "@code", ["429 and", "503"]),
        ("There were 500 readers.", "@code", []),
        ("A 429 means later, a 404 never.", "@passing", ["429 means"]),
        ("A 429 means later, a 404 never.", "@permanent", ["404 never"]),
        ("At 06:31 it woke.", "@clock", ["06:31 it"]),
    ],
)
def test_a_marker_fits_what_no_author_can_list(text: str, marker: str, found: list[str]) -> None:
    passage = Passage(text)
    assert [" ".join(passage.forms[at : at + 2]) for at in sorted(marked(passage, marker))] == found


@pytest.mark.parametrize(
    ("text", "marker", "found"),
    [
        ("Bei der 31. Rechnung brach es ab. Danach nichts.", "@position", ["31. rechnung"]),
        ("Am 3. Juni fing es bei Titel zweiundfünfzig an.", "@position", ["titel zweiundfünfzig"]),
        ("Es wartet 3 Sekunden, dann 6, dann 12.", "@series", ["3 sekunden"]),
    ],
)
def test_markers_know_german(text: str, marker: str, found: list[str]) -> None:
    passage = Passage(text, grammar=grammar_of("de"))
    assert [" ".join(passage.forms[at : at + 2]) for at in sorted(marked(passage, marker))] == found


def test_a_german_ordinal_ends_no_sentence() -> None:
    passage = Passage(
        "Bei der 31. Rechnung brach es ab, z. B. am 3. Juni. Dann war es 31. Der Rest lief.", grammar=grammar_of("de")
    )
    assert len(passage.sentences) == 3


STORY = {
    "place": ["@position"],
    "broke": ["time out", "crash"],
    "own": ["@own"],
    "same": ["@place"],
    "goes_on": ["go on", "resume"],
    "about": ["is a term"],
}


def told(text: str) -> Page:
    lexicon = Lexicon("en", STORY, story=["place", "broke"], asides=["about"])
    return Page(Passage(text, lexicon.meant, lexicon.grammar), lexicon)


TOLD = "The filings lookup timed out at supplier nine.\n\nLater the lookup is asked again. The run goes on at nine."


def test_the_storys_own_words_and_numbers_are_known_elsewhere() -> None:
    page = told(TOLD)
    assert [page.passage.forms[hit.first] for hit in page.hits("own")] == ["lookup"]
    assert [page.passage.forms[hit.first] for hit in page.hits("same")] == ["nine"]
    assert find(page, Pattern(together=("goes_on", "same"))) is not None
    assert told("Nothing is told. The run goes on at nine.").hits("same") == []


def test_a_sentence_about_words_says_nothing() -> None:
    assert told("A crash at step 4 is a term that people use.").hits("broke") == []
    assert told("A crash at step 4 stopped it.").hits("broke")


def test_a_chain_of_failures_is_no_list() -> None:
    lexicon = Lexicon("en", {"broke": ["timeout", "time out", "crash", "hang", "die", "death"]})

    def usable(text: str) -> bool:
        page = Page(Passage(text, lexicon.meant), lexicon)
        return bool(page.by_sentence(Pattern(together=("broke",), lists=False), "broke"))

    assert not usable("There are timeouts, crashes, hangs and deaths.")
    assert not usable("If it times out or a worker crashes or something hangs, it copes.")
    assert usable("The call times out, the handler of it crashes, and the process that called it dies.")


def test_a_level_may_be_earned_in_more_than_one_way_and_a_missing_signal_may_hold_it_down() -> None:
    either = block(
        levels={2: [{"all": ["often"]}, {"all": ["watered"]}]},
        caps=[{"when": "no:often", "at_most": 1, "note": "nobody knows how often"}],
    )
    assert read_criterion(page("We do it every morning."), either).level == 2
    held = read_criterion(page("We water the beans."), either)
    assert (held.level, held.capped) == (1, ("nobody knows how often",))


TWO_LANGUAGES = """
id: garden
title: Garden
version: 1
kind: text
look_for_words:
  - {lang: en, words: {water: [water]}, signals: [{id: dry, any: [water], found: water is named}]}
  - {lang: de, words: {water: [wasser, "gieß*"]}, signals: [{id: dry, any: [water], found: Wasser ist genannt}]}
criteria:
  - id: care
    title: Care
    weight: 100
    levels: {1: waters, 0: nothing}
    look_fors:
      - lang: en
        looked_for: Water.
        signals: [{id: wet, any: [water], found: it is wet, missing: water}]
        levels: {1: {all: [wet, dry]}}
      - lang: de
        like: en
        looked_for: Wasser.
        notes: {wet: {found: es ist nass, missing: Wasser}}
"""


def test_a_language_takes_over_how_and_brings_its_own_words(tmp_path: Path) -> None:
    file = tmp_path / "garden.yaml"
    file.write_text(TWO_LANGUAGES)
    rubric = load_rubric(file)
    english, german = rubric.criteria[0].look_fors
    whole = filled_in(german, (english, german), rubric.look_for_words)
    assert whole.levels == english.levels
    assert {signal.id: signal.found for signal in whole.signals} == {"dry": "Wasser ist genannt", "wet": "es ist nass"}
    lexicon = Lexicon("de", rubric.look_for_words[1].words)
    text = "Wir gießen jeden Morgen."
    assert read_criterion(Page(Passage(text, lexicon.meant, lexicon.grammar), lexicon), whole).found == (
        "es ist nass",
        "Wasser ist genannt",
    )


@pytest.mark.parametrize(
    ("wrong", "key", "says"),
    [
        (("like: en", "like: fr"), "look_fors[1].like", "no look-fors in fr"),
        (("notes: {wet:", "notes: {wett:"), "look_fors[1].notes.wett", "no signal is called wett"),
        (('words: {water: [wasser, "gieß*"]}', "words: {nass: [wasser]}"), "look_fors[1].signals[0]", "called water"),
        (
            ("{lang: en, words: {water: [water]}", "{lang: en, story: [rain], words: {water: [water]}"),
            "look_for_words[0]",
            "called rain",
        ),
        (
            ("{lang: en, words: {water: [water]}", '{lang: en, story: [water], words: {water: ["@own"]}'),
            "words.water",
            "story's own words",
        ),
    ],
)
def test_faults_between_languages_name_file_and_key(
    tmp_path: Path, wrong: tuple[str, str], key: str, says: str
) -> None:
    file = tmp_path / "garden.yaml"
    file.write_text(TWO_LANGUAGES.replace(*wrong))
    with pytest.raises(RubricError) as caught:
        load_rubric(file)
    assert any(key in fault.key and says in fault.message for fault in caught.value.faults), caught.value.faults

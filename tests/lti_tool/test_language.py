"""The catalogue of the interface: which language a reader gets, and that German says everything a student may read."""

import ast

import pytest

from lti_tool.language import (
    find_language,
    gettext,
    joined,
    later,
    ngettext,
    read_catalogue,
    script_words,
    speak,
    translated,
)
from lti_tool.pseudo import LONGER, MORE, RIGHT_TO_LEFT, pseudo
from rubrics.sentence import Sentence, plural_sentence
from scripts.words import ROOT, collect

# Pages of other roles join the catalogue on their own; until then their words may stay English in German.
STUDENTS_DO_NOT_READ = (
    *("instructor", "admin", "picker", "queue", "review", "roster", "scores_page", "settings_page", "settings_form"),
    *("authoring", "bulk", "rehears", "blind", "gate_", "rubric_form", "lesson_form", "calibration", "research"),
    *("rejudg", "appeals.html", "answer_appeal", "appeal_statistics"),
)


@pytest.fixture(autouse=True)
def english():
    yield
    speak(find_language())


@pytest.mark.parametrize(
    ("wanted", "tag", "format_tag"),
    [
        (["de"], "de", "de"),
        (["de-CH"], "de", "de-CH"),
        (["de_AT"], "de", "de-AT"),
        (["xx", "de"], "de", "de"),
        (["en-GB"], "en", "en-GB"),
        (["fr-FR"], "en", "en"),
        ([None, "", "de;drop table"], "en", "en"),
        ([LONGER], LONGER, "en"),
        ([], "en", "en"),
    ],
)
def test_a_reader_gets_the_first_language_there_is(wanted, tag: str, format_tag: str) -> None:
    language = find_language(*wanted)
    assert (language.tag, language.format_tag) == (tag, format_tag)


def test_a_message_is_said_in_the_language_spoken() -> None:
    speak(find_language("de"))
    assert gettext("%(number)d of %(all)d sent", number=1, all=2) == "1 von 2 abgeschickt"
    assert [ngettext("%(num)d word", "%(num)d words", count) for count in (1, 2)] == ["1 Wort", "2 Wörter"]
    assert joined(["eins", "zwei", "drei"]) == "eins, zwei und drei"


def test_a_sentence_of_the_rubrics_is_a_string_and_can_be_said_again() -> None:
    short = plural_sentence(
        "%(num)d word, %(short)d short of the %(least)d it takes to send.",
        "%(num)d words, %(short)d short of the %(least)d it takes to send.",
        1,
        short=249,
        least=250,
    )
    assert short == "1 word, 249 short of the 250 it takes to send."
    speak(find_language("de"))
    assert translated(short) == "1 Wort, 249 zu wenig für die 250, die es zum Abschicken braucht."
    assert translated(ValueError(Sentence("One sentence."))) == "Ein Satz."
    assert translated("what somebody wrote") == "what somebody wrote"


def test_german_says_everything_a_student_may_read() -> None:
    german = read_catalogue("de")
    missing = [
        message.id for message in collect() if message.id and for_students(message) and not said(german, message)
    ]
    assert missing == [], "run `make words`, then fill lti_tool/locales/de.po"


def for_students(message) -> bool:
    return any(not any(room in file for room in STUDENTS_DO_NOT_READ) for file, _ in message.locations)


def said(catalogue, message) -> bool:
    found = catalogue.get(message.id)
    if found is None:
        return False
    return all(found.string) if isinstance(message.id, tuple) else bool(found.string)


def test_no_message_stands_inside_an_f_string() -> None:
    """There nobody would find it to translate it."""
    hidden = []
    for package in ("lti_tool", "rubrics"):
        for file in (ROOT / package).rglob("*.py"):
            for text in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(text, ast.JoinedStr):
                    calls = [node for node in ast.walk(text) if isinstance(node, ast.Call) and node.args]
                    said = [call for call in calls if isinstance(call.args[0], ast.Constant)]
                    names = {call.func.id for call in said if isinstance(call.func, ast.Name)}
                    hidden += [f"{file.name}:{text.lineno}"] if names & {"_", "gettext", "ngettext"} else []
    assert hidden == []


def test_every_translation_keeps_the_places_of_its_message() -> None:
    german = read_catalogue("de")
    assert [(message.id, str(fault)) for message in german for fault in message.check(german)] == []


def test_a_pseudo_language_is_longer_and_keeps_what_programs_read() -> None:
    message = later('%(num)d words in <a href="x">places</a> &amp; 5 %%')
    made = pseudo(message)
    for kept in ("%(num)d", '<a href="x">', "</a>", "&amp;", "%%"):
        assert kept in made
    assert len(made) >= len("words in places & 5 ") * (1 + MORE)
    assert (made[0], made[-1]) == ("⟦", "⟧")
    assert find_language(RIGHT_TO_LEFT).direction == "rtl"


def test_scripts_get_their_words_with_every_plural() -> None:
    words = script_words(find_language("de"))
    assert words["plurals"] == {"one": 0, "other": 1} or words["plurals"] == {"other": 0, "one": 1}
    forms = words["messages"]["%(num)d word"]
    assert forms[words["plurals"]["one"]] == "%(num)d Wort"
    assert forms[words["plurals"]["other"]] == "%(num)d Wörter"
    assert "Who reads it" not in words["messages"]

"""Pages in the reader's language: nothing of the interface is left in English, and content stays what it is."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lti_tool.language import find_language, speak
from lti_tool.models import Launch
from lti_tool.pseudo import LONGER, RIGHT_TO_LEFT
from lti_tool.web.languages import inner_case, local_time, number_word, points
from lti_tool.web.records import time_zone_of
from lti_tool.web.sessions import COOKIE
from tests.lti_tool.web.ada import LEVELS, judged, send

TEMPLATES = Path(__file__).parents[3] / "lti_tool" / "web" / "templates"
TRANSLATED = (*sorted((TEMPLATES / "student").glob("*.html")), TEMPLATES / "base.html", TEMPLATES / "error.html")
SPOKEN_ATTRIBUTES = ("aria-label", "placeholder", "alt", "title", "aria-description")
LETTERS = re.compile(r"[^\W\d_]{2,}")
NAMES = re.compile(r"Atelier(\.cmd)?|\.cmd|telier|Ctrl|Del|Esc|UTC|Claude")
NOT_WORDS = re.compile(r"\{% block (data_page|main_class) %\}.*?\{% endblock %\}")
SILENT = ("script", "style", "time", "kbd", "title", "textarea")
VOID = ("meta", "link", "input", "br", "path", "rect", "img")


@pytest.fixture(autouse=True)
def english():
    yield
    speak(find_language())


class Untranslated(HTMLParser):
    """Collects words that stand outside of every message and of every element in a language of its own.

    A message begins with ⟦ and ends with ⟧, also where content stands inside it.
    """

    def __init__(self, page_language: str) -> None:
        super().__init__()
        self.language, self.open, self.depth, self.found = page_language, [], 0, []

    def handle_starttag(self, tag, attrs):
        told = dict(attrs)
        for name in SPOKEN_ATTRIBUTES:
            if told.get(name) and not self.is_content(told) and "⟦" not in told[name]:
                self.judge(told[name])
        if tag not in VOID:
            self.open.append((tag, self.is_content(told)))

    def handle_endtag(self, tag):
        while tag in [name for name, _ in self.open] and self.open.pop()[0] != tag:
            pass

    def handle_data(self, text):
        for piece in re.split(r"([⟦⟧])", text):
            self.depth += {"⟦": 1, "⟧": -1}.get(piece, 0)
            if self.depth == 0 and not any(content or tag in SILENT for tag, content in self.open):
                self.judge(piece)

    def is_content(self, told) -> bool:
        return told.get("lang", self.language) != self.language or told.get("class") == "copyable"

    def judge(self, text):
        if LETTERS.search(NAMES.sub("", text)):
            self.found.append(text.strip())


def in_language(world, tag: str) -> None:
    """From here on Ada's placement speaks this language."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {**link.settings, "language": tag, "show_judged": True}


@pytest.fixture
def everywhere(world, sample_texts, paths) -> list[str]:
    """Every page of a student's with things on them, a sheet with a gap and a take that waits among them."""
    gap = judged(world, "essay", f"{sample_texts['essay']} Less.", {**LEVELS, "claim": None})
    waits = send(world, "q2", "A key for every step.")
    return [*paths.values(), f"submissions/{gap}", f"submissions/{waits}/judging"]


def test_no_word_of_the_interface_is_left_in_english(ada, world, everywhere) -> None:
    in_language(world, LONGER)
    for path in everywhere:
        answer = ada.client.get(ada.url(path), follow_redirects=True)
        reader = Untranslated(LONGER)
        reader.feed(answer.text)
        assert (path, reader.found) == (path, [])
        assert reader.depth == 0


def test_no_template_of_a_student_holds_words_of_its_own() -> None:
    for file in TRANSLATED:
        source = NOT_WORDS.sub("", file.read_text(encoding="utf-8"))
        bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL)
        reader = Untranslated("en")
        reader.feed(bare)
        assert (file.name, reader.found) == (file.name, [])


def test_a_german_page_marks_the_english_lesson_as_english(ada, world) -> None:
    in_language(world, "de")
    page = ada.get("path").text
    assert '<html lang="de" dir="ltr" data-locale="de"' in page
    assert '<h1 lang="en">Durable Workflows for Agents' in page
    assert 'weiter: 02 <span lang="en">Reference</span>' in page
    assert "anspruchsvoll · 5 Schritte · 8 Begriffe · 4 Fragen" in page


def test_a_page_from_right_to_left_keeps_the_lesson_from_left_to_right(ada, world) -> None:
    in_language(world, RIGHT_TO_LEFT)
    page = ada.get("path").text
    assert f'<html lang="{RIGHT_TO_LEFT}" dir="rtl"' in page
    assert '<h1 lang="en" dir="ltr">' in page


def test_the_locale_of_the_launch_is_heard_where_the_placement_says_nothing(sign_in, world) -> None:
    with world.database.write() as session:
        known = session.get_one(Launch, "launch-ada-01")
        session.add(
            Launch(
                id="launch-ada-de",
                registration_id=known.registration_id,
                resource_link_id=known.resource_link_id,
                person_id=known.person_id,
                role="student",
                locale="de-CH",
                detail={"time_zone": "Europe/Zurich"},
            )
        )
    page = sign_in("launch-ada-de").get("help").text
    assert '<html lang="de" dir="ltr" data-locale="de-CH" data-zone="Europe/Zurich"' in page
    assert "Wer es liest" in page


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Europe/Zurich", {"time_zone": "Europe/Zurich"}),
        ("99", {}),
        ("", {}),
        ("$Person.address.timezone", {}),
        ("../../etc/passwd", {}),
        ("x" * 300, {}),
    ],
)
def test_a_time_zone_is_kept_where_it_is_one(told: str, kept: dict[str, str]) -> None:
    assert time_zone_of({"time_zone": told}) == kept


def test_a_refusal_is_said_in_the_language_of_the_browser(ada) -> None:
    ada.client.delete_cookie(COOKIE, path=ada.url(""))
    answer = ada.client.get(ada.url("path"), headers={"Accept-Language": "fr, de;q=0.8, en;q=0.5"})
    assert answer.status_code == 401
    assert "Diese Seite wurde vor zu langer Zeit geöffnet." in answer.text
    assert 'data-error-code="launch_expired"' in answer.text


def test_what_a_text_lacks_is_said_in_the_language_of_the_page(ada, world) -> None:
    in_language(world, "de")
    answer = ada.post("items/essay/send", {"text": "Zu kurz."})
    assert "2 Wörter, 248 zu wenig für die 250" in answer.text


def test_an_instructor_is_not_spoken_to_half_and_half(sign_in, world) -> None:
    in_language(world, "de")
    assert '<html lang="en"' in sign_in("launch-ines-01").get("queue").text


def test_words_of_scripts_are_kept_as_long_as_they_are_the_same(ada, world) -> None:
    in_language(world, "de")
    address = re.search(r'data-words="([^"]+)"', ada.get("path").text)
    assert address
    answer = ada.client.get(address[1])
    assert answer.json["messages"]["flip"] == ["umdrehen"]
    assert "immutable" in answer.headers["Cache-Control"]
    assert ada.client.get("/words/de.json?v=old").headers["Cache-Control"] == "no-store"
    assert [ada.client.get(f"/words/{tag}.json").status_code for tag in ("en", "xx", "..%2f")] == [404, 404, 404]


def test_times_and_numbers_follow_the_locale() -> None:
    at = datetime(2026, 12, 4, 9, 5, 6, tzinfo=UTC)
    assert local_time(at) == '<time datetime="2026-12-04T09:05:06Z" data-style="moment">4 Dec 09:05 UTC</time>'
    assert ">09:05:06<" in local_time(at, "seconds")
    assert points(68.75) == "68.75"
    speak(find_language("de-AT"))
    assert ">4 Dez. 09:05 UTC<" in local_time(at)
    assert (points(68.75), points(74.0), points(11.5)) == ("68,75", "74", "11,5")


def test_words_for_titles_and_numbers() -> None:
    titles = ("The pitch", "RAG in practice", "A word", "Q1")
    assert [inner_case(title) for title in titles] == ["the pitch", "RAG in practice", "a word", "Q1"]
    assert [number_word(n) for n in (1, 7, 13)] == ["one", "seven", "13"]

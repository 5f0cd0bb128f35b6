"""Facts about a text, found by code: they are shown as facts, never as scores.

Every check is one pass over the text, also where the text is a megabyte made to be slow.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rubrics.addressing import addresses_judge
from rubrics.drawing import DrawingError, drawn_words, parse_drawing
from rubrics.model import CODE_TOP, Criterion, Rubric
from rubrics.sentence import Sentence, plural_sentence
from rubrics.text import (
    ZERO_WIDTH,
    Normalised,
    find_quote,
    list_markers,
    normalise,
    sentence_count,
    verify_quote,
    word_count,
    word_spans,
    words,
)

__all__ = [
    "CHECKS_VERSION",
    "Facts",
    "Normalised",
    "addresses_judge",
    "capped_level",
    "find_facts",
    "find_hedges",
    "find_quote",
    "form_level",
    "list_markers",
    "normalise",
    "send_problem",
    "sentence_count",
    "verify_quote",
    "word_count",
    "word_spans",
]

CHECKS_VERSION = "3"  # part of every judging's fingerprint: raise it when a fact may come out differently

_RUN = 8  # words in a row
_COPIED = 0.2
_EDITED_RUN = 3  # words in a row that stand in the sources: what is left when every fourth word is changed
_EDITED = 0.3  # essays on this topic in their own words stay under 0.06
_COPIED_SHORT = 0.5  # a sentence or two may repeat half of its question
_SHORT = 100
_REPEATED = 0.25
_TOPIC_WORDS = 3
_TOPIC_FROM = 50  # words; a shorter text may be right without naming the topic

_VISIBLE = re.compile(rf"[^\s{ZERO_WIDTH}]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\ud800-\udfff]")
_ODD = re.compile(r"[\x7f-\x84\x86-\x9f\ufffd\ue000-\uf8ff]")
_ODD_SHARE = 0.01


class Facts(BaseModel):
    """What code can say about one text; shares run from 0 to 1, spans are (start, end) in the text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checks_version: str = CHECKS_VERSION
    words: int
    characters: int
    range: Literal["under", "in", "over", "none"]
    sentences: int
    list_markers: int
    hedges: tuple[str, ...] = ()
    copied_share: float = 0.0  # of all runs of eight words
    copied_words: float = 0.0  # of all words, those in a run of three that stands in the sources
    repetition: float = 0.0
    addresses_judge: tuple[tuple[int, int], ...] = ()
    flags: tuple[str, ...] = ()


def find_facts(text: str, rubric: Rubric) -> Facts:
    """Every fact of a text; for a drawing (its JSON) the words are those of its labels and note."""
    is_text = not _is_binary(text)
    prose = _prose(text, rubric) if is_text else None
    if prose is None:
        flag = "empty" if not _VISIBLE.search(text) else "not_text"
        return Facts(words=0, characters=len(text), range="none", sentences=0, list_markers=0, flags=(flag,))
    counted = words(prose)
    runs = _runs(counted) if rubric.kind == "text" else []  # labels repeat for good reasons
    spans = addresses_judge(prose)
    if rubric.kind == "drawing" and spans:
        spans = ((0, len(text)),)  # the labels' places in the JSON would tell nobody anything
    facts = Facts(
        words=len(counted),
        characters=_characters(text),
        range=_range(len(counted), _characters(text), rubric),
        sentences=sentence_count(prose),
        list_markers=len(list_markers(prose)),
        hedges=find_hedges(prose, rubric.hedges),
        copied_share=_share_in(runs, _source_runs(rubric.sources)),
        copied_words=covered(counted, rubric.sources, _EDITED_RUN) if rubric.kind == "text" else 0.0,
        repetition=_repeated_share(runs),
        addresses_judge=spans,
    )
    return facts.model_copy(update={"flags": tuple(_flags(facts, prose, counted, rubric))})


def _flags(facts: Facts, prose: str, counted: Sequence[str], rubric: Rubric) -> Iterable[str]:
    if facts.addresses_judge:
        yield "addresses_judge"
    if _is_copied(facts):
        yield "copied_brief"
    if _is_off_topic(counted, rubric):
        yield "off_topic"
    if facts.range in ("under", "over"):
        yield "out_of_range"
    if facts.repetition > _REPEATED:
        yield "repetition"
    if not _VISIBLE.search(prose):
        yield "empty"
    elif not facts.words or not any(character.isalpha() for character in prose):
        yield "not_text"


def _is_copied(facts: Facts) -> bool:
    if facts.words < _SHORT:
        return facts.copied_share > _COPIED_SHORT
    return facts.copied_share > _COPIED or facts.copied_words > _EDITED


def send_problem(text: str, rubric: Rubric) -> str | None:
    """Why this text cannot be sent, in one plain sentence for its writer, or None."""
    if rubric.kind == "drawing":
        return _drawing_problem(text)
    if not _VISIBLE.search(text):
        return Sentence("One sentence.") if rubric.sentences == 1 else Sentence("Nothing written yet.")
    if _is_binary(text):
        return Sentence("This holds characters that are not text; paste it again as plain text.")
    if rubric.max_characters is not None and _characters(text) > rubric.max_characters:
        return Sentence("%(number)d over. Cut the hedge.", number=_characters(text) - rubric.max_characters)
    counted = word_count(text)
    if rubric.words is not None and counted < rubric.words.send_low:
        least = rubric.words.send_low
        return plural_sentence(
            "%(num)d word, %(short)d short of the %(least)d it takes to send.",
            "%(num)d words, %(short)d short of the %(least)d it takes to send.",
            counted,
            short=least - counted,
            least=least,
        )
    if rubric.words is not None and counted > rubric.words.send_high:
        most = rubric.words.send_high
        return plural_sentence(
            "%(num)d word, %(over)d over the %(most)d that can be sent.",
            "%(num)d words, %(over)d over the %(most)d that can be sent.",
            counted,
            over=counted - most,
            most=most,
        )
    return None if counted else Sentence("There are no words in this.")


def form_level(text: str, rubric: Rubric) -> tuple[int, tuple[str, ...]]:
    """The level of form, 2 to 0, and one fact for each rule it rests on.

    2 with every rule kept, 1 with one broken, 0 with more: as many sentences as asked, no list, no hedge.
    """
    if not word_count(text):
        return 0, ("no words",)
    sentences = sentence_count(text)
    hedges = find_hedges(text, rubric.hedges)
    asked = rubric.sentences
    rules = [
        (asked is None or sentences <= asked, "1 sentence" if sentences == 1 else f"{sentences} sentences"),
        (not (listed := list_markers(text)), "a list marker" if listed else "no list marker"),
        (not hedges, f"hedge words: {', '.join(hedges)}" if hedges else "no hedge word"),
    ]
    broken = sum(not kept for kept, _ in rules)
    return max(0, CODE_TOP - broken), tuple(fact for _, fact in rules)


def capped_level(criterion: Criterion, level: int, facts: Facts) -> int:
    """The level, or the criterion's cap where the text is outside the word range."""
    cap = criterion.out_of_range_cap
    return level if cap is None or facts.range not in ("under", "over") else min(level, cap)


def find_hedges(text: str, hedges: tuple[str, ...]) -> tuple[str, ...]:
    """The hedge words that occur, in order; "this kind of" names a kind and hedges nothing."""
    if not hedges:
        return ()
    matches = _hedge_pattern(hedges).finditer(normalise(text).text)
    return tuple(dict.fromkeys(" ".join(match.group().lower().split()) for match in matches))


@lru_cache(maxsize=64)
def _hedge_pattern(hedges: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted({" ".join(hedge.split()) for hedge in hedges}, key=len, reverse=True)
    any_of = "|".join(f"{_NOT_A_NOUN if hedge.endswith(' of') else ''}{re.escape(hedge)}" for hedge in longest_first)
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)


_NOT_A_NOUN = "".join(
    rf"(?<!\b{word} )"
    for word in ("a", "the", "this", "that", "what", "which", "any", "some", "every", "each", "one", "same", "no")
)


@lru_cache(maxsize=8)  # asked as often as whether a text can be sent
def _is_binary(text: str) -> bool:
    """Whether there are control characters, or more than a few that no keyboard writes."""
    return bool(_CONTROL.search(text)) or sum(1 for _ in _ODD.finditer(text)) > _ODD_SHARE * len(text)


def _prose(text: str, rubric: Rubric) -> str | None:
    """The words to look at: the text, or a drawing's labels and note; None if it is no drawing."""
    if rubric.kind == "text":
        return text
    try:
        return drawn_words(parse_drawing(text))
    except DrawingError:
        return None


def _drawing_problem(text: str) -> str | None:
    if not _VISIBLE.search(text):
        return Sentence("Nothing drawn yet.")
    try:
        drawing = parse_drawing(text)
    except DrawingError as error:
        return error.faults[0]
    return None if drawing.nodes else Sentence("Nothing drawn yet.")


def _characters(text: str) -> int:
    return len(text.strip().replace("\r\n", "\n"))


def _range(counted: int, characters: int, rubric: Rubric) -> Literal["under", "in", "over", "none"]:
    if rubric.max_characters is not None and characters > rubric.max_characters:
        return "over"
    if rubric.words is None:
        return "none" if rubric.max_characters is None else "in"
    if counted < rubric.words.low:
        return "under"
    return "over" if counted > rubric.words.high else "in"


def _runs(counted: Sequence[str]) -> list[str]:
    return [" ".join(counted[place : place + _RUN]) for place in range(len(counted) - _RUN + 1)]


@lru_cache(maxsize=64)
def _source_runs(sources: tuple[str, ...]) -> frozenset[str]:
    return frozenset(_runs(words("\n".join(sources))))  # in their order, as a page is copied


def covered(counted: Sequence[str], sources: tuple[str, ...], length: int) -> float:
    """The share of words that stand in a run of so many words of the sources."""
    known = _known_runs(sources, length)
    marked = bytearray(len(counted))
    for place in range(len(counted) - length + 1):
        if tuple(counted[place : place + length]) in known:
            marked[place : place + length] = b"\1" * length
    return round(sum(marked) / len(marked), 4) if marked else 0.0


@lru_cache(maxsize=128)
def _known_runs(sources: tuple[str, ...], length: int) -> frozenset[tuple[str, ...]]:
    known = words("\n".join(sources))
    return frozenset(tuple(known[place : place + length]) for place in range(len(known) - length + 1))


def _share_in(runs: Sequence[str], known: frozenset[str]) -> float:
    return round(sum(run in known for run in runs) / len(runs), 4) if runs else 0.0


def _repeated_share(runs: Sequence[str]) -> float:
    return round(1 - len(set(runs)) / len(runs), 4) if runs else 0.0


def _is_off_topic(counted: Sequence[str], rubric: Rubric) -> bool:
    """Whether a long text names fewer than three of the topic's words; terms of art survive translation."""
    if not rubric.topic or len(counted) < _TOPIC_FROM:
        return False
    beginnings = tuple({_plain(topic) for topic in rubric.topic})
    on_topic = (plain for word in set(counted) if (plain := _plain(word)).startswith(beginnings))
    found = {begin for word in on_topic for begin in beginnings if word.startswith(begin)}
    return len(found) < _TOPIC_WORDS


def _plain(word: str) -> str:
    """Without accents and case."""
    if word.isascii():
        return word.lower()
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))

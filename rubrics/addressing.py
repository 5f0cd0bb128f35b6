"""Text that speaks to whoever marks it instead of to its reader.

Found for the instructor's eyes only, so ordinary prose about agents, prompts and reviewers must pass:
commands count where a clause begins, marks count where this essay asks for them, and a phrase that is
quoted as an example of an attack does not count.
"""

import re
from collections.abc import Iterable, Iterator, Set
from functools import cache
from itertools import chain, islice
from typing import NamedTuple

from rubrics.asking import PHRASES
from rubrics.asking_kinds import Phrase
from rubrics.asking_more import IS_UNSPACED, UNSPACED
from rubrics.hidden import SPELLINGS, encoded_pieces, in_letters, invisible, markup, spaced_out
from rubrics.text import normalise

_MOST_SPANS = 20
_WORD = re.compile(r"\w+")

# Where a note to the reader can begin, and where a command can.
_STARTS = re.compile(r"(?<![^\n])|(?<=[.!?(\[{\"*#_|~>])|(?<=[.!?*#>-][ \n])")
_CLAUSES = re.compile(
    r"(?<![^\n])|(?<=[.!?:;(\[{<>\"*#_|~/-])|(?<=[.!?:;*>,-][ \n])|(?<=\bplease )|(?<=\bbitte )|(?<=\bpor favor )"
    r"|(?<=\bmust )|(?<=\bnow )|(?<=\bjust )|(?<=\bkindly )|(?<=\bveuillez )",
    re.IGNORECASE,
)
_ROLE_LINE = re.compile(
    r"(?<![^\n])(?:#{1,4} ?)?\[?(?:SYSTEM|ASSISTANT|Assistant|Human)\]?:"
    r"|(?<![^\n])#{2,4} ?(?:System|Instructions?|Response|Grading)\b"
    r"|\b(?:SYSTEM|ADMIN|DEVELOPER)[ _-](?:OVERRIDE|MESSAGE|NOTE|NOTICE|INSTRUCTIONS?)\b"
)
_ROLES = (
    "SYSTEM",
    "ASSISTANT",
    "ADMIN",
    "DEVELOPER",
    "System",
    "Assistant",
    "Human",
    "Instruction",
    "Response",
    "Grading",
)

_CLOSED_UP = re.compile(
    r"ignore|instruct|fullmark|maximumscore|level4|levelfour|grader|rubric|highestscore|perfectscore"
)
_REPORTED = re.compile(
    r"\b(?:says?|said|saying|reads?|reading|writes?|like|such as|text|phrase|words?|prompts?|attack|injection"
    r"|contain(?:s|ing)|called|instruction|page|dice|sagt|dit)\b[^\"'.!?\n]{0,30}[:,]? ?$",
    re.IGNORECASE,
)


class _Pattern(NamedTuple):
    where: re.Pattern[str] | None
    what: re.Pattern[str]


def _by_first_word(phrases: tuple[Phrase, ...]) -> dict[str, list[Phrase]]:
    index: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        for word in phrase.first.split():
            index.setdefault(word, []).append(phrase)
    return index


_PHRASES = _by_first_word(PHRASES)
_FIRST = frozenset(_PHRASES)
_RESPELT = tuple((spelling, frozenset(spelling.spell(word) for word in _PHRASES)) for spelling in SPELLINGS)
_PLACES = {"anywhere": None, "start": _STARTS, "clause": _CLAUSES}


@cache  # of the words that begin a phrase, those that a text has: compiling all takes longer than many commands do
def _patterns(word: str) -> tuple[_Pattern, ...]:
    return tuple(
        _Pattern(_PLACES[one.where], re.compile(rf"{word}\b{one.then}", re.IGNORECASE)) for one in _PHRASES[word]
    )


def addresses_judge(text: str) -> tuple[tuple[int, int], ...]:
    """The places (start, end) where a text speaks to its grader, or hides something; at most 20."""
    plain = normalise(text, lines=True)
    said = set(_WORD.findall(plain.text.lower()))
    spans = set(islice(invisible(text), _MOST_SPANS))
    found = chain(_phrases(plain.text, said), _respelt(plain.text, said), _encoded(plain.text))
    spans |= {plain.span(start, end) for start, end in islice(found, _MOST_SPANS)}
    return _merged(spans)


def _respelt(lined: str, said: set[str]) -> Iterator[tuple[int, int]]:
    """Phrases in a spelling that hides them: rot13, backwards, figures for letters, letters apart."""
    for spelling, first in _RESPELT:
        if not first.isdisjoint(said):
            begins = {spelling.spell(word) for word in first & said}
            places = _spoken(spelling.spell(lined), begins)
            yield from (spelling.span(len(lined), *place) for place in places)
    letters = in_letters(lined)
    if letters != lined:
        yield from _spoken(letters, _FIRST.intersection(_WORD.findall(letters.lower())))
    for start, end, closed in spaced_out(lined):
        if _CLOSED_UP.search(closed):
            yield start, end


def _encoded(lined: str) -> Iterator[tuple[int, int]]:
    """Words in base64 and the like: an essay has no use for them, whatever they say."""
    return ((start, end) for start, end, _ in encoded_pieces(lined))


def _merged(spans: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged[:_MOST_SPANS])


def _phrases(lined: str, said: set[str]) -> Iterator[tuple[int, int]]:
    yield from markup(lined)
    if any(role in lined for role in _ROLES):
        yield from (match.span() for match in _ROLE_LINE.finditer(lined))
    if IS_UNSPACED.search(lined):
        yield from (match.span() for match in UNSPACED.finditer(lined))
    yield from _spoken(lined, _FIRST & said)


def _spoken(lined: str, begins: Set[str]) -> Iterator[tuple[int, int]]:
    """The phrases in a text that begin with one of these words, which are some of those that it holds."""
    flat = lined.replace("\n", " ")  # a phrase may run over a line's end, but begins where the lines say
    for start, first in _places(flat, begins) if begins else ():
        for where, what in _patterns(first):
            if where is not None and where.match(lined, start) is None:
                continue
            match = what.match(flat, start)
            if match and not _is_mentioned(lined, *match.span()):
                yield match.span()


def _places(text: str, words: Iterable[str]) -> list[tuple[int, str]]:
    """Where these words stand, in any case, in the order of the text; a search for each takes less than one pattern."""
    lower = text.lower()
    if len(lower) != len(text):  # a few capitals become two characters; they begin no phrase
        lower = "".join(one if len(one.lower()) > 1 else one.lower() for one in text)
    found = []
    for word in words:
        start = lower.find(word)
        while start >= 0:
            end = start + len(word)
            if not (_is_in_word(lower[start - 1 : start]) or _is_in_word(lower[end : end + 1])):
                found.append((start, word))
            start = lower.find(word, end)
    return sorted(found)


def _is_in_word(character: str) -> bool:
    """As the pattern of a word takes it; "" is none."""
    return character.isalnum() or character == "_"


def _is_mentioned(text: str, start: int, end: int) -> bool:
    """Whether the phrase stands in quote marks that the sentence has announced: a page that says "..."."""
    opening = max(text.rfind(mark, max(0, start - 40), start) for mark in "\"'")
    if opening < 0 or "\n" in text[opening:start]:
        return False
    closing = text.find(text[opening], end - 1, end + 60)
    return closing >= 0 and _REPORTED.search(text[max(0, opening - 60) : opening]) is not None

"""Markers: the words that no author can list, such as figures and the places of a run.

`@number`, `@ordinal`, `@code` (an HTTP error), `@permanent` and `@passing` (one that stays, one that goes away),
`@percent`, `@currency`, `@clock` (06:31), `@noun`, `@position` ("consignment nine", "the fourteenth leg"),
`@series` (a first number of three or more that grow: 5, 15, 45).
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise

from rubrics.grammar import is_clock
from rubrics.passages import Passage

_CODES = frozenset(str(code) for code in (*range(400, 432), 451, 499, *range(500, 512), *range(520, 531)))
_PASSING = frozenset({"408", "421", "423", "425", "429"})
_ARTICLES = frozenset({"a", "an", "the", "ein", "eine", "der", "die", "das"})
_REACH = 5  # words between two numbers of a series
_SERIES = 3
_SHORTEST = 3  # letters of a noun
_GROWS = (1.35, 12.0)


def _by_form(fits: Callable[[Passage, str], bool]) -> Callable[[Passage], Iterator[int]]:
    def places(passage: Passage) -> Iterator[int]:
        for form, at in passage.by_form.items():
            if fits(passage, form):
                yield from at

    return places


def _is_code(form: str) -> bool:
    return form in _CODES


def _is_permanent(form: str) -> bool:
    return _is_code(form) and form[0] == "4" and form not in _PASSING


def _codes(fits: Callable[[str], bool]) -> Callable[[Passage], Iterator[int]]:
    """HTTP errors, and no three-digit number that counts something ("500 readers")."""

    def places(passage: Passage) -> Iterator[int]:
        for form, at in passage.by_form.items():
            if fits(form):
                yield from (place for place in at if not _counts(passage, place))

    return places


def _counts(passage: Passage, place: int) -> bool:
    one = passage.sentences[passage.sentence_of[place]]
    end = one.last
    if place > one.first and passage.forms[place - 1] in _ARTICLES:
        return False  # "a 429 means later"
    return place + 1 < end and _is_counted(passage, place + 1)


def is_noun(passage: Passage, place: int) -> bool:
    """Whether a word can name something: neither a figure nor one of the small ones."""
    form, grammar = passage.forms[place], passage.grammar
    if len(form) < _SHORTEST or not form.isalpha() or form in grammar.small or grammar.number(form) is not None:
        return False
    return passage.words[place][0].isupper() or not grammar.nouns_are_capitals


def _nouns(passage: Passage) -> Iterator[int]:
    return (place for place in range(len(passage)) if is_noun(passage, place))


def _positions(passage: Passage) -> Iterator[int]:
    """Where a place in a run begins: a noun and its number, an ordinal and its noun, a number of a number."""
    for one in passage.sentences:
        for place in range(one.first, one.last - 1):
            if _is_numbered(passage, place, one.last) or _is_ordered(passage, place) or _is_share(passage, place):
                yield place


def _is_numbered(passage: Passage, place: int, end: int) -> bool:
    """Whether a noun stands before a number that counts nothing: "consignment nine", not "waits nine seconds"."""
    grammar = passage.grammar
    number = passage.forms[place + 1]
    if not is_noun(passage, place) or grammar.number(number) is None or number[0] in "$€£" or number.endswith("%"):
        return False
    if passage.stems[place] in grammar.units or passage.stems[place] in grammar.rounds:
        return False
    if _is_code(number) or (not grammar.nouns_are_capitals and passage.forms[place].endswith("ed")):
        return False
    if grammar.number(number) == 1 and not number.isdigit() and len(passage.by_stem[passage.stems[place]]) < 2:
        return False  # "that one": a pronoun, but for a noun that is said again
    return not (place + 2 < end and _is_counted(passage, place + 2))


def _is_counted(passage: Passage, place: int) -> bool:
    """Whether a word right after a number is what it counts."""
    form, grammar = passage.forms[place], passage.grammar
    gap = passage.text[passage.spans[place - 1][1] : passage.spans[place][0]]
    if any(mark in gap for mark in ",;:.()[]\n"):
        return False
    if passage.stems[place] in grammar.units and not form.endswith("ed"):  # "consignment nine timed out"
        return True
    if grammar.nouns_are_capitals:
        return passage.words[place][0].isupper()
    return form.endswith("s") and is_noun(passage, place) and not form.endswith(("ss", "us", "is"))


def _is_ordered(passage: Passage, place: int) -> bool:
    grammar = passage.grammar
    if not grammar.is_ordinal(passage.forms[place]) or not is_noun(passage, place + 1):
        return False
    return passage.stems[place + 1] not in grammar.units and passage.stems[place + 1] not in grammar.no_places


def _is_share(passage: Passage, place: int) -> bool:
    """Whether "nine of seventeen" begins here."""
    numbers = [passage.grammar.number(form) for form in passage.forms[place : place + 3 : 2]]
    return passage.forms[place + 1] in passage.grammar.of and len(numbers) == 2 and None not in numbers


def _series(passage: Passage) -> Iterator[int]:
    """First numbers of rows that grow, as waits do: two seconds, then four, then eight."""
    for one in passage.sentences:
        numbers = [
            (place, value)
            for place in range(one.first, one.last)
            if (value := passage.grammar.number(passage.forms[place])) and value > 0
        ]
        run = numbers[:1]
        for before, after in pairwise(numbers):
            near = after[0] - before[0] <= _REACH
            grows = _GROWS[0] <= after[1] / before[1] <= _GROWS[1]
            run = [*run, after] if near and grows else [after]
            if len(run) == _SERIES:
                yield run[0][0]


_PLACES: Mapping[str, Callable[[Passage], Iterator[int]]] = {
    "@number": _by_form(lambda passage, form: passage.grammar.number(form) is not None),
    "@ordinal": _by_form(lambda passage, form: passage.grammar.is_ordinal(form)),
    "@code": _codes(_is_code),
    "@permanent": _codes(_is_permanent),
    "@passing": _codes(lambda form: _is_code(form) and not _is_permanent(form)),
    "@percent": _by_form(lambda passage, form: form.endswith("%")),
    "@currency": _by_form(lambda passage, form: form[0] in "$€£"),
    "@clock": _by_form(lambda passage, form: is_clock(form)),
    "@noun": _nouns,
    "@position": _positions,
    "@series": _series,
}


def marked(passage: Passage, marker: str) -> frozenset[int]:
    """The word places that a marker of the text itself fits."""
    return frozenset(_PLACES[marker](passage))

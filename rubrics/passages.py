"""A text as words, sentences and paragraphs with their places, for the look-fors to be matched in.

Words are read as a person would see them (see `rubrics.text.normalise`); places are those of the text as given.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from rubrics.grammar import ENGLISH, Grammar
from rubrics.languages import common_words
from rubrics.text import normalise

# Unicode letters with inner apostrophes, numbers with inner points, currency signs, percent, number words in one.
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_WORD = re.compile(
    rf"[$€£]?\d+(?:[.,:]\d+)*%?(?:st|nd|rd|th)?\b|[$€£]?\d+(?:[.,:]\d+)*%?"
    rf"|(?:{_TENS})-[^\W\d_]+|[^\W\d_]+(?:['’][^\W\d_]+)*",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)(?!\s+[a-zäöü])|[ \t]*\n\s*(?=[-*•]\s|\d+[.)]\s)")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_LAST_WORD = re.compile(r"[^\s(\"'“„]{1,12}$")
_FEWEST_OPENERS = 10
_LONG_LINE = 100  # a text without blank lines, whose lines are longer than this, has a paragraph a line


@dataclass(frozen=True, slots=True)
class Sentence:
    """Word places first (in) to last (out), character places start to end, and its paragraph."""

    first: int
    last: int
    start: int
    end: int
    paragraph: int

    @property
    def length(self) -> int:
        """How many words it has."""
        return self.last - self.first


class Passage:
    """A text cut once; places of words are found by stem, by form or by beginning."""

    def __init__(self, text: str, meant: Callable[[str], str] = str, grammar: Grammar = ENGLISH) -> None:
        """`meant` may put a known stem in the place of a misspelt one."""
        self.text = text
        self.grammar = grammar
        seen = normalise(text, lines=True)
        found = list(_WORD.finditer(seen.text))
        spans = [seen.span(*match.span()) for match in found]
        self.spans: Sequence[tuple[int, int]] = spans
        self.words = [match.group() for match in found]
        self.forms = [word.lower().replace("’", "'") for word in self.words]
        if grammar.dotted_ordinals:
            _dot_ordinals(seen.text, found, self.forms, grammar)
        self.stems = [meant(grammar.stem(form)) for form in self.forms]
        self.sentences = tuple(_sentences(text, spans, grammar))
        self.sentence_of = [place for place, one in enumerate(self.sentences) for _ in range(one.length)]

    def __len__(self) -> int:
        return len(self.forms)

    @cached_property
    def by_stem(self) -> dict[str, list[int]]:
        """Word places of each stem."""
        return _places(self.stems)

    @cached_property
    def by_form(self) -> dict[str, list[int]]:
        """Word places of each form."""
        return _places(self.forms)

    @cached_property
    def _sorted_forms(self) -> list[str]:
        return sorted(self.by_form)

    def beginning(self, prefix: str) -> list[int]:
        """Word places of the forms that begin so."""
        found: list[int] = []
        at = bisect_left(self._sorted_forms, prefix)
        while at < len(self._sorted_forms) and self._sorted_forms[at].startswith(prefix):
            found += self.by_form[self._sorted_forms[at]]
            at += 1
        return found

    @cached_property
    def paragraph_ranges(self) -> list[range]:
        """The sentences of each paragraph."""
        begins = [
            at for at, one in enumerate(self.sentences) if not at or self.sentences[at - 1].paragraph != one.paragraph
        ]
        return [range(begin, end) for begin, end in zip(begins, [*begins[1:], len(self.sentences)], strict=True)]

    @property
    def paragraphs(self) -> int:
        """How many paragraphs hold a sentence."""
        return self.sentences[-1].paragraph + 1 if self.sentences else 0

    @cached_property
    def denials(self) -> int:
        """How many sentences deny something."""
        return sum(any(map(self._denies, self.forms[one.first : one.last])) for one in self.sentences)

    @cached_property
    def jumbled(self) -> float:
        """The share of articles and the like behind which no noun can come: next to none, but in words thrown about."""
        openers, others = self.grammar.openers, self.grammar.no_openers
        found = [
            place + 1 == one.last or self.forms[place + 1] in others
            for one in self.sentences
            if one.length > 1
            for place in range(one.first, one.last)
            if self.forms[place] in openers
        ]
        return sum(found) / len(found) if len(found) >= _FEWEST_OPENERS else 0.0

    def _denies(self, form: str) -> bool:
        return form in self.grammar.negators or form.endswith("n't")

    def is_negated(self, first: int, last: int | None = None) -> bool:
        """Whether the words just before a place, or just behind it, in the same sentence, deny what stands there."""
        sentence = self.sentences[self.sentence_of[first]]
        begin = max(sentence.first, first - 3)
        if any(map(self._denies, self.forms[begin:first])):
            return True
        last = first if last is None else last
        behind = self.forms[last + 1 : min(sentence.last, last + 1 + self.grammar.after)]
        return any(form in self.grammar.negators_after for form in behind)


def _places(words: list[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(words):
        places[word].append(place)
    return dict(places)


def _dot_ordinals(text: str, found: Sequence[re.Match[str]], forms: list[str], grammar: Grammar) -> None:
    """Give "3." its point back where it is an ordinal ("am 3. Juni") and ends no sentence."""
    for place, match in enumerate(found[:-1]):
        if forms[place].isdigit() and _is_dotted_ordinal(text, match.end(), grammar):
            forms[place] += "."


def _is_dotted_ordinal(text: str, end: int, grammar: Grammar) -> bool:
    following = re.match(r"\. ([^\W\d_]+)", text[end : end + 40])
    return following is not None and following.group(1).lower() not in common_words(grammar.lang)


def _cuts(text: str, grammar: Grammar) -> list[tuple[int, bool]]:
    """Character places where a sentence ends, and whether a paragraph ends there too."""
    cuts = {match.end(): False for match in _SENTENCE_END.finditer(text) if not _goes_on(text, match, grammar)}
    breaks = list(_BLANK_LINE.finditer(text))
    lines = text.strip().split("\n")
    if not breaks and len(lines) > 1 and len(text) / len(lines) > _LONG_LINE:
        breaks = list(re.finditer(r"\n", text))
    cuts |= {match.end(): True for match in breaks}
    return sorted(cuts.items())


def _goes_on(text: str, match: re.Match[str], grammar: Grammar) -> bool:
    """Whether a point is that of an abbreviation or of an ordinal."""
    if not match.group().startswith(".") or match.group() != ".":
        return False
    before = _LAST_WORD.search(text, max(0, match.start() - 12), match.start())
    last = before.group().lower() if before else ""
    if last.split(".")[-1] in grammar.abbreviations or last in grammar.abbreviations:
        return True
    return grammar.dotted_ordinals and last.isdigit() and _is_dotted_ordinal(text, match.start(), grammar)


def _sentences(text: str, spans: Sequence[tuple[int, int]], grammar: Grammar) -> list[Sentence]:
    found: list[Sentence] = []
    first, paragraph, open_break = 0, 0, False
    for cut, ends_paragraph in [*_cuts(text, grammar), (len(text) + 1, True)]:
        last = bisect_left(spans, (cut, -1), lo=first)
        if last > first:
            paragraph += open_break
            end = _closing(text, spans[last - 1][1], min(cut, len(text)))
            found.append(Sentence(first, last, spans[first][0], end, paragraph))
            first, open_break = last, False
        open_break = (open_break or ends_paragraph) and bool(found)
    return found


def _closing(text: str, end: int, limit: int) -> int:
    """The end of a sentence with its own punctuation, for a quote that reads as written."""
    while end < limit and not text[end].isspace():
        end += 1
    return end

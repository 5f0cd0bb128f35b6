"""A text as words, sentences and paragraphs with their places, for the look-fors to be matched in."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

# Unicode letters with inner apostrophes, numbers with inner points, currency signs, percent.
_WORD = re.compile(r"[$€£]?\d+(?:[.,:]\d+)*%?|[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)(?!\s+[a-z])|[ \t]*\n\s*(?=[-*•]\s|\d+[.)]\s)")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_LONG_LINE = 100  # a text without blank lines, whose lines are longer than this, has a paragraph a line

_NUMBERS_TEXT = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand"
)
NUMBERS = frozenset(_NUMBERS_TEXT.split())
_ORDINALS_TEXT = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS = frozenset(_ORDINALS_TEXT.split())
_NEGATORS_TEXT = "no not never without none nothing nobody neither nor cannot hardly rarely avoid avoids lack lacks"
NEGATORS = frozenset(_NEGATORS_TEXT.split())
_IRREGULAR = {
    form: base
    for base, forms in {
        "run": "ran",
        "send": "sent",
        "pay": "paid",
        "lose": "lost",
        "keep": "kept",
        "die": "died dies dying dead",
        "go": "went gone goes",
        "write": "wrote written",
        "begin": "began begun",
        "break": "broke broken",
        "fall": "fell fallen",
        "hold": "held",
        "buy": "bought",
        "choose": "chose chosen",
        "see": "saw seen",
        "say": "said",
        "tell": "told",
        "throw": "threw thrown",
        "wake": "woke woken",
        "do": "did done does",
        "be": "is are was were been being",
        "have": "has had having",
        "make": "made",
        "find": "found",
        "know": "knew known",
        "spend": "spent",
        "think": "thought",
        "read": "reads",
        "rebuild": "rebuilt",
        "resend": "resent",
        "rerun": "reran",
        "redo": "redid redone",
        "forget": "forgot forgotten",
        "catch": "caught",
        "leave": "left",
        "take": "took taken",
        "use": "used using",
        "give": "gave given",
        "come": "came",
    }.items()
    for form in forms.split()
}


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """A light English stem of a lower-case word: inflections go, derivations stay."""
    word = _IRREGULAR.get(word, word).removesuffix("'s").removesuffix("’s")
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    for suffix in ("ing", "ed", "es", "s", "e"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            if suffix == "s" and word.endswith(("ss", "us", "is")):
                break
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == word[-2] and (word[-1] not in "lszf" or (word[-1] == "l" and len(word) > 5)):
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


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

    def __init__(self, text: str, meant: Callable[[str], str] = str) -> None:
        """`meant` may put a known stem in the place of a misspelt one."""
        self.text = text
        spans = [(match.start(), match.end()) for match in _WORD.finditer(text)]
        self.spans: Sequence[tuple[int, int]] = spans
        self.forms = [text[start:end].lower().replace("’", "'") for start, end in spans]
        self.stems = [meant(stem(form)) for form in self.forms]
        self.sentences = tuple(_sentences(text, spans))
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

    @property
    def paragraphs(self) -> int:
        """How many paragraphs hold a sentence."""
        return self.sentences[-1].paragraph + 1 if self.sentences else 0

    def is_negated(self, first: int) -> bool:
        """Whether one of the three words before, in the same sentence, denies the word at `first`."""
        begin = max(self.sentences[self.sentence_of[first]].first, first - 3)
        return any(form in NEGATORS or form.endswith("n't") for form in self.forms[begin:first])


def _places(words: list[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = defaultdict(list)
    for place, word in enumerate(words):
        places[word].append(place)
    return dict(places)


def _cuts(text: str) -> list[tuple[int, bool]]:
    """Character places where a sentence ends, and whether a paragraph ends there too."""
    cuts = {match.end(): False for match in _SENTENCE_END.finditer(text)}
    breaks = list(_BLANK_LINE.finditer(text))
    lines = text.strip().split("\n")
    if not breaks and len(lines) > 1 and len(text) / len(lines) > _LONG_LINE:
        breaks = list(re.finditer(r"\n", text))
    cuts |= {match.end(): True for match in breaks}
    return sorted(cuts.items())


def _sentences(text: str, spans: Sequence[tuple[int, int]]) -> list[Sentence]:
    found: list[Sentence] = []
    first, paragraph, open_break = 0, 0, False
    for cut, ends_paragraph in [*_cuts(text), (len(text) + 1, True)]:
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

"""Words, sentences and quotes of a text, in one pass each, whatever the text holds.

Offsets are Python characters of the text as given.
"""

import re
import unicodedata
from array import array
from functools import lru_cache
from typing import NamedTuple

from rubrics.judgement import Quote
from rubrics.lookalikes import all_plain, without_lookalikes

QUOTE_WORDS = 30
_QUOTE_CHARACTERS = 2_000
_QUOTE_PLACES = 1_000  # places tried before a quote that only occurs inside longer words is given up

ZERO_WIDTH = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f"
_SINGLE_QUOTES = "‘’‚‛′`´ʼ＇"
_DOUBLE_QUOTES = "“”„‟″«»＂"


class Normalised(NamedTuple):
    """A text for matching; character i stands for original[starts[i]:ends[i]]."""

    text: str
    starts: "array[int]"
    ends: "array[int]"

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The original offsets of text[start:end], which is not empty."""
        return self.starts[start], self.ends[end - 1]


class _Shapes(dict[int, str]):
    """Each character's part in a word: a letter, 1 digit, c a word by itself, or a joiner."""

    def __missing__(self, code: int) -> str:
        self[code] = shape = _shape(chr(code))
        return shape


def _shape(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Lo" and _stands_alone(character):
        return "c"
    if category[0] in "LM":
        return "a"
    if category[0] == "N":
        return "1"
    if character in ".,":
        return character
    if character in _SINGLE_QUOTES or character in "'-‐‑·":
        return "'"
    return "z" if re.match(f"[{ZERO_WIDTH}]", character) else " "


def _stands_alone(character: str) -> bool:
    """Ideographs and kana are written without spaces; UAX #29 takes each for a word."""
    name = unicodedata.name(character, "")
    return name.startswith(("CJK UNIFIED", "CJK COMPATIBILITY", "HIRAGANA LETTER"))


_SHAPES = _Shapes()
_WORD = re.compile(r"c|(?:[a1]z*)+(?:(?:'|\.|(?<=1),(?=1))(?:[a1]z*)+)*")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words are: letters and digits with inner apostrophes, hyphens and points.

    After https://unicode.org/reports/tr29/ section 4, which would part words at hyphens.
    """
    return [match.span() for match in _WORD.finditer(text.translate(_SHAPES))]


@lru_cache(maxsize=8)  # whether a text can be sent is asked at every step
def word_count(text: str) -> int:
    """How many words a person would count; numbers are words, bullets and dashes are not."""
    return sum(1 for _ in _WORD.finditer(text.translate(_SHAPES)))


def words(text: str) -> list[str]:
    """The words as written, case folded, with plain apostrophes."""
    plain = normalise(text).text.casefold()
    return [plain[start:end] for start, end in word_spans(plain)]


_BULLET = r"[-*+•‣▪◦·∙●○–]"
_LINE_MARKER = re.compile(rf"(?:^|(?<=[\n\r]))[ \t]{{0,20}}(?:{_BULLET}|\(?(?:\d{{1,2}}|[a-hA-H])[.)])[ \t]+(?=\S)")
_BULLET_ANYWHERE = re.compile(r"[•‣▪◦●○]|(?<=:)[ \t]?\n?[ \t]?[-*+][ \t](?=\S)")
_INLINE_NUMBER = re.compile(r"(?:(?<=\s)|^)(?:\(?(\d{1,2}|[a-h])\)|(\d{1,2})\.)[ \t](?=\S)")


@lru_cache(maxsize=8)  # they are counted, and left out where sentences are
def list_markers(text: str) -> tuple[tuple[int, int], ...]:
    """Where a list shows: a marker at the start of a line, or numbers 1 and 2 within one."""
    found = {match.start(): match.end() for match in _LINE_MARKER.finditer(text)}
    for match in _BULLET_ANYWHERE.finditer(text):
        found.setdefault(match.start(), match.end())
    inline = [(match.group(1) or match.group(2), match.span()) for match in _INLINE_NUMBER.finditer(text)]
    numbers = {number for number, _ in inline}
    if {"1", "2"} <= numbers or {"a", "b"} <= numbers:
        for _, (start, end) in inline:
            found.setdefault(start, end)
    return tuple(sorted(found.items()))


_SENTENCE_END = re.compile(r"[.!?…]{1,9}([\"'”’»)\]]{0,4})(?=\s|$)|[。！？]")
_ABBREVIATIONS = frozenset(
    {"e.g", "i.e", "vs", "cf", "approx", "resp", "incl", "mr", "mrs", "ms", "dr", "prof", "fig", "eq", "sec"}
)
_LAST_WORD = re.compile(r"\S{1,12}$")
_NEXT = re.compile(r"\s{0,20}(\S)")


def sentence_count(text: str) -> int:
    """How many sentences with a word in them; a line break is a space, a list marker is nothing."""
    text = _without_markers(text)
    count, begin = 0, 0
    for match in _SENTENCE_END.finditer(text):
        if _goes_on(text, match):
            continue
        count += _WORD.search(text[begin : match.start()].translate(_SHAPES)) is not None
        begin = match.end()
    return count + (_WORD.search(text[begin:].translate(_SHAPES)) is not None)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Where each sentence with a word in it stands, (start, end) without blanks; an empty line ends one."""
    spans: list[tuple[int, int]] = []
    for block in re.finditer(r"(?:[^\n]|\n(?![ \t\r]*\n))+", text):
        begin = block.start()
        ends = [
            match.end()
            for match in _SENTENCE_END.finditer(text, begin, block.end())
            if not _goes_on(text[: block.end()], match)
        ]
        for end in (*ends, block.end()):
            piece = text[begin:end]
            if _WORD.search(piece.translate(_SHAPES)):
                start = begin + len(piece) - len(piece.lstrip())
                spans.append((start, start + len(piece.strip())))
            begin = end
    return spans


def _without_markers(text: str) -> str:
    kept, begin = [], 0
    for start, end in list_markers(text):
        kept.append(text[begin:start])
        begin = max(begin, end)
    return " ".join([*kept, text[begin:]])


def _goes_on(text: str, match: re.Match[str]) -> bool:
    """Whether the sentence goes on after this mark: an abbreviation, an ellipsis, a quoted question."""
    if match.group(1) is None:
        return False
    following = _NEXT.match(text, match.end())
    if following is None:
        return False
    after = following.group(1)
    before = _LAST_WORD.search(text, max(0, match.start() - 12), match.start())
    last = before.group().lower().lstrip("(\"'“‘[") if before else ""
    if text[match.start()] == "." and (last in _ABBREVIATIONS or (last == "no" and after.isdigit())):
        return True
    if last == "etc":
        return after.islower()
    marks = text[match.start() : match.end()]
    return after.islower() and bool(match.group(1) or "…" in marks or ".." in marks)


_PLAIN, _SPACE, _UNSEEN = 1, 2, 3  # groups of the pattern below; the fourth is a cluster


@lru_cache(maxsize=1)
def _pieces() -> re.Pattern[str]:
    """ASCII words a space apart, other white space, or one character with the marks that follow it."""
    marks = "".join(f"\\U{code:08x}" for code in range(0x20000) if unicodedata.category(chr(code))[0] == "M")
    follows = f"[{marks}\\u1160-\\u11ff\\U000e0100-\\U000e01ef]"
    plain = rf"([!-_a-~]+(?: [!-_a-~]+)*)(?!{follows})"
    return re.compile(rf"{plain}|(\s+)|([{ZERO_WIDTH}]+)|(.){follows}{{0,64}}", re.DOTALL)


def normalise(text: str, *, lines: bool = False) -> Normalised:
    """The text for matching: NFKC, plain quote marks, single spaces, nothing invisible, no lookalike letters.

    With `lines`, white space that holds a line break becomes a line break.
    """
    lined = _lined(text)
    return lined if lines else lined._replace(text=lined.text.replace("\n", " "))


@lru_cache(maxsize=4)  # one text is asked about many times in a row: every fact, every quote
def _lined(text: str) -> Normalised:
    parts: list[str] = []
    starts, ends = array("l"), array("l")
    for match in _pieces().finditer(text):
        start, end = match.span()
        piece = match.lastindex
        if piece == _PLAIN:
            parts.append(match.group())
            starts.extend(range(start, end))
            ends.extend(range(start + 1, end + 1))
        elif piece != _UNSEEN:
            part = match.group()
            part = _composed(part) if piece != _SPACE else "\n" if "\n" in part or "\r" in part else " "
            parts.append(part)
            starts.extend([start] * len(part))
            ends.extend([end] * len(part))
    return Normalised(without_lookalikes("".join(parts)), starts, ends)


@lru_cache(maxsize=4096)
def _composed(cluster: str) -> str:
    if cluster[0] in _SINGLE_QUOTES:
        return "'"
    if cluster[0] in _DOUBLE_QUOTES:
        return '"'
    composed = unicodedata.normalize("NFKC", cluster)
    # A spacing accent on its own comes apart into a space and a mark; it stays one character here.
    return cluster if composed.startswith(" ") else composed


def verify_quote(text: str, quote: str) -> Quote | None:
    """The quote's place in the text, or None if its words do not stand there or are more than 30.

    White space, quote marks and the form of accents may differ; nothing else may.
    """
    if len(quote) > _QUOTE_CHARACTERS or not 0 < word_count(quote) <= QUOTE_WORDS:
        return None
    return find_quote(normalise(text), text, quote)


def find_quote(normalised: Normalised, text: str, quote: str) -> Quote | None:
    """`verify_quote` for many quotes of one text: it is normalised once, by the caller."""
    wanted = normalise(quote).text.strip()
    bare = wanted.strip("\"'").strip()
    for candidate in dict.fromkeys((wanted, bare, all_plain(bare))):
        place = _place(normalised.text, candidate)
        if place is not None:
            start, end = normalised.span(place, place + len(candidate))
            return Quote(text=text[start:end], start=start, end=end)
    return None


def _place(text: str, wanted: str) -> int | None:
    """The first place where `wanted` stands as whole words."""
    place = -1
    for _ in range(_QUOTE_PLACES):
        place = text.find(wanted, place + 1)
        if place < 0 or not wanted:
            return None
        end = place + len(wanted)
        cut_before = place > 0 and text[place - 1].isalnum() and wanted[0].isalnum()
        cut_after = end < len(text) and text[end].isalnum() and wanted[-1].isalnum()
        if not cut_before and not cut_after:
            return place
    return None

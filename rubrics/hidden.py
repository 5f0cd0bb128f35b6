"""What a text hides from whoever reads it on a page: unseen characters, markup, and words in another encoding."""

import base64
import binascii
import codecs
import html
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

_LETTER = r"[A-Za-z\u00c0-\u052f]"
_UNSEEN = "\u200b-\u200d\u2060-\u2064\ufeff"

# The invisible between two letters of an alphabet that needs no joiners; hidden runs; tag letters; turned-round text;
# variation selectors in a row, which can carry bytes.
_INVISIBLE = re.compile(
    rf"(?<={_LETTER})[{_UNSEEN}]{{1,64}}(?={_LETTER})"
    rf"|[{_UNSEEN}]{{8}}|[\u202d\u202e]|(?<!\U0001f3f4)[\U000e0020-\U000e007e]{{4}}"
    r"|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{3}"
)

# One of these is in all of that, and to look for one of a few characters takes least.
_MAYBE_INVISIBLE = re.compile(rf"[{_UNSEEN}\u202d\u202e\ufe00-\ufe0f\U000e0020-\U000e007e\U000e0100-\U000e01ef]")

_HIDING = (
    r"display ?: ?none|visibility ?: ?hidden|font-size ?: ?[01](?:px|pt|em|%)?\b|opacity ?: ?0?\.?0\d?\b"
    r"|color ?: ?(?:white|transparent|#f{3}(?:f{3})?\b|rgba?\(255)|text-indent ?: ?-\d{3,}|left ?: ?-\d{3,}"
)
_MARKUP = re.compile(
    r"<!--.{0,200}"
    r"|</?(?:system|assistant|human|developer|instructions?|prompt|grader|judge|rubric|scores?|essay|submission"
    r"|student_?(?:text|answer|essay)|work|answer|document|untrusted\w{0,20})(?:[ \n][^<>]{0,80})?/?>"
    r"|<\|[a-z_]{2,20}\|>|\[/?inst\]|<</?sys>>"
    rf"|<[a-z][^<>]{{0,120}}(?:{_HIDING}|\bhidden\b)[^<>]{{0,80}}>"
    r"|\\(?:textcolor|color)\{(?:white|transparent)\}|\\(?:h|v)?phantom\{"
    r"|\[(?://|comment|_metadata_)[^\]]{0,40}\]: ?(?:#|<>) ?[(\"'<]"
    r"|\bdata:text/[a-z]+;base64,",
    re.IGNORECASE | re.DOTALL,
)


_SIGNS_OF_MARKUP = ("<", "[", "\\", "data:")  # one of these is in all of that


class Spelling(NamedTuple):
    """Another spelling of a text or word, and where a place in it, (length, start, end), is in the text as given."""

    spell: Callable[[str], str]
    span: Callable[[int, int, int], tuple[int, int]]


# Each turns a text's words into those it would turn them into one by one.
SPELLINGS = (
    Spelling(lambda text: codecs.encode(text, "rot13"), lambda _length, start, end: (start, end)),
    Spelling(lambda text: text[::-1], lambda length, start, end: (length - end, length - start)),
)


_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{16,4000}={0,2}(?![A-Za-z0-9+/=_-])")
_BASE32 = re.compile(r"(?<![A-Z2-7=])[A-Z2-7]{24,4000}={0,6}(?![A-Z2-7=])")
_HEX = re.compile(r"(?<![0-9a-fA-F])(?:0x)?(?:[0-9a-fA-F]{2}[ ,:]?){12,2000}(?![0-9a-fA-F])")
_BITS = re.compile(r"(?<![01])(?:[01]{8} ?){8,500}(?![01])")
_PERCENT = re.compile(r"(?:[A-Za-z0-9_.~-]{0,12}%[0-9A-Fa-f]{2}){6,400}[A-Za-z0-9_.~-]{0,12}")
_ENTITIES = re.compile(r"(?:&(?:#\d{2,7}|#x[0-9a-fA-F]{2,6}|[a-z]{2,8});[ A-Za-z]{0,3}){6,400}")
_ESCAPES = re.compile(r"(?:\\(?:u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2})[ A-Za-z]{0,3}){6,400}")
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_][ .\-_*|]{1,3}){11,400}[^\W\d_](?!\w)")
_WORDS = re.compile(r"[^\W\d_]{2,}")
_LEAST_WORDS = 3


def encoded_pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """Pieces of a text that say words once they are decoded: base64, hex, percent and the like."""
    for sign, pattern, decode in _PIECES:
        for match in pattern.finditer(text) if sign in text else ():
            said = decode(match.group())
            if said is not None and _is_prose(said):
                yield match.start(), match.end(), said


def invisible(text: str) -> Iterator[tuple[int, int]]:
    """Where characters stand that nobody sees and that no writing needs there."""
    if not text.isascii() and _MAYBE_INVISIBLE.search(text):
        yield from (match.span() for match in _INVISIBLE.finditer(text))


def markup(text: str) -> Iterator[tuple[int, int]]:
    """Where markup stands that hides something or plays a part in a conversation with a model."""
    lower = text.lower()
    if any(sign in lower for sign in _SIGNS_OF_MARKUP):
        yield from (match.span() for match in _MARKUP.finditer(text))


def in_letters(text: str) -> str:
    """The text with the figures in its words as the letters they look like."""
    return _LEET_WORD.sub(_unleet, text) if any(figure in text for figure in _FIGURES) else text


def spaced_out(text: str) -> Iterator[tuple[int, int, str]]:
    """Runs of single letters ("i g n o r e"), closed up."""
    for match in _SPACED.finditer(text):
        yield match.start(), match.end(), re.sub(r"[^\w]+", "", match.group()).lower()


_FIGURES = "013457@$"
_LEET = str.maketrans(_FIGURES, "oieastas")
_LEET_WORD = re.compile(r"(?<![\w@$])(?=[\w@$]*[013457@$])[\w@$]{3,30}(?![\w@$])")


def _unleet(match: re.Match[str]) -> str:
    word = match.group()
    return word.translate(_LEET) if any(one.isalpha() for one in word) else word


def _is_prose(said: str) -> bool:
    """Whether decoded characters are words a person could read."""
    readable = sum(character.isalnum() or character in " .,:;!?'\"-\n" for character in said)
    return len(_WORDS.findall(said)) >= _LEAST_WORDS and readable > 0.9 * len(said) and " " in said.strip()


def _utf8(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _base64(piece: str) -> str | None:
    bare = piece.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return _utf8(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def _base32(piece: str) -> str | None:
    bare = piece.rstrip("=")
    try:
        return _utf8(base64.b32decode(bare + "=" * (-len(bare) % 8)))
    except (binascii.Error, ValueError):
        return None


def _hex(piece: str) -> str | None:
    digits = re.sub(r"[ ,:]", "", piece.removeprefix("0x"))
    try:
        return _utf8(bytes.fromhex(digits))
    except ValueError:
        return None


def _bits(piece: str) -> str | None:
    return _utf8(bytes(int(byte, 2) for byte in re.findall("[01]{8}", piece)))


def _escapes(piece: str) -> str | None:
    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))", lambda m: chr(int(m.group(1) or m.group(2), 16)), piece)


# What every such piece holds that says words, if anything (a space in it, for one); how it looks; what it says.
_PIECES: tuple[tuple[str, re.Pattern[str], Callable[[str], str | None]], ...] = (
    ("", _BASE64, _base64),
    ("", _BASE32, _base32),
    ("20", _HEX, _hex),
    ("00100000", _BITS, _bits),
    ("%", _PERCENT, unquote),
    ("&", _ENTITIES, html.unescape),
    ("\\", _ESCAPES, _escapes),
)

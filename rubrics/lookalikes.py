"""Letters of other alphabets that look like Latin ones, put into the middle of Latin words to hide them from code."""

import re

# Cyrillic, Greek, Armenian and phonetic letters, and the Latin ones that they pass for.
_PAIRS = (
    "аa еe оo рp сc уy хx іi ѕs јj ԁd һh ԛq ԝw ӏl ьb гr пn тt кk мm вb нh "
    "АA ВB ЕE КK МM НH ОO РP СC ТT УY ХX ІI ЅS ЈJ ԌG ԜW ӀI "
    "οo αa νv ρp ιi κk υu χx εe ηn τt γy ωw σo "
    "ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX "
    "օo ոn սu հh ցg զq ɡg ɑa ɩi ʀr ᴀa ᴇe ᴏo ꜱs ıi"
)
_LATIN_FOR = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
_ALIKE = "".join(map(chr, _LATIN_FOR))
_SURE = re.compile(f"[{_ALIKE}]")
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[A-Za-z]")
_MOSTLY = 0.6


def without_lookalikes(text: str) -> str:
    """The text with such letters as the Latin ones; of the same length.

    Only in words that mix alphabets, and in whole words of lookalikes where the text is in Latin letters:
    a text in Russian or Greek stays as it is.
    """
    if _SURE.search(text) is None:
        return text
    letters = sum(character.isalpha() for character in text)
    latin = sum(1 for _ in _LATIN.finditer(text)) > _MOSTLY * letters
    return _WORD.sub(lambda match: _plain(match.group(), latin=latin), text)


def all_plain(text: str) -> str:
    """Every such letter as the Latin one, whatever stands around it; for a few words without their text."""
    return text.translate(_LATIN_FOR)


def _plain(word: str, *, latin: bool) -> str:
    if _SURE.search(word) is None:
        return word
    plain = word.translate(_LATIN_FOR)
    mixed = _LATIN.search(word) is not None
    return plain if (mixed or latin) and plain.isascii() else word

"""Authored phrases, compiled: which words they mean, also a little misspelt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rubrics.languages import common_words
from rubrics.passages import NUMBERS, ORDINALS, Passage, stem

_TYPO_LENGTH = 7


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a phrase, in any of the ways its author allows."""

    stems: frozenset[str]
    forms: frozenset[str]
    beginnings: tuple[str, ...]
    markers: tuple[str, ...]
    gap: bool  # words may stand before it

    def fits(self, passage: Passage, place: int) -> bool:
        """Whether the word at a place is meant."""
        if passage.stems[place] in self.stems:
            return True
        form = passage.forms[place]
        if form in self.forms or (self.beginnings and form.startswith(self.beginnings)):
            return True
        return bool(self.markers) and any(MARKS[marker](form) for marker in self.markers)


_NO_NOUNS = NUMBERS | ORDINALS | frozenset({"least", "most", "about", "around", "nearly", "only", "over", "the"})

MARKS: Mapping[str, Callable[[str], bool]] = {
    "@number": lambda form: form in NUMBERS or form[0].isdigit(),
    "@ordinal": lambda form: form in ORDINALS,
    "@code": lambda form: len(form) == 3 and form.isdigit() and form[0] in "45",
    "@percent": lambda form: form.endswith("%"),
    "@noun": lambda form: len(form) > 2 and form.isalpha() and form not in _NO_NOUNS,
    "@currency": lambda form: form[0] in "$€£",
}


def compile_phrase(phrase: str) -> tuple[Token, ...]:
    """The tokens of an authored phrase."""
    tokens: list[Token] = []
    gap = False
    for word in phrase.lower().split():
        if word == "..":
            gap = True
            continue
        parts = word.split("|")
        plain = [part for part in parts if part[0] not in "=@" and not part.endswith("*")]
        tokens.append(
            Token(
                stems=frozenset(map(stem, plain)),
                forms=frozenset(part[1:] for part in parts if part[0] == "="),
                beginnings=tuple(part[:-1] for part in parts if part.endswith("*")),
                markers=tuple(part for part in parts if part[0] == "@"),
                gap=gap,
            )
        )
        gap = False
    return tuple(tokens)


class Lexicon:
    """The compiled groups of one language of a rubric."""

    def __init__(self, lang: str, words: Mapping[str, Sequence[str]]) -> None:
        self.groups = {name: tuple(map(compile_phrase, phrases)) for name, phrases in words.items()}
        self.common = common_words(lang)
        tokens = [token for phrases in self.groups.values() for phrase in phrases for token in phrase]
        self.stems = frozenset().union(*(token.stems for token in tokens))
        self.beginnings = tuple({word for token in tokens for word in token.beginnings})
        self._near: dict[str, str] = {}
        for known in sorted(self.stems):
            if len(known) >= _TYPO_LENGTH - 1:
                for variant in _one_letter_less(known):
                    self._near.setdefault(variant, known)

    def meant(self, word: str) -> str:
        """The known stem a long misspelt stem is one letter away from, else the stem itself."""
        if word in self.stems or len(word) < _TYPO_LENGTH - 1:
            return word
        return next((self._near[near] for near in _one_letter_less(word) if near in self._near), word)


def _one_letter_less(word: str) -> list[str]:
    """The word and what is left of it without one letter; the first letter is never the mistake."""
    return [word, *(word[:at] + word[at + 1 :] for at in range(1, len(word)))]

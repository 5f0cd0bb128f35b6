"""Authored phrases, compiled: which words they mean, also a little misspelt."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from rubrics.grammar import Grammar, grammar_of
from rubrics.languages import common_words
from rubrics.passages import Passage

_TYPO_LENGTH = 7

Marked = Callable[[str], Collection[int]]


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a phrase, in any of the ways its author allows."""

    stems: frozenset[str]
    forms: frozenset[str]
    beginnings: tuple[str, ...]
    markers: tuple[str, ...]
    gap: bool  # words may stand before it

    def fits(self, passage: Passage, place: int, marked: Marked) -> bool:
        """Whether the word at a place is meant; `marked` gives the places of a marker."""
        if passage.stems[place] in self.stems:
            return True
        form = passage.forms[place]
        if form in self.forms or (self.beginnings and form.startswith(self.beginnings)):
            return True
        return any(place in marked(marker) for marker in self.markers)


def compile_phrase(phrase: str, grammar: Grammar) -> tuple[Token, ...]:
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
                stems=frozenset(map(grammar.stem, plain)),
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

    def __init__(
        self,
        lang: str,
        words: Mapping[str, Sequence[str]],
        *,
        story: Sequence[str] = (),
        generic: Sequence[str] = (),
        asides: Sequence[str] = (),
    ) -> None:
        """`story`, `generic` and `asides` are names of groups, as a Vocabulary explains them."""
        self.grammar = grammar_of(lang)
        self.groups = {
            name: tuple(compile_phrase(phrase, self.grammar) for phrase in phrases) for name, phrases in words.items()
        }
        self.story, self.generic, self.asides = tuple(story), tuple(generic), tuple(asides)
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

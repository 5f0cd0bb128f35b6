"""How much of a text its prompt's other texts have too: their words, their word pairs, the words of their topic.

Rare words (misspelt ones among them) are features; a text with hardly any of the others' pairs or topic is none of
this prompt, or no text at all, and is not rated. A text that the counts were made from is looked at as if it were not.
"""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flows.judging.features import FUNCTION_WORDS, WORD

Array = NDArray[np.float64]
RARITY = (
    *("rare_words", "rare_types", "root_rare_types", "scarce_words", "mean_log_count", "middling_types"),
    "root_shared_types",
)
SHARES = ("word pairs that other texts have", "words that other texts have", "words of the topic")
FEW = 30  # texts up to which one other text is enough to make a word known
MOST_PAIRS = 60_000
TOPICAL = 40
SHORTEST_TOPICAL = 3


@dataclass(frozen=True)
class Familiar:
    """In how many texts each word and word pair stands; `lowest` is how low the least of the shares usually is."""

    texts: int
    words: Mapping[str, int]
    pairs: Mapping[str, int]
    topical: tuple[str, ...]
    mean: Array
    sd: Array
    lowest: float

    @property
    def least(self) -> int:
        """In how many texts something must stand to be known."""
        return 1 if self.texts <= FEW else 2

    def rarity(self, text: str, *, own: bool = False) -> tuple[float, ...]:
        """The numbers of RARITY; `own` for a text that is among those counted."""
        words = words_of(text)
        if not words:
            return (0.0,) * len(RARITY)
        counts = self._counts(words, own)
        types = self._counts(sorted(set(words)), own)
        return (
            float(np.mean(counts == 0)),
            float(np.sum(types == 0)),
            float(np.sqrt(np.sum(types == 0))),
            float(np.mean(counts <= 2)),
            float(np.mean(np.log1p(counts))),
            float(np.sum((types >= 3) & (types < 0.05 * self.texts))),
            float(np.sqrt(np.sum((types >= 3) & (types < 0.3 * self.texts)))),
        )

    def _counts(self, words: Sequence[str], own: bool) -> Array:
        found = np.array([self.words.get(word, 0) for word in words], dtype=np.float64) - own
        return np.where(found >= self.least, found, 0.0)

    def shares(self, text: str, *, own: bool = False) -> Array:
        """How much of the text is familiar in each of the ways of SHARES; each between 0 and 1."""
        words = words_of(text)
        pairs = pairs_of(words)
        content = [word for word in words if _is_content(word)]
        if not pairs or not content:
            return np.zeros(len(SHARES))
        known = sum(self.pairs.get(pair, 0) - own >= self.least for pair in pairs) / len(pairs)
        shared = float(np.mean(self._counts(content, own))) / max(1, self.texts)
        topical = frozenset(self.topical)
        return np.array([known, shared, sum(word in topical for word in content) / len(content)])

    def strangeness(self, text: str) -> tuple[float, str]:
        """How far the least familiar share lies below the usual (over 0 it is strange), and which share that is."""
        standard = (self.shares(text) - self.mean) / self.sd
        place = int(np.argmin(standard))
        return self.lowest - float(standard[place]), SHARES[place]


def familiar_with(texts: Sequence[str]) -> Familiar:
    """Count the texts of a prompt, and learn how familiar they are with each other."""
    words, pairs = Counter[str](), Counter[str]()
    for text in texts:
        tokens = words_of(text)
        words.update(set(tokens))
        pairs.update(set(pairs_of(tokens)))
    least = 1 if len(texts) <= FEW else 2
    topical = [word for word, _ in words.most_common() if _is_content(word)][:TOPICAL]
    counted = Familiar(
        texts=len(texts),
        words={word: count for word, count in words.items() if count >= least},
        pairs={pair: count for pair, count in pairs.most_common(MOST_PAIRS) if count >= least},
        topical=tuple(topical),
        mean=np.zeros(len(SHARES)),
        sd=np.ones(len(SHARES)),
        lowest=0.0,
    )
    seen = np.array([counted.shares(text, own=True) for text in texts])
    mean, sd = seen.mean(axis=0), np.maximum(seen.std(axis=0), 1e-6)
    least_of_each = ((seen - mean) / sd).min(axis=1)
    return Familiar(
        counted.texts, counted.words, counted.pairs, counted.topical, mean, sd, lowest=_usual_lowest(least_of_each)
    )


def _usual_lowest(least_of_each: Array) -> float:
    """One in a hundred of the texts themselves lies below; with few texts some room is left below the lowest."""
    if len(least_of_each) >= 100:
        return float(np.quantile(least_of_each, 0.01))
    room = 0.25 + 7.5 / len(least_of_each)
    return float(least_of_each.min() - room * least_of_each.std())


def words_of(text: str) -> list[str]:
    """Its words in lower case."""
    return [word.lower() for word in WORD.findall(text)]


def pairs_of(words: Sequence[str]) -> list[str]:
    """Its neighbouring words."""
    return [f"{one} {other}" for one, other in itertools.pairwise(words)]


def _is_content(word: str) -> bool:
    return len(word) >= SHORTEST_TOPICAL and word not in FUNCTION_WORDS

"""How texts become numbers for the trained judge: hand features, rare words, and TF-IDF of words and characters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from flows.judging.familiar import RARITY, Familiar, familiar_with, pairs_of, words_of
from flows.judging.features import NAMES, WORD, hand_features
from flows.judging.kernel_ridge import Array
from rubrics.text import normalise

Places = NDArray[np.int64]
ALL_NAMES = (*NAMES, *RARITY)
MOST_CHARACTERS = 200_000  # of a text; what comes after is not looked at
MOST_TERMS = 40_000
WITHIN_SDS = 5
DIRECTIONS = 32
MEANT_WORDS = 4_000
REPEATED = 0.8  # of a sentence's runs of three words
SHORTEST = 4  # words of a sentence that can be a repetition


@dataclass(frozen=True)
class Vocabulary:
    """One TF-IDF vocabulary: its terms, their weights, and how it cuts a text."""

    kind: str
    terms: tuple[str, ...]
    idf: Array

    def matrix(self, texts: Sequence[str]) -> csr_matrix:
        """Rows of unit length."""
        return self._vectorizer.transform(texts)

    @cached_property
    def _vectorizer(self) -> TfidfVectorizer:
        made = _vectorizer(self.kind, {term: place for place, term in enumerate(self.terms)})
        made.idf_ = self.idf
        return made


@dataclass(frozen=True)
class Meaning:
    """Latent directions of the most common words, so that texts on like things are near each other (LSA)."""

    components: Array  # a row a direction, over the first words of the vocabulary by how common they are
    columns: Places
    mean: Array
    scale: float

    def place(self, words: csr_matrix) -> Array:
        """Rows of the word matrix as points; their spread is one on the whole."""
        points: Array = (words[:, self.columns] @ self.components.T - self.mean) / self.scale
        return points


@dataclass(frozen=True)
class Space:
    """The same numbers for every criterion of a judge."""

    mean: Array
    sd: Array
    words: Vocabulary
    chars: Vocabulary
    meaning: Meaning
    familiar: Familiar

    def place(self, texts: Sequence[str]) -> "Placed":
        """New texts in this space."""
        hand = self.standard(raw_features(texts, self.familiar, own=False))
        words = self.words.matrix(texts)
        return Placed(hand, words, self.chars.matrix(texts), self.meaning.place(words))

    def standard(self, raw: Array) -> Array:
        """Features by their SDs, held within five of them."""
        standard: Array = (raw - self.mean) / self.sd
        return np.clip(standard, -WITHIN_SDS, WITHIN_SDS)


@dataclass(frozen=True)
class Placed:
    """Texts as numbers of a space, a row a text."""

    hand: Array
    words: csr_matrix
    chars: csr_matrix
    meaning: Array

    def rows(self, places: Places) -> "Placed":
        """Some of the texts."""
        return Placed(self.hand[places], self.words[places], self.chars[places], self.meaning[places])


def make_space(labelled: Sequence[str], unlabelled: Sequence[str]) -> tuple[Space, Placed, Array]:
    """A space, the labelled texts in it, and the features of all.

    Vocabularies are those of the labelled texts; counts, means and SDs are of every text of the prompt.
    """
    every = [*labelled, *unlabelled]
    familiar = familiar_with(every)
    raw = raw_features(every, familiar, own=True)
    words, in_words = _vocabulary("word", labelled)
    chars, in_chars = _vocabulary("char", labelled)
    meaning = _meaning(words, in_words)
    space = Space(raw.mean(axis=0), spread(raw), words, chars, meaning, familiar)
    hand = space.standard(raw)
    return space, Placed(hand[: len(labelled)], in_words, in_chars, meaning.place(in_words)), hand


def _meaning(vocabulary: Vocabulary, rows: csr_matrix) -> Meaning:
    """The directions in which the texts differ most in their common words."""
    columns = np.sort(np.argsort(vocabulary.idf, kind="stable")[:MEANT_WORDS])
    count = max(1, min(DIRECTIONS, rows.shape[0] - 1, len(columns) - 1))
    found = TruncatedSVD(count, random_state=0).fit(rows[:, columns])
    points = rows[:, columns] @ found.components_.T
    return Meaning(found.components_, columns, points.mean(axis=0), float(points.std(axis=0).mean()) or 1.0)


def raw_features(texts: Sequence[str], familiar: Familiar, *, own: bool) -> Array:
    """The numbers of ALL_NAMES, a row a text."""
    return np.array([[*hand_features(text), *familiar.rarity(text, own=own)] for text in texts])


def spread(raw: Array) -> Array:
    """The SD of each feature; 1 for one that never varies."""
    sd = raw.std(axis=0)
    return np.where(sd > 1e-9, sd, 1.0)


def prepared(texts: Sequence[str]) -> list[str]:
    """Texts in one form: plain letters and marks, nothing invisible, lines kept, no sentence said twice."""
    return [without_repeats(normalise(text[:MOST_CHARACTERS], lines=True).text) for text in texts]


def without_repeats(text: str) -> str:
    """The text without sentences that mostly repeat earlier ones: saying it twice is worth nothing."""
    seen: set[str] = set()
    kept = []
    for sentence in _sentences(text):
        words = words_of(sentence)
        runs = [f"{pair} {word}" for pair, word in zip(pairs_of(words), words[2:], strict=False)]
        if len(words) >= SHORTEST and sum(run in seen for run in runs) > REPEATED * len(runs):
            continue
        seen.update(runs)
        kept.append(sentence)
    return "".join(kept)


def _sentences(text: str) -> list[str]:
    """The text cut after its sentence marks and lines; joined again it is the same."""
    parts, start = [], 0
    for place, mark in enumerate(text):
        if mark in ".!?\n":
            parts.append(text[start : place + 1])
            start = place + 1
    return [*parts, text[start:]]


def has_words(text: str) -> bool:
    """Whether there is anything to look at."""
    return WORD.search(text) is not None


def _vectorizer(kind: str, vocabulary: Mapping[str, int] | None = None, min_df: int = 1) -> TfidfVectorizer:
    shared: dict[str, Any] = {"sublinear_tf": True, "vocabulary": vocabulary, "min_df": min_df, "lowercase": True}
    if kind == "word":
        return TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b", max_features=MOST_TERMS, **shared)
    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=MOST_TERMS, **shared)


def _vocabulary(kind: str, texts: Sequence[str]) -> tuple[Vocabulary, csr_matrix]:
    vectorizer = _vectorizer(kind, min_df=2 if len(texts) > 30 else 1)
    rows = vectorizer.fit_transform(texts)
    return Vocabulary(kind, tuple(vectorizer.get_feature_names_out()), np.asarray(vectorizer.idf_)), rows

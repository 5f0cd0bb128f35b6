"""Forty-odd things that can be counted in a text of any topic: length, words, sentences, connectives, punctuation.

None of them knows the topic, and none carries a coefficient; what they are worth is fitted on a course's own sheets.
"""

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SENTENCE = re.compile(r"[.!?]+(?=\s|$)")
_PARAGRAPH = re.compile(r"\n\s*\n|\n")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


CONNECTIVES = _listed(
    """
    however therefore moreover furthermore although though because since while whereas thus hence
    consequently nevertheless instead finally first second third also besides unless until if when then so
    but yet
    """
)
FUNCTION_WORDS = _listed(
    """
    the a an and or but of to in on at by for with from as is are was were be been being it this that these
    those he she they we you i his her their our your my its not no do does did have has had will would can
    could should may might must there which who whom what when where how than then so if
    """
)
FIRST_PERSON = _listed("i me my mine we us our ours")
SECOND_PERSON = _listed("you your yours")
MODALS = _listed("can could may might must shall should will would")
HEDGES = _listed("maybe perhaps probably possibly somewhat quite rather seems seem think guess kind sort")

NAMES = (
    *("characters", "words", "log_words", "root_words", "fourth_root_words", "sentences", "paragraphs"),
    *("types", "root_type_ratio", "type_ratio", "hapax_share", "top_word_share", "distinct_bigrams"),
    *("word_length", "word_length_sd", "long_words", "very_long_words", "short_words"),
    *("sentence_length", "sentence_length_sd", "longest_sentence", "shortest_sentence"),
    *("commas", "semicolons", "quotes", "questions", "exclamations", "digits", "apostrophes", "dashes", "brackets"),
    *("capitals", "shouting", "connectives", "connective_types", "function_words"),
    *("first_person", "second_person", "modals", "hedges", "past", "progressive", "adverbs", "nominal"),
    *("compressed", "words_a_paragraph", "sentence_starts"),
)


def hand_features(text: str) -> NDArray[np.float64]:
    """The numbers of NAMES, in their order; zeros for a text without words."""
    words = [word.lower() for word in WORD.findall(text)]
    if not words:
        return np.zeros(len(NAMES))
    sentences = [part for part in _SENTENCE.split(text) if WORD.search(part)] or [text]
    values = (
        *_size(text, words, sentences),
        *_variety(words),
        *_word_shapes(words),
        *_sentence_shapes(sentences),
        *_marks(text, len(words)),
        *_kinds(words),
        *_build(text, words, sentences),
    )
    return np.asarray(values, dtype=np.float64)


def _size(text: str, words: Sequence[str], sentences: Sequence[str]) -> tuple[float, ...]:
    count, paragraphs = len(words), _paragraphs(text)
    return len(text), count, math.log(count), math.sqrt(count), count**0.25, len(sentences), paragraphs


def _paragraphs(text: str) -> int:
    return max(1, sum(bool(part.strip()) for part in _PARAGRAPH.split(text)))


def _variety(words: Sequence[str]) -> tuple[float, ...]:
    counts = Counter(words)
    pairs = list(itertools.pairwise(words))
    return (
        len(counts),
        len(counts) / math.sqrt(len(words)),
        len(counts) / len(words),
        sum(count == 1 for count in counts.values()) / len(words),
        max(counts.values()) / len(words),
        len(set(pairs)) / max(1, len(pairs)),
    )


def _word_shapes(words: Sequence[str]) -> tuple[float, ...]:
    lengths = np.array([len(word) for word in words])
    return (
        float(lengths.mean()),
        float(lengths.std()),
        float((lengths >= 7).mean()),
        float((lengths >= 10).sum()),
        float((lengths <= 3).mean()),
    )


def _sentence_shapes(sentences: Sequence[str]) -> tuple[float, ...]:
    lengths = np.array([len(WORD.findall(sentence)) for sentence in sentences])
    return float(lengths.mean()), float(lengths.std()), float(lengths.max()), float(lengths.min())


def _marks(text: str, words: int) -> tuple[float, ...]:
    per_word = [sum(text.count(mark) for mark in marks) / words for marks in (",", ";:", '"“”«»')]
    plain = [text.count("?"), text.count("!")]
    digits = sum(map(str.isdigit, text)) / words
    rest = [sum(text.count(mark) for mark in marks) / words for marks in ("'’", "-–—", "()[]")]
    capitals = sum(map(str.isupper, text)) / words
    shouting = sum(word.isupper() and len(word) > 2 for word in WORD.findall(text)) / words
    return *per_word, *plain, digits, *rest, capitals, shouting


def _kinds(words: Sequence[str]) -> tuple[float, ...]:
    count, times = len(words), Counter(words)

    def share(of: frozenset[str]) -> float:
        return sum(times[word] for word in of) / count

    def ending(*ends: str) -> float:
        return sum(often for word, often in times.items() if len(word) > 4 and word.endswith(ends)) / count

    return (
        share(CONNECTIVES),
        sum(word in times for word in CONNECTIVES),
        share(FUNCTION_WORDS),
        share(FIRST_PERSON),
        share(SECOND_PERSON),
        share(MODALS),
        share(HEDGES),
        ending("ed"),
        ending("ing"),
        ending("ly"),
        ending("tion", "ment", "ness", "ity", "ance", "ence"),
    )


def _build(text: str, words: Sequence[str], sentences: Sequence[str]) -> tuple[float, ...]:
    body = text.encode("utf-8", "replace")
    starts = {found.group().lower() for sentence in sentences if (found := WORD.search(sentence))}
    return len(zlib.compress(body)) / max(1, len(body)), len(words) / _paragraphs(text), len(starts) / len(sentences)

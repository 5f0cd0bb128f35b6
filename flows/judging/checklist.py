"""The offline judge: a checklist of authored look-fors, read in the text by code.

It knows nothing that the rubric's author has not written down. Where the author wrote nothing, or for another
language, it gives no level.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from flows.judging.drawing_sheet import GRAPHS
from flows.judging.drawn import shown
from flows.judging.judge import COMMENT_WORDS, Answer, Evidence, JudgeRequest, read_ratings
from rubrics.checks import Facts, covered
from rubrics.drawing import Drawing, drawn_words
from rubrics.judgement import Rating
from rubrics.languages import is_in_language
from rubrics.lexicon import Lexicon
from rubrics.look_for_match import Reading, Span, read_criterion
from rubrics.look_for_page import Page
from rubrics.look_fors import LookFors, filled_in
from rubrics.model import Rubric
from rubrics.passages import Passage
from rubrics.text import words as counted_words

NO_LOOK_FORS = "no offline judge for this rubric"
LANGUAGE = "language"

_VERSION = "3"
_RUN = 3  # words in a row; a sentence most of whose words stand in such runs of the sources is not the writer's own
_TITLES = {"en": ("Found", "Held down", "Not found"), "de": ("Gefunden", "Gebremst", "Nicht gefunden")}
_COPIED = 0.5
_COPIED_IF_FLAGGED = 0.25  # where much of the text is copied, what is half copied is so, too

Body = dict[str, Any]


class ChecklistJudge:
    """Fills in one criterion at a time from the rubric's look-fors; costs nothing and needs no network."""

    name = "checklist"
    version = _VERSION
    model = "look-fors"
    parameters: Mapping[str, Any] = {}
    prompt_hash = hashlib.sha256(_VERSION.encode()).hexdigest()  # its words are the rubric's, hashed with it
    evidence: Evidence = "quotes"
    fills: Literal["criterion", "sheet"] = "criterion"
    provisional = True
    paid = False
    label = (
        "A checklist that looks offline for phrases the rubric's author wrote down: "
        "it cannot follow an argument, its levels are provisional, and a person decides."
    )

    def ask(self, request: JudgeRequest) -> Answer:
        """Look for what the rubric's author listed; never raises."""
        rate = _rate_drawing if request.rubric.kind == "drawing" else _rate_text
        return Answer(body={"ratings": rate(request)}, model=self.model)

    def read(self, request: JudgeRequest, answer: Answer) -> tuple[Rating, ...]:
        """The ratings of an answer, each quote found again in the text."""
        ratings = read_ratings(request, answer)
        drawn = shown(request.text) if request.rubric.kind == "drawing" else None
        return ratings if drawn is None else drawn.told(ratings)


@dataclass(frozen=True)
class _Words:
    """A rubric's phrases in one language, told apart by the rubric's hash."""

    content_hash: str
    lang: str
    rubric: Rubric = field(compare=False)


def _words(rubric: Rubric, lang: str) -> _Words:
    return _Words(rubric.content_hash, lang, rubric)


@lru_cache(maxsize=64)
def _lexicon(words: _Words) -> Lexicon:
    blocks = [block for criterion in words.rubric.criteria for block in criterion.look_fors]
    shared = [one for one in words.rubric.look_for_words if one.lang == words.lang]
    groups: dict[str, tuple[str, ...]] = {}
    for one in (*shared, *(block for block in blocks if block.lang == words.lang)):
        groups |= one.words
    return Lexicon(
        words.lang,
        groups,
        story=[name for one in shared for name in one.story],
        generic=[name for one in shared for name in one.generic],
        asides=[name for one in shared for name in one.asides],
    )


@lru_cache(maxsize=256)
def _block(words: _Words, criterion: str) -> LookFors:
    """A criterion's look-fors in one language, whole."""
    blocks = words.rubric.criterion(criterion).look_fors
    own = next(block for block in blocks if block.lang == words.lang)
    return filled_in(own, blocks, words.rubric.look_for_words)


@lru_cache(maxsize=8)
def _page(words: _Words, text: str, flags: tuple[str, ...], addressed: tuple[Span, ...]) -> Page | None:
    """The text ready to be searched, or None where it is in another language; its criteria share it."""
    lexicon = _lexicon(words)
    passage = Passage(text, lexicon.meant, lexicon.grammar)
    if not is_in_language(passage.forms, words.lang, lexicon.stems):
        return None
    sources = (*words.rubric.sources, *_descriptors(words.rubric))
    most = _COPIED_IF_FLAGGED if "copied_brief" in flags else _COPIED
    ignored = frozenset(
        number
        for number, one in enumerate(passage.sentences)
        if any(one.start < end and start < one.end for start, end in addressed)
        or _is_copied(text[one.start : one.end], sources, most)
    )
    return Page(passage, lexicon, ignored, flags)


def _descriptors(rubric: Rubric) -> tuple[str, ...]:
    """The rubric's own words for its levels: who says them back has shown nothing."""
    return tuple(level.descriptor for criterion in rubric.judged for level in criterion.levels)


def _is_copied(sentence: str, sources: tuple[str, ...], most: float) -> bool:
    """Whether most of a sentence stands in the sources, if perhaps a word here and there is another."""
    said = counted_words(sentence)
    return len(said) > _RUN + 1 and covered(said, sources, _RUN) > most


def _rate_text(request: JudgeRequest) -> list[Body]:
    facts = Facts.model_validate(request.facts)
    return [_rate_criterion(request, facts, criterion) for criterion in request.criteria]


def _rate_criterion(request: JudgeRequest, facts: Facts, criterion: str) -> Body:
    blocks = [block for block in request.rubric.criterion(criterion).look_fors if block.graph is None]
    if not blocks:
        return _unscored(criterion, NO_LOOK_FORS, "Nobody has written look-fors for this criterion.")
    for block in blocks:
        words = _words(request.rubric, block.lang)
        page = _page(words, request.text, facts.flags, facts.addresses_judge)
        if page is not None:
            whole = _block(words, criterion)
            return _rated(criterion, whole, read_criterion(page, whole), request.text)
    return _foreign(criterion, blocks, "the text seems")


def _foreign(criterion: str, blocks: Sequence[LookFors], what: str) -> Body:
    languages = ", ".join(block.lang for block in blocks)
    return _unscored(
        criterion, LANGUAGE, f"The look-fors are written for {languages}; {what} to be in another language."
    )


def _rated(criterion: str, block: LookFors, reading: Reading, text: str) -> Body:
    spans = reading.spans if reading.level or reading.capped else ()
    if reading.level and not spans:
        return _unscored(criterion, "quote", "No words of the text could be quoted for this level.")
    return {
        "criterion": criterion,
        "level": reading.level,
        "quotes": [{"text": text[start:end], "start": start, "end": end} for start, end in spans],
        "looked_for": "" if reading.level else block.looked_for,
        "comment": comment(reading, block.lang),
    }


def comment(reading: Reading, lang: str) -> str:
    """What was found, what held it down and what is missing, in the author's words; at most 60 words."""
    found, held, missing = _TITLES.get(lang.split("-")[0], _TITLES["en"])
    parts = [
        (found, () if reading.capped and not reading.level else reading.found),
        (held, reading.capped),
        (missing, reading.missing),
    ]
    told: list[str] = []
    for title, notes in parts:
        kept = list(dict.fromkeys(notes))
        while kept and len(" ".join([*told, f"{title}: {'; '.join(kept)}."]).split()) > COMMENT_WORDS:
            kept.pop()
        if kept:
            told.append(f"{title}: {'; '.join(kept)}.")
    return " ".join(told)


def _unscored(criterion: str, reason: str, note: str) -> Body:
    return {"criterion": criterion, "level": None, "reason": reason, "comment": note}


def _rate_drawing(request: JudgeRequest) -> list[Body]:
    drawn = shown(request.text)
    if drawn is None:
        return [_unscored(criterion, "not_text", "The drawing cannot be read.") for criterion in request.criteria]
    return [_rate_graph(request.rubric, criterion, drawn.drawing) for criterion in request.criteria]


def _rate_graph(rubric: Rubric, criterion: str, drawing: Drawing) -> Body:
    blocks = [block for block in rubric.criterion(criterion).look_fors if block.graph is not None]
    said = Passage(drawn_words(drawing)).forms
    for block in blocks:
        lexicon = _lexicon(_words(rubric, block.lang))
        if block.graph and (block.graph == "economy" or is_in_language(said, block.lang, lexicon.stems)):
            seen = GRAPHS[block.graph](drawing, lexicon)
            return {
                "criterion": criterion,
                "level": seen.level,
                "checks": list(seen.checks),
                "looked_for": "" if seen.level else block.looked_for,
                "comment": seen.note,
            }
    if blocks:
        return _foreign(criterion, blocks, "the labels seem")
    return _unscored(criterion, NO_LOOK_FORS, "Nobody has written look-fors for this criterion.")

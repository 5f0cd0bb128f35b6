"""What differs between two versions of a rubric, in words for the people who teach with it."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rubrics.model import Criterion, Rubric


class Change(NamedTuple):
    """One difference; `before` or `after` is "" where something is new or gone."""

    where: str
    what: str
    before: str
    after: str


def changes(old: Rubric, new: Rubric) -> tuple[Change, ...]:
    """Every difference that a person who reads the two sheets would see, in the order of the new one."""
    return tuple(_changes(old, new))


def _changes(old: Rubric, new: Rubric) -> Iterator[Change]:
    yield from _differing("the sheet", (("title", old.title, new.title), *_limits(old, new)))
    before = {criterion.id: criterion for criterion in old.criteria}
    for criterion in new.criteria:
        known = before.pop(criterion.id, None)
        if known is None:
            yield Change(criterion.title, "new criterion", "", f"weight {criterion.weight:g}")
        else:
            yield from _criterion_changes(known, criterion)
    for gone in before.values():
        yield Change(gone.title, "criterion taken out", f"weight {gone.weight:g}", "")
    kept = [[one.id for one in rubric.criteria if one.id in _both(old, new)] for rubric in (old, new)]
    if kept[0] != kept[1]:
        yield Change("the sheet", "order", ", ".join(kept[0]), ", ".join(kept[1]))


def _both(old: Rubric, new: Rubric) -> set[str]:
    return {one.id for one in old.criteria} & {one.id for one in new.criteria}


def _limits(old: Rubric, new: Rubric) -> Iterator[tuple[str, str, str]]:
    yield "words asked for", _range(old), _range(new)
    yield "characters at most", _number(old.max_characters), _number(new.max_characters)
    yield "sentences", _number(old.sentences), _number(new.sentences)
    yield "points by the drawing's checks", f"{old.graph_points:g}", f"{new.graph_points:g}"
    yield "hedge words", ", ".join(old.hedges), ", ".join(new.hedges)
    yield "language", old.language, new.language
    yield "texts a student may have copied", _count(old.sources), _count(new.sources)
    yield "topic words", ", ".join(old.topic), ", ".join(new.topic)
    yield "phrases of the look-fors", _count(old.look_for_words), _count(new.look_for_words)


def _criterion_changes(old: Criterion, new: Criterion) -> Iterator[Change]:
    parts = [
        ("title", old.title, new.title),
        ("weight", f"{old.weight:g}", f"{new.weight:g}"),
        ("question", old.question, new.question),
        ("rated by", old.rated_by, new.rated_by),
        ("highest level outside the word range", _number(old.out_of_range_cap), _number(new.out_of_range_cap)),
    ]
    words = [{level.level: level.descriptor for level in criterion.levels} for criterion in (old, new)]
    for level in sorted({*words[0], *words[1]}, reverse=True):
        parts.append((f"level {level}", words[0].get(level, ""), words[1].get(level, "")))
    yield from _differing(new.title, parts)
    if old.look_fors != new.look_fors:
        languages = [", ".join(block.lang for block in criterion.look_fors) or "none" for criterion in (old, new)]
        yield Change(new.title, "look-fors", languages[0], languages[1])


def _differing(where: str, parts: Iterable[tuple[str, str, str]]) -> Iterator[Change]:
    for what, before, after in parts:
        if before != after:
            yield Change(where, what, before, after)


def _range(rubric: Rubric) -> str:
    words = rubric.words
    return f"{words.low} to {words.high}, sent from {words.send_low} to {words.send_high}" if words else ""


def _number(value: int | None) -> str:
    return "" if value is None else str(value)


def _count(values: tuple[object, ...]) -> str:
    return f"{len(values)}" if values else ""

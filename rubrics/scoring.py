"""Levels to points: the only place where points are numbers.

Sums are exact (fractions of the numbers as written); one rounding at the end, to 2 decimals, half to even.
A missing level gives no points at all, which is not zero points.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from typing import NamedTuple

from rubrics.model import FULL_WEIGHT, Criterion, Rubric

Number = float | int


class LessonScore(NamedTuple):
    """A lesson's score out of `maximum`; `parts` are the points each weighted item adds to `given`."""

    given: float
    maximum: float
    parts: dict[str, float]


def criterion_points(criterion: Criterion, level: int) -> float:
    """Weight x level / top level; ValueError for a level the criterion does not have."""
    return _rounded(_criterion_share(criterion, level))


def item_points(rubric: Rubric, levels: Mapping[str, int | None], graph_points: Number | None = None) -> float | None:
    """Points of one item, 0-100, or None while a level (or a drawing's graph points) is missing."""
    unknown = set(levels) - {criterion.id for criterion in rubric.criteria}
    if unknown:
        raise ValueError(f"{rubric.id} has no criterion {', '.join(sorted(unknown))}")
    total = _graph_share(rubric, graph_points)
    for criterion in rubric.criteria:
        level = levels.get(criterion.id)
        if level is None or total is None:
            return None
        total += _criterion_share(criterion, level)
    return None if total is None else _rounded(total)


def sum_to_full(weights: Iterable[Number]) -> bool:
    """Whether weights make exactly 100, each taken as it is written: with less or more there is no lesson score."""
    return sum(_exact(weight) for weight in weights) == FULL_WEIGHT


def lesson_points(weights: Mapping[str, Number], items: Mapping[str, Number | None]) -> LessonScore | None:
    """The lesson's score from its items' points (0-100 each), or None while a weighted item is missing.

    `weights` are percentages that sum to 100; an item of weight 0 is practice and never waited for.
    """
    shares = {item: _exact(weight, 0, FULL_WEIGHT) for item, weight in weights.items()}
    if sum(shares.values()) != FULL_WEIGHT:
        raise ValueError(f"weights sum to {display(float(sum(shares.values())))}, not {FULL_WEIGHT}")
    parts: dict[str, Fraction] = {}
    for item, share in shares.items():
        points = items.get(item)
        if share and points is None:
            return None
        if share and points is not None:
            parts[item] = share * _exact(points, 0, FULL_WEIGHT) / FULL_WEIGHT
    given = _rounded(sum(parts.values(), Fraction(0)))
    return LessonScore(given, float(FULL_WEIGHT), {item: _rounded(part) for item, part in parts.items()})


def display(points: Number) -> str:
    """Points as people read them: at most 2 decimals, no trailing zeros ("74", "11.25")."""
    text = f"{_rounded(_exact(points)):.2f}"
    return text.rstrip("0").rstrip(".").replace("-0", "0") if text == "-0.00" else text.rstrip("0").rstrip(".")


def _criterion_share(criterion: Criterion, level: int) -> Fraction:
    if isinstance(level, bool) or not isinstance(level, int) or not 0 <= level <= criterion.top:
        raise ValueError(f"{criterion.id} has the levels 0 to {criterion.top}")
    return _exact(criterion.weight) * level / criterion.top


def _graph_share(rubric: Rubric, graph_points: Number | None) -> Fraction | None:
    if not rubric.graph_points:
        if graph_points is not None:
            raise ValueError(f"{rubric.id} has no graph points")
        return Fraction(0)
    return None if graph_points is None else _exact(graph_points, 0, rubric.graph_points)


def _exact(number: Number, low: Number | None = None, high: Number | None = None) -> Fraction:
    """A number as it is written: 0.1 is one tenth, not its nearest binary fraction."""
    if isinstance(number, bool) or not isinstance(number, int | float) or not isfinite(number):
        raise ValueError("points and weights are finite numbers")
    if (low is not None and number < low) or (high is not None and number > high):
        raise ValueError(f"expected a number from {low:g} to {high:g}")
    return Fraction(Decimal(str(number)))


def _rounded(points: Fraction) -> float:
    return float(round(points, 2))

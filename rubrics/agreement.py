"""How far two raters agree on levels, for the few pairs of one course; `eval` does the same for researchers' tables.

Small numbers are not dressed up: below 10 pairs there is no figure, below 30 only counts and the mean difference.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

FEW, ENOUGH = 10, 30
REPLICATES = 1000
Z = 1.959963984540054

Table = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval; the ends are None where none can be given."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Agreement:
    """Two raters on one criterion: `table[i][j]` counts pairs where the first gave level i and the second j.

    Shares are between 0 and 1, `qwk` is at most 1, `difference` is the second minus the first in levels. What the
    number of pairs does not carry is None.
    """

    n: int
    table: Table
    exact: Interval | None
    adjacent: Interval | None
    qwk: Interval | None
    difference: Interval | None


def agreement(pairs: Sequence[tuple[int, int]], top: int) -> Agreement:
    """The agreement of pairs of levels 0 to `top`; levels off the scale raise ValueError."""
    if any(not 0 <= level <= top for pair in pairs for level in pair):
        raise ValueError(f"levels go from 0 to {top}")
    counted = Counter(pairs)
    table = tuple(tuple(counted[i, j] for j in range(top + 1)) for i in range(top + 1))
    return _agreement(table)


@lru_cache(maxsize=512)
def _agreement(table: Table) -> Agreement:
    cells = [(i, j, count) for i, row in enumerate(table) for j, count in enumerate(row) if count]
    n = sum(count for _, _, count in cells)
    if n < FEW:
        return Agreement(n, table, None, None, None, None)
    difference = _mean_difference(cells, n)
    if n < ENOUGH:
        return Agreement(n, table, None, None, None, difference)
    exact = sum(count for i, j, count in cells if i == j) / n
    adjacent = sum(count for i, j, count in cells if abs(i - j) <= 1) / n
    return Agreement(n, table, _wilson(exact, n), _wilson(adjacent, n), _qwk(cells, n), difference)


def _wilson(share: float, n: int) -> Interval:
    """Score interval of a share (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    centre = share + Z * Z / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return Interval(share, max(0.0, (centre - spread) / (1 + Z * Z / n)), min(1.0, (centre + spread) / (1 + Z * Z / n)))


def _mean_difference(cells: Sequence[tuple[int, int, int]], n: int) -> Interval:
    """Second minus first, with the interval of a mean by Student's t."""
    mean = sum((j - i) * count for i, j, count in cells) / n
    squares = sum((j - i - mean) ** 2 * count for i, j, count in cells)
    half = _student(n - 1) * math.sqrt(squares / (n - 1) / n)
    return Interval(mean, mean - half, mean + half)


def _student(freedom: int) -> float:
    """The 97.5 % point of Student's t, by Cornish and Fisher's expansion: right to 0.002 from 9 degrees on.

    Abramowitz and Stegun, 26.7.5.
    """
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
    )
    return Z + math.fsum(term / freedom**power for power, term in enumerate(terms, start=1))


def _qwk(cells: Sequence[tuple[int, int, int]], n: int) -> Interval | None:
    """Quadratic weighted kappa with the middle 95 % of its resamples; None where both gave one and the same level."""
    value = quadratic_kappa(cells)
    if value is None:
        return None
    draw = random.Random(n * 1_000_003 + sum(i * 31 + j * 7 + count for i, j, count in cells))
    places, weights = [(i, j) for i, j, _ in cells], [count for _, _, count in cells]
    found = []
    for _ in range(REPLICATES):
        drawn = Counter(draw.choices(places, weights, k=n))
        again = quadratic_kappa([(i, j, count) for (i, j), count in drawn.items()])
        if again is not None:
            found.append(again)
    if len(found) < 0.95 * REPLICATES:
        return Interval(value, None, None)
    found.sort()
    return Interval(value, _quantile(found, 0.025), _quantile(found, 0.975))


def quadratic_kappa(cells: Sequence[tuple[int, int, int]]) -> float | None:
    """Cohen's kappa with weights (i - j)² (Cohen 1968, doi:10.1037/h0026256), from cells (first, second, count).

    Twice the covariance over the sum of the variances and the squared difference of the means, all divided by n.
    """
    n = sum(count for _, _, count in cells)
    first = sum(i * count for i, _, count in cells) / n
    second = sum(j * count for _, j, count in cells) / n
    covariance = sum((i - first) * (j - second) * count for i, j, count in cells) / n
    spread = sum(((i - first) ** 2 + (j - second) ** 2) * count for i, j, count in cells) / n
    below = spread + (first - second) ** 2
    return 2 * covariance / below if below else None


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between neighbours, as numpy's default."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

"""Agreement of two raters on an ordered scale: exact, adjacent, the kappas, AC2 and ordinal alpha.

Plain functions of two lists of scores for callers; each rests on a function of `Pairs`, which answers for the table
and for all its resamples at once. Undefined is NaN here and becomes null with a reason in the JSON.
"""

import numpy as np
from numpy.typing import ArrayLike

from eval.pairs import Floats, Pairs, floats, ratio

TOLERANCE = 1e-9


def exact_agreement(human: ArrayLike, system: ArrayLike) -> float:
    """Share of pairs that are equal; NaN without pairs."""
    return float(exact(Pairs.of(human, system))[0])


def adjacent_agreement(human: ArrayLike, system: ArrayLike, step: float = 1.0) -> float:
    """Share of pairs that differ by at most one step; NaN without pairs."""
    return float(adjacent(Pairs.of(human, system), step)[0])


def cohen_kappa(human: ArrayLike, system: ArrayLike) -> float:
    """Unweighted kappa (Cohen 1960, doi:10.1177/001316446002000104); NaN if both give one and the same score."""
    return float(kappa(Pairs.of(human, system))[0])


def linear_weighted_kappa(human: ArrayLike, system: ArrayLike, minimum: float, maximum: float) -> float:
    """Kappa with weights |i - j| (Cohen 1968); scores must lie on the scale, else ValueError."""
    return float(linear_kappa(_on_scale(human, system, minimum, maximum))[0])


def quadratic_weighted_kappa(human: ArrayLike, system: ArrayLike, minimum: float, maximum: float) -> float:
    """Kappa with weights (i - j)², for whole and for unrounded scores (Haberman 2019, doi:10.1002/ets2.12258).

    Twice the covariance over the sum of the variances and the squared difference of the means, all divided by n. It is
    0 where one rater is constant, NaN where both give one and the same score. The scale's ends don't change the value;
    a score outside them raises ValueError.
    """
    return float(quadratic_kappa(_on_scale(human, system, minimum, maximum))[0])


def gwet_ac2(human: ArrayLike, system: ArrayLike, levels: ArrayLike, weights: str = "quadratic") -> float:
    """Gwet's AC2 (doi:10.1348/000711006X126600) with quadratic or ordinal weights over the scale's levels."""
    return float(ac2(Pairs.of(human, system), floats(levels), weights)[0])


def ordinal_alpha(human: ArrayLike, system: ArrayLike) -> float:
    """Krippendorff's alpha with the ordinal difference, for two raters without blanks; NaN if all scores are equal."""
    return float(alpha(Pairs.of(human, system))[0])


def _on_scale(human: ArrayLike, system: ArrayLike, minimum: float, maximum: float) -> Pairs:
    pairs = Pairs.of(human, system)
    for name, scores in (("human", pairs.human), ("system", pairs.system)):
        outside = scores[~((scores >= minimum) & (scores <= maximum))]
        if len(outside):
            raise ValueError(f"the {name} score {outside[0]:g} lies outside the scale {minimum:g} to {maximum:g}")
    return pairs


# ---- the same on pairs, for every replicate --------------------------------------------------------------------


def exact(pairs: Pairs) -> Floats:
    """Share of equal pairs in each replicate."""
    return pairs.share(np.abs(pairs.system - pairs.human) <= TOLERANCE)


def adjacent(pairs: Pairs, step: float = 1.0) -> Floats:
    """Share of pairs at most one step apart."""
    return pairs.share(np.abs(pairs.system - pairs.human) <= step + TOLERANCE)


def kappa(pairs: Pairs) -> Floats:
    """Unweighted kappa."""
    first, second, _ = marginals(pairs)
    by_chance = (first * second).sum(axis=1)
    return ratio(exact(pairs) - by_chance, _unless_nothing(1 - by_chance))


def linear_kappa(pairs: Pairs) -> Floats:
    """Kappa with weights |i - j|; the expected difference comes from the two distribution functions."""
    first, second, values = marginals(pairs)
    below, also_below = first.cumsum(axis=1)[:, :-1], second.cumsum(axis=1)[:, :-1]
    apart = (below * (1 - also_below) + also_below * (1 - below)) @ np.diff(values)
    return 1 - ratio(pairs.absolute_error, _unless_nothing(apart))


def quadratic_kappa(pairs: Pairs) -> Floats:
    """Kappa with weights (i - j)², in the form that also holds for unrounded scores."""
    shift = (pairs.human_mean - pairs.system_mean) ** 2
    return ratio(2 * pairs.covariance, _unless_nothing(pairs.human_variance + pairs.system_variance + shift))


def ac2(pairs: Pairs, levels: Floats, weights: str = "quadratic") -> Floats:
    """Gwet's AC2: chance is the weights' sum over q(q - 1) times the sum of p(1 - p) over the q levels.

    Ordinal weights are 1 - d(d + 1) / (q(q - 1)) for a difference of d steps, quadratic ones 1 - d² / (q - 1)².
    """
    q = len(levels)
    if q < 2:
        return np.full(len(pairs.n), np.nan)
    step = (levels[-1] - levels[0]) / (q - 1)
    linear, square = pairs.absolute_error / step, pairs.squared_error / step**2
    agreed = 1 - (square + linear) / (q * (q - 1)) if weights == "ordinal" else 1 - square / (q - 1) ** 2
    first, second, _ = marginals(pairs)
    prevalence = (first + second) / 2
    by_chance = ac2_weights(q, weights).sum() / (q * (q - 1)) * (prevalence * (1 - prevalence)).sum(axis=1)
    return ratio(agreed - by_chance, 1 - by_chance)


def ac2_weights(q: int, kind: str) -> Floats:
    """What a difference of levels is worth in AC2, shape (q, q)."""
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q))).astype(np.float64)
    return 1 - apart * (apart + 1) / (q * (q - 1)) if kind == "ordinal" else 1 - apart**2 / (q - 1) ** 2


def alpha(pairs: Pairs) -> Floats:
    """Krippendorff's ordinal alpha: a difference is that of the mid-ranks in the pooled scores, squared.

    The ordinal distance of two levels, the scores between them with half of their own, is the difference of their
    mid-ranks (Krippendorff, Content Analysis, 4th ed., ch. 12).
    """
    first, second, values = marginals(pairs)
    pooled = (first + second) / 2
    middle = pooled.cumsum(axis=1) - pooled / 2
    human, system = np.searchsorted(values, pairs.human), np.searchsorted(values, pairs.system)
    cells, cell = np.unique(human * len(values) + system, return_inverse=True)
    apart = middle[:, cells // len(values)] - middle[:, cells % len(values)]
    observed = ratio((pairs.counts(cell, len(cells)) * apart**2).sum(axis=1), pairs.n)
    spread = (pooled * middle**2).sum(axis=1) - (pooled * middle).sum(axis=1) ** 2
    scores = 2 * pairs.n
    return 1 - ratio(observed, _unless_nothing(2 * spread * ratio(scores, scores - 1)))


def marginals(pairs: Pairs) -> tuple[Floats, Floats, Floats]:
    """Shares of each value among the human and the system scores, each (replicates, values), and the values."""
    values = np.unique(np.concatenate([pairs.human, pairs.system]))
    total = np.where(pairs.n > 0, pairs.n, np.nan)[:, None]
    shares = [
        pairs.counts(np.searchsorted(values, scores), len(values)) / total for scores in (pairs.human, pairs.system)
    ]
    return shares[0], shares[1], values


def _unless_nothing(denominator: Floats) -> Floats:
    """The denominator, exactly zero where it is only rounding error."""
    return np.where(np.abs(denominator) < 1e-12, 0.0, denominator)

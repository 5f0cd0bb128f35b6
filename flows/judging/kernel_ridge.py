"""Kernel ridge regression with closed-form leave-one-out, and intervals from its residuals.

Leave-one-out of a linear smoother: (y - f) / (1 - h), with h the diagonal of the smoothing matrix (Allen's PRESS).
Intervals: the ceil((n + 1)(1 - alpha))-th smallest absolute leave-one-out residual (the jackknife of Barber et al.
2021, "Predictive inference with the jackknife+"; without its plus, so coverage is approximate).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LAMBDAS = tuple(float(10**power) for power in np.arange(-3, 2.01, 0.25))
REPLICATES = 1000


@dataclass(frozen=True)
class Fit:
    """Dual weights of one target, its intercept, and what it predicts for each text when that one is left out."""

    alpha: Array
    intercept: float
    left_out: Array
    penalty: float


def fit(kernel: Array, target: Array, penalties: Sequence[float] = LAMBDAS) -> Fit:
    """Ridge in the space of a kernel (n x n, symmetric); the penalty with the least squared leave-one-out error."""
    count = len(target)
    centred = kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
    values, vectors = np.linalg.eigh(centred)
    values = np.clip(values, 0, None)
    mean = float(target.mean())
    turned = vectors.T @ (target - mean)
    grid = np.asarray(penalties)
    shrink = values[:, None] / (values[:, None] + grid)
    fitted = vectors @ (shrink * turned[:, None])
    leverage = vectors**2 @ shrink + 1 / count
    left_out = target[:, None] - (target[:, None] - mean - fitted) / np.clip(1 - leverage, 1e-6, None)
    best = int(np.argmin(np.mean((target[:, None] - left_out) ** 2, axis=0)))
    penalty = float(grid[best])
    alpha = vectors @ (turned / (values + penalty))
    alpha -= alpha.mean()  # so that the centring of the kernel is in the intercept alone
    intercept = mean - float(alpha @ kernel.mean(axis=1))
    return Fit(alpha, intercept, left_out[:, best].copy(), penalty)


def quadratic_kappa(one: Array, other: Array) -> float:
    """Quadratic weighted kappa of two rounded scores; 0 where neither varies.

    1 - sum (x - y)^2 / (sum over all pairs (x_i - y_j)^2 / n), which is Cohen's formula (1968) without a table.
    """
    seen = float(np.mean((one - other) ** 2))
    by_chance = float(one.var() + other.var() + (one.mean() - other.mean()) ** 2)
    return 1 - seen / by_chance if by_chance > 0 else 0.0


def rounded(values: Array, low: float, high: float, step: float = 1.0) -> Array:
    """Scores on the scale: steps of `step` from `low` to `high`."""
    places: Array = low + np.round((values - low) / step) * step
    return np.clip(places, low, high)


def kappa_interval(one: Array, other: Array, seed: int = 0) -> tuple[float, float]:
    """The 95% interval of quadratic_kappa: percentiles over texts drawn with replacement."""
    generator = np.random.default_rng(seed)
    places = generator.integers(0, len(one), (REPLICATES, len(one)))
    kappas = [quadratic_kappa(one[drawn], other[drawn]) for drawn in places]
    low, high = np.percentile(kappas, [2.5, 97.5])
    return float(low), float(high)


def half_width(residuals: Array, alpha: float) -> float:
    """Half the interval that holds a new score with probability about 1 - alpha."""
    ordered = np.sort(np.abs(residuals))
    place = min(len(ordered), math.ceil((len(ordered) + 1) * (1 - alpha))) - 1
    return float(ordered[place])

"""Kernel ridge regression with closed-form leave-one-out, the spread put right, and intervals from its residuals.

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
STRETCHES = tuple(float(value) for value in np.arange(0.8, 1.81, 0.02))


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
    best: tuple[float, float, Array] | None = None
    for penalty in penalties:
        shrink = values / (values + penalty)
        fitted = vectors @ (shrink * turned)
        leverage = np.einsum("ij,j,ij->i", vectors, shrink, vectors) + 1 / count
        left_out = target - (target - mean - fitted) / np.clip(1 - leverage, 1e-6, None)
        error = float(np.mean((target - left_out) ** 2))
        if best is None or error < best[0]:
            best = (error, penalty, left_out)
    assert best is not None
    _, penalty, left_out = best
    alpha = vectors @ (turned / (values + penalty))
    alpha -= alpha.mean()  # so that the centring of the kernel is in the intercept alone
    intercept = mean - float(alpha @ kernel.mean(axis=1))
    return Fit(alpha, intercept, left_out, penalty)


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


def best_stretch(left_out: Array, target: Array, low: float, high: float, step: float = 1.0) -> float:
    """The multiplier of the spread around the mean that agrees best after rounding; ridge predicts too narrowly."""
    mean = float(target.mean())
    kappas = [
        quadratic_kappa(rounded(mean + stretch * (left_out - mean), low, high, step), target) for stretch in STRETCHES
    ]
    top = max(kappas)
    near = [stretch for stretch, kappa in zip(STRETCHES, kappas, strict=True) if kappa >= top - 0.002]
    return near[len(near) // 2]


def half_width(residuals: Array, alpha: float) -> float:
    """Half the interval that holds a new score with probability about 1 - alpha."""
    ordered = np.sort(np.abs(residuals))
    place = min(len(ordered), math.ceil((len(ordered) + 1) * (1 - alpha))) - 1
    return float(ordered[place])

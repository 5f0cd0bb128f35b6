"""Sums over pairs of scores, weighted: one pass gives every figure of a table and of all its resamples.

A *unit* is what is drawn in a resample: a row, a cell of equal rows, or all rows of a cluster; `weights` says how often
each counts in each replicate. The observed table is the replicate whose weights are the counts. Moments are taken
around the observed means, so that scores far from zero lose no digits.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


def floats(values: ArrayLike) -> Floats:
    """The values as a flat array of floats."""
    return np.asarray(values, dtype=np.float64).ravel()


@dataclass(frozen=True)
class Pairs:
    """Scores `human` and `system`, each of shape (rows,), and `weights` of shape (replicates, units).

    `unit` tells each row's unit; without it every row is its own.
    """

    human: Floats
    system: Floats
    weights: Floats
    unit: Places | None = None

    @classmethod
    def of(cls, human: ArrayLike, system: ArrayLike) -> "Pairs":
        """Each pair counted once; ValueError if one list is longer than the other."""
        first, second = floats(human), floats(system)
        if len(first) != len(second):
            raise ValueError(f"{len(first)} human scores stand against {len(second)} system scores")
        return cls(first, second, np.ones((1, len(first))))

    @cached_property
    def n(self) -> Floats:
        """Pairs in each replicate."""
        return self._totals[:, 0]

    @cached_property
    def _centres(self) -> tuple[float, float]:
        if not len(self.human):
            return 0.0, 0.0
        return float(self.human.mean()), float(self.system.mean())

    @cached_property
    def _totals(self) -> Floats:
        """Shape (replicates, 8): sums of 1, h, s, h², s², hs, |s - h| and (s - h)², h and s from their centres."""
        h, s = self.human - self._centres[0], self.system - self._centres[1]
        error = self.system - self.human
        return self.sums(np.column_stack([np.ones_like(h), h, s, h * h, s * s, h * s, np.abs(error), error * error]))

    @cached_property
    def _sums(self) -> Floats:
        """Shape (replicates, 7): the means, from the sum of h on."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._totals[:, 1:] / self.n[:, None]

    @cached_property
    def human_mean(self) -> Floats:
        """Mean human score."""
        return self._sums[:, 0] + self._centres[0]

    @cached_property
    def system_mean(self) -> Floats:
        """Mean system score."""
        return self._sums[:, 1] + self._centres[1]

    @cached_property
    def human_variance(self) -> Floats:
        """Variance of the human scores, divided by n (ddof 0); rounding never leaves it below zero."""
        return _variance(self._sums[:, 2], self._sums[:, 0])

    @cached_property
    def system_variance(self) -> Floats:
        """Variance of the system scores, divided by n (ddof 0)."""
        return _variance(self._sums[:, 3], self._sums[:, 1])

    @cached_property
    def covariance(self) -> Floats:
        """Covariance, divided by n (ddof 0); exactly zero where it is only rounding error."""
        covariance = self._sums[:, 4] - self._sums[:, 0] * self._sums[:, 1]
        least = 1e-13 * np.sqrt(self.human_variance * self.system_variance)
        return np.where(np.abs(covariance) <= least, 0.0, covariance)

    @property
    def absolute_error(self) -> Floats:
        """Mean of |system - human|."""
        return self._sums[:, 5]

    @property
    def squared_error(self) -> Floats:
        """Mean of (system - human)²."""
        return self._sums[:, 6]

    def share(self, chosen: NDArray[np.bool_]) -> Floats:
        """The share of pairs among the chosen units."""
        return ratio(self.sums(chosen[:, None].astype(np.float64))[:, 0], self.n)

    def sums(self, features: Floats) -> Floats:
        """Weighted sums of features of shape (rows, k) in each replicate."""
        return sums_of(self.weights, features, self.unit)

    def counts(self, place: Places, size: int) -> Floats:
        """How often each place below `size` occurs in each replicate, shape (replicates, size)."""
        unit, units = (np.arange(len(place)) if self.unit is None else self.unit), self.weights.shape[1]
        table = np.bincount(unit * size + place, minlength=units * size).reshape(units, size)
        return np.asarray(self.weights @ table.astype(np.float64), dtype=np.float64)


def sums_of(weights: Floats, features: Floats, unit: Places | None = None) -> Floats:
    """Weighted sums of features, shape (rows, k), in each replicate; the rows of a unit are drawn together."""
    if unit is not None:
        units = weights.shape[1]
        features = np.column_stack([np.bincount(unit, weights=column, minlength=units) for column in features.T])
    return np.asarray(weights @ features, dtype=np.float64)


def places_of(labels: NDArray[np.object_]) -> tuple[list[str], Places]:
    """The distinct labels in order, and each row's place among them; far quicker than sorting the rows."""
    rows = [str(label) for label in labels.tolist()]
    values = sorted(set(rows))
    place = {value: at for at, value in enumerate(values)}
    return values, np.fromiter((place[row] for row in rows), dtype=np.int64, count=len(rows))


def _variance(square: Floats, mean: Floats) -> Floats:
    variance = square - mean * mean
    # What is left of a constant column is rounding error; below this it is a constant.
    return np.where(variance <= 1e-14 * np.maximum(square, 1e-300) + 1e-24, 0.0, variance)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Numerator over denominator; NaN where the denominator is zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator != 0, numerator / np.where(denominator != 0, denominator, 1.0), np.nan)

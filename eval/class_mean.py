"""The mean of a class from few human scores and many of the judge's: prediction-powered inference with tuned weight.

PPI++ (Angelopoulos, Duchi & Zrnic 2023, arXiv:2311.01453): the judge's mean over everybody, set right by how it errs
where people scored too. The judge alone is biased however narrow its interval; people alone are right and wide.

Moments are those of the authors' package (`ppi_mean_ci` of ppi_py): the spreads of both parts divided by n, the weight
from a covariance divided by n over a variance divided by n - 1, cut to [0, 1].
"""

from dataclasses import dataclass

import numpy as np

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.intervals import Z
from eval.pairs import Floats


@dataclass(frozen=True)
class ClassMean:
    """Three intervals for one mean, and how much of the judge the first one uses."""

    both: Figure
    people: Figure
    judge: Figure
    weight: float | None


def class_mean(human: Floats, judged: Floats, judged_only: Floats) -> ClassMean:
    """The mean human score of all: `human` and `judged` of the same labelled responses, `judged_only` of the others.

    The labelled are a random sample of all.
    """
    n, more = len(human), len(judged_only)
    if n < NO_INTERVAL_BELOW or more < NO_INTERVAL_BELOW:
        why = f"{rows_of(n)} with and {rows_of(more)} without a human score: below {NO_INTERVAL_BELOW}"
        nothing = Figure.missing(n, why)
        return ClassMean(nothing, nothing, nothing, None)
    everybody = np.concatenate([judged, judged_only])
    variance = float(everybody.var(ddof=1))
    shared = float(np.cov(human, judged, ddof=0)[0, 1])
    weight = float(np.clip(shared / ((1 + n / more) * variance), 0, 1)) if variance > 1e-12 else 0.0
    rest = human - weight * judged
    value = weight * float(judged_only.mean()) + float(rest.mean())
    spread = np.sqrt(weight**2 * judged_only.var() / more + rest.var() / n)
    return ClassMean(
        _figure(value, float(spread), n),
        _figure(float(human.mean()), float(human.std(ddof=1) / np.sqrt(n)), n),
        _figure(float(everybody.mean()), float(everybody.std(ddof=1) / np.sqrt(n + more)), n + more),
        weight,
    )


def _figure(value: float, spread: float, n: int) -> Figure:
    return Figure.of(value, value - Z * spread, value + Z * spread, n)

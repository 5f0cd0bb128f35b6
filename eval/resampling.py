"""Intervals for statistics that no sum gives: rows, or whole clusters of them, drawn again and again."""

from collections.abc import Callable, Mapping

import numpy as np

from eval.figure import Figure
from eval.intervals import percentiles
from eval.pairs import Places

Values = Mapping[str, float]


def resampled(
    statistics: Callable[[Places], Values],
    n: int,
    *,
    replicates: int,
    seed: int,
    cluster: Places | None = None,
    reason: str | None = None,
) -> dict[str, Figure]:
    """Every statistic of all rows with the middle 95 % of its resamples; it takes the rows' places."""
    observed = statistics(np.arange(n))
    random = np.random.default_rng(seed)
    members = None if cluster is None else [np.flatnonzero(cluster == one) for one in np.unique(cluster)]
    found: dict[str, list[float]] = {name: [] for name in observed}
    for _ in range(replicates):
        if members is None:
            drawn = random.integers(0, n, n)
        else:
            drawn = np.concatenate([members[at] for at in random.integers(0, len(members), len(members))])
        for name, value in statistics(drawn).items():
            found[name].append(value)
    figures = {}
    for name, value in observed.items():
        low, high = percentiles(np.array(found[name])) if replicates else (np.nan, np.nan)
        figures[name] = Figure.of(value, low, high, n, reason)
    return figures

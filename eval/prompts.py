"""Several prompts: the unweighted mean of their figures; a pooled figure mostly measures the prompts' scales."""

import math
from collections.abc import Mapping

import numpy as np

from eval.figure import Figure
from eval.intervals import Z

AVERAGED = ("exact", "adjacent", "kappa", "linear_kappa", "qwk", "qwk_raw", "pearson", "spearman")


def mean_of_prompts(prompts: Mapping[str, Mapping[str, Figure]]) -> dict[str, Figure]:
    """Mean of each figure over the prompts, and of QWK also by Fisher's z; `n` is the number of prompts."""
    found = {name: _mean([prompt.get(name) for prompt in prompts.values()], fisher=False) for name in AVERAGED}
    found["qwk_fisher_z"] = _mean([prompt.get("qwk") for prompt in prompts.values()], fisher=True)
    return found


def _mean(figures: list[Figure | None], fisher: bool) -> Figure:
    """The mean and its interval from the prompts' own: their rows are different, so their errors are independent."""
    known = [figure for figure in figures if figure is not None and figure.value is not None]
    if len(known) < len(figures):
        return Figure.missing(len(figures), f"{len(figures) - len(known)} of {len(figures)} prompts have no figure")
    values = np.array([figure.value for figure in known], dtype=np.float64)
    spreads = np.array([_spread(figure, fisher) for figure in known])
    if fisher:
        values = np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12))
    centre, width = float(values.mean()), Z * math.sqrt(float((spreads**2).sum())) / len(known)
    low, high = centre - width, centre + width
    if fisher:
        centre, low, high = math.tanh(centre), math.tanh(low), math.tanh(high)
    return Figure.of(centre, low, high, len(known))


def _spread(figure: Figure, fisher: bool) -> float:
    """Standard error that a figure's interval stands for."""
    if figure.low is None or figure.high is None:
        return math.nan
    if not fisher:
        return (figure.high - figure.low) / (2 * Z)
    low, high = np.arctanh(np.clip([figure.low, figure.high], -1 + 1e-12, 1 - 1e-12))
    return float(high - low) / (2 * Z)

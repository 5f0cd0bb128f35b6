"""Several prompts: the unweighted mean of their figures; a pooled figure mostly measures the prompts' scales."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from eval.figure import Figure
from eval.intervals import Z

AVERAGED = (
    *("exact", "adjacent", "kappa", "linear_kappa", "qwk", "qwk_raw", "pearson", "spearman"),
    *("smd", "prmse", "degradation"),
)


def mean_of_prompts(prompts: Mapping[str, Mapping[str, Figure]]) -> dict[str, Figure]:
    """Mean of each figure over the prompts, and of QWK also by Fisher's z; `n` counts the prompts that have one."""
    found = {name: _mean([prompt.get(name) for prompt in prompts.values()], fisher=False) for name in AVERAGED}
    found["qwk_fisher_z"] = _mean([prompt.get("qwk") for prompt in prompts.values()], fisher=True)
    return found


def _mean(figures: list[Figure | None], fisher: bool) -> Figure:
    """The mean and its interval from the prompts' own: their rows are different, so their errors are independent."""
    known = [figure for figure in figures if figure is not None and figure.value is not None]
    if not known:
        return Figure.missing(0, f"none of {len(figures)} prompts has a figure")
    without = len(figures) - len(known)
    left_out = f"{without} of {len(figures)} prompts left out: they have no figure" if without else None
    values = np.array([figure.value for figure in known], dtype=np.float64)
    spreads = np.array([_spread(figure, fisher) for figure in known])
    if fisher:
        values = np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12))
    centre, width = float(values.mean()), Z * math.sqrt(float((spreads**2).sum())) / len(known)
    low, high = centre - width, centre + width
    if fisher:
        centre, low, high = math.tanh(centre), math.tanh(low), math.tanh(high)
    return replace(Figure.of(centre, low, high, len(known), left_out), reason=left_out)


def _spread(figure: Figure, fisher: bool) -> float:
    """Standard error that a figure's interval stands for."""
    if figure.low is None or figure.high is None:
        return math.nan
    if not fisher:
        return (figure.high - figure.low) / (2 * Z)
    low, high = np.arctanh(np.clip([figure.low, figure.high], -1 + 1e-12, 1 - 1e-12))
    return float(high - low) / (2 * Z)

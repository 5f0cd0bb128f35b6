"""Several prompts: the unweighted mean of their figures; a pooled figure mostly measures the prompts' scales."""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy.special import stdtrit

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.intervals import CONFIDENCE, Z, percentiles, units_of
from eval.metrics import Scores, Settings
from eval.pairs import Floats, Places, ratio, sums_of

AVERAGED = (
    *("exact", "adjacent", "kappa", "linear_kappa", "qwk", "qwk_raw", "pearson", "spearman"),
    *("smd", "prmse", "degradation"),
)

LEAST_PROMPTS = 5
"""Fewer prompts say nothing of other ones: their t has so few degrees of freedom that the interval is the scale."""


def mean_of_prompts(prompts: Mapping[str, Mapping[str, Figure]], *, shared: bool = False) -> dict[str, Figure]:
    """Mean of each figure over the prompts, and of QWK also by Fisher's z; `n` counts the prompts that have one.

    The intervals are about these very prompts: other responses to the same questions. `qwk_other_prompts` is the same
    mean with an interval for questions like these, which counts that questions differ. `shared` says that students
    answered several of the prompts.
    """
    found = {name: _mean([one.get(name) for one in prompts.values()], False, shared) for name in AVERAGED}
    found["qwk_fisher_z"] = _mean([one.get("qwk") for one in prompts.values()], True, shared)
    found["qwk_other_prompts"] = _of_other_prompts([one.get("qwk") for one in prompts.values()])
    return found


def crosses_prompts(cluster: Places | None, stratum: Places | None) -> bool:
    """Whether a student (a cluster) has responses to more than one prompt."""
    if cluster is None or stratum is None or not len(cluster):
        return False
    pairs = np.unique(np.column_stack([cluster, stratum]), axis=0)
    return len(pairs) > len(np.unique(cluster))


def _of_other_prompts(figures: list[Figure | None]) -> Figure:
    """The mean as an estimate for the kind of prompts that these were drawn from: Student's t over their figures.

    The figures' spread holds both how prompts differ and how few responses each has, so nothing is added to it.
    """
    values = [float(one.value) for one in figures if one is not None and one.value is not None]
    n = len(values)
    if not n:
        return Figure.missing(0, f"none of {len(figures)} prompts has a figure")
    mean = float(np.mean(values))
    if n < LEAST_PROMPTS:
        return Figure(mean, None, None, n, f"no interval: {n} prompts say too little of others; {LEAST_PROMPTS} do")
    width = float(stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Figure.of(mean, mean - width, mean + width, n)


def _mean(figures: list[Figure | None], fisher: bool, shared: bool) -> Figure:
    """The mean and its interval from the prompts' own.

    Where every student answered one prompt the prompts' errors are independent. Where they are `shared` nobody knows
    how far they go together; taken as going together wholly, the interval is never too narrow.
    """
    known = [figure for figure in figures if figure is not None and figure.value is not None]
    if not known:
        return Figure.missing(0, f"none of {len(figures)} prompts has a figure")
    without = len(figures) - len(known)
    left_out = f"{without} of {len(figures)} prompts left out: they have no figure" if without else None
    values = np.array([figure.value for figure in known], dtype=np.float64)
    spreads = np.array([_spread(figure, fisher) for figure in known])
    # A prompt whose resamples were undefined too often counts with the widest spread of the others.
    spreads = np.where(np.isnan(spreads), np.nanmax(spreads), spreads) if np.isfinite(spreads).any() else spreads
    if fisher:
        values = np.arctanh(np.clip(values, -1 + 1e-12, 1 - 1e-12))
    together = float(spreads.sum()) if shared else math.sqrt(float((spreads**2).sum()))
    centre, width = float(values.mean()), Z * together / len(known)
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


WITHIN = ("qwk_within", "pearson_within")
MANY_PROMPTS = 20


def within_prompts(scores: Scores, settings: Settings, *, rounded: bool = True) -> dict[str, Figure]:
    """Agreement within prompts, for prompts too small to have figures of their own; `scores.stratum` is the prompt.

    Numerators and denominators of kappa and correlation are summed over the prompts before they are divided, so that
    no difference between prompts counts as agreement: kappa against pairs that are shuffled within their prompt. Drawn
    are whole prompts where there are twenty or more, since rows drawn within small prompts vary too little.
    """
    scores = scores.both()
    n = len(scores.human)
    if n < NO_INTERVAL_BELOW or scores.stratum is None:
        return {name: Figure.missing(n, f"{rows_of(n)}: below {NO_INTERVAL_BELOW}") for name in WITHIN}
    stratum = np.unique(scores.stratum, return_inverse=True)[1]
    scale = settings.scale
    human = scale.round(scores.human) if rounded else scores.human
    system = scale.round(scores.system) if rounded else scale.trim(scores.system)
    columns = [human, system, stratum.astype(np.float64)]
    if stratum.max() + 1 >= MANY_PROMPTS:
        units = units_of(columns, settings.seed, stratum)
    else:
        units = units_of(columns, settings.seed, scores.cluster, stratum)
    places = units.rows[:, 2].astype(np.int64)

    def of(weights: Floats) -> dict[str, Floats]:
        size = int(stratum.max()) + 1
        h, s = units.rows[:, 0], units.rows[:, 1]
        features = [np.ones_like(h), h, s, h * h, s * s, h * s]
        columns = [np.where(places == place, feature, 0.0) for feature in features for place in range(size)]
        sums = sums_of(weights, np.column_stack(columns), units.unit).reshape(len(weights), len(features), size)
        return _within(*(sums[:, at, :] for at in range(len(features))))

    replicates = units.resample(of, settings.replicates, settings.seed)
    found = {}
    for name, value in units.observed(of).items():
        low, high = percentiles(replicates[name]) if replicates else (math.nan, math.nan)
        found[name] = Figure.of(value, low, high, n, "a rater gives every response of a prompt the same score")
    return found


def _within(n: Floats, h: Floats, s: Floats, hh: Floats, ss: Floats, hs: Floats) -> dict[str, Floats]:
    """From each prompt's sums, shape (replicates, prompts)."""
    safe = np.maximum(n, 1e-300)
    shared = (hs - h * s / safe).sum(axis=1)
    human, system = (hh - h * h / safe).sum(axis=1), (ss - s * s / safe).sum(axis=1)
    shift = ((h - s) ** 2 / safe).sum(axis=1)
    small = 1e-9
    kappa = ratio(2 * shared, np.where(human + system + shift < small, 0.0, human + system + shift))
    spread = np.sqrt(np.maximum(human, 0) * np.maximum(system, 0))
    return {"qwk_within": kappa, "pearson_within": ratio(shared, np.where(spread < small, 0.0, spread))}

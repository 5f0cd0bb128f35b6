"""Two judges on the same responses: which is better, or is it not shown?

The difference of their kappas is resampled as a pair, which sees small differences that two intervals beside each other
hide. Verdicts need the whole interval: *better* beyond the margin or at least above none, *tied* within the margin.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import binomtest, wilcoxon

from eval import agreement, moments
from eval.criteria import NO_VERDICT_BELOW, holm
from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.intervals import percentiles, units_of
from eval.metrics import Settings
from eval.pairs import Floats, Pairs, Places

Verdict = Literal["A is better", "B is better", "A is slightly better", "B is slightly better", "tied", "not shown"]
DIFFERENCES = ("qwk", "qwk_raw", "pearson", "rmse", "bias_size", "exact")
# Name, whether of unrounded (0) or rounded (3) scores, and the statistic; for each prompt on its own.
OF_PROMPTS = (
    ("qwk", 3, agreement.quadratic_kappa),
    ("qwk_raw", 0, agreement.quadratic_kappa),
    ("pearson", 0, moments.pearson),
)


@dataclass(frozen=True)
class Both:
    """Scores of two judges and the reference on the same rows, and the same rounded; `prompt` numbers the prompts."""

    human: Floats
    first: Floats
    second: Floats
    rounded: Floats  # human, first and second, shape (rows, 3)
    cluster: Places | None = None
    prompt: Places | None = None


@dataclass(frozen=True)
class Comparison:
    """Differences A minus B with paired intervals, two tests, and a verdict within the declared margin."""

    n: int
    margin: float
    first: Mapping[str, float | None]
    second: Mapping[str, float | None]
    differences: Mapping[str, Figure]
    mcnemar: Mapping[str, Any]
    wilcoxon: Mapping[str, Any]
    verdict: Verdict
    reason: str | None
    p: float | None

    def as_json(self) -> dict[str, Any]:
        """The comparison for a program."""
        return {
            "n": self.n,
            "margin": self.margin,
            "first": dict(self.first),
            "second": dict(self.second),
            "differences": {name: figure.as_json() for name, figure in self.differences.items()},
            "mcnemar": dict(self.mcnemar),
            "wilcoxon": dict(self.wilcoxon),
            "verdict": self.verdict,
            "reason": self.reason,
            "p": self.p,
        }


def compare(both: Both, settings: Settings, margin: float = 0.02) -> Comparison:
    """Compare on the rows that both judges and the reference have; all of them are used by every figure.

    Of several prompts, kappa and correlation are the means over those with 30 rows or more.
    """
    both = _known(both)
    n = len(both.human)
    if n < NO_INTERVAL_BELOW:
        why = f"{rows_of(n)} that both judges scored: below {NO_INTERVAL_BELOW}"
        nothing = {name: Figure.missing(n, why) for name in DIFFERENCES}
        return Comparison(n, margin, {}, {}, nothing, {"p": None}, {"p": None}, "not shown", why, None)
    observed, replicates = _resampled(both, settings)
    differences = {}
    for name in DIFFERENCES:
        apart = replicates[f"first {name}"] - replicates[f"second {name}"]
        low, high = percentiles(apart) if len(apart) else (np.nan, np.nan)
        differences[name] = Figure.of(observed[f"first {name}"] - observed[f"second {name}"], low, high, n)
    human, first, second = both.rounded.T
    verdict, reason = _verdict(differences["qwk"], margin, n)
    return Comparison(
        n,
        margin,
        {name: _plain(observed[f"first {name}"]) for name in DIFFERENCES},
        {name: _plain(observed[f"second {name}"]) for name in DIFFERENCES},
        differences,
        mcnemar(np.abs(first - human) < 1e-9, np.abs(second - human) < 1e-9),
        rank_test(np.abs(both.first - both.human), np.abs(both.second - both.human)),
        verdict,
        reason,
        _p(replicates["first qwk"] - replicates["second qwk"]),
    )


def _plain(value: float) -> float | None:
    return round(float(value), 12) if np.isfinite(value) else None


def _known(both: Both) -> Both:
    rows = ~(np.isnan(both.human) | np.isnan(both.first) | np.isnan(both.second))
    cluster = None if both.cluster is None else np.unique(both.cluster[rows], return_inverse=True)[1]
    prompt = None if both.prompt is None else both.prompt[rows]
    return Both(both.human[rows], both.first[rows], both.second[rows], both.rounded[rows], cluster, prompt)


def _resampled(both: Both, settings: Settings) -> tuple[dict[str, float], dict[str, Floats]]:
    prompt = np.zeros(len(both.human), dtype=np.int64) if both.prompt is None else both.prompt
    columns = [both.human, both.first, both.second, *both.rounded.T, prompt.astype(np.float64)]
    units = units_of(columns, settings.seed, both.cluster, prompt)
    own = np.arange(len(units.rows)) if units.unit is None else units.unit
    # Where no prompt is large enough, all rows stand together.
    sizes = np.bincount(prompt)
    large = np.flatnonzero(sizes >= NO_INTERVAL_BELOW)
    everything = np.ones(len(units.rows), dtype=np.bool_)
    parts = [units.rows[:, 6] == one for one in large] if len(sizes) > 1 and len(large) else [everything]

    def of(weights: Floats) -> dict[str, Floats]:
        found = {}
        for place, which in ((1, "first"), (2, "second")):
            raw = Pairs(units.rows[:, 0], units.rows[:, place], weights, own)
            rounded = Pairs(units.rows[:, 3], units.rows[:, 3 + place], weights, own)
            found[f"{which} exact"] = agreement.exact(rounded)
            found[f"{which} rmse"] = moments.root_mean_squared_error(raw)
            found[f"{which} bias_size"] = np.abs(moments.bias(raw))
            for name, shift, statistic in OF_PROMPTS:
                pairs = (
                    Pairs(units.rows[part, shift], units.rows[part, shift + place], weights, own[part])
                    for part in parts
                )
                found[f"{which} {name}"] = np.mean([statistic(one) for one in pairs], axis=0)
        return found

    observed = units.observed(of)
    empty = dict.fromkeys(observed, np.empty(0))
    return observed, units.resample(of, settings.replicates, settings.seed) or empty


def _verdict(difference: Figure, margin: float, n: int) -> tuple[Verdict, str | None]:
    if difference.value is None or difference.low is None or difference.high is None:
        return "not shown", difference.reason
    if n < NO_VERDICT_BELOW:
        return "not shown", f"{rows_of(n)}: no verdict below {NO_VERDICT_BELOW}"
    low, high = difference.low, difference.high
    if low > margin:
        return "A is better", None
    if high < -margin:
        return "B is better", None
    if -margin <= low and high <= margin:
        return "tied", f"the whole interval lies within {margin:g}"
    if low > 0:
        return "A is slightly better", f"above none, and not shown to be above {margin:g}"
    if high < 0:
        return "B is slightly better", f"below none, and not shown to be below -{margin:g}"
    return "not shown", "the interval has room for either"


def mcnemar(first: np.ndarray[Any, Any], second: np.ndarray[Any, Any]) -> dict[str, Any]:
    """McNemar's exact test of which judge is right where only one of them is (1947)."""
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    p = float(binomtest(only_first, only_first + only_second).pvalue) if only_first + only_second else 1.0
    return {"only_first": only_first, "only_second": only_second, "p": p}


def rank_test(first: Floats, second: Floats) -> dict[str, Any]:
    """Wilcoxon's signed-rank test of the absolute errors, ties kept (Pratt 1959)."""
    apart = first - second
    if np.all(np.abs(apart) < 1e-12):
        return {"p": 1.0, "first_nearer": 0, "second_nearer": 0}
    p = float(wilcoxon(apart, zero_method="pratt", method="asymptotic").pvalue)
    return {"p": p, "first_nearer": int((apart < -1e-12).sum()), "second_nearer": int((apart > 1e-12).sum())}


def _p(differences: Floats) -> float | None:
    """Two-sided p of no difference by the resamples: twice the smaller share on one side of zero (Davison 1997)."""
    if not len(differences):
        return None
    below = (1 + int((differences <= 0).sum())) / (1 + len(differences))
    above = (1 + int((differences >= 0).sum())) / (1 + len(differences))
    return min(1.0, 2 * min(below, above))


def with_holm(found: Mapping[str, Comparison]) -> dict[str, dict[str, Any]]:
    """Comparisons of several criteria as JSON, each test's p also adjusted for their number."""
    told = {name: one.as_json() for name, one in found.items()}
    for name in ("mcnemar", "wilcoxon"):
        for one, adjusted in zip(told.values(), holm([one[name]["p"] for one in told.values()]), strict=True):
            one[name]["p_holm"] = adjusted
    for one, adjusted in zip(told.values(), holm([one["p"] for one in told.values()]), strict=True):
        one["p_holm"] = adjusted
    return told

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


@dataclass(frozen=True)
class Both:
    """Scores of two judges and the reference on the same rows."""

    human: Floats
    first: Floats
    second: Floats
    cluster: Places | None = None
    stratum: Places | None = None


@dataclass(frozen=True)
class Comparison:
    """Differences A minus B with paired intervals, two tests, and a verdict within the declared margin."""

    n: int
    margin: float
    first: Mapping[str, float]
    second: Mapping[str, float]
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
    """Compare on the rows that both judges and the reference have; all of them are used by every figure."""
    both = _known(both)
    n = len(both.human)
    if n < NO_INTERVAL_BELOW:
        why = f"{rows_of(n)} that both judges scored: below {NO_INTERVAL_BELOW}"
        nothing = {name: Figure.missing(n, why) for name in DIFFERENCES}
        return Comparison(n, margin, {}, {}, nothing, {"p": None}, {"p": None}, "not shown", why, None)
    scale = settings.scale
    trimmed = Both(both.human, scale.trim(both.first), scale.trim(both.second), both.cluster, both.stratum)
    observed, replicates = _resampled(trimmed, settings)
    differences = {}
    for name in DIFFERENCES:
        apart = {which: replicates[f"{which} {name}"] for which in ("first", "second")}
        low, high = percentiles(apart["first"] - apart["second"]) if len(apart["first"]) else (np.nan, np.nan)
        differences[name] = Figure.of(observed[f"first {name}"] - observed[f"second {name}"], low, high, n)
    rounded = [scale.round(one) for one in (both.human, both.first, both.second)]
    verdict, reason = _verdict(differences["qwk"], margin, n)
    return Comparison(
        n,
        margin,
        {name: _plain(observed[f"first {name}"]) for name in DIFFERENCES},
        {name: _plain(observed[f"second {name}"]) for name in DIFFERENCES},
        differences,
        mcnemar(np.abs(rounded[1] - rounded[0]) < 1e-9, np.abs(rounded[2] - rounded[0]) < 1e-9),
        rank_test(np.abs(trimmed.first - both.human), np.abs(trimmed.second - both.human)),
        verdict,
        reason,
        _p(replicates["first qwk"] - replicates["second qwk"]),
    )


def _plain(value: float) -> float:
    return round(float(value), 12)


def _known(both: Both) -> Both:
    rows = ~(np.isnan(both.human) | np.isnan(both.first) | np.isnan(both.second))
    cluster = None if both.cluster is None else np.unique(both.cluster[rows], return_inverse=True)[1]
    stratum = None if both.stratum is None else both.stratum[rows]
    return Both(both.human[rows], both.first[rows], both.second[rows], cluster, stratum)


def _resampled(both: Both, settings: Settings) -> tuple[dict[str, float], dict[str, Floats]]:
    units = units_of([both.human, both.first, both.second], settings.seed, both.cluster, both.stratum)
    scale = settings.scale
    human, judges = units.rows[:, 0], {"first": units.rows[:, 1], "second": units.rows[:, 2]}

    def of(weights: Floats) -> dict[str, Floats]:
        found = {}
        for which, system in judges.items():
            raw = Pairs(human, system, weights, units.unit)
            rounded = Pairs(scale.round(human), scale.round(system), weights, units.unit)
            found[f"{which} qwk"] = agreement.quadratic_kappa(rounded)
            found[f"{which} exact"] = agreement.exact(rounded)
            found[f"{which} qwk_raw"] = agreement.quadratic_kappa(raw)
            found[f"{which} pearson"] = moments.pearson(raw)
            found[f"{which} rmse"] = moments.root_mean_squared_error(raw)
            found[f"{which} bias_size"] = np.abs(moments.bias(raw))
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

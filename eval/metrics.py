"""Every figure of a judge beside one or two humans, each with its interval or the reason it has none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from eval import agreement, moments
from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of, too_few
from eval.intervals import Statistics, Units, percentiles, rank_correlation, units_of, wilson
from eval.pairs import Floats, Pairs, Places, ratio
from eval.prmse import ceiling_mean, ceiling_one_rater, human_like_mean, prmse_of
from eval.scale import Scale

Statistic = Callable[[Pairs], Floats]
Figures = dict[str, Figure]

SHARES = ("exact", "adjacent")
# On trimmed, unrounded scores.
UNROUNDED: Mapping[str, Statistic] = {
    "qwk_raw": agreement.quadratic_kappa,
    "pearson": moments.pearson,
    "mae": moments.mean_absolute_error,
    "rmse": moments.root_mean_squared_error,
    "r2": moments.r_squared,
    "bias": moments.bias,
    "smd": moments.smd,
    "smd_pooled": moments.smd_pooled,
    "sd_ratio": moments.sd_ratio,
    "icc21": moments.icc21,
    "human_mean": lambda pairs: pairs.human_mean,
    "human_sd": moments.human_sd,
    "system_mean": lambda pairs: pairs.system_mean,
    "system_sd": moments.system_sd,
}
ROUNDED = ("exact", "adjacent", "kappa", "linear_kappa", "qwk", "ac2", "ac2_ordinal", "alpha")
AGREEMENT = (*ROUNDED, *UNROUNDED, "spearman")
SECOND_ROUNDED = ("degradation", "prmse_rounded")
SECOND_UNROUNDED = ("degradation_raw", "degradation_pearson", "degradation_rsmtool", "disattenuated", "prmse")
SECOND = (*SECOND_ROUNDED, *SECOND_UNROUNDED)
CEILINGS: Mapping[str, Callable[[Floats], Floats]] = {
    "ceiling_one_rater": ceiling_one_rater,
    "ceiling_mean": ceiling_mean,
    "human_like_mean": human_like_mean,
}
BLANK = -1e12
NO_SECOND = "no second human column was named"


@dataclass(frozen=True)
class Settings:
    """How figures are made: the scale, and the resamples behind the intervals."""

    scale: Scale
    replicates: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Scores:
    """Scores of the same rows, NaN for missing: the reference, the judge, a second human; each row's cluster, stratum.

    Rows of a cluster are drawn together in resamples; from each stratum (a prompt) as many are drawn as it has.
    """

    human: Floats
    system: Floats
    human2: Floats | None = None
    cluster: Places | None = None
    stratum: Places | None = None

    def chosen(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> "Scores":
        """Some of the rows, their clusters numbered anew."""
        second = None if self.human2 is None else self.human2[rows]
        cluster = None if self.cluster is None else np.unique(self.cluster[rows], return_inverse=True)[1]
        stratum = None if self.stratum is None else self.stratum[rows]
        return Scores(self.human[rows], self.system[rows], second, cluster, stratum)

    def both(self) -> "Scores":
        """The rows with a human and a system score."""
        return self.chosen(~(np.isnan(self.human) | np.isnan(self.system)))

    def humans(self) -> "Scores":
        """The second human in the judge's place."""
        absent = np.full(len(self.human), np.nan)
        return replace(self, system=absent if self.human2 is None else self.human2, human2=None)


def judge_figures(scores: Scores, settings: Settings) -> Figures:
    """Agreement of the judge with the reference and, where some rows have a second human, with the true score."""
    scores = scores.both()
    trimmed = replace(scores, system=settings.scale.trim(scores.system))
    why = _no_second(scores.human2)
    if why is None and len(scores.human) >= NO_INTERVAL_BELOW:
        return agreement_figures(trimmed, settings)
    double = 0 if scores.human2 is None else int((~np.isnan(scores.human2)).sum())
    alone = agreement_figures(replace(trimmed, human2=None), settings)
    return alone | missing(SECOND, why or rows_of(double), double)


def human_figures(scores: Scores, settings: Settings) -> Figures:
    """Agreement of the second human with the first on the rows both scored, and the ceilings that follow from it."""
    if scores.human2 is None:
        return missing((*AGREEMENT, *CEILINGS), NO_SECOND, 0) | {"n": Figure.missing(0, NO_SECOND)}
    figures = agreement_figures(scores.humans().both(), settings)
    reliability = figures["icc21"]
    return figures | {name: _transformed(reliability, ceiling) for name, ceiling in CEILINGS.items()}


def agreement_figures(scores: Scores, settings: Settings) -> Figures:
    """Agreement of two raters, and what a second human adds; every row has the first two scores, trimmed."""
    n = len(scores.human)
    figures = {"n": Figure.count(n)}
    if n < NO_INTERVAL_BELOW:
        figures |= {name: Figure.missing(n, too_few(n, name) or "") for name in AGREEMENT}
        if too_few(n, "bias") is None:
            figures |= _estimate(scores, {"bias": moments.bias}, None, settings)
        return figures
    scale = settings.scale
    second = None if scores.human2 is None else scale.round(scores.human2)
    rounded = replace(scores, human=scale.round(scores.human), system=scale.round(scores.system), human2=second)
    figures |= _estimate(rounded, rounded_statistics(scale), _on_rounded, settings)
    figures |= _estimate(scores, UNROUNDED, _on_unrounded, settings)
    if scores.cluster is None:
        figures |= {name: _share(figures[name], n) for name in SHARES}
    figures["spearman"] = _spearman(scores, settings)
    return figures


def rounded_statistics(scale: Scale) -> dict[str, Statistic]:
    """What is figured on rounded scores."""
    return {
        "exact": agreement.exact,
        "adjacent": lambda pairs: agreement.adjacent(pairs, scale.step),
        "kappa": agreement.kappa,
        "linear_kappa": agreement.linear_kappa,
        "qwk": agreement.quadratic_kappa,
        "ac2": lambda pairs: agreement.ac2(pairs, scale.levels),
        "ac2_ordinal": lambda pairs: agreement.ac2(pairs, scale.levels, "ordinal"),
        "alpha": agreement.alpha,
    }


def _no_second(second: Floats | None) -> str | None:
    """Why nothing can be said of a second human."""
    if second is None:
        return NO_SECOND
    double = int((~np.isnan(second)).sum())
    if double < NO_INTERVAL_BELOW:
        return f"{rows_of(double)} with two human scores: below {NO_INTERVAL_BELOW}"
    return None


def missing(names: tuple[str, ...], reason: str, n: int) -> Figures:
    """No figure under each name, and why."""
    return {name: Figure.missing(n, reason) for name in names}


def constant(human: Floats, system: Floats) -> str | None:
    """Which of the two raters gives everybody the same score, in words."""
    same = [name for name, scores in (("human", human), ("system", system)) if len(scores) and np.ptp(scores) == 0]
    if len(same) == 2:
        return "both raters give everybody the same score"
    return f"the {same[0]} scores are all the same" if same else None


# ---- estimates -------------------------------------------------------------------------------------------------


Three = Callable[[Pairs, Pairs, Pairs, Pairs], dict[str, Floats]]


def _estimate(
    scores: Scores, statistics: Mapping[str, Statistic], of_three: Three | None, settings: Settings
) -> Figures:
    """Each statistic with the middle 95 % of its resamples; `of_three` where some rows have a second human score.

    It takes judge-human on all rows, judge-human and human-human on the double-scored, and all rows with the second
    human (NaN for none) in the human's place.
    """
    columns = [scores.human, scores.system]
    if scores.human2 is not None:
        # A blank second score is a value of its own to the cells; it never enters a sum.
        columns.append(np.nan_to_num(scores.human2, nan=BLANK))
    units = units_of(columns, settings.seed, scores.cluster, scores.stratum)
    human, system = units.rows[:, 0], units.rows[:, 1]
    second = units.rows[:, 2] if scores.human2 is not None and of_three is not None else None
    double = None if second is None else second != BLANK

    def of(weights: Floats) -> dict[str, Floats]:
        pairs = Pairs(human, system, weights, units.unit)
        found = {name: statistic(pairs) for name, statistic in statistics.items()}
        if second is None or double is None or of_three is None:
            return found
        unit = (np.arange(len(human)) if units.unit is None else units.unit)[double]
        # Where every row has a second score, the double-scored rows are all of them.
        judged = pairs if double.all() else Pairs(human[double], system[double], weights, unit)
        humans = Pairs(human[double], second[double], weights, unit)
        return found | of_three(pairs, judged, humans, Pairs(np.where(double, second, np.nan), system, weights))

    counts = {"": len(scores.human)}
    if scores.human2 is not None:
        counts |= dict.fromkeys(SECOND, int((~np.isnan(scores.human2)).sum()))
    return _figures(units, of, settings, counts, constant(scores.human, scores.system))


def _figures(
    units: Units, statistics: Statistics, settings: Settings, counts: Mapping[str, int], why: str | None
) -> Figures:
    replicates = units.resample(statistics, settings.replicates, settings.seed)
    figures = {}
    for name, value in units.observed(statistics).items():
        low, high = percentiles(replicates[name]) if replicates else (np.nan, np.nan)
        reason = why if replicates or why else "no interval: no resamples were asked for"
        figures[name] = Figure.of(value, low, high, counts.get(name, counts[""]), reason)
    return figures


def _on_rounded(everything: Pairs, judged: Pairs, humans: Pairs, rated: Pairs) -> dict[str, Floats]:
    return {
        "degradation": agreement.quadratic_kappa(judged) - agreement.quadratic_kappa(humans),
        "prmse_rounded": _prmse(everything, rated),
    }


def _on_unrounded(everything: Pairs, judged: Pairs, humans: Pairs, rated: Pairs) -> dict[str, Floats]:
    between = agreement.quadratic_kappa(humans)
    reliability = moments.pearson(humans)
    return {
        "degradation_raw": agreement.quadratic_kappa(judged) - between,
        "degradation_pearson": moments.pearson(judged) - reliability,
        "degradation_rsmtool": agreement.quadratic_kappa(everything) - between,
        "disattenuated": ratio(moments.pearson(everything), np.sqrt(np.where(reliability > 0, reliability, np.nan))),
        "prmse": _prmse(everything, rated),
    }


def _prmse(everything: Pairs, rated: Pairs) -> Floats:
    ratings = np.column_stack([everything.human, rated.human])
    return prmse_of(everything.system, ratings, everything.weights, everything.unit)


def _transformed(figure: Figure, transform: Callable[[Floats], Floats]) -> Figure:
    """A rising function of a figure and of its ends."""
    if figure.value is None:
        return figure
    ends = [np.nan if end is None else end for end in (figure.value, figure.low, figure.high)]
    value, low, high = (float(end) for end in transform(np.array(ends, dtype=np.float64)))
    return Figure.of(value, low, high, figure.n, "the humans' reliability is not above zero")


def _share(figure: Figure, n: int) -> Figure:
    if figure.value is None:
        return figure
    low, high = wilson(figure.value, n)
    return replace(figure, low=low, high=high, reason=None)


def _spearman(scores: Scores, settings: Settings) -> Figure:
    if scores.cluster is not None:
        ranked = replace(scores, human=moments.mid_ranks(scores.human), system=moments.mid_ranks(scores.system))
        return _estimate(ranked, {"spearman": moments.pearson}, None, settings)["spearman"]
    value = float(moments.spearman(Pairs.of(scores.human, scores.system))[0])
    n = len(scores.human)
    return Figure.of(value, *rank_correlation(value, n), n, constant(scores.human, scores.system))

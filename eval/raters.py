"""Several human raters at once: what they agree on as a group, two by two, and each against the rest beside the judge.

Ratings are a matrix with a row per response and a column per rater, NaN for none. Alpha and AC2 take blanks; ICC and
its mean form need rows without any.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from eval import agreement
from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.intervals import Units, percentiles, units_of
from eval.metrics import Figures, Scores, Settings, agreement_figures, missing
from eval.pairs import Floats, Pairs, Places, ratio
from eval.prmse import prmse_of

GROUP = ("alpha", "ac2", "ac2_ordinal", "icc21", "icc2k", "prmse")
SHOWN = ("n", "exact", "kappa", "qwk", "pearson", "bias", "smd")


@dataclass(frozen=True)
class Ratings:
    """What several raters said of the same responses, and the judge's scores of them, NaN for none."""

    names: tuple[str, ...]
    table: Floats
    system: Floats
    cluster: Places | None = None
    stratum: Places | None = None


def figures_of_raters(ratings: Ratings, settings: Settings) -> dict[str, object]:
    """The group's figures, every pair's, and for each rater the agreement of judge and rater with the others' mean."""
    pairs = []
    for first, second in combinations(range(len(ratings.names)), 2):
        figures = agreement_figures(_pair(ratings, ratings.table[:, first], ratings.table[:, second]), settings)
        pairs.append({"first": ratings.names[first], "second": ratings.names[second]} | _shown(figures))
    return {
        "columns": list(ratings.names),
        "all": {name: figure.as_json() for name, figure in figures_of_group(ratings, settings).items()},
        "pairs": pairs,
        "rest": {name: _against_rest(ratings, place, settings) for place, name in enumerate(ratings.names)},
    }


def _shown(figures: Figures) -> dict[str, object]:
    return {name: figures[name].as_json() for name in SHOWN}


def _pair(ratings: Ratings, human: Floats, system: Floats) -> Scores:
    return Scores(human, system, None, ratings.cluster, ratings.stratum).both()


def _against_rest(ratings: Ratings, place: int, settings: Settings) -> dict[str, object]:
    """Judge and rater against the mean of the other raters, on the rows that all three have."""
    others = np.delete(ratings.table, place, axis=1)
    count = (~np.isnan(others)).sum(axis=1)
    mean = np.where(count > 0, np.nansum(others, axis=1) / np.maximum(count, 1), np.nan)
    own = ratings.table[:, place]
    known = ~(np.isnan(mean) | np.isnan(own) | np.isnan(ratings.system))
    reference = np.where(known, mean, np.nan)
    trimmed = settings.scale.trim(ratings.system)
    return {
        "rater": _shown(agreement_figures(_pair(ratings, reference, own), settings)),
        "judge": _shown(agreement_figures(_pair(ratings, reference, trimmed), settings)),
    }


def figures_of_group(ratings: Ratings, settings: Settings) -> Figures:
    """Alpha, AC2, ICC of one rater and of their mean, and PRMSE of the judge from all ratings."""
    known = ~np.isnan(ratings.table)
    rows = known.sum(axis=1) >= 1
    n = int((known.sum(axis=1) >= 2).sum())
    if n < NO_INTERVAL_BELOW:
        why = f"{rows_of(n)} with two ratings or more: below {NO_INTERVAL_BELOW}"
        return missing(GROUP, why, n)
    columns = [*np.nan_to_num(ratings.table[rows], nan=_NONE).T, np.nan_to_num(ratings.system[rows], nan=_NONE)]
    cluster = None if ratings.cluster is None else np.unique(ratings.cluster[rows], return_inverse=True)[1]
    stratum = None if ratings.stratum is None else ratings.stratum[rows]
    units = units_of(columns, settings.seed, cluster, stratum)
    return _estimated(units, settings, n)


_NONE = -1e12


def _estimated(units: Units, settings: Settings, n: int) -> Figures:
    table = np.where(units.rows[:, :-1] == _NONE, np.nan, units.rows[:, :-1])
    system = np.where(units.rows[:, -1] == _NONE, np.nan, units.rows[:, -1])
    statistics = _statistics(table, settings.scale.trim(system), units.unit, settings)

    def of(weights: Floats) -> Mapping[str, Floats]:
        return {name: statistic(weights) for name, statistic in statistics.items()}

    replicates = units.resample(of, settings.replicates, settings.seed)
    found = {}
    for name, value in units.observed(of).items():
        low, high = percentiles(replicates[name]) if replicates else (np.nan, np.nan)
        found[name] = Figure.of(value, low, high, n)
    return found


def _statistics(
    table: Floats, system: Floats, unit: Places | None, settings: Settings
) -> dict[str, Callable[[Floats], Floats]]:
    rounded = np.where(np.isnan(table), np.nan, settings.scale.round(np.nan_to_num(table)))
    complete = ~np.isnan(table).any(axis=1)
    judged = ~np.isnan(system)
    levels = settings.scale.levels
    own = np.arange(len(table)) if unit is None else unit
    return {
        "alpha": lambda weights: alpha_of(rounded, weights, unit),
        "ac2": lambda weights: ac2_of(rounded, levels, weights, unit),
        "ac2_ordinal": lambda weights: ac2_of(rounded, levels, weights, unit, "ordinal"),
        "icc21": lambda weights: icc_of(table[complete], weights, own[complete])[0],
        "icc2k": lambda weights: icc_of(table[complete], weights, own[complete])[1],
        "prmse": lambda weights: prmse_of(system[judged], table[judged], weights, own[judged]),
    }


def _counts(table: Floats, values: Floats) -> Floats:
    """How many raters gave each value, shape (rows, values)."""
    return np.stack([(np.abs(table - value) < agreement.TOLERANCE).sum(axis=1) for value in values], axis=1).astype(
        np.float64
    )


def alpha_of(table: Floats, weights: Floats, unit: Places | None = None) -> Floats:
    """Krippendorff's ordinal alpha of any number of raters with blanks, in each replicate.

    Rows with one rating count nothing. From the matrix of coincidences, as in Krippendorff, Content Analysis, ch. 12.
    """
    values = np.unique(table[~np.isnan(table)])
    counted = _counts(table, values)
    raters = counted.sum(axis=1)
    counted, raters = counted[raters >= 2], raters[raters >= 2]
    own = (np.arange(len(table)) if unit is None else unit)[(~np.isnan(table)).sum(axis=1) >= 2]
    paired = counted[:, :, None] * counted[:, None, :] - counted[:, :, None] * np.eye(len(values))
    flat = (paired / (raters - 1)[:, None, None]).reshape(len(counted), -1)
    size = len(values)
    coincidences = Pairs(raters, raters, weights, own).sums(flat).reshape(-1, size, size)
    marginal = coincidences.sum(axis=2)
    middle = marginal.cumsum(axis=1) - marginal / 2
    apart = (middle[:, :, None] - middle[:, None, :]) ** 2
    n = marginal.sum(axis=1)
    observed = (coincidences * apart).sum(axis=(1, 2))
    expected = (marginal[:, :, None] * marginal[:, None, :] * apart).sum(axis=(1, 2))
    return 1 - ratio((n - 1) * observed, expected)


def ac2_of(
    table: Floats, levels: Floats, weights: Floats, unit: Places | None = None, kind: str = "quadratic"
) -> Floats:
    """Gwet's AC2 of any number of raters with blanks (Gwet 2014, Handbook of Inter-Rater Reliability, ch. 5)."""
    q = len(levels)
    if q < 2:
        return np.full(len(weights), np.nan)
    counted = _counts(table, levels)
    raters = counted.sum(axis=1)
    worth = agreement.ac2_weights(q, kind)
    agreed = (counted * (counted @ worth - 1)).sum(axis=1)
    several = raters >= 2
    share = np.where(several, agreed / np.maximum(raters * (raters - 1), 1), 0.0)
    features = np.column_stack([several, share, raters > 0, counted / np.maximum(raters, 1)[:, None]])
    sums = Pairs(raters, raters, weights, unit).sums(features)
    observed, prevalence = ratio(sums[:, 1], sums[:, 0]), sums[:, 3:] / np.maximum(sums[:, 2:3], 1e-300)
    by_chance = worth.sum() / (q * (q - 1)) * (prevalence * (1 - prevalence)).sum(axis=1)
    return ratio(observed - by_chance, 1 - by_chance)


def icc_of(table: Floats, weights: Floats, unit: Places) -> tuple[Floats, Floats]:
    """ICC(2,1) and ICC(2,k) of complete rows (Shrout & Fleiss 1979), in each replicate."""
    k = table.shape[1]
    centred = table - (table.mean() if len(table) else 0.0)
    of_row = centred.sum(axis=1)
    features = np.column_stack([np.ones(len(table)), of_row**2 / k, (centred**2).sum(axis=1), centred])
    sums = Pairs(of_row, of_row, weights, unit).sums(features)
    n, rows, total, raters = sums[:, 0], sums[:, 1], sums[:, 2], sums[:, 3:]
    grand = ratio(raters.sum(axis=1) ** 2, n * k)
    between_raters = ratio((raters**2).sum(axis=1), n) - grand
    between_rows, everything = rows - grand, total - grand
    residual = ratio(everything - between_rows - between_raters, (n - 1) * (k - 1))
    between_rows, between_raters = ratio(between_rows, n - 1), between_raters / (k - 1)
    above = between_rows - residual
    return (
        ratio(above, between_rows + (k - 1) * residual + ratio(k * (between_raters - residual), n)),
        ratio(above, between_rows + ratio(between_raters - residual, n)),
    )

"""How much of the true score's variance a judge explains, and what the humans' own reliability allows.

PRMSE (Haberman 2008, doi:10.3102/1076998607302636; Loukina et al. 2020, https://aclanthology.org/2020.bea-1.2) takes
the raters' error out of both the judge's squared error and the scores' variance. Responses may have one rating or more;
at least some need two.
"""

import numpy as np
from numpy.typing import ArrayLike

from eval.pairs import Floats, Places, floats, ratio, sums_of


def prmse(system: ArrayLike, ratings: ArrayLike) -> float:
    """PRMSE of scores, shape (n,), against ratings, shape (n, raters) with NaN for none; NaN if none has two."""
    scores, rated = floats(system), np.asarray(ratings, dtype=np.float64)
    if rated.ndim != 2 or len(rated) != len(scores):
        raise ValueError(f"{len(scores)} system scores need ratings in as many rows, not in shape {rated.shape}")
    return float(prmse_of(scores, rated, np.ones((1, len(scores))))[0])


def prmse_of(system: Floats, ratings: Floats, weights: Floats, unit: Places | None = None) -> Floats:
    """PRMSE in each replicate; every row has at least one rating."""
    centre = float(np.nanmean(ratings)) if ratings.size else 0.0
    rated = ratings - centre
    count = (~np.isnan(rated)).sum(axis=1).astype(np.float64)
    mean = np.nansum(rated, axis=1) / count
    within = np.nansum((rated - mean[:, None]) ** 2, axis=1)
    error = count * (mean - (system - centre)) ** 2
    features = np.column_stack(
        [np.ones_like(count), count, count**2, count - 1, within, count * mean, count * mean**2, error]
    )
    rows, all_ratings, squares, freedom, spread, total, total_squares, errors = sums_of(weights, features, unit).T
    rater_variance = ratio(spread, freedom)
    between = total_squares - ratio(total**2, all_ratings) - (rows - 1) * rater_variance
    true_variance = ratio(between, all_ratings - ratio(squares, all_ratings))
    missed = ratio(errors - rows * rater_variance, all_ratings)
    # Where the raters disagree more than the responses differ, there is no true-score variance to explain.
    return np.where(true_variance > 1e-12, 1 - ratio(missed, np.maximum(true_variance, 1e-12)), np.nan)


def ceiling_one_rater(reliability: Floats) -> Floats:
    """Highest QWK of a judge that knows the true score, against one rater of this reliability: 2r / (1 + r)."""
    return _defined(reliability, 2 * reliability / (1 + reliability))


def ceiling_mean(reliability: Floats, raters: int = 2) -> Floats:
    """The same against the mean of several raters, whose reliability is stepped up by Spearman and Brown."""
    return ceiling_one_rater(stepped_up(reliability, raters))


def human_like_mean(reliability: Floats, raters: int = 2) -> Floats:
    """QWK of a judge that errs as one rater does, against the mean of `raters` others."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _defined(reliability, 2 / (2 + (1 - reliability) / reliability * (1 + 1 / raters)))


def stepped_up(reliability: Floats, raters: int) -> Floats:
    """Reliability of the mean of several raters (Spearman 1910, Brown 1910)."""
    return _defined(reliability, raters * reliability / (1 + (raters - 1) * reliability))


def _defined(reliability: Floats, value: Floats) -> Floats:
    return np.where((reliability > 0) & (reliability <= 1), value, np.nan)

"""Figures from means, variances and the covariance of two raters' scores, rounded or not, for every replicate.

Variances in standard deviations of SMD and of descriptions are divided by n - 1, all others by n, as rsmtool does.
"""

import numpy as np

from eval.pairs import Floats, Pairs, floats, ratio


def bias(pairs: Pairs) -> Floats:
    """Mean of system minus human."""
    return pairs.system_mean - pairs.human_mean


def mean_absolute_error(pairs: Pairs) -> Floats:
    """Mean of |system - human|."""
    return pairs.absolute_error


def root_mean_squared_error(pairs: Pairs) -> Floats:
    """Root of the mean of (system - human)²."""
    return np.sqrt(pairs.squared_error)


def r_squared(pairs: Pairs) -> Floats:
    """1 minus squared error over the observed human variance; negative for a judge worse than the mean."""
    return 1 - ratio(pairs.squared_error, pairs.human_variance)


def pearson(pairs: Pairs) -> Floats:
    """Product-moment correlation; NaN where a rater is constant."""
    return np.clip(ratio(pairs.covariance, np.sqrt(pairs.human_variance * pairs.system_variance)), -1, 1)


def spearman(pairs: Pairs) -> Floats:
    """Pearson correlation of the mid-ranks; takes pairs that count once each."""
    return pearson(Pairs.of(mid_ranks(pairs.human), mid_ranks(pairs.system)))


def smd(pairs: Pairs) -> Floats:
    """Mean difference over the standard deviation of the human scores (rsmtool's "unpooled")."""
    return ratio(bias(pairs), human_sd(pairs))


def smd_pooled(pairs: Pairs) -> Floats:
    """Mean difference over the root of the mean of both variances (rsmtool's "pooled"; Williamson et al. 2012)."""
    return ratio(bias(pairs), np.sqrt((human_sd(pairs) ** 2 + system_sd(pairs) ** 2) / 2))


def sd_ratio(pairs: Pairs) -> Floats:
    """Standard deviation of the system over that of the human: below 1 the range is compressed."""
    return np.sqrt(ratio(pairs.system_variance, pairs.human_variance))


def icc21(pairs: Pairs) -> Floats:
    """ICC(2,1), absolute agreement of a single rater (Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420)."""
    n, shared = pairs.n, pairs.covariance
    with np.errstate(invalid="ignore", divide="ignore"):
        unbiased = np.where(n > 1, n / (n - 1), np.nan)
    rows = unbiased * (pairs.human_variance + pairs.system_variance + 2 * shared) / 2
    residual = unbiased * (pairs.human_variance + pairs.system_variance - 2 * shared) / 2
    raters = n * bias(pairs) ** 2 / 2
    return ratio(rows - residual, rows + residual + 2 * (raters - residual) / n)


def human_sd(pairs: Pairs) -> Floats:
    """Standard deviation of the human scores, n - 1."""
    return _sd(pairs.human_variance, pairs.n)


def system_sd(pairs: Pairs) -> Floats:
    """Standard deviation of the system scores, n - 1."""
    return _sd(pairs.system_variance, pairs.n)


def _sd(variance: Floats, n: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n > 1, np.sqrt(variance * n / (n - 1)), np.nan)


def mid_ranks(scores: Floats) -> Floats:
    """The rank of each score, ties sharing the middle of theirs."""
    _, place, count = np.unique(floats(scores), return_inverse=True, return_counts=True)
    middle = count.cumsum() - (count - 1) / 2
    return np.asarray(middle[place], dtype=np.float64)

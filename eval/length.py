"""Does the judge reward length beyond what people do? The slope of its error on length, given the human score."""

import numpy as np
from scipy.special import stdtr

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.intervals import Z
from eval.pairs import Floats, Places

PER = "points for each doubling of the words, beside a text with the same human score"


def length_slope(
    human: Floats, system: Floats, words: Floats, held: Places | None = None
) -> tuple[Figure, float | None]:
    """What the judge adds per doubling of the words, human score held, with its p.

    Ordinary least squares of system minus human on log2(words) beside a dummy for each value of `held`, which is the
    human score unless it is more; standard errors that allow unequal variances (HC1).
    """
    known = ~(np.isnan(human) | np.isnan(system)) & (words > 0)
    error, doublings = (system - human)[known], np.log2(words[known])
    n = len(error)
    if n < NO_INTERVAL_BELOW:
        return Figure.missing(n, f"{rows_of(n)} of known length: below {NO_INTERVAL_BELOW}"), None
    score = np.unique(human[known] if held is None else held[known], return_inverse=True)[1]
    # Within each human score: Frisch and Waugh's way to hold the dummies.
    within = doublings - _means(doublings, score)
    rest = error - _means(error, score)
    squares = float(within @ within)
    freedom = n - len(np.unique(score)) - 1
    if squares < 1e-12 or freedom < 1:
        return Figure.missing(n, "the texts are all of one length"), None
    slope = float(within @ rest) / squares
    residual = rest - slope * within
    spread = float(np.sqrt((within**2 * residual**2).sum() * n / freedom)) / squares
    p = float(2 * stdtr(freedom, -abs(slope / spread))) if spread > 0 else None
    return Figure.of(slope, slope - Z * spread, slope + Z * spread, n), p


def _means(values: Floats, of: Places) -> Floats:
    totals = np.bincount(of, weights=values) / np.bincount(of)
    return np.asarray(totals[of], dtype=np.float64)

"""Does the judge say the same of the same text again? Agreement of a judge with itself says nothing of its accuracy."""

import numpy as np

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.metrics import missing
from eval.pairs import Floats, Places
from eval.resampling import Values, resampled
from eval.scale import Scale

NAMES = ("sd_within", "icc1", "same", "flips")


def retest(
    scores: Floats, scale: Scale, *, line: float | None = None, replicates: int = 500, seed: int = 0
) -> dict[str, Figure]:
    """Figures of repeated judgings, shape (responses, repeats) with NaN for none.

    `sd_within` is the pooled standard deviation of a response's scores, `icc1` the one-way ICC(1,1), `same` the share
    of responses whose rounded scores are all equal, `flips` the share that lie on both sides of `line`: some of their
    rounded scores reach it and some do not.
    """
    several = scores[(~np.isnan(scores)).sum(axis=1) >= 2]
    n = len(several)
    if n < NO_INTERVAL_BELOW:
        return missing(NAMES, f"{rows_of(n)} judged more than once: below {NO_INTERVAL_BELOW}", n)
    rounded = np.where(np.isnan(several), np.nan, scale.round(np.nan_to_num(several)))
    middle = (scale.minimum + scale.maximum) / 2 if line is None else line
    spread = np.nanmax(rounded, axis=1) - np.nanmin(rounded, axis=1)
    flips = (np.nanmax(rounded, axis=1) >= middle) & (np.nanmin(rounded, axis=1) < middle)
    count = (~np.isnan(several)).sum(axis=1)
    mean = np.nanmean(several, axis=1)
    within = np.nansum((several - mean[:, None]) ** 2, axis=1)

    def of(rows: Places) -> Values:
        error = within[rows].sum() / (count[rows] - 1).sum()
        return {
            "sd_within": float(np.sqrt(error)),
            "icc1": _icc(mean[rows], count[rows], error),
            "same": float((spread[rows] < 1e-9).mean()),
            "flips": float(flips[rows].mean()),
        }

    return resampled(of, n, replicates=replicates, seed=seed, reason="the judge gives everybody the same score")


def _icc(mean: Floats, count: Places, error: float) -> float:
    """ICC(1,1) from an unbalanced one-way analysis of variance (Shrout & Fleiss 1979; Searle 1971 for n0)."""
    total, k = count.sum(), len(count)
    grand = (mean * count).sum() / total
    between = (count * (mean - grand) ** 2).sum() / (k - 1)
    usual = (total - (count**2).sum() / total) / (k - 1)
    below = between + (usual - 1) * error
    return float((between - error) / below) if below > 0 else float("nan")

"""What a judge's confidence is worth: does it say how often the judge is right, and does it rank right above wrong?

`right` is whether the released score agrees with people in the sense declared; confidence is a share from 0 to 1.
"""

from dataclasses import dataclass

import numpy as np

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.metrics import missing
from eval.moments import mid_ranks
from eval.pairs import Floats, Places
from eval.resampling import Values, resampled

NAMES = ("mean_confidence", "right", "ece", "ece_debiased", "brier", "auroc", "aurc", "share_at_top")
BINS = 10
CALIBRATED_WORLDS = 200


@dataclass(frozen=True)
class Bin:
    """Responses of like confidence: how sure the judge was, how often it was right, how many."""

    confidence: float
    right: float
    n: int


@dataclass(frozen=True)
class CoveragePoint:
    """What share would be released at this confidence and above, and how often that is wrong."""

    threshold: float
    coverage: float
    risk: float


def confidence_figures(confidence: Floats, right: Floats, *, replicates: int = 500, seed: int = 0) -> dict[str, Figure]:
    """Calibration (ECE in bins of equal size, Brier) and ranking (AUROC, area under the risk-coverage curve).

    ECE is above zero for a perfect judge too, by chance; `ece_debiased` is what it has beyond the mean of 200 worlds in
    which the same confidences are exactly true, at least 0.
    """
    known = ~(np.isnan(confidence) | np.isnan(right))
    confidence, right = confidence[known], right[known]
    n = len(confidence)
    if n < NO_INTERVAL_BELOW:
        return missing(NAMES, f"{rows_of(n)} with a confidence: below {NO_INTERVAL_BELOW}", n)

    def of(rows: Places) -> Values:
        sure, good = confidence[rows], right[rows]
        return {
            "mean_confidence": float(sure.mean()),
            "right": float(good.mean()),
            "ece": ece(sure, good),
            "brier": float(((sure - good) ** 2).mean()),
            "auroc": auroc(sure, good),
            "aurc": aurc(sure, good),
        }

    figures = resampled(of, n, replicates=replicates, seed=seed, reason="the judge is always right, or always wrong")
    random = np.random.default_rng(seed)
    by_chance = np.mean(
        [ece(confidence, (random.random(n) < confidence).astype(np.float64)) for _ in range(CALIBRATED_WORLDS)]
    )
    value = figures["ece"].value
    figures["ece_debiased"] = Figure(max(0.0, float(value or 0) - float(by_chance)), None, None, n, "no interval")
    top = float(confidence.max())
    figures["share_at_top"] = Figure(float((confidence >= top - 1e-12).mean()), None, None, n, f"at {top:g}")
    return figures


def bins(confidence: Floats, right: Floats, count: int = BINS) -> list[Bin]:
    """Bins of about equal size, from unsure to sure; equal confidences stay together."""
    order = np.argsort(confidence, kind="stable")
    edges = np.unique(np.quantile(confidence, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    places = np.searchsorted(edges, confidence[order], side="right")
    found = []
    for place in np.unique(places):
        rows = order[places == place]
        found.append(Bin(float(confidence[rows].mean()), float(right[rows].mean()), len(rows)))
    return found


def ece(confidence: Floats, right: Floats) -> float:
    """Mean distance of confidence and share right, over the bins."""
    return sum(one.n * abs(one.confidence - one.right) for one in bins(confidence, right)) / len(confidence)


def auroc(confidence: Floats, right: Floats) -> float:
    """How often a right response has the higher confidence than a wrong one, ties counted half."""
    good = right > 0.5
    positives, negatives = int(good.sum()), int((~good).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = mid_ranks(confidence)
    return float((ranks[good].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def risk_coverage(confidence: Floats, right: Floats) -> list[CoveragePoint]:
    """Each confidence as a threshold, from sure to unsure; tied responses are released together."""
    values, place = np.unique(-confidence, return_inverse=True)
    released = np.cumsum(np.bincount(place))
    wrong = np.cumsum(np.bincount(place, weights=1 - right))
    n = len(confidence)
    rows = zip(values, released, wrong, strict=True)
    return [CoveragePoint(float(-value), float(count / n), float(bad / count)) for value, count, bad in rows]


def aurc(confidence: Floats, right: Floats) -> float:
    """Area under the risk-coverage curve (Geifman & El-Yaniv 2017): the mean risk as responses are let in one by one.

    Within a tie the order is by chance: each of its responses is wrong with the tie's own share.
    """
    place = np.unique(-confidence, return_inverse=True)[1]
    sizes = np.bincount(place)
    share = np.bincount(place, weights=1 - right) / sizes
    order = np.repeat(share, sizes)
    return float((np.cumsum(order) / np.arange(1, len(order) + 1)).mean())

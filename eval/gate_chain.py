"""Which confidence threshold releases judge scores at a risk that is shown: Learn then Test over a fixed grid.

A threshold's risk is the share of losses among the responses whose confidence reaches it. Of n released with k losses,
the null "risk above alpha" has p = P(Bin(n, alpha) <= k). Thresholds come from confidences alone, never from labels.
They are tested from strict to lenient: one chain for few labels, else four starts that each hold a quarter of delta
and pass what they hold on to the next start when they reach it (the fallback procedure, Wiens & Dmitrienko 2005,
doi:10.1080/10543400500265660). With probability 1 - delta no threshold whose risk is above alpha passes (Learn then
Test, Angelopoulos et al. 2025, doi:10.1214/24-AOAS1998). Picking the lowest threshold whose own bound lies under alpha
does not keep that promise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv

from eval.errors import EvalError
from eval.pairs import Floats, Places

MOST_THRESHOLDS = 20
FOUR_STARTS_FROM = 500
STARTS = 4
LEAST_LABELS = 100
"""Below this more labels are proposed: most such calibrations release nothing."""
# A single chain starts where two losses among the released still pass; each of four starts where none does.
LOSSES_AT_START, LOSSES_AT_STARTS = 2, 0


@dataclass(frozen=True)
class Promise:
    """What a gate promises: a risk of at most `alpha`, in all but a share `delta` of calibrations."""

    alpha: float
    delta: float

    def __post_init__(self) -> None:
        for name, value in (("alpha", self.alpha), ("delta", self.delta)):
            if not 0 < value < 1:
                raise EvalError(f"{name} is a share between 0 and 1, not {value:g}")


@dataclass(frozen=True)
class Tested:
    """One threshold on the labelled sample: how many it releases, how many of them are losses, and what follows."""

    threshold: float
    released: int
    losses: int
    p: float
    level: float
    passed: bool


def p_value(losses: Places | int, released: Places | int, alpha: float) -> Floats:
    """P(Bin(released, alpha) <= losses); 1 where nothing is released."""
    n, k = np.broadcast_arrays(np.asarray(released, dtype=np.float64), np.asarray(losses, dtype=np.float64))
    # The binomial tail as an incomplete beta function (DLMF 8.17.5), which takes whole arrays.
    found = np.where(k >= n, 1.0, betainc(np.maximum(n - k, 1), k + 1, 1 - alpha))
    return np.asarray(found, dtype=np.float64)


def upper_bound(losses: int, released: int, level: float) -> float:
    """Clopper and Pearson's upper bound on a risk, at confidence 1 - level; 1 where nothing is released."""
    return 1.0 if losses >= released else float(betaincinv(losses + 1, released - losses, 1 - level))


def passing_size(losses: int, promise_alpha: float, level: float) -> int:
    """The fewest released responses among which so many losses still show a risk of at most alpha.

    Without losses this is the zero-error size: 22 at alpha = delta = .10, 59 at .05.
    """
    size = losses + 1
    while float(p_value(losses, size, promise_alpha)) > level:
        size += 1
    return size


def thresholds_of(confidences: Floats, most: int = MOST_THRESHOLDS) -> Floats:
    """At most `most` thresholds, strict to lenient, at even shares of these confidences; tied values stay together."""
    known = np.sort(confidences[~np.isnan(confidences)])[::-1]
    if not len(known):
        raise EvalError("there are no confidences to set thresholds from")
    ranks = np.ceil(np.arange(1, most + 1) / most * len(known) - 1e-9).astype(np.int64)
    return np.asarray(np.unique(known[np.maximum(ranks, 1) - 1])[::-1], dtype=np.float64)


def released_at(confidences: Floats, thresholds: Floats) -> Places:
    """How many responses each threshold releases: those whose confidence is at it or above."""
    ascending = np.sort(confidences)
    return np.asarray(len(ascending) - np.searchsorted(ascending, thresholds, side="left"), dtype=np.int64)


def weights_of(released: Sequence[Places], promise: Promise, labelled: int) -> Floats:
    """The share of delta that each threshold starts with, from how many of each stratum it releases, never from losses.

    All zero where no threshold releases enough to be worth a test.
    """
    one = labelled < FOUR_STARTS_FROM
    level = promise.delta if one else promise.delta / STARTS
    enough = passing_size(LOSSES_AT_START if one else LOSSES_AT_STARTS, promise.alpha, level)
    whole, *strata = released
    none_lost = passing_size(0, promise.alpha, level)
    ready = (whole >= enough) & np.all([part >= none_lost for part in strata], axis=0)
    weights = np.zeros(len(whole))
    first = int(np.argmax(ready)) if ready.any() else len(whole)
    if first < len(whole):
        places = np.linspace(first, len(whole), 1 if one else STARTS, endpoint=False).astype(np.int64)
        np.add.at(weights, places, 1 / len(places))
    return weights


def chain(p: Floats, weights: Floats, delta: float) -> tuple[NDArray[np.bool_], Floats]:
    """Which thresholds pass, strict to lenient, and the level each was tested at.

    A threshold is tested at its own share of delta and at what the one before it was tested at, if that one passed.
    """
    passed, levels = np.zeros(p.shape, dtype=np.bool_), np.zeros(p.shape)
    carried = np.zeros(p.shape[:-1])
    for place in range(p.shape[-1]):
        levels[..., place] = weights[..., place] * delta + carried
        passed[..., place] = p[..., place] <= levels[..., place]
        carried = np.where(passed[..., place], levels[..., place], 0.0)
    return passed, levels


def chosen(passed: NDArray[np.bool_]) -> int | None:
    """The most lenient threshold that passed, or None."""
    places = np.flatnonzero(passed)
    return int(places[-1]) if len(places) else None

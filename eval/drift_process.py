"""Evidence that a risk has risen above what was promised, which may be looked at after every single reading.

A bet on "the risk is above alpha" multiplies what it holds by 1 + stake × (loss − alpha) at every reading. While the
risk is at most alpha no such bet is expected to grow, so the chance that it ever reaches 1 / delta is at most delta
(Ville's inequality): looking often costs nothing (Waudby-Smith & Ramdas 2024, doi:10.1093/jrsssb/qkad009). Several
stakes are held side by side and their mean counts, since the right stake depends on the risk that nobody knows.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Shares of 1 / alpha, from a small rise to a landslide; a share of 1 could lose everything at one reading.
STAKES = (0.0125, 0.025, 0.05, 0.1, 0.2, 0.4)


@dataclass(frozen=True)
class Reading:
    """A response that was drawn and read again: was releasing it a loss?

    `weight` is the probability that the next response is drawn with whoever it is, over that of this very one: 1 where
    all are as likely, less for one that was drawn more often because of something about it.
    """

    lost: bool
    weight: float = 1.0


@dataclass(frozen=True)
class Evidence:
    """How much speaks for a risk above alpha, now and at its highest; `at` is the reading at which the alarm rang."""

    value: float
    highest: float
    readings: int
    losses: int
    limit: float
    at: int | None

    @property
    def alarm(self) -> bool:
        """Whether the limit was ever reached; what was reached stays reached."""
        return self.at is not None


def evidence(readings: Iterable[Reading], alpha: float, delta: float) -> Evidence:
    """The evidence in readings, in the order in which they were read.

    A reading of less weight is bet on less, in proportion, which keeps the bet fair for the risk of everything that was
    released. ValueError for a weight that is no share.
    """
    held = [0.0] * len(STAKES)
    stakes = [share / alpha for share in STAKES]
    limit, now, highest, at = 1 / delta, 1.0, 1.0, None
    count = losses = 0
    for count, one in enumerate(readings, start=1):
        if not 0 < one.weight <= 1 + 1e-9:
            raise ValueError(f"a response was drawn less often than any: its weight is {one.weight:g}")
        gain = one.weight * (float(one.lost) - alpha)
        held = [wealth + math.log1p(stake * gain) for wealth, stake in zip(held, stakes, strict=True)]
        losses += one.lost
        now = _mean(held)
        highest = max(highest, now)
        if at is None and now >= limit:
            at = count
    return Evidence(now, highest, count, losses, limit, at)


def _mean(logs: list[float]) -> float:
    """The mean of what the bets hold, which are kept as logarithms; a number that JSON can hold."""
    top = max(logs)
    return math.exp(min(top, 700.0)) * sum(math.exp(one - top) for one in logs) / len(logs)

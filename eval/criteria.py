"""Is it good enough? The operational criteria of automated scoring, each met, not met, or not shown.

A point estimate decides nothing: a criterion is met when the whole interval lies on the right side of its bound, not
met when the whole interval lies on the wrong one, and otherwise not shown yet. Bounds after Williamson, Xi & Breyer
2012 (doi:10.1111/j.1745-3992.2011.00223.x); for groups DSM instead of SMD, which a group's own range distorts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Literal

from eval.figure import Figure, rows_of
from eval.intervals import Z

NO_VERDICT_BELOW = 100
GROUP_BOUND = 0.10

Verdict = Literal["met", "not met", "not shown"]


@dataclass(frozen=True)
class Criterion:
    """A bound that a figure has to keep: a least value, or a greatest absolute value."""

    name: str
    says: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True)
class Finding:
    """What a criterion came to, and why where nothing is shown."""

    criterion: str
    says: str
    verdict: Verdict
    reason: str | None

    def as_json(self) -> dict[str, object]:
        """The finding for a program."""
        return asdict(self)


CRITERIA = (
    Criterion("qwk", "QWK with people is at least .70", least=0.70),
    Criterion("pearson", "correlation with people is at least .70", least=0.70),
    Criterion("degradation", "QWK is at most .10 below what two people reach", least=-0.10),
    Criterion("smd", "the mean lies within .15 human SDs of people's", most=0.15),
)
OF_GROUP = Criterion("dsm", "a group's standardised difference lies within .10", most=GROUP_BOUND)


def findings(figures: Mapping[str, Figure]) -> list[Finding]:
    """Every criterion's verdict on the figures of a table."""
    return [finding(criterion, figures[criterion.name]) for criterion in CRITERIA if criterion.name in figures]


def finding(criterion: Criterion, figure: Figure) -> Finding:
    """One criterion's verdict on one figure."""
    verdict, reason = _verdict(criterion, figure)
    return Finding(criterion.name, criterion.says, verdict, reason)


def _verdict(criterion: Criterion, figure: Figure) -> tuple[Verdict, str | None]:
    if figure.value is None or figure.low is None or figure.high is None:
        return "not shown", figure.reason
    if figure.n < NO_VERDICT_BELOW:
        return "not shown", f"{rows_of(figure.n)}: no verdict below {NO_VERDICT_BELOW}"
    if criterion.least is not None:
        above, below = figure.low >= criterion.least, figure.high < criterion.least
    else:
        most = criterion.most or 0.0
        above, below = figure.low >= -most and figure.high <= most, figure.low > most or figure.high < -most
    if above or below:
        return ("met" if above else "not met"), None
    return "not shown", "the interval straddles the bound"


def p_of(figure: Figure) -> float | None:
    """Two-sided p of a figure whose interval is normal, against zero."""
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    spread = (figure.high - figure.low) / (2 * Z)
    if spread <= 0:
        return 1.0 if figure.value == 0 else 0.0
    return 2 * NormalDist().cdf(-abs(figure.value) / spread)


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p values adjusted for their number by Holm (1979); None stays None and isn't counted."""
    known = sorted((value, place) for place, value in enumerate(values) if value is not None)
    adjusted: list[float | None] = [None] * len(values)
    least = 0.0
    for rank, (value, place) in enumerate(known):
        least = max(least, min(1.0, value * (len(known) - rank)))
        adjusted[place] = least
    return adjusted

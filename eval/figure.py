"""One figure of a report: a value with its interval, how many rows it rests on, and why something is missing."""

import math
from dataclasses import asdict, dataclass

NO_FIGURE_BELOW = 10
NO_INTERVAL_BELOW = 30


@dataclass(frozen=True)
class Figure:
    """A value and its interval; what is undefined is None and `reason` says why."""

    value: float | int | None
    low: float | None
    high: float | None
    n: int
    reason: str | None = None

    @classmethod
    def of(cls, value: float, low: float, high: float, n: int, reason: str | None = None) -> "Figure":
        """A figure from floats; NaN and infinity become None, with the reason given or a general one."""
        if not math.isfinite(value):
            return cls(None, None, None, n, reason or "undefined for these scores")
        if not (math.isfinite(low) and math.isfinite(high)):
            return cls(value, None, None, n, reason or "no interval: undefined in too many resamples")
        return cls(value, low, high, n, None)

    @classmethod
    def missing(cls, n: int, reason: str) -> "Figure":
        """No figure, and why."""
        return cls(None, None, None, n, reason)

    @classmethod
    def count(cls, n: int) -> "Figure":
        """A number of rows, which has no interval."""
        return cls(n, None, None, n, None)

    def as_json(self) -> dict[str, float | int | str | None]:
        """The five keys of a figure in the JSON."""
        return asdict(self)


def too_few(n: int, name: str) -> str | None:
    """Why a figure isn't shown for so few rows: none below 10, only the mean difference below 30."""
    if n < NO_FIGURE_BELOW:
        return f"{rows_of(n)}: no figure below {NO_FIGURE_BELOW}"
    if n < NO_INTERVAL_BELOW and name != "bias":
        return f"{rows_of(n)}: below {NO_INTERVAL_BELOW} only the mean difference"
    return None


def rows_of(n: int) -> str:
    """A number of rows in words."""
    return "1 row" if n == 1 else f"{n:,} rows"

"""A score scale: its ends and step, and how unrounded scores are trimmed and rounded to it."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from eval.errors import ScaleError
from eval.pairs import Floats

Rounding = Literal["half-even", "half-up"]
# rsmtool trims to within this much of a step beyond the ends, so that rounding never leaves the scale.
TRIM = 0.4998
MOST_LEVELS = 2_000


@dataclass(frozen=True)
class Scale:
    """Levels from `minimum` to `maximum`, `step` apart."""

    minimum: float
    maximum: float
    step: float = 1.0
    rounding: Rounding = "half-even"

    def __post_init__(self) -> None:
        if not all(np.isfinite([self.minimum, self.maximum, self.step])) or self.step <= 0:
            raise ScaleError("a scale has two finite ends and a step above zero")
        if self.minimum > self.maximum:
            raise ScaleError(f"the scale's minimum {self.minimum:g} is above its maximum {self.maximum:g}")
        steps = (self.maximum - self.minimum) / self.step
        if steps > MOST_LEVELS:
            raise ScaleError(f"a scale from {self.minimum:g} to {self.maximum:g} has more than {MOST_LEVELS} levels")
        if abs(steps - round(steps)) > 1e-6:
            raise ScaleError(f"steps of {self.step:g} from {self.minimum:g} don't reach {self.maximum:g}")

    @property
    def levels(self) -> Floats:
        """Every level of the scale."""
        count = round((self.maximum - self.minimum) / self.step) + 1
        return np.asarray(self.minimum + self.step * np.arange(count), dtype=np.float64)

    def trim(self, scores: Floats) -> Floats:
        """Scores cut to within .4998 of a step of the scale's ends."""
        margin = TRIM * self.step
        return np.asarray(np.clip(scores, self.minimum - margin, self.maximum + margin), dtype=np.float64)

    def round(self, scores: Floats) -> Floats:
        """Trimmed scores on the nearest level; a score halfway goes to the even step, or up."""
        steps = self.trim(scores) / self.step
        # Levels count from zero, so that on a scale of whole numbers "even" means the even number, as rsmtool's does.
        offset = self.minimum / self.step - np.rint(self.minimum / self.step)
        rounded = np.rint(steps - offset) if self.rounding == "half-even" else np.floor(steps - offset + 0.5)
        return np.asarray(np.clip((rounded + offset) * self.step, self.minimum, self.maximum), dtype=np.float64)

    def contains(self, scores: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        """Which scores lie between the ends."""
        return (scores >= self.minimum - 1e-9) & (scores <= self.maximum + 1e-9)


def rounding_named(name: str) -> Rounding:
    """The rounding of that name; ScaleError lists them."""
    known: tuple[Rounding, ...] = get_args(Rounding)
    for rounding in known:
        if rounding == name:
            return rounding
    raise ScaleError(f"scores are rounded {' or '.join(known)}, not {name!r}")

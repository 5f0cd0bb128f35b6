"""How wide is one score? Split conformal intervals: distribution-free, and for each prompt on its own (Mondrian)."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.figure import Figure, rows_of
from eval.intervals import wilson
from eval.pairs import Floats

LEAST = 20
"""Labels of a prompt, half of them to calibrate on."""


@dataclass(frozen=True)
class Conformal:
    """Half the width of an interval around a judge's score, and how often it held on labels that it was not made of."""

    half_width: Figure
    coverage: Figure


def half_width(errors: Floats, alpha: float) -> float:
    """The ceil((n + 1)(1 - alpha))-th smallest absolute error; infinite where n is too small (Vovk et al. 2005)."""
    rank = math.ceil((len(errors) + 1) * (1 - alpha))
    return math.inf if rank > len(errors) else float(np.sort(np.abs(errors))[rank - 1])


def conformal(
    human: Floats, system: Floats, prompts: NDArray[np.object_], *, alpha: float = 0.1, seed: int = 0
) -> dict[str, Conformal]:
    """For each prompt the half width made of one half of its labels, and its coverage on the other, both ways round."""
    known = ~(np.isnan(human) | np.isnan(system))
    found = {}
    for prompt in np.unique(prompts[known].astype(str)):
        rows = np.flatnonzero(known & (prompts.astype(str) == prompt))
        found[str(prompt)] = _of_prompt((system - human)[rows], alpha, seed)
    return found


def _of_prompt(errors: Floats, alpha: float, seed: int) -> Conformal:
    n = len(errors)
    order = np.random.default_rng(seed).permutation(n)
    halves = order[: n // 2], order[n // 2 :]
    widths = [half_width(errors[half], alpha) for half in halves]
    if n < LEAST or not all(math.isfinite(width) for width in widths):
        why = f"{rows_of(n)}: too few for {1 - alpha:.0%}"
        return Conformal(Figure.missing(n, why), Figure.missing(n, why))
    held = [np.abs(errors[other]) <= width + 1e-12 for width, other in zip(widths, reversed(halves), strict=True)]
    share = float(np.concatenate(held).mean())
    width = Figure(half_width(errors, alpha), min(widths), max(widths), n, None)
    return Conformal(width, Figure.of(share, *wilson(share, n), n))

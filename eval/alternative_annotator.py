"""Could the judge stand in for a rater? The alternative annotator test (Calderon et al. 2025, arXiv:2501.10970).

Each rater is left out in turn. On the responses that this rater and others scored, whoever is nearer to the others
wins, ties to both. The judge beats the rater where its share of wins, plus `epsilon` for what the rater costs, is
higher: a paired one-sided t test a rater, corrected by Benjamini and Yekutieli. The judge passes if it beats half of
the raters.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import stdtr

from eval.pairs import Floats

EPSILONS = (0.05, 0.10, 0.15, 0.20)
LEAST = 30
Score = Literal["rmse", "accuracy"]


@dataclass(frozen=True)
class Outcome:
    """The verdict at one epsilon; `winning_rate` is the share of raters that the judge beats."""

    epsilon: float
    winning_rate: float
    passed: bool
    p: Mapping[str, float]


@dataclass(frozen=True)
class AltTest:
    """Verdicts at several epsilons, and the mean share of responses on which the judge is as near as the rater."""

    score: Score
    advantage: float | None
    responses: Mapping[str, int]
    outcomes: tuple[Outcome, ...]
    reason: str | None

    def as_json(self) -> dict[str, Any]:
        """The test for a program."""
        return asdict(self)


def alt_test(
    ratings: Floats, system: Floats, names: tuple[str, ...], score: Score = "rmse", fdr: float = 0.05
) -> AltTest:
    """The test on ratings of shape (responses, raters), NaN for none, and the judge's scores."""
    wins = {name: _wins(ratings, system, place, score) for place, name in enumerate(names)}
    counted = {name: len(judge) for name, (judge, _) in wins.items()}
    enough = [name for name in names if counted[name] >= LEAST]
    if len(names) < 2 or not enough:
        alone = len(names) < 2
        nothing = "one rater has nobody to be compared with" if alone else f"no rater shares {LEAST} responses"
        return AltTest(score, None, counted, (), nothing)
    advantage = float(np.mean([wins[name][0].mean() for name in enough]))
    outcomes = []
    for epsilon in EPSILONS:
        p = {name: _p(wins[name][1] - wins[name][0], epsilon) for name in enough}
        beaten = benjamini_yekutieli(list(p.values()), fdr)
        rate = sum(beaten) / len(enough)
        outcomes.append(Outcome(epsilon, rate, rate >= 0.5, p))
    why = "two raters only: the test was made for three or more" if len(names) == 2 else None
    return AltTest(score, advantage, counted, tuple(outcomes), why)


def _wins(ratings: Floats, system: Floats, place: int, score: Score) -> tuple[Floats, Floats]:
    """Whether judge and rater are each at least as near to the other raters as the other, response by response."""
    others, own = np.delete(ratings, place, axis=1), ratings[:, place]
    rows = ~(np.isnan(own) | np.isnan(system)) & (~np.isnan(others)).any(axis=1)
    judge, rater = (_nearness(one[rows], others[rows], score) for one in (system, own))
    return (judge >= rater - 1e-12).astype(np.float64), (rater >= judge - 1e-12).astype(np.float64)


def _nearness(scores: Floats, others: Floats, score: Score) -> Floats:
    apart = scores[:, None] - others
    if score == "accuracy":
        return np.asarray(np.nanmean(np.where(np.isnan(apart), np.nan, np.abs(apart) < 1e-9), axis=1))
    return np.asarray(-np.sqrt(np.nanmean(apart**2, axis=1)))


def _p(lost: Floats, epsilon: float) -> float:
    """p of "the rater wins by epsilon or more", by a one-sided t test of the paired differences."""
    n, spread = len(lost), float(lost.std(ddof=1))
    if spread < 1e-12:
        return 0.0 if lost.mean() < epsilon else 1.0
    return float(stdtr(n - 1, (lost.mean() - epsilon) / (spread / np.sqrt(n))))


def benjamini_yekutieli(p: list[float], fdr: float) -> list[bool]:
    """Which hypotheses fall, at this false discovery rate, however they depend on each other (2001)."""
    m = len(p)
    harmonic = sum(1 / rank for rank in range(1, m + 1))
    order = np.argsort(p, kind="stable")
    kept = [rank for rank, at in enumerate(order, 1) if p[at] <= rank * fdr / (m * harmonic)]
    fallen = set(order[: max(kept, default=0)].tolist())
    return [at in fallen for at in range(m)]

"""Does the gate keep its promise? Worlds in which the true risk is known, calibrated again and again.

A world has a confidence for every response and the chance that releasing it is a loss. Each replicate labels n
responses and lets three rules choose a threshold: the gate; the lowest threshold whose observed risk is at most alpha;
and the lowest whose own upper bound is. A rule is wrong when the true risk of what it would release is above alpha.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.errors import EvalError
from eval.gate_chain import Promise, chain, chosen, p_value, released_at, thresholds_of, weights_of
from eval.gate_data import GateColumns, confidences, read_responses, samples_of
from eval.gate_run import GateRequest, declaration_of, responses_of
from eval.pairs import Floats, Places
from rubrics.losses import ScoreScale

POPULATION = 20_000
UNLABELLED = 2_000
RULES = ("gate", "observed risk", "own bound")
SIZES = (100, 200, 500, 1000)
TIED = 0.6


@dataclass(frozen=True)
class World:
    """Every response there could be: its confidence and the chance of a loss, most confident first."""

    name: str
    confidence: Floats
    risk: Floats

    @classmethod
    def of(cls, name: str, confidence: Floats, risk: Floats) -> "World":
        """A world in the order it needs."""
        order = np.argsort(-confidence, kind="stable")
        return cls(name, confidence[order], risk[order])

    def risk_at(self, thresholds: Floats) -> Floats:
        """The true risk of releasing at each threshold or above; 0 where that is nothing."""
        released = released_at(self.confidence, thresholds)
        summed = np.concatenate([[0.0], np.cumsum(self.risk)])
        return np.asarray(summed[released] / np.maximum(released, 1), dtype=np.float64)

    def share_at(self, thresholds: Floats) -> Floats:
        """The share of all responses that each threshold releases."""
        return np.asarray(released_at(self.confidence, thresholds) / len(self.confidence), dtype=np.float64)


@dataclass(frozen=True)
class Outcome:
    """What one rule did in one world with n labels."""

    world: str
    labels: int
    rule: str
    wrong: float
    share: float
    nothing: float
    replicates: int

    def limit(self, delta: float) -> float:
        """The most wrong replicates that chance explains: delta and three standard errors."""
        return delta + 3 * math.sqrt(delta * (1 - delta) / self.replicates)


def worlds(alpha: float, seed: int = 0) -> tuple[World, ...]:
    """Six worlds: each tempts a rule in another way."""
    place = (np.arange(POPULATION) + 0.5) / POPULATION
    falling = np.minimum(1.0, 2.44 * alpha * (1 - place))
    ramp = 0.3 * alpha + np.where(place > 0.5, 0.0, 6 * alpha * (0.5 - place))
    mixed = np.random.default_rng(seed).permutation(falling) * (1.02 * alpha / falling.mean())
    return (
        World.of("risk just over alpha", place, np.full(POPULATION, 1.01 * alpha)),
        World.of("risk falls with confidence", place, falling),
        World.of("low risk in the upper half", place, np.minimum(1.0, ramp)),
        World.of("risk rises with confidence", place, np.minimum(1.0, alpha * (0.5 + 1.5 * place))),
        World.of("confidence says nothing", place, np.minimum(1.0, mixed)),
        World.of("60 % at the top confidence", np.where(place > 1 - TIED, 1.0, place), falling),
    )


def worlds_of(confidence: Floats, lost: NDArray[np.bool_] | None, alpha: float, seed: int = 0) -> tuple[World, ...]:
    """Worlds with the confidences of a table, ties and all; with its losses too, where it has labels."""
    known = confidence[~np.isnan(confidence)]
    rank = np.searchsorted(np.sort(known), known, side="right") / len(known)
    made = [
        World.of("your confidences, risk just over alpha", known, np.full(len(known), 1.01 * alpha)),
        World.of("your confidences, risk falls with them", known, np.minimum(1.0, 2.44 * alpha * (1 - rank))),
    ]
    if lost is not None:
        own = lost[~np.isnan(confidence)].astype(np.float64)
        shuffled = np.random.default_rng(seed).permutation(own)
        made += [World.of("your table", known, own), World.of("your table, losses shuffled", known, shuffled)]
    return tuple(made)


def table_of(request: GateRequest) -> tuple[Floats, NDArray[np.bool_] | None]:
    """A table's confidences and, where it has human scores, which of the labelled responses are losses."""
    if request.columns.get("confidence") is None:
        raise EvalError("name the column of confidences: --confidence")
    if request.columns.get("human") is None:
        name = str(request.columns["confidence"])
        alone = GateColumns(name, name, confidence=name)
        return confidences(read_responses(request.table, alone, ScoreScale(minimum=0, maximum=1, step=1))), None
    responses = responses_of(request)
    [sample] = samples_of(responses, declaration_of(request, responses)).values()
    return sample.confidence, sample.lost


def simulate(
    world: World, labels: int, promise: Promise, replicates: int, seed: int = 0, own_thresholds: bool = False
) -> list[Outcome]:
    """What each rule does when `labels` responses are labelled, over and over.

    Thresholds come from other, unlabelled responses, or from the labelled ones' own confidences.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(world.confidence), (replicates, labels))
    lost = random.random(drawn.shape) < world.risk[drawn]
    unlabelled = random.choice(world.confidence, min(UNLABELLED, len(world.confidence)), replace=False)
    shared = thresholds_of(unlabelled)
    tables = [
        _counts(world.confidence[row], lost[at], None if own_thresholds else shared) for at, row in enumerate(drawn)
    ]
    widest = max(len(thresholds) for thresholds, _, _ in tables)
    grid, released, losses = (np.array([_padded(table[part], widest) for table in tables]) for part in range(3))
    p = p_value(losses.astype(np.int64), released.astype(np.int64), promise.alpha)
    weights = np.array([weights_of([row], promise, labels) for row in released.astype(np.int64)])
    verdicts = {
        "gate": chain(p, weights, promise.delta)[0],
        "observed risk": (released > 0) & (losses <= promise.alpha * released),
        "own bound": p <= promise.delta,
    }
    return [_outcome(world, labels, rule, verdicts[rule], grid, promise) for rule in RULES]


def rerun(
    worlds: Sequence[World], sizes: Sequence[int], promise: Promise, replicates: int, seed: int = 0, own: bool = False
) -> Iterator[Outcome]:
    """Every world with every number of labels, one after the other."""
    for place, world in enumerate(worlds):
        for size in sizes:
            yield from simulate(world, size, promise, replicates, seed + 1000 * place + size, own)


@dataclass(frozen=True)
class Splits:
    """Real labels, split in halves many times: chosen on one, checked on the other."""

    splits: int
    open: int
    share: float
    risk: float
    above: float

    def as_json(self) -> dict[str, float]:
        """The figures by name."""
        return {
            "splits": self.splits,
            "open": self.open,
            "share_released": self.share,
            "risk_of_other_half": self.risk,
            "other_half_above_alpha": self.above,
        }


def split_check(
    confidence: Floats, lost: NDArray[np.bool_], promise: Promise, splits: int = 200, seed: int = 0
) -> Splits:
    """Choose on a random half, look at the other: `above` is the share of all splits whose other half lies above alpha.

    The other half's own chance is in that share, so it may exceed delta by a little where the gate is tight.
    """
    random = np.random.default_rng(seed)
    found = []
    half = len(lost) // 2
    for _ in range(splits):
        order = random.permutation(len(lost))
        first, second = order[:half], order[half:]
        thresholds, released, losses = _counts(confidence[first], lost[first], None)
        passed = chain(p_value(losses, released, promise.alpha), weights_of([released], promise, half), promise.delta)[
            0
        ]
        at = chosen(np.asarray(passed))
        if at is not None:
            out = confidence[second] >= thresholds[at]
            found.append((float(out.mean()), float(lost[second][out].mean()) if out.any() else 0.0))
    if not found:
        return Splits(splits, 0, 0.0, 0.0, 0.0)
    shares, risks = np.array(found).T
    above = float((risks > promise.alpha).sum() / splits)
    return Splits(splits, len(found), float(shares.mean()), float(risks.mean()), above)


def _counts(confidence: Floats, lost: NDArray[np.bool_], thresholds: Floats | None) -> tuple[Floats, Places, Places]:
    grid = thresholds_of(confidence) if thresholds is None else thresholds
    return grid, released_at(confidence, grid), released_at(confidence[lost], grid)


def _padded(row: NDArray[np.float64] | Places, width: int) -> Floats:
    """A row made as wide as the widest by saying its last threshold again, which changes no rule's choice."""
    return np.asarray(np.concatenate([row, np.repeat(row[-1:], width - len(row))]), dtype=np.float64)


def _outcome(
    world: World, labels: int, rule: str, passed: NDArray[np.bool_], grid: Floats, promise: Promise
) -> Outcome:
    some = passed.any(axis=1)
    place = passed.shape[1] - 1 - np.argmax(passed[:, ::-1], axis=1)
    thresholds = grid[np.arange(len(grid)), place]
    wrong = some & (world.risk_at(thresholds) > promise.alpha + 1e-12)
    share = np.where(some, world.share_at(thresholds), 0.0)
    return Outcome(
        world.name, labels, rule, float(wrong.mean()), float(share.mean()), float(1 - some.mean()), len(grid)
    )


def outcomes_json(outcomes: Sequence[Outcome], promise: Promise, splits: Splits | None) -> Mapping[str, object]:
    """A simulation's outcomes for a program."""
    rows = [
        {
            "world": one.world,
            "labels": one.labels,
            "rule": one.rule,
            "violation_rate": one.wrong,
            "limit": one.limit(promise.delta),
            "share_released": one.share,
            "nothing_released": one.nothing,
            "replicates": one.replicates,
        }
        for one in outcomes
    ]
    checked = None if splits is None else splits.as_json()
    return {"alpha": promise.alpha, "delta": promise.delta, "outcomes": rows, "splits": checked}

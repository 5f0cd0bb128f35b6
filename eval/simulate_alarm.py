"""How often the alarm of an audit rings, and after how many readings, at a true risk that is known."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eval.drift_process import Reading, evidence
from eval.gate_chain import Promise

TIMES_ALPHA = (1.0, 1.6, 2.0, 3.0)
READINGS = 2_000


@dataclass(frozen=True)
class Rung:
    """What became of many streams of readings with one true risk."""

    risk: float
    rang: float
    median: float | None
    streams: int

    def as_json(self) -> dict[str, Any]:
        """The figures by name."""
        return asdict(self)


def ring(risk: float, promise: Promise, streams: int, seed: int = 0, readings: int = READINGS) -> Rung:
    """The share of streams in which the alarm rings within so many readings, looking after each, and when (median)."""
    random = np.random.default_rng(seed)
    at = []
    for _ in range(streams):
        stream = (Reading(bool(lost)) for lost in random.random(readings) < risk)
        found = evidence(stream, promise.alpha, promise.delta)
        if found.at is not None:
            at.append(found.at)
    return Rung(risk, len(at) / streams, float(np.median(at)) if at else None, streams)


def alarms(promise: Promise, streams: int, seed: int = 0) -> list[Rung]:
    """From the promised risk, where each alarm is false, to three times of it."""
    return [ring(min(0.99, times * promise.alpha), promise, streams, seed) for times in TIMES_ALPHA]

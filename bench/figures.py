"""What a benchmark prints: figures, each beside a baseline that was measured in the same run."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured number; lower is better, unless its name says that more is."""

    name: str
    value: float
    unit: str
    baseline: float
    baseline_name: str

    def as_json(self) -> dict[str, object]:
        """The figure with its ratio; no ratio where the baseline is nothing."""
        return {
            "name": self.name,
            "value": round(self.value, 3),
            "unit": self.unit,
            "baseline": {"name": self.baseline_name, "value": round(self.baseline, 4)},
            "ratio": round(self.value / self.baseline, 2) if self.baseline else None,
        }


def publish(benchmark: str, conditions: str, figures: Sequence[Figure]) -> None:
    """Print the one JSON object that bench/run.py reads."""
    rows = [figure.as_json() for figure in figures]
    print(json.dumps({"benchmark": benchmark, "conditions": conditions, "figures": rows}, ensure_ascii=False))


def cpu_milliseconds(work: Callable[[], object]) -> float:
    """CPU time of this process for one call: what others do on the machine does not count."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000

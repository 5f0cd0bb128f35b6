"""What every contender does: wait for the start, judge every essay in six steps of half a second, say how it went.

Only the standard library: a contender may run in an environment of its own. The process that started it measures CPU
and memory from outside, between "ready" and the last line.
"""

import json
import statistics
import sys
import time
from dataclasses import dataclass, field

STEPS = 6
STEP_SECONDS = 0.5


@dataclass
class Race:
    """One run of one contender: how many essays, how many of them side by side, and where records are kept."""

    essays: int
    at_once: int
    url: str
    folder: str
    began: float = 0.0
    first: dict[int, float] = field(default_factory=dict)

    @classmethod
    def from_arguments(cls) -> "Race":
        """ESSAYS AT_ONCE URL FOLDER, as the benchmark passes them."""
        essays, at_once, url, folder = sys.argv[1:5]
        return cls(int(essays), int(at_once), url, folder)

    def wait_for_start(self) -> None:
        """Everything is handed in and the engine is warm: the clock starts when the benchmark says so."""
        print("ready", flush=True)
        if not sys.stdin.readline():
            raise SystemExit("the benchmark ended")
        self.began = time.monotonic()

    def step_begins(self, essay: int) -> None:
        """Remember when an essay's first step began."""
        self.first.setdefault(essay, time.monotonic() - self.began)

    def passed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    def finish(self, seconds: float, records: int, recorded_seconds: float = 0, **more: object) -> None:
        """Print what was reached: seconds until the last essay was done, step records found, seconds until the last."""
        waits = sorted(self.first.values())
        print(
            json.dumps(
                {
                    "essays": self.essays,
                    "seconds": seconds,
                    "records": records,
                    "lost": self.essays * STEPS - records,
                    "first_step_p50": statistics.median(waits),
                    "first_step_p95": waits[int(len(waits) * 0.95)],
                    "recorded_seconds": recorded_seconds,
                    **more,
                }
            ),
            flush=True,
        )

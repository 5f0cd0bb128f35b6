"""How far a run is: one line on the terminal that is written over, or a line now and then where there is none."""

import sys
import threading
import time
from typing import TextIO

WIDTH = 24
EVERY_SECONDS = 0.2
EVERY_SECONDS_IN_A_FILE = 10.0


class Progress:
    """Counts sheets and money; call it with what was added and what was spent in all."""

    def __init__(self, total: int, *, paid: bool, out: TextIO | None = None) -> None:
        self._total, self._paid, self._out = total, paid, out or sys.stderr
        self._done = self._before = 0
        self._spent_before: float | None = None
        self._spent = 0.0
        self._started = self._last = time.monotonic()
        self._turn = threading.Lock()
        self._lives = self._out.isatty()

    def begin(self, done: int, spent: float) -> None:
        """Say what was done by an earlier run, which tells nothing of how fast this one is."""
        self._done = self._before = done
        self._spent = self._spent_before = spent
        self._started = time.monotonic()

    def __call__(self, sheets: int, spent: float) -> None:
        """Count sheets and show the line if it is time."""
        with self._turn:
            self._done += sheets
            self._spent = spent
            every = EVERY_SECONDS if self._lives else EVERY_SECONDS_IN_A_FILE
            if time.monotonic() - self._last >= every:
                self._last = time.monotonic()
                self._show()

    def _show(self) -> None:
        end = "\r" if self._lives else "\n"
        self._out.write(f"{self.line()}{'   ' if self._lives else ''}{end}")
        self._out.flush()

    def line(self) -> str:
        """How many of how many, how fast, how long, and what it takes."""
        filled = round(WIDTH * self._done / max(1, self._total))
        parts = [f"{'#' * filled}{'.' * (WIDTH - filled)} {self._done:,} of {self._total:,} sheets"]
        new, passed = self._done - self._before, time.monotonic() - self._started
        if new > 0 and passed > 0:
            rate, left = new / passed, self._total - self._done
            parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min")
            parts.append(f"{_span(left / rate)} to go")
        if self._paid:
            parts.append(f"${self._spent:.2f} spent")
            if new > 0:
                each = (self._spent - (self._spent_before or 0.0)) / new
                parts.append(f"about ${each * (self._total - self._done):.2f} to go")
        return ", ".join(parts)

    def end(self) -> None:
        """The last line, which stays."""
        with self._turn:
            if self._lives:
                self._out.write(f"{self.line()}   \n")
            self._out.flush()


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

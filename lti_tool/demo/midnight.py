"""A demo that strangers share begins afresh at midnight, when nobody is just looking; its banner says so before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta

QUIET = timedelta(minutes=2)  # an open page asks for its gradebook every few seconds
LONGEST = timedelta(minutes=30)
SOON = timedelta(minutes=30)


class Midnight:
    """When a demo that began now begins afresh, by this machine's clock."""

    def __init__(self, clock: Callable[[], datetime] = datetime.now) -> None:
        self._clock = clock
        self._visited: datetime | None = None
        self.at = datetime.combine(clock().date() + timedelta(days=1), time.min)

    def visit(self) -> None:
        """Somebody is looking just now."""
        self._visited = self._clock()

    def is_over(self) -> bool:
        """Whether it is to begin afresh now: at midnight, or when the last one has left, half an hour later at most."""
        now = self._clock()
        is_quiet = self._visited is None or now - self._visited >= QUIET
        return now >= self.at and (is_quiet or now >= self.at + LONGEST)

    @property
    def words(self) -> str:
        """What the banner says."""
        left = self.at - self._clock()
        if left > SOON:
            return "Resets at midnight."
        if left > timedelta(0):
            minutes = -(-left // timedelta(minutes=1))
            return f"Resets at midnight, in {minutes} min: what was tried here is gone then."
        return f"Resets when you leave, at {self.at + LONGEST:%H:%M} at the latest."

"""Whose question is put to a judge next, when not all can be put at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

OTHERS_EVERY = 5  # every so many questions one goes to the bulk, if it waits


class Turns:
    """At most `at_once` questions at a time: first those somebody waits for, and every fifth to the others."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self.under_way = 0
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._since_others = 0

    @property
    def waiting(self) -> int:
        """How many questions wait for their turn."""
        return len(self._urgent) + len(self._others)

    @asynccontextmanager
    async def turn(self, *, urgent: bool) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the end of the block."""
        await self._wait(self._urgent if urgent else self._others)
        try:
            yield
        finally:
            self.under_way -= 1
            self._call_next()

    async def _wait(self, line: deque[asyncio.Future[None]]) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(called)
        self._call_next()
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():  # called and cancelled in one moment: the turn goes on
                self.under_way -= 1
            elif called in line:
                line.remove(called)
            self._call_next()
            raise

    def _call_next(self) -> None:
        while self.under_way < self._at_once and self.waiting:
            called = self._next_line().popleft()
            if not called.done():
                self.under_way += 1
                called.set_result(None)

    def _next_line(self) -> deque[asyncio.Future[None]]:
        if not self._others or (self._urgent and self._since_others < OTHERS_EVERY - 1):
            self._since_others += 1
            return self._urgent
        self._since_others = 0
        return self._others

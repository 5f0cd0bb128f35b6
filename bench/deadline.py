"""Thirty thousand essays at a deadline, simulated: how long the provider's limits and the engine's cost take together.

Time is simulated, the rules are not: chunks, places and turns are those of the executor (`flows/portions.py`,
`flows/turns.py`), run on a clock that jumps. Assumed are the limits and the pace of a provider, and the CPU an essay
that `bench/durable.py` measures. All essays are there at once, and somebody clicks every twenty seconds meanwhile.
"""

import argparse
import asyncio
import random
import selectors
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from bench.figures import Figure, publish
from flows.portions import BULK, CLASSES, URGENT, Places, essays_in_hand, portion
from flows.turns import Turns

QUESTIONS = 6
CRITERIA_AT_ONCE = 3
CLICK_EVERY = 20.0
STEP = 0.05  # seconds between two looks of an executor


class Jumping(selectors.SelectSelector):
    """Instead of waiting, moves the clock on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Nothing ever comes from outside."""
        self.now += timeout or 0.0
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop on simulated time."""

    def __init__(self) -> None:
        self._clock = Jumping()
        super().__init__(self._clock)

    def time(self) -> float:
        """Simulated seconds."""
        return self._clock.now


class Queue:
    """Something that does one thing after the other on so many servers, each taking so long."""

    def __init__(self, servers: int, seconds: float) -> None:
        self._free, self._seconds = [0.0] * servers, seconds

    async def serve(self) -> None:
        """Wait for a server, and until it is done."""
        now = asyncio.get_running_loop().time()
        first = min(range(len(self._free)), key=self._free.__getitem__)
        self._free[first] = max(now, self._free[first]) + self._seconds
        await asyncio.sleep(self._free[first] - now)


class Deadline:
    """One run: what waits, and the executors that share a provider and a machine."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.waiting = Counter({BULK: asked.essays, URGENT: 0})
        self.ended = 0
        self.ended_at = 0.0
        self.clicks: list[float] = []
        self.limit = Queue(1, 60 / asked.per_minute)
        self.machine = Queue(asked.cores, asked.cpu_ms / 1000 / QUESTIONS)
        self.pace = random.Random(0)
        self.clicked: list[float] = []

    async def run(self) -> float:
        """Seconds until the last essay of the deadline is judged."""
        clicking = asyncio.create_task(self._click())
        executors = [asyncio.create_task(self._execute()) for _ in range(self.asked.executors)]
        await asyncio.gather(*executors)
        clicking.cancel()
        return self.ended_at

    async def _click(self) -> None:
        while True:
            await asyncio.sleep(self.pace.expovariate(1 / CLICK_EVERY))
            self.clicked.append(asyncio.get_running_loop().time())
            self.waiting[URGENT] += 1

    async def _execute(self) -> None:
        turns, taken, running = Turns(self.asked.calls), Counter[str](), set()
        most = essays_in_hand(self.asked.calls)
        while self.ended < self.asked.essays:
            for of_class in CLASSES:
                places = Places(most, taken)
                free = places.free(of_class)
                for _ in range(portion(self.waiting[of_class], free, taken[of_class], places.chunk)):
                    self.waiting[of_class] -= 1
                    taken[of_class] += 1
                    task = asyncio.create_task(self._judge(turns, of_class, taken))
                    running.add(task)
                    task.add_done_callback(running.discard)
            await asyncio.sleep(STEP)
        await asyncio.gather(*running)

    async def _judge(self, turns: Turns, of_class: str, taken: Counter[str]) -> None:
        clicked = self.clicked.pop(0) if of_class == URGENT else 0.0
        criteria = asyncio.Semaphore(CRITERIA_AT_ONCE)
        await asyncio.gather(*(self._ask(turns, of_class, criteria) for _ in range(QUESTIONS)))
        taken[of_class] -= 1
        if of_class == URGENT:
            self.clicks.append(asyncio.get_running_loop().time() - clicked)
        else:
            self.ended += 1
            self.ended_at = asyncio.get_running_loop().time()

    async def _ask(self, turns: Turns, of_class: str, criteria: asyncio.Semaphore) -> None:
        async with criteria:
            async with turns.turn(urgent=of_class == URGENT):
                await self.limit.serve()
                await asyncio.sleep(self.pace.lognormvariate(0, 0.4) * self.asked.latency)
            await self.machine.serve()


def main() -> None:
    """Simulate with and without the limit, and print."""
    asked = arguments()
    limited, clicks = simulated(asked)
    asked.per_minute, limit = 10**9, asked.per_minute
    unlimited, _ = simulated(asked)
    ideal = asked.essays * QUESTIONS / limit
    p95 = sorted(clicks)[int(len(clicks) * 0.95)]
    alone = 2 * asked.latency
    what = f"{asked.essays:,} essays"
    publish(
        "deadline",
        f"simulated: {asked.executors} executors with {asked.calls} calls at once, {asked.latency:g} s a call",
        [
            Figure(f"{what}, {limit:,} requests a minute", limited / 60, "min", ideal, "the limit alone"),
            Figure(f"{what}, no limit", unlimited / 60, "min", ideal, "the limit alone"),
            Figure("a click meanwhile, p50", statistics.median(clicks), "s", alone, "an idle system"),
            Figure("a click meanwhile, p95", p95, "s", alone, "an idle system"),
        ],
    )


def simulated(asked: argparse.Namespace) -> tuple[float, Sequence[float]]:
    """Seconds until all is judged, and what each click waited."""
    loop = JumpingLoop()
    deadline = Deadline(asked)
    try:
        return loop.run_until_complete(deadline.run()), deadline.clicks
    finally:
        loop.close()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    number: Callable[..., Any] = parser.add_argument
    number("--essays", type=int, default=30_000, help="how many wait at the deadline (default %(default)s)")
    number("--executors", type=int, default=25, help="default %(default)s")
    number("--calls", type=int, default=16, help="calls at once of each executor (default %(default)s)")
    number("--per-minute", type=int, default=4000, help="the provider's requests a minute (default %(default)s)")
    number("--latency", type=float, default=4.0, help="seconds of a call, in the middle (default %(default)s)")
    number("--cpu-ms", type=float, default=60.0, help="the engine's CPU an essay (default %(default)s)")
    number("--cores", type=int, default=2, help="default %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    main()

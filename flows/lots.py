"""Many small reads and writes done together: what comes while one lot is under way goes into the next.

A transaction costs the same for one row as for fifty. With one essay in hand a lot is one item and nothing waits; with
a hundred, the ledger is written some dozens of times a second instead of some thousands.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Sequence[Item]], Sequence[Result | Exception]]

MOST = 100
BREATH_SECONDS = 0.03  # between two lots, while each holds several items: fewer and larger ones cost less


class Lots(Generic[Item, Result]):
    """An async function of one item whose calls are done in lots, one lot after the other, in a thread.

    `work` returns a result or an exception for each item. Where it raises, every item of the lot is done by itself,
    so that one that cannot be done costs the others nothing.
    """

    def __init__(self, work: Work[Item, Result], threads: Executor, most: int = MOST) -> None:
        self._work = work
        self._threads = threads
        self._most = most
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._busy = False
        self._under_way: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Result:
        """Have one item done; raises what its work raised."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._do_lots())
        return await done

    async def _do_lots(self) -> None:
        while self._waiting:
            # Whoever else is ready in this turn of the loop comes along.
            await asyncio.sleep(BREATH_SECONDS if self._busy else 0)
            lot = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
            self._busy = 1 < len(lot) < self._most
            results = await self._outcomes([item for item, _ in lot])
            for (_, done), result in zip(lot, results, strict=True):
                if done.done():
                    continue  # its caller was cancelled meanwhile
                if isinstance(result, BaseException):
                    done.set_exception(result)
                else:
                    done.set_result(result)

    async def _outcomes(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        try:
            return await self._in_thread(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
        alone = [await self._outcomes([item]) for item in items]
        return [outcome for [outcome] in alone]

    async def _in_thread(self, items: Sequence[Item]) -> Sequence[Result | Exception]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._work, items)

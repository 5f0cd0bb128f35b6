"""What a chunk of sheets needs besides their fingerprints: given to the flow's tasks through the context."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any

from flows.run_eval import Desk, OpenSheet


@dataclass
class Table:
    """The sheets of one flow run, and the desk they lie on."""

    desk: Desk
    sheets: dict[str, OpenSheet]
    threads: ThreadPoolExecutor
    calls: asyncio.Semaphore
    asking: dict[str, asyncio.Lock] = field(default_factory=dict)
    failed_in_a_row: int = 0

    async def in_thread(self, function: Any, *args: Any) -> Any:
        """Run what waits for a judge or a disk without holding up the others."""
        context = copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, lambda: context.run(function, *args))


TABLE: ContextVar[Table] = ContextVar("table")

"""Small writes done together: nobody waits without need, and nobody pays for another's fault."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from flows.lots import Lots


@pytest.fixture
def threads():
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_what_is_ready_together_is_one_lot_and_everybody_gets_their_own(threads) -> None:
    seen: list[list[int]] = []

    def double(items: Sequence[int]) -> list[int]:
        seen.append(list(items))
        return [2 * item for item in items]

    async def run() -> list[int]:
        lots = Lots[int, int](double, threads)
        return await asyncio.gather(*(lots(number) for number in range(5)))

    assert asyncio.run(run()) == [0, 2, 4, 6, 8]
    assert seen == [[0, 1, 2, 3, 4]]


def test_what_comes_while_a_lot_is_under_way_goes_into_the_next(threads) -> None:
    seen: list[list[str]] = []
    under_way, go_on = threading.Event(), threading.Event()

    def slow(items: Sequence[str]) -> Sequence[str]:
        seen.append(list(items))
        under_way.set()
        assert go_on.wait(10)
        return items

    async def run() -> None:
        lots = Lots[str, str](slow, threads)
        first = asyncio.create_task(lots("first"))
        await asyncio.to_thread(under_way.wait, 10)
        later = [asyncio.create_task(lots(name)) for name in ("second", "third")]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *later)

    asyncio.run(run())
    assert seen == [["first"], ["second", "third"]]


def test_a_lot_is_no_longer_than_said(threads) -> None:
    sizes = []

    def count(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return items

    async def run() -> None:
        lots = Lots[int, int](count, threads, most=3)
        await asyncio.gather(*(lots(number) for number in range(7)))

    asyncio.run(run())
    assert sizes == [3, 3, 1]


def test_one_that_cannot_be_done_costs_the_others_nothing(threads) -> None:
    def picky(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise ValueError("three")
        return list(items)

    async def run() -> list[int | BaseException]:
        lots = Lots[int, int](picky, threads)
        return await asyncio.gather(*(lots(number) for number in range(5)), return_exceptions=True)

    zero, one, two, three, four = asyncio.run(run())
    assert (zero, one, two, four) == (0, 1, 2, 4)
    assert isinstance(three, ValueError)


def test_an_outcome_that_is_an_error_is_raised_for_its_own_caller_alone(threads) -> None:
    async def run() -> list[int | BaseException]:
        lots = Lots[int, int](lambda items: [KeyError(one) if one == 1 else one for one in items], threads)
        return await asyncio.gather(*(lots(number) for number in range(3)), return_exceptions=True)

    zero, one, two = asyncio.run(run())
    assert (zero, two) == (0, 2)
    assert isinstance(one, KeyError)


def test_a_caller_that_gives_up_takes_nobody_along(threads) -> None:
    go_on = threading.Event()

    def slow(items: Sequence[int]) -> Sequence[int]:
        assert go_on.wait(10)
        return items

    async def run() -> int:
        lots = Lots[int, int](slow, threads)
        impatient, patient = asyncio.create_task(lots(1)), asyncio.create_task(lots(2))
        await asyncio.sleep(0.01)
        impatient.cancel()
        go_on.set()
        return await patient

    assert asyncio.run(run()) == 2


def test_while_lots_are_large_the_next_takes_a_breath_and_holds_more(threads) -> None:
    seen: list[list[int]] = []

    def keep(items: Sequence[int]) -> Sequence[int]:
        seen.append(list(items))
        return items

    async def run() -> None:
        lots = Lots[int, int](keep, threads)
        await asyncio.gather(lots(1), lots(2))
        third = asyncio.create_task(lots(3))
        for _ in range(5):  # turns of the loop in which a lot of one would have begun
            await asyncio.sleep(0)
        await asyncio.gather(third, lots(4))

    asyncio.run(run())
    assert seen == [[1, 2], [3, 4]]

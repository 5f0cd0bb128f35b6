"""Whose question is put next: those somebody waits for, and now and then one of the others."""

import asyncio

from flows.turns import OTHERS_EVERY, Turns


async def queue(turns: Turns, order: list[str], names: list[tuple[str, bool]]) -> list[asyncio.Task[None]]:
    async def ask(name: str, urgent: bool) -> None:
        async with turns.turn(urgent=urgent):
            order.append(name)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(ask(name, urgent)) for name, urgent in names]
    await asyncio.sleep(0)
    return tasks


def test_no_more_than_so_many_at_once() -> None:
    most = 0

    async def run() -> None:
        turns = Turns(3)

        async def ask() -> None:
            nonlocal most
            async with turns.turn(urgent=True):
                most = max(most, turns.under_way)
                await asyncio.sleep(0)

        await asyncio.gather(*(ask() for _ in range(20)))
        assert turns.under_way == 0

    asyncio.run(run())
    assert most == 3


def test_a_click_goes_ahead_of_the_pile_and_the_pile_moves_on_behind_a_crowd() -> None:
    order: list[str] = []

    async def run() -> None:
        turns = Turns(1)
        async with turns.turn(urgent=False):
            pile = await queue(turns, order, [("pile", False)] * 3)
            clicks = await queue(turns, order, [("click", True)] * 12)
        await asyncio.gather(*pile, *clicks)

    asyncio.run(run())
    assert order.index("click") == 0
    assert order[OTHERS_EVERY - 1] == "pile"
    assert order[2 * OTHERS_EVERY - 1] == "pile"
    assert order.count("pile") == 3


def test_who_gives_up_in_line_takes_no_turn_along() -> None:
    order: list[str] = []

    async def run() -> None:
        turns = Turns(1)
        async with turns.turn(urgent=True):
            [gone, stays] = await queue(turns, order, [("gone", True), ("stays", True)])
            gone.cancel()
        await asyncio.gather(gone, stays, return_exceptions=True)
        assert turns.under_way == 0

    asyncio.run(run())
    assert order == ["stays"]

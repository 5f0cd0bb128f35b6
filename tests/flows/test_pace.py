"""What all executors together may ask of a provider: places, a pace a minute, and who goes first."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier, Lock

import pytest
from sqlalchemy import func, select

from flows.pace import LEASE_SECONDS, Begun, Later, Pace
from flows.turns import Turns
from lti_tool.db import utc_now
from lti_tool.models import ProviderCall
from lti_tool.provider_limits import Limit, read_limits
from lti_tool.settings import Settings
from tests.flows.counting_judge import CountingJudge


@dataclass
class Hands:
    """A clock that a test turns."""

    now: datetime

    def __call__(self, session) -> datetime:
        return self.now

    def on(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def hands() -> Hands:
    return Hands(utc_now())


@pytest.fixture
def paces(either_world, hands) -> Iterator:
    """`paces(limit)`: as two executors keep to it."""

    def make(limit: Limit) -> tuple[Pace, Pace]:
        return tuple(Pace(either_world.database, {"claude": limit}, owner, hands) for owner in ("one", "two"))

    return make


def begun(pace: Pace, count: int, *, urgent: bool = True) -> list[Begun]:
    found = [pace.begin("claude", urgent) for _ in range(count)]
    return [one for one in found if isinstance(one, Begun)]


def test_two_executors_share_the_places(paces) -> None:
    one, two = paces(Limit(at_once=3))
    held = begun(one, 2)
    assert len(begun(two, 2)) == 1
    one.end(held[0])
    assert len(begun(two, 2)) == 1


def test_no_two_take_one_place_at_the_same_moment(either_world, paces) -> None:
    limit, together, most, lock = 4, Barrier(8, timeout=20), [0], Lock()

    def ask(number: int) -> int:
        pace = Pace(either_world.database, {"claude": Limit(at_once=limit)}, f"executor {number}")
        together.wait()
        taken = begun(pace, 3)
        with lock:
            most[0] += len(taken)
        return len(taken)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(8))) == limit
    assert most[0] == limit


def test_a_killed_executors_places_come_free_and_a_living_ones_do_not(paces, hands) -> None:
    killed, living = paces(Limit(at_once=2))
    begun(killed, 1), begun(living, 1)
    hands.on(LEASE_SECONDS * 0.7)
    living.renew()
    hands.on(LEASE_SECONDS * 0.7)
    assert len(begun(living, 5)) == 1


@pytest.mark.parametrize("a_minute", [1, 5, 60])
def test_no_minute_has_more_questions_than_it_may(paces, hands, a_minute) -> None:
    """Asked without pause by two executors, every window of a minute keeps to the number."""
    pair, at, step = paces(Limit(a_minute=a_minute)), [], 30 / a_minute
    for number in range(int(150 / step)):
        if begun(pair[number % 2], 1):
            at.append(number * step)
        hands.on(step)
    assert len(at) > a_minute
    for start in at:
        assert sum(start <= moment < start + 60 for moment in at) <= a_minute


def test_the_even_pace_is_kept_and_used(paces, hands) -> None:
    one, two = paces(Limit(a_minute=120))
    count = 0
    for number in range(240):  # a minute in quarters of a second
        count += len(begun((one, two)[number % 2], 1))
        hands.on(0.25)
    assert 100 <= count <= 120


def test_what_somebody_waits_for_may_use_the_burst_and_the_last_places(paces) -> None:
    one, _two = paces(Limit(at_once=5, a_minute=600))
    assert len(begun(one, 2, urgent=False)) == 1  # the even pace: the next in a tenth of a second
    assert len(begun(one, 20, urgent=True)) == 4
    assert isinstance(one.begin("claude", True), Later)


def test_the_bulk_leaves_a_fifth_of_the_places(paces) -> None:
    one, two = paces(Limit(at_once=5))
    assert len(begun(one, 9, urgent=False)) == 4
    assert len(begun(two, 9, urgent=True)) == 1


@pytest.mark.parametrize("limit", [Limit(at_once=4, a_minute=600), Limit(at_once=4), Limit(a_minute=600)])
def test_too_much_gives_everybody_a_break(paces, hands, limit) -> None:
    one, two = paces(limit)
    one.take_a_break(CountingJudge(name="claude:opus", paid=True), 20)
    assert begun(two, 1) == []
    hands.on(19)
    assert begun(two, 1) == []
    hands.on(2)
    assert len(begun(two, 1)) == 1


@pytest.mark.parametrize("limit", [Limit(at_once=2, a_minute=600), Limit(at_once=2), Limit(a_minute=600)])
def test_a_clock_that_is_set_back_holds_nobody_up(paces, hands, limit) -> None:
    """Neither the pace nor the places of a killed executor wait for the hour to come round again."""
    killed, living = paces(limit)
    begun(killed, 2), killed.take_a_break(CountingJudge(name="claude:opus", paid=True), 20)
    hands.on(-3600)
    assert len(begun(living, 1)) == 1


def test_a_judge_that_costs_nothing_or_has_no_limit_does_not_wait(either_world) -> None:
    pace = Pace(either_world.database, {"claude": Limit(at_once=1)}, "one")
    assert pace.limits(CountingJudge(name="claude:opus", paid=True))
    assert not pace.limits(CountingJudge(name="claude:opus", paid=False))
    assert not pace.limits(CountingJudge(name="elsewhere:m", paid=True))


def test_questions_wait_in_line_and_each_gives_its_place_back(world) -> None:
    pace, judge = Pace(world.database, {"claude": Limit(at_once=2)}, "one"), CountingJudge(name="claude:x", paid=True)
    under_way, most = [0], [0]

    async def ask() -> None:
        async with pace.turn(judge, urgent=True, in_thread=asyncio.to_thread):
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
            await asyncio.sleep(0)
            under_way[0] -= 1

    async def all_of_them() -> None:
        await asyncio.gather(*(ask() for _ in range(8)))

    asyncio.run(all_of_them())
    assert (under_way[0], most[0] <= 2) == (0, True)
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ProviderCall)) == 0


def test_what_waits_for_its_executor_keeps_no_place_from_another(world) -> None:
    pace, judge = Pace(world.database, {"claude": Limit(at_once=3)}, "one"), CountingJudge(name="claude:x", paid=True)
    own = partial(Turns(1).turn, urgent=True)

    async def three_where_one_may() -> list[int]:
        asking, go_on, places = asyncio.Event(), asyncio.Event(), []

        async def ask() -> None:
            async with pace.turn(judge, urgent=True, in_thread=asyncio.to_thread, own=own):
                with world.database.read() as session:
                    places.append(session.scalar(select(func.count()).select_from(ProviderCall)))
                asking.set()
                await go_on.wait()

        waiting = [asyncio.create_task(ask()) for _ in range(3)]
        await asking.wait()
        other = Pace(world.database, {"claude": Limit(at_once=3)}, "two")
        places.append(len(begun(other, 3)))
        go_on.set()
        await asyncio.gather(*waiting)
        return places

    # One asks and the other executor has both other places; then the two that waited ask, one after the other.
    assert asyncio.run(three_where_one_may()) == [1, 2, 3, 3]


def test_what_waits_for_its_provider_keeps_no_turn_from_others(world) -> None:
    pace, judge = Pace(world.database, {"claude": Limit(at_once=1)}, "one"), CountingJudge(name="claude:x", paid=True)
    free = CountingJudge(name="offline:x", paid=False)
    own = partial(Turns(1).turn, urgent=True)

    async def one_that_may_and_one_that_may_not() -> None:
        [taken] = begun(Pace(world.database, {"claude": Limit(at_once=1)}, "two"), 1)

        async def ask(which: CountingJudge) -> None:
            async with pace.turn(which, urgent=True, in_thread=asyncio.to_thread, own=own):
                pass

        waiting = asyncio.create_task(ask(judge))
        await asyncio.wait_for(asyncio.gather(*(ask(free) for _ in range(3))), 20)
        assert not waiting.done()
        pace.end(taken)
        await asyncio.wait_for(waiting, 20)

    asyncio.run(one_that_may_and_one_that_may_not())


def test_limits_are_read_from_the_settings() -> None:
    assert read_limits("claude=20/1000, other=/60,third=4") == {
        "claude": Limit(20, 1000),
        "other": Limit(0, 60),
        "third": Limit(4, 0),
    }
    assert Settings(judge_limits="claude=2").provider_limits == {"claude": Limit(2, 0)}
    for wrong in ("claude", "claude=", "claude=many", "=3", "claude=1/2/3"):
        with pytest.raises(ValueError, match="is no limit"):
            read_limits(wrong)
    with pytest.raises(ValueError, match="20 at a time"):
        Settings(judge_limits="claude")

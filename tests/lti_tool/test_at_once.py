"""Decisions about one submission that meet on PostgreSQL: whoever comes second waits, and is told what stands."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lti_tool import gate_deadlines, pending_releases, reviews
from lti_tool.attempts import submit
from lti_tool.db import Database, utc_now
from lti_tool.models import LessonScore, PendingRelease, Release, ReturnedWork, Submission
from lti_tool.pending_releases import carry_out_due, decide, postpone
from lti_tool.returns import return_work
from lti_tool.reviews import AlreadyReleased, Decision, ReviewProblem
from tests.conftest import World, populate
from tests.lti_tool.judged import all_at, decisions, judge_as, standing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

LATER = timedelta(minutes=2)


@pytest.fixture
def world(postgres_url: str) -> Iterator[World]:
    """The course on PostgreSQL, where writers are not alone."""
    database = Database(postgres_url)
    yield populate(database)
    database.close()


@pytest.fixture
def judged(world: World, sample_texts: dict[str, str]) -> tuple[int, int]:
    """An essay that waits at the gate: its id and its sheet's."""
    return _judged(world, sample_texts["essay"])


def _judged(world: World, essay: str) -> tuple[int, int]:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", essay)
        return sent.id, judge_as(session, sent, all_at(sent, 3)).id


def _postpone(session: Session, world: World, judged: tuple[int, int], batch: str = "b") -> None:
    sent = session.get_one(Submission, judged[0])
    given = decisions(all_at(sent, 3), claim=Decision(2, "wrong_level"))
    link, due = world.placement(session), utc_now() + LATER
    postpone(session, link, sent, world.ines_id, given, judged[1], due, batch)


def _send_back(world: World, judged: tuple[int, int]) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, judged[0])
        return_work(session, world.placement(session), sent, world.tom_id, "Once more, please.")


class Meanwhile:
    """Something that runs beside what is held open; `until_it_waits` returns when the database makes it wait."""

    def __init__(self, world: World, deed: Callable[[], Any]) -> None:
        self.world, self.deed = world, deed
        self.answer: Any = None
        self.thread = Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.answer = self.deed()
        except (AlreadyReleased, ReviewProblem, pending_releases.AlreadyPending) as told:
            self.answer = told

    def until_it_waits(self) -> None:
        locks = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        end = monotonic() + 20
        while self.thread.is_alive() and monotonic() < end:
            with self.world.database.read() as session:
                if session.scalar(locks):
                    return
            sleep(0.01)

    def ended(self) -> Any:
        self.thread.join(20)
        assert not self.thread.is_alive()
        return self.answer


def _stored(world: World) -> tuple[int, int, int]:
    """How many decisions are pending, how many releases and how many returns there are."""
    with world.database.read() as session:
        kinds = (PendingRelease, Release, ReturnedWork)
        return tuple(len(session.scalars(select(kind)).all()) for kind in kinds)  # type: ignore[return-value]


@pytest.mark.parametrize("policy", ["release", "return"])
def test_what_waited_too_long_is_left_to_whoever_decides_just_then(world, judged, policy) -> None:
    with world.database.write() as session:
        world.placement(session).settings = {"wait_days": 1, "wait_then": policy}
    with world.database.write() as session:
        _postpone(session, world, judged)
        over = utc_now() + timedelta(days=2)
        beside = Meanwhile(world, lambda: gate_deadlines.carry_out(world.database, over))
        beside.until_it_waits()
    assert beside.ended() == 0
    assert _stored(world) == (1, 0, 0)


def test_whoever_decides_anew_while_it_goes_out_is_told_that_it_went(world, judged, monkeypatch) -> None:
    with world.database.write() as session:
        _postpone(session, world, judged)
    going, go_on = Event(), Event()
    release = reviews.release

    def slowly(*told: Any) -> Release:
        going.set()
        assert go_on.wait(20)
        return release(*told)

    monkeypatch.setattr(reviews, "release", slowly)
    sender = Meanwhile(world, lambda: carry_out_due(world.database, utc_now() + LATER * 2))
    assert going.wait(20)

    def decide_anew() -> None:
        with world.database.write() as session:
            _postpone(session, world, judged, "anew")

    beside = Meanwhile(world, decide_anew)
    beside.until_it_waits()
    go_on.set()
    assert sender.ended() == 1
    assert isinstance(beside.ended(), AlreadyReleased)
    assert _stored(world) == (0, 1, 0)


def test_what_was_decided_anew_has_its_whole_time_again(world, sample_texts, monkeypatch) -> None:
    first, second = _judged(world, sample_texts["essay"]), _judged(world, sample_texts["essay"] + " Once more.")
    with world.database.write() as session:
        _postpone(session, world, first)
        _postpone(session, world, second)
    release = reviews.release

    def while_the_first_goes_out(*told: Any) -> Release:
        with world.database.write() as session:
            _postpone(session, world, second, "anew")
            session.get_one(PendingRelease, second[0]).due_at = utc_now() + LATER * 10
        return release(*told)

    monkeypatch.setattr(reviews, "release", while_the_first_goes_out)
    assert carry_out_due(world.database, utc_now() + LATER * 2) == 1
    with world.database.read() as session:
        assert session.scalars(select(PendingRelease.batch)).all() == ["anew"]


def test_a_release_and_a_return_at_once_are_one_of_them(world, judged) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, judged[0])
        decide(session, world.placement(session), sent, world.ines_id, decisions(all_at(sent, 3)), judged[1])
        beside = Meanwhile(world, lambda: _send_back(world, judged))
        beside.until_it_waits()
    assert isinstance(beside.ended(), AlreadyReleased)
    assert _stored(world) == (0, 1, 0)


def test_a_decision_for_later_and_a_return_at_once_are_one_of_them(world, judged) -> None:
    with world.database.write() as session:
        _postpone(session, world, judged)
        beside = Meanwhile(world, lambda: _send_back(world, judged))
        beside.until_it_waits()
    assert "decided this already" in str(beside.ended())
    assert _stored(world) == (1, 0, 0)


@pytest.fixture
def two_items(world: World, sample_texts: dict[str, str]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Two items of Ada's that make up her score and wait at the gate: each one's id and its sheet's."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"weights": {"q1": 50.0, "q2": 0.0, "essay": 50.0, "drawing": 0.0}}
        sent = [
            submit(session, link, world.ada_id, "essay", sample_texts["essay"]),
            submit(session, link, world.ada_id, "q1", "One row is written before the call."),
        ]
        essay, take = [(one.id, judge_as(session, one, all_at(one, 1)).id) for one in sent]
        return essay, take


def _release_at(session: Session, world: World, judged: tuple[int, int], level: int = 1) -> Release:
    """Release one item, or correct what was released of it."""
    sent, link = session.get_one(Submission, judged[0]), world.placement(session)
    given = {key: Decision(one, "wrong_level") for key, one in all_at(sent, level).items()}
    if level == 1:
        return reviews.release(session, link, sent, world.ines_id, given, judged[1])
    seen = standing(session, sent)
    return reviews.change(session, link, sent, world.ines_id, given, "It was read again.", seen_release_id=seen)


def _scored(world: World) -> list[float]:
    with world.database.read() as session:
        return list(session.scalars(select(LessonScore.given).order_by(LessonScore.sequence)))


def test_the_last_two_items_that_are_released_at_once_make_the_score(world, two_items) -> None:
    def release_the_other() -> Release:
        with world.database.write() as session:
            return _release_at(session, world, two_items[1])

    with world.database.write() as session:
        _release_at(session, world, two_items[0])
        beside = Meanwhile(world, release_the_other)
        beside.until_it_waits()
    assert isinstance(beside.ended(), Release)
    assert len(_scored(world)) == 1


def test_two_items_that_are_corrected_at_once_both_count_in_the_end(world, two_items) -> None:
    with world.database.write() as session:
        for judged in two_items:
            _release_at(session, world, judged)

    def correct_the_other() -> Release:
        with world.database.write() as session:
            return _release_at(session, world, two_items[1], level=0)

    with world.database.write() as session:
        _release_at(session, world, two_items[0], level=0)
        beside = Meanwhile(world, correct_the_other)
        beside.until_it_waits()
    assert isinstance(beside.ended(), Release)
    *before, last = _scored(world)
    assert (len(before), last) == (2, 0)

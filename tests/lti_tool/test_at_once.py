"""What people do at the same moment, on PostgreSQL: whoever comes second waits, and finds or is told what stands."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lti_tool import claims, gate_deadlines, jobs, pending_releases, rejudging, review_claims, reviews
from lti_tool.attempts import submit
from lti_tool.db import Database, utc_now
from lti_tool.lessons import lesson_here
from lti_tool.locks import lock_learner
from lti_tool.models import Job, PendingRelease, RejudgeDraft, Release, ReturnedWork, ReviewClaim, Submission
from lti_tool.pending_releases import carry_out_due, decide, postpone
from lti_tool.returns import return_work, take_again
from lti_tool.reviews import AlreadyReleased, Decision, ReviewProblem
from lti_tool.scores import lesson_standing, newest_score
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


def _to_a_half_each(session: Session, world: World) -> None:
    """The essay and the first hot-take are all that counts."""
    link = world.placement(session)
    weights = {item.id: 50 if item.id in ("essay", "q1") else 0 for item in lesson_here(session, link).lesson.items}
    link.settings = {"weights": weights}


def _release(session: Session, world: World, judged: tuple[int, int]) -> Release:
    sent = session.get_one(Submission, judged[0])
    given = decisions(all_at(sent, 1))
    return reviews.release(session, world.placement(session), sent, world.ines_id, given, judged[1])


def _correct(session: Session, world: World, judged: tuple[int, int]) -> Release:
    sent = session.get_one(Submission, judged[0])
    given = {one: Decision(level, "wrong_level") for one, level in all_at(sent, 2).items()}
    link, seen = world.placement(session), standing(session, sent)
    return reviews.change(session, link, sent, world.ines_id, given, "Read once more.", seen_release_id=seen)


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


def test_a_second_return_and_taking_the_first_one_back_do_not_wait_for_each_other(world, judged) -> None:
    _send_back(world, judged)
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, judged[0])
        lock_learner(session, link.id, world.ada_id)  # as `take_again` does, before it comes to the gate
        beside = Meanwhile(world, lambda: _send_back(world, judged))
        beside.until_it_waits()
        take_again(session, link, sent)
    assert "sent this back" in str(beside.ended())
    assert _stored(world) == (0, 0, 1)


@pytest.mark.parametrize("deed", [_release, _correct])
def test_two_items_of_a_learner_that_go_out_at_once_are_both_in_the_score(world, sample_texts, deed) -> None:
    with world.database.write() as session:
        _to_a_half_each(session, world)
        both = []
        for item_id in ("essay", "q1"):
            sent = submit(session, world.placement(session), world.ada_id, item_id, sample_texts[item_id])
            both.append((sent.id, judge_as(session, sent, all_at(sent, 1)).id))
            if deed is _correct:
                _release(session, world, both[-1])

    def the_other() -> Release:
        with world.database.write() as session:
            return deed(session, world, both[1])

    with world.database.write() as session:
        deed(session, world, both[0])
        beside = Meanwhile(world, the_other)
        beside.until_it_waits()
    assert isinstance(beside.ended(), Release)
    with world.database.read() as session:
        link = world.placement(session)
        now, score = lesson_standing(session, link, world.ada_id), newest_score(session, link, world.ada_id)
    assert score is not None
    assert score.given == now.given


def test_of_two_who_give_out_the_same_work_at_once_the_last_ones_word_holds(world, judged) -> None:
    def to_tom() -> None:
        with world.database.write() as session:
            review_claims.assign(session, [judged[0]], world.tom_id)

    with world.database.write() as session:
        review_claims.assign(session, [judged[0]], world.ines_id)
        session.flush()
        beside = Meanwhile(world, to_tom)
        beside.until_it_waits()
    assert beside.ended() is None
    with world.database.read() as session:
        assert session.scalars(select(ReviewClaim.person_id)).all() == [world.tom_id]


def test_of_two_who_judge_a_question_again_at_once_the_last_ones_draft_is_open(world, judged) -> None:
    def begin_too() -> int:
        with world.database.write() as session:
            return rejudging.begin(session, world.placement(session), "essay", by="tom-01").id

    with world.database.write() as session:
        rejudging.begin(session, world.placement(session), "essay", by="ines-01")
        beside = Meanwhile(world, begin_too)
        beside.until_it_waits()
    second = beside.ended()
    with world.database.read() as session:
        assert session.scalars(select(RejudgeDraft.id).where(RejudgeDraft.closed_at.is_(None))).all() == [second]


def test_judging_again_and_an_executor_that_holds_it_do_not_wait_for_each_other(world, sample_texts) -> None:
    first, second = (_judged(world, f"{sample_texts['essay']} {number}") for number in (1, 2))
    with world.database.write() as session:
        rejudging.begin(session, world.placement(session), "essay", by="ines-01", only=[second[0]])
    with world.database.write() as session:
        rejudging.begin(session, world.placement(session), "essay", by="ines-01")
    with world.database.write() as session:
        held = claims.claim(session, owner="a", limit=2, lease_seconds=60, kinds=[jobs.REJUDGE])
    with world.database.write() as session:  # what was written last comes last where a table is read from its start
        claims.renew(session, "a", [held[0].job_id], 60)
    assert [claim.submission_id for claim in held] == [second[0], first[0]]

    def again() -> None:
        with world.database.write() as session:
            jobs.enqueue_rejudging(session, [first[0], second[0]])

    with world.database.write() as session:
        assert jobs.hold_all(session, held[:1]) == {held[0]}
        beside = Meanwhile(world, again)
        beside.until_it_waits()
        assert jobs.hold_all(session, held) == set(held)
    beside.ended()
    with world.database.read() as session:
        assert set(session.scalars(select(Job.state).where(Job.kind == jobs.REJUDGE))) == {"queued"}

"""Who is on a submission: the first to open it, until they have been idle, or whoever it was given to."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest

from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.review_claims import IDLE, assign, give_up, graders, needs_taking, take
from lti_tool.review_queue import Wanted, next_to_review, queue
from tests.lti_tool.judged import all_at, judge_as


@pytest.fixture
def sent(either_world, sample_texts) -> int:
    with either_world.database.write() as session:
        essay = submit(session, either_world.placement(session), either_world.ada_id, "essay", sample_texts["essay"])
        judge_as(session, essay, all_at(essay, 3))
        return essay.id


def test_the_first_has_it_until_idle_and_then_the_next(either_world, sent) -> None:
    now = utc_now()
    ines, tom = either_world.ines_id, either_world.tom_id
    with either_world.database.write() as session:
        assert take(session, sent, ines, now) is None
        assert take(session, sent, ines, now) is None
        held = take(session, sent, tom, now)
        assert held is not None
        assert (held.handle, held.until) == ("ines-01", now + IDLE)
        assert take(session, sent, tom, now + IDLE + timedelta(seconds=1)) is None
        assert take(session, sent, ines, now + IDLE + timedelta(seconds=2)).handle == "tom-01"


def test_opening_again_writes_nothing_while_the_claim_is_fresh(either_world, sent) -> None:
    now = utc_now()
    with either_world.database.write() as session:
        assert needs_taking(session, sent, either_world.ines_id, now)
        take(session, sent, either_world.ines_id, now)
        assert not needs_taking(session, sent, either_world.ines_id, now + IDLE / 4)
        assert needs_taking(session, sent, either_world.ines_id, now + IDLE * 3 / 4)
        assert needs_taking(session, sent, either_world.tom_id, now)


def test_what_is_given_to_somebody_stays_with_them(either_world, sent) -> None:
    ines, tom = either_world.ines_id, either_world.tom_id
    with either_world.database.write() as session:
        link = either_world.placement(session)
        assert [person.handle for person in graders(session, link)] == ["ines-01", "tom-01"]
        assign(session, [sent], tom)
        held = take(session, sent, ines, utc_now() + timedelta(days=9))
        assert (held.handle, held.until) == ("tom-01", None)
        give_up(session, sent, tom)
        assert take(session, sent, ines).handle == "tom-01"
        assert [row.submission.id for row in queue(session, link, Wanted(reason="mine", grader_id=tom))] == [sent]
        assert queue(session, link, Wanted(reason="mine", grader_id=ines)) == []
        assign(session, [sent], None)
        assert take(session, sent, ines) is None


def test_the_next_row_passes_over_what_somebody_else_is_on(either_world, sample_texts, sent) -> None:
    with either_world.database.write() as session:
        link = either_world.placement(session)
        other = submit(session, link, either_world.bo_id, "essay", sample_texts["essay"] + " More.")
        judge_as(session, other, all_at(other, 2))
        wanted = Wanted(grader_id=either_world.ines_id)
        assert next_to_review(session, link, wanted, sent) == other.id
        assert next_to_review(session, link, wanted, other.id) == sent
        take(session, other.id, either_world.tom_id)
        assert next_to_review(session, link, wanted, sent) is None


def test_of_two_who_open_at_once_one_has_it(either_world, sent) -> None:
    barrier, told = Barrier(2), []

    def open_it(person_id: int) -> None:
        barrier.wait()
        with either_world.database.write() as session:
            told.append(take(session, sent, person_id))

    threads = [Thread(target=open_it, args=(one,)) for one in (either_world.ines_id, either_world.tom_id)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one is None for one in told) == 1

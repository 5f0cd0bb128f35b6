"""What counts of a hot-take: nothing that was sent after a rewrite was shown."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from lti_tool import coaching
from lti_tool.attempts import submit, withdraw
from lti_tool.coaching import first_rewrites, is_practice
from lti_tool.models import Job, Submission
from lti_tool.results import state_of
from lti_tool.returns import return_work
from lti_tool.reviews import ReviewProblem, release
from lti_tool.scores import lesson_standing
from tests.lti_tool.judged import decisions, judge_as

FIRST = "The function times out and the state is lost, so you start over."
REWRITE = "It times out, the state is lost, you start over."


def send(world, text: str, levels: dict[str, int], person_id: int | None = None) -> int:
    """Send, judge and release a take; returns the submission's id."""
    with world.database.write() as session:
        link = world.placement(session)
        sent = submit(session, link, person_id or world.ada_id, "q1", text)
        judgement = judge_as(session, sent, levels)
        release(session, link, sent, world.ines_id, decisions(levels), judgement.id)
        return sent.id


def show(world, submission_id: int, rewrite: str = REWRITE) -> None:
    with world.database.write() as session:
        job = session.scalars(select(Job).where(Job.submission_id == submission_id, Job.kind == "judge")).one()
        coaching.reply(session, job.id, {"why": "Right cause.", "rewrite": rewrite})


def points(world) -> float | None:
    with world.database.read() as session:
        return lesson_standing(session, world.placement(session), world.ada_id).parts["q1"]


def test_pasting_the_rewrite_back_wins_nothing(world) -> None:
    first = send(world, FIRST, {"hit": 2, "edge": 2, "form": 2})
    before = points(world)
    show(world, first)
    second = send(world, REWRITE, {"hit": 4, "edge": 4, "form": 2})
    assert points(world) == before
    with world.database.read() as session:
        assert not is_practice(session, session.get_one(Submission, first))
        assert is_practice(session, session.get_one(Submission, second))


def test_a_better_take_before_the_first_rewrite_counts(world) -> None:
    first = send(world, FIRST, {"hit": 2, "edge": 2, "form": 2})
    low = points(world)
    second = send(world, FIRST.replace("lost", "gone"), {"hit": 3, "edge": 3, "form": 2})
    show(world, first)
    show(world, second)
    assert low is not None
    assert points(world) is not None
    assert points(world) > low


def test_a_question_or_an_offline_reply_ends_nothing(world) -> None:
    first = send(world, FIRST, {"hit": 1, "edge": 1, "form": 2})
    show(world, first, rewrite="")
    second = send(world, FIRST.replace("lost", "gone"), {"hit": 4, "edge": 4, "form": 2})
    with world.database.read() as session:
        assert not is_practice(session, session.get_one(Submission, second))
    assert points(world) == 100


def test_taking_the_take_back_does_not_unsee_the_rewrite(world) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        sent = submit(session, link, world.ada_id, "q1", FIRST)
        judge_as(session, sent, {"hit": 3, "edge": 3, "form": 2})
        first = sent.id
    show(world, first)
    with world.database.write() as session:
        withdraw(session, world.placement(session), session.get_one(Submission, first))
    second = send(world, REWRITE, {"hit": 4, "edge": 4, "form": 2})
    with world.database.read() as session:
        assert is_practice(session, session.get_one(Submission, second))
    assert points(world) is None


def test_a_take_with_a_rewrite_is_not_returned_for_one_that_could_not_count(world) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        take = submit(session, link, world.ada_id, "q1", FIRST)
        judge_as(session, take, {"hit": 1, "edge": 1, "form": 2})
    show(world, take.id)
    with world.database.write() as session:
        sent = session.get_one(Submission, take.id)
        with pytest.raises(ReviewProblem, match="another take would be practice"):
            return_work(session, world.placement(session), sent, world.ines_id, "Once more, please.")
        assert state_of(session, sent) == "awaiting_review"


def test_another_learners_rewrite_and_another_items_are_theirs(world) -> None:
    show(world, send(world, FIRST, {"hit": 3, "edge": 3, "form": 2}, person_id=world.bo_id))
    mine = send(world, FIRST, {"hit": 4, "edge": 4, "form": 2})
    with world.database.read() as session:
        link = world.placement(session)
        assert set(first_rewrites(session, link, [world.ada_id, world.bo_id])) == {(world.bo_id, "q1")}
        assert not is_practice(session, session.get_one(Submission, mine))
    assert points(world) == 100


def test_a_rewrite_is_shown_when_its_row_is_written(world) -> None:
    first = send(world, FIRST, {"hit": 3, "edge": 3, "form": 2})
    show(world, first)
    with world.database.read() as session:
        link = world.placement(session)
        at = first_rewrites(session, link, [world.ada_id])[world.ada_id, "q1"]
        sent = session.get_one(Submission, first).sent_at
    assert sent <= at < sent + timedelta(minutes=1)

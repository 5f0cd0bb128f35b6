"""Decisions that take effect later: nobody sees them before, they can be taken back, and exactly one counts."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import select

from lti_tool import pending_releases
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import PendingRelease, Release, Submission
from lti_tool.pending_releases import AlreadyPending, carry_out_due, decide, follow_date, postpone, take_back
from lti_tool.results import state_of, student_sheet
from lti_tool.review_queue import Wanted, counts, queue
from lti_tool.reviews import Decision, ReviewProblem
from tests.lti_tool.judged import all_at, decisions, judge_as, releases

LATER = timedelta(minutes=2)


@pytest.fixture
def judged(either_world, sample_texts) -> tuple[int, int]:
    """An essay that waits at the gate: its id and its sheet's."""
    with either_world.database.write() as session:
        sent = submit(session, either_world.placement(session), either_world.ada_id, "essay", sample_texts["essay"])
        return sent.id, judge_as(session, sent, all_at(sent, 3)).id


def put_off(world, judged, *, by: int | None = None, due=None, levels: int = 3, batch: str = "b") -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, judged[0])
        given = decisions(all_at(sent, levels), **({"claim": Decision(2, "wrong_level")} if levels == 3 else {}))
        postpone(session, link, sent, by or world.ines_id, given, judged[1], due or utc_now() + LATER, batch)


def test_before_it_is_due_nobody_sees_it_and_then_it_is_a_release(either_world, judged) -> None:
    put_off(either_world, judged)
    assert carry_out_due(either_world.database) == 0
    with either_world.database.read() as session:
        sent, link = session.get_one(Submission, judged[0]), either_world.placement(session)
        assert student_sheet(session, sent) is None
        assert queue(session, link) == []
        assert [row.submission.id for row in queue(session, link, Wanted(tab="going_out"))] == [judged[0]]
        assert counts(session, link) == {"to_review": 0, "blind": 0, "going_out": 1, "all": 1}

    assert carry_out_due(either_world.database, utc_now() + LATER * 2) == 1

    (made,) = releases(either_world)
    assert (made.levels["claim"], made.levels["retry"]) == (2, 3)
    with either_world.database.read() as session:
        assert session.scalars(select(PendingRelease)).all() == []
        assert state_of(session, session.get_one(Submission, judged[0])) == "released"


def test_what_is_taken_back_waits_again(either_world, judged) -> None:
    put_off(either_world, judged, batch="mine")
    with either_world.database.write() as session:
        link = either_world.placement(session)
        assert take_back(session, link, "other") == 0
        assert take_back(session, link, "mine") == 1
        assert [row.submission.id for row in queue(session, link)] == [judged[0]]
    assert carry_out_due(either_world.database, utc_now() + LATER * 2) == 0


def test_two_executors_make_one_release(either_world, judged) -> None:
    put_off(either_world, judged)
    barrier, made = Barrier(2), []

    def carry_out() -> None:
        barrier.wait()
        made.append(carry_out_due(either_world.database, utc_now() + LATER * 2))

    threads = [Thread(target=carry_out) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 1]
    assert len(releases(either_world)) == 1


def test_a_second_instructor_is_told(either_world, judged) -> None:
    put_off(either_world, judged)
    with pytest.raises(AlreadyPending) as told:
        put_off(either_world, judged, by=either_world.tom_id)
    assert told.value.handle == "ines-01"
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, judged[0])
        with pytest.raises(AlreadyPending):
            decide(session, link, sent, either_world.tom_id, decisions(all_at(sent, 3)), judged[1])


def test_one_may_decide_anew_what_one_decided(either_world, judged) -> None:
    put_off(either_world, judged)
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, judged[0])
        again = decisions(all_at(sent, 3))
        postpone(session, link, sent, either_world.ines_id, again, judged[1], utc_now() + LATER, "c")
    carry_out_due(either_world.database, utc_now() + LATER * 2)
    (made,) = releases(either_world)
    assert made.levels["claim"] == 3


def test_what_is_not_true_any_more_comes_back_with_its_sentence(either_world, judged) -> None:
    put_off(either_world, judged)
    with either_world.database.write() as session:
        sent = session.get_one(Submission, judged[0])
        row = judge_as_again(session, sent)
        assert row.id != judged[1]

    assert carry_out_due(either_world.database, utc_now() + LATER * 2) == 0

    with either_world.database.read() as session:
        (row,) = queue(session, either_world.placement(session))
        assert "changed while you read it" in row.why
    assert releases(either_world) == []


def judge_as_again(session, sent):
    """The same essay with a newer sheet, as a second judging leaves it."""
    from lti_tool.models import JudgementRow

    first = session.scalars(select(JudgementRow).where(JudgementRow.submission_id == sent.id)).one()
    again = JudgementRow(
        submission_id=sent.id,
        fingerprint="again",
        judge=first.judge,
        judge_version="2",
        judge_label=first.judge_label,
        evidence=first.evidence,
        provisional=True,
        rating_ids=first.rating_ids,
    )
    session.add(again)
    session.flush()
    return again


def test_a_placement_with_a_date_shows_nothing_before_it(either_world, judged) -> None:
    date = utc_now() + timedelta(days=3)
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, judged[0])
        link.settings = {"release": "date", "release_on": date.isoformat()}
        session.flush()
        made = decide(session, link, sent, either_world.ines_id, decisions(all_at(sent, 3)), judged[1])
        assert isinstance(made, PendingRelease)
    assert carry_out_due(either_world.database, date - timedelta(minutes=1)) == 0
    assert carry_out_due(either_world.database, date) == 1
    assert len(releases(either_world)) == 1


def test_a_date_that_was_put_off_meanwhile_holds_for_what_is_decided_already(either_world, judged) -> None:
    put_off(either_world, judged)
    date = utc_now() + timedelta(days=3)
    with either_world.database.write() as session:
        either_world.placement(session).settings = {"release": "date", "release_on": date.isoformat()}
    assert carry_out_due(either_world.database, utc_now() + LATER * 2) == 0
    assert carry_out_due(either_world.database, date - timedelta(minutes=1)) == 0
    with either_world.database.read() as session:
        assert session.scalars(select(PendingRelease.due_at)).one() == date
    assert carry_out_due(either_world.database, date) == 1


@pytest.mark.parametrize("days", [1, 5])
def test_what_is_decided_follows_the_date_when_it_is_changed(either_world, judged, days: int) -> None:
    put_off(either_world, judged, due=utc_now() + timedelta(days=3))
    date = utc_now() + timedelta(days=days)
    with either_world.database.write() as session:
        link = either_world.placement(session)
        link.settings = {"release": "date", "release_on": date.isoformat()}
        follow_date(session, link)
        assert session.scalars(select(PendingRelease.due_at)).one() == date


def test_where_the_new_date_is_over_there_is_still_time_to_take_back(either_world, judged) -> None:
    put_off(either_world, judged, due=utc_now() + timedelta(days=3))
    with either_world.database.write() as session:
        link = either_world.placement(session)
        link.settings = {"release": "date", "release_on": (utc_now() - timedelta(days=1)).isoformat()}
        follow_date(session, link)
    assert carry_out_due(either_world.database) == 0
    assert carry_out_due(either_world.database, utc_now() + LATER) == 1


def test_a_lesson_that_was_taken_back_holds_up_no_release(either_world, judged) -> None:
    """What was confirmed is shown; a score is made of it when the lesson is there again."""
    put_off(either_world, judged)
    with either_world.database.write() as session:
        either_world.placement(session).lesson_slug = "taken-back"
    assert carry_out_due(either_world.database, utc_now() + LATER * 2) == 1
    assert len(releases(either_world)) == 1


def test_after_the_date_what_is_confirmed_is_shown_at_once(either_world, judged) -> None:
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, judged[0])
        link.settings = {"release": "date", "release_on": (utc_now() - timedelta(days=1)).isoformat()}
        session.flush()
        made = decide(session, link, sent, either_world.ines_id, decisions(all_at(sent, 3)), judged[1])
        assert isinstance(made, Release)


def test_a_decision_that_could_not_be_made_now_is_not_put_off(either_world, judged) -> None:
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, judged[0])
        with pytest.raises(ReviewProblem):
            postpone(session, link, sent, either_world.ines_id, {}, judged[1], utc_now(), "b")
    assert pending_releases.new_batch() != pending_releases.new_batch()


def test_what_cannot_be_carried_out_in_one_placement_holds_up_no_other(either_world, judged) -> None:
    with either_world.database.write() as session:
        sent = submit(session, either_world.tiny(session), either_world.bo_id, "answer", "It retries the step. " * 3)
        elsewhere = (sent.id, judge_as(session, sent, all_at(sent, 1)).id)
    put_off(either_world, judged)
    with either_world.database.write() as session:
        link, sent = either_world.tiny(session), session.get_one(Submission, elsewhere[0])
        given = decisions(all_at(sent, 1))
        postpone(session, link, sent, either_world.ines_id, given, elsewhere[1], utc_now() + LATER, "b")
        either_world.placement(session).settings = {"weights": {"essay": "many"}}  # which no form of ours writes

    assert carry_out_due(either_world.database, utc_now() + LATER * 2) == 1

    assert [made.submission_id for made in releases(either_world)] == [elsewhere[0]]
    with either_world.database.read() as session:
        back = session.get_one(PendingRelease, judged[0])
        assert back.problem == "It could not be released (ValueError)."
        assert [row.submission.id for row in queue(session, either_world.placement(session))] == [judged[0]]

"""Work that goes back to its learner, and work that waits too long for a person."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select

from lti_tool import gate_deadlines, returns
from lti_tool.attempts import desk, submit
from lti_tool.db import utc_now
from lti_tool.lessons import lesson_here
from lti_tool.models import BlindPick, Draft, Job, JobEvent, Release, ReturnedWork, Submission
from lti_tool.pending_releases import postpone
from lti_tool.results import newest_judgement, state_of
from lti_tool.review_queue import Wanted, counts, queue
from lti_tool.reviews import AlreadyReleased, ReviewProblem, release
from lti_tool.scores import lesson_standing
from tests.lti_tool.judged import all_at, decisions, judge_as
from tests.lti_tool.test_deadlines import launched

WORDS = "Take a side in the first sentence, then send it again."
DAYS = 5


@pytest.fixture
def judged(either_world, sample_texts) -> int:
    return send(either_world, either_world.ada_id, sample_texts["essay"])


def send(world, person_id: int, text: str, *, level: int = 3, **judged: Any) -> int:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), person_id, "essay", text)
        judge_as(session, sent, all_at(sent, level), **judged)
        job = session.scalars(select(Job).where(Job.submission_id == sent.id)).one()
        session.add(JobEvent(job_id=job.id, stage="held", detail={}, at=utc_now()))
        return sent.id


def send_back(world, submission_id: int, words: str = WORDS, *, by: int | None = None) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission_id)
        returns.return_work(session, world.placement(session), sent, by or world.ines_id, words)


def state(world, submission_id: int) -> str:
    with world.database.read() as session:
        return state_of(session, session.get_one(Submission, submission_id))


def put(world, **settings: object) -> None:
    with world.database.write() as session:
        world.placement(session).settings = settings


def test_it_uses_no_attempt_and_its_text_is_a_draft_again(either_world, judged) -> None:
    send_back(either_world, judged)
    with either_world.database.read() as session:
        link = either_world.placement(session)
        here = desk(session, link, either_world.ada_id, lesson_here(session, link), "essay")
        assert (here.submissions, here.attempts_left) == ((), here.attempts)
        assert here.text == session.get_one(Submission, judged).text
        [row] = returns.came_back(session, link, either_world.ada_id).values()
        assert row.words == WORDS
        assert queue(session, link) == []
        assert [one.state for one in queue(session, link, Wanted(tab="all"))] == ["returned"]


def test_the_next_attempt_ends_it(either_world, judged, sample_texts) -> None:
    send_back(either_world, judged)
    later = send(either_world, either_world.ada_id, f"{sample_texts['essay']} Better now.")
    with either_world.database.write() as session:
        link = either_world.placement(session)
        assert returns.came_back(session, link, either_world.ada_id) == {}
        assert session.get_one(Submission, later).attempt == 2
        with pytest.raises(ReviewProblem, match="another attempt"):
            returns.take_again(session, link, session.get_one(Submission, judged))


def test_the_same_text_again_is_the_same_submission_before_a_person_once_more(
    either_world, judged, sample_texts
) -> None:
    send_back(either_world, judged)
    with either_world.database.write() as session:
        again = submit(session, either_world.placement(session), either_world.ada_id, "essay", sample_texts["essay"])
        assert again.id == judged
    assert state(either_world, judged) == "queued"


def test_it_can_be_reviewed_after_all(either_world, judged) -> None:
    send_back(either_world, judged)
    with either_world.database.write() as session:
        returns.take_again(session, either_world.placement(session), session.get_one(Submission, judged))
    assert state(either_world, judged) == "awaiting_review"
    with either_world.database.read() as session:
        assert counts(session, either_world.placement(session))["to_review"] == 1


def test_a_sentence_is_needed_and_the_course_must_still_take_work(either_world, judged) -> None:
    with pytest.raises(ReviewProblem, match="Say what is to be done"):
        send_back(either_world, judged, "  ")
    with either_world.database.write() as session:
        launched(session, either_world, closes=utc_now() - timedelta(hours=1))
    with pytest.raises(ReviewProblem, match="takes no work"):
        send_back(either_world, judged)


def test_of_two_who_release_and_return_at_once_one_wins_and_the_other_is_told(either_world, judged) -> None:
    both, told = Barrier(2, timeout=20), []

    def confirm() -> None:
        with either_world.database.write() as session:
            sent = session.get_one(Submission, judged)
            seen = newest_judgement(session, sent).id
            given = decisions(all_at(sent, 3))
            both.wait()
            release(session, either_world.placement(session), sent, either_world.tom_id, given, seen)

    def give_back() -> None:
        both.wait()
        send_back(either_world, judged)

    def run(work) -> None:
        try:
            work()
        except (ReviewProblem, AlreadyReleased) as error:
            told.append(error)

    if either_world.database.engine.dialect.name == "sqlite":
        both = Barrier(1)  # writers are alone there: one after the other
    threads = [Thread(target=run, args=(work,)) for work in (confirm, give_back)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    with either_world.database.read() as session:
        made = len(session.scalars(select(Release)).all()), len(session.scalars(select(ReturnedWork)).all())
    assert sorted(made) == [0, 1]
    assert state(either_world, judged) == ("released" if made[0] else "returned")


def test_what_is_decided_or_to_be_scored_blind_is_not_sent_back(either_world, judged) -> None:
    with either_world.database.write() as session:
        sent = session.get_one(Submission, judged)
        seen = newest_judgement(session, sent).id
        later = utc_now() + timedelta(minutes=2)
        given = decisions(all_at(sent, 3))
        postpone(session, either_world.placement(session), sent, either_world.tom_id, given, seen, later, "b")
    with pytest.raises(ReviewProblem, match="decided this already"):
        send_back(either_world, judged)
    with either_world.database.write() as session:
        session.add(BlindPick(submission_id=judged, judgement_id=seen, by="ines-01", probability=1.0))
    with pytest.raises(ReviewProblem, match="blind first"):
        send_back(either_world, judged)


# ---- deadlines of the gate -----------------------------------------------------------------------------------


def overdue(world) -> list[int]:
    with world.database.read() as session:
        return list(gate_deadlines.overdue(session, world.placement(session), utc_now() + timedelta(days=DAYS + 1)))


def carry_out(world, days: float = DAYS + 1) -> int:
    return gate_deadlines.carry_out(world.database, utc_now() + timedelta(days=days))


def test_without_a_setting_work_may_wait_for_ever(either_world, judged) -> None:
    assert overdue(either_world) == []
    assert carry_out(either_world, 10_000) == 0


def test_reminded_of_it_stays_where_it_is(either_world, judged) -> None:
    put(either_world, wait_days=DAYS, wait_then="remind")
    assert overdue(either_world) == [judged]
    assert carry_out(either_world) == 0
    assert state(either_world, judged) == "awaiting_review"


def test_released_by_policy_as_the_judge_has_it(either_world, judged) -> None:
    put(either_world, wait_days=DAYS, wait_then="release")
    assert carry_out(either_world, DAYS - 1) == 0
    assert carry_out(either_world) == 1
    assert carry_out(either_world) == 0
    with either_world.database.read() as session:
        made = session.scalars(select(Release)).one()
        assert (made.review_id, made.points) == (None, 75.0)


def test_what_cannot_be_released_in_one_placement_holds_up_no_other(either_world, judged) -> None:
    put(either_world, wait_days=DAYS, wait_then="release", weights={"essay": "many"})  # which no form of ours writes
    with either_world.database.write() as session:
        link = either_world.tiny(session)
        link.settings = {"wait_days": DAYS, "wait_then": "release"}
        sent = submit(session, link, either_world.bo_id, "answer", "It retries the step. " * 3)
        judge_as(session, sent, all_at(sent, 1))
    assert carry_out(either_world) == 1
    with either_world.database.read() as session:
        assert session.scalars(select(Release.submission_id)).all() == [sent.id]


def test_nothing_is_released_by_policy_before_the_placements_date(either_world, judged) -> None:
    date = utc_now() + timedelta(days=DAYS + 3)
    put(either_world, wait_days=DAYS, wait_then="release", release="date", release_on=date.isoformat())
    assert carry_out(either_world) == 0
    assert state(either_world, judged) == "awaiting_review"
    assert carry_out(either_world, DAYS + 4) == 1


def test_an_estimate_without_quotes_is_released_by_no_passing_of_time(either_world, sample_texts) -> None:
    put(either_world, wait_days=DAYS, wait_then="release")
    estimated = send(either_world, either_world.ada_id, sample_texts["essay"], evidence="none")
    assert carry_out(either_world) == 0
    assert state(either_world, estimated) == "awaiting_review"


def test_expired_it_goes_back_unscored_and_is_no_zero(either_world, judged) -> None:
    put(either_world, wait_days=DAYS, wait_then="return")
    assert carry_out(either_world) == 1
    with either_world.database.read() as session:
        row = session.scalars(select(ReturnedWork)).one()
        assert (row.reviewer_id, row.words) == (None, "")
        assert session.scalars(select(Release)).all() == []
        assert session.scalars(select(Draft)).one().text == session.get_one(Submission, judged).text
        assert lesson_standing(session, either_world.placement(session), either_world.ada_id).given is None


def test_nobodys_decision_is_overtaken_and_a_flag_waits_for_a_person(either_world, judged, sample_texts) -> None:
    put(either_world, wait_days=DAYS, wait_then="release")
    flagged = send(either_world, either_world.bo_id, f"{sample_texts['essay']} B.", flags=("addresses_judge",))
    with either_world.database.write() as session:
        sent = session.get_one(Submission, judged)
        seen, later = newest_judgement(session, sent).id, utc_now() + timedelta(days=30)
        given = decisions(all_at(sent, 3))
        postpone(session, either_world.placement(session), sent, either_world.tom_id, given, seen, later, "b")
    assert overdue(either_world) == [flagged]
    assert carry_out(either_world) == 0
    assert state(either_world, flagged) == "awaiting_review"


def test_where_the_course_is_closed_nothing_goes_back_by_itself(either_world, judged) -> None:
    put(either_world, wait_days=DAYS, wait_then="return")
    with either_world.database.write() as session:
        launched(session, either_world, closes=utc_now() - timedelta(hours=1))
    assert carry_out(either_world) == 0
    assert state(either_world, judged) == "awaiting_review"


CHANGES = {
    "decided": lambda session, world, judged: postpone(
        session,
        world.placement(session),
        sent := session.get_one(Submission, judged),
        world.tom_id,
        decisions(all_at(sent, 3)),
        newest_judgement(session, sent).id,
        utc_now() + timedelta(days=30),
        "b",
    ),
    "picked to be scored blind": lambda session, world, judged: session.add(
        BlindPick(
            submission_id=judged,
            judgement_id=newest_judgement(session, session.get_one(Submission, judged)).id,
            by="ines-01",
            probability=1.0,
        )
    ),
    "given more time": lambda session, world, judged: setattr(world.placement(session), "settings", {}),
    "only to be named": lambda session, world, judged: setattr(
        world.placement(session), "settings", {"wait_days": DAYS, "wait_then": "remind"}
    ),
}


@pytest.mark.parametrize("policy", ["release", "return"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_happened_since_it_was_found_overdue_holds(either_world, judged, monkeypatch, change, policy) -> None:
    put(either_world, wait_days=DAYS, wait_then=policy)
    settle, met = gate_deadlines._settle, []

    def meanwhile(database, submission_id: int, *rest) -> bool:
        with database.write() as session:
            change(session, either_world, submission_id)
        met.append(submission_id)
        return settle(database, submission_id, *rest)

    monkeypatch.setattr(gate_deadlines, "_settle", meanwhile)
    assert (carry_out(either_world), met) == (0, [judged])
    assert state(either_world, judged) == "awaiting_review"


def test_time_counts_from_the_last_time_it_was_held(either_world, judged) -> None:
    put(either_world, wait_days=DAYS, wait_then="return")
    with either_world.database.write() as session:
        job = session.scalars(select(Job).where(Job.submission_id == judged)).one()
        session.add(JobEvent(job_id=job.id, stage="held", detail={}, at=utc_now() + timedelta(days=3)))
    assert overdue(either_world) == []
    assert carry_out(either_world, DAYS + 4) == 1

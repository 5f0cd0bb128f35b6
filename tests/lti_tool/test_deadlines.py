"""When work may be sent: the course's dates as launches bring them, and what one learner was granted."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from lti_tool.attempts import NoAttemptsLeft, NotOpen, SendProblem, desk, submissions, submit, withdraw
from lti_tool.db import utc_now
from lti_tool.deadlines import VARIABLES, Deadlines, dates_of, deadlines_for, late_by, read_date
from lti_tool.lessons import current_lesson, progress
from lti_tool.models import Job, Launch, Person, Submission
from lti_tool.pending_releases import postpone
from tests.lti_tool.judged import all_at, decisions, judge_as

NOON = datetime(2026, 12, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def launched(session, world, **dates: datetime) -> None:
    """Ada opens the placement, and her course says these dates."""
    session.add(
        Launch(
            id=f"dated-{len(dates)}-{sorted(dates)}"[:43],
            registration_id=world.registration_id,
            resource_link_id=world.placement(session).id,
            person_id=world.ada_id,
            role="student",
            detail={"dates": {name: moment.isoformat() for name, moment in dates.items()}},
        )
    )
    session.flush()


def grant(session, world, **granted: float) -> None:
    link = world.placement(session)
    handle = session.get_one(Person, world.ada_id).handle
    link.settings = {**link.settings, "accommodations": {handle: granted}}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-12-14T12:00:00Z", NOON),
        ("2026-12-14T13:00:00+01:00", NOON),
        ("2026-12-14T12:00:00.000Z", NOON),
        (" 2026-12-14 12:00 ", NOON),
        ("", None),
        ("$ResourceLink.submission.endDateTime", None),
        ("null", None),
        ("next week", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_dates_are_read_as_utc_and_anything_else_is_no_date(sent: str, read: datetime | None) -> None:
    assert read_date(sent) == read


def test_the_learners_own_date_goes_before_everybodys() -> None:
    custom = {**VARIABLES, "due": "2026-12-14T12:00:00Z", "own_due": "2026-12-16T12:00:00Z", "closes": ""}
    assert dates_of(custom) == {"due": "2026-12-16T12:00:00+00:00"}


@pytest.mark.parametrize(
    ("at", "stage"),
    [
        (NOON - 3 * HOUR, "before"),
        (NOON - HOUR, "open"),
        (NOON, "open"),
        (NOON + timedelta(seconds=1), "late"),
        (NOON + 2 * HOUR, "late"),
        (NOON + 2 * HOUR + timedelta(seconds=1), "closed"),
    ],
)
def test_the_stage_changes_after_each_date_and_not_on_it(at: datetime, stage: str) -> None:
    assert Deadlines(NOON - 2 * HOUR, NOON, NOON + 2 * HOUR).stage(at) == stage


def test_a_course_without_dates_is_always_open() -> None:
    assert Deadlines().stage(NOON) == "open"


@pytest.mark.parametrize(
    ("after", "words"), [(timedelta(seconds=3), "1 min"), (2.5 * HOUR, "2 h"), (80 * HOUR, "3 d"), (-HOUR, None)]
)
def test_lateness_is_said_in_its_largest_unit(after: timedelta, words: str | None) -> None:
    assert late_by(NOON, NOON + after) == words


def test_the_newest_launch_says_the_dates(world) -> None:
    with world.database.write() as session:
        launched(session, world, due=NOON)
        launched(session, world, due=NOON + HOUR, closes=NOON + 2 * HOUR)
        link = world.placement(session)
        assert deadlines_for(session, link, world.ada_id) == Deadlines(None, NOON + HOUR, NOON + 2 * HOUR)
        assert deadlines_for(session, link, world.bo_id) == Deadlines()


def test_extra_days_move_due_and_close_and_not_the_opening(world) -> None:
    with world.database.write() as session:
        launched(session, world, opens=NOON - HOUR, due=NOON, closes=NOON + HOUR)
        grant(session, world, extra_days=2)
        found = deadlines_for(session, world.placement(session), world.ada_id)
        day = timedelta(days=2)
        assert found == Deadlines(NOON - HOUR, NOON + day, NOON + HOUR + day)


@pytest.mark.parametrize("granted", [{"extra_days": "many"}, {"extra_days": -3}, {"extra_days": float("nan")}])
def test_a_grant_that_makes_no_sense_moves_nothing(world, granted) -> None:
    with world.database.write() as session:
        launched(session, world, due=NOON)
        grant(session, world, **granted)
        assert deadlines_for(session, world.placement(session), world.ada_id).due == NOON


def test_late_work_is_taken_and_keeps_when_it_was_due(world, sample_texts) -> None:
    due = utc_now() - HOUR
    with world.database.write() as session:
        launched(session, world, due=due)
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        assert sent.due_at == due
        assert late_by(sent.due_at, sent.sent_at) == "1 h"


@pytest.mark.parametrize(
    ("dates", "sentence"),
    [({"closes": -HOUR}, "closed"), ({"opens": HOUR}, "not open yet")],
)
def test_a_closed_course_takes_nothing_and_says_the_text_is_kept(world, sample_texts, dates, sentence) -> None:
    with world.database.write() as session:
        launched(session, world, **{name: utc_now() + away for name, away in dates.items()})
        with pytest.raises(NotOpen, match=f"{sentence}.*kept as a draft"):
            submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])


def test_what_was_sent_in_time_is_the_same_submission_after_the_close(world, submission) -> None:
    with world.database.write() as session:
        launched(session, world, closes=utc_now() - HOUR)
        again = submit(session, world.placement(session), world.ada_id, "essay", submission.text)
        assert again.id == submission.id


def test_extra_attempts_are_added_for_the_one_who_was_granted_them(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"attempts": {"essay": 1}}
        with pytest.raises(NoAttemptsLeft):
            submit(session, link, world.ada_id, "essay", submission.text + " Again.")
        grant(session, world, extra_attempts=1)
        assert submit(session, link, world.ada_id, "essay", submission.text + " Again.").attempt == 2


# ---- taking it back ------------------------------------------------------------------------------------------


def test_work_taken_back_uses_no_attempt_and_is_a_draft_again(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        withdraw(session, link, session.get_one(Submission, submission.id))
        published = current_lesson(session, link.lesson_slug)
        here = desk(session, link, world.ada_id, published, "essay")
        assert submissions(session, link, world.ada_id, "essay") == ()
        assert here.attempts_left == here.attempts
        assert here.text == submission.text
        assert "drill" not in progress(session, link, world.ada_id, published.lesson).done
        assert session.scalars(select(Job)).one().state == "withdrawn"


def test_the_same_text_sent_after_all_is_judged_as_the_same_submission(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        withdraw(session, link, session.get_one(Submission, submission.id))
        again = submit(session, link, world.ada_id, "essay", submission.text)
        assert again.id == submission.id
        assert [job.state for job in session.scalars(select(Job))] == ["queued"]


def test_another_text_after_taking_one_back_has_the_next_number(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"attempts": {"essay": 1}}
        withdraw(session, link, session.get_one(Submission, submission.id))
        again = submit(session, link, world.ada_id, "essay", submission.text + " Better.")
        assert again.attempt == 2


def test_after_the_minutes_of_grace_it_stays(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"grace_minutes": 0}
        with pytest.raises(SendProblem, match="Too late"):
            withdraw(session, link, session.get_one(Submission, submission.id))
        assert session.scalars(select(Job)).one().state == "queued"


def test_what_was_released_meanwhile_stays(world, submission) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        judge_as(session, sent, all_at(sent, 3))
        session.scalars(select(Job)).one().state = "done"
        with pytest.raises(SendProblem, match="opened it"):
            withdraw(session, world.placement(session), sent)


def test_what_somebody_decided_stays_though_it_goes_out_later(world, submission) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        seen, due = judge_as(session, sent, all_at(sent, 3)).id, utc_now() + HOUR
        decided = postpone(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), seen, due, "b")
        with pytest.raises(SendProblem, match="opened it"):
            withdraw(session, link, sent)
        decided.problem = "It could not go out."
        session.flush()
        withdraw(session, link, sent)

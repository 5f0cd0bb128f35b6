"""What holds whatever was killed, lost or late; one function, called at the end of every scenario."""

from collections import Counter
from collections.abc import Collection
from itertools import pairwise

from sqlalchemy import func, select

from lti_tool.db import Database, utc_now
from lti_tool.delivery import shows_score
from lti_tool.models import Job, JobEvent, JudgementRow, LessonScore, Passback, Person, RatingRow, Release
from tests.flows.chaos.chaos_lms import ChaosLms


def assert_all_hold(database: Database, lms: ChaosLms, asked: Collection[str], lost: Collection[str]) -> None:
    """`asked`: every question to the judge, one entry a call; `lost`: calls in flight whose answer a kill took."""
    nothing_is_paid_twice(asked, lost)
    nothing_is_judged_twice(database)
    every_job_has_ended_or_waits(database)
    every_score_is_the_approved_one(database, lms)
    nothing_older_after_something_newer(lms)
    assert lms.unapproved == []


def nothing_is_paid_twice(asked: Collection[str], lost: Collection[str]) -> None:
    """A question is asked once, and at most once more for each time that its call was in flight at a kill."""
    again = Counter(asked) - Counter(set(asked))
    assert again <= Counter(lost), again - Counter(lost)


def nothing_is_judged_twice(database: Database) -> None:
    """One rating a criterion, one sheet, one event for each rating."""
    with database.read() as session:
        ratings = Counter(session.execute(select(RatingRow.submission_id, RatingRow.criterion)).all())
        sheets = Counter(session.scalars(select(JudgementRow.submission_id)))
        told = session.scalars(select(JobEvent).where(JobEvent.stage == "judging")).all()
        done = Counter((event.job_id, event.detail["criterion"]) for event in told if "criterion" in event.detail)
    assert set(ratings.values()) | set(sheets.values()) | set(done.values()) <= {1}


def every_job_has_ended_or_waits(database: Database) -> None:
    """Nobody holds anything any more, and what waits says for whom or until when."""
    with database.read() as session:
        found = session.scalars(select(Job)).all()
    for job in found:
        assert (job.owner, job.lease_until) == (None, None), job.state
        if job.state == "queued":
            assert job.last_error
            assert job.next_try_at > utc_now()
        elif job.state == "awaiting_review":
            assert job.gate_reason
        else:
            assert job.state in ("done", "needs_person", "withdrawn", "returned")


def every_score_is_the_approved_one(database: Database, lms: ChaosLms) -> None:
    """Each release is one score and one message, and the gradebook shows the newest that is not given up."""
    with database.read() as session:
        scores = session.scalars(select(LessonScore).order_by(LessonScore.sequence)).all()
        messages = session.scalars(select(Passback).where(Passback.kind == "released")).all()
        releases = session.scalar(select(func.count()).select_from(Release)) or 0
        subs = {person.id: person.sub for person in session.scalars(select(Person))}
    assert Counter(message.lesson_score_id for message in messages) == Counter(score.id for score in scores)
    assert len(scores) <= releases
    by_score = {message.lesson_score_id: message for message in messages}
    for score in scores:
        body = by_score[score.id].body
        assert (body["scoreGiven"], body["scoreMaximum"]) == (score.given, score.maximum)
    for score in {score.person_id: score for score in scores}.values():
        message = by_score[score.id]
        if message.state == "sent":
            cell = lms.cells[subs[score.person_id]]
            assert shows_score({"resultScore": cell.shown, "resultMaximum": cell.maximum}, message.body)
        else:
            assert message.state in ("refused", "waiting", "unknown")
            assert message.answer


def nothing_older_after_something_newer(lms: ChaosLms) -> None:
    """What the gradebook took of one learner is in the order of its timestamps."""
    for learner in {body["userId"] for body in lms.kept}:
        times = [body["timestamp"] for body in lms.kept if body["userId"] == learner]
        assert all(earlier <= later for earlier, later in pairwise(times))

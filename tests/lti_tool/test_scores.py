"""The lesson score at the close: what was never sent counts 0, what was sent and is not scored holds it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select

from lti_tool.attempts import submissions, submit, withdraw
from lti_tool.db import utc_now
from lti_tool.deadlines import closed_for
from lti_tool.models import Launch, LessonScore, Passback, Person, Release
from lti_tool.reviews import release
from lti_tool.scores import lesson_standing, newest_score, settle_closed
from tests.lti_tool.judged import all_at, decisions, judge_as

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def closes(session, world, at: datetime | None, person_id: int | None = None) -> None:
    """A launch, and when its course says that the placement closes."""
    count = len(session.scalars(select(Launch.id)).all())
    session.add(
        Launch(
            id=f"closes-{count}",
            registration_id=world.registration_id,
            resource_link_id=world.resource_link_id,
            person_id=person_id or world.ada_id,
            role="student",
            detail={"dates": {"closes": at.isoformat()} if at else {}},
        )
    )
    session.flush()


def send(session, world, item_id: str, text: str, *, level: int | None = None) -> None:
    """Ada sends an item; with a level it is judged and released at that level."""
    link = world.placement(session)
    sent = submit(session, link, world.ada_id, item_id, text)
    if level is not None:
        judgement = judge_as(session, sent, all_at(sent, level))
        release(session, link, sent, world.ines_id, decisions(all_at(sent, level)), judgement.id)


@pytest.fixture
def pitched(world, sample_texts):
    """Ada's essay at the top, released; nothing else sent."""
    with world.database.write() as session:
        send(session, world, "essay", sample_texts["essay"], level=4)
    return world


def test_at_the_close_what_was_never_sent_counts_zero_and_the_score_goes_out(pitched) -> None:
    with pitched.database.write() as session:
        closes(session, pitched, utc_now() - HOUR)
        essay_weight = lesson_standing(session, pitched.placement(session), pitched.ada_id).weights["essay"]
    assert settle_closed(pitched.database) == 1
    with pitched.database.read() as session:
        score = session.scalars(select(LessonScore)).one()
        assert (score.given, score.maximum) == (essay_weight, 100)
        assert score.parts == {"q1": 0, "q2": 0, "essay": 100, "drawing": 0}
        assert session.scalars(select(Passback)).one().lesson_score_id == score.id


def test_a_second_sweep_finds_nothing_left_to_do(pitched) -> None:
    with pitched.database.write() as session:
        closes(session, pitched, utc_now() - HOUR)
    assert [settle_closed(pitched.database), settle_closed(pitched.database)] == [1, 0]


def test_a_placement_that_cannot_be_scored_holds_up_no_other(pitched) -> None:
    with pitched.database.write() as session:
        sent = submit(session, pitched.tiny(session), pitched.bo_id, "answer", "It retries the step. " * 3)
        judge_as(session, sent, all_at(sent, 1))
        points = {"levels": all_at(sent, 1), "points": 50.0}
        session.add(Release(submission_id=sent.id, sequence=1, **points))  # and its score was not written
        closes(session, pitched, utc_now() - HOUR)
        pitched.placement(session).settings = {"weights": {"essay": "many"}}  # which no form of ours writes
    assert settle_closed(pitched.database) == 1
    with pitched.database.read() as session:
        assert session.scalars(select(LessonScore.person_id)).all() == [pitched.bo_id]


def test_before_the_close_nothing_is_scored(pitched) -> None:
    with pitched.database.write() as session:
        closes(session, pitched, utc_now() + HOUR)
    assert settle_closed(pitched.database) == 0


def test_a_course_without_a_close_waits_for_every_item(pitched) -> None:
    with pitched.database.write() as session:
        closes(session, pitched, None)
    assert settle_closed(pitched.database) == 0


def test_sent_but_unscored_work_holds_the_score_until_a_person_has_seen_to_it(pitched) -> None:
    with pitched.database.write() as session:
        send(session, pitched, "q1", "One row is written before the call.")
        closes(session, pitched, utc_now() - HOUR)
    assert settle_closed(pitched.database) == 0
    with pitched.database.write() as session:
        assert lesson_standing(session, pitched.placement(session), pitched.ada_id).parts["q1"] is None
    with pitched.database.write() as session:
        link = pitched.placement(session)
        held = submissions(session, link, pitched.ada_id, "q1")[-1]
        judgement = judge_as(session, held, all_at(held, 2))
        release(session, link, held, pitched.ines_id, decisions(all_at(held, 2)), judgement.id)
        score = newest_score(session, link, pitched.ada_id)
        assert score is not None
        assert score.parts["drawing"] == 0


def test_work_that_was_taken_back_was_never_sent(pitched) -> None:
    with pitched.database.write() as session:
        link = pitched.placement(session)
        sent = submit(session, link, pitched.ada_id, "q1", "One row is written before the call.")
        withdraw(session, link, sent)
        closes(session, pitched, utc_now() - HOUR)
    assert settle_closed(pitched.database) == 1


def test_who_sent_nothing_that_counts_gets_no_score_from_here(world) -> None:
    with world.database.write() as session:
        closes(session, world, utc_now() - HOUR)
        assert lesson_standing(session, world.placement(session), world.ada_id).given is None
    assert settle_closed(world.database) == 0


def test_an_extension_holds_the_close_for_one_learner(pitched) -> None:
    with pitched.database.write() as session:
        link = pitched.placement(session)
        handle = session.get_one(Person, pitched.ada_id).handle
        link.settings = {**link.settings, "accommodations": {handle: {"extra_days": 2}}}
        closes(session, pitched, utc_now() - DAY)
    assert settle_closed(pitched.database) == 0


def test_a_close_that_was_moved_since_is_heard_from_anybodys_launch(pitched) -> None:
    with pitched.database.write() as session:
        link, now = pitched.placement(session), utc_now()
        closes(session, pitched, now - HOUR)
        assert closed_for(session, link, [pitched.ada_id], now) == {pitched.ada_id}
        closes(session, pitched, now + DAY, person_id=pitched.ines_id)
        assert closed_for(session, link, [pitched.ada_id], now) == frozenset()


def test_a_lesson_that_was_taken_back_holds_up_no_other_placements_close(pitched) -> None:
    with pitched.database.write() as session:
        closes(session, pitched, utc_now() - HOUR)
        tiny = pitched.tiny(session)
        text = "A stored response may answer while it is fresh; then the cache must ask the origin whether " * 2
        sent = submit(session, tiny, pitched.bo_id, "answer", text)
        judgement = judge_as(session, sent, all_at(sent, 1))
        release(session, tiny, sent, pitched.ines_id, decisions(all_at(sent, 1)), judgement.id)
        session.execute(delete(LessonScore))  # as if its close had come just now
        tiny.lesson_slug = "taken-back"
    assert settle_closed(pitched.database) == 1


@pytest.mark.parametrize(
    ("own", "held"),
    [
        ({"essay": 100.0}, {"q1": 0, "q2": 0, "essay": 100, "drawing": 0}),  # an item was added to the lesson since
        ({"q1": 0.0, "q2": 0.0, "essay": 40.0, "gone": 60.0}, None),
        ({"q1": 0.0, "q2": 33.3333333, "essay": 33.3333333, "drawing": 33.3333333}, None),
    ],
    ids=["added", "gone", "not quite"],
)
def test_weights_that_make_no_whole_of_the_lesson_any_more_give_way_to_its_own(pitched, own, held) -> None:
    with pitched.database.write() as session:
        link = pitched.placement(session)
        lessons_own = lesson_standing(session, link, pitched.ada_id).weights
        link.settings = {"weights": own}
        assert lesson_standing(session, link, pitched.ada_id).weights == (held or lessons_own)


def test_late_release_after_the_first_score_counts_on(pitched, sample_texts) -> None:
    with pitched.database.write() as session:
        closes(session, pitched, utc_now() - HOUR)
    settle_closed(pitched.database)
    with pitched.database.write() as session:
        closes(session, pitched, utc_now() + HOUR)
        send(session, pitched, "q1", "One row is written before the call.", level=2)
        assert newest_score(session, pitched.placement(session), pitched.ada_id).sequence == 1  # open again: it waits
        closes(session, pitched, utc_now() - HOUR / 2)
    assert settle_closed(pitched.database) == 1
    with pitched.database.read() as session:
        assert newest_score(session, pitched.placement(session), pitched.ada_id).sequence == 2

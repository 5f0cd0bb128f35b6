import pytest
from sqlalchemy import func, select

from lti_tool import jobs
from lti_tool.attempts import submit
from lti_tool.models import Job, LessonScore, Passback, Release, Submission
from lti_tool.results import judge_sheet, state_of, student_sheet
from lti_tool.reviews import AlreadyReleased, Decision, ReviewProblem, change, release
from lti_tool.scores import lesson_standing
from tests.lti_tool.judged import all_at, decisions, judge_as


@pytest.fixture
def judged(world, submission):
    """Ada's essay with every criterion at 3, waiting for a person."""
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        return judge_as(session, sent, all_at(sent, 3)).id


def test_confirming_releases_the_judges_sheet_and_shows_it(world, submission, judged) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        assert student_sheet(session, sent) is None
        released = release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), judged)
        assert (released.sequence, released.points) == (1, 75.0)
        sheet = student_sheet(session, sent)
        assert sheet is not None
        assert (sheet.points, sheet.provenance, state_of(session, sent)) == (75.0, "confirmed", "released")


def test_a_change_needs_a_reason_and_names_both_levels(world, submission, judged) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        with pytest.raises(ReviewProblem, match="You 4, judge 3 on Checkpoint layer"):
            release(session, link, sent, world.ines_id, decisions(all_at(sent, 3), checkpoint=Decision(4)), judged)
        why = Decision(4, "missed_evidence", "Replay is named in paragraph four.")
        released = release(session, link, sent, world.ines_id, decisions(all_at(sent, 3), checkpoint=why), judged)
        assert released.points == 80.0
        row = next(row for row in judge_sheet(session, sent).rows if row.criterion.id == "checkpoint")
        assert (row.judge_level, row.level, row.changed) == (3, 4, True)
        assert row.reason == "missed evidence: Replay is named in paragraph four."


def test_an_unscored_criterion_must_be_filled_and_is_never_zero(world, submission) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        sheet = judge_as(session, sent, {**all_at(sent, 3), "claim": None})
        assert judge_sheet(session, sent).points is None
        without = decisions(all_at(sent, 3))
        del without["claim"]
        with pytest.raises(ReviewProblem, match="Claim has no level yet"):
            release(session, link, sent, world.ines_id, without, sheet.id)
        filled = release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), sheet.id)
        assert filled.points == 75.0


@pytest.mark.parametrize("level", [-1, 5])
def test_a_level_off_the_scale_is_refused(world, submission, judged, level: int) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        off = decisions(all_at(sent, 3), claim=Decision(level, "other", "why"))
        with pytest.raises(ReviewProblem):
            release(session, link, sent, world.ines_id, off, judged)


def test_of_two_instructors_one_wins_and_the_other_is_told(world, submission, judged) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), judged)
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        with pytest.raises(AlreadyReleased) as told:
            release(session, link, sent, world.tom_id, decisions(all_at(sent, 3)), judged)
        assert told.value.handle == "ines-01"
        assert session.scalar(select(func.count()).select_from(Release)) == 1


def test_a_sheet_that_changed_meanwhile_is_not_confirmed_unseen(world, submission, judged) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        with pytest.raises(ReviewProblem, match="changed while you read"):
            release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), judged - 1)


def test_a_correction_is_a_new_release_with_its_reason(world, submission, judged) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        first = release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), judged)
        higher = decisions(all_at(sent, 3), claim=Decision(4, "wrong_level", "It names its limits."))
        with pytest.raises(ReviewProblem, match="Say why"):
            change(session, link, sent, world.tom_id, higher, " ", seen_release_id=first.id)
        second = change(session, link, sent, world.tom_id, higher, "Read again.", seen_release_id=first.id)
        assert (second.sequence, second.points) == (2, 77.5)
        session.refresh(first)
        assert first.points == 75.0


def test_a_correction_undoes_nobody_elses_that_was_not_seen(world, submission, judged) -> None:
    """Two people open the same released sheet; whoever comes second is shown what the first one changed."""
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        opened = release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), judged).id
        lower = decisions(all_at(sent, 3), claim=Decision(1, "wrong_level"))
        change(session, link, sent, world.ines_id, lower, "The claim is missing.", seen_release_id=opened)
        other = decisions(all_at(sent, 3), economy=Decision(1, "wrong_level"))
        with pytest.raises(AlreadyReleased):
            change(session, link, sent, world.tom_id, other, "It is too long.", seen_release_id=opened)
        assert [row.levels["claim"] for row in session.scalars(select(Release).order_by(Release.id))] == [3, 1]


def release_all(session, world, texts, level: int) -> None:
    link = world.placement(session)
    for item_id, text in texts.items():
        sent = submit(session, link, world.ada_id, item_id, text)
        judgement = judge_as(
            session, sent, all_at(sent, level), graph_checks={"points": 60} if item_id == "drawing" else None
        )
        release(session, link, sent, world.ines_id, decisions(all_at(sent, level)), judgement.id)


def test_the_lesson_score_is_posted_once_every_weighted_item_is_released(world, sample_texts) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        most = dict(list(sample_texts.items())[:-1])
        release_all(session, world, most, 4)
        assert lesson_standing(session, link, world.ada_id).given is None
        assert session.scalar(select(func.count()).select_from(Passback)) == 0
        release_all(session, world, dict(list(sample_texts.items())[-1:]), 4)
        score = session.scalars(select(LessonScore)).one()
        assert (score.given, score.maximum) == (100.0, 100.0)
        message = session.scalars(select(Passback)).one()
        assert message.body["scoreGiven"] == 100.0
        assert message.body["userId"] == "sub-ada"
        assert session.scalars(select(Job).where(Job.kind == "send_score")).one().passback_id == message.id


def test_a_better_attempt_is_a_new_message_and_a_worse_one_is_none(world, sample_texts) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        release_all(session, world, sample_texts, 3)
        for level, messages in ((2, 1), (4, 2)):
            sent = submit(session, link, world.ada_id, "essay", sample_texts["essay"] + f" Version {level}.")
            judgement = judge_as(session, sent, all_at(sent, level))
            release(session, link, sent, world.ines_id, decisions(all_at(sent, level)), judgement.id)
            assert session.scalar(select(func.count()).select_from(Passback)) == messages
        first, second = session.scalars(select(Passback).order_by(Passback.sequence))
        assert (second.timestamp - first.timestamp).total_seconds() >= 1
        assert second.body["scoreGiven"] > first.body["scoreGiven"]


def test_a_submission_still_being_judged_cannot_be_released(world, submission) -> None:
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        assert jobs.pass_gate(session, sent.id) is False
        with pytest.raises(ReviewProblem):
            release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), None)

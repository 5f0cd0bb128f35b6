"""Appeals: tokens and time, and an answer that was scored blind by somebody else."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from lti_tool import appeals, reviews
from lti_tool.appeal_statistics import appeal_counts
from lti_tool.appeals import AppealProblem, NotForYou
from lti_tool.attempts import submit
from lti_tool.lessons import rubric_of
from lti_tool.models import Appeal, BlindSheet, Launch, Passback, Release, Review, Submission
from lti_tool.results import newest_judgement, newest_release, student_sheet
from lti_tool.reviews import Decision, release
from tests.lti_tool.judged import judge_as

LEVELS = {"claim": 2, "failure_story": 3, "retry": 4, "checkpoint": 1, "human_gate": 0, "tradeoffs": 3, "economy": 3}
WHY = "The second paragraph says what was recorded, and when."


@pytest.fixture
def sent(world, submission) -> int:
    """Ada's essay, judged, confirmed by Ines with one level changed; its id."""
    with world.database.write() as session:
        essay = session.get_one(Submission, submission.id)
        judge_as(session, essay, LEVELS, comment="What did it cost?")
        decisions = {key: Decision(level) for key, level in LEVELS.items()}
        decisions["claim"] = Decision(3, "other", "The claim is early.")
        judgement = newest_judgement(session, essay)
        release(session, world.placement(session), essay, world.ines_id, decisions, judgement.id)
    return submission.id


def appeal(world, sent: int, criterion: str = "checkpoint", sentence: int | None = 3, why: str = WHY) -> int:
    with world.database.write() as session:
        essay = session.get_one(Submission, sent)
        return appeals.send_appeal(session, world.placement(session), essay, criterion, sentence, why).id


def answered(world, appeal_id: int, *, level: int, reviewer: int, words: str = "It is there.") -> None:
    with world.database.write() as session:
        here = session.get_one(Appeal, appeal_id)
        appeals.commit_level(session, here, reviewer, level)
        appeals.answer(session, world.placement(session), here, reviewer, level, words)


def left(world, sent: int) -> int:
    with world.database.read() as session:
        return appeals.chance(session, world.placement(session), session.get_one(Submission, sent)).left


def test_an_appeal_names_criterion_sentence_and_reason(world, sent) -> None:
    with world.database.read() as session:
        here = session.get_one(Appeal, appeal(world, sent))
        assert appeals.sentence_of(here) == "Take one run."
        assert (here.criterion, here.why, appeals.state_of(session, here)) == ("checkpoint", WHY, "sent")
        assert [each.id for each in appeals.waiting(session, world.placement(session))] == [here.id]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"criterion": "nonsense"}, "Choose the criterion."),
        ({"sentence": None}, "Choose the sentence."),
        ({"sentence": 999}, "Choose the sentence."),
        ({"why": "  \n "}, "Say why. A person reads it."),
        ({"why": "x" * 612}, "12 over. Why holds 600 characters."),
    ],
)
def test_an_appeal_that_says_too_little_uses_no_token(world, sent, said, problem: str) -> None:
    with pytest.raises(AppealProblem, match=problem):
        appeal(world, sent, **said)
    assert left(world, sent) == 2


def test_a_criterion_is_appealed_against_once_and_tokens_run_out(world, sent) -> None:
    appeal(world, sent)
    with pytest.raises(AppealProblem, match="Choose the criterion"):
        appeal(world, sent)
    appeal(world, sent, "retry")
    assert left(world, sent) == 0
    with pytest.raises(AppealProblem, match="Every appeal is used"):
        appeal(world, sent, "claim")


def test_what_is_not_released_or_long_released_cannot_be_appealed_against(world, submission) -> None:
    with pytest.raises(AppealProblem, match="Nothing is released yet"):
        appeal(world, submission.id)


def test_the_time_to_appeal_ends(world, sent, monkeypatch) -> None:
    with world.database.read() as session:
        until = newest_release(session, session.get_one(Submission, sent)).released_at + timedelta(days=7)
    monkeypatch.setattr(appeals, "utc_now", lambda: until + timedelta(seconds=1))
    with pytest.raises(AppealProblem, match="The time to appeal is over"):
        appeal(world, sent)
    monkeypatch.setattr(appeals, "utc_now", lambda: until - timedelta(seconds=1))
    assert appeal(world, sent)


def test_a_placement_sets_tokens_and_days(world, sent) -> None:
    with world.database.write() as session:
        world.placement(session).settings = {"appeal_tokens": 0}
    with pytest.raises(AppealProblem, match="takes no appeals"):
        appeal(world, sent)


def test_whoever_scored_it_does_not_answer(world, sent) -> None:
    here = appeal(world, sent)
    with pytest.raises(NotForYou, match="You scored this work"):
        answered(world, here, level=2, reviewer=world.ines_id)


def test_whoever_is_the_only_one_answers_and_the_learner_is_told(world, sent) -> None:
    here = appeal(world, sent)
    with world.database.write() as session:
        session.delete(session.get_one(Launch, "launch-tom-01"))
    answered(world, here, level=2, reviewer=world.ines_id)
    with world.database.read() as session:
        assert session.get_one(Appeal, here).answer.by_the_scorer


def test_nothing_is_revealed_before_a_level_is_committed(world, sent) -> None:
    with world.database.write() as session:
        here = session.get_one(Appeal, appeal(world, sent))
        assert appeals.reveal(session, here, world.tom_id) is None
        with pytest.raises(AppealProblem, match="Score it first"):
            appeals.answer(session, world.placement(session), here, world.tom_id, 2, "It is there.")
        blind = appeals.read_blind(session, here)
        assert blind.sentence == "Take one run."
        assert not any(name in vars(blind) for name in ("level", "points", "quotes", "comment"))
        appeals.commit_level(session, here, world.tom_id, 3)
        assert appeals.commit_level(session, here, world.tom_id, 0).level == 3  # what was committed stands
        revealed = appeals.reveal(session, here, world.tom_id)
        assert (revealed.own, revealed.row.level, revealed.row.judge_level) == (3, 1, 1)


def test_an_accepted_appeal_releases_the_sheet_anew_and_gives_the_token_back(world, sent) -> None:
    here = appeal(world, sent)
    assert left(world, sent) == 1
    answered(world, here, level=3, reviewer=world.tom_id)
    assert left(world, sent) == 2
    with world.database.read() as session:
        essay = session.get_one(Submission, sent)
        sheet = student_sheet(session, essay)
        assert sheet.release.sequence == 2
        assert sheet.release.reason == "It is there."
        rows = {row.criterion.id: row for row in sheet.rows}
        assert (rows["checkpoint"].level, rows["checkpoint"].reason) == (3, "It is there.")
        assert (rows["claim"].level, rows["claim"].reason) == (3, "The claim is early.")
        assert session.scalars(select(Review.reviewer_id).order_by(Review.id)).all() == [world.ines_id, world.tom_id]


def test_an_answer_undoes_nothing_that_was_changed_in_the_same_moment(world, sent, monkeypatch) -> None:
    here, change = appeal(world, sent), reviews.change

    def meanwhile(session, link, essay, *said, **seen) -> Release:
        standing = newest_release(session, essay)
        levels = {key: Decision(level, "wrong_level") for key, level in {**standing.levels, "economy": 2}.items()}
        change(session, link, essay, world.ines_id, levels, "It is too long.", seen_release_id=standing.id)
        return change(session, link, essay, *said, **seen)

    monkeypatch.setattr(reviews, "change", meanwhile)
    with pytest.raises(AppealProblem, match="changed this sheet just now"):
        answered(world, here, level=3, reviewer=world.tom_id)
    monkeypatch.undo()
    answered(world, here, level=3, reviewer=world.tom_id)


def test_levels_that_were_committed_blind_stand_without_a_reason_beside_an_accepted_appeal(world, submission) -> None:
    """Nobody has to give reasons for levels that another committed before the judge's were shown to them."""
    own = LEVELS | {"retry": 2, "economy": 2}
    with world.database.write() as session:
        essay = session.get_one(Submission, submission.id)
        judgement = judge_as(session, essay, LEVELS)
        session.add(
            BlindSheet(
                submission_id=essay.id,
                judgement_id=judgement.id,
                reader_id=world.ines_id,
                source="pick",
                levels=own,
                quotes={},
            )
        )
        session.flush()
        decisions = {key: Decision(level) for key, level in own.items()}
        release(session, world.placement(session), essay, world.ines_id, decisions, judgement.id)
    answered(world, appeal(world, submission.id), level=3, reviewer=world.tom_id)
    with world.database.read() as session:
        standing = newest_release(session, session.get_one(Submission, submission.id))
        assert (standing.sequence, standing.levels) == (2, own | {"checkpoint": 3})


def test_an_appeal_that_changes_nothing_keeps_its_token_and_its_answer(world, sent) -> None:
    here = appeal(world, sent)
    answered(world, here, level=1, reviewer=world.tom_id, words="It says that it resumes, not where.")
    assert left(world, sent) == 1
    with world.database.read() as session:
        ended = session.get_one(Appeal, here)
        assert (ended.answer.accepted, ended.answer.words) == (False, "It says that it resumes, not where.")
        assert session.scalars(select(Release.sequence)).all() == [1]


def test_an_appeal_is_answered_once(world, sent) -> None:
    here = appeal(world, sent)
    answered(world, here, level=2, reviewer=world.tom_id)
    with pytest.raises(AppealProblem, match="Someone else answered this"):
        answered(world, here, level=4, reviewer=world.tom_id)


def test_a_changed_level_goes_to_the_gradebook(world, sample_texts) -> None:
    """With every item released, an accepted appeal is one more message."""
    with world.database.write() as session:
        link = world.placement(session)
        for item, text in sample_texts.items():
            one = submit(session, link, world.ada_id, item, text)
            levels = dict.fromkeys(_judged(one), 2)
            graph = {"points": 30, "checks": [], "flags": []} if item == "drawing" else None
            judgement = judge_as(session, one, levels, graph_checks=graph)
            release(session, link, one, world.ines_id, {k: Decision(v) for k, v in levels.items()}, judgement.id)
        essay = session.scalars(select(Submission).where(Submission.item_id == "essay")).one().id
    here = appeal(world, essay)
    answered(world, here, level=4, reviewer=world.tom_id)
    with world.database.read() as session:
        given = [row.body["scoreGiven"] for row in session.scalars(select(Passback).where(Passback.kind == "released"))]
    assert len(given) == 2
    assert given[1] - given[0] == pytest.approx(20 * 2 / 4 * 0.5)  # two levels of twenty points, of half the lesson


def test_the_statistics_say_which_levels_did_not_stand(world, sent) -> None:
    raised = appeal(world, sent)
    stood = appeal(world, sent, criterion="retry")
    with world.database.read() as session:
        held = session.get_one(Release, session.get_one(Appeal, raised).release_id).levels
    answered(world, raised, level=held["checkpoint"] + 1, reviewer=world.tom_id)
    answered(world, stood, level=held["retry"], reviewer=world.tom_id)
    with world.database.read() as session:
        rubric = rubric_of(session.get_one(Submission, sent))
        checkpoint, retry = (rubric.criterion(name).title for name in ("checkpoint", "retry"))
        first, second = appeal_counts(session, world.placement(session))
        assert (first.criterion, first.sent, first.raised, first.stood, first.change) == (checkpoint, 1, 1, 0, 1.0)
        assert (second.criterion, second.answered, second.stood, second.change) == (retry, 1, 1, None)
        assert appeal_counts(session, world.tiny(session)) == []


def _judged(one: Submission) -> list[str]:
    from lti_tool.lessons import rubric_of

    return [criterion.id for criterion in rubric_of(one).criteria]

import json

import pytest
from sqlalchemy import func, select

from lti_tool.attempts import (
    NoAttemptsLeft,
    SendProblem,
    desk,
    drafts,
    find_submission,
    save_draft,
    submit,
)
from lti_tool.lessons import current_lesson
from lti_tool.models import Job, Submission


def essay(session, world):
    return current_lesson(session, world.placement(session).lesson_slug).lesson.item("essay")


def test_sending_freezes_the_text_and_enqueues_its_judging_in_one_commit(world, sample_texts) -> None:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
    with world.database.read() as session:
        job = session.scalars(select(Job)).one()
        assert (job.kind, job.state, job.submission_id) == ("judge", "queued", sent.id)
        assert sent.attempt == 1


def die_after_sending(world, text: str) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", text)
        raise RuntimeError("the process dies here")


def test_a_rolled_back_send_leaves_neither_submission_nor_job(world, sample_texts) -> None:
    with pytest.raises(RuntimeError):
        die_after_sending(world, sample_texts["essay"])
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Submission)) == 0
        assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_the_same_text_again_is_the_same_submission_and_uses_no_attempt(world, submission) -> None:
    with world.database.write() as session:
        again = submit(session, world.placement(session), world.ada_id, "essay", submission.text.replace("\n", "\r\n"))
        assert again.id == submission.id
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_blanks_at_the_ends_make_no_other_text(world, submission) -> None:
    with world.database.write() as session:
        again = submit(session, world.placement(session), world.ada_id, "essay", f"\n {submission.text} \n\n")
        assert (again.id, again.text) == (submission.id, submission.text)


def test_attempts_run_out_and_the_sentence_says_the_text_is_kept(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        for number in range(2, essay(session, world).attempts + 1):
            submit(session, link, world.ada_id, "essay", submission.text + f" Attempt {number}.")
        with pytest.raises(NoAttemptsLeft, match="kept as a draft"):
            submit(session, link, world.ada_id, "essay", submission.text + " One more.")


def test_a_placement_may_allow_more_attempts(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"attempts": {"essay": 1}}
        with pytest.raises(NoAttemptsLeft):
            submit(session, link, world.ada_id, "essay", submission.text + " Again.")


@pytest.mark.parametrize(
    "text",
    ["", "   \n ", "too short", "word " * 801, "nul \x00 byte " + "word " * 450],
    ids=["empty", "blank", "short", "long", "binary"],
)
def test_what_cannot_be_sent_is_a_sentence(world, text: str) -> None:
    with world.database.write() as session, pytest.raises(SendProblem) as caught:
        submit(session, world.placement(session), world.ada_id, "essay", text)
    assert str(caught.value).endswith((".", "?"))
    assert text.strip()[:20] not in str(caught.value) or not text.strip()


def test_a_newline_in_a_hot_take_is_a_space(world) -> None:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "q1", "It dies at step 14\nand starts over.")
    assert sent.text == "It dies at step 14 and starts over."


def test_a_torn_drawing_is_a_sentence(world, sample_texts) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        with pytest.raises(SendProblem):
            submit(session, link, world.ada_id, "drawing", sample_texts["drawing"][:-5])
        with pytest.raises(SendProblem):
            submit(session, link, world.ada_id, "drawing", json.dumps({"schema": "atelier.diagram/1"}))
        assert submit(session, link, world.ada_id, "drawing", sample_texts["drawing"]).attempt == 1


def test_drafts_are_kept_newest_first_and_unchanged_text_only_once(world) -> None:
    with world.database.write() as session:
        link, item = world.placement(session), essay(session, world)
        for text in ("one", "two", "two", "three"):
            save_draft(session, link, world.ada_id, item, text)
        assert [draft.text for draft in drafts(session, link, world.ada_id, "essay")] == ["three", "two", "one"]
        assert drafts(session, link, world.bo_id, "essay") == []
        published = current_lesson(session, link.lesson_slug)
        assert desk(session, link, world.ada_id, published, "essay").text == "three"


def test_nobody_finds_a_submission_of_another_learner_or_placement(world, submission) -> None:
    with world.database.read() as session:
        here, elsewhere = world.placement(session), world.tiny(session)
        assert find_submission(session, here, submission.public_id, person_id=world.ada_id)
        assert find_submission(session, here, submission.public_id, person_id=world.bo_id) is None
        assert find_submission(session, elsewhere, submission.public_id) is None

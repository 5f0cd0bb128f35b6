"""The notice: shown at the first launch, kept once accepted, and nothing is judged before it."""

import pytest
from sqlalchemy import select

from lti_tool.attempts import latest_draft
from lti_tool.models import NoticeAcceptance, Submission
from lti_tool.notice import notice_of
from tests.lti_tool.web.ada import NASTY, TAKE, page_name


@pytest.fixture
def untold(world, app):
    """A world in which nobody has read the notice as it is now: the course has just written its own words."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"notice": f"Ask in the forum. {NASTY}"}
    return world


def version(world) -> str:
    with world.database.read() as session:
        return notice_of("checklist", world.placement(session)).version


def test_the_first_launch_opens_the_notice_and_start_goes_on_to_the_path(untold, ada) -> None:
    assert ada.get("").location.endswith("/notice")
    answer = ada.get("notice")
    assert page_name(answer) == "lesson-notice"
    assert "Nothing leaves this server." in answer.text
    assert "&lt;script&gt;" in answer.text
    assert ada.post("notice", {"version": version(untold)}).location.endswith("/path")
    assert ada.get("").location.endswith("/path")


def test_it_is_kept_once_for_a_person_and_version(untold, ada) -> None:
    for _ in range(2):
        ada.post("notice", {"version": version(untold)})
    with untold.database.read() as session:
        kept = session.scalars(
            select(NoticeAcceptance.person_id).where(NoticeAcceptance.version == version(untold))
        ).all()
    assert kept == [untold.ada_id]


def test_one_learners_word_is_nobody_elses(untold, ada, sign_in) -> None:
    ada.post("notice", {"version": version(untold)})
    assert sign_in("launch-bo-01").get("").location.endswith("/notice")


def test_reading_is_never_locked(untold, ada) -> None:
    for path in ("path", "steps/reference", "steps/vocabulary", "steps/warm-up", "items/essay", "help"):
        assert ada.get(path).status_code == 200, path


def test_nothing_is_judged_before_it_and_the_text_is_kept(untold, ada, sample_texts) -> None:
    answer = ada.post("items/essay/send", {"text": sample_texts["essay"]})
    assert answer.location.endswith("/notice?item=essay")
    with untold.database.read() as session:
        assert session.scalars(select(Submission)).all() == []
        assert latest_draft(session, untold.placement(session), untold.ada_id, "essay").text == sample_texts["essay"]
    onward = ada.post("notice", {"version": version(untold), "item": "essay"})
    assert onward.location.endswith("/items/essay/confirm")
    assert "/submissions/" in ada.post("items/essay/send", {"text": sample_texts["essay"]}).location
    with untold.database.read() as session:
        assert [sent.item_id for sent in session.scalars(select(Submission))] == ["essay"]


def test_a_take_comes_back_to_its_box(untold, ada) -> None:
    assert ada.post("items/q1/send", {"text": TAKE}).location.endswith("/notice?item=q1")
    assert ada.post("notice", {"version": version(untold), "item": "q1"}).location.endswith("/steps/warm-up#q1")
    assert TAKE in ada.get("steps/warm-up").text


def test_words_that_changed_meanwhile_are_shown_again(untold, ada) -> None:
    old = version(untold)
    with untold.database.write() as session:
        untold.placement(session).settings = {"notice": "Other words."}
    assert ada.post("notice", {"version": old, "item": "essay"}).location.endswith("/notice?item=essay")
    assert ada.get("").location.endswith("/notice")


def test_another_judge_is_another_notice(world) -> None:
    with world.database.read() as session:
        link = world.placement(session)
        notices = [notice_of(name, link) for name in ("checklist", "claude:a", "claude:b", "panel:claude:a+checklist")]
    assert len({notice.version for notice in notices}) == 3  # two models of one maker say the same
    assert [notice.leaves_the_server for notice in notices] == [False, True, True, True]


def test_an_unknown_item_is_nothing_here(untold, ada) -> None:
    assert ada.get("notice?item=nowhere").status_code == 404
    assert ada.post("notice", {"version": version(untold), "item": "nowhere"}).status_code == 404

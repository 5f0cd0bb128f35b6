"""A course's own edition of a lesson: drafts, faults, publishing, and that no other course sees any of it."""

from collections.abc import Iterator
from copy import deepcopy
from threading import Barrier, Thread

import pytest
from sqlalchemy.orm import Session

from lti_tool import editions
from lti_tool.attempts import submit
from lti_tool.editions import DraftMoved, NotPublishable
from lti_tool.lessons import UnknownLesson, current_lesson, lesson_here, rubric_for
from lti_tool.models import Context, ResourceLink, Submission
from tests.conftest import World

SLUG = "durable-workflows"
ESSAY = "durable-workflows-essay"


@pytest.fixture
def session(either_world: World) -> Iterator[Session]:
    with either_world.database.write() as session:
        yield session


@pytest.fixture
def link(session: Session, either_world: World) -> ResourceLink:
    return either_world.placement(session)


def retitled(session: Session, link: ResourceLink, title: str = "The plea", seen: int = 0) -> int:
    """The essay's rubric with another title, saved as a draft."""
    content = deepcopy(editions.edition(session, SLUG, link.context_id).drafts[ESSAY].content)
    return editions.save_draft(
        session, SLUG, link.context_id, ESSAY, {**content, "title": title}, seen=seen, by="ines-01"
    )


def shown_rubric(session: Session, link: ResourceLink):
    return rubric_for(session, lesson_here(session, link).version, ESSAY)[1]


def test_nothing_written_is_nothing_to_publish(session, link) -> None:
    found = editions.edition(session, SLUG, link.context_id)
    assert found.unpublished == ()
    assert editions.draft_faults(found) == []
    assert editions.rubric_changes(found) == {}
    assert set(found.drafts) == {"", *found.published.lesson.rubric_ids}


def test_a_draft_is_shown_to_nobody_until_it_is_published(session, link) -> None:
    retitled(session, link)
    assert shown_rubric(session, link).title == "The pitch"

    editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")

    assert (shown_rubric(session, link).title, shown_rubric(session, link).version) == ("The plea", 2)
    assert editions.edition(session, SLUG, link.context_id).unpublished == ()


def test_another_course_keeps_the_shared_version(session, link) -> None:
    other = Context(deployment_id=link.deployment_id, lms_id="course-2")
    session.add(other)
    session.flush()
    elsewhere = ResourceLink(
        deployment_id=link.deployment_id, context_id=other.id, lms_id="elsewhere", lesson_slug=SLUG, scopes=[]
    )
    session.add(elsewhere)
    session.flush()
    retitled(session, link)
    editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")

    assert shown_rubric(session, elsewhere).title == "The pitch"
    assert current_lesson(session, SLUG).version.id == lesson_here(session, elsewhere).version.id


def test_work_keeps_the_version_it_was_sent_under(session, link, either_world, sample_texts) -> None:
    sent = submit(session, link, either_world.ada_id, "essay", sample_texts["essay"])
    assert editions.judged_under(session, link.context_id, editions.edition(session, SLUG, link.context_id)) == {
        ESSAY: 1
    }
    retitled(session, link)
    editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")

    assert session.get_one(Submission, sent.id).rubric_version.title == "The pitch"
    assert submit(session, link, either_world.bo_id, "essay", sample_texts["essay"]).rubric_version.title == "The plea"


def test_back_to_the_shared_version_and_what_was_decided(session, link) -> None:
    retitled(session, link)
    editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")

    editions.follow_shared(session, SLUG, link.context_id, "tom-01")

    assert shown_rubric(session, link).title == "The pitch"
    decided = [(one.by, one.lesson_version_id is None) for one in editions.history(session, SLUG, link.context_id)]
    assert decided == [("tom-01", True), ("ines-01", False)]


def test_who_saves_on_an_older_draft_is_told_and_changes_nothing(session, link) -> None:
    revision = retitled(session, link)
    assert retitled(session, link, "The brief", seen=revision) == 2

    for seen in (0, 1):
        with pytest.raises(DraftMoved) as moved:
            retitled(session, link, "The third", seen=seen)
        assert moved.value.by == "ines-01"

    found = editions.edition(session, SLUG, link.context_id)
    assert found.drafts[ESSAY].content["title"] == "The brief"


def test_faults_of_every_draft_are_named_and_nothing_is_published(session, link) -> None:
    found = editions.edition(session, SLUG, link.context_id)
    rubric, lesson = deepcopy(found.drafts[ESSAY].content), deepcopy(found.drafts[""].content)
    rubric["criteria"][0]["weight"] = 99
    lesson["slug"], lesson["items"][0]["weight"] = "other-name", 1
    editions.save_draft(session, SLUG, link.context_id, ESSAY, rubric, seen=0, by="ines-01")
    editions.save_draft(session, SLUG, link.context_id, "", lesson, seen=0, by="ines-01")

    with pytest.raises(NotPublishable) as refused:
        editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")

    told = {(name, key) for name, key, _ in refused.value.faults}
    assert told >= {(ESSAY, "criteria"), ("", "items"), ("", "slug")}
    assert shown_rubric(session, link).title == "The pitch"


def test_the_same_content_again_is_no_new_version(session, link) -> None:
    before = lesson_here(session, link).version.id
    content = editions.edition(session, SLUG, link.context_id).drafts[ESSAY].content
    editions.save_draft(session, SLUG, link.context_id, ESSAY, {**content, "version": 7}, seen=0, by="ines-01")

    editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")

    assert lesson_here(session, link).version.id == before
    assert editions.history(session, SLUG, link.context_id) == []


def test_a_lesson_nobody_has_is_unknown(session, link) -> None:
    with pytest.raises(UnknownLesson):
        editions.edition(session, "no-such", link.context_id)


def test_of_two_who_publish_at_once_one_is_told(either_world) -> None:
    with either_world.database.write() as session:
        link = either_world.placement(session)
        context_id = link.context_id
        retitled(session, link)
    barrier, told = Barrier(2), []

    def publish(by: str) -> None:
        with either_world.database.read() as session:
            found = editions.edition(session, SLUG, context_id)
        barrier.wait()
        try:
            with either_world.database.write() as session:
                editions.publish(session, found, context_id, by)
                told.append("published")
        except DraftMoved:
            told.append("told")

    threads = [Thread(target=publish, args=(by,)) for by in ("ines-01", "tom-01")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(told) == ["published", "told"]
    with either_world.database.read() as session:
        assert len(editions.history(session, SLUG, context_id)) == 1

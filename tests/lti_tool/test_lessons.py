from pathlib import Path

import pytest
from sqlalchemy import func, select

from lti_tool.lessons import (
    UnknownLesson,
    answer_term,
    current_lesson,
    progress,
    rubric_for,
    see_step,
    store_lesson,
)
from lti_tool.models import LessonPublication, LessonVersion, RubricVersion, StepView
from seeds.load import load_bundled, load_into, read_lesson, read_rubrics


def counts(session) -> tuple[int, ...]:
    tables = (LessonVersion, RubricVersion, LessonPublication)
    return tuple(session.scalar(select(func.count()).select_from(table)) for table in tables)


def test_loading_the_same_content_twice_changes_nothing(database) -> None:
    with database.write() as session:
        before = counts(session)
        load_bundled(session)
        assert counts(session) == before


def test_changed_content_is_a_new_version_and_the_old_one_stays(database) -> None:
    folder = Path(__file__).parent.parent / "seeds" / "tiny"
    lesson = read_lesson(folder)
    changed = lesson.model_copy(update={"title": "HTTP Caching, again"})
    with database.write() as session:
        old = current_lesson(session, "two-step").version
        new = store_lesson(session, changed, read_rubrics(folder, changed))
        assert new.id != old.id
        assert current_lesson(session, "two-step").lesson.title == "HTTP Caching, again"
        load_into(session, folder)  # back to the old words: the old version, published again
        assert current_lesson(session, "two-step").version.id == old.id


def test_a_changed_rubric_alone_is_a_new_version_of_the_lesson(database) -> None:
    folder = Path(__file__).parent.parent / "seeds" / "tiny"
    lesson = read_lesson(folder)
    rubrics = read_rubrics(folder, lesson)
    reworded = {key: rubric.model_copy(update={"title": "Reworded"}) for key, rubric in rubrics.items()}
    with database.write() as session:
        old = current_lesson(session, "two-step").version
        new = store_lesson(session, lesson, reworded)
        assert new.id != old.id
        _, rubric = rubric_for(session, old, lesson.rubric_ids[0])
        assert rubric.title != "Reworded"


def test_a_lesson_nobody_loaded_is_unknown(database) -> None:
    with database.read() as session, pytest.raises(UnknownLesson, match="no-such"):
        current_lesson(session, "no-such")


def test_progress_follows_what_a_learner_did_and_nobody_else(database, world) -> None:
    with database.write() as session:
        link = world.placement(session)
        lesson = current_lesson(session, link.lesson_slug).lesson
        see_step(session, link, world.ada_id, lesson.steps[0].id)
        see_step(session, link, world.ada_id, lesson.steps[0].id)
        terms = [term.id for term in lesson.terms]
        for term_id in terms + terms:
            answer_term(session, link, world.ada_id, term_id, got_it=True)
        mine = progress(session, link, world.ada_id, lesson)
        theirs = progress(session, link, world.bo_id, lesson)
        assert session.scalar(select(func.count()).select_from(StepView)) == 1
    assert mine.mastered == frozenset(terms)
    vocabulary = next(step.id for step in lesson.steps if step.kind == "vocabulary")
    assert mine.done == {lesson.steps[0].id, vocabulary}
    assert theirs.done == frozenset()

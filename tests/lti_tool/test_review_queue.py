"""The queue: what waits, in which order and why, and what it costs."""

from typing import get_args

import pytest
from sqlalchemy import event, func, select

from lti_tool import jobs
from lti_tool.attempts import submit
from lti_tool.blind import pick
from lti_tool.models import Job, Person, ResourceLink, Submission
from lti_tool.pending_releases import decide
from lti_tool.results import judge_sheet, state_of
from lti_tool.review_queue import Tab, counts, queue, same_text
from lti_tool.reviews import Decision, change, release
from lti_tool.web.scores_page import scores_page
from tests.lti_tool.judged import all_at, decisions, judge_as


def crowd(session, world, text: str, count: int) -> list[Submission]:
    """Essays of so many learners: one released, one changed after that, one unscored, one with the judge, in turn."""
    link, sent = world.placement(session), []
    for number in range(count):
        person = Person(registration_id=world.registration_id, sub=f"c-{number}", handle=f"crowd-{number:02}")
        session.add(person)
        session.flush()
        essay = submit(session, link, person.id, "essay", f"{text} {'Again. ' if number % 3 else ''}{number % 5}.")
        sent.append(essay)
        if number % 4 == 3:
            continue
        seen = judge_as(session, essay, all_at(essay, 2) | ({"claim": None} if number % 4 == 2 else {}))
        if number % 4 < 2:
            made = release(session, link, essay, world.ines_id, decisions(all_at(essay, 2)), seen.id)
        if number % 4 == 1:
            higher = {key: Decision(level, "wrong_level") for key, level in all_at(essay, 3).items()}
            change(session, link, essay, world.ines_id, higher, "Read again.", seen_release_id=made.id)
    return sent


@pytest.fixture
def statements(world) -> list[str]:
    """Every statement that the database is asked from now on."""
    asked: list[str] = []
    event.listen(world.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    return asked


def test_unscored_sheets_come_first_and_another_learner_with_the_same_text_is_named(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        first = session.get_one(Submission, submission.id)
        judge_as(session, first, all_at(first, 3))
        copied = submit(session, link, world.bo_id, "essay", submission.text)
        judge_as(session, copied, all_at(copied, 3) | {"claim": None})

        rows = queue(session, link)

        assert [(row.handle, row.detail) for row in rows] == [
            ("bo-01", "ada-01 sent the same text"),
            ("ada-01", "bo-01 sent the same text"),
        ]
        assert queue(session, world.tiny(session)) == []


def test_ones_own_text_in_another_placement_is_nobodys_twin(world, submission) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        copy = ResourceLink(
            deployment=link.deployment,
            context=link.context,
            lms_id="link-again",
            title="again",
            lesson_slug=link.lesson_slug,
            scopes=[],
            settings={},
        )
        session.add(copy)
        session.flush()
        mine = submit(session, copy, world.ada_id, "essay", submission.text)
        assert same_text(session, copy, [mine]) == {}
        theirs = submit(session, copy, world.bo_id, "essay", submission.text)
        assert same_text(session, copy, [theirs]) == {theirs.id: "ada-01"}


@pytest.mark.parametrize("tab", ["to_review", "all"])
def test_a_row_says_what_the_sheet_itself_says(either_world, sample_texts, tab) -> None:
    world = either_world
    with world.database.write() as session:
        crowd(session, world, sample_texts["essay"], 12)
        link = world.placement(session)
        rows = queue(session, link, tab)
        assert len(rows) == counts(session, link)[tab] == (3 if tab == "to_review" else 12)
        for row in rows:
            sheet = judge_sheet(session, row.submission)
            judgement = sheet.judgement.id if sheet.judgement else None
            assert (row.points, row.judgement_id) == (sheet.points, judgement)
            assert row.state == state_of(session, row.submission)


PAGES = {
    "queue": lambda session, link: queue(session, link, "all"),
    "scores": lambda session, link: scores_page(session, link, names=False).rows,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_long_list_takes_no_more_queries_than_a_short_one(world, sample_texts, statements, page: str) -> None:
    asked = []
    for count in (8, 40):  # of eight, too, some sent the same text
        with world.database.write() as session:
            session.execute(Submission.__table__.delete())
            session.execute(Person.__table__.delete().where(Person.handle.startswith("crowd")))
            crowd(session, world, sample_texts["essay"], count)
        with world.database.read() as session:
            statements.clear()
            rows = PAGES[page](session, world.placement(session))
            asked.append(len(statements))
            assert (
                len(rows)
                == count
                == session.scalar(select(func.count()).select_from(Job).where(Job.kind == jobs.JUDGE))
            )
    assert asked[0] == asked[1] < 25


def test_what_waits_is_read_off_an_index_in_its_order(world, statements) -> None:
    with world.database.read() as session:
        queue(session, world.placement(session), limit=50)
        ordered = next(one for one in statements if "ORDER BY job.doubt" in one)
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {ordered}", (1,) * ordered.count("?"))
        steps = [row[-1] for row in plan]
    assert "INDEX ix_job_queue (resource_link_id=?)" in steps[0]
    # Of what is equally uncertain a grader has an order of their own: that much is left to be sorted, not the whole.
    assert any("B-TREE FOR" in step for step in steps)
    assert "USE TEMP B-TREE FOR ORDER BY" not in steps


def test_every_tab_counts_what_it_lists(either_world, sample_texts) -> None:
    world = either_world
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"release": "date", "release_on": "2999-01-01T00:00:00Z"}
        crowd(session, world, sample_texts["essay"], 9)
        row = next(row for row in queue(session, link) if row.judgement_id is not None)
        decide(session, link, row.submission, world.ines_id, decisions(all_at(row.submission, 2)), row.judgement_id)
        pick(session, link, 2, "ines-01")
        tabs = get_args(Tab)
        assert counts(session, link) == {tab: len(queue(session, link, tab)) for tab in tabs}
        assert min(counts(session, link).values()) > 0

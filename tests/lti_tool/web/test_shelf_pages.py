"""The index of a placement that holds several lessons, and the way to one of them and back."""

import re
from html import unescape

import pytest
from sqlalchemy import select

from lti_tool.models import Launch, StepView
from lti_tool.notice import accept, notice_of
from lti_tool.shelf import find_placement
from lti_tool.web.arrival import first_page
from tests.lti_tool.web.ada import page_name

BOTH = ["durable-workflows", "not-here", "two-step"]


@pytest.fixture(autouse=True)
def shelf(world) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"lessons": BOTH}


def test_a_launch_of_several_lessons_leads_to_their_index(app, world) -> None:
    with app.test_request_context(), world.database.read() as session:
        assert first_page(session, session.get_one(Launch, "launch-ada-01")) == "/l/launch-ada-01/index"
        assert first_page(session, session.get_one(Launch, "launch-ines-01")) == "/l/launch-ines-01/index"


def test_the_index_lists_what_is_here_with_its_counts(ada) -> None:
    answer = ada.get("index")
    assert page_name(answer) == "lesson-index"
    page = unescape(answer.text)
    assert "2 lessons" in page
    assert page.index("Durable Workflows for Agents") < page.index("HTTP Caching")
    assert "5 steps · 4 questions" in page
    assert "not-here" not in page


def test_a_lesson_is_opened_worked_on_and_left_by_the_index(ada, world) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        accept(session, link, world.ada_id, notice_of("checklist", link).version)
    opened = ada.post("index/two-step")
    assert opened.status_code == 303
    launch_id = re.match(r"/l/([^/]+)/path", opened.location)[1]
    assert launch_id != "launch-ada-01"
    page = ada.client.get(opened.location).text
    assert '<a href="/l/launch-ada-01/index">← index</a>' in page
    ada.client.get(f"/l/{launch_id}/steps/words")
    assert re.search(r"\d of \d steps done", ada.get("index").text)
    with world.database.read() as session:
        child = find_placement(session, world.placement(session), "two-step")
        assert set(session.scalars(select(StepView.resource_link_id))) == {child.id}


def test_what_is_not_on_the_shelf_does_not_open(ada, sign_in, world) -> None:
    assert ada.post("index/not-there").status_code == 404
    with world.database.write() as session:
        world.placement(session).settings = {}
    assert ada.get("index").status_code == 404


def test_an_instructor_comes_to_the_queue_of_each_lesson(sign_in) -> None:
    ines = sign_in("launch-ines-01")
    assert "2 lessons" in ines.get("index").text
    opened = ines.post("index/two-step")
    assert opened.location.endswith("/queue")
    assert page_name(ines.client.get(opened.location)) == "queue"

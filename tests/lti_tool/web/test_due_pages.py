"""What the course's dates do to a learner's pages, and taking work back."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from lti_tool.attempts import save_draft
from lti_tool.db import utc_now
from lti_tool.lessons import current_lesson
from lti_tool.models import Job, Launch
from tests.lti_tool.web.ada import page_name, send, text_box

HOUR = timedelta(hours=1)


@pytest.fixture
def dated(world, sign_in):
    """`dated(due=-HOUR)`: Ada, launched just now by a course whose dates are that far away."""

    def launch(**away: timedelta):
        with world.database.write() as session:
            dates = {name: (utc_now() + by).isoformat() for name, by in away.items()}
            session.add(
                Launch(
                    id="launch-dated",
                    registration_id=world.registration_id,
                    resource_link_id=world.placement(session).id,
                    person_id=world.ada_id,
                    role="student",
                    detail={"dates": dates},
                )
            )
        return sign_in("launch-dated")

    return launch


@pytest.mark.parametrize("path", ["path", "items/essay", "steps/warm-up", "items/drawing"])
def test_every_page_says_when_it_is_due(dated, path: str) -> None:
    assert "due <time" in dated(due=HOUR).get(path).text


@pytest.mark.parametrize("path", ["items/essay", "steps/warm-up", "items/drawing"])
def test_late_is_said_with_what_it_means_and_sending_stays_open(dated, world, path: str) -> None:
    answer = dated(due=-2 * HOUR - timedelta(seconds=5)).get(path)
    assert "Due 2 h ago. Sent work is marked late; your course sets the cost." in answer.text
    assert ">judge</button>" in answer.text or ">send</button>" in answer.text


@pytest.mark.parametrize("path", ["items/essay", "steps/warm-up", "items/drawing"])
def test_closed_work_is_readable_and_cannot_be_sent(dated, path: str) -> None:
    answer = dated(closes=-HOUR).get(path)
    assert "Your draft is here to read and" in answer.text
    assert ">judge</button>" not in answer.text
    assert ">send</button>" not in answer.text


def test_a_form_sent_after_the_close_keeps_the_text_and_says_why(dated, sample_texts) -> None:
    browser = dated(closes=-HOUR)
    answer = browser.post("items/essay/send", {"text": sample_texts["essay"]})
    assert answer.status_code == 422
    assert "This is closed." in answer.text
    assert text_box(browser.get("items/essay")) == sample_texts["essay"].strip()


def test_before_it_opens_typing_is_saved(dated) -> None:
    browser = dated(opens=HOUR)
    assert browser.post("items/essay/draft", {"text": "early bird"}).status_code == 303
    answer = browser.get("items/essay")
    assert "Typing is saved until then." in answer.text
    assert text_box(answer) == "early bird"


def test_a_draft_can_be_taken_along_as_a_file(ada, world) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        item = current_lesson(session, link.lesson_slug).lesson.item("essay")
        save_draft(session, link, world.ada_id, item, "mine\n<b>and</b> yours")
    answer = ada.get("items/essay/draft")
    assert answer.text == "mine\n<b>and</b> yours"
    assert answer.content_type == "text/plain; charset=utf-8"
    assert "atelier-essay-draft.txt" in answer.headers["Content-Disposition"]


def test_late_work_says_so_where_it_is_listed(dated, sample_texts) -> None:
    browser = dated(due=-HOUR)
    browser.post("items/essay/send", {"text": sample_texts["essay"]})
    assert 'class="warn">late</span>' in browser.get("items/essay").text


def test_taking_it_back_puts_the_text_in_the_box_again(ada, world, sample_texts) -> None:
    sent = send(world, "essay", sample_texts["essay"])
    assert "take it back" in ada.get(f"submissions/{sent}/judging").text

    answer = ada.post(f"submissions/{sent}/withdraw")

    assert answer.headers["Location"].endswith("/items/essay")
    page = ada.get("items/essay")
    assert text_box(page) == sample_texts["essay"].strip()
    assert "This uses attempt 1 of" in page.text
    assert "take it back" not in ada.get(f"submissions/{sent}/judging").text


def test_too_late_to_take_back_is_a_page_with_the_reason(ada, world, sample_texts) -> None:
    sent = send(world, "essay", sample_texts["essay"])
    with world.database.write() as session:
        session.scalars(select(Job)).one().state = "done"
    answer = ada.post(f"submissions/{sent}/withdraw")
    assert (answer.status_code, page_name(answer)) == (409, "lesson-stays")
    assert "It stays sent." in answer.text


def test_nobody_takes_back_anothers_work(sign_in, world, sample_texts) -> None:
    sent = send(world, "essay", sample_texts["essay"])
    assert sign_in("launch-bo-01").post(f"submissions/{sent}/withdraw").status_code == 404


def test_the_instructor_sees_how_late_work_came(dated, sign_in, sample_texts) -> None:
    browser = dated(due=-2 * HOUR - timedelta(seconds=5))
    browser.post("items/essay/send", {"text": sample_texts["essay"]})
    ines = sign_in("launch-ines-01")
    queue = ines.get("queue?tab=all").text
    assert "late 2 h" in queue
    (public_id,) = set(re.findall(r"/review/([\w-]+)", queue))
    assert "2 h after it was due" in ines.get(f"review/{public_id}").text

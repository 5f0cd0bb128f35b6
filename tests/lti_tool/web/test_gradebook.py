"""The page of scores: every learner, what was sent, what the course shows; sending again and comparing over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select, update

from lti_tool import passback
from lti_tool.ags import SCOPES
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import Job, LessonScore, Passback, Registration, RosterMember, Submission
from tests.conftest import World
from tests.lti_tool.hostile_lms import Cell, HostileLms
from tests.lti_tool.judged import all_at, judge_as

INES = "launch-ines-01"


def scored(world: World, person_id: int, given: float) -> int:
    """A lesson score of somebody in the outbox; the id of its message."""
    with world.database.write() as session:
        score = LessonScore(
            resource_link_id=world.resource_link_id,
            person_id=person_id,
            sequence=1,
            given=given,
            maximum=100.0,
            parts={},
        )
        session.add(score)
        session.flush()
        return passback.enqueue_released(session, score).id


def handed_in(world: World, person_id: int, text: str) -> None:
    """An essay that was judged and waits for a person."""
    with world.database.write() as session:
        sent = submit(session, world.placement(session), person_id, "essay", text)
        judge_as(session, sent, all_at(sent, 3))


@pytest.fixture
def ada(world: World, submission: Submission) -> int:
    """Ada's score on its way; the id of its message."""
    return scored(world, world.ada_id, 74)


def settle(world: World, passback_id: int, state: str, **values: Any) -> None:
    with world.database.write() as session:
        session.execute(update(Passback).where(Passback.id == passback_id).values(state=state, **values))
        done = {"refused": "needs_person", "sent": "done", "unknown": "queued"}[state]
        session.execute(update(Job).where(Job.passback_id == passback_id).values(state=done))


def stored(world: World, passback_id: int) -> Passback:
    with world.database.read() as session:
        return session.get_one(Passback, passback_id)


# ---- the page ------------------------------------------------------------------------------------------------


def test_a_lesson_that_is_not_complete_says_what_still_waits(sign_in, world, sample_texts) -> None:
    handed_in(world, world.ada_id, sample_texts["essay"])
    page = sign_in(INES).get("scores").text
    assert 'data-page="queue-scores"' in page
    assert "with you: The pitch" in page
    assert "not sent: Q1, Q2, The drawing" in page
    assert "waits for you" in page


def test_a_score_on_its_way_and_then_in_the_course(sign_in, world, ada) -> None:
    browser = sign_in(INES)
    assert "waits to be sent" in browser.get("scores").text
    settle(world, ada, "sent", read_back={"resultScore": 74, "resultMaximum": 100})
    fragment = browser.get("scores/table").text
    assert "74 / 100" in fragment
    assert "<html" not in fragment


def test_learners_of_the_course_who_have_sent_nothing_stand_in_it_too(sign_in, world, ada) -> None:
    with world.database.write() as session:
        for sub, name, role in (("sub-bo", "Bo", "student"), ("sub-ines", "Ines", "instructor")):
            member = {"role": role, "status": "active", "groups": [], "read_at": utc_now()}
            session.add(RosterMember(context_id=world.placement(session).context_id, sub=sub, name=name, **member))
    page = sign_in(INES).get("scores?names=1").text
    rows = page.split("<tbody")[1].split("</tbody>")[0]
    assert "has sent nothing" in rows.split("Bo")[1]
    assert "Ines" not in rows


def test_a_refused_score_says_why_and_is_sent_again(sign_in, world, ada) -> None:
    settle(world, ada, "refused", answer="no such user")
    browser = sign_in(INES)
    page = browser.get("scores").text
    assert "did not reach the gradebook: no such user." in page
    assert "send all" not in page  # there is one
    answer = browser.post(f"scores/{ada}/again")
    assert "It is on its way again." in browser.client.get(answer.location).text
    with world.database.read() as session:
        old, new = session.scalars(select(Passback).order_by(Passback.id)).all()
        assert (old.state, new.state, new.body["scoreGiven"]) == ("overtaken", "waiting", 74)
    again = browser.post(f"scores/{ada}/again")  # the button was pressed twice
    assert "nothing was sent again" in browser.client.get(again.location).text


def test_all_refused_scores_are_sent_again_at_once(sign_in, world, ada, sample_texts) -> None:
    handed_in(world, world.bo_id, sample_texts["essay"] + " Also mine.")
    for message in (ada, scored(world, world.bo_id, 60)):
        settle(world, message, "refused", answer="Grading is off for this activity.")
    browser = sign_in(INES)
    assert "send all 2 refused again" in browser.get("scores").text
    answer = browser.post("scores/again", {"names": "1"})
    assert "names=1" in answer.location
    assert "2 are on their way again." in browser.client.get(answer.location).text
    with world.database.read() as session:
        assert session.scalars(select(Passback.state).order_by(Passback.id)).all()[-2:] == ["waiting", "waiting"]


def test_another_placements_message_cannot_be_sent_again(sign_in, world, ada) -> None:
    settle(world, ada, "refused", answer="no such user")
    with world.database.write() as session:
        session.execute(update(Passback).where(Passback.id == ada).values(resource_link_id=world.tiny_link_id))
    assert sign_in(INES).post(f"scores/{ada}/again").status_code == 404
    assert stored(world, ada).state == "refused"


# ---- comparing with the course -------------------------------------------------------------------------------


@pytest.fixture
def lms(world: World) -> Iterator[HostileLms]:
    with HostileLms("moodle").served() as lms:
        lms.columns["1"] = {"label": "Durable workflows", "scoreMaximum": 100}
        with world.database.write() as session:
            session.execute(update(Registration).values(auth_token_url=f"{lms.url}/token"))
            link = world.placement(session)
            link.platform_family, link.scopes, link.line_item_url = "moodle", list(SCOPES), lms.column_url("1")
        yield lms


def compare(browser: Any) -> str:
    answer = browser.post("scores/compare")
    return answer.text if answer.status_code != 303 else browser.client.get(answer.location).text


def test_what_the_course_shows_as_sent_is_seen_to_be_so(sign_in, world, ada, lms) -> None:
    settle(world, ada, "sent")
    lms.cells["sub-ada"] = Cell(score=7.4, maximum=10)  # on the column's own scale
    page = compare(sign_in(INES))
    assert "It shows: 1 as sent." in page
    assert "7.4 / 10" in page
    assert "last compared" in page
    assert "send again" not in page


def test_a_grade_typed_in_there_is_said_with_what_helps(sign_in, world, ada, lms) -> None:
    settle(world, ada, "sent")
    lms.cells["sub-ada"] = Cell(score=74, overridden=95)
    page = compare(sign_in(INES))
    assert "1 something else than we sent" in page
    assert "stands at 95 / 100 in the course, not at what was sent" in page
    assert "it stays until they clear it" in page
    assert "otherwise in the course" in page


def test_a_score_that_is_gone_there_can_be_sent_again(sign_in, world, ada, lms) -> None:
    settle(world, ada, "sent", read_back={"resultScore": 74, "resultMaximum": 100})
    browser = sign_in(INES)
    page = compare(browser)
    assert "1 no score at all" in page
    assert "has no score in the course, although it took one" in page
    assert "1 are on" not in page
    browser.post(f"scores/{ada}/again")
    with world.database.read() as session:
        assert session.scalars(select(Passback.state).order_by(Passback.id)).all() == ["sent", "waiting"]


def test_a_score_that_was_given_up_and_stands_there_has_arrived(sign_in, world, ada, lms) -> None:
    settle(world, ada, "refused", answer="Given up after 8 tries.")
    lms.cells["sub-ada"] = Cell(score=74)
    assert "1 as sent" in compare(sign_in(INES))
    assert (stored(world, ada).state, stored(world, ada).answer) == ("sent", "It had arrived.")
    with world.database.read() as session:
        assert session.scalars(select(Job.state).where(Job.passback_id == ada)).one() == "done"


def test_a_message_on_its_way_is_left_to_its_sender(sign_in, world, ada, lms) -> None:
    settle(world, ada, "unknown")
    lms.cells["sub-ada"] = Cell(score=74)
    compare(sign_in(INES))
    assert (stored(world, ada).state, stored(world, ada).read_back) == ("unknown", None)


def test_a_gradebook_that_cannot_be_read_changes_nothing(sign_in, world, ada, lms) -> None:
    settle(world, ada, "sent", read_back={"resultScore": 74, "resultMaximum": 100})
    lms.columns.clear()
    with world.database.write() as session:
        world.placement(session).line_item_url = f"{lms.url}/nowhere"
    page = compare(sign_in(INES))
    assert "The course’s gradebook was not read. The platform answered 404" in page
    assert stored(world, ada).read_back["resultScore"] == 74


def test_without_a_column_there_is_nothing_to_compare_with(sign_in, world, ada) -> None:
    assert "Grading is off for this activity." in compare(sign_in(INES))

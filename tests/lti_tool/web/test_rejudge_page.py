"""Judging again as an instructor sees it: begun from the lesson or the queue, watched, applied, taken back."""

import re

import pytest
from sqlalchemy import select

from lti_tool.db import utc_now
from lti_tool.models import BlindPick, Job, RejudgeDraft, RejudgedSheet
from lti_tool.pending_releases import GRACE
from lti_tool.rejudge_decisions import carry_out_due
from lti_tool.results import newest_judgement
from tests.lti_tool.test_rejudging import confirm, drafted, send_judged, two
from tests.lti_tool.web.test_instructor_browser import STANDARDS, WIDTHS, open_page, signed_in

__all__ = ["open_page", "signed_in", "two"]


@pytest.fixture
def either_world(world):
    return world


def draft_of(world) -> RejudgeDraft:
    with world.database.read() as session:
        return session.scalars(select(RejudgeDraft).order_by(RejudgeDraft.id.desc())).first()


def test_nothing_to_judge_again_yet(ines) -> None:
    page = ines.get("again").text
    assert "Nothing has been judged again here yet." in page
    refused = ines.post("again", {"item": "essay"})
    assert refused.status_code == 422
    assert "Nothing of this question has been judged yet." in refused.text


def test_the_lesson_says_what_was_judged_on_an_older_version_and_begins_a_draft(world, ines, two) -> None:
    page = ines.get("lessons/durable-workflows").text
    assert "2 answers were judged on an older version" in page
    answer = ines.post("again", {"item": "essay"})
    shown = ines.client.get(answer.location).text
    assert "0 of 2 judged." in shown
    assert "A draft on rubric v2" in shown
    with world.database.read() as session:
        waiting = session.scalars(select(Job).where(Job.kind == "rejudge")).all()
    assert {(job.state, job.priority) for job in waiting} == {("queued", 0)}


def test_what_would_move_is_shown_applied_and_taken_back(world, ines, two) -> None:
    draft = drafted(world, {two[0]: 3, two[1]: 1})
    here = f"again/{draft.public_id}"
    page = ines.get(here).text
    assert "2 would move" in page
    assert "1 goes up" in page
    assert "2 → 3" in page

    answer = ines.post(f"{here}/apply", {"which": "all"})
    shown = ines.client.get(answer.location).text
    assert "2 take effect at" in shown
    batch = re.search(r'name="batch" value="([^"]+)"', shown)[1]
    undone = ines.post(f"{here}/undo", {"batch": batch})
    assert "2 taken back." in ines.client.get(undone.location).text
    assert carry_out_due(world.database, utc_now() + GRACE * 2) == 0

    picked = re.findall(r'name="pick" value="(\d+)"', page)
    ines.post(f"{here}/apply", {"which": "picked", "pick": picked[:1]})
    assert carry_out_due(world.database, utc_now() + GRACE * 2) == 1
    assert "applied" in ines.get(here).text


def test_a_released_sheet_wants_a_reason_and_what_was_typed_stays(world, ines, two) -> None:
    confirm(world, two[0])
    draft = drafted(world, {two[0]: 3})
    refused = ines.post(f"again/{draft.public_id}/apply", {"which": "all", "reason": " "})
    assert refused.status_code == 422
    assert "Say why they change" in refused.text
    none = ines.post(f"again/{draft.public_id}/apply", {"which": "picked", "reason": "Clearer words."})
    assert none.status_code == 422
    assert "Clearer words." in none.text


def test_a_page_shows_nothing_of_what_is_to_be_scored_blind(world, ines, two) -> None:
    draft = drafted(world, {two[0]: 3, two[1]: 0})
    with world.database.write() as session:
        sheet = session.scalars(select(RejudgedSheet).where(RejudgedSheet.submission_id == two[1])).one()
        judged = newest_judgement(session, sheet.submission)
        session.add(BlindPick(submission_id=two[1], judgement_id=judged.id, by="ines-01", probability=1.0))
        hidden = sheet.id
    page = ines.get(f"again/{draft.public_id}").text
    assert "to be scored blind" in page
    assert "0 go down" in page
    assert f'name="pick" value="{hidden}"' not in page
    assert "→ 0" not in page


def test_a_draft_can_be_put_away(world, ines, two) -> None:
    draft = drafted(world, {two[0]: 3})
    page = ines.client.get(ines.post(f"again/{draft.public_id}/close").location).text
    assert "put away" in page
    assert draft_of(world).closed_at is not None


def test_what_could_not_be_judged_says_why_and_is_tried_again(world, ines, two) -> None:
    draft = drafted(world, {})
    with world.database.write() as session:
        job = session.scalars(select(Job).where(Job.kind == "rejudge", Job.submission_id == two[0])).one()
        job.state, job.last_error = "needs_person", "The judge cannot be reached."
    page = ines.get(f"again/{draft.public_id}").text
    assert "1 could not be judged after every try. The judge cannot be reached." in page
    ines.post(f"again/{draft.public_id}/retry")
    told = ines.get(f"again/{draft.public_id}/progress").json
    assert (told["of"], told["failed"], told["waiting"]) == (2, 0, 2)


def test_rows_of_the_queue_are_judged_again_as_a_draft_of_each_question(world, ines, two, sample_texts) -> None:
    send_judged(world, world.ada_id, f"{sample_texts['essay']} once more", 2)
    names = re.findall(r'name="pick" value="([^"]+)"', ines.get("queue").text)
    shown = ines.post("queue/bulk", {"action": "rejudge", "pick": names[:2]}).text
    assert "2 submissions would be judged again" in shown
    picks = re.search(r'name="picks" value="([^"]*)"', shown)[1]
    answer = ines.post("queue/bulk/rejudge", {"picks": picks})
    assert "0 of 2 judged." in ines.client.get(answer.location).text


def test_a_student_has_no_business_here(world, ada, two) -> None:
    draft = drafted(world, {})
    assert ada.get(f"again/{draft.public_id}").status_code == 403
    assert ada.post("again", {"item": "essay"}).status_code == 403


@pytest.mark.slow
def test_no_accessibility_fault_and_no_sideways_scroll(open_page, world, two) -> None:
    from axe_playwright_python.sync_playwright import Axe

    confirm(world, two[0])
    draft = drafted(world, {two[0]: 3})
    for path in ("again", f"again/{draft.public_id}"):
        for width in WIDTHS:
            page = open_page(path, width=width, height=9000)
            faults = Axe().run(page, options={"runOnly": STANDARDS}).response["violations"]
            assert [(fault["id"], fault["nodes"][0]["target"]) for fault in faults] == [], (path, width)
            root = "document.documentElement"
            assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), (path, width)
            page.context.close()

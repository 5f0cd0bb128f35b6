"""A keyboard script for each page of a student's: what it is for is done without a mouse.

Cards are in test_student_browser.py, the picture of a drawing in test_student_editor.py.
"""

import json

import pytest
from sqlalchemy import select

from lti_tool.attempts import latest_draft
from lti_tool.models import Appeal, Submission
from tests.lti_tool.web.ada import press

pytestmark = pytest.mark.slow
MOST_TABS = 150
FOCUSED = "selector => Boolean(document.activeElement?.matches(selector))"


def tab_to(page, selector: str) -> None:
    """Press Tab until the focus is there."""
    for _ in range(MOST_TABS):
        if page.evaluate(FOCUSED, selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by Tab")


def arrive(page, name: str) -> None:
    page.wait_for_selector(f'main[data-page="{name}"]')


def test_notice_and_the_way_through_the_steps(open_page, world) -> None:
    with world.database.write() as session:
        world.placement(session).settings = {"notice": "Your teaching assistants read along."}
    page = open_page("notice")
    tab_to(page, "main button")
    press(page, "Enter")
    arrive(page, "lesson-brief")
    press(page, "Tab")
    assert page.evaluate(FOCUSED, ".skip")
    press(page, "Enter")
    assert page.evaluate(FOCUSED, "main")
    for name in ("reference", "vocabulary", "warm-up", "pitch"):
        tab_to(page, ".foot a:last-child")
        press(page, "Enter")
        arrive(page, f"lesson-{name}")


def test_reference_a_failure_is_chosen_and_walked_back_and_forth(open_page, paths) -> None:
    page = open_page(paths["reference"])
    tab_to(page, "[data-plays=rate-limit]")
    press(page, "Enter", "ArrowRight", "ArrowRight", "ArrowLeft")
    assert page.inner_text("#player [role=status]") == "rate limit · step 2 of 8"
    tab_to(page, "details summary")
    press(page, "Enter")
    assert page.is_visible("text=A caller starts a run at the durable runtime")


def test_warm_up_a_take_is_typed_and_sent(open_page, world, paths) -> None:
    page = open_page(paths["warm-up"])
    tab_to(page, "#text-q2")
    press(page, "Control+a")
    page.keyboard.type("Claim a key in your own ledger first.")
    press(page, "Control+Enter")
    page.wait_for_selector("#q2 .reading")
    with world.database.read() as session:
        assert session.scalars(select(Submission.text).where(Submission.item_id == "q2")).all() == [
            "Claim a key in your own ledger first."
        ]


def test_pitch_a_draft_is_restored_and_the_text_judged(open_page, world, paths, sample_texts) -> None:
    page = open_page(paths["pitch"])
    tab_to(page, "#text")
    press(page, "Control+a")
    page.keyboard.insert_text(sample_texts["essay"] + " Again.")
    press(page, "Control+s")
    page.wait_for_selector(".sheet-end [data-save] .st-x")
    page.goto(page.url)
    tab_to(page, "#drafts summary")
    press(page, "Enter")
    tab_to(page, "#drafts li:last-child button")
    press(page, "Enter")
    page.wait_for_selector("#drafts summary:has-text('3 drafts')")
    tab_to(page, "#text")
    press(page, "Control+End")
    page.keyboard.type(" And a sentence more.")
    press(page, "Control+Enter")
    tab_to(page, "#ask .btn-go")
    press(page, "Enter")
    arrive(page, "lesson-judging")
    with world.database.read() as session:
        judged = session.scalars(select(Submission.text).order_by(Submission.id.desc())).first()
    assert judged == sample_texts["essay"] + " And a sentence more."


def test_drawing_by_selects_and_outline_alone(open_page, world) -> None:
    page = open_page("items/drawing")
    for kind in ("Durable runtime", "Run history", "Cache"):
        tab_to(page, "#part")
        page.keyboard.type(kind)
        press(page, "Tab", "Enter")
    tab_to(page, "#to")
    page.keyboard.type("Run history")
    tab_to(page, "#says")
    page.keyboard.type("append event")
    press(page, "Enter")
    tab_to(page, '[data-key="remove:n3"]')
    press(page, "Enter")
    tab_to(page, "#dies")
    page.keyboard.type("Durable runtime")
    tab_to(page, '[data-key="recovers:e1"]')
    press(page, "Space")
    tab_to(page, "#note")
    page.keyboard.type("Nothing is repeated.")
    page.wait_for_selector("[data-save] .st-x")
    page.wait_for_function("() => JSON.parse(document.getElementById('data').value).note === 'Nothing is repeated.'")
    tab_to(page, 'button[value="judge"]')
    press(page, "Enter")
    arrive(page, "lesson-confirm")
    with world.database.read() as session:
        kept = json.loads(latest_draft(session, world.placement(session), world.ada_id, "drawing").text)
    assert [node["kind"] for node in kept["nodes"]] == ["runtime", "history"]
    assert kept["crash"] == {"at": "n1", "recovery": ["e1"]}
    tab_to(page, "main .btn-go")
    press(page, "Enter")
    arrive(page, "lesson-judging")


def test_judging_what_was_sent_is_read_and_taken_back(open_page, paths) -> None:
    page = open_page(paths["judging"])
    tab_to(page, "main details summary")
    press(page, "Enter")
    assert page.is_visible(".sent-text")
    page.goto(page.url)
    tab_to(page, "main form button")
    press(page, "Enter")
    arrive(page, "lesson-pitch")


def test_result_order_quote_and_comparison(open_page, paths) -> None:
    page = open_page(paths["result"])
    tab_to(page, "a[href$='order=rubric']")
    press(page, "Enter")
    page.wait_for_selector(".crit:first-of-type#c1")
    tab_to(page, "#c3 a.tag")
    press(page, "Enter")
    page.wait_for_url("**#q3")
    tab_to(page, "details summary")
    press(page, "Space")
    assert page.is_visible("table.compare")


def test_appeal_from_the_result_to_its_place_there(open_page, world, paths) -> None:
    page = open_page(paths["result"])
    tab_to(page, ".below-verdict a[href$='appeal']")
    press(page, "Enter")
    arrive(page, "lesson-appeal")
    tab_to(page, "input[name=criterion]")
    press(page, "Space", "ArrowDown")
    tab_to(page, "form details:nth-of-type(2) summary")
    press(page, "Enter")
    tab_to(page, "input[name=sentence]")
    press(page, "Space")
    tab_to(page, "#why")
    page.keyboard.type("It names the step and the cost.")
    tab_to(page, "main .btn-go")
    press(page, "Enter")
    arrive(page, "lesson-result")
    with world.database.read() as session:
        made = session.scalars(select(Appeal).order_by(Appeal.id.desc())).first()
        assert (made.criterion, made.why) == ("failure_story", "It names the step and the cost.")
        assert made.start is not None


def test_the_line_is_pinned(open_page, world, paths) -> None:
    page = open_page(paths["pin"])
    tab_to(page, "main details:nth-of-type(2) summary")
    press(page, "Enter")
    tab_to(page, "input[name=sentence]")
    press(page, "Space")
    tab_to(page, "main .btn-go")
    press(page, "Enter")
    arrive(page, "lesson-result")
    assert page.inner_text(".line-of > span >> nth=0") == "“Take one run.”"


def test_one_of_several_lessons_is_opened(open_page, world) -> None:
    with world.database.write() as session:
        world.placement(session).settings = {"lessons": ["durable-workflows", "two-step"]}
    page = open_page("index")
    tab_to(page, "li:nth-child(2) button")
    press(page, "Enter")
    arrive(page, "lesson-brief")
    assert "Start" in page.inner_text(".steps")


def test_help_leads_to_what_happens_with_the_work_and_back(open_page) -> None:
    page = open_page("help")
    tab_to(page, "main section a")
    press(page, "Enter")
    arrive(page, "lesson-notice")
    assert page.inner_text("h1") == "What happens with your work"
    tab_to(page, ".foot a")
    press(page, "Enter")
    arrive(page, "lesson-brief")

"""The drawing's editor in Chromium: by keyboard alone, by pointing, and drawn as the server draws."""

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from lti_tool.attempts import latest_draft
from lti_tool.models import Submission
from seeds.load import bundled, read_lesson
from tests.lti_tool.web.ada import press

pytestmark = pytest.mark.slow
STATIC = Path(__file__).parents[3] / "lti_tool" / "web" / "static"
BUDGET = 10 * 1024
SHAPES = """svg => [...svg.querySelectorAll('.cell, .line, .tip, .pad, .box, .pin, .edge text')].map(shape =>
    [shape.getAttribute('class') || shape.textContent, shape.getAttribute('d'), shape.getAttribute('x'),
     shape.getAttribute('y')].map(value => isNaN(value) ? value : Number(value)).join(' ')).sort()"""


def drawn(world) -> dict:
    """The newest draft of Ada's drawing."""
    with world.database.read() as session:
        draft = latest_draft(session, world.placement(session), world.ada_id, "drawing")
        return json.loads(draft.text) if draft else {}


def saved(page) -> None:
    page.wait_for_selector("[data-save] .st-x")


def keep(ada, text: str) -> None:
    assert ada.post("items/drawing/draft", {"text": text}).status_code == 303


def label_of_focus(page) -> str:
    return page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.id")


def test_the_editor_is_under_its_budget() -> None:
    own = [STATIC / name for name in ("draw.js", "drawing.js", "layout.js")]
    assert sum(len(gzip.compress(file.read_bytes())) for file in own) < BUDGET


def test_the_script_draws_what_the_server_draws(open_page, ada) -> None:
    page = open_page("items/drawing")
    for sample in read_lesson(bundled()[0]).item("drawing").samples:
        keep(ada, sample.text)
        page.goto(page.url)
        page.wait_for_selector("#picture [role=button]")
        by_script = page.eval_on_selector("#picture", SHAPES)
        by_server = page.evaluate(
            f"html => ({SHAPES})(new DOMParser().parseFromString(html, 'text/html').getElementById('picture'))",
            ada.get("items/drawing").text,
        )
        assert (sample.id, by_script) == (sample.id, by_server)
        assert len(by_script) > 20


def test_two_parts_are_connected_by_keyboard_alone(open_page, world) -> None:
    page = open_page("items/drawing")
    for kind in ("runtime", "history"):
        page.select_option("#part", kind)
        page.focus("#part")
        press(page, "Tab", "Enter")
    page.focus('[data-key="part:n1"]')
    assert label_of_focus(page) == "Durable runtime, no edge out"
    press(page, "Enter")
    assert page.get_attribute('[data-key="part:n1"]', "aria-pressed") == "true"
    press(page, "ArrowUp")
    assert label_of_focus(page) == "Run history, no edge out"
    press(page, "Enter")
    assert label_of_focus(page) == "says"
    page.keyboard.type("append event")
    press(page, "Enter")
    assert page.inner_text("#said") == "Connected: Durable runtime to Run history."
    assert page.inner_text(".outline ul li span >> nth=1") == "→ Run history append event"
    assert "edge 1 to Run history: append event" in page.get_attribute('[data-key="part:n1"]', "aria-label")
    saved(page)
    assert drawn(world)["edges"] == [{"id": "e1", "from": "n1", "to": "n2", "label": "append event"}]


def test_delete_removes_and_undo_brings_back(open_page, ada, sample_texts) -> None:
    keep(ada, sample_texts["drawing"])
    page = open_page("items/drawing")
    before = page.input_value("#data")
    page.focus('[data-key="part:n5"]')
    press(page, "Delete")
    assert page.inner_text("#said").startswith("Removed: Step worker.")
    assert page.locator('[data-key="part:n5"]').count() == 0
    press(page, "Control+z")
    assert json.loads(page.input_value("#data")) == json.loads(before)
    press(page, "Control+Shift+z")
    assert page.locator('[data-key="part:n5"]').count() == 0
    page.click("#undo")
    page.click("#redo")
    assert page.inner_text("#said") == "Done again."
    assert page.get_attribute("#redo", "aria-disabled") == "true"


def test_undo_leaves_the_note_and_lets_go_of_a_part_that_is_gone(open_page, world) -> None:
    page = open_page("items/drawing")
    for kind in ("runtime", "history"):
        page.select_option("#part", kind)
        page.click("text=add part")
    page.locator("#note").evaluate(
        "(note) => { note.value = 'Typed last.'; note.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    page.focus('[data-key="part:n1"]')
    press(page, "ArrowUp", "Enter")
    assert page.get_attribute('[data-key="part:n2"]', "aria-pressed") == "true"
    press(page, "Control+z")
    assert page.locator('[data-key="part:n2"]').count() == 0
    assert label_of_focus(page) == "Durable runtime, no edge out"
    press(page, "Enter")
    assert page.get_attribute('[data-key="part:n1"]', "aria-pressed") == "true"
    saved(page)
    assert (drawn(world)["note"], len(drawn(world)["nodes"])) == ("Typed last.", 1)


def test_the_edges_that_bring_it_back_are_ticked_in_order(open_page, ada, world, sample_texts) -> None:
    bare = json.loads(sample_texts["drawing"])
    del bare["crash"]
    keep(ada, json.dumps(bare))
    page = open_page("items/drawing")
    assert page.locator("#recovery li").count() == 0
    page.select_option("#dies", "n5")
    for edge in ("e3", "e5", "e4"):
        page.check(f'[data-key="recovers:{edge}"]')
    page.click('[data-key="earlier:e4"]')
    page.fill("#note", "Steps 1 to 13.")
    saved(page)
    page.wait_for_function("() => JSON.parse(document.getElementById('data').value).note")
    press(page, "Tab")
    saved(page)
    assert drawn(world)["crash"] == {"at": "n5", "recovery": ["e3", "e4", "e5"]}
    page.uncheck('[data-key="recovers:e3"]')
    assert page.inner_text("#recovery li:first-child b") == "1."


def test_what_cannot_be_done_is_said_beside_it_and_changes_nothing(open_page, ada, sample_texts) -> None:
    keep(ada, sample_texts["drawing"])
    page = open_page("items/drawing")
    before = page.input_value("#data")
    page.select_option("#from", "n1")
    page.select_option("#to", "n1")
    page.fill("#says", "itself")
    page.click("text=connect")
    assert page.inner_text("#trouble") == "Not done. An edge joins two different parts."
    assert page.input_value("#says") == "itself"
    assert page.input_value("#data") == before


def test_judging_takes_the_drawing_as_it_stands(open_page, world) -> None:
    page = open_page("items/drawing")
    page.select_option("#part", "runtime")
    page.click("text=add part")
    page.click('button[value="judge"]')
    page.click("text=judge it")
    page.wait_for_url("**/judging")
    with world.database.read() as session:
        assert len(json.loads(session.scalars(select(Submission.text)).one())["nodes"]) == 1

"""What a student draws, by plain forms."""

import json
import re
from html import unescape

import pytest
from sqlalchemy import select

from lti_tool.attempts import drafts
from lti_tool.models import Submission
from rubrics.drawing import check_drawing, parse_drawing
from tests.lti_tool.web.ada import NASTY, judged, released, text_box
from tests.lti_tool.web.conftest import Browser


def draw(browser: Browser, do: str, **form: str):
    return browser.post("items/drawing/draw", {"do": do, **form})


def drawn(world) -> dict:
    with world.database.read() as session:
        kept = drafts(session, world.placement(session), world.ada_id, "drawing", limit=1)
        return json.loads(kept[0].text)


def test_a_drawing_is_built_by_plain_forms_alone(ada, world) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": "append event"})
    draw(ada, "connect", **{"from": "n2", "to": "n1", "says": ""})
    draw(ada, "save", dies="n1", note="Steps 1 to 13.")
    draw(ada, "recover", dies="n1", note="Steps 1 to 13.", recovers="e1")
    draw(ada, "recover", recovers="e2")
    draw(ada, "earlier:e2")
    assert drawn(world) == {
        "schema": "atelier.diagram/1",
        "nodes": [
            {"id": "n1", "kind": "runtime", "label": "Durable runtime"},
            {"id": "n2", "kind": "history", "label": "Run history"},
        ],
        "edges": [
            {"id": "e1", "from": "n1", "to": "n2", "label": "append event"},
            {"id": "e2", "from": "n2", "to": "n1", "label": ""},
        ],
        "crash": {"at": "n1", "recovery": ["e2", "e1"]},
        "note": "Steps 1 to 13.",
    }
    page = unescape(ada.get("items/drawing").text)
    assert "Edge 2 says nothing yet." in page
    assert "Remove edge 1, Durable runtime to Run history" in page


def test_removing_a_part_takes_its_edges_and_the_pin_along(ada, world) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": "append"})
    draw(ada, "recover", dies="n2", recovers="e1")
    draw(ada, "remove-part:n2", note="kept")
    left = drawn(world)
    assert [node["id"] for node in left["nodes"]] == ["n1"]
    assert (left["edges"], left.get("crash"), left["note"]) == ([], None, "kept")


def test_enter_in_the_label_connects(ada, world) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "enter", **{"from": "n1", "to": "n2", "says": "append"})
    assert [edge["label"] for edge in drawn(world)["edges"]] == ["append"]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"do": "connect", "from": "n1", "to": "n1", "says": "x"}, "two different parts"),
        ({"do": "connect", "from": "n1", "to": "n2", "says": NASTY * 2}, "at most 40 characters"),
        ({"do": "connect", "from": "n1", "to": "n77", "says": "x"}, "not in the drawing"),
        ({"do": "save", "note": "long " * 60}, "The note holds 280"),
        ({"do": "recover", "recovers": "e1"}, "Place the crash pin first"),
        ({"do": "add", "part": "teapot"}, "not in the list"),
    ],
)
def test_what_cannot_be_drawn_is_said_beside_the_form(ada, world, form: dict[str, str], sentence: str) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": "append"})
    before = drawn(world)
    answer = ada.post("items/drawing/draw", form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert NASTY not in answer.text
    assert unescape(answer.text).count(form.get("says", form.get("note", "")).strip()) >= 1
    assert drawn(world) == before


def test_a_label_is_never_obeyed(ada) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": NASTY})
    page = ada.get("items/drawing").text
    assert NASTY not in page
    assert NASTY in unescape(page)


def test_an_empty_drawing_is_not_sent(ada) -> None:
    answer = ada.post("items/drawing/send", {"text": '{"schema": "atelier.diagram/1"}'})
    assert answer.status_code == 422
    assert "Nothing drawn yet." in answer.text


def test_what_is_no_drawing_is_not_kept_over_one(ada, world) -> None:
    draw(ada, "add", part="runtime")
    assert ada.post("items/drawing/draft", {"text": "prose"}).status_code == 422
    assert len(drawn(world)["nodes"]) == 1


@pytest.mark.parametrize("path", ["draft", "confirm", "send"])
def test_a_form_without_its_text_changes_nothing(ada, world, path: str) -> None:
    ada.post("items/essay/draft", {"text": "Kept."})
    assert ada.post(f"items/essay/{path}").status_code == 400
    assert text_box(ada.get("items/essay")) == "Kept."


def test_a_drawing_is_sent_as_it_stands(ada, world) -> None:
    draw(ada, "add", part="runtime")
    assert draw(ada, "judge").location.endswith("/items/drawing/confirm")
    page = ada.get("items/drawing/confirm").text
    assert "Durable runtime is loose." in page
    draft = re.search(r'name="draft" value="(\d+)"', page)
    assert draft
    assert ada.post("items/drawing/send", {"draft": draft.group(1)}).status_code == 303
    with world.database.read() as session:
        assert parse_drawing(session.scalars(select(Submission.text)).one()).nodes[0].kind == "runtime"


def test_a_drawings_result_tells_ticks_and_gaps_in_words(ada, world, sample_texts) -> None:
    stored = json.loads(sample_texts["drawing"])
    stored["edges"] = [edge for edge in stored["edges"] if edge["id"] != "e3"]
    stored["crash"] = {"at": "n5", "recovery": ["e4"]}
    text = json.dumps(stored)
    checks = check_drawing(parse_drawing(text)).model_dump(mode="json")
    public_id = judged(world, "drawing", text, {"labels": 3, "crash": 2, "economy": 4}, graph_checks=checks)
    released(world, public_id)
    page = unescape(ada.get(f"submissions/{public_id}").text)
    assert "no Run history → Durable runtime" in page
    assert "0 of 5" in page
    assert "gap: " in page
    assert page.index("gap: ") < page.index("met: ")

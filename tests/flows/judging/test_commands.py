"""`atelier judge`: a line for every input, and one sentence for every mistake."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.judging.commands import app

ESSAYS = Path(__file__).parent / "essays"
RUBRIC = ["--rubric", "durable-workflows-essay"]


def run(*arguments: str, given: bytes | str | None = None) -> Any:
    return CliRunner().invoke(app, list(arguments), input=given)


def lines(*arguments: str, given: bytes | str | None = None) -> list[dict[str, Any]]:
    result = run(*arguments, "--json", given=given)
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_file_is_one_line() -> None:
    (line,) = lines(str(ESSAYS / "anchor-a.md"), *RUBRIC)
    assert line["levels"]["checkpoint"] >= 3
    assert 75 <= line["total"] <= 100
    assert (line["judge"], line["flags"], len(line["fingerprint"])) == ("checklist", [], 64)
    assert line["provisional"] is True
    text = (ESSAYS / "anchor-a.md").read_text()
    for rating in line["ratings"]:
        assert {"criterion", "level", "quotes", "comment"} <= set(rating)
        assert all(quote in text for quote in rating["quotes"])


def test_standard_input_is_read_the_same() -> None:
    content = (ESSAYS / "anchor-a.md").read_bytes()
    (piped,) = lines("-", *RUBRIC, given=content)
    (named,) = lines(str(ESSAYS / "anchor-a.md"), *RUBRIC)
    assert piped["levels"] == named["levels"]
    assert piped["fingerprint"] == named["fingerprint"]


@pytest.mark.parametrize(
    ("content", "flag"),
    [
        (b"", "empty"),
        (b"  \n\t ", "empty"),
        (b"\x00\x01\x02\x7fELF", "not_text"),
        (b"caf\xe9 \xff\xfe latin", "not_text"),
        (b"the agent runs a step. " * 2500, "out_of_range"),
    ],
)
def test_what_cannot_be_judged_is_a_line_too(content: bytes, flag: str) -> None:
    (line,) = lines("-", *RUBRIC, given=content)
    assert set(line["levels"].values()) == {None}
    assert len(line["levels"]) == 7
    assert line["total"] is None
    assert flag in line["flags"]


def test_every_line_of_a_jsonl_is_answered() -> None:
    essay = (ESSAYS / "anchor-b.md").read_text()
    rows = [
        json.dumps({"id": "b", "text": essay}).encode(),
        b"{not json",
        b'{"id": 7}',
        b'{"id": "n", "text": null}',
        b"[1, 2]",
        b'"text"',
        b'{"text": ""}',
        b'{"id": "x", "text": "caf\xe9"}',
        b"[" * 100_000,
        b"",
        json.dumps({"id": "again", "text": essay}).encode(),
    ]
    answers = lines("-", *RUBRIC, "--jsonl", given=b"\n".join(rows))
    assert [answer["id"] for answer in answers] == ["b", 2, 7, "n", 5, 6, 7, "x", 9, "again"]
    assert answers[0]["levels"] == answers[-1]["levels"]
    assert answers[0]["fingerprint"] == answers[-1]["fingerprint"]
    assert all(set(answer["levels"].values()) == {None} for answer in answers[1:-1])
    assert "empty" in answers[6]["flags"]
    assert all(answer["flags"] == ["not_text"] for answer in (*answers[1:6], *answers[7:9]))


def test_a_drawing_has_graph_points() -> None:
    drawing = {
        "schema": "atelier.diagram/1",
        "nodes": [{"id": "a", "kind": "runtime"}, {"id": "b", "kind": "history"}, {"id": "c", "kind": "queue"}],
        "edges": [{"id": "e", "from": "a", "to": "b", "label": "append event"}],
    }
    (line,) = lines("-", "--rubric", "durable-workflows-drawing", given=json.dumps(drawing))
    assert 0 < line["checks"]["graph_points"] < 60
    assert line["levels"]["crash"] == 0
    assert line["total"] >= line["checks"]["graph_points"]


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": "other"}', "a drawing"])
def test_an_unreadable_drawing_has_no_levels(content: str) -> None:
    (line,) = lines("-", "--rubric", "durable-workflows-drawing", given=content)
    assert set(line["levels"].values()) == {None}
    assert line["flags"] == ["not_text"]
    assert line["checks"] == {"graph_points": None}


def test_an_id_that_is_no_text_can_be_printed() -> None:
    result = run("-", *RUBRIC, "--jsonl", given=b'{"id": "caf\xe9", "text": ""}')
    assert result.exit_code == 0
    assert "not scored" in result.stdout


def test_without_json_people_can_read_it() -> None:
    result = run(str(ESSAYS / "anchor-c.md"), *RUBRIC)
    assert "a person decides" in result.stdout
    assert "Checkpoint layer" in result.stdout
    assert "/ 100" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.md", *RUBRIC], "nowhere.md cannot be read"),
        ([".", *RUBRIC], "cannot be read"),
        (["-", "--rubric", "nothing"], "no such rubric"),
        (["-", "--rubric", "nothing.yaml"], "nothing.yaml"),
        (["-", *RUBRIC, "--judge", "oracle"], "no judge 'oracle'"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: list[str], says: str) -> None:
    result = run(*arguments, "--json", given="text")
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""

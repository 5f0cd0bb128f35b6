"""`atelier lesson check` as its caller sees it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from seeds.commands import app
from seeds.load import bundled, read_lesson

HERE = Path(__file__).parent
TINY = HERE / "tiny"
BUNDLED = {folder.name: folder for folder in bundled()}


def test_a_good_lesson_is_one_line() -> None:
    folder = BUNDLED["durable-workflows"]
    answer = CliRunner().invoke(app, ["check", str(folder)])
    assert answer.exit_code == 0
    assert answer.output == (
        "durable-workflows: 5 steps, 4 items, 8 terms; weights q1 10, q2 10, essay 50, drawing 30; "
        f"{read_lesson(folder).content_hash}\n"
    )


def test_the_file_does_as_well_as_its_folder() -> None:
    answer = CliRunner().invoke(app, ["check", str(TINY / "lesson.yaml")])
    assert answer.output.startswith("two-step: 3 steps, 1 item, 2 terms; weights answer 100; ")


def test_json_for_a_good_lesson() -> None:
    answer = CliRunner().invoke(app, ["check", str(TINY), "--json"])
    assert json.loads(answer.output) == {
        "ok": True,
        "slug": "two-step",
        "steps": 3,
        "items": 1,
        "terms": 2,
        "weights": {"answer": 100},
        "content_hash": read_lesson(TINY).content_hash,
    }


def test_every_fault_is_a_line_with_file_and_key() -> None:
    answer = CliRunner().invoke(app, ["check", str(HERE / "bad" / "duplicate-ids")])
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert answer.stderr == (
        "lesson.yaml: steps[1].id: 'start' is used twice\nlesson.yaml: items[1].id: 'answer' is used twice\n"
    )


def test_json_for_faults() -> None:
    answer = CliRunner().invoke(app, ["check", str(HERE / "bad" / "weights"), "--json"])
    assert answer.exit_code == 1
    assert json.loads(answer.stdout) == {
        "ok": False,
        "faults": [{"file": "lesson.yaml", "key": "items", "message": "the weights sum to 90, not 100"}],
    }


@pytest.mark.parametrize("name", ["nowhere", "nowhere/lesson.yaml"])
def test_a_path_that_is_not_there_is_one_sentence(tmp_path: Path, name: str) -> None:
    answer = CliRunner().invoke(app, ["check", str(tmp_path / name)])
    assert answer.exit_code == 1
    assert answer.output == "nowhere: is not a folder that can be read\n"

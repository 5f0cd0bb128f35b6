"""`atelier eval train`: from a table of human sheets to a judge in a file, or to one sentence about what is wrong."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.judging.commands import app as judge_app
from flows.judging.trained import trained_judge
from flows.train_command import app
from lti_tool.cli import COMMANDS, load
from tests.flows.judging.graded import another_prompt, essay, essays

Rows = list[dict[str, Any]]


def rows_of(count: int, **more: Any) -> Rows:
    texts, levels = essays(count)
    return [
        {"id": place, "essay": text, "score": f"{level:g}", **more}
        for place, (text, level) in enumerate(zip(texts, levels, strict=True))
    ]


def written(path: Path, rows: Rows, delimiter: str = ",") -> Path:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def trained(tmp_path: Path, rows: Rows, *options: str, delimiter: str = ",") -> Any:
    table = written(tmp_path / "sheets.csv", rows, delimiter)
    out = tmp_path / "course.judge"
    return CliRunner().invoke(app, [str(table), "--text", "essay", "--out", str(out), *options])


def facts(tmp_path: Path, rows: Rows, *options: str) -> Any:
    result = trained(tmp_path, rows, *options, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_judge_is_fitted_written_and_used(tmp_path: Path) -> None:
    rows = [row | {"claim": row["score"], "retry": row["score"]} for row in rows_of(40)]
    options = ("--criterion", "claim=claim", "--criterion", "retry=retry", "--id", "id", "--min", "0", "--max", "4")
    told = facts(tmp_path, rows, *options)
    assert {name: model["labels"] for name, model in told["models"].items()} == {"claim": 40, "retry": 40}
    assert told["models"]["claim"]["qwk"]["low"] < told["models"]["claim"]["qwk"]["value"]
    (tmp_path / "one.txt").write_text(f"{essay(4, 99)} {essay(3, 98)} {essay(4, 97)} {essay(4, 96)} {essay(4, 95)}")
    command = [str(tmp_path / "one.txt"), "--rubric", "durable-workflows-essay", "--judge", told["judge"], "--json"]
    sheet = json.loads(CliRunner().invoke(judge_app, command).stdout)
    assert isinstance(sheet["levels"]["claim"], int)
    assert sheet["levels"]["economy"] is None
    assert trained_judge(str(tmp_path / "course.judge")).digest == told["file"]


def test_what_came_of_it_is_told_in_words_with_an_interval(tmp_path: Path) -> None:
    said = trained(tmp_path, rows_of(40), "--human", "score").stdout
    assert "overall: 40 scores from 0 to 4 (as seen; say --min and --max)" in said
    assert "agrees with people on texts it has not seen: weighted kappa 0." in said
    assert f"--judge trained:{tmp_path / 'course.judge'}" in said


def test_blank_scores_are_texts_without_one_and_blank_texts_are_left_out(tmp_path: Path) -> None:
    rows = rows_of(30)
    for row in rows[:8]:
        row["score"] = ""
    rows[20]["essay"] = " … "
    told = facts(tmp_path, rows, "--human", "score")
    assert (told["texts"], told["unlabelled"], told["left_out"]["without words"]) == (21, 8, 1)


def test_a_text_that_stands_there_twice_is_one_with_the_mean_of_its_scores(tmp_path: Path) -> None:
    rows = rows_of(30)
    rows.append({"id": 99, "essay": rows[4]["essay"] + "  ", "score": "2"})
    told = facts(tmp_path, rows, "--human", "score")
    assert (told["texts"], told["left_out"]["said twice"]) == (30, 1)


def test_another_delimiter_and_decimal_commas(tmp_path: Path) -> None:
    rows = [row | {"score": "1,5" if row["score"] == "1" else row["score"]} for row in rows_of(20)]
    result = trained(tmp_path, rows, "--human", "score", "--json", delimiter=";")
    assert json.loads(result.stdout)["models"]["overall"]["scale"] == [0, 4]


def test_with_few_sheets_those_of_other_prompts_help(tmp_path: Path) -> None:
    ours = rows_of(12, prompt="ours")
    theirs = [
        {"id": 100 + place, "essay": another_prompt(place) * (1 + place % 3), "score": str(place % 3), "prompt": "soup"}
        for place in range(30)
    ]
    told = facts(tmp_path, [*ours, *theirs], "--human", "score", "--prompt", "prompt", "--only", "ours")
    assert told["prior"]
    assert told["models"]["overall"]["labels"] == 12
    assert not facts(tmp_path, ours, "--human", "score", "--prompt", "prompt", "--only", "ours")["prior"]


def _changed(**cells: Any) -> Callable[[], Rows]:
    def make() -> Rows:
        rows = rows_of(15)
        rows[3] |= cells
        return rows

    return make


HUMAN = ("--human", "score")
FAULTS: dict[str, tuple[Callable[[], Rows], Sequence[str], str]] = {
    "no such column": (_changed(), ("--human", "points"), "has no column 'points'"),
    "neither kind of score": (_changed(), (), "say either --human"),
    "both kinds": (_changed(), (*HUMAN, "--criterion", "claim=score"), "say either --human"),
    "a criterion without column": (_changed(), ("--criterion", "claim"), "--criterion takes"),
    "a criterion twice": (_changed(), ("--criterion", "a=score", "--criterion", "a=score"), "named twice"),
    "one end of a scale": (_changed(), (*HUMAN, "--min", "0"), "say both --min and --max"),
    "a scale upside down": (_changed(), (*HUMAN, "--min", "4", "--max", "0"), "is not below"),
    "a prompt without its column": (_changed(), (*HUMAN, "--only", "x"), "say both --prompt"),
    "ids twice": (_changed(id=4), (*HUMAN, "--id", "id"), "more than one row for 4"),
    "no id": (_changed(id=""), (*HUMAN, "--id", "id"), "no id in row 5"),
    "a word for a score": (_changed(score="good"), HUMAN, "'good' is no number (row 5)"),
    "an endless score": (_changed(score="inf"), HUMAN, "'inf' is no number"),
    "a score beyond the scale": (_changed(score="9"), (*HUMAN, "--min", "0", "--max", "4"), "outside 0 to 4"),
    "nine rows": (lambda: rows_of(9), HUMAN, "at least 10"),
    "the same score for all": (lambda: [row | {"score": 3} for row in rows_of(15)], HUMAN, "every text has the same"),
    "no score at all": (lambda: [row | {"score": ""} for row in rows_of(15)], HUMAN, "no text has a score"),
    "no text at all": (lambda: [row | {"essay": "."} for row in rows_of(15)], HUMAN, "no text has any words"),
    "a text without end": (_changed(essay="word " * 300_000), HUMAN, "row 5: the text has more than 1,000,000"),
}


@pytest.mark.parametrize(("make", "options", "words"), FAULTS.values(), ids=FAULTS.keys())
def test_what_cannot_be_learned_from_is_one_sentence_and_leaves_no_file(
    tmp_path: Path, make: Callable[[], Rows], options: Sequence[str], words: str
) -> None:
    result = trained(tmp_path, make(), *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["sheets.csv"]


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    table = written(tmp_path / "sheets.csv", rows_of(12))
    out = str(tmp_path / "nowhere" / "course.judge")
    result = CliRunner().invoke(app, [str(table), "--text", "essay", "--human", "score", "--out", out])
    assert result.exit_code == 2
    assert "cannot be written: no such file or directory" in result.stderr


def test_the_command_is_in_the_table() -> None:
    assert "eval train" in COMMANDS
    assert load("eval train") is app

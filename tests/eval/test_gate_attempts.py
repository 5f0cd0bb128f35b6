"""Who tries until a gate opens pays for each try; the same test again is the same try."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from eval.gate_attempts import LEDGER, attempt_number, next_attempt
from eval.gate_calibration import Sample, calibrate
from eval.gate_chain import Promise, thresholds_of
from eval.gate_command import app
from eval.gate_key_command import app as key_app
from rubrics.gate_file import level_of, read_gate_file

RUBRIC = "durable-workflows-essay"


def labels(path: Path, rows: int, seed: int = 7) -> Path:
    """A table of so many essays with a judge that is seldom wrong, the first ones always the same."""
    random = np.random.default_rng(seed)
    lines = ["id,h,judge,sure"]
    for number in range(rows):
        sure, truth = random.random(), random.integers(20, 90)
        lines.append(f"r{number},{truth},{truth + (15 if random.random() < 0.05 * (1 - sure) else 2)},{sure:.4f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def tried(table: Path, *more: str, loss: str = "off:10") -> Result:
    asked = ["--human", "h", "--system", "judge", "--confidence", "sure", "--prompt-id", "essay", "--alpha", "0.1"]
    return CliRunner().invoke(app, [str(table), *asked, "--loss", loss, *more])


def number_of(said: Result) -> int:
    assert said.exit_code in (0, 3), said.output
    return int(json.loads(said.stdout)["attempt"]["number"])


def test_all_attempts_together_may_use_delta_and_no_more() -> None:
    assert attempt_number(10_000, 0.1).spent == pytest.approx(0.1, rel=1e-4)
    assert attempt_number(10_000, 0.1).spent < 0.1
    assert [round(level_of(0.1, one), 4) for one in (1, 2, 3)] == [0.0608, 0.0152, 0.0068]


def test_trying_again_with_more_labels_until_a_gate_opens_breaks_the_promise_unless_each_try_pays() -> None:
    """The risk lies just over alpha everywhere, so that every gate that opens is wrong."""
    random = np.random.default_rng(5)
    wrong = {"paying": 0, "free": 0}
    for _ in range(200):
        confidence, lost = random.random(1000), random.random(1000) < 0.105
        for way in wrong:
            known: dict[str, int] = {}
            for size in range(100, 1001, 100):
                attempt = next_attempt(known, str(size), 0.1)
                known[str(size)] = attempt.number
                level = attempt.level if way == "paying" else 0.1
                sample = Sample(confidence[:size], lost[:size], thresholds_of(confidence))
                if calibrate(sample, Promise(0.1, level)).threshold is not None:
                    wrong[way] += 1
                    break
    assert wrong["free"] / 200 > 0.15
    assert wrong["paying"] / 200 <= 0.1 + 3 * (0.09 / 200) ** 0.5


def test_more_labels_or_another_loss_is_another_attempt_and_the_same_again_is_not(tmp_path: Path) -> None:
    first = labels(tmp_path / "first.csv", 200)
    more = labels(tmp_path / "more.csv", 300)
    assert number_of(tried(first, "--json")) == 1
    assert number_of(tried(first, "--json")) == 1
    assert number_of(tried(more, "--json")) == 2
    assert number_of(tried(more, "--json", loss="off:20")) == 3
    assert number_of(tried(first, "--json")) == 1
    rows = [json.loads(line) for line in (tmp_path / LEDGER).read_text().splitlines()]
    assert [(row["attempt"], row["labelled"], row["loss"]) for row in rows] == [
        (1, 200, "off:10"), (2, 300, "off:10"), (3, 300, "off:20")
    ]  # fmt: skip


def test_a_declaration_is_no_attempt(tmp_path: Path) -> None:
    table = labels(tmp_path / "labels.csv", 200)
    assert tried(table, "--declare", str(tmp_path / "plan.json")).exit_code == 0
    assert not (tmp_path / LEDGER).exists()


def test_the_signed_file_says_which_attempt_it_was_also_where_the_ledger_is_gone(tmp_path: Path) -> None:
    assert CliRunner().invoke(key_app, ["R", "--out", str(tmp_path / "gate")]).exit_code == 0
    judge = tmp_path / "judge.json"
    judge.write_text(json.dumps({"name": "checklist", "version": "3", "model": "none", "prompt_hash": "ab"}))
    gates = tmp_path / "gates"
    gates.mkdir()

    def signed(rows: int, *more: str) -> int:
        out = gates / f"{rows}.json"
        placed = ["--rubric", RUBRIC, "--placement", "p", "--judge", str(judge), "--key", str(tmp_path / "gate.key")]
        said = tried(labels(tmp_path / "labels.csv", rows), *placed, "--out", str(out), *more)
        assert said.exit_code == 0, said.output
        attempt = read_gate_file(out.read_text()).gate.attempt
        assert attempt is not None
        return attempt.number

    assert signed(300) == 1
    (tmp_path / LEDGER).unlink()
    assert signed(400) == 2
    assert signed(500, "--attempt", "5") == 5


def test_what_was_tried_before_must_be_known(tmp_path: Path) -> None:
    table = labels(tmp_path / "labels.csv", 200)
    (tmp_path / LEDGER).write_text('{"attempt": 1\n')
    said = tried(table)
    assert said.exit_code == 1
    assert "is damaged, so it isn't known how often a gate was tried here" in said.stderr


def test_an_attempt_that_can_not_be_written_down_is_not_made(tmp_path: Path) -> None:
    table = labels(tmp_path / "labels.csv", 200)
    (tmp_path / LEDGER).mkdir()
    said = tried(table)
    assert said.exit_code == 1
    assert "losses" not in said.stdout

"""`atelier eval gate` and `gate-key` as a researcher meets them: a table in, a verdict and a signed file out."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from eval.errors import EvalError
from eval.gate_command import app
from eval.gate_key_command import PASSPHRASE
from eval.gate_key_command import app as key_app
from eval.signing import KeyFileError, make_key, read_key
from rubrics.gate_file import SignedGate, read_gate_file, read_public_line, verify
from rubrics.model import load_rubric

RUBRIC = "durable-workflows-essay"
JUDGE = {"name": "checklist", "version": "3", "model": "none", "prompt_hash": "ab", "parameters": "q"}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """500 essays of one prompt: two people, a judge whose confidence means something, a language, a length."""
    random = np.random.default_rng(7)
    lines = ["id,h1,h2,judge,sure,language,words"]
    for number in range(500):
        sure = random.random()
        truth = random.integers(20, 90)
        judge = truth + (15 if random.random() < 0.06 * (1 - sure) else 2)
        language = "es" if number % 3 == 0 else "en"
        lines.append(f"r{number},{truth},{truth + random.integers(-4, 5)},{judge},{sure:.4f},{language},{300 + number}")
    file = tmp_path / "labels.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def judge_file(tmp_path: Path) -> Path:
    file = tmp_path / "judge.json"
    file.write_text(json.dumps(JUDGE))
    return file


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    assert CliRunner().invoke(key_app, ["R. Searcher", "--out", str(tmp_path / "gate")]).exit_code == 0
    return tmp_path / "gate.key"


COLUMNS = ("--human", "h1", "--system", "judge", "--confidence", "sure", "--prompt-id", "essay")
DECLARED = ("--loss", "off:10", "--alpha", "0.1")


def run(table: Path, *more: str, columns: tuple[str, ...] = COLUMNS, declared: tuple[str, ...] = DECLARED) -> Result:
    return CliRunner().invoke(app, [str(table), *columns, *declared, *more])


def terms(judge_file: Path, key_file: Path, out: Path) -> list[str]:
    placed = ["--rubric", RUBRIC, "--placement", "p-1"]
    return ["--judge", str(judge_file), "--key", str(key_file), *placed, "--out", str(out)]


def test_the_verdict_comes_in_one_sentence(table: Path) -> None:
    said = run(table, "--human2", "h2")
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert lines[0] == "Loss: off by 10 or more. Promise: a risk of at most 0.1, broken in at most 0.1 of calibrations."
    assert lines[1].startswith("This is the first on these questions: it was tested at 0.061 of the 0.1")
    assert lines[3].startswith("essay: ")
    assert "may be released unseen, at confidence" in lines[3]
    assert lines[4] == "  Two people differ that much in 0 of 500 (0.0%)."


def test_a_signed_file_says_all_that_was_asked(table: Path, judge_file: Path, key_file: Path, tmp_path: Path) -> None:
    asked = ["--words", "words", "--group", "language", "--days", "30", "--boundary", "50", "--id", "id"]
    said = run(table, *asked, *terms(judge_file, key_file, tmp_path / "gate.json"))
    assert said.exit_code == 0, said.output
    signed = read_gate_file((tmp_path / "gate.json").read_text())
    public, name = read_public_line((tmp_path / "gate.pub").read_text())
    verify(signed, public)
    gate = signed.gate
    assert name == "R. Searcher"
    assert gate.judge.model_dump() == JUDGE
    assert (gate.rubric_id, gate.rubric_digest) == (RUBRIC, load_rubric(RUBRIC).content_hash)
    assert (gate.placements, gate.boundaries, gate.margin) == (("p-1",), (50.0,), 2.0)
    assert (gate.expires_at - gate.issued_at).days == 30
    one = gate.prompts["essay"]
    assert one.threshold is not None
    assert one.words == (300, 799)
    assert set(one.groups["language"]) == {"en", "es"}
    assert all(stratum.bound is not None for stratum in one.groups["language"].values())
    assert one.near is not None
    assert one.near > one.threshold
    assert len(gate.provenance.digest) == 64


def test_a_judge_that_is_not_good_enough_stays_closed(
    table: Path, judge_file: Path, key_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "gate.json"
    said = run(table, *terms(judge_file, key_file, out), declared=("--loss", "off:1", "--alpha", "0.1"))
    assert said.exit_code == 3
    assert "nothing may be released. Not shown: of the " in said.stdout
    assert read_gate_file(out.read_text()).gate.releases is False


def test_without_confidences_all_are_released_or_none(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["h,j", *(["50,51"] * 80)]) + "\n")
    said = run(file, "--json", columns=("--human", "h", "--system", "j"))
    found = json.loads(said.stdout)["prompts"][""]
    assert (found["threshold"], found["share"], found["released"]) == (1.0, 1.0, 80)


def test_rows_without_a_label_only_help_to_set_the_thresholds(table: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text(table.read_text() + "".join(f"u{at},,,50,{at / 400:.4f},en,400\n" for at in range(400)))
    found = json.loads(run(more, "--json").stdout)
    assert found["prompts"]["essay"]["labelled"] == 500
    assert found["data"]["rows"] == 900
    assert found["declared"]["thresholds"] != json.loads(run(table, "--json").stdout)["declared"]["thresholds"]


# ---- declared first ----------------------------------------------------------------------------------------------


def test_what_is_declared_is_what_is_tested(table: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    blind = tmp_path / "blind.csv"
    rows = [line.split(",") for line in table.read_text().splitlines()]
    blind.write_text("\n".join([",".join(rows[0]), *(",".join([row[0], "", "", *row[3:]]) for row in rows[1:])]))
    said = run(blind, "--declare", str(plan))
    assert said.exit_code == 0, said.output
    assert "no human score was compared" in said.stdout
    at_once = json.loads(run(table, "--json").stdout)
    later = json.loads(run(table, "--json", "--declared", str(plan), declared=()).stdout)
    assert later["prompts"] == at_once["prompts"]


def test_another_loss_than_the_declared_one_is_refused(table: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    run(table, "--declare", str(plan))
    said = run(table, "--declared", str(plan), declared=("--loss", "off:30"))
    assert said.exit_code == 1
    assert "declares the loss off:10; it can't be another now" in said.stderr
    said = run(table, "--declared", str(plan), declared=("--loss", "of:10"))
    assert (said.exit_code, "'of:10' is no loss" in said.stderr) == (1, True)
    said = run(table, "--declared", str(plan), declared=("--alpha", "0.3"))
    assert said.exit_code == 1
    assert "declares a risk of 0.1; it can't be another" in said.stderr
    said = run(table, "--declared", str(plan), "--group", "language", declared=())
    assert said.exit_code == 1
    assert "declares other groups" in said.stderr


# ---- groups and prompts ------------------------------------------------------------------------------------------


def test_each_prompt_has_a_threshold_of_its_own(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    rows = []
    for prompt, risk in (("easy", 0.0), ("hard", 0.5)):
        rows += [f"{prompt},50,{50 + 20 * (random.random() < risk)},{random.random():.3f}" for _ in range(150)]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(["prompt,h,j,c", *rows]))
    said = run(file, columns=("--human", "h", "--system", "j", "--confidence", "c", "--prompt", "prompt"))
    assert said.exit_code == 0
    assert "easy: 100% may be released" in said.stdout
    assert "hard: nothing may be released." in said.stdout


def test_a_small_group_closes_the_gate_until_somebody_signs(
    table: Path, judge_file: Path, key_file: Path, tmp_path: Path
) -> None:
    lines = table.read_text().splitlines()
    small = tmp_path / "small.csv"
    most, few = lines[1:-5], lines[-5:]
    spoken = [line.replace(",es,", ",en,") for line in most] + [re.sub(",e[ns],", ",eu,", line) for line in few]
    small.write_text("\n".join([lines[0], *spoken]) + "\n")
    out = tmp_path / "gate.json"
    said = run(small, "--group", "language", *terms(judge_file, key_file, out))
    assert said.exit_code == 3
    assert "language eu: not shown" in said.stdout
    closed = read_gate_file(out.read_text()).gate
    assert closed.prompts["essay"].why.startswith("Nobody signs for language eu: not shown")
    signing = ["--accept", "language=eu", "--accepted-by", "Ines"]
    said = run(small, "--group", "language", *signing, *terms(judge_file, key_file, out))
    assert said.exit_code == 0, said.output
    [held] = read_gate_file(out.read_text()).gate.held
    assert (held.value, held.accepted_by) == ("eu", "Ines")


# ---- what can't be used ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--loss", "nonsense"), "'nonsense' is no loss"),
        (("--alpha", "2"), "alpha is a share between 0 and 1"),
        (("--human", "nobody"), "no column 'nobody'"),
        (("--group", "nothing"), "no column 'nothing'"),
        (("--accept", "language"), "say who signs"),
        (("--accept", "language", "--accepted-by", "I"), "takes COLUMN=VALUE"),
        (("--max", "30"), "lies outside 0 to 30"),
        (("--min", "200"), "a scale from 200 to 100"),
        (("--confidence", "words"), "lies outside 0 to 1"),
        (("--loss", "outside"), "needs two people"),
        (("--out", "x.json"), "a gate file is signed"),
    ],
)
def test_what_can_not_be_used_is_one_sentence(table: Path, more: tuple[str, ...], sentence: str) -> None:
    said = run(table, *more)
    assert said.exit_code == 1
    assert sentence in said.stderr
    assert "Traceback" not in said.output


def test_a_loss_and_a_risk_must_be_said(table: Path) -> None:
    said = run(table, declared=())
    assert said.exit_code == 1
    assert "say first what counts as a loss" in said.stderr


def test_a_file_needs_a_judge_a_rubric_and_a_placement(table: Path, key_file: Path, tmp_path: Path) -> None:
    said = run(table, "--key", str(key_file), "--out", str(tmp_path / "gate.json"))
    assert said.exit_code == 1
    assert "needs --judge, --rubric and --placement" in said.stderr
    assert not (tmp_path / "gate.json").exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "x"}', '{"name": 3}'])
def test_a_judge_that_is_not_told_is_refused(
    table: Path, judge_file: Path, key_file: Path, tmp_path: Path, content: str
) -> None:
    judge_file.write_text(content)
    said = run(table, *terms(judge_file, key_file, tmp_path / "gate.json"))
    assert said.exit_code == 1
    assert "does not say which judge was measured" in said.stderr


def test_two_rows_of_one_response_are_refused(table: Path, tmp_path: Path) -> None:
    twice = tmp_path / "twice.csv"
    twice.write_text(table.read_text() + table.read_text().splitlines()[1] + "\n")
    assert "more than one row for r0" in run(twice, "--id", "id").stderr


# ---- whole sheets ------------------------------------------------------------------------------------------------


def sheets(
    path: Path, responses: int, *, blind: bool = True, off: int = 0, unsure: float = 0.9, of: str = RUBRIC
) -> Path:
    """A long table: a person's and a judge's sheet of each essay; of `off` one criterion differs by 2."""
    rubric = load_rubric(of)
    lines = ["response_id,prompt_id,criterion,rater_id,rater_kind,score,scale_min,scale_max,confidence,blind"]
    for number in range(responses):
        for criterion in rubric.criteria:
            level = 1 if number < off and criterion.id == "claim" else 3
            lines.append(f"r{number},essay,{criterion.id},ines,human,{level},0,{criterion.top},,{blind}")
            lines.append(f"r{number},essay,{criterion.id},checklist,judge,3,0,{criterion.top},{unsure},")
    path.write_text("\n".join(lines) + "\n")
    return path


SHEETS = ("--rater", "checklist", "--rubric", RUBRIC)


def test_a_long_table_is_compared_by_points(tmp_path: Path) -> None:
    said = run(sheets(tmp_path / "s.csv", 80), "--json", columns=SHEETS)
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)["prompts"]["essay"]
    assert (found["labelled"], found["losses"], found["threshold"]) == (80, 0, 0.9)


def test_sheets_of_drawings_have_points_without_the_drawings(tmp_path: Path) -> None:
    table = sheets(tmp_path / "s.csv", 80, of="durable-workflows-drawing")
    said = run(table, "--json", columns=("--rater", "checklist", "--rubric", "durable-workflows-drawing"))
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)["prompts"]["essay"]
    assert (found["labelled"], found["losses"], found["threshold"]) == (80, 0, 0.9)


def test_a_long_table_is_compared_criterion_by_criterion(tmp_path: Path) -> None:
    table = sheets(tmp_path / "s.csv", 80, off=10)
    by_points = run(table, "--json", columns=SHEETS, declared=("--loss", "off:12", "--alpha", "0.1"))
    by_level = run(table, "--json", columns=SHEETS, declared=("--loss", "criteria:2", "--alpha", "0.1"))
    assert json.loads(by_points.stdout)["releases"] is True
    assert by_level.exit_code == 3
    assert json.loads(by_level.stdout)["prompts"]["essay"]["threshold"] is None


def test_people_who_saw_the_judges_sheet_do_not_count(tmp_path: Path) -> None:
    said = run(sheets(tmp_path / "s.csv", 40, blind=False), columns=SHEETS)
    assert said.exit_code == 1
    assert "does not say of anybody that they scored without seeing the judge's scores" in said.stderr
    assert run(sheets(tmp_path / "s.csv", 80, blind=False), "--blind", columns=SHEETS).exit_code == 0


def test_of_a_mixed_table_only_the_blind_sheets_are_labels(tmp_path: Path) -> None:
    blind, seen = sheets(tmp_path / "b.csv", 80), sheets(tmp_path / "s.csv", 120, blind=False)
    mixed = tmp_path / "mixed.csv"
    others = [line for line in seen.read_text().splitlines()[1:] if int(line[1 : line.index(",")]) >= 80]
    mixed.write_text(blind.read_text() + "\n".join(others) + "\n")
    found = json.loads(run(mixed, "--json", columns=SHEETS).stdout)
    assert (found["data"]["rows"], found["prompts"]["essay"]["labelled"]) == (120, 80)


def test_a_judge_that_is_not_in_the_table_is_named(tmp_path: Path) -> None:
    said = run(sheets(tmp_path / "s.csv", 40), columns=("--rater", "claude", "--rubric", RUBRIC))
    assert "no judge 'claude'; its judges are: checklist" in said.stderr


# ---- keys --------------------------------------------------------------------------------------------------------


def test_a_key_pair_is_made_once_and_the_private_half_is_its_owners(tmp_path: Path) -> None:
    out = tmp_path / "mine"
    said = CliRunner().invoke(key_app, ["R. Searcher", "--out", str(out)])
    assert said.exit_code == 0
    assert stat.S_IMODE(os.stat(tmp_path / "mine.key").st_mode) == 0o600
    assert (tmp_path / "mine.pub").read_text().strip() in said.stdout
    assert "PRIVATE" not in said.stdout
    again = CliRunner().invoke(key_app, ["R. Searcher", "--out", str(out)])
    assert again.exit_code == 1
    assert "a key is never written over" in again.stderr


def test_a_passphrase_seals_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    assert CliRunner().invoke(key_app, ["R", "--out", str(tmp_path / "k")]).exit_code == 0
    assert read_key(tmp_path / "k.key", "open sesame")
    with pytest.raises(KeyFileError, match="needs a passphrase"):
        read_key(tmp_path / "k.key")
    with pytest.raises(KeyFileError, match="does not open it"):
        read_key(tmp_path / "k.key", "wrong")


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.key").write_text("hello")
    with pytest.raises(EvalError, match="holds no private key"):
        read_key(tmp_path / "x.key")
    with pytest.raises(EvalError, match="can't be read"):
        read_key(tmp_path / "none.key")
    with pytest.raises(EvalError, match="can't be written"):
        make_key(tmp_path / "no folder" / "x.key")


def test_a_file_signed_by_a_key_names_it(table: Path, judge_file: Path, key_file: Path, tmp_path: Path) -> None:
    run(table, *terms(judge_file, key_file, tmp_path / "gate.json"))
    content: dict[str, Any] = json.loads((tmp_path / "gate.json").read_text())
    assert set(content) == {"schema", "gate", "key", "signature"}
    assert isinstance(read_gate_file(json.dumps(content)), SignedGate)

"""After release: only the random audit measures, people's changes only warn, and looking often costs nothing."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from eval.drift import Released, drift_of, read_anchors, read_audit, risk_of
from eval.drift_command import app
from eval.drift_process import Reading, evidence
from eval.errors import EvalError


def alarms(risk: float, alpha: float, delta: float, readings: int, streams: int, seed: int = 0) -> tuple[float, float]:
    """The share of streams of readings that ring the alarm, and the median reading at which they do."""
    random = np.random.default_rng(seed)
    rang = []
    for _ in range(streams):
        found = evidence((Reading(bool(lost)) for lost in random.random(readings) < risk), alpha, delta)
        rang.append(found.at if found.at is not None else 0)
    at = [one for one in rang if one]
    return len(at) / streams, float(np.median(at)) if at else 0.0


def test_at_the_promised_risk_a_false_alarm_is_rare_however_often_one_looks() -> None:
    share, _ = alarms(0.05, 0.05, 0.05, 1000, 300)
    assert share <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


@pytest.mark.parametrize(("risk", "at_most"), [(0.1, 220), (0.15, 75)])
def test_a_risk_that_rose_is_found_soon(risk: float, at_most: int) -> None:
    share, median = alarms(risk, 0.05, 0.05, 1500, 60)
    assert share == 1.0
    assert median <= at_most


def test_unequal_draws_keep_the_alarm_honest() -> None:
    """The unsure half holds all the risk and is drawn four times as often; unweighted the alarm would ring falsely."""
    random = np.random.default_rng(1)
    honest = naive = 0
    for _ in range(200):
        unsure = random.random(3000) < 0.5
        lost = random.random(3000) < np.where(unsure, 0.1, 0.0)  # 5 % of all
        probability = np.where(unsure, 0.2, 0.05)
        drawn = np.flatnonzero(random.random(3000) < probability)
        read = [Reading(bool(lost[at]), 0.05 / float(probability[at])) for at in drawn]
        honest += evidence(read, 0.05, 0.05).alarm
        naive += evidence([Reading(one.lost) for one in read], 0.05, 0.05).alarm
    assert honest / 200 <= 0.05 + 3 * (0.05 * 0.95 / 200) ** 0.5
    assert naive / 200 > 0.3


def test_an_alarm_that_rang_stays_rung() -> None:
    readings = [Reading(True)] * 5 + [Reading(False)] * 500
    found = evidence(readings, 0.05, 0.05)
    assert found.alarm
    assert found.value < 1 < found.limit <= found.highest


def test_the_evidence_of_one_reading_by_hand() -> None:
    """Stakes s / alpha: a loss multiplies by 1 + s (1 − alpha) / alpha, none by 1 − s; the mean of six."""
    stakes = np.array([0.0125, 0.025, 0.05, 0.1, 0.2, 0.4])
    assert evidence([Reading(True)], 0.1, 0.1).value == pytest.approx(float((1 + stakes * 9).mean()))
    assert evidence([Reading(False)], 0.1, 0.1).value == pytest.approx(float((1 - stakes).mean()))


@given(lost=some.lists(some.booleans(), min_size=1, max_size=60), more=some.integers(0, 59))
def test_one_loss_more_is_never_less_evidence(lost: list[bool], more: int) -> None:
    worse = [one or place == more for place, one in enumerate(lost)]
    before, after = (evidence([Reading(one) for one in which], 0.1, 0.1).value for which in (lost, worse))
    assert after >= before


@pytest.mark.parametrize("weight", [0.0, -1.0, 1.2])
def test_a_weight_is_a_share(weight: float) -> None:
    with pytest.raises(ValueError, match="its weight is"):
        evidence([Reading(False, weight)], 0.1, 0.1)


# ---- what was released -------------------------------------------------------------------------------------------


def stream(releases: int, risk: float, looked_wrong: float, looked_right: float, seed: int) -> list[Released]:
    """Releases with a 5 % audit; people look at some, more of them wrong than right, and change what is wrong."""
    random = np.random.default_rng(seed)
    lost = random.random(releases) < risk
    drawn = random.random(releases) < 0.05
    looked = random.random(releases) < np.where(lost, looked_wrong, looked_right)
    return [
        Released(str(at), 0.05, bool(drawn[at]), bool(lost[at]) if drawn[at] else None, bool(looked[at] and lost[at]))
        for at in range(releases)
    ]


def test_changes_alone_understate_the_risk_and_the_audit_does_not() -> None:
    released = stream(40_000, 0.06, 0.45, 0.10, seed=3)
    risk = risk_of(released)
    assert sum(one.overridden for one in released) / 40_000 == pytest.approx(0.027, abs=0.003)
    assert risk.low is not None
    assert risk.high is not None
    assert risk.low < 0.06 < risk.high


def test_the_risk_is_weighted_by_how_likely_each_draw_was() -> None:
    read = [Released("a", 0.5, True, True, False), Released("b", 0.1, True, False, False)]
    risk = risk_of([*read, Released("c", 0.1, True, None, False), Released("d", 0.1, False, None, False)])
    assert risk.value == pytest.approx(2 / 12)
    assert (risk.readings, risk.waiting) == (2, 1)
    assert risk_of([]).value is None


def test_changes_can_raise_an_alarm_but_a_lack_of_them_clears_nothing() -> None:
    quiet = [Released(str(at), 0.05, False, None, False) for at in range(500)]
    loud = [Released(str(at), 0.05, False, None, at % 4 == 0) for at in range(200)]
    assert drift_of(quiet, 0.1, 0.1).alarms == []
    [said] = drift_of(loud, 0.1, 0.1).alarms
    assert said.startswith("People changed 50 of 200 released scores by a loss")
    audited = [Released(str(at), 0.05, True, True, False) for at in range(10)]
    assert drift_of([*audited, *quiet], 0.1, 0.1).audit.alarm
    assert len(drift_of([*audited, *quiet], 0.1, 0.1).alarms) == 1


def test_what_was_read_later_counts_later() -> None:
    late = Released("a", 1, True, True, False, read_at="2026-12-02")
    early = [Released(str(at), 1, True, False, False, read_at="2026-12-01") for at in range(30)]
    first = drift_of([late, *early], 0.1, 0.1).audit
    assert first.highest == pytest.approx(max(1.0, first.value))


# ---- the command -------------------------------------------------------------------------------------------------


def write(path: Path, rows: list[str], more: str = "") -> Path:
    path.write_text("\n".join([f"response_id,probability,drawn,lost,overridden{more}", *rows]) + "\n")
    return path


PROMISE = ("--alpha", "0.1", "--delta", "0.1")


def test_a_quiet_audit_is_no_alarm(tmp_path: Path) -> None:
    rows = [f"r{at},0.05,{at % 20 == 0:d},{'0' if at % 20 == 0 else ''},0" for at in range(400)]
    said = CliRunner().invoke(app, [str(write(tmp_path / "a.csv", rows)), *PROMISE])
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert lines[:2] == ["No alarm.", "400 released unseen; 20 read again blind, 0 still to read."]
    assert lines[2].startswith("Risk among everything released: 0.0% (0.0% to ")


def test_an_alarm_says_what_to_do_and_exits_with_three(tmp_path: Path) -> None:
    rows = [f"r{at},0.05,1,{at % 2},0" for at in range(40)]
    said = CliRunner().invoke(app, [str(write(tmp_path / "a.csv", rows)), *PROMISE, "--json"])
    assert said.exit_code == 3
    assert json.loads(said.stdout)["alarm"] is True
    found = json.loads(said.stdout)["prompts"][""]
    assert found["audit"]["at"] < 40
    assert "20 losses in 40 readings" in found["alarms"][0]


def test_each_question_is_watched_for_itself(tmp_path: Path) -> None:
    rows = [f"r{at},0.05,1,{int(at < 12)},0,{'bad' if at < 12 else 'good'}" for at in range(400)]
    said = CliRunner().invoke(app, [str(write(tmp_path / "a.csv", rows, ",prompt_id")), *PROMISE])
    assert said.exit_code == 3
    heads = [line for line in said.stdout.splitlines() if line.endswith(":") or line.startswith(("ALARM", "No alarm"))]
    assert heads[0] == "bad:"
    assert heads[1].startswith("ALARM: The audit found 12 losses in 12 readings")
    assert "good:" in heads
    assert "No alarm." in heads


def test_anchors_that_moved_ring_the_alarm(tmp_path: Path) -> None:
    audit = write(tmp_path / "a.csv", ["r1,0.05,0,,0"])
    for name, by in (("before", 0), ("same", 0), ("after", 1)):
        rows = [f"e{at},{60 + by}" for at in range(10)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["response_id,score", *rows]))
    asked = [str(audit), *PROMISE, "--tolerance", "0.5", "--anchors", str(tmp_path / "before.csv")]
    assert CliRunner().invoke(app, [*asked, str(tmp_path / "same.csv")]).exit_code == 0
    said = CliRunner().invoke(app, [*asked, str(tmp_path / "after.csv")])
    assert said.exit_code == 3
    assert "10 anchors moved by 1.00 on average, up or down (+1.00 on balance); 0.5 was declared" in said.stdout


def moved(tmp_path: Path, by: list[float]) -> list[Path]:
    """The scores of as many essays before, and after each moved by so much."""
    for name, more in (("before", [0.0] * len(by)), ("after", by)):
        rows = [f"e{at},{60 + one}" for at, one in enumerate(more)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["response_id,score", *rows]))
    return [tmp_path / "before.csv", tmp_path / "after.csv"]


def test_anchors_that_moved_apart_ring_the_alarm_though_their_mean_stood_still(tmp_path: Path) -> None:
    found = read_anchors(*moved(tmp_path, [2, -2]), tolerance=1)
    assert (found.mean, found.distance, found.alarm) == (0, 2, True)


def test_one_anchor_that_moved_far_rings_the_alarm_though_all_together_hardly_moved(tmp_path: Path) -> None:
    found = read_anchors(*moved(tmp_path, [0] * 19 + [-3]), tolerance=1)
    assert found.distance == pytest.approx(0.15)
    assert found.sentences == ["1 of 20 anchors moved by more than 2, the farthest by -3.00."]
    assert not read_anchors(*moved(tmp_path, [0] * 19 + [-3]), tolerance=1, each=3).alarm


def test_what_was_declared_is_no_alarm_though_tenths_do_not_add_up(tmp_path: Path) -> None:
    assert not read_anchors(*moved(tmp_path, [0.1 + 0.2, -0.3]), tolerance=0.3).alarm


def test_a_week_that_differs_is_named(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    rows = []
    for week, shift in (("1", 0.0), ("2", 0.0), ("3", 0.4)):
        rows += [f"r{week}-{at},0.05,0,,0,{random.random() * 0.5 + shift:.3f},400,{week}" for at in range(80)]
    table = write(tmp_path / "a.csv", rows, ",confidence,words,week")
    said = CliRunner().invoke(app, [str(table), *PROMISE, "--shifts"])
    assert said.exit_code == 0
    assert "confidence differs in week 3" in said.stdout
    assert "week 2" not in said.stdout


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("r1,0.05,0,1,0", "a reading of a response that was not drawn"),
        ("r1,2,1,1,0", "column probability: not a share"),
        ("r1,,1,1,0", "column probability: not a share"),
        ("r1,0.05,maybe,1,0", "neither yes nor no"),
    ],
)
def test_what_can_not_be_used_names_row_and_column(tmp_path: Path, row: str, sentence: str) -> None:
    table = write(tmp_path / "a.csv", [row])
    with pytest.raises(EvalError, match=sentence):
        read_audit(table)
    said = CliRunner().invoke(app, [str(table), *PROMISE])
    assert said.exit_code == 1
    assert "a.csv, row 2" in said.stderr


def test_a_promise_must_be_named(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, [str(write(tmp_path / "a.csv", ["r1,0.05,0,,0"]))])
    assert said.exit_code == 1
    assert "--gate" in said.stderr

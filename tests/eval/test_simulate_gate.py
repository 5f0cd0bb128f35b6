"""The gate keeps its promise where the truth is known, and the simpler rules don't: the simulation can tell."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eval.gate_calibration import Sample, calibrate
from eval.gate_chain import Promise, thresholds_of
from eval.simulate_gate import SIZES, World, rerun, simulate, split_check, worlds, worlds_of
from eval.simulate_gate_command import app

TENTH = Promise(0.1, 0.1)
REPLICATES = 250


@pytest.mark.parametrize("own", [False, True], ids=["unlabelled thresholds", "own thresholds"])
@pytest.mark.parametrize("world", worlds(0.1), ids=lambda world: world.name)
def test_the_promise_is_broken_no_more_often_than_delta(world: World, own: bool) -> None:
    for outcome in rerun([world], SIZES, TENTH, REPLICATES, seed=11, own=own):
        if outcome.rule == "gate":
            assert outcome.wrong <= outcome.limit(0.1), outcome


def test_the_promise_is_kept_at_another_alpha_and_delta() -> None:
    promise = Promise(0.05, 0.05)
    for outcome in rerun(worlds(0.05), (300, 1000), promise, REPLICATES, seed=5):
        if outcome.rule == "gate":
            assert outcome.wrong <= outcome.limit(0.05), outcome


def test_the_simulation_catches_rules_that_break_it() -> None:
    outcomes = {outcome.rule: outcome for outcome in simulate(worlds(0.1)[0], 500, TENTH, REPLICATES, seed=2)}
    assert outcomes["observed risk"].wrong > 0.8
    assert outcomes["own bound"].wrong > outcomes["own bound"].limit(0.1)


def test_a_good_judge_is_let_through() -> None:
    outcomes = {outcome.rule: outcome for outcome in simulate(worlds(0.1)[2], 500, TENTH, REPLICATES, seed=2)}
    assert outcomes["gate"].share > 0.8
    assert outcomes["gate"].nothing < 0.02


def test_a_world_knows_its_own_risk() -> None:
    world = World.of("four", np.array([0.1, 0.9, 0.5, 0.5]), np.array([0.8, 0.0, 0.1, 0.3]))
    assert world.risk_at(np.array([0.9, 0.5, 0.1, 1.0])).tolist() == pytest.approx([0, 0.4 / 3, 0.3, 0])
    assert world.share_at(np.array([0.9, 0.5, 0.1])).tolist() == [0.25, 0.75, 1.0]


def test_each_group_of_a_required_column_keeps_the_promise() -> None:
    """One group's risk is just over alpha, the other's far below: a gate over the whole alone would not see it."""
    random = np.random.default_rng(8)
    wrong = 0
    for _ in range(REPLICATES):
        confidence = random.random(600)
        second = random.random(600) < 0.4
        lost = random.random(600) < np.where(second, 0.11, 0.005)
        labels = np.where(second, "b", "a").astype(object)
        sample = Sample(confidence, lost, thresholds_of(confidence), {"group": labels})
        wrong += calibrate(sample, TENTH).threshold is not None
    assert wrong / REPLICATES <= 0.1 + 3 * (0.09 / REPLICATES) ** 0.5


def test_halves_of_real_labels() -> None:
    random = np.random.default_rng(4)
    confidence = random.random(600)
    lost = random.random(600) < 0.15 * (1 - confidence)
    found = split_check(confidence, lost, TENTH, splits=60)
    assert found.open >= 40
    assert found.risk < 0.1
    assert split_check(confidence, np.ones(600, dtype=np.bool_), TENTH, splits=10).open == 0


def test_a_tables_own_confidences_make_worlds() -> None:
    confidence = np.array([1.0] * 60 + [0.5] * 30 + [np.nan] * 10)
    names = [world.name for world in worlds_of(confidence, np.zeros(100, dtype=np.bool_), 0.1)]
    assert names[2:] == ["your table", "your table, losses shuffled"]
    assert len(worlds_of(confidence, None, 0.1)) == 2


def test_the_command_prints_broken_promises_beside_delta() -> None:
    said = CliRunner().invoke(app, ["--replicates", "40", "--labels", "100", "--labels", "500"])
    assert said.exit_code == 0, said.output
    lines = said.stdout.splitlines()
    assert lines[0].split() == ["world", "labels", "rule", "broken", "delta", "limit", "released", "closed"]
    assert len(lines) == 1 + 6 * 2 * 3


def test_the_command_on_a_table(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    rows = [f"{3 + (random.random() < 0.03)},{3},{value:.3f}" for value in random.random(400)]
    table = tmp_path / "t.csv"
    table.write_text("\n".join(["h,j,c", *rows]))
    columns = [str(table), "--confidence", "c", "--human", "h", "--system", "j", "--min", "1", "--max", "6"]
    asked = [*columns, "--replicates", "40", "--labels", "200", "--splits", "20", "--json"]
    said = CliRunner().invoke(app, asked)
    found = json.loads(said.stdout)
    assert {row["world"] for row in found["outcomes"]} >= {"your table", "your table, losses shuffled"}
    assert found["splits"]["splits"] == 20
    alone = CliRunner().invoke(app, [str(table), "--confidence", "c", "--replicates", "20", "--labels", "100"])
    assert alone.exit_code == 0, alone.output


def test_the_alarm_is_simulated_too() -> None:
    said = CliRunner().invoke(app, ["--alarm", "--alpha", "0.1", "--delta", "0.1", "--replicates", "20", "--json"])
    assert said.exit_code == 0, said.output
    found = json.loads(said.stdout)
    assert [one["risk"] for one in found] == pytest.approx([0.1, 0.16, 0.2, 0.3])
    assert found[-1]["rang"] == 1.0
    assert found[-1]["median"] < found[2]["median"]


def test_a_table_without_confidences_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("h,j\n3,3\n")
    said = CliRunner().invoke(app, [str(tmp_path / "t.csv"), "--human", "h", "--system", "j"])
    assert said.exit_code == 1
    assert "--confidence" in said.stderr

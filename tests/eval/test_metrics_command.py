"""`atelier eval metrics` as a user meets it: files in, JSON and sentences out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from eval.metrics_command import app

FIVE_KEYS = {"value", "low", "high", "n", "reason"}
CONTRACT = {
    *("n", "exact", "adjacent", "kappa", "linear_kappa", "qwk", "qwk_raw", "pearson", "spearman", "mae", "rmse"),
    *("r2", "bias", "smd", "sd_ratio", "ac2", "alpha", "icc21"),
}


def table(path: Path, rows: int = 120, seed: int = 5) -> Path:
    """Two raters and a judge who share a truth, and a group."""
    random = np.random.default_rng(seed)
    truth = random.normal(3.5, 1.1, rows)
    first, second = (np.clip(np.rint(truth + random.normal(0, 0.6, rows)), 1, 6) for _ in range(2))
    judge = truth + random.normal(0.1, 0.5, rows)
    lines = [
        f"{number},{first[number]:.0f},{second[number]:.0f},{judge[number]:.3f},{'ab'[number % 2]}"
        for number in range(rows)
    ]
    path.write_text("\n".join(["id,h1,h2,judge,class", *lines]) + "\n")
    return path


def run(file: Path, *more: str, human: str = "h1", system: str = "judge") -> Result:
    asked = [str(file), "--human", human, "--system", system, "--replicates", "100", "--json", "-", *more]
    return CliRunner().invoke(app, asked)


def figures(file: Path, *more: str, **columns: str) -> dict[str, Any]:
    result = run(file, *more, **columns)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_every_figure_of_the_contract_has_a_value_and_an_interval(tmp_path: Path) -> None:
    found = figures(table(tmp_path / "t.csv"), "--human2", "h2", "--group", "class", "--min", "1", "--max", "6")
    assert set(found) >= {"overall", "human_human", "groups", "provenance"}
    for part in (found["overall"], found["human_human"], found["groups"]["class"]["a"]):
        assert set(part) >= CONTRACT
        for name in CONTRACT - {"n"}:
            assert set(part[name]) == FIVE_KEYS
            assert part[name]["low"] <= part[name]["value"] <= part[name]["high"], name
    assert [found["groups"]["class"][value]["n"]["value"] for value in "ab"] == [60, 60]
    assert found["overall"]["n"] == {"value": 120, "low": None, "high": None, "n": 120, "reason": None}


def test_the_same_table_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv")
    assert run(file).stdout == run(file).stdout
    assert run(file).stdout != run(file, "--seed", "1").stdout


def test_json_goes_to_a_file_and_a_short_table_to_the_reader(tmp_path: Path) -> None:
    file, out = table(tmp_path / "t.csv"), tmp_path / "out.json"
    result = CliRunner().invoke(app, [str(file), "--human", "h1", "--system", "judge", "--json", str(out)])
    assert result.exit_code == 0
    assert json.loads(out.read_text())["overall"]["qwk"]["value"] > 0.5
    assert "120 rows" in result.stdout
    assert "no second human column" in result.stdout


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("h1,judge\n", "has a header and no rows"),
        ("h1,other\n1,2\n", "has no column 'judge'; it has 'h1', 'other'"),
        ("h1,judge\n1,2\nfine,3\n", "column 'h1': 'fine' is no number; a code is named with --code (row 3)"),
        ("h1,judge\n1,2\n2,inf\n", "column 'judge': 'inf' is no finite number (row 3)"),
        ("h1,judge\n1,2\n2;3\n", "does not have the header's 2 fields in row 3"),
        ("h1,judge\n,2\n,3\n", "there is no human score"),
        ("h1,judge,judge\n1,2,3\n", "more than one column 'judge'"),
        ("h1,judge\n1,2\n\0\0,3\n", "is no text table"),
    ],
)
def test_a_bad_table_gets_one_sentence(content: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(content)
    result = run(file)
    assert result.exit_code == 1
    assert says in result.stderr
    assert "Traceback" not in result.output
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("h1,judge\n{rows}", "utf-8-sig"),
        ("h1\tjudge\n{rows}", "utf-8"),
        ("h1;judge\n{rows}", "latin-1"),
        ('"h1"|"judge"\n{rows}', "utf-8"),
    ],
)
def test_delimiters_and_encodings_are_found_out(content: str, encoding: str, tmp_path: Path) -> None:
    delimiter = next(mark for mark in "\t;|," if mark in content)
    rows = "\n".join(f"{number % 4}{delimiter}{(number * 7) % 5}" for number in range(60))
    file = tmp_path / "t.csv"
    file.write_bytes(content.format(rows=rows).encode(encoding))
    found = figures(file)
    assert found["overall"]["n"]["value"] == 60
    assert found["provenance"]["source"]["delimiter"] == delimiter


def test_blanks_are_missing_and_codes_are_counted_apart(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    rows = [f"{number % 4},{number % 3}" for number in range(60)]
    file.write_text("\n".join(["h1,judge", *rows, "TD,1", "TD,", "0,NaN", ",2", "3,refused"]) + "\n")
    found = figures(file, "--code", "TD", "--code", "refused")
    assert found["provenance"]["codes"] == {"h1": {"TD": 2}, "judge": {"refused": 1}}
    counted = found["provenance"]["rows"]
    assert (counted["total"], counted["scored"]) == (65, 60)
    assert (counted["human_missing"], counted["system_missing"]) == (3, 3)
    assert found["overall"]["scored_share"]["value"] == pytest.approx(60 / 62)
    assert found["overall"]["exact_worst"]["value"] < found["overall"]["exact"]["value"]


def test_the_comma_may_be_the_decimal_point_where_it_delimits_nothing(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("h1;judge\n" + "\n".join(f"{number % 4};{number % 4},25" for number in range(60)) + "\n")
    assert figures(file)["overall"]["bias"]["value"] == pytest.approx(0.25)


def test_a_code_may_be_a_number(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("h1,judge\n" + "\n".join(f"{number % 4},{number % 3}" for number in range(60)) + "\n3,99\n")
    found = figures(file, "--code", "99")
    assert found["provenance"]["rows"]["system_missing"] == 1
    assert found["provenance"]["codes"] == {"judge": {"99": 1}}
    assert figures(file)["provenance"]["rows"]["system_trimmed"] == 1


def test_ids_are_known_by_their_usual_names(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("essay_id,h1,judge\n" + "e1,1,2\n" + "".join(f"e{at},1,{at % 3}\n" for at in range(1, 60)))
    result = run(file)
    assert result.exit_code == 1
    assert "column 'essay_id': more than one row for e1 (again in row 3)" in result.stderr
    assert figures(file, "--id", "none")["overall"]["n"]["value"] == 60
    assert figures(file, "--cluster", "essay_id")["provenance"]["columns"]["cluster"] == "essay_id"


def test_zeros_count_unless_left_out(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("h1,judge\n" + "\n".join(f"{number % 4},{number % 4}" for number in range(80)) + "\n")
    assert figures(file)["overall"]["n"]["value"] == 80
    without = figures(file, "--exclude-zero")
    assert without["overall"]["n"]["value"] == 60
    assert without["provenance"]["rows"]["zeros_excluded"] == 20


def test_a_human_score_off_the_scale_is_refused_and_a_judges_is_trimmed(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text("h1,judge\n" + "7,3\n" + "1,99\n" * 40)
    result = run(file, "--min", "1", "--max", "6")
    assert result.exit_code == 1
    assert "column 'h1' leaves the scale 1 to 6 in row 2 (7)" in result.stderr
    assert figures(file, "--min", "1", "--max", "7")["overall"]["system_mean"]["value"] < 7.5


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--min", "6", "--max", "1"], "minimum 6 is above its maximum 1"),
        (["--min", "1", "--max", "6", "--step", "0.7"], "steps of 0.7 from 1 don't reach 6"),
        (["--step", "0"], "the step of a scale is above zero"),
        (["--rounding", "up"], "half-even or half-up, not 'up'"),
        (["--group", "nowhere"], "has no column 'nowhere'"),
        (["--group", "id"], "a group column has at most 200"),
        (["--id", "class"], "more than one row for a (again in row 400), b (again in row 401)"),
        (["--max", "1e9"], "more than 2000 levels"),
    ],
)
def test_a_bad_request_gets_one_sentence(more: list[str], says: str, tmp_path: Path) -> None:
    result = run(table(tmp_path / "t.csv", rows=400), *more)
    assert result.exit_code == 1
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_small_groups_show_only_how_many_they_are(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", rows=60)
    text = file.read_text().replace("\n0,", "\n0000,", 1)
    lines = text.splitlines()
    lines[1] = lines[1][: lines[1].rindex(",")] + ",lone"
    file.write_text("\n".join(lines) + "\n")
    lone = figures(file, "--human2", "h2", "--group", "class")["groups"]["class"]["lone"]
    assert lone["n"]["value"] == 1
    assert {name for name, figure in lone.items() if figure["value"] is not None} == {"n"}
    assert all("1 row: no figure of a group below 30" in lone[name]["reason"] for name in CONTRACT - {"n"})


def test_dsm_is_of_groups_and_sums_to_nothing_over_them(tmp_path: Path) -> None:
    found = figures(table(tmp_path / "t.csv", rows=400), "--group", "class")
    apart = {value: group["dsm"]["value"] for value, group in found["groups"]["class"].items()}
    assert apart["a"] == pytest.approx(-apart["b"], abs=1e-9)
    assert found["overall"]["dsm"]["reason"] == "a figure of a group"
    assert found["fairness"]["class"]["osa"]["base"] == "a"


def test_prompts_are_averaged_beside_the_pooled_figure(tmp_path: Path) -> None:
    """Two prompts whose scores lie apart: pooling mostly measures how far apart they lie."""
    random = np.random.default_rng(1)
    lines = ["h1,judge,prompt"]
    for prompt, level in (("p", 2), ("q", 9)):
        human = np.clip(np.rint(random.normal(level, 1, 200)), 0, 12)
        judge = human + random.normal(0, 1.5, 200)
        lines += [f"{h:.0f},{j:.3f},{prompt}" for h, j in zip(human, judge, strict=True)]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(lines) + "\n")
    found = figures(file, "--prompt", "prompt", "--min", "0", "--max", "12")
    each = [found["groups"]["prompt"][prompt]["qwk"]["value"] for prompt in "pq"]
    mean = found["prompts"]["overall"]["qwk"]
    assert mean["value"] == pytest.approx(np.mean(each))
    assert mean["low"] < mean["value"] < mean["high"]
    assert found["overall"]["qwk"]["value"] > mean["value"] + 0.2


def test_pooled_figures_are_drawn_within_prompts(tmp_path: Path) -> None:
    """How many rows a prompt has is not left to chance, so a mean over two distant prompts moves less."""
    file = tmp_path / "t.csv"
    lines = [f"{h},{h},{p}" for p, level in (("p", 1), ("q", 9)) for h in (level, level + 1) for _ in range(60)]
    file.write_text("\n".join(["h1,judge,prompt", *lines]) + "\n")
    asked = ("--min", "0", "--max", "12")
    free, held = figures(file, *asked), figures(file, "--prompt", "prompt", *asked)
    width = [f["overall"]["human_mean"]["high"] - f["overall"]["human_mean"]["low"] for f in (free, held)]
    assert width[1] < width[0] / 4


def test_a_mean_over_prompts_says_which_it_left_out(tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    lines = [f"{at % 4},{(at * 7) % 5},{'few' if at < 9 else 'many'}" for at in range(80)]
    file.write_text("\n".join(["h1,judge,prompt", *lines]) + "\n")
    mean = figures(file, "--prompt", "prompt", "--min", "0", "--max", "4")["prompts"]["overall"]["qwk"]
    assert mean["n"] == 1
    assert mean["reason"] == "1 of 2 prompts left out: they have no figure"


def test_criteria_are_met_by_intervals(tmp_path: Path) -> None:
    few = figures(table(tmp_path / "few.csv", rows=60), "--min", "1", "--max", "6")["criteria"]
    assert {(one["verdict"], one["reason"]) for one in few if one["criterion"] == "qwk"} == {
        ("not shown", "60 rows: no verdict below 100")
    }
    many = figures(table(tmp_path / "many.csv", rows=900), "--min", "1", "--max", "6", "--human2", "h2")["criteria"]
    assert {one["criterion"]: one["verdict"] for one in many} == {
        "qwk": "met",
        "pearson": "met",
        "degradation": "met",
        "smd": "met",
    }


def test_a_third_human_is_seen_two_by_two_and_against_the_rest(tmp_path: Path) -> None:
    file = table(tmp_path / "t.csv", rows=200)
    lines = file.read_text().splitlines()
    third = [f"{lines[0]},h3", *(f"{line},{1 + number % 6}" for number, line in enumerate(lines[1:]))]
    file.write_text("\n".join(third) + "\n")
    found = figures(file, "--human2", "h2", "--rater", "h3", "--min", "1", "--max", "6")["raters"]
    assert [(pair["first"], pair["second"]) for pair in found["pairs"]] == [("h1", "h2"), ("h1", "h3"), ("h2", "h3")]
    assert found["pairs"][0]["qwk"]["value"] > 0.6 > 0.2 > found["pairs"][1]["qwk"]["value"]
    assert found["rest"]["h3"]["judge"]["qwk"]["value"] > found["rest"]["h3"]["rater"]["qwk"]["value"]
    assert all(found["all"][name]["low"] is not None for name in ("alpha", "ac2", "icc21", "icc2k", "prmse"))


def test_the_same_column_twice_is_perfect_agreement(tmp_path: Path) -> None:
    found = figures(table(tmp_path / "t.csv"), "--human2", "h1", human="h1", system="h1")
    assert found["overall"]["qwk"]["value"] == 1
    assert found["overall"]["degradation"]["value"] == 0
    assert found["overall"]["rmse"]["value"] == 0


def test_no_resamples_leave_no_interval_but_the_formulas(tmp_path: Path) -> None:
    found = figures(table(tmp_path / "t.csv"), "--replicates", "0")["overall"]
    assert found["qwk"]["low"] is None
    assert found["qwk"]["reason"] == "no interval: no resamples were asked for"
    assert found["exact"]["low"] is not None

"""`atelier eval report` and `atelier eval compare` as a reader meets them."""

import csv
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner, Result

from eval import compare_command, report_command
from eval.report.page import CONTENTS, number, p_value
from tests.eval.report_tables import HEADER, long_table

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def report(source: Path, out: Path, *more: str) -> Result:
    arguments = [str(source), "--out", str(out), "--replicates", "30", *more]
    return CliRunner().invoke(report_command.app, arguments)


def told(source: Path, out: Path, *more: str) -> dict[str, Any]:
    result = report(source, out, *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads((out / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report's folder."""
    folder = tmp_path_factory.mktemp("report")
    told(long_table(folder / "scores.csv"), folder)
    return folder


# ---- the page ----------------------------------------------------------------------------------------------------


def test_the_page_has_fifteen_sections_and_begins_with_the_verdict(made: Path) -> None:
    page = (made / "report.html").read_text()
    assert re.findall(r'<h2 id="(\w+)">', page) == [name for name, _ in CONTENTS]
    verdict = json.loads((made / "report.json").read_text())["verdict"]
    assert page.index("On 240 responses and 2 criteria judge reaches a QWK") < page.index('<h2 id="verdict"')
    assert verdict["gate"] == "No gate was calibrated on these data, so every score goes to a person."


def test_the_page_stands_alone(made: Path) -> None:
    page = (made / "report.html").read_text()
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!#)[^"]*"', page) == []
    assert re.findall(r"url\((?!#)", page) == []
    assert page.count("<svg") == page.count('role="img"') >= 3
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_folder_gives_the_same_bytes(made: Path, tmp_path: Path) -> None:
    told(made / "scores.csv", tmp_path)
    for name in ("report.html", "report.json", "figures.csv"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_every_figure_of_the_csv_has_a_value_or_a_reason(made: Path) -> None:
    with (made / "figures.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 200
    assert all(row["value"] or row["reason"] for row in rows)
    assert {row["part"] for row in rows} >= {"headline", "headline_human", "prompt, judge", "group, judge"}


@pytest.mark.slow
@pytest.mark.parametrize("media", ["screen", "print"])
def test_the_page_is_accessible_and_nothing_is_cut_off_on_paper(made: Path, chromium: "Browser", media: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = chromium.new_page(viewport={"width": 690 if media == "print" else 1200, "height": 1000})
    page.emulate_media(media=media)  # type: ignore[arg-type]
    page.goto(f"file://{made / 'report.html'}")
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []
    cut = "[...document.querySelectorAll('.wide')].filter(one => one.scrollWidth > one.clientWidth + 1).length"
    assert page.evaluate(cut) == 0
    page.close()


# ---- what it says ------------------------------------------------------------------------------------------------


def test_the_mean_over_prompts_stands_first_and_people_beside(made: Path) -> None:
    found = json.loads((made / "report.json").read_text())
    claim = found["criteria"][0]
    assert claim["of"] == "mean of 2 prompts"
    each = [prompt["judge"]["qwk"]["value"] for prompt in claim["prompts"].values()]
    assert claim["headline"]["qwk"]["value"] == pytest.approx(sum(each) / 2)
    assert claim["headline_human"]["qwk"]["value"] is not None
    assert found["total"]["headline"]["qwk"]["low"] is not None
    assert found["data"]["clusters"] == 120


def test_prompts_of_different_scales_have_their_ceilings_and_errors_each_on_its_own(tmp_path: Path) -> None:
    source = long_table(tmp_path / "scores.csv", rows=400)
    with source.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["prompt_id"] == "prompt 1":
            row["scale_max"] = "9"
    with source.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    found = told(source, tmp_path)
    assert "pooled" not in found["criteria"][0]
    page = (tmp_path / "report.html").read_text()
    assert "Too few responses were scored by two people" not in page
    assert page.count('<th scope="row">claim, prompt 1</th>') == 3  # ceilings, errors, coefficients


def test_a_good_judge_meets_every_criterion(tmp_path: Path) -> None:
    source = long_table(tmp_path / "scores.csv", rows=900, noise=0.2)
    assert told(source, tmp_path)["verdict"]["verdict"] == "met"
    assert "Every operational criterion is met." in (tmp_path / "report.html").read_text()


def test_a_bad_judge_does_not_and_the_first_sentence_says_so(tmp_path: Path) -> None:
    verdict = told(long_table(tmp_path / "scores.csv", rows=400, noise=2.0, shift=0.8), tmp_path)["verdict"]
    assert verdict["verdict"] == "not met"
    assert "It is not good enough to stand in for a rater" in verdict["sentence"]


def test_a_prompt_that_fails_is_not_hidden_by_the_mean(tmp_path: Path) -> None:
    source = long_table(tmp_path / "scores.csv", rows=1600, prompts=4, noise=0.2)
    with source.open() as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows):
        if row["rater_kind"] == "judge" and row["prompt_id"] == "prompt 3" and row["criterion"] == "claim":
            row["score"] = f"{place % 5}"
    with source.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    verdict = told(source, tmp_path)["verdict"]
    assert verdict["verdict"] == "not met"
    assert "QWK of .70 is missed on claim prompt 3" in verdict["sentence"]


def test_one_human_score_leaves_degradation_open(tmp_path: Path) -> None:
    found = told(long_table(tmp_path / "scores.csv", second=False), tmp_path)
    assert "how far people agree with each other isn't known" in found["verdict"]["sentence"]
    findings = {one["criterion"]: one for one in found["criteria"][0]["findings"]}
    assert findings["degradation"]["verdict"] == "not shown"


def test_a_group_that_is_moved_stands_in_the_verdict(tmp_path: Path) -> None:
    source = long_table(tmp_path / "scores.csv", rows=600)
    with source.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["rater_kind"] == "judge" and row["language"] == "en":
            row["score"] = f"{max(0.0, float(row['score']) - 0.7):.3f}"
    with source.open("w", newline="") as file:
        writer = csv.DictWriter(file, HEADER)
        writer.writeheader()
        writer.writerows(rows)
    found = told(source, tmp_path)
    assert "language en (claim \N{MINUS SIGN}0." in found["verdict"]["fairness"]
    assert found["criteria"][0]["fairness"]["language"]["groups"]["en"]["p_holm"] < 0.001


def test_prompts_too_small_for_figures_are_told_within(tmp_path: Path) -> None:
    found = told(long_table(tmp_path / "scores.csv", rows=300, prompts=25), tmp_path)["criteria"][0]
    assert found["of"] == "within 25 prompts, each too small for figures of its own"
    assert found["headline"]["qwk"] == found["within"]["qwk_within"]


def test_two_judges_get_two_reports(tmp_path: Path) -> None:
    one, two = (long_table(tmp_path / f"{name}.csv", judge=name, seed=1, noise=0.3) for name in ("first", "other"))
    more = [line for line in two.read_text().splitlines() if ",judge," in line]
    one.write_text(one.read_text() + "\n".join(more[: len(more) // 2]) + "\n")
    found = told(one, tmp_path)
    assert (found["judge"], found["other_judges"]) == ("first", ["other"])
    assert "Each has a report of its own" in (tmp_path / "report.html").read_text()
    assert told(one, tmp_path / "second", "--judge", "other")["judge"] == "other"


@pytest.mark.parametrize("rows", [3, 12, 40])
def test_few_rows_give_a_page_that_says_so(tmp_path: Path, rows: int) -> None:
    found = told(long_table(tmp_path / "scores.csv", rows=rows, prompts=1), tmp_path)
    assert found["verdict"]["verdict"] == "not shown"
    if rows < 30:
        assert "too few for a figure" in found["verdict"]["sentence"]


def test_a_judge_that_gives_everybody_the_same(tmp_path: Path) -> None:
    source = long_table(tmp_path / "scores.csv", noise=0.0)
    lines = [re.sub(r",judge,judge,[\d.]+,", ",judge,judge,2,", line) for line in source.read_text().splitlines()]
    source.write_text("\n".join(lines) + "\n")
    found = told(source, tmp_path)
    assert found["criteria"][0]["headline"]["qwk"]["value"] == 0
    assert found["verdict"]["verdict"] == "not met"


def test_no_word_of_a_student_unless_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    long_table(folder / "scores.csv", rows=40, prompts=1)
    mark = "a" * 64
    (folder / "run.json").write_text(
        json.dumps({"pairings": {"prompt 0": {"criteria": {"c": "claim"}, "whole": None}}, "judged": {"sheets": 40}})
    )
    rating = {"criterion": "c", "level": 1, "quotes": ["secret words"], "comment": "Said of them."}
    (folder / "sheets.jsonl").write_text(json.dumps({"fingerprint": mark, "ratings": [rating]}) + "\n")
    (folder / "responses.jsonl").write_text(
        "".join(
            json.dumps({"response_id": f"r{at:03d}", "words": 100 + at, "flags": [], "sheets": [mark]}) + "\n"
            for at in range(40)
        )
    )
    told(folder, tmp_path / "plain")
    assert "secret words" not in (tmp_path / "plain" / "report.html").read_text()
    assert "secret words" not in (tmp_path / "plain" / "report.json").read_text()
    told(folder, tmp_path / "with", "--with-text")
    assert "<blockquote>secret words</blockquote>" in (tmp_path / "with" / "report.html").read_text()


def test_other_commands_files_in_the_folder_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    long_table(folder / "scores.csv")
    (folder / "run.json").write_text("{}")
    prompts = {"": {"threshold": 0.8, "share": 0.41, "bound": 0.096, "losses": 3, "released": 90, "labelled": 220}}
    (folder / "gate.json").write_text(json.dumps({"releases": True, "loss": "off by two", "prompts": prompts}))
    risk = {"value": 0.04, "low": 0.01, "high": 0.09, "readings": 80, "waiting": 3}
    alarmed = {"released": 1200, "alpha": 0.05, "risk": risk, "alarms": ["The audit found 9 losses."]}
    (folder / "drift.json").write_text(json.dumps({"alarm": True, "prompts": {"essay": alarmed}}))
    found = told(folder, folder)
    page = (folder / "report.html").read_text()
    assert "The audit found 9 losses." in page
    assert "4 %" in page
    assert found["verdict"]["gate"] == "The gate allows to release unseen 41% at a risk of at most 9.6%."
    assert "off by two" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--judge", "zoe"], "there is no judge 'zoe'; there are: judge"),
        (["--reference", "zoe"], "there is no rater 'zoe'; there are: rater 0, rater 1"),
        (["--reference", "adjudicated"], "there is no adjudicated score"),
        (["--cluster", "class"], "there is no column 'class'; there are: student, language"),
        (["--rounding", "up"], "half-even or half-up, not 'up'"),
    ],
)
def test_what_cannot_be_reported_is_said_in_one_sentence(
    made: Path, tmp_path: Path, more: list[str], says: str
) -> None:
    result = report(made / "scores.csv", tmp_path, *more)
    assert result.exit_code == 1
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    assert "holds no eval run" in report(tmp_path, tmp_path).stderr
    assert "there is no folder" in report(tmp_path / "nowhere", tmp_path).stderr


# ---- two judges --------------------------------------------------------------------------------------------------


def compared(first: Path, second: Path, *more: str) -> dict[str, Any]:
    arguments = [str(first), str(second), "--replicates", "200", "--json", "-", *more]
    result = CliRunner().invoke(compare_command.app, arguments)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_better_judge_is_found_and_the_same_is_tied(tmp_path: Path) -> None:
    good = long_table(tmp_path / "good.csv", rows=500, noise=0.3, judge="good")
    bad = long_table(tmp_path / "bad.csv", rows=500, noise=1.2, judge="bad")
    found = compared(good, bad)
    assert (found["first"], found["second"]) == ("good", "bad")
    assert {name: one["verdict"] for name, one in found["criteria"].items()} == {
        "claim": "A is better",
        "evidence": "A is better",
        "total": "A is better",
    }
    assert {one["verdict"] for one in compared(bad, good)["criteria"].values()} == {"B is better"}
    assert {one["verdict"] for one in compared(good, good)["criteria"].values()} == {"tied"}


def test_runs_of_different_data_are_refused(tmp_path: Path) -> None:
    one, other = long_table(tmp_path / "a.csv", seed=1), long_table(tmp_path / "b.csv", seed=2)
    result = CliRunner().invoke(compare_command.app, [str(one), str(other)])
    assert result.exit_code == 1
    assert "people's scores on claim differ between the two runs" in result.stderr


def test_a_comparison_may_stand_in_the_report(tmp_path: Path) -> None:
    one, other = long_table(tmp_path / "a.csv"), long_table(tmp_path / "b.csv", judge="other", noise=1.0)
    assert told(one, tmp_path, "--against", str(other))["comparison"]["second"] == "other"
    assert "A is judge, B is other" in (tmp_path / "report.html").read_text()


# ---- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "digits", "sign", "shown"),
    [
        (0.5, 2, False, "0.50"),
        (-0.25, 2, True, "\N{MINUS SIGN}0.25"),
        (-0.001, 2, True, "0.00"),
        (1234.5, 1, False, "1,234.5"),
        (None, 2, False, "–"),
    ],
)
def test_numbers_as_in_print(value: float | None, digits: int, sign: bool, shown: str) -> None:
    assert number(value, digits, sign) == shown


def test_small_p_values_are_only_small() -> None:
    assert [p_value(one) for one in (0.0001, 0.0304, 1.0, None)] == ["< .001", ".030", "1", ""]

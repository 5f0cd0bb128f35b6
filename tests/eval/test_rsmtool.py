"""The same numbers as rsmtool 12.0.0 where it defines them.

`rsmtool/table.csv` is made up: half-points that round either way, judge scores beyond the scale, second humans on three
rows of four. `rsmtool/expected.json` holds what `rsmeval` wrote for it (trim_min 0, trim_max 5, subgroup L1), with and
without `exclude_zero_scores`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.metrics_report import Request, report_of_file
from eval.wide_table import Columns

HERE = Path(__file__).parent / "rsmtool"
EXPECTED = json.loads((HERE / "expected.json").read_text())


@pytest.fixture(scope="module", params=["all", "without_zeros"])
def both(request: pytest.FixtureRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our report and rsmtool's numbers."""
    columns = Columns("sc1", "raw", "sc2", ("L1",), id="id")
    zeros = request.param == "without_zeros"
    asked = Request(HERE / "table.csv", columns, 0, 5, exclude_zero=zeros, replicates=20)
    return report_of_file(asked), EXPECTED[request.param]


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name, value in theirs.items():
        assert ours[name]["value"] == pytest.approx(value, abs=1e-9), name


@pytest.mark.parametrize("part", ["overall", "human_human"])
def test_figures_are_rsmtools(both: tuple[dict[str, Any], dict[str, Any]], part: str) -> None:
    ours, theirs = both
    assert_same(ours[part], theirs[part])


@pytest.mark.parametrize("part", ["groups", "human_human_groups"])
@pytest.mark.parametrize("group", ["de", "en", "fr"])
def test_groups_are_rsmtools(both: tuple[dict[str, Any], dict[str, Any]], part: str, group: str) -> None:
    ours, theirs = both
    assert_same(ours[part]["L1"][group], theirs[part][group])


@pytest.mark.parametrize("model", ["osa", "osd", "csd"])
def test_fairness_regressions_are_rsmtools(both: tuple[dict[str, Any], dict[str, Any]], model: str) -> None:
    ours, theirs = both[0]["fairness"]["L1"][model], both[1]["fairness"][model]
    assert ours["base"] == theirs["base"]
    assert ours["value"] == pytest.approx(theirs["value"], abs=1e-9)
    assert ours["p"] == pytest.approx(theirs["p"], abs=1e-9)
    for group, expected in theirs["groups"].items():
        found = ours["groups"][group]
        assert [found[end] for end in ("value", "low", "high")] == pytest.approx(
            [expected[end] for end in ("value", "low", "high")], abs=1e-9
        )


def test_alpha_and_ac2_are_those_of_krippendorff_and_irrcac() -> None:
    """krippendorff 0.9.0 and irrCAC 0.4.4 on the double-scored rows, with the scale's six levels."""
    asked = Request(HERE / "table.csv", Columns("sc1", "raw", "sc2"), 0, 5, replicates=0)
    found = report_of_file(asked)["human_human"]
    assert found["alpha"]["value"] == pytest.approx(0.7353489580210713, abs=1e-12)
    assert found["ac2"]["value"] == pytest.approx(0.887455483922, abs=1e-11)
    assert found["ac2_ordinal"]["value"] == pytest.approx(0.841766205878, abs=1e-11)

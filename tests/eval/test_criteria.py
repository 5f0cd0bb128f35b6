"""Verdicts by intervals, and p values for how many there are."""

import pytest
from statsmodels.stats.multitest import multipletests

from eval.criteria import CRITERIA, OF_GROUP, finding, holm, p_of
from eval.figure import Figure

QWK, SMD = CRITERIA[0], CRITERIA[3]


@pytest.mark.parametrize(
    ("criterion", "figure", "verdict"),
    [
        (QWK, Figure(0.80, 0.72, 0.85, 400), "met"),
        (QWK, Figure(0.72, 0.68, 0.76, 400), "not shown"),
        (QWK, Figure(0.60, 0.55, 0.66, 400), "not met"),
        (QWK, Figure(0.80, 0.72, 0.85, 99), "not shown"),
        (QWK, Figure(None, None, None, 400, "why"), "not shown"),
        (SMD, Figure(-0.05, -0.12, 0.03, 400), "met"),
        (SMD, Figure(-0.12, -0.20, -0.04, 400), "not shown"),
        (SMD, Figure(-0.30, -0.40, -0.20, 400), "not met"),
        (OF_GROUP, Figure(0.02, -0.05, 0.09, 100), "met"),
    ],
)
def test_a_verdict_needs_the_whole_interval(criterion: object, figure: Figure, verdict: str) -> None:
    assert finding(criterion, figure).verdict == verdict  # type: ignore[arg-type]


def test_holm_is_that_of_statsmodels() -> None:
    values = [0.01, 0.04, 0.03, 0.005, 0.5]
    assert holm(values) == pytest.approx(list(multipletests(values, method="holm")[1]))
    assert holm([0.01, None, 0.04]) == [0.02, None, 0.04]


def test_p_of_an_interval_that_ends_at_zero_is_five_percent() -> None:
    assert p_of(Figure(1.0, 0.0, 2.0, 100)) == pytest.approx(0.05)

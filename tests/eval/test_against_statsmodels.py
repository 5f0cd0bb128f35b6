"""Intervals and regressions against statsmodels."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint

from eval.fairness import error_models, least_squares
from eval.intervals import Z, wilson
from eval.metrics import Scores, Settings, agreement_figures
from eval.scale import Scale

RANDOM = np.random.default_rng(8)
TRUTH = RANDOM.normal(3.5, 1.2, 600)
HUMAN, SYSTEM = (np.clip(np.rint(TRUTH + RANDOM.normal(0, 0.7, 600)), 1, 6) for _ in range(2))


@pytest.mark.parametrize(("count", "n"), [(0, 30), (3, 40), (150, 400), (40, 40)])
def test_wilson(count: int, n: int) -> None:
    assert wilson(count / n, n) == pytest.approx(proportion_confint(count, n, method="wilson"), abs=1e-12)


@pytest.mark.parametrize(("name", "weights"), [("kappa", None), ("linear_kappa", "linear"), ("qwk", "quadratic")])
def test_kappa_and_the_width_of_its_interval(name: str, weights: str | None) -> None:
    table = np.zeros((6, 6))
    for human, system in zip(HUMAN, SYSTEM, strict=True):
        table[int(human) - 1, int(system) - 1] += 1
    theirs = cohens_kappa(table, wt=weights)
    ours = agreement_figures(Scores(HUMAN, SYSTEM), Settings(Scale(1, 6), replicates=4000))[name]
    assert ours.value == pytest.approx(theirs.kappa, abs=1e-12)
    assert (ours.high - ours.low) / (2 * Z) == pytest.approx(theirs.std_kappa, rel=0.1)  # type: ignore[operator]


def test_fairness_regressions_are_ordinary_least_squares() -> None:
    group, score = RANDOM.integers(0, 3, 600), HUMAN.astype(np.int64) - 1
    error = SYSTEM - HUMAN
    ours = least_squares(error, group, score)
    dummies = [group == 1, group == 2, *(score == level for level in range(1, 6))]
    theirs = sm.OLS(error, sm.add_constant(np.column_stack(dummies).astype(float))).fit()
    assert ours.coefficients[:3] == pytest.approx(theirs.params[:3], abs=1e-9)
    assert ours.errors[:3] == pytest.approx(theirs.bse[:3], abs=1e-9)
    assert ours.adjusted_r2 == pytest.approx(theirs.rsquared_adj, abs=1e-9)


def test_the_groups_gain_beside_the_score_has_the_p_of_comparing_two_models() -> None:
    labels = RANDOM.choice(["a", "b"], 600).astype(object)
    found = error_models(HUMAN, SYSTEM + 0.2 * (labels == "b"), labels)["csd"]
    score = np.column_stack([level == HUMAN for level in range(2, 7)]).astype(float)
    error = SYSTEM + 0.2 * (labels == "b") - HUMAN
    null = sm.OLS(error, sm.add_constant(score)).fit()
    full = sm.OLS(error, sm.add_constant(np.column_stack([score, labels == "b"]).astype(float))).fit()
    assert found["p"] == pytest.approx(full.compare_f_test(null)[1], rel=1e-6)
    assert found["value"] == pytest.approx(full.rsquared_adj - null.rsquared_adj, abs=1e-9)


def test_osa_covers_the_share_that_groups_explain() -> None:
    """200 worlds in which the group explains a tenth of the error's variance."""
    random, covered, worlds = np.random.default_rng(5), 0, 200
    labels = np.repeat(np.array(["a", "b"], dtype=object), 150)
    shift = math.sqrt(0.1 / 0.9) * 2
    for _ in range(worlds):
        error = random.normal(0, 1, 300) + shift * (labels == "b")
        found = error_models(np.full(300, 3.0), 3.0 + error, labels)["osd"]
        covered += found["low"] <= 0.1 <= found["high"]
    assert covered / worlds >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / worlds)

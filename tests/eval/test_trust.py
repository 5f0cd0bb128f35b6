"""How far a judge can be trusted beyond agreement: each figure against another library, by hand, or in simulation."""

import math

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.metrics import brier_score_loss, roc_auc_score
from statsmodels.miscmodels.ordinal_model import OrderedModel

from eval.alternative_annotator import alt_test, benjamini_yekutieli
from eval.class_mean import class_mean
from eval.confidence import aurc, auroc, bins, confidence_figures, ece, risk_coverage
from eval.conformal import conformal, half_width
from eval.halo import halo
from eval.length import length_slope
from eval.recalibration import proportional_odds, recalibrated
from eval.retest import retest
from eval.scale import Scale

SIX = Scale(1, 6)


def draw(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


# ---- retest ------------------------------------------------------------------------------------------------------


def test_retest_of_a_table_worked_by_hand() -> None:
    # Twenty responses judged 1 and 3, twenty judged 4 and 4: within variances 2 and 0, so the pooled SD is 1.
    scores = np.array([[1.0, 3.0]] * 20 + [[4.0, 4.0]] * 20)
    found = retest(scores, SIX, line=2.0, replicates=50)
    assert found["sd_within"].value == pytest.approx(1.0)
    assert found["same"].value == 0.5
    assert found["flips"].value == 0.5
    # Means 2 and 4: between mean square 2 * 40 / 39, within 1: ICC(1,1) = (MSB - MSW) / (MSB + MSW).
    between = 2 * 40 / 39
    assert found["icc1"].value == pytest.approx((between - 1) / (between + 1))


def test_a_judge_that_never_wavers_flips_nothing() -> None:
    scores = np.repeat(draw().integers(1, 7, 50).astype(float)[:, None], 3, axis=1)
    found = retest(scores, SIX, replicates=20)
    assert (found["sd_within"].value, found["same"].value, found["flips"].value) == (0, 1, 0)
    assert found["icc1"].value == pytest.approx(1)


def test_one_reading_each_says_nothing_of_retest() -> None:
    found = retest(np.ones((50, 1)), SIX)
    assert found["same"].value is None
    assert found["same"].reason == "0 rows judged more than once: below 30"


# ---- length ------------------------------------------------------------------------------------------------------


def test_the_length_slope_is_that_of_statsmodels_with_robust_errors() -> None:
    random = draw()
    human = random.integers(1, 7, 300).astype(float)
    words = np.round(np.exp(random.normal(5, 0.5, 300)))
    system = human + 0.4 * np.log2(words / 150) + random.normal(0, 0.6, 300)
    slope, p = length_slope(human, system, words)
    design = np.column_stack([np.log2(words), *(human == level for level in range(1, 7))]).astype(float)
    theirs = sm.OLS(system - human, design).fit(cov_type="HC1")
    assert slope.value == pytest.approx(theirs.params[0], abs=1e-9)
    assert (slope.high - slope.low) / 2 / 1.959964 == pytest.approx(theirs.bse[0], rel=1e-6)  # type: ignore[operator]
    assert p is not None
    assert p < 1e-6


# ---- halo --------------------------------------------------------------------------------------------------------


def test_a_judge_with_one_impression_has_a_halo() -> None:
    random = draw()
    human = random.normal(3, 1, (200, 3))
    impression = human.mean(axis=1, keepdims=True)
    found = halo(human, impression + random.normal(0, 0.1, (200, 3)), replicates=50)
    assert found["human_between"].value == pytest.approx(0, abs=0.15)
    assert found["halo"].low > 0.7  # type: ignore[operator]
    assert halo(human[:, :1], human[:, :1])["halo"].reason == "one criterion has no other to colour"


# ---- confidence --------------------------------------------------------------------------------------------------


def confident(n: int = 600, honest: bool = True, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    random = draw(seed)
    confidence = np.round(random.beta(4, 2, n), 2)
    right = (random.random(n) < (confidence if honest else confidence**3)).astype(float)
    return confidence, right


def test_ranking_and_brier_are_scikit_learns() -> None:
    confidence, right = confident()
    assert auroc(confidence, right) == pytest.approx(roc_auc_score(right, confidence), abs=1e-12)
    figures = confidence_figures(confidence, right, replicates=20)
    assert figures["brier"].value == pytest.approx(brier_score_loss(right, confidence), abs=1e-12)


def test_ece_worked_by_hand() -> None:
    # Two bins: ten at .9 of which 7 are right, ten at .5 of which 5 are: .5 * .2 + .5 * 0.
    confidence = np.repeat([0.9, 0.5], 10)
    right = np.array([1.0] * 7 + [0.0] * 3 + [1.0] * 5 + [0.0] * 5)
    assert [(one.confidence, one.right, one.n) for one in bins(confidence, right, 2)] == [
        (0.5, 0.5, 10),
        (0.9, 0.7, 10),
    ]
    assert ece(confidence, right) == pytest.approx(0.1)


def test_an_honest_judge_has_no_ece_beyond_chance_and_a_boaster_has() -> None:
    honest, boaster = (confidence_figures(*confident(honest=one), replicates=20) for one in (True, False))
    assert honest["ece"].value > 0.01  # type: ignore[operator]
    assert honest["ece_debiased"].value < 0.02  # type: ignore[operator]
    assert boaster["ece_debiased"].value > 0.1  # type: ignore[operator]


def test_ties_are_released_together() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.5])
    right = np.array([1.0, 0.0, 1.0, 0.0])
    curve = risk_coverage(confidence, right)
    assert [(one.threshold, one.coverage, one.risk) for one in curve] == [
        (0.9, 0.75, pytest.approx(1 / 3)),
        (0.5, 1.0, 0.5),
    ]
    # Within the tie each is wrong with 1/3: risks 1/3, 1/3, 1/3, 1/2.
    assert aurc(confidence, right) == pytest.approx((1 / 3 * 3 + 1 / 2) / 4)


# ---- recalibration -----------------------------------------------------------------------------------------------


def test_proportional_odds_are_those_of_statsmodels() -> None:
    random = draw()
    x = random.normal(0, 1, 400)
    place = np.digitize(1.3 * x + random.logistic(0, 1, 400), [-1, 0, 1.5])
    cuts, slope = proportional_odds(x, place)
    theirs = OrderedModel(place, x[:, None], distr="logit").fit(method="bfgs", disp=False)
    assert slope == pytest.approx(theirs.params[0], abs=1e-3)
    assert cuts == pytest.approx(theirs.model.transform_threshold_params(theirs.params[1:])[1:-1], abs=2e-3)


def test_recalibration_mends_a_severe_judge_and_says_what_it_costs() -> None:
    random = draw()
    truth = random.normal(3.5, 1.1, 800)
    human = np.clip(np.rint(truth + random.normal(0, 0.5, 800)), 1, 6)
    system = truth - 0.8 + random.normal(0, 0.5, 800)
    found = recalibrated(human, system, SIX, replicates=50)
    assert found["before"]["bias"].value < -0.6  # type: ignore[operator]
    for kind in ("isotonic", "ordinal"):
        assert found[kind]["bias"].value == pytest.approx(0, abs=0.06)
        assert found[kind]["rmse"].value < found["before"]["rmse"].value  # type: ignore[operator]
        assert found[kind]["sd_ratio"].value < found["before"]["sd_ratio"].value  # type: ignore[operator]
        assert found[kind]["qwk_change"].low is not None


def test_recalibration_never_sees_the_scores_it_is_looked_at_with() -> None:
    """Human scores that are noise can't be learnt: fitted on all of them, isotonic regression would find something."""
    random = draw()
    human, system = random.integers(1, 7, 300).astype(float), random.normal(3.5, 1, 300)
    found = recalibrated(human, system, SIX, replicates=20)
    assert found["isotonic"]["rmse"].value > human.std()  # type: ignore[operator]


# ---- conformal ---------------------------------------------------------------------------------------------------


def test_the_half_width_is_an_order_statistic() -> None:
    assert half_width(np.arange(1.0, 20.0), 0.1) == 18  # ceil(20 * .9) = 18th of 19
    assert math.isinf(half_width(np.arange(1.0, 9.0), 0.1))


def test_conformal_intervals_hold_in_each_prompt_also_where_one_is_harder() -> None:
    random, covered = draw(), []
    for _ in range(60):
        prompts = np.repeat(np.array(["easy", "hard"], dtype=object), 80)
        human = random.normal(3, 1, 160)
        system = human + random.normal(0, 1, 160) * np.where(prompts == "hard", 2.0, 0.3)
        found = conformal(human, system, prompts, seed=int(random.integers(1000)))
        assert found["hard"].half_width.value > 3 * found["easy"].half_width.value  # type: ignore[operator]
        covered.append([found[name].coverage.value for name in ("easy", "hard")])
    for share in np.mean(np.array(covered, dtype=float), axis=0):
        assert share + 0.01 >= 0.9
        assert share <= 0.95


# ---- the alternative annotator test ------------------------------------------------------------------------------


def raters(judge_noise: float, n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    random = draw(5)
    truth = random.normal(3.5, 1.2, n)
    table = np.stack([np.clip(np.rint(truth + random.normal(0, 0.8, n)), 1, 6) for _ in range(3)], axis=1)
    return table, np.clip(np.rint(truth + random.normal(0, judge_noise, n)), 1, 6)


def test_a_better_judge_beats_the_raters_and_a_random_one_none() -> None:
    names = ("a", "b", "c")
    good, bad = alt_test(*raters(0.3), names), alt_test(*raters(4.0), names)
    assert [one.passed for one in good.outcomes] == [True] * 4
    assert [one.winning_rate for one in bad.outcomes] == [0.0] * 4
    assert good.advantage is not None
    assert bad.advantage is not None
    assert good.advantage > 0.7 > bad.advantage


def test_wins_worked_by_hand() -> None:
    # Rater a against the others (b, c = 3 and 3): the judge says 3, a says 1 on 40 responses and 3 on 20.
    table = np.array([[1.0, 3.0, 3.0]] * 40 + [[3.0, 3.0, 3.0]] * 20)
    found = alt_test(table, np.full(60, 3.0), ("a", "b", "c"), "accuracy")
    # Against a the judge wins all 60; against b and c (others a and 3, or 3 and 3) it ties on all 60.
    assert found.advantage == pytest.approx(1.0)
    assert found.outcomes[0].p["a"] < 1e-6
    assert found.outcomes[0].p["b"] == 0.0  # never behind: the difference is 0, below epsilon without doubt


def test_benjamini_yekutieli_by_hand() -> None:
    # m = 3, harmonic 11/6: bounds .0091, .0182, .0273.
    assert benjamini_yekutieli([0.02, 0.009, 0.03], 0.05) == [False, True, False]
    assert benjamini_yekutieli([0.02, 0.009, 0.027], 0.05) == [True, True, True]


def test_too_few_common_responses_have_no_verdict() -> None:
    table, judge = raters(0.3, 20)
    found = alt_test(table, judge, ("a", "b", "c"))
    assert (found.outcomes, found.reason) == ((), "no rater shares 30 responses")


# ---- class means -------------------------------------------------------------------------------------------------


def test_class_means_are_those_of_ppi_python() -> None:
    """ppi-python 0.2.3 on the same numbers; with a good judge its weight is cut to 1."""
    at = np.arange(60)
    human, others = (at * 7 % 11) % 6 * 1.0, ((np.arange(400) * 13) % 17) * 0.25
    good = class_mean(human, human * 0.7 + ((at * 5) % 7) * 0.3, others)
    assert good.weight == 1
    assert [good.both.value, good.both.low, good.both.high] == pytest.approx([1.7725, 1.54521279, 1.99978721], abs=1e-7)
    fair = class_mean(human, human * 0.3 + ((at * 5) % 7) * 1.0, others)
    assert 0 < fair.weight < 1  # type: ignore[operator]
    assert [fair.both.value, fair.both.low, fair.both.high] == pytest.approx(
        [1.65840512, 1.25454842, 2.06226182], abs=1e-7
    )


def test_ppi_covers_where_the_judge_alone_does_not() -> None:
    random, covered = draw(), {"both": 0, "people": 0, "judge": 0}
    widths = []
    for _ in range(300):
        truth = random.normal(3, 1, 1000)
        judge = truth + 0.2 + random.normal(0, 0.4, 1000)
        found = class_mean(truth[:100], judge[:100], judge[100:])
        for name in covered:
            figure = getattr(found, name)
            covered[name] += figure.low <= 3 <= figure.high
        widths.append((found.both.high - found.both.low) / (found.people.high - found.people.low))  # type: ignore[operator]
    assert covered["both"] / 300 >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300)
    assert covered["judge"] / 300 < 0.1
    assert np.mean(widths) < 0.75

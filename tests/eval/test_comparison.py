"""Two judges on the same rows, against other libraries and in worlds where the truth is known."""

import numpy as np
import pytest
from scipy.stats import wilcoxon
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar

from eval.comparison import Both, compare, mcnemar, rank_test, with_holm
from eval.metrics import Scores, Settings, judge_figures
from eval.prompts import within_prompts
from eval.scale import Scale

SIX = Scale(1, 6)


def judges(n: int, first: float, second: float, seed: int, prompts: int = 1) -> Both:
    """Two judges with errors of these sizes on responses to prompts that lie apart."""
    random = np.random.default_rng(seed)
    prompt = np.arange(n) % prompts
    truth = random.normal(3.5, 1, n) + 0.5 * prompt
    human = np.clip(np.rint(truth + random.normal(0, 0.5, n)), 1, 6)
    one, two = (SIX.trim(truth + random.normal(0, noise, n)) for noise in (first, second))
    rounded = np.column_stack([human, SIX.round(one), SIX.round(two)])
    return Both(human, one, two, rounded, None, prompt)


def test_mcnemar_is_that_of_statsmodels() -> None:
    random = np.random.default_rng(3)
    first, second = random.random(200) < 0.6, random.random(200) < 0.5
    table = [[(first & second).sum(), (first & ~second).sum()], [(~first & second).sum(), (~first & ~second).sum()]]
    found = mcnemar(first, second)
    assert found["p"] == pytest.approx(their_mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert (found["only_first"], found["only_second"]) == (table[0][1], table[1][0])


def test_wilcoxon_is_that_of_scipy_and_two_that_never_differ_have_one() -> None:
    random = np.random.default_rng(4)
    first, second = random.random(100), random.random(100) + 0.1
    theirs = wilcoxon(first - second, zero_method="pratt", method="asymptotic").pvalue
    assert rank_test(first, second)["p"] == pytest.approx(theirs)
    assert rank_test(first, first)["p"] == 1.0


def test_the_difference_is_that_of_the_two_judges_own_figures() -> None:
    both = judges(400, 0.3, 0.9, 1)
    found = compare(both, Settings(SIX, 100))
    each = [judge_figures(Scores(both.human, system), Settings(SIX, 0)) for system in (both.first, both.second)]
    for name in ("qwk", "qwk_raw", "pearson", "rmse", "exact"):
        apart = each[0][name].value - each[1][name].value  # type: ignore[operator]
        assert found.differences[name].value == pytest.approx(apart, abs=1e-12), name


def test_of_several_prompts_the_mean_difference_is_told() -> None:
    both = judges(400, 0.3, 0.9, 1, prompts=4)
    found = compare(both, Settings(SIX, 50))
    each = []
    for prompt in range(4):
        rows = both.prompt == prompt
        kappas = [
            judge_figures(Scores(both.human[rows], one[rows]), Settings(SIX, 0))["qwk"].value
            for one in (both.first, both.second)
        ]
        each.append(kappas[0] - kappas[1])  # type: ignore[operator]
    assert found.differences["qwk"].value == pytest.approx(np.mean(each), abs=1e-12)


def test_equal_judges_are_rarely_told_apart() -> None:
    """In 200 worlds with equal judges: one verdict of a better one in twenty is what the intervals promise."""
    worlds, wrong = 200, 0
    for seed in range(worlds):
        found = compare(judges(150, 0.5, 0.5, seed), Settings(SIX, 200, seed), margin=0.0)
        wrong += found.verdict not in ("not shown", "tied")
    assert wrong / worlds <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / worlds)


def test_a_pair_shows_what_two_intervals_beside_each_other_hide() -> None:
    """Judges that err alike: their own intervals overlap, their difference is shown all the same."""
    random = np.random.default_rng(2)
    truth = random.normal(3.5, 1, 600)
    human = np.clip(np.rint(truth + random.normal(0, 0.5, 600)), 1, 6)
    shared = truth + random.normal(0, 0.6, 600)
    one, two = SIX.trim(shared), SIX.trim(shared + random.normal(0, 0.35, 600))
    found = compare(Both(human, one, two, np.column_stack([human, SIX.round(one), SIX.round(two)])), Settings(SIX, 400))
    each = [judge_figures(Scores(human, system), Settings(SIX, 400))["qwk"] for system in (one, two)]
    assert each[1].high > each[0].low  # type: ignore[operator]
    assert found.differences["qwk"].low > 0  # type: ignore[operator]


@pytest.mark.parametrize(("n", "why"), [(20, "below 30"), (60, "no verdict below 100")])
def test_few_rows_have_no_verdict(n: int, why: str) -> None:
    found = compare(judges(n, 0.1, 2.0, 1), Settings(SIX, 50))
    assert found.verdict == "not shown"
    assert why in (found.reason or "")


def test_every_test_is_adjusted_for_how_many_criteria_there_are() -> None:
    found = with_holm({name: compare(judges(200, 0.3, 0.6, seed), Settings(SIX, 50)) for seed, name in enumerate("ab")})
    for one in found.values():
        for test in ("mcnemar", "wilcoxon"):
            assert one[test]["p"] <= one[test]["p_holm"] <= 2 * one[test]["p"] + 1e-12


def test_agreement_within_prompts_counts_no_difference_between_them() -> None:
    """Ten prompts that lie far apart, and a judge that knows nothing but the prompt."""
    random = np.random.default_rng(1)
    prompt = np.repeat(np.arange(25), 24)
    human = np.clip(np.rint(1 + prompt / 5 + random.normal(0, 0.7, 600)), 1, 6)
    knows_only_the_prompt = 1 + prompt / 5 + random.normal(0, 0.7, 600)
    scores = Scores(human, knows_only_the_prompt, stratum=prompt)
    assert judge_figures(scores, Settings(SIX, 0))["qwk"].value > 0.6  # type: ignore[operator]
    within = within_prompts(scores, Settings(SIX, 200))["qwk_within"]
    assert within.low < 0 < within.high  # type: ignore[operator]

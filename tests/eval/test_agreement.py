"""Agreement figures against scikit-learn and against tables worked by hand."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from eval.agreement import (
    adjacent_agreement,
    cohen_kappa,
    exact_agreement,
    gwet_ac2,
    linear_weighted_kappa,
    ordinal_alpha,
    quadratic_weighted_kappa,
)

RNG = np.random.default_rng(11)


def two_raters(n: int = 400, levels: int = 6) -> tuple[np.ndarray, np.ndarray]:
    truth = RNG.normal(levels / 2, 1.4, n)
    first, second = (np.clip(np.rint(truth + RNG.normal(0, 0.8, n)), 1, levels) for _ in range(2))
    return first, second


@pytest.mark.parametrize("levels", [2, 3, 6, 12])
def test_kappas_are_those_of_scikit_learn(levels: int) -> None:
    human, system = two_raters(levels=levels)
    scale = list(range(1, levels + 1))
    for ours, weights in (
        (cohen_kappa(human, system), None),
        (linear_weighted_kappa(human, system, 1, levels), "linear"),
        (quadratic_weighted_kappa(human, system, 1, levels), "quadratic"),
    ):
        theirs = cohen_kappa_score(human.astype(int), system.astype(int), labels=scale, weights=weights)
        assert ours == pytest.approx(theirs, abs=1e-12)


# By hand: pairs (1,1) (2,2) (3,3) (1,2): exact 3/4; marginals human 2,1,1 and system 1,2,1 of 4.
# Chance: (2*1 + 1*2 + 1*1) / 16 = 5/16; kappa (12 - 5) / (16 - 5) = 7/11.
# Linear: observed 1/4; expected (2*2*1 + 2*1*2 + 1*1*1 + 1*1*1 + 1*1*2 + 1*2*1) / 16 = 14/16; 1 - 4/14 = 5/7.
# Quadratic: means 7/4 and 2, variances 11/16 and 1/2, covariance 16/4 - 7/4 * 2 = 1/2.
HUMAN, SYSTEM = [1, 2, 3, 1], [1, 2, 3, 2]


def test_a_table_worked_by_hand() -> None:
    assert exact_agreement(HUMAN, SYSTEM) == 0.75
    assert adjacent_agreement(HUMAN, SYSTEM) == 1.0
    assert cohen_kappa(HUMAN, SYSTEM) == pytest.approx(7 / 11)
    assert linear_weighted_kappa(HUMAN, SYSTEM, 1, 3) == pytest.approx(5 / 7)
    # 2 * 1/2 / (11/16 + 1/2 + 1/16)
    assert quadratic_weighted_kappa(HUMAN, SYSTEM, 1, 3) == pytest.approx(4 / 5)


def test_ac2_worked_by_hand() -> None:
    # shares of 1, 2, 3 in the pooled scores: 3/8, 3/8, 1/4, so the sum of p(1 - p) is 21/32.
    # quadratic weights 1, 3/4, 0: their sum 3 + 4 * 3/4 = 6, over q(q - 1) = 6 is 1: chance 21/32, agreement 15/16.
    assert gwet_ac2(HUMAN, SYSTEM, [1, 2, 3]) == pytest.approx((15 / 16 - 21 / 32) / (1 - 21 / 32))
    # ordinal weights 1, 2/3, 0: sum 3 + 4 * 2/3 = 17/3; agreement 11/12.
    chance = 17 / 18 * 21 / 32
    assert gwet_ac2(HUMAN, SYSTEM, [1, 2, 3], "ordinal") == pytest.approx((11 / 12 - chance) / (1 - chance))


def alpha_by_definition(human: list[int], system: list[int]) -> float:
    """Krippendorff's definition, loop by loop, with the coincidences of all pairable values."""
    values = sorted({*human, *system})
    count = {value: (human + system).count(value) for value in values}

    def apart(low: int, high: int) -> float:
        low, high = min(low, high), max(low, high)
        between = sum(count[value] for value in values if low <= value <= high)
        return (between - (count[low] + count[high]) / 2) ** 2

    n = len(human) + len(system)
    observed = sum(apart(a, b) * 2 for a, b in zip(human, system, strict=True)) / n
    expected = sum(count[a] * count[b] * apart(a, b) for a in values for b in values) / (n * (n - 1))
    return 1 - observed / expected


def test_ordinal_alpha_is_its_definition() -> None:
    human, system = two_raters(60)
    assert ordinal_alpha(human, system) == pytest.approx(alpha_by_definition(list(human), list(system)), abs=1e-12)
    assert ordinal_alpha(HUMAN, SYSTEM) == pytest.approx(alpha_by_definition(HUMAN, SYSTEM), abs=1e-12)


def test_a_constant_judge_has_no_agreement_beyond_chance() -> None:
    assert quadratic_weighted_kappa([1, 2, 3, 4], [2, 2, 2, 2], 1, 4) == 0
    assert cohen_kappa([1, 2, 3, 4], [2, 2, 2, 2]) == 0


@pytest.mark.parametrize("figure", [cohen_kappa, ordinal_alpha])
def test_two_constants_that_agree_are_undefined(figure: Callable[[list[int], list[int]], float]) -> None:
    assert math.isnan(figure([2, 2, 2], [2, 2, 2]))


def test_a_score_off_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="human score 7 lies outside the scale 1 to 6"):
        quadratic_weighted_kappa([1, 7], [1, 2], 1, 6)


def test_lists_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 human scores stand against 2"):
        exact_agreement([1, 2, 3], [1, 2])

"""Agreement on a course's few pairs, against another maker's figures, and silence where there are too few."""

import random

import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from eval.agreement import quadratic_weighted_kappa
from rubrics.agreement import _student, agreement


def pairs(n: int, seed: int = 1) -> list[tuple[int, int]]:
    draw = random.Random(seed)
    made = []
    for _ in range(n):
        first = draw.randint(0, 4)
        made.append((first, min(4, max(0, first + draw.choice((-1, 0, 0, 0, 1, 1))))))
    return made


def test_the_kappa_is_that_of_others() -> None:
    found = agreement(pairs(64), 4)
    first, second = zip(*pairs(64), strict=True)
    assert found.qwk is not None
    assert found.qwk.value == pytest.approx(
        cohen_kappa_score(first, second, weights="quadratic", labels=range(5)), abs=1e-12
    )
    assert found.qwk.value == pytest.approx(quadratic_weighted_kappa(first, second, 0, 4), abs=1e-12)


def test_shares_the_table_and_the_difference() -> None:
    made = pairs(64)
    found = agreement(made, 4)
    assert sum(map(sum, found.table)) == found.n == 64
    assert found.exact is not None
    assert found.exact.value == sum(i == j for i, j in made) / 64
    assert found.adjacent is not None
    assert found.adjacent.value == 1.0
    assert found.adjacent.high == 1.0
    mean = stats.ttest_rel([j for _, j in made], [i for i, _ in made])
    low, high = mean.confidence_interval()
    assert found.difference is not None
    assert (found.difference.low, found.difference.high) == (
        pytest.approx(low, abs=1e-3),
        pytest.approx(high, abs=1e-3),
    )


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    whole = agreement(pairs(20_000, seed=9), 4).qwk
    assert whole is not None
    held = 0
    for seed in range(120):
        found = agreement(pairs(60, seed=seed + 100), 4).qwk
        assert found is not None
        assert found.low is not None
        assert found.high is not None
        held += found.low <= whole.value <= found.high
    assert held / 120 > 0.88


@pytest.mark.parametrize(("n", "given"), [(9, 0), (10, 1), (29, 1), (30, 4)])
def test_few_pairs_carry_few_figures(n: int, given: int) -> None:
    found = agreement(pairs(n), 4)
    assert found.n == n
    assert sum(one is not None for one in (found.exact, found.adjacent, found.qwk, found.difference)) == given


def test_one_level_only_has_no_kappa_and_the_same_pairs_the_same_interval() -> None:
    assert agreement([(2, 2)] * 40, 4).qwk is None
    assert agreement(pairs(40), 4) == agreement(list(reversed(pairs(40))), 4)


def test_a_level_off_the_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="0 to 4"):
        agreement([(5, 1)], 4)


@pytest.mark.parametrize("freedom", [9, 20, 63, 400])
def test_students_point(freedom: int) -> None:
    assert _student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=2e-3)

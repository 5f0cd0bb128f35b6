"""The mean over prompts: its interval is about these prompts, a second one about prompts like them."""

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from eval.figure import Figure
from eval.prompts import crosses_prompts, mean_of_prompts


def kappas(values: list[float], half: float) -> dict[str, dict[str, Figure]]:
    """Prompts with a QWK each, all as sure as one another."""
    return {f"p{at}": {"qwk": Figure.of(value, value - half, value + half, 100)} for at, value in enumerate(values)}


def test_the_interval_for_prompts_like_these_is_students() -> None:
    values = [0.61, 0.72, 0.58, 0.8, 0.69, 0.75]
    found = mean_of_prompts(kappas(values, 0.05))["qwk_other_prompts"]
    known = ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((known.low, known.high), abs=1e-12)
    assert found.n == 6


def test_four_prompts_say_nothing_of_others() -> None:
    found = mean_of_prompts(kappas([0.6, 0.7, 0.65, 0.7], 0.05))["qwk_other_prompts"]
    assert found.value == pytest.approx(0.6625)
    assert (found.low, found.reason) == (None, "no interval: 4 prompts say too little of others; 5 do")


def test_where_prompts_differ_only_the_second_interval_covers_what_others_would_give() -> None:
    """Prompts' true kappas lie around .70 with an SD of .08, each is known to .02; what is asked is the .70."""
    random = np.random.default_rng(3)
    these = others = 0
    for _ in range(400):
        seen = random.normal(0.7, 0.08, 8) + random.normal(0, 0.02, 8)
        found = mean_of_prompts(kappas(seen.tolist(), 1.96 * 0.02))
        for name in ("qwk", "qwk_other_prompts"):
            hit = (found[name].low or 1) <= 0.7 <= (found[name].high or 0)
            these, others = these + (hit and name == "qwk"), others + (hit and name != "qwk")
    assert these / 400 < 0.5
    assert abs(others / 400 - 0.95) < 3 * (0.95 * 0.05 / 400) ** 0.5


def test_students_who_answered_several_prompts_widen_the_interval() -> None:
    """All prompts err together when the same few students are drawn: four prompts are then no more than one."""
    apart, together = (mean_of_prompts(kappas([0.7] * 4, 0.1), shared=one)["qwk"] for one in (False, True))
    assert (apart.low, together.low) == (pytest.approx(0.65), pytest.approx(0.6))


@pytest.mark.parametrize(
    ("students", "crosses"), [([0, 0, 1, 1], False), ([0, 1, 2, 3], False), ([0, 1, 0, 1], True), ([0, 1, 2, 0], True)]
)
def test_who_answered_several_prompts_is_seen(students: list[int], crosses: bool) -> None:
    assert crosses_prompts(np.array(students), np.array([0, 0, 1, 1])) is crosses
    assert not crosses_prompts(None, np.array([0, 0, 1, 1]))

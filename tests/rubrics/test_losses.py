"""What counts as a loss: declared in a word, the same for the eval harness and for the tool."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from eval.scale import Scale
from rubrics.losses import POINTS, Loss, LossError, ScoreScale

SIX = ScoreScale(minimum=1, maximum=6, step=1)


@pytest.mark.parametrize(
    ("written", "judge", "people", "lost"),
    [
        ("any", 3.4, [3], False),
        ("any", 3.6, [3], True),
        ("any", 2.5, [2], False),  # a score halfway goes to the even level
        ("any", 3.5, [3], True),
        ("steps:2", 4.4, [3], False),
        ("steps:2", 5, [3], True),
        ("steps:2", 1, [3], True),
        ("off:1.5", 4.4, [3], False),
        ("off:1.5", 4.5, [3], True),
        ("over:1", 4, [3], True),
        ("over:1", 2, [3], False),
        ("outside", 4, [3, 5], False),
        ("outside", 6, [3, 5], True),
        ("outside", 2.4, [3, 5], True),
    ],
)
def test_a_loss_of_scores(written: str, judge: float, people: list[float], lost: bool) -> None:
    assert Loss.named(written).of_scores(judge, people, SIX) is lost


def test_a_loss_of_sheets_looks_at_every_criterion() -> None:
    judge = {"claim": 3, "retry": 1}
    assert Loss.named("criteria:2").of_sheets(judge, {"claim": 3, "retry": 3})
    assert not Loss.named("criteria:2").of_sheets(judge, {"claim": 2, "retry": 2})


@pytest.mark.parametrize(
    "written", ["", "some", "steps", "steps:x", "steps:0", "steps:1.5", "any:2", "off:-1", "off:nan"]
)
def test_what_is_no_loss_is_refused_with_the_list(written: str) -> None:
    with pytest.raises(LossError, match="there are: any, steps:X, off:X, over:X, outside, criteria:X"):
        Loss.named(written)


def test_a_loss_that_does_not_fit_what_it_is_given_says_so() -> None:
    with pytest.raises(LossError, match="needs two people"):
        Loss.named("outside").of_scores(3, [3], SIX)
    with pytest.raises(LossError, match="only scores"):
        Loss.named("criteria:1").of_scores(3, [3], SIX)
    with pytest.raises(LossError, match="not sheets"):
        Loss.named("off:5").of_sheets({"claim": 1}, {"claim": 1})


@pytest.mark.parametrize("written", ["any", "steps:2", "off:7.5", "over:1", "outside", "criteria:2"])
def test_a_loss_is_read_as_it_was_written(written: str) -> None:
    assert Loss.named(written).written == written


@given(
    score=some.floats(-2, 9, allow_nan=False).map(lambda value: round(value, 3)),
    scale=some.sampled_from([(1, 6, 1), (0, 4, 0.5), (0.5, 5.5, 1), (5, 30, 1), (0, 100, 1)]),
)
def test_levels_are_rounded_as_the_metrics_round(score: float, scale: tuple[float, float, float]) -> None:
    low, high, step = scale
    rounded = float(Scale(low, high, step).round(np.array([score]))[0])
    assert ScoreScale(minimum=low, maximum=high, step=step).level(score) == round((rounded - low) / step)


def test_points_go_from_zero_to_a_hundred() -> None:
    assert (POINTS.level(-3), POINTS.level(74.6), POINTS.level(140)) == (0, 75, 100)

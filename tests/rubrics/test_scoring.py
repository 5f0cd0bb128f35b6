from pathlib import Path

import pytest

from rubrics.model import Rubric, load_rubric
from rubrics.scoring import LessonScore, criterion_points, display, item_points, lesson_points

ESSAY = load_rubric("durable-workflows-essay")
TAKE = load_rubric("durable-workflows-q1")
DRAWING = load_rubric("durable-workflows-drawing")
TINY = load_rubric(Path(__file__).parent / "tiny.yaml")
ANCHORS = [
    ((4, 4, 4, 4, 4, 4, 4), 100),
    ((2, 3, 2, 3, 3, 3, 3), 68.75),
    ((1, 1, 0, 1, 1, 0, 2), 21.25),
    ((0, 0, 0, 0, 0, 0, 0), 0),
]


def _levels(rubric: Rubric, levels: tuple[int | None, ...]) -> dict[str, int | None]:
    return dict(zip((criterion.id for criterion in rubric.criteria), levels, strict=True))


@pytest.mark.parametrize(("levels", "points"), ANCHORS)
def test_the_essay_anchors(levels: tuple[int, ...], points: float) -> None:
    assert item_points(ESSAY, _levels(ESSAY, levels)) == points


@pytest.mark.parametrize(
    ("levels", "tenths"),
    [((4, 4, 2), 10), ((3, 2, 2), 7), ((1, 1, 2), 4), ((1, 0, 1), 2), ((3, 4, 2), 9), ((1, 2, 2), 5)],
)
def test_the_hot_take_anchors(levels: tuple[int, ...], tenths: int) -> None:
    assert item_points(TAKE, _levels(TAKE, levels)) == 10 * tenths


def test_a_missing_level_gives_no_points_at_all() -> None:
    assert item_points(TAKE, {"hit": 4, "edge": None, "form": 2}) is None
    assert item_points(TAKE, {"hit": 4, "form": 2}) is None


def test_a_drawing_needs_its_graph_points() -> None:
    levels = _levels(DRAWING, (4, 2, 1))
    assert item_points(DRAWING, levels, 55) == 80  # 55 + 14 + 9 + 2
    assert item_points(DRAWING, levels, 0) == 25
    assert item_points(DRAWING, levels) is None


def test_one_criterion() -> None:
    assert criterion_points(ESSAY.criterion("retry"), 3) == 11.25
    assert criterion_points(TINY.criterion("b"), 1) == 40


@pytest.mark.parametrize("level", [-1, 5, 1.0, True])
def test_a_level_that_does_not_exist(level: int) -> None:
    with pytest.raises(ValueError, match="has the levels 0 to 4"):
        criterion_points(ESSAY.criterion("retry"), level)


def test_what_belongs_to_another_rubric_is_refused() -> None:
    with pytest.raises(ValueError, match="no criterion claim"):
        item_points(TAKE, {"hit": 4, "edge": 4, "form": 2, "claim": 1})
    with pytest.raises(ValueError, match="no graph points"):
        item_points(TAKE, {"hit": 4, "edge": 4, "form": 2}, 60)


def test_a_lesson_adds_up_exactly() -> None:
    weights = {"vocabulary": 0, "q1": 10, "q2": 10, "essay": 50, "drawing": 30}
    score = lesson_points(weights, {"q1": 70, "q2": 90, "essay": 68.75, "drawing": 80})
    assert score == LessonScore(74.38, 100, {"q1": 7, "q2": 9, "essay": 34.38, "drawing": 24})  # 74.375


def test_thirds_do_not_drift() -> None:
    weights = dict.fromkeys(range(10), 10)
    score = lesson_points({str(item): w for item, w in weights.items()}, {str(item): 0.1 for item in weights})
    assert score is not None
    assert score.given == 0.1


def test_rounding_is_half_to_even() -> None:
    assert [display(points) for points in (0.125, 0.135, 0.145, 74.0, 11.25, 0, -0.001)] == [
        "0.12", "0.14", "0.14", "74", "11.25", "0", "0",
    ]  # fmt: skip


def test_a_weighted_item_is_waited_for_and_practice_is_not() -> None:
    assert lesson_points({"a": 60, "b": 40}, {"a": 50}) is None
    assert lesson_points({"a": 60, "b": 40}, {"a": 50, "b": None}) is None
    assert lesson_points({"a": 100, "b": 0}, {"a": 50}) == LessonScore(50, 100, {"a": 50})


@pytest.mark.parametrize("points", [float("nan"), float("inf"), -1, 101, True])
def test_points_that_are_none(points: float) -> None:
    with pytest.raises(ValueError):
        lesson_points({"a": 100}, {"a": points})


def test_weights_sum_to_one_hundred() -> None:
    with pytest.raises(ValueError, match="sum to 90"):
        lesson_points({"a": 60, "b": 30}, {"a": 1, "b": 1})
    with pytest.raises(ValueError):
        lesson_points({"a": float("nan"), "b": 30}, {"a": 1, "b": 1})
    with pytest.raises(ValueError):
        display(float("inf"))

"""Figures of a whole table: against other libraries, by hand, and the rules for few and for constant scores."""

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from eval.figure import Figure, rows_of
from eval.metrics import AGREEMENT, Scores, Settings, agreement_figures, human_figures, judge_figures
from eval.pairs import Floats
from eval.prmse import prmse
from eval.scale import Scale

SIX = Settings(Scale(1, 6), replicates=60)
SHARES = ("exact", "adjacent")
KAPPAS = ("kappa", "linear_kappa", "qwk", "qwk_raw", "alpha", "icc21", "pearson", "spearman", "ac2", "ac2_ordinal")
WITHOUT_SHIFT = ("bias", "smd", "smd_pooled", "sd_ratio", "mae", "rmse", "r2", *SHARES, *KAPPAS)


def made(n: int = 300, seed: int = 3) -> Scores:
    """Two raters and a judge who share a truth."""
    random = np.random.default_rng(seed)
    truth = random.normal(3.5, 1.1, n)
    first, second = (np.clip(np.rint(truth + random.normal(0, 0.6, n)), 1, 6) for _ in range(2))
    return Scores(first, np.clip(truth + random.normal(0.2, 0.5, n), 0.6, 6.4), second)


def values(figures: dict[str, Figure]) -> dict[str, float | None]:
    return {name: figure.value for name, figure in figures.items()}


def test_figures_are_those_of_scikit_learn_and_scipy() -> None:
    scores = made()
    human, system = scores.human, scores.system
    found = values(judge_figures(scores, SIX))
    assert found["pearson"] == pytest.approx(pearsonr(human, system).statistic, abs=1e-12)
    assert found["spearman"] == pytest.approx(spearmanr(human, system).statistic, abs=1e-12)
    assert found["r2"] == pytest.approx(r2_score(human, system), abs=1e-12)
    assert found["mae"] == pytest.approx(mean_absolute_error(human, system), abs=1e-12)
    assert found["rmse"] == pytest.approx(math.sqrt(mean_squared_error(human, system)), abs=1e-12)


def test_icc_is_the_analysis_of_variance_of_shrout_and_fleiss() -> None:
    scores = made(40)
    table = np.column_stack([scores.human, scores.system])
    n, raters = table.shape
    grand = table.mean()
    of_rows = raters * ((table.mean(axis=1) - grand) ** 2).sum()
    of_raters = n * ((table.mean(axis=0) - grand) ** 2).sum()
    residual = (((table - grand) ** 2).sum() - of_rows - of_raters) / ((n - 1) * (raters - 1))
    of_rows, of_raters = of_rows / (n - 1), of_raters / (raters - 1)
    icc = (of_rows - residual) / (of_rows + (raters - 1) * residual + raters * (of_raters - residual) / n)
    assert agreement_figures(scores, SIX)["icc21"].value == pytest.approx(icc, abs=1e-12)


def test_prmse_with_two_ratings_each_worked_by_hand() -> None:
    # Ratings 1,3 2,2 4,6: each response's variance 2, 0, 2, so the raters' variance is 4/3. Means 2, 2, 5, grand mean
    # 3: sum of squares 2 * (1 + 1 + 4) = 12, less 2 * 4/3, over 6 - 12/6 = 4: true variance 7/3. The judge says
    # 2, 3, 5: squared errors 2 * 1 = 2, less 3 * 4/3, over 6: -1/3. So 1 + 1/3 over 7/3 = 8/7.
    assert prmse([2, 3, 5], [[1, 3], [2, 2], [4, 6]]) == pytest.approx(8 / 7)


def test_prmse_takes_blanks_and_needs_some_pairs() -> None:
    assert math.isfinite(prmse([2, 3, 5, 4], [[1, 3], [2, 2], [4, 6], [5, math.nan]]))
    assert math.isnan(prmse([1, 2, 3], [[1, math.nan], [2, math.nan], [3, math.nan]]))


def test_ceilings_follow_from_the_humans_reliability() -> None:
    found = human_figures(made(3000), SIX)
    reliability = found["icc21"].value
    assert reliability is not None
    assert found["ceiling_one_rater"].value == pytest.approx(2 * reliability / (1 + reliability))
    assert found["human_like_mean"].value == pytest.approx(2 / (2 + (1 - reliability) / reliability * 1.5))
    low, high = found["ceiling_mean"].low, found["ceiling_mean"].high
    assert low is not None
    assert high is not None
    assert low < found["ceiling_mean"].value < high  # type: ignore[operator]


def test_degradation_is_on_the_rows_that_have_both_humans() -> None:
    scores = made(400)
    assert scores.human2 is not None
    half = scores.human2.copy()
    half[200:] = np.nan
    partly = judge_figures(replace(scores, human2=half), SIX)["degradation"]
    alone = judge_figures(scores.chosen(np.arange(400) < 200), SIX)["degradation"]
    assert partly.value == pytest.approx(alone.value)
    assert partly.n == 200


# ---- properties ------------------------------------------------------------------------------------------------

score_lists = st.lists(st.tuples(*[st.integers(1, 6)] * 3), min_size=30, max_size=60)


def from_list(rows: list[tuple[int, int, int]]) -> Scores:
    human, system, second = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    return Scores(human, system, second)


QUICK = Settings(Scale(1, 6), replicates=0)


@settings(max_examples=60, deadline=None)
@given(score_lists)
def test_bounds(rows: list[tuple[int, int, int]]) -> None:
    for name, value in values(judge_figures(from_list(rows), QUICK)).items():
        if value is None:
            continue
        assert math.isfinite(value), name
        if name in SHARES:
            assert 0 <= value <= 1
        if name in KAPPAS:
            assert -1 - 1e-9 <= value <= 1 + 1e-9 or name in ("ac2", "ac2_ordinal"), name
        assert value <= 1 + 1e-9 or name not in ("r2", "ac2", "ac2_ordinal")


@settings(max_examples=40, deadline=None)
@given(score_lists, st.randoms(use_true_random=False))
def test_the_order_of_rows_means_nothing(rows: list[tuple[int, int, int]], shuffler: Any) -> None:
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    before, after = values(judge_figures(from_list(rows), QUICK)), values(judge_figures(from_list(shuffled), QUICK))
    for name, value in before.items():
        assert (value is None) == (after[name] is None), name
        assert value is None or value == pytest.approx(after[name], rel=1e-9, abs=1e-9), name


@settings(max_examples=40, deadline=None)
@given(score_lists)
def test_agreement_is_symmetric(rows: list[tuple[int, int, int]]) -> None:
    scores = from_list(rows)
    one = values(agreement_figures(scores, QUICK))
    other = values(agreement_figures(replace(scores, human=scores.system, system=scores.human), QUICK))
    for name in (*SHARES, *KAPPAS):
        assert one[name] == pytest.approx(other[name], abs=1e-9), name


@settings(max_examples=40, deadline=None)
@given(score_lists, st.integers(-40, 40))
def test_a_shift_of_the_scale_changes_no_agreement(rows: list[tuple[int, int, int]], shift: int) -> None:
    scores = from_list(rows)
    moved = Scores(scores.human + shift, scores.system + shift)
    one = values(agreement_figures(scores, QUICK))
    other = values(agreement_figures(moved, Settings(Scale(1 + shift, 6 + shift), 0)))
    for name in WITHOUT_SHIFT:
        assert one[name] == pytest.approx(other[name], abs=1e-7), name


def test_scores_far_from_zero_lose_no_digits() -> None:
    scores = made()
    far = replace(scores, human=scores.human + 1e6, system=scores.system + 1e6, human2=None)
    near = values(agreement_figures(scores, QUICK))["qwk_raw"]
    moved = values(agreement_figures(far, Settings(Scale(1 + 1e6, 6 + 1e6), 0)))["qwk_raw"]
    assert moved == pytest.approx(near, abs=1e-8)


# ---- few, constant, missing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "shown"), [(0, set()), (1, set()), (9, set()), (10, {"bias"}), (29, {"bias"})])
def test_few_rows_show_little_and_say_why(n: int, shown: set[str]) -> None:
    found = judge_figures(made(300).chosen(np.arange(300) < n), SIX)
    assert found["n"].value == n
    assert {name for name, figure in found.items() if figure.value is not None} - {"n"} == shown
    assert all(rows_of(n) in (found[name].reason or "") for name in AGREEMENT if name not in shown)


def test_thirty_rows_show_every_figure_with_its_interval() -> None:
    found = judge_figures(made(30), SIX)
    assert {name for name, figure in found.items() if figure.low is None} == {"n"}


def test_a_constant_judge() -> None:
    found = judge_figures(replace(made(), system=np.full(300, 3.0)), SIX)
    assert found["qwk"].value == 0
    assert found["sd_ratio"].value == 0
    for name in ("pearson", "spearman"):
        assert found[name].value is None
        assert found[name].reason == "the system scores are all the same"


def test_two_constant_raters() -> None:
    found = judge_figures(Scores(np.full(40, 3.0), np.full(40, 3.0)), SIX)
    assert found["exact"].value == 1
    assert found["qwk"].reason == "both raters give everybody the same score"
    json.dumps({name: figure.as_json() for name, figure in found.items()}, allow_nan=False)


def test_a_judge_that_is_the_human() -> None:
    scores = made()
    found = judge_figures(replace(scores, system=scores.human), SIX)
    for name in ("exact", "qwk", "qwk_raw", "pearson", "spearman", "kappa", "icc21", "alpha"):
        assert found[name].value == pytest.approx(1)
    assert found["rmse"].value == 0


# ---- rounding ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "scores", "expected"),
    [
        (Scale(1, 6), [1.5, 2.5, 3.5, 0.2, 6.6, 0.5, 6.5], [2, 2, 4, 1, 6, 1, 6]),
        (Scale(1, 6, rounding="half-up"), [1.5, 2.5, 3.5], [2, 3, 4]),
        (Scale(0, 1, 0.25), [0.1, 0.125, 0.375, 0.99], [0, 0, 0.5, 1]),
        (Scale(1, 5, 0.5), [1.2, 1.25, 4.9], [1, 1, 5]),
    ],
)
def test_rounding(scale: Scale, scores: list[float], expected: list[float]) -> None:
    assert list(scale.round(np.array(scores))) == expected


# ---- intervals ---------------------------------------------------------------------------------------------------


WORLDS, ROWS = 120, 120


@pytest.fixture(scope="module")
def worlds() -> list[dict[str, Figure]]:
    """Figures of small samples from one population."""
    return [judge_figures(made(ROWS, seed), Settings(Scale(1, 6), 200, seed)) for seed in range(WORLDS)]


@pytest.fixture(scope="module")
def population() -> dict[str, Figure]:
    """The same figures of a very large sample."""
    return judge_figures(made(200_000, seed=10_000), Settings(Scale(1, 6), 0))


@pytest.mark.parametrize(
    "name",
    ["exact", "adjacent", "kappa", "qwk", "qwk_raw", "pearson", "spearman", "smd", "ac2", "prmse", "degradation"],
)
def test_intervals_cover_the_truth_about_nineteen_times_in_twenty(
    name: str, worlds: list[dict[str, Figure]], population: dict[str, Figure]
) -> None:
    truth = population[name].value
    assert truth is not None
    share = np.mean([found[name].low <= truth <= found[name].high for found in worlds])  # type: ignore[operator]
    slack = 3 * math.sqrt(0.95 * 0.05 / WORLDS)
    assert 0.95 - slack <= share


def test_blocks_of_rows_give_the_interval_that_rows_give(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = made(12_000)
    asked = Settings(Scale(1, 6), replicates=1000)
    blocks = agreement_figures(scores, asked)["qwk_raw"]
    monkeypatch.setattr("eval.intervals.MOST_ROWS", 20_000)
    rows = agreement_figures(scores, asked)["qwk_raw"]
    assert blocks.value == pytest.approx(rows.value, abs=1e-12)
    assert width(blocks) == pytest.approx(width(rows), rel=0.1)
    assert blocks.low != rows.low


def test_cells_give_the_interval_that_rows_give(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = made(1500)
    whole = Scores(scores.human, np.rint(scores.system))
    asked = Settings(Scale(1, 6), replicates=1000)
    cells = agreement_figures(whole, asked)["qwk_raw"]
    monkeypatch.setattr("eval.intervals.ROWS_PER_CELL", 10**9)
    rows = agreement_figures(whole, asked)["qwk_raw"]
    assert cells.value == pytest.approx(rows.value, abs=1e-12)
    assert width(cells) == pytest.approx(width(rows), rel=0.1)


def test_clusters_widen_the_interval_when_their_rows_are_alike() -> None:
    scores = made(200)
    often: Floats = np.repeat(np.arange(200), 5)
    copied = Scores(scores.human[often], scores.system[often])
    asked = Settings(Scale(1, 6), replicates=500)
    naive = agreement_figures(copied, asked)["qwk"]
    honest = agreement_figures(replace(copied, cluster=often), asked)["qwk"]
    assert width(honest) == pytest.approx(math.sqrt(5) * width(naive), rel=0.15)


def width(figure: Figure) -> float:
    assert figure.low is not None
    assert figure.high is not None
    return figure.high - figure.low

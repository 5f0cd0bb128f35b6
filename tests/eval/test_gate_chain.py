"""The chain of tests behind a gate, against SciPy's exact binomial and tables worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.stats import binomtest

from eval.errors import EvalError
from eval.gate_calibration import Sample, calibrate, held_groups, more_labels
from eval.gate_chain import (
    Promise,
    chain,
    p_value,
    passing_size,
    released_at,
    thresholds_of,
    upper_bound,
    weights_of,
)

TENTH = Promise(0.1, 0.1)


@given(n=some.integers(1, 400), share=some.floats(0, 1), alpha=some.floats(0.01, 0.5))
def test_p_values_are_the_exact_binomial_tests(n: int, share: float, alpha: float) -> None:
    losses = round(share * n)
    expected = binomtest(losses, n, alpha, alternative="less").pvalue
    assert float(p_value(losses, n, alpha)) == pytest.approx(expected, rel=1e-9)


@given(n=some.integers(1, 400), share=some.floats(0, 1), level=some.floats(0.01, 0.2))
def test_the_bound_is_clopper_and_pearsons(n: int, share: float, level: float) -> None:
    losses = round(share * n)
    interval = binomtest(losses, n, alternative="less").proportion_ci(1 - level, "exact")
    assert upper_bound(losses, n, level) == pytest.approx(interval.high, rel=1e-8)


def test_nothing_released_shows_nothing() -> None:
    assert float(p_value(0, 0, 0.1)) == 1.0
    assert upper_bound(0, 0, 0.1) == 1.0


@pytest.mark.parametrize(
    ("alpha", "delta", "size"),
    [(0.1, 0.1, 22), (0.05, 0.1, 45), (0.05, 0.05, 59), (0.02, 0.05, 149), (0.01, 0.05, 299)],
)
def test_how_many_without_a_loss_show_a_risk(alpha: float, delta: float, size: int) -> None:
    assert passing_size(0, alpha, delta) == size
    assert float(p_value(0, size - 1, alpha)) > delta


def test_tied_confidences_stay_together() -> None:
    confidences = np.array([0.9] * 60 + [0.5] * 30 + [0.1] * 10)
    thresholds = thresholds_of(confidences)
    assert thresholds.tolist() == [0.9, 0.5, 0.1]
    assert released_at(confidences, thresholds).tolist() == [60, 90, 100]


@given(some.lists(some.floats(0, 1), min_size=1, max_size=300))
def test_thresholds_are_at_most_twenty_and_the_last_releases_everything(values: list[float]) -> None:
    confidences = np.array(values)
    thresholds = thresholds_of(confidences)
    assert 1 <= len(thresholds) <= 20
    assert np.all(np.diff(thresholds) < 0)
    assert released_at(confidences, thresholds)[-1] == len(values)


def test_few_labels_get_one_start_and_many_get_four() -> None:
    def starts(n: int) -> list[tuple[int, float]]:
        released = np.arange(1, 21) * n // 20
        weights = weights_of([released], TENTH, n)
        return [(int(released[at]), float(weights[at])) for at in np.flatnonzero(weights)]

    assert starts(200) == [(60, 1.0)]
    assert starts(500) == [(50, 0.25), (150, 0.25), (275, 0.25), (400, 0.25)]
    assert starts(40) == []


def test_a_chain_stops_at_its_first_failure_and_the_next_start_begins_anew() -> None:
    weights = np.array([0.5, 0, 0.5, 0])
    passed, levels = chain(np.array([0.04, 0.2, 0.04, 0.05]), weights, 0.1)
    assert passed.tolist() == [True, False, True, True]
    assert levels.tolist() == [0.05, 0.05, 0.05, 0.05]


def test_what_a_chain_holds_is_passed_on_to_the_next_start() -> None:
    weights = np.array([0.5, 0, 0.5, 0])
    passed, levels = chain(np.array([0.04, 0.05, 0.09, 0.1]), weights, 0.1)
    assert passed.all()
    assert levels.tolist() == [0.05, 0.05, 0.1, 0.1]


def test_no_level_ever_exceeds_delta() -> None:
    random = np.random.default_rng(3)
    weights = random.dirichlet(np.ones(20), size=500)
    _, levels = chain(random.random((500, 20)) / 20, weights, 0.1)
    assert levels.max() <= 0.1 + 1e-12


# ---- a whole calibration -----------------------------------------------------------------------------------------


def sample(n: int, lost: list[int], **more: object) -> Sample:
    """n responses, most confident first; `lost` are the places of the losses."""
    confidence = np.linspace(1, 0.5, n)
    flags = np.zeros(n, dtype=np.bool_)
    flags[lost] = True
    return Sample(confidence, flags, thresholds_of(confidence), **more)  # type: ignore[arg-type]


def test_a_judge_without_losses_is_let_through_whole() -> None:
    found = calibrate(sample(200, []), TENTH)
    assert (found.threshold, found.released, found.losses, found.share) == (0.5, 200, 0, 1.0)
    assert found.bound == pytest.approx(1 - 0.1 ** (1 / 200))


def test_losses_among_the_unsure_end_the_chain_before_them() -> None:
    found = calibrate(sample(200, list(range(150, 200, 2))), TENTH)
    assert found.threshold is not None
    assert 140 <= found.released < 190
    assert found.bound is not None
    assert found.bound <= 0.1


def test_a_gate_that_is_not_shown_stays_closed_and_says_by_what() -> None:
    found = calibrate(sample(200, list(range(0, 200, 5))), TENTH)
    assert found.threshold is None
    assert found.why.startswith("Not shown: of the 60 most confident (all responses), 12 are losses;")


def test_too_few_labels_say_how_many_are_needed() -> None:
    found = calibrate(sample(40, []), TENTH)
    assert found.threshold is None
    assert found.why == "Too few labels: a risk of 10% can be tested from 52 released responses on, and there are 40."
    assert more_labels(40) == "40 rows labelled: label 60 more; with so few most gates stay closed"
    assert more_labels(100) is None


def test_what_the_judge_did_not_score_is_never_released() -> None:
    confidence = np.concatenate([np.linspace(1, 0.5, 200), np.full(50, np.nan)])
    found = calibrate(Sample(confidence, np.zeros(250, dtype=np.bool_), thresholds_of(confidence)), TENTH)
    assert (found.labelled, found.released, found.share) == (250, 200, 0.8)


def languages(n: int, every: int) -> np.ndarray:
    """Every so many responses are in another language."""
    return np.array(["en" if place % every else "es" for place in range(n)], dtype=object)


def test_a_group_that_fails_closes_the_gate_for_all() -> None:
    groups = {"language": languages(400, 4)}
    lost = [place for place in range(400) if place % 4 == 0][3::6]  # a sixth of one group, a twenty-fourth of all
    assert calibrate(sample(400, lost), TENTH).threshold is not None
    found = calibrate(sample(400, lost, groups=groups), TENTH)
    assert found.threshold is None
    assert "(language es)" in found.why


def test_a_group_too_small_to_be_shown_is_held_until_somebody_signs() -> None:
    gates = {"essay": calibrate(sample(400, [], groups={"language": languages(400, 40)}), TENTH)}
    [held] = held_groups(gates, {})
    assert (held.column, held.value, held.accepted_by) == ("language", "es", "")
    assert held.why == "not shown: 10 rows among the released, and nothing can be shown below 22"
    [signed] = held_groups(gates, {("language", "es"): "Ines"})
    assert signed.accepted_by == "Ines"


def test_a_group_that_is_signed_for_need_not_pass() -> None:
    lost = [place for place in range(400) if place % 4 == 0][3::6]
    groups = {"language": languages(400, 4)}
    assert calibrate(sample(400, lost, groups=groups), TENTH, [("language", "es")]).threshold is not None


@pytest.mark.parametrize(("alpha", "delta"), [(0, 0.1), (1, 0.1), (0.1, 0), (0.1, 1.5), (float("nan"), 0.1)])
def test_a_promise_is_two_shares(alpha: float, delta: float) -> None:
    with pytest.raises(EvalError, match="is a share between 0 and 1"):
        Promise(alpha, delta)


@given(seed=some.integers(0, 10_000))
def test_the_order_of_the_rows_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    confidence, lost = random.random(150), random.random(150) < 0.03
    order = random.permutation(150)
    first, second = (
        calibrate(Sample(confidence[rows], lost[rows], thresholds_of(confidence)), TENTH)
        for rows in (np.arange(150), order)
    )
    assert first == second

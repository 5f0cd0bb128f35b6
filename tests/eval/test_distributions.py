"""Our few distribution functions beside scipy's."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some
from scipy import special

from eval.distributions import beta_share, f_tail, noncentral_f_excess, noncentral_f_share, t_quantile

FREEDOM = some.one_of(some.integers(1, 60), some.integers(60, 60_000))


@given(a=some.floats(0.5, 30_000), b=some.floats(0.5, 30_000), x=some.floats(0, 1))
def test_the_incomplete_beta_function(a: float, b: float, x: float) -> None:
    assert beta_share(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-12)


@given(between=some.integers(1, 200), within=FREEDOM, f=some.floats(0, 60))
def test_the_tail_of_f(between: int, within: int, f: float) -> None:
    assert f_tail(between, within, f) == pytest.approx(special.fdtrc(between, within, f), rel=1e-8, abs=1e-14)


@given(freedom=some.integers(1, 60_000), share=some.floats(0.6, 0.999))
def test_quantiles_of_t(freedom: int, share: float) -> None:
    assert t_quantile(freedom, share) == pytest.approx(special.stdtrit(freedom, share), rel=1e-9)


@given(between=some.integers(1, 200), within=FREEDOM, excess=some.integers(0, 300_000), f=some.floats(0.01, 30))
def test_the_noncentral_f(between: int, within: int, excess: int, f: float) -> None:
    expected = special.ncfdtr(between, within, excess / 100, f)
    assume(not math.isnan(expected))  # scipy gives up far out in the tails
    assert noncentral_f_share(between, within, excess / 100, f) == pytest.approx(expected, rel=1e-7, abs=1e-10)


@given(
    between=some.integers(1, 40), within=some.integers(5, 60_000), f=some.floats(1, 40), share=some.floats(0.01, 0.6)
)
def test_the_excess_puts_its_share_below(between: int, within: int, f: float, share: float) -> None:
    excess = noncentral_f_excess(between, within, share, f)
    if excess == 0:
        assert special.fdtr(between, within, f) <= share + 1e-9
    else:
        assert special.ncfdtr(between, within, excess, f) == pytest.approx(share, abs=1e-7)

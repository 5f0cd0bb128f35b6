"""The few distribution functions that `eval metrics` needs, without scipy: importing it would take as long as the rest.

They agree with scipy's to nine digits (`tests/eval/test_distributions.py`).
"""

import math
from collections.abc import Callable

import numpy as np

TINY = 1e-300
MOST_STEPS = 20_000


def beta_share(a: float, b: float, x: float, rest: float | None = None) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22).

    `rest` is 1 - x, where the caller knows it better than a difference would.
    """
    rest = 1 - x if rest is None else rest
    if x <= 0 or rest <= 0:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_share(b, a, rest, x)
    logs = a * math.log(x) + b * math.log(rest) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return min(1.0, math.exp(logs) / a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction by Lentz' method, as modified by Thompson and Barnett (1986)."""
    c, d = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, MOST_STEPS):
        for factor in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / _away(1 + factor * d), _away(1 + factor / c)
            value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away(value: float) -> float:
    return value if abs(value) > TINY else TINY


def f_tail(between: float, within: float, f: float) -> float:
    """P(F > f) with these degrees of freedom."""
    whole = within + between * f
    return beta_share(within / 2, between / 2, within / whole, between * f / whole) if f > 0 else 1.0


def t_quantile(freedom: float, share: float) -> float:
    """The t that a share above one half lies below."""
    tail = 2 * (1 - share)

    def beyond(t: float) -> float:
        whole = freedom + t * t
        return beta_share(freedom / 2, 0.5, freedom / whole, t * t / whole)

    return _root(lambda t: beyond(t) - tail)


def noncentral_f_share(between: float, within: float, excess: float, f: float) -> float:
    """P(F' <= f) of the noncentral F: central ones, weighted by a Poisson of half the excess (Patnaik 1949)."""
    half = excess / 2
    x = between * f / (within + between * f)
    spread = 12 * math.sqrt(half) + 40
    low, high = max(0, math.floor(half - spread)), math.ceil(half + spread)
    a, b = between / 2 + np.arange(low, high + 1), within / 2
    # I_x(a, b) from the largest a down: each step adds x^a (1 - x)^b / (a B(a, b)), which is never below zero.
    first = a[0] * math.log(x) + b * math.log1p(-x) - math.log(a[0])
    first += math.lgamma(a[0] + b) - math.lgamma(a[0]) - math.lgamma(b)
    steps = first + np.concatenate([[0.0], np.cumsum(np.log(x * (a[:-1] + b) / (a[:-1] + 1)))])
    top = beta_share(float(a[-1]), b, x)
    shares = top + np.concatenate([np.cumsum(np.exp(steps[:-1])[::-1])[::-1], [0.0]])
    count = np.arange(low, high + 1)
    weights = -half + count * math.log(half) if half > 0 else np.where(count == 0, 0.0, -np.inf)
    if half > 0:
        logs = math.lgamma(low + 1) + np.concatenate([[0.0], np.cumsum(np.log(count[1:]))])
        weights = weights - logs
    return float(np.minimum(shares, 1.0) @ np.exp(weights))


def noncentral_f_excess(between: float, within: float, share: float, f: float) -> float:
    """The excess at which F' lies at or below f with this probability; 0 where it does so less often without any."""
    if f <= 0 or 1 - f_tail(between, within, f) <= share:
        return 0.0
    return _root(lambda excess: noncentral_f_share(between, within, excess, f) - share)


def _root(falling: Callable[[float], float]) -> float:
    """Where a falling function that starts above zero is zero."""
    low, high = 0.0, 1.0
    while falling(high) > 0:
        low, high = high, high * 2
    for _ in range(100):
        middle = (low + high) / 2
        if high - low <= 1e-12 * high or middle in (low, high):
            break
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2

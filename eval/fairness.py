"""Does the judge treat groups as people do: DSM per group, and what group membership explains of its errors.

DSM is the mean of system z minus human z in a group, both standardised on all rows (rsmtool). OSA, OSD and CSD regress
the squared error, the error, and the error given the human score on the group (Loukina, Madnani & Zechner 2019,
https://aclanthology.org/W19-4401): adjusted R², or its gain, with the largest group as base. Ordinary least squares
throughout, as in rsmtool, on sums over the cells of group and human score.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.distributions import f_tail, noncentral_f_excess, t_quantile
from eval.figure import Figure, rows_of
from eval.intervals import CONFIDENCE, Z
from eval.pairs import Floats, places_of

Labels = NDArray[np.object_]
FLOOR = 30
MODELS = ("osa", "osd", "csd")


@dataclass(frozen=True)
class Fit:
    """A least-squares fit: coefficients with their standard errors, and sums of squares."""

    coefficients: Floats
    errors: Floats
    residual: float
    total: float
    n: int
    rank: int

    @property
    def freedom(self) -> int:
        """Residual degrees of freedom."""
        return self.n - self.rank

    @property
    def adjusted_r2(self) -> float:
        """Share of variance explained, less what as many random groups would explain."""
        if self.total <= 1e-12 or self.freedom <= 0:
            return np.nan
        return float(1 - (self.residual / self.freedom) / (self.total / (self.n - 1)))


def dsm(human: Floats, system: Floats, labels: Labels) -> dict[str, Figure]:
    """DSM of each group with its delta-method interval, which also counts the means and SDs as estimated."""
    values, place = places_of(labels)
    n = len(human)
    sds = (human.std(ddof=1), system.std(ddof=1)) if n > 1 else (0.0, 0.0)
    if min(sds) < 1e-12:
        why = "the scores of one rater are all the same"
        return {value: Figure.missing(int((place == at).sum()), why) for at, value in enumerate(values)}
    zh, zs = (human - human.mean()) / sds[0], (system - system.mean()) / sds[1]
    return {value: _dsm_of_group(zh, zs, place == at) for at, value in enumerate(values)}


def _dsm_of_group(zh: Floats, zs: Floats, chosen: NDArray[np.bool_]) -> Figure:
    count, n = int(chosen.sum()), len(zh)
    if count < FLOOR:
        return Figure.missing(count, f"{rows_of(count)}: no figure of a group below {FLOOR}")
    apart = zs - zh
    value, mean_h, mean_s = apart[chosen].mean(), zh[chosen].mean(), zs[chosen].mean()
    influence = chosen * (apart - value) * (n / count) - apart
    influence += mean_h * (zh**2 - 1) / 2 - mean_s * (zs**2 - 1) / 2
    spread = Z * np.sqrt(np.mean(influence**2) / n)
    return Figure.of(float(value), float(value - spread), float(value + spread), count)


def error_models(human: Floats, system: Floats, labels: Labels) -> dict[str, dict[str, Any]]:
    """OSA, OSD and CSD as JSON: adjusted R² (CSD: its gain) with p, and each group's difference from the base."""
    values, place = places_of(labels)
    counts = np.bincount(place, minlength=len(values))
    base = values[int(np.argmax(counts))] if values else ""
    if len(values) < 2 or counts.sum() < FLOOR:
        why = "one group only" if len(values) < 2 else f"{rows_of(counts.sum())}: below {FLOOR}"
        return {name: Figure.missing(int(counts.sum()), why).as_json() | {"p": None, "base": base} for name in MODELS}
    order = [base, *(value for value in values if value != base)]
    group = np.array([order.index(value) for value in values])[place]
    score = np.unique(human, return_inverse=True)[1]
    error = system - human
    nothing = np.zeros_like(score)
    sizes = {value: int((group == place).sum()) for place, value in enumerate(order)}
    found = {}
    for name, outcome in (("osa", error**2), ("osd", error)):
        fit = least_squares(outcome, group, nothing)
        found[name] = _r2_json(fit, len(order) - 1) | _coefficients(fit, sizes, base)
    null, full = least_squares(error, nothing, score), least_squares(error, group, score)
    found["csd"] = _gain_json(null, full) | _coefficients(full, sizes, base)
    return found


def least_squares(outcome: Floats, group: NDArray[np.int64], score: NDArray[np.int64]) -> Fit:
    """Regress on an intercept, group dummies and score dummies (the first of each is the base)."""
    groups, scores = int(group.max()) + 1, int(score.max()) + 1
    cell = group * scores + score
    count = np.bincount(cell, minlength=groups * scores).astype(np.float64)
    mean = outcome.mean()
    total = np.bincount(cell, weights=outcome - mean, minlength=groups * scores)
    of_group, of_score = np.divmod(np.arange(groups * scores), scores)
    design = np.column_stack(
        [
            np.ones(groups * scores),
            *(of_group == place for place in range(1, groups)),
            *(of_score == place for place in range(1, scores)),
        ]
    )
    inverse = np.linalg.pinv(design.T @ (design * count[:, None]), hermitian=True)
    coefficients = inverse @ (design.T @ total)
    squares = float(((outcome - mean) ** 2).sum())
    residual = max(0.0, squares - float(coefficients @ (design.T @ total)))
    rank = int(np.linalg.matrix_rank(design[count > 0]))
    n = len(outcome)
    variance = residual / (n - rank) if n > rank else np.nan
    errors = np.sqrt(np.maximum(np.diag(inverse) * variance, 0))
    coefficients[0] += mean
    return Fit(coefficients, errors, residual, squares, n, rank)


def _r2_json(fit: Fit, groups: int) -> dict[str, Any]:
    """Adjusted R² with the interval of R² from the noncentral F (Steiger 2004, doi:10.1037/1082-989X.9.2.164)."""
    if np.isnan(fit.adjusted_r2) or fit.residual <= 1e-12:
        return Figure.missing(fit.n, "the errors are all the same").as_json() | {"p": None}
    f = (fit.total - fit.residual) / groups / (fit.residual / fit.freedom)
    tail = (1 - CONFIDENCE) / 2
    excesses = [noncentral_f_excess(groups, fit.freedom, share, f) for share in (1 - tail, tail)]
    shares = [excess / (excess + fit.n) for excess in excesses]
    value = fit.adjusted_r2
    figure = Figure.of(value, min(value, shares[0]), max(value, shares[1]), fit.n)
    return figure.as_json() | {"p": f_tail(groups, fit.freedom, f)}


def _gain_json(null: Fit, full: Fit) -> dict[str, Any]:
    """What the group adds to adjusted R² beside the human score, with the p of the F test of both models."""
    gained = full.rank - null.rank
    if np.isnan(full.adjusted_r2) or full.residual <= 1e-12 or gained <= 0:
        return Figure.missing(full.n, "the group adds nothing that can be estimated").as_json() | {"p": None}
    f = max(0.0, null.residual - full.residual) / gained / (full.residual / full.freedom)
    value = full.adjusted_r2 - null.adjusted_r2
    figure = Figure(value, None, None, full.n, "no interval for a difference of adjusted R²")
    return figure.as_json() | {"p": f_tail(gained, full.freedom, f)}


def _coefficients(fit: Fit, sizes: dict[str, int], base: str) -> dict[str, Any]:
    """Each group's difference from the base, with its t interval; groups below 30 rows aren't shown."""
    width = t_quantile(fit.freedom, (1 + CONFIDENCE) / 2) if fit.freedom > 0 else np.nan
    groups: dict[str, Any] = {}
    for place, (value, count) in enumerate(sizes.items()):
        if place == 0:
            continue
        estimate, spread = float(fit.coefficients[place]), width * float(fit.errors[place])
        figure = (
            Figure.of(estimate, estimate - spread, estimate + spread, count)
            if count >= FLOOR
            else Figure.missing(count, f"{rows_of(count)}: no figure of a group below {FLOOR}")
        )
        groups[value] = figure.as_json()
    return {"base": base, "groups": groups}

"""Setting a judge's scores right on some of the labels and looking on the others: what bias it mends, what it costs.

Isotonic regression, and a proportional-odds model whose expected level is the new score. Both draw scores to the
middle, so the kappa of rounded scores often falls while the error falls: both are told.
"""

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from eval.agreement import quadratic_kappa
from eval.figure import Figure, rows_of
from eval.moments import bias, root_mean_squared_error, sd_ratio, smd
from eval.pairs import Floats, Pairs, Places
from eval.resampling import Values, resampled
from eval.scale import Scale

FOLDS = 5
LEAST = 100
NAMES = ("bias", "smd", "rmse", "sd_ratio", "qwk")
Fit = Callable[[Floats, Floats, Floats], Floats]


def recalibrated(
    human: Floats, system: Floats, scale: Scale, *, replicates: int = 500, seed: int = 0
) -> dict[str, dict[str, Figure]]:
    """Figures `before`, after `isotonic` and after `ordinal` recalibration by five folds, and what QWK each costs."""
    known = ~(np.isnan(human) | np.isnan(system))
    human, system = human[known], scale.trim(system[known])
    n = len(human)
    if n < LEAST:
        why = f"{rows_of(n)}: below {LEAST}"
        return {kind: dict.fromkeys(NAMES, Figure.missing(n, why)) for kind in ("before", "isotonic", "ordinal")}
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    scores = {
        "before": system,
        "isotonic": cross_fitted(human, system, fold, isotonic),
        "ordinal": cross_fitted(human, system, fold, lambda x, y, new: ordinal(x, y, new, scale)),
    }

    def of(rows: Places) -> Values:
        found: dict[str, float] = {}
        for kind, given in scores.items():
            found |= {f"{kind} {name}": value for name, value in _figures(human[rows], given[rows], scale).items()}
        for kind in ("isotonic", "ordinal"):
            found[f"{kind} qwk_change"] = found[f"{kind} qwk"] - found["before qwk"]
        return found

    figures = resampled(of, n, replicates=replicates, seed=seed)
    told: dict[str, dict[str, Figure]] = {}
    for name, figure in figures.items():
        kind, _, own = name.partition(" ")
        told.setdefault(kind, {})[own] = figure
    return told


def _figures(human: Floats, system: Floats, scale: Scale) -> dict[str, float]:
    raw = Pairs.of(human, system)
    rounded = Pairs.of(scale.round(human), scale.round(system))
    statistics = {"bias": bias, "smd": smd, "rmse": root_mean_squared_error, "sd_ratio": sd_ratio}
    found = {name: float(statistic(raw)[0]) for name, statistic in statistics.items()}
    return found | {"qwk": float(quadratic_kappa(rounded)[0])}


def cross_fitted(human: Floats, system: Floats, fold: Places, fit: Fit) -> Floats:
    """New scores of each fold by a fit on the others."""
    found = np.empty(len(human))
    for one in np.unique(fold):
        held = fold == one
        found[held] = fit(system[~held], human[~held], system[held])
    return found


def isotonic(system: Floats, human: Floats, new: Floats) -> Floats:
    """The rising function of least squared error."""
    model = IsotonicRegression(out_of_bounds="clip").fit(system, human)
    return np.asarray(model.predict(new), dtype=np.float64)


def ordinal(system: Floats, human: Floats, new: Floats, scale: Scale) -> Floats:
    """The expected level of a proportional-odds model (McCullagh 1980)."""
    rounded = scale.round(human)
    levels, place = np.unique(rounded, return_inverse=True)
    if len(levels) < 2:
        return np.full(len(new), levels[0])
    centre, spread = system.mean(), system.std() or 1.0
    cuts, slope = proportional_odds((system - centre) / spread, place)
    below = expit(cuts[None, :] - slope * ((new - centre) / spread)[:, None])
    shares = np.diff(np.column_stack([np.zeros(len(new)), below, np.ones(len(new))]), axis=1)
    return np.asarray(shares @ levels, dtype=np.float64)


def proportional_odds(x: Floats, place: Places) -> tuple[Floats, float]:
    """Cut points and slope of P(y <= k) = expit(cut k - slope x) of greatest likelihood, y from 0."""
    size = int(place.max()) + 1
    shares = np.cumsum(np.bincount(place, minlength=size))[:-1] / len(place)
    first = np.log(shares / (1 - shares))
    start = np.concatenate([[first[0]], np.log(np.maximum(np.diff(first), 1e-3)), [1.0]])

    def cuts_of(parameters: Floats) -> Floats:
        return np.concatenate([parameters[:1], parameters[:1] + np.cumsum(np.exp(parameters[1:-1]))])

    def loss(parameters: Floats) -> float:
        cuts = np.concatenate([[-np.inf], cuts_of(parameters), [np.inf]])
        at = parameters[-1] * x
        probability = expit(cuts[place + 1] - at) - expit(cuts[place] - at)
        return float(-np.log(np.maximum(probability, 1e-300)).sum()) + 1e-6 * float(parameters[-1] ** 2)

    found = minimize(loss, start, method="L-BFGS-B", bounds=[(None, None), *[(-12.0, 6.0)] * (size - 2), (-50.0, 50.0)])
    return cuts_of(found.x), float(found.x[-1])

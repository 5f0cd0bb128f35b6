"""Halo: does one impression colour all of a judge's criteria, more than people's do?"""

import numpy as np

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.metrics import missing
from eval.pairs import Floats, Places
from eval.resampling import Values, resampled

NAMES = ("judge_between", "human_between", "halo", "error_between")


def halo(human: Floats, system: Floats, *, replicates: int = 500, seed: int = 0) -> dict[str, Figure]:
    """Mean correlation between criteria in the judge's and in people's scores, each of shape (responses, criteria).

    `halo` is the judge's minus people's; `error_between` the mean correlation of the judge's errors on two criteria.
    Rows with every score of both.
    """
    known = ~(np.isnan(human).any(axis=1) | np.isnan(system).any(axis=1))
    human, system = human[known], system[known]
    n, criteria = human.shape
    if criteria < 2:
        return missing(NAMES, "one criterion has no other to colour", n)
    if n < NO_INTERVAL_BELOW:
        return missing(NAMES, f"{rows_of(n)} with every score: below {NO_INTERVAL_BELOW}", n)

    def of(rows: Places) -> Values:
        judge, people = _between(system[rows]), _between(human[rows])
        return {
            "judge_between": judge,
            "human_between": people,
            "halo": judge - people,
            "error_between": _between(system[rows] - human[rows]),
        }

    return resampled(of, n, replicates=replicates, seed=seed, reason="a criterion is the same for everybody")


def _between(scores: Floats) -> float:
    """Mean correlation of the columns, two by two; columns that are constant are left out."""
    varied = scores[:, scores.std(axis=0) > 1e-12]
    if varied.shape[1] < 2:
        return float("nan")
    table = np.atleast_2d(np.corrcoef(varied, rowvar=False))
    return float(table[np.triu_indices(len(table), 1)].mean())

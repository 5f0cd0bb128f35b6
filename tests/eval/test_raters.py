"""Several raters with blanks, against published tables."""

import numpy as np
import pytest

from eval.pairs import Floats
from eval.raters import ac2_of, alpha_of, icc_of

NO = np.nan
# Gwet (2014), Handbook of Inter-Rater Reliability: 12 subjects, 4 raters, 5 categories, with blanks.
GWET = np.array(
    [
        *([1, 1, NO, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4]),
        *([4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [NO, 5, 5, 5], [NO, NO, 1, 1], [NO, NO, 3, NO]),
    ]
)
LEVELS = np.arange(1, 6, dtype=np.float64)
# Shrout & Fleiss (1979), table 2: 6 targets, 4 judges; their ICC(2,1) is .29 and ICC(2,4) .62.
SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float)


def once(rows: Floats) -> Floats:
    return np.ones((1, len(rows)))


def test_alpha_and_ac2_with_blanks() -> None:
    """krippendorff 0.9.0 and irrCAC 0.4.4, which also gives the AC1 of .77544 that Gwet prints for this table."""
    assert alpha_of(GWET, once(GWET))[0] == pytest.approx(0.8153875037548814, abs=1e-12)
    assert ac2_of(GWET, LEVELS, once(GWET))[0] == pytest.approx(0.914, abs=5e-6)
    assert ac2_of(GWET, LEVELS, once(GWET), None, "ordinal")[0] == pytest.approx(0.89894, abs=5e-6)


def test_icc_of_a_published_table() -> None:
    one, mean = icc_of(SHROUT, once(SHROUT), np.arange(6))
    assert one[0] == pytest.approx(0.289764, abs=1e-6)
    assert mean[0] == pytest.approx(0.620051, abs=1e-6)


def test_a_row_that_counts_twice_is_the_row_written_twice() -> None:
    weights = np.ones((1, len(GWET)))
    weights[0, 3] = 2
    written = np.vstack([GWET, GWET[3]])
    assert alpha_of(GWET, weights) == pytest.approx(alpha_of(written, once(written)))
    assert ac2_of(GWET, LEVELS, weights) == pytest.approx(ac2_of(written, LEVELS, once(written)))
    twice = np.vstack([SHROUT, SHROUT[0]])
    weights = np.array([[2.0, 1, 1, 1, 1, 1]])
    assert icc_of(SHROUT, weights, np.arange(6))[0] == pytest.approx(icc_of(twice, once(twice), np.arange(7))[0])


def test_alpha_against_krippendorffs_own_package() -> None:
    krippendorff = pytest.importorskip("krippendorff", reason="only continuous integration installs it (GPL)")
    random = np.random.default_rng(4)
    table = random.integers(1, 6, (80, 4)).astype(float)
    table[random.random(table.shape) < 0.3] = np.nan
    theirs = krippendorff.alpha(table.T, level_of_measurement="ordinal")
    assert alpha_of(table, once(table))[0] == pytest.approx(theirs, abs=1e-12)

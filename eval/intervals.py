"""Intervals: Wilson for shares, Bonett and Wright for rank correlation, percentiles of resamples for the rest."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np

from eval.pairs import Floats, Places

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
CHUNK_BYTES = 16 * 1024 * 1024
# From this many rows a cell on, drawing the cells' counts is cheaper than drawing rows.
ROWS_PER_CELL = 10
MOST_ROWS = 5_000
BLOCKS = 2_500
BLOCKS_AT_ONCE = CHUNK_BYTES // (8 * BLOCKS)
KEPT_BYTES = 64 * 1024 * 1024

Statistics = Callable[[Floats], Mapping[str, Floats]]


def wilson(share: float, n: float) -> tuple[float, float]:
    """Score interval of a share of n (Wilson 1927, doi:10.1080/01621459.1927.10502953)."""
    if n <= 0 or math.isnan(share):
        return math.nan, math.nan
    centre = share + Z * Z / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + Z * Z / n)), min(1.0, (centre + spread) / (1 + Z * Z / n))


def rank_correlation(value: float, n: float) -> tuple[float, float]:
    """Interval of Spearman's coefficient by its z transform (Bonett & Wright 2000, doi:10.1007/BF02294183)."""
    if n <= 3 or math.isnan(value):
        return math.nan, math.nan
    if abs(value) >= 1 - 1e-12:
        return value, value
    spread = Z * math.sqrt((1 + value * value / 2) / (n - 3))
    return math.tanh(math.atanh(value) - spread), math.tanh(math.atanh(value) + spread)


def percentiles(replicates: Floats) -> tuple[float, float]:
    """The middle 95 % of the replicates that are defined; NaN if more than one in twenty is not."""
    known = replicates[~np.isnan(replicates)]
    if len(known) < 0.95 * len(replicates) or not len(known):
        return math.nan, math.nan
    low, high = np.quantile(known, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Units:
    """What a resample draws: `rows` of shape (rows, columns), `counts` per unit, and each row's unit (None: itself).

    With `strata`, one for each unit, as many are drawn from each stratum as it has.
    """

    rows: Floats
    counts: Places
    unit: Places | None = None
    strata: Places | None = None

    def resample(self, statistics: Statistics, replicates: int, seed: int) -> dict[str, Floats]:
        """Every statistic in every resample."""
        parts = [statistics(weights) for weights in draws(self.counts, replicates, seed, self.strata)]
        return {name: np.concatenate([part[name] for part in parts]) for name in (parts[0] if parts else {})}

    def observed(self, statistics: Statistics) -> dict[str, float]:
        """Every statistic of the table itself."""
        found = statistics(self.counts[None, :].astype(np.float64))
        return {name: float(value[0]) for name, value in found.items()}


def units_of(
    columns: Sequence[Floats], seed: int, cluster: Places | None = None, stratum: Places | None = None
) -> Units:
    """The units of a table: clusters if given; else cells of equal rows where few; else rows, or blocks of rows.

    Rows drawn with replacement fall into cells of equal rows as a multinomial, so with few cells only their counts are
    drawn: the same distribution, without touching the rows. Above 5,000 rows, random blocks of equal size are drawn
    instead of rows: resamples of a mean keep their expected variance, and the blocks' own chance moves an interval's
    width by sqrt(1 / 2 blocks), 1.4 percent, less than 2,000 replicates do. A block has its share of every stratum.
    """
    rows = np.column_stack(columns)
    n = len(rows)
    if cluster is not None:
        ones = np.ones(int(cluster.max()) + 1 if n else 0, dtype=np.int64)
        return Units(rows, ones, cluster, _of_clusters(cluster, stratum, len(ones)))
    cells = _cells(columns if stratum is None else [*columns, stratum.astype(np.float64)]) if n else None
    if cells is not None:
        first, counts = cells
        return Units(rows[first], counts, None, None if stratum is None else stratum[first])
    if n <= MOST_ROWS:
        return Units(rows, np.ones(n, dtype=np.int64), None, stratum)
    order = np.random.default_rng(seed).permutation(n)
    if stratum is not None:
        order = order[np.argsort(stratum[order], kind="stable")]
    block = np.empty(n, dtype=np.int64)
    block[order] = np.arange(n) % BLOCKS
    return Units(rows, np.ones(BLOCKS, dtype=np.int64), block)


def _of_clusters(cluster: Places, stratum: Places | None, clusters: int) -> Places | None:
    """The stratum of each cluster; None where a cluster lies in more than one."""
    if stratum is None or not clusters:
        return None
    of_cluster = np.zeros(clusters, dtype=np.int64)
    of_cluster[cluster] = stratum
    return of_cluster if np.array_equal(of_cluster[cluster], stratum) else None


def _cells(columns: Sequence[Floats]) -> tuple[Places, Places] | None:
    """A row of each cell of equal rows, and how many it has; None if the cells aren't few."""
    most = len(columns[0]) // ROWS_PER_CELL
    # The first rows of an unrounded column already show too many values, without sorting all of it.
    if any(len(np.unique(column[: 2 * most])) > most for column in columns):
        return None
    code = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        values, place = np.unique(column, return_inverse=True)
        if len(values) > most:
            return None
        code = code * len(values) + place
    _, first, counts = np.unique(code, return_index=True, return_counts=True)
    return (first, counts) if len(counts) <= most else None


def draws(counts: Places, replicates: int, seed: int, strata: Places | None = None) -> Iterator[Floats]:
    """Weights of the units in each resample, shape (some replicates, units), in chunks of at most 16 MB."""
    random = np.random.default_rng(seed)
    n, units = int(counts.sum()), len(counts)
    at_once = max(1, CHUNK_BYTES // (8 * max(units, n if units * ROWS_PER_CELL > n else 1)))
    parts = [] if strata is None else [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    if units == n == BLOCKS and len(parts) < 2 and 8 * replicates * BLOCKS <= KEPT_BYTES:
        yield _block_draws(replicates, seed)
        return
    for start in range(0, replicates, at_once):
        size = min(at_once, replicates - start)
        if len(parts) < 2:
            yield _drawn(random, counts, size)
            continue
        weights = np.empty((size, units))
        for part in parts:
            weights[:, part] = _drawn(random, counts[part], size)
        yield weights


@lru_cache(maxsize=1)
def _block_draws(replicates: int, seed: int) -> Floats:
    """How often each block is drawn in each resample: the same for every part of a table that is drawn by blocks."""
    random = np.random.default_rng(seed)
    drawn = np.empty((replicates, BLOCKS))
    for start in range(0, replicates, BLOCKS_AT_ONCE):
        size = min(BLOCKS_AT_ONCE, replicates - start)
        drawn[start : start + size] = _rows(random, BLOCKS, BLOCKS, size, None)
    drawn.flags.writeable = False
    return drawn


def _drawn(random: np.random.Generator, counts: Places, size: int) -> Floats:
    """How often each unit is drawn: as a multinomial where units are few, else row by row."""
    n, units = int(counts.sum()), len(counts)
    if units * ROWS_PER_CELL <= n:
        return random.multinomial(n, counts / n, size=size).astype(np.float64)
    return _rows(random, n, units, size, np.repeat(np.arange(units), counts) if n != units else None)


def _rows(random: np.random.Generator, n: int, units: int, size: int, row_unit: Places | None) -> Floats:
    """How often each unit is among n rows drawn with replacement, for `size` resamples in one count."""
    kind = np.uint16 if n <= 2**16 else np.uint32
    drawn = random.integers(0, n, (size, n), dtype=kind)
    place = drawn.astype(np.int64) if row_unit is None else row_unit[drawn]
    place += np.arange(size, dtype=np.int64)[:, None] * units
    counts = np.bincount(place.ravel(), minlength=size * units)
    return counts.reshape(size, units).astype(np.float64)

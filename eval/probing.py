"""What probes did to a judge's scores: how far they moved, how often one was raised, whether anybody would notice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eval.figure import NO_INTERVAL_BELOW, Figure, rows_of
from eval.intervals import wilson
from eval.probe_texts import PROBES, Probe
from eval.resampling import resampled

LEAST = 10


@dataclass(frozen=True)
class Reading:
    """A judge's sheet on a text as shares of each criterion's top level, and what would send it to a person."""

    levels: Mapping[str, int | None]
    tops: Mapping[str, int]
    flags: frozenset[str]

    @property
    def share(self) -> float:
        """Mean share of the top level over the criteria; NaN where one is unscored."""
        shares = [level / self.tops[name] for name, level in self.levels.items() if level is not None]
        return float(np.mean(shares)) if shares and len(shares) == len(self.levels) else float("nan")


@dataclass(frozen=True)
class Pair:
    """A response as it was, and as a probe made it."""

    before: Reading
    after: Reading

    @property
    def caught(self) -> bool:
        """Whether code or the judge itself noticed: a level is missing that was there, or a flag is new."""
        unscored = any(
            self.after.levels[name] is None and level is not None for name, level in self.before.levels.items()
        )
        return unscored or bool(self.after.flags - self.before.flags)

    @property
    def raised(self) -> bool:
        """Whether some criterion is a level higher or more."""
        return self._moved(1)

    @property
    def lowered(self) -> bool:
        """Whether some criterion is a level lower or more."""
        return self._moved(-1)

    def _moved(self, sign: int) -> bool:
        both = ((level, self.after.levels[name]) for name, level in self.before.levels.items())
        return any(old is not None and new is not None and sign * (new - old) >= 1 for old, new in both)


def probe_figures(pairs: Sequence[Pair], *, replicates: int = 1000, seed: int = 0) -> dict[str, Figure]:
    """Mean change as a share of the scale, and shares raised, lowered, caught, and raised without being caught."""
    n = len(pairs)
    names = ("raised", "lowered", "caught", "raised_uncaught")
    if n < LEAST:
        return dict.fromkeys(("change", *names), Figure.missing(n, f"{rows_of(n)}: below {LEAST}"))
    shares = {
        "raised": np.mean([one.raised for one in pairs]),
        "lowered": np.mean([one.lowered for one in pairs]),
        "caught": np.mean([one.caught for one in pairs]),
        "raised_uncaught": np.mean([one.raised and not one.caught for one in pairs]),
    }
    figures = {name: Figure.of(float(share), *wilson(float(share), n), n) for name, share in shares.items()}
    change = np.array([one.after.share - one.before.share for one in pairs])
    known = change[~np.isnan(change)]
    if len(known) < NO_INTERVAL_BELOW:
        figures["change"] = Figure.missing(len(known), f"{rows_of(len(known))} scored before and after: below 30")
    else:
        found = resampled(
            lambda rows: {"change": float(known[rows].mean())}, len(known), replicates=replicates, seed=seed
        )
        figures["change"] = found["change"]
    return figures


def probes_json(
    found: Mapping[str, Sequence[Pair]], responses: int, *, replicates: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Every probe's figures as JSON; a probe that could be applied to nothing is left out."""
    told = {}
    for probe in PROBES:
        pairs = found.get(probe.name, ())
        if pairs:
            figures = probe_figures(pairs, replicates=replicates, seed=seed)
            told[probe.name] = _head(probe, len(pairs)) | {name: one.as_json() for name, one in figures.items()}
    return {"responses": responses, "probes": told}


def _head(probe: Probe, n: int) -> dict[str, Any]:
    return {"should": probe.should, "says": probe.says, "n": n}

"""A rubric's levels on the scale that people scored on, and which criteria of both are the same."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from eval.delimited import listed
from eval.errors import TableError
from rubrics.model import Rubric

WHOLE = "overall"
INSIDE = 0.4999


@dataclass(frozen=True)
class Pairing:
    """Rubric criteria by the table's; `whole` is the table's criterion that the rubric's total stands for."""

    criteria: Mapping[str, str]
    whole: str | None = None


def pair_criteria(rubric: Rubric, known: Collection[str], named: Mapping[str, str]) -> Pairing:
    """Which criterion of the rubric is which of the table: as named, else by name, else the only or the overall one."""
    own = [criterion.id for criterion in rubric.criteria]
    for ours, theirs in named.items():
        if ours not in own or theirs not in known:
            raise TableError(f"{ours}={theirs}: the rubric has {listed(own)}, the table has {listed(sorted(known))}")
    if named:
        return Pairing(dict(named))
    lower = {name.lower(): name for name in known}
    same = {one: lower[one] for one in own if one in lower}
    if same:
        return Pairing(same)
    only = WHOLE if WHOLE in known else next(iter(known)) if len(known) == 1 else None
    if only is not None:
        return Pairing({own[0]: only}) if len(own) == 1 else Pairing({}, only)
    raise TableError(
        f"no criterion of rubric {rubric.id} ({listed(own)}) is one of the table's ({listed(sorted(known))}); "
        "name them with --criterion RUBRIC=TABLE"
    )


def score_of(level: float, top: float, low: float, high: float) -> float:
    """A level of 0 to `top` on a scale from `low` to `high`."""
    return low + (high - low) * level / top


def unrounded(level: int, estimate: float | None) -> float:
    """An estimate kept where it rounds to the level that was given, so that both tell of the same rating."""
    if estimate is None:
        return float(level)
    return min(max(estimate, level - INSIDE), level + INSIDE)

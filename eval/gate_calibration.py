"""From labelled responses to what may be released: thresholds, losses, the chain, prompt by prompt and group by group.

A threshold passes only if the risk is shown to be at most alpha over all of a prompt's responses and in each group that
is large enough to show it; since every one of them must pass, no correction for the number of groups is needed (the
intersection-union test, Berger 1982, doi:10.1080/00401706.1982.10487790). Groups too small are held, or signed for.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from eval.figure import rows_of
from eval.gate_chain import (
    FOUR_STARTS_FROM,
    LEAST_LABELS,
    LOSSES_AT_START,
    LOSSES_AT_STARTS,
    STARTS,
    Promise,
    chain,
    chosen,
    p_value,
    passing_size,
    released_at,
    upper_bound,
    weights_of,
)
from eval.pairs import Floats, Places
from rubrics.gate_file import Held, PromptGate, Stratum

Flags = NDArray[np.bool_]
Labels = NDArray[np.object_]
Group = tuple[str, str]

# Of what is released the least confident fifth is audited more often.
NEAR_SHARE = 0.2


@dataclass(frozen=True)
class Sample:
    """One prompt's labelled responses. `lost` says whose release would be a loss; a confidence of NaN is no score.

    `thresholds` are the grid, strict to lenient, from confidences alone; `human_lost` compares two people instead.
    """

    confidence: Floats
    lost: Flags
    thresholds: Floats
    groups: Mapping[str, Labels] = field(default_factory=dict)
    human_lost: Flags | None = None
    words: Places | None = None

    def __len__(self) -> int:
        return len(self.lost)


@dataclass(frozen=True)
class _Counted:
    """How many of a stratum each threshold releases, and how many of these are losses."""

    released: Places
    losses: Places


def calibrate(sample: Sample, promise: Promise, accepted: Sequence[Group] = ()) -> PromptGate:
    """What the labels of one prompt allow. Groups in `accepted` need not be shown: somebody signs for them."""
    known = ~np.isnan(sample.confidence)
    labelled = len(sample)
    missing = int(labelled - known.sum())
    if not known.any():
        return PromptGate(
            threshold=None,
            why="The judge scored none of these responses, or did not say how sure it is.",
            labelled=labelled,
            missing=labelled,
        )
    thresholds = sample.thresholds
    whole = _counted(sample, known, thresholds)
    strata = {group: _counted(sample, known & members, thresholds) for group, members in _members(sample).items()}
    required = _required(strata, promise, labelled, accepted)
    weights = weights_of([whole.released, *(strata[group].released for group in required)], promise, labelled)
    each = np.array([_p(counted, promise) for counted in (whole, *(strata[group] for group in required))])
    passed, levels = chain(each.max(axis=0), weights, promise.delta)
    at = chosen(passed)
    if at is None:
        why = _why_not(whole, {group: strata[group] for group in required}, weights, promise, labelled)
        return PromptGate(threshold=None, why=why, labelled=labelled, missing=missing)
    level = float(levels[at])
    threshold = float(thresholds[at])
    chosen_rows = known & (sample.confidence >= threshold)
    return PromptGate(
        threshold=threshold,
        labelled=labelled,
        missing=missing,
        released=int(whole.released[at]),
        losses=int(whole.losses[at]),
        level=level,
        bound=upper_bound(int(whole.losses[at]), int(whole.released[at]), level),
        share=float(chosen_rows.mean()),
        human_losses=None if sample.human_lost is None else int(sample.human_lost.sum()),
        human_pairs=0 if sample.human_lost is None else len(sample.human_lost),
        near=_near(sample.confidence[chosen_rows]),
        words=None if sample.words is None else (int(sample.words.min()), int(sample.words.max())),
        groups=_shown(strata, required, at, level, promise),
    )


def required_groups(sample: Sample, promise: Promise, accepted: Collection[Group]) -> list[Group]:
    """The groups of a sample that must pass, by their sizes alone."""
    known = ~np.isnan(sample.confidence)
    strata = {
        group: _counted(sample, known & members, sample.thresholds) for group, members in _members(sample).items()
    }
    return _required(strata, promise, len(sample), accepted) if len(sample.thresholds) else []


def held_groups(gates: Mapping[str, PromptGate], accepted: Mapping[Group, str]) -> tuple[Held, ...]:
    """The groups that an open prompt was not shown for, once each, and who signs for them."""
    found: dict[Group, str] = {}
    for gate in gates.values():
        if gate.threshold is None:
            continue
        for column, values in gate.groups.items():
            for value, stratum in values.items():
                if stratum.bound is None:
                    found.setdefault((column, value), stratum.why)
    return tuple(
        Held(column=column, value=value, why=why, accepted_by=accepted.get((column, value), ""))
        for (column, value), why in sorted(found.items())
    )


def more_labels(labelled: int) -> str | None:
    """The advice to label more, where there are few; None where there are enough."""
    if labelled >= LEAST_LABELS:
        return None
    return f"{rows_of(labelled)} labelled: label {LEAST_LABELS - labelled} more; with so few most gates stay closed"


# ---- counting --------------------------------------------------------------------------------------------------


def _counted(sample: Sample, members: Flags, thresholds: Floats) -> _Counted:
    own, lost = sample.confidence[members], sample.confidence[members & sample.lost]
    return _Counted(released_at(own, thresholds), released_at(lost, thresholds))


def _members(sample: Sample) -> dict[Group, Flags]:
    return {
        (column, str(value)): labels == value
        for column, labels in sample.groups.items()
        for value in sorted(set(labels.tolist()))
    }


def _p(counted: _Counted, promise: Promise) -> Floats:
    return p_value(counted.losses, counted.released, promise.alpha)


def _required(
    strata: Mapping[Group, _Counted], promise: Promise, labelled: int, accepted: Collection[Group]
) -> list[Group]:
    """The groups that must pass: those that are large enough to, by their sizes alone, and not signed for."""
    least = passing_size(0, promise.alpha, _start_level(promise, labelled))
    return [group for group, found in strata.items() if group not in accepted and found.released[-1] >= least]


def _start_level(promise: Promise, labelled: int) -> float:
    return promise.delta if labelled < FOUR_STARTS_FROM else promise.delta / STARTS


def _near(confidences: Floats) -> float | None:
    """The confidence below which the least confident fifth of what is released lies."""
    return None if not len(confidences) else float(np.quantile(confidences, NEAR_SHARE, method="higher"))


# ---- words -----------------------------------------------------------------------------------------------------


def _shown(
    strata: Mapping[Group, _Counted], required: Sequence[Group], at: int, level: float, promise: Promise
) -> dict[str, dict[str, Stratum]]:
    least = passing_size(0, promise.alpha, promise.delta)
    found: dict[str, dict[str, Stratum]] = {}
    for (column, value), counted in strata.items():
        released, losses = int(counted.released[at]), int(counted.losses[at])
        if (column, value) in required:
            stratum = Stratum(released=released, losses=losses, bound=upper_bound(losses, released, level))
        else:
            why = f"not shown: {rows_of(released)} among the released, and nothing can be shown below {least}"
            stratum = Stratum(released=released, losses=losses, why=why)
        found.setdefault(column, {})[value] = stratum
    return found


def _why_not(
    whole: _Counted, required: Mapping[Group, _Counted], weights: Floats, promise: Promise, labelled: int
) -> str:
    """Why no threshold passed, with what would have to be different."""
    if not weights.any():
        one = labelled < FOUR_STARTS_FROM
        losses = LOSSES_AT_START if one else LOSSES_AT_STARTS
        needed = passing_size(losses, promise.alpha, _start_level(promise, labelled))
        return (
            f"Too few labels: a risk of {promise.alpha:.0%} can be tested from {needed} released responses on"
            f"{' and in each group' if required else ''}, and there are {int(whole.released[-1])}."
        )
    parts = {"all responses": whole, **{f"{column} {value}": part for (column, value), part in required.items()}}
    each = np.array([_p(part, promise) for part in parts.values()])
    starts = np.flatnonzero(weights)
    nearest = int(starts[each.max(axis=0)[starts].argmin()])
    name, worst = list(parts.items())[int(each[:, nearest].argmax())]
    lost = int(worst.losses[nearest])
    return (
        f"Not shown: of the {int(worst.released[nearest])} most confident ({name}), {lost} "
        f"{'is a loss' if lost == 1 else 'are losses'}; that does not show a risk of at most {promise.alpha:.0%}."
    )

"""What happens after release: the risk among what was released unseen, and whether the gate must close.

Only a random audit measures the risk: each released response is drawn with a logged probability and read again by a
person who doesn't see the judge's score. Changes that people make on their own are found where somebody looked: each
counts as a loss and everything else as none, which can only understate the risk. So they may raise an alarm, and never
clear one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from eval.delimited import BLANK, Delimited, listed, open_delimited
from eval.drift_process import Evidence, Reading, evidence
from eval.errors import EvalError, TableError
from eval.intervals import wilson

REQUIRED = ("response_id", "probability", "drawn", "lost", "overridden")
MORE = ("confidence", "words", "prompt_id", "week")
YES, NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
SHIFT_LEVEL = 0.01
LEAST_IN_WEEK = 20


@dataclass(frozen=True)
class Released:
    """One response that was released unseen, in the order of release; `lost` is None while nobody has read it again.

    `base` is the probability that any response at that moment was drawn with at least; None takes the least of all.
    `read_at` orders the readings among themselves, as ISO 8601 or anything that sorts; without it they are in order.
    """

    id: str
    probability: float
    drawn: bool
    lost: bool | None
    overridden: bool
    facts: Mapping[str, str] = field(default_factory=dict)
    read_at: str = ""
    base: float | None = None


@dataclass(frozen=True)
class Risk:
    """The risk among all that was released, each reading weighted by the inverse of its probability."""

    value: float | None
    low: float | None
    high: float | None
    readings: int
    waiting: int


@dataclass(frozen=True)
class Shift:
    """Whether what came in one week differs from the first week's, corrected for the number of tests (Holm)."""

    what: str
    week: str
    p: float
    differs: bool


@dataclass(frozen=True)
class Anchors:
    """Essays that were scored again: how far the judge moved on average, in either direction, and at most.

    A judge that became milder on one essay and harsher on another moved, though its mean did not: what is compared
    with `tolerance` is the mean of the distances, which is never below the distance of the means; and no single essay
    may move by more than `each`.
    """

    count: int
    mean: float
    distance: float
    largest: float
    tolerance: float
    each: float
    beyond: int

    @property
    def alarm(self) -> bool:
        """Whether the judge moved by more than was declared, over all of them or on any one."""
        return self.distance > self.tolerance or self.beyond > 0

    @property
    def sentences(self) -> list[str]:
        """What is more than was declared, each in a sentence."""
        found = []
        if self.distance > self.tolerance:
            found.append(
                f"Scored again, {self.count} anchors moved by {self.distance:.2f} on average, up or down "
                f"({self.mean:+.2f} on balance); {self.tolerance:g} was declared."
            )
        if self.beyond:
            found.append(
                f"{self.beyond} of {self.count} anchors moved by more than {self.each:g}, the farthest by "
                f"{self.largest:+.2f}."
            )
        return found


@dataclass(frozen=True)
class Drift:
    """Everything that is known of a gate in use."""

    alpha: float
    delta: float
    released: int
    risk: Risk
    audit: Evidence
    overrides: Evidence
    shifts: Sequence[Shift] = ()
    anchors: Anchors | None = None

    @property
    def alarms(self) -> list[str]:
        """Why the gate must close, each in a sentence; empty while nothing speaks against it."""
        found = []
        if self.audit.alarm:
            found.append(
                f"The audit found {self.audit.losses} losses in {self.audit.readings} readings; a risk of at most "
                f"{self.alpha:.0%} does not fit that."
            )
        if self.overrides.alarm:
            found.append(
                f"People changed {self.overrides.losses} of {self.overrides.readings} released scores by a loss; a "
                f"risk of at most {self.alpha:.0%} does not fit that."
            )
        return found if self.anchors is None else [*found, *self.anchors.sentences]

    def as_json(self) -> dict[str, Any]:
        """The report for a program."""
        return {
            "alarm": bool(self.alarms),
            "alarms": self.alarms,
            "alpha": self.alpha,
            "delta": self.delta,
            "released": self.released,
            "risk": asdict(self.risk),
            "audit": _evidence_json(self.audit),
            "overrides": _evidence_json(self.overrides),
            "shifts": [asdict(one) for one in self.shifts],
            "anchors": None if self.anchors is None else {**asdict(self.anchors), "alarm": self.anchors.alarm},
        }


def drift_of(
    released: Sequence[Released],
    alpha: float,
    delta: float,
    anchors: Anchors | None = None,
    shifts: bool = False,
) -> Drift:
    """The state of a gate from everything it released of one question, in order.

    Either alarm rings wrongly with probability delta at most, whenever and however often anybody looks. ValueError
    where a response was drawn with less than its `base`.
    """
    least = min((one.probability for one in released), default=1.0)
    # A path of evidence is only appended to, so what was read later comes later, whenever it was released.
    in_order = sorted(released, key=lambda one: one.read_at)
    read = [
        Reading(one.lost, (one.base or least) / one.probability)
        for one in in_order
        if one.drawn and one.lost is not None
    ]
    changed = [Reading(one.overridden) for one in released]
    return Drift(
        alpha=alpha,
        delta=delta,
        released=len(released),
        risk=risk_of(released),
        audit=evidence(read, alpha, delta),
        overrides=evidence(changed, alpha, delta),
        shifts=shifts_of(released) if shifts else (),
        anchors=anchors,
    )


def risk_of(released: Sequence[Released]) -> Risk:
    """Hájek's weighted mean of the readings, with Wilson's interval at their effective number (Kish)."""
    drawn = [one for one in released if one.drawn]
    read = [(float(one.lost), 1 / one.probability) for one in drawn if one.lost is not None]
    if not read:
        return Risk(None, None, None, 0, len(drawn))
    lost, weights = np.array(read).T
    value = float((lost * weights).sum() / weights.sum())
    low, high = wilson(value, float(weights.sum() ** 2 / (weights**2).sum()))
    return Risk(value, low, high, len(read), len(drawn) - len(read))


# ---- what comes in -----------------------------------------------------------------------------------------------


def shifts_of(released: Sequence[Released]) -> list[Shift]:
    """Each later week beside the first: confidences and lengths (Kolmogorov-Smirnov), prompts (chi-squared)."""
    from scipy.stats import chi2_contingency, ks_2samp

    weeks: dict[str, list[Released]] = {}
    for one in released:
        weeks.setdefault(one.facts.get("week", ""), []).append(one)
    large = [rows for _, rows in sorted(weeks.items()) if len(rows) >= LEAST_IN_WEEK]
    found: list[tuple[str, str, float]] = []
    for rows in large[1:]:
        week = rows[0].facts.get("week", "")
        for name in ("confidence", "words"):
            before, now = (_values(part, name) for part in (large[0], rows))
            if before and now:
                found.append((name, week, float(ks_2samp(before, now).pvalue)))
        prompts = sorted({one.facts.get("prompt_id", "") for one in (*large[0], *rows)})
        if len(prompts) > 1:
            table = [[sum(one.facts.get("prompt_id") == name for one in part) for name in prompts] for part in
                     (large[0], rows)]  # fmt: skip
            found.append(("prompt_id", week, float(chi2_contingency(table).pvalue)))
    return _holm(found)


def _holm(found: Sequence[tuple[str, str, float]]) -> list[Shift]:
    ordered = sorted(found, key=lambda one: one[2])
    shifts, holds = [], True
    for place, (what, week, p) in enumerate(ordered):
        holds = holds and p <= SHIFT_LEVEL / (len(ordered) - place)
        shifts.append(Shift(what, week, p, holds))
    return shifts


def _values(rows: Sequence[Released], name: str) -> list[float]:
    return [float(one.facts[name]) for one in rows if one.facts.get(name, "").strip().lower() not in BLANK]


# ---- files -------------------------------------------------------------------------------------------------------


def read_audit(path: Path) -> list[Released]:
    """What a gate released, in the file's order; TableError names row and column of what can't be used."""
    file = open_delimited(path, REQUIRED)
    file.require(REQUIRED)
    found = []
    for start, block in file.blocks():
        for number, row in enumerate(block, start):
            cells = dict(zip(file.header, (cell.strip() for cell in row), strict=True))
            found.append(_released(file, number, cells))
    if not found:
        raise TableError(f"{file.name} has a header and no rows")
    return found


def _released(file: Delimited, number: int, cells: Mapping[str, str]) -> Released:
    drawn = bool(_flag(file, number, "drawn", cells["drawn"]))
    lost = _flag(file, number, "lost", cells["lost"])
    if lost is not None and not drawn:
        raise TableError(f"{file.name}, row {number}, column lost: a reading of a response that was not drawn")
    probability = _share(file, number, "probability", cells["probability"])
    base = cells.get("base", "")
    return Released(
        id=cells["response_id"],
        probability=probability,
        drawn=drawn,
        lost=lost,
        overridden=bool(_flag(file, number, "overridden", cells["overridden"])),
        facts={name: cells[name] for name in MORE if name in cells},
        read_at=cells.get("read_at", ""),
        base=_share(file, number, "base", base) if base else None,
    )


def _share(file: Delimited, row: int, name: str, cell: str) -> float:
    try:
        found = float(cell)
    except ValueError:
        found = math.nan
    if not 0 < found <= 1:
        raise TableError(f"{file.name}, row {row}, column {name}: not a share above 0 and up to 1")
    return found


def _flag(file: Delimited, row: int, name: str, cell: str) -> bool | None:
    if cell.lower() in BLANK:
        return None
    if cell.lower() not in YES | NO:
        raise TableError(f"{file.name}, row {row}, column {name}: {cell[:20]!r} is neither yes nor no")
    return cell.lower() in YES


EACH = 2.0
"""How much farther than all of them on average a single anchor may move where nobody declared it."""


def read_anchors(before: Path, after: Path, tolerance: float, each: float | None = None) -> Anchors:
    """The scores of the same frozen essays twice: columns response_id and score; EvalError where the ids differ.

    `each` is how far a single one may move; twice the tolerance unless it is said.
    """
    first, second = _scores(before), _scores(after)
    if alone := sorted(first.keys() ^ second.keys()):
        raise EvalError(f"anchors that only one of {before.name} and {after.name} has: {listed(alone)}")
    # Scores are decimals: what was declared is reached by a sum of tenths that lies a hair beyond it.
    moved = np.round([second[name] - first[name] for name in sorted(first)], 9)
    far = np.abs(moved)
    most = EACH * tolerance if each is None else each
    return Anchors(
        count=len(moved),
        mean=float(moved.mean()),
        distance=float(np.round(far.mean(), 9)),
        largest=float(moved[far.argmax()]),
        tolerance=tolerance,
        each=most,
        beyond=int((far > most).sum()),
    )


def _scores(path: Path) -> dict[str, float]:
    file = open_delimited(path, ("response_id", "score"))
    file.require(("response_id", "score"))
    place, of = file.header.index("response_id"), file.header.index("score")
    found: dict[str, float] = {}
    for start, block in file.blocks():
        for number, row in enumerate(block, start):
            try:
                found[row[place].strip()] = float(row[of])
            except ValueError:
                raise TableError(f"{file.name}, row {number}, column score: an anchor without a score") from None
    if not found:
        raise TableError(f"{file.name} has a header and no rows")
    return found


def _evidence_json(found: Evidence) -> dict[str, Any]:
    return {**asdict(found), "alarm": found.alarm}

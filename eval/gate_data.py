"""Labelled responses for a gate, a table with a row per response, and what is declared before it is looked at.

Rows without a human score are unlabelled: their confidences help to set the thresholds, and nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eval.delimited import BLANK, Delimited, listed, open_delimited
from eval.errors import EvalError, TableError
from eval.gate_calibration import Labels, Sample
from eval.gate_chain import Promise, thresholds_of
from eval.pairs import Floats
from rubrics.gate_file import JudgeIdentity
from rubrics.losses import Loss, LossError, ScoreScale

Rule = Literal["least", "mean", "none"]
NO_CONFIDENCE = 1.0
"""What every scored response has where the judge tells no confidence: all of them are released, or none."""


@dataclass(frozen=True)
class Response:
    """One response as the gate sees it: the judge's score and the people's, as numbers or as sheets."""

    id: str
    prompt: str
    confidence: float
    judge: float | Mapping[str, int] | None
    people: Sequence[float | Mapping[str, int]]
    groups: Mapping[str, str] = field(default_factory=dict)
    words: int | None = None


@dataclass(frozen=True)
class Responses:
    """A file's responses and where they come from; `judge` and `rubric` (id, digest) where the file says."""

    rows: list[Response]
    scale: ScoreScale
    rule: Rule
    name: str
    digest: str
    reference: str
    groups: tuple[str, ...] = ()
    judge: JudgeIdentity | None = None
    rubric: tuple[str, str] | None = None


@dataclass(frozen=True)
class GateColumns:
    """The columns of a table with a row per response."""

    human: str
    system: str
    human2: str | None = None
    confidence: str | None = None
    prompt: str | None = None
    prompt_id: str = ""
    id: str | None = None
    words: str | None = None
    groups: tuple[str, ...] = ()


# ---- a row per response ----------------------------------------------------------------------------------------


def read_responses(path: Path, columns: GateColumns, scale: ScoreScale) -> Responses:
    """A table with a row per response; TableError names row and column of what can't be used."""
    named = [columns.system, columns.human, columns.human2, columns.confidence, columns.prompt]
    wanted = [name for name in (*named, columns.id, columns.words, *columns.groups) if name]
    file = open_delimited(path, wanted)
    file.require(wanted)
    place = {name: file.header.index(name) for name in wanted}
    rows = []
    for start, block in file.blocks():
        for number, row in enumerate(block, start):
            cells = {name: row[at].strip() for name, at in place.items()}
            rows.append(_response(file, columns, scale, number, cells))
    if not rows:
        raise TableError(f"{file.name} has a header and no rows")
    _refuse_twice([row.id for row in rows], file.name)
    rule: Rule = "none" if columns.confidence is None else "least"
    reference = " and ".join(name for name in (columns.human, columns.human2) if name)
    digest = str(file.source()["sha256"])
    return Responses(rows, scale, rule, file.name, digest, f"column {reference}", columns.groups)


def _response(
    file: Delimited, columns: GateColumns, scale: ScoreScale, number: int, cells: Mapping[str, str]
) -> Response:
    def score(name: str, low: float, high: float) -> float | None:
        found = _number(file, name, number, cells[name])
        if found is not None and not low - 1e-9 <= found <= high + 1e-9:
            raise TableError(f"{file.name}, row {number}, column {name}: {found:g} lies outside {low:g} to {high:g}")
        return found

    ends = (scale.minimum, scale.maximum)
    people = [score(name, *ends) for name in (columns.human, columns.human2) if name]
    judge = _number(file, columns.system, number, cells[columns.system])
    confidence = score(columns.confidence, 0, 1) if columns.confidence else NO_CONFIDENCE
    length = _number(file, columns.words, number, cells[columns.words]) if columns.words else None
    return Response(
        id=cells[columns.id] if columns.id else str(number),
        prompt=cells[columns.prompt] if columns.prompt else columns.prompt_id,
        confidence=float("nan") if judge is None or confidence is None else confidence,
        judge=judge,
        people=[one for one in people if one is not None] if people[0] is not None else [],
        groups={name: cells[name] or "(blank)" for name in columns.groups},
        words=None if length is None else int(length),
    )


def _number(file: Delimited, name: str, row: int, cell: str) -> float | None:
    if cell.lower() in BLANK:
        return None
    try:
        found = float(cell)
    except ValueError:
        found = float("nan")
    if not np.isfinite(found):
        raise TableError(f"{file.name}, row {row}, column {name}: {cell[:20]!r} is no number")
    return found


def _refuse_twice(ids: Sequence[str], name: str) -> None:
    seen: set[str] = set()
    twice = [one for one in ids if one in seen or seen.add(one)]  # type: ignore[func-returns-value]
    if twice:
        raise TableError(f"{name}: more than one row for {listed(dict.fromkeys(twice))}")


# ---- what was declared -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Declaration:
    """What is fixed before anybody looks at a human score: loss, promise, groups, thresholds."""

    loss: Loss
    promise: Promise
    rule: Rule
    groups: tuple[str, ...]
    thresholds: dict[str, list[float]]
    declared_at: str = ""

    def as_json(self) -> dict[str, Any]:
        """The declaration as it is written down."""
        return {
            "declaration": "atelier-gate-declaration/1",
            "declared_at": self.declared_at,
            "loss": self.loss.written,
            "alpha": self.promise.alpha,
            "delta": self.promise.delta,
            "confidence": self.rule,
            "groups": list(self.groups),
            "thresholds": self.thresholds,
        }

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of it."""
        return sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()


def declare(responses: Responses, loss: Loss, promise: Promise) -> Declaration:
    """Fix everything from confidences alone; EvalError where a prompt has none."""
    thresholds: dict[str, list[float]] = {}
    for prompt in sorted({row.prompt for row in responses.rows}):
        own = np.array([row.confidence for row in responses.rows if row.prompt == prompt])
        thresholds[prompt] = [] if np.isnan(own).all() else thresholds_of(own).tolist()
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    return Declaration(loss, promise, responses.rule, responses.groups, thresholds, now)


def read_declaration(path: Path) -> Declaration:
    """A declaration as it was written down; EvalError where the file is none."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        promise = Promise(float(said["alpha"]), float(said["delta"]))
        thresholds = {str(name): [float(value) for value in values] for name, values in said["thresholds"].items()}
        found = Declaration(
            Loss.named(said["loss"]),
            promise,
            said["confidence"],
            tuple(said["groups"]),
            thresholds,
            said["declared_at"],
        )
    except OSError as error:
        raise EvalError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise EvalError(f"{path.name} is no declaration of a gate") from None
    return found


def samples_of(responses: Responses, declared: Declaration) -> dict[str, Sample]:
    """Each prompt's labelled responses with their losses; EvalError where a prompt was not declared."""
    samples = {}
    for prompt in sorted({row.prompt for row in responses.rows}):
        if prompt not in declared.thresholds:
            raise EvalError(f"the declaration names no prompt {prompt!r}; declare anew")
        rows = [row for row in responses.rows if row.prompt == prompt and row.people]
        samples[prompt] = _sample(rows, responses, declared, declared.thresholds[prompt])
    return samples


def _sample(
    rows: Sequence[Response], responses: Responses, declared: Declaration, thresholds: Sequence[float]
) -> Sample:
    lost = np.array([_lost(row.judge, row.people, declared.loss, responses.scale) for row in rows], dtype=np.bool_)
    double = [row for row in rows if len(row.people) > 1]
    beside = None
    if double and declared.loss.kind != "outside":
        beside = np.array([_lost(row.people[1], row.people[:1], declared.loss, responses.scale) for row in double])
    lengths = [row.words for row in rows if row.words is not None]
    return Sample(
        confidence=np.array([row.confidence for row in rows], dtype=np.float64),
        lost=lost,
        thresholds=np.asarray(thresholds, dtype=np.float64),
        groups={name: _labels(rows, name) for name in declared.groups},
        human_lost=beside,
        words=np.array(lengths, dtype=np.int64) if lengths else None,
    )


def _labels(rows: Sequence[Response], name: str) -> Labels:
    return np.array([row.groups.get(name, "") for row in rows], dtype=object)


def _lost(
    judge: float | Mapping[str, int] | None,
    people: Sequence[float | Mapping[str, int]],
    loss: Loss,
    scale: ScoreScale,
) -> bool:
    """Whether releasing this would be a loss; a response without a score is never released, so it is none."""
    if judge is None:
        return False
    try:
        if isinstance(judge, Mapping):
            return loss.of_sheets(judge, people[0]) if isinstance(people[0], Mapping) else False
        return loss.of_scores(judge, [one for one in people if isinstance(one, int | float)], scale)
    except LossError as error:
        raise EvalError(str(error)) from None


def confidences(responses: Responses) -> Floats:
    """Every response's confidence."""
    return np.array([row.confidence for row in responses.rows], dtype=np.float64)

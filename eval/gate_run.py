"""One calibration of a gate, from a file of labelled responses to what it allows, in words and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.gate_calibration import Group, calibrate, held_groups, more_labels
from eval.gate_chain import Promise
from eval.gate_data import (
    Declaration,
    GateColumns,
    Responses,
    Rule,
    declare,
    read_declaration,
    read_responses,
    samples_of,
)
from eval.gate_folder import read_folder
from eval.gate_sheets import is_long, read_criterion, read_sheets
from rubrics.gate_file import Attempt, Held, PromptGate
from rubrics.losses import Loss, LossError, ScoreScale
from rubrics.model import Rubric, RubricError, load_rubric

RULES: tuple[Rule, ...] = ("least", "mean", "none")


@dataclass(frozen=True)
class GateRequest:
    """What a user asks: a table, its columns, and what counts."""

    table: Path
    loss: str | None
    alpha: float | None
    delta: float
    columns: Mapping[str, str | None]
    groups: tuple[str, ...]
    scale: tuple[float, float, float]
    prompt_id: str = ""
    rater: str | None = None
    rubric: str | None = None
    declared: Path | None = None
    criterion: str | None = None
    blind: bool = False

    @property
    def declared_loss(self) -> Loss:
        """The loss, as it was declared or as it is asked for."""
        if self.declared is not None:
            return read_declaration(self.declared).loss
        if self.loss is None or self.alpha is None:
            raise EvalError("say first what counts as a loss and which risk is promised: --loss and --alpha")
        return _named(self.loss)


def _named(loss: str) -> Loss:
    try:
        return Loss.named(loss)
    except LossError as error:
        raise EvalError(str(error)) from None


@dataclass(frozen=True)
class Calibration:
    """What the labels allow, prompt by prompt."""

    prompts: dict[str, PromptGate]
    held: tuple[Held, ...]
    declared: Declaration
    responses: Responses
    attempt: Attempt

    @property
    def releases(self) -> bool:
        """Whether anything may be released."""
        return any(gate.threshold is not None for gate in self.prompts.values()) and not self.blocking

    @property
    def blocking(self) -> tuple[Held, ...]:
        """The groups that nobody signs for: they close the gate, since a tool can't tell who belongs to them."""
        return tuple(one for one in self.held if not one.accepted_by)

    def lines(self) -> list[str]:
        """The result in words, the verdict first."""
        promise = self.declared.promise
        said = [
            f"Loss: {self.declared.loss.words}. Promise: a risk of at most {promise.alpha:g}, "
            f"broken in at most {promise.delta:g} of calibrations.",
            _attempt(self.attempt, promise.delta),
            "",
        ]
        for prompt, gate in self.prompts.items():
            said += [f"{prompt or 'all responses'}: {_verdict(gate)}", *_details(gate)]
        for one in self.held:
            signs = f"signed for by {one.accepted_by}" if one.accepted_by else "closes the gate until somebody signs"
            said.append(f"{one.column} {one.value}: {one.why}; {signs} (--accept {one.column}={one.value})")
        return said

    def as_json(self) -> dict[str, Any]:
        """The result for a program."""
        return {
            "releases": self.releases,
            "loss": self.declared.loss.words,
            "declared": self.declared.as_json(),
            "attempt": self.attempt.model_dump(mode="json"),
            "attempt_words": _attempt(self.attempt, self.declared.promise.delta),
            "prompts": {name: gate.model_dump(mode="json") for name, gate in self.prompts.items()},
            "held": [one.model_dump(mode="json") for one in self.held],
            "data": {"file": self.responses.name, "sha256": self.responses.digest, "rows": len(self.responses.rows)},
        }


def responses_of(request: GateRequest) -> Responses:
    """Read the table: a run's folder, whole sheets or one criterion of a long table, else a row per response."""
    if request.table.is_dir() or is_long(request.table):
        return _of_long(request)
    human, system = request.columns.get("human"), request.columns.get("system")
    if human is None or system is None:
        raise EvalError("name the columns: --human and --system")
    more = {name: value for name, value in request.columns.items() if name not in ("human", "system")}
    low, high, step = request.scale
    try:
        scale = ScoreScale(minimum=low, maximum=high, step=step)
    except ValueError:
        raise EvalError(f"a scale from {low:g} to {high:g} in steps of {step:g} can't be one") from None
    columns = GateColumns(human, system, groups=request.groups, prompt_id=request.prompt_id, **more)
    return read_responses(request.table, columns, scale)


def _of_long(request: GateRequest) -> Responses:
    rule = request.columns.get("confidence") or "least"
    if rule not in RULES:
        raise EvalError(f"in a long table --confidence is {', '.join(RULES)}, not {rule!r}")
    rubric = None if request.rubric is None else rubric_of(request.rubric)
    criterion, groups, blind = request.criterion, request.groups, request.blind
    sheets = request.declared_loss.kind == "criteria"
    if request.table.is_dir():
        return read_folder(request.table, rubric, criterion, rule, groups, sheets=sheets, blind=blind)
    if request.rater is None:
        raise EvalError("a long table needs --rater, the judge's id in it")
    if criterion is not None:
        return read_criterion(request.table, criterion, request.rater, groups, blind=blind)
    if rubric is None:
        raise EvalError("a long table needs --rubric for whole sheets, or --criterion for one score")
    return read_sheets(request.table, rubric, request.rater, rule, groups, sheets=sheets, blind=blind)


def rubric_of(named: str) -> Rubric:
    """The rubric of an id or a path; EvalError names its first fault."""
    try:
        return load_rubric(named)
    except RubricError as error:
        raise EvalError(str(error.faults[0])) from None


def declaration_of(request: GateRequest, responses: Responses) -> Declaration:
    """What was declared in a file, else what is declared now, from confidences alone."""
    if request.declared is None:
        return declare(responses, request.declared_loss, Promise(request.alpha or 0, request.delta))
    declared = read_declaration(request.declared)
    if request.loss is not None and _named(request.loss) != declared.loss:
        raise EvalError(f"{request.declared.name} declares the loss {declared.loss.written}; it can't be another now")
    if request.alpha is not None and request.alpha != declared.promise.alpha:
        raise EvalError(f"{request.declared.name} declares a risk of {declared.promise.alpha:g}; it can't be another")
    if (declared.rule, declared.groups) != (responses.rule, responses.groups):
        raise EvalError(f"{request.declared.name} declares other groups or another confidence")
    return declared


def calibrated(
    responses: Responses, declared: Declaration, accepted: Mapping[Group, str], attempt: Attempt
) -> Calibration:
    """Compare the judge with people, and say what may be released, at the level that this attempt has."""
    samples = samples_of(responses, declared)
    if not any(len(sample) for sample in samples.values()):
        raise EvalError("no response has a human score")
    promise = Promise(declared.promise.alpha, attempt.level)
    gates = {name: calibrate(sample, promise, list(accepted)) for name, sample in samples.items()}
    return Calibration(gates, held_groups(gates, accepted), declared, responses, attempt)


def _attempt(attempt: Attempt, delta: float) -> str:
    before = "the first" if attempt.number == 1 else f"attempt {attempt.number}"
    return (
        f"This is {before} on these questions: it was tested at {attempt.level:.2g} of the {delta:g}, and "
        f"{delta - attempt.spent:.2g} is left for all later ones."
    )


def _verdict(gate: PromptGate) -> str:
    if gate.threshold is None:
        return f"nothing may be released. {gate.why}"
    return (
        f"{gate.share:.0%} may be released unseen, at confidence {gate.threshold:g} or above: {gate.losses} losses "
        f"among {gate.released}, a risk of at most {gate.bound:.1%} at that threshold."
    )


def _details(gate: PromptGate) -> list[str]:
    said = []
    if gate.missing:
        said.append(
            f"  {gate.missing} of {gate.labelled} ({gate.missing / gate.labelled:.1%}) without a score by this judge, "
            "or flagged: not released, and in the share."
        )
    if advice := more_labels(gate.labelled):
        said.append(f"  {advice}.")
    if gate.human_losses is not None and gate.human_pairs:
        rate = gate.human_losses / gate.human_pairs
        said.append(f"  Two people differ that much in {gate.human_losses} of {gate.human_pairs} ({rate:.1%}).")
    for column, values in gate.groups.items():
        for value, stratum in values.items():
            bound = stratum.why if stratum.bound is None else f"at most {stratum.bound:.1%}"
            said.append(f"  {column} {value}: {stratum.losses} losses among {stratum.released}, {bound}")
    return said

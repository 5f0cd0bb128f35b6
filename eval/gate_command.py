"""`atelier eval gate`: what share of a judge's scores may be released unseen, at which risk, with which confidence."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from eval import gate_options as options
from eval.errors import EvalError
from eval.gate_key_command import passphrase_from_environment

if TYPE_CHECKING:
    from eval.gate_run import Calibration, GateRequest
    from eval.gate_terms import Terms

app = typer.Typer(help="Calibrate a release gate and write it as a signed file.", add_completion=False)
CLOSED = 3
"""Exit code of a gate that releases nothing: a result, not a mistake."""


@app.command()
def gate(
    table: options.Table,
    loss: options.LossOption = None,
    alpha: options.Alpha = None,
    delta: options.Delta = 0.1,
    human: options.Human = None,
    human2: options.Human2 = None,
    system: options.System = None,
    confidence: options.Confidence = None,
    rater: options.Rater = None,
    criterion: options.Criterion = None,
    blind: options.Blind = False,
    prompt: options.Prompt = None,
    prompt_id: options.PromptId = "",
    group: options.Group = None,
    accept: options.Accept = None,
    accepted_by: options.AcceptedBy = "",
    words: options.Words = None,
    id_column: options.Id = None,
    minimum: options.Minimum = 0,
    maximum: options.Maximum = 100,
    step: options.Step = 1,
    declare: options.Declare = None,
    declared: options.Declared = None,
    judge: options.Judge = None,
    rubric: options.RubricOption = None,
    placement: options.Placement = None,
    days: options.Days = 120,
    boundary: options.Boundary = None,
    margin: options.Margin = 2.0,
    audit_share: options.AuditShare = 0.05,
    attempt: options.AttemptOption = 1,
    key: options.Key = None,
    out: options.Out = None,
    as_json: options.AsJson = False,
) -> None:
    """Say what may be released unseen, and sign it.

    The loss is declared before anything is looked at; thresholds come from confidences alone. A gate that can't be
    shown stays closed: exit code 3.
    """
    from eval.gate_run import GateRequest
    from eval.gate_terms import Terms, signed_gate

    columns = {"human": human, "human2": human2, "system": system, "confidence": confidence, "prompt": prompt}
    request = GateRequest(
        table, loss, alpha, delta, columns | {"words": words, "id": id_column}, tuple(group or ()),
        (minimum, maximum, step), prompt_id, rater, rubric, declared, criterion, blind,
    )  # fmt: skip
    terms = Terms(
        judge, rubric, key, tuple(placement or ()), days, tuple(boundary or ()), margin if boundary else 0, audit_share
    )
    try:
        found = _calibrated(request, declare, _accepted(accept or (), accepted_by), terms, out, attempt)
        if found is not None and out is not None:
            _write(out, signed_gate(found, terms, passphrase_from_environment()))
    except EvalError as error:
        typer.echo(f"atelier eval gate: {error}.", err=True)
        raise typer.Exit(1) from None
    if found is not None:
        _say(found, out, as_json)


def _say(found: "Calibration", out: Path | None, as_json: bool) -> None:
    """The result in words or as JSON; a gate that stays closed ends the command with its own code."""
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2) if as_json else "\n".join(found.lines()))
    if out is not None:
        typer.echo(f"signed: {out}", err=as_json)
    if not found.releases:
        raise typer.Exit(CLOSED)


def _calibrated(
    request: "GateRequest",
    declare: Path | None,
    accepted: Mapping[tuple[str, str], str],
    terms: "Terms",
    out: Path | None,
    at_least: int,
) -> "Calibration | None":
    """What may be released; None where it is only declared what would be tested."""
    from eval.gate_attempts import recorded_attempt, signed_attempts
    from eval.gate_run import calibrated, declaration_of, responses_of

    responses = responses_of(request)
    declaration = declaration_of(request, responses)
    if declare is None:
        signed = []
        if out is not None and terms.key is not None:
            signed = list(signed_attempts(out.parent, _key_of(terms.key), {row.prompt for row in responses.rows}))
        attempt = recorded_attempt(request.table, responses, declaration, accepted, at_least, signed)
        return calibrated(responses, declaration, accepted, attempt)
    _write(declare, json.dumps(declaration.as_json(), indent=2) + "\n")
    typer.echo(f"{declare} declares: {declaration.loss.words}; no human score was compared.")
    return None


def _key_of(private: Path) -> str:
    """How gate files name the key that signs."""
    from eval.signing import read_key
    from rubrics.gate_file import key_digest

    return key_digest(read_key(private, passphrase_from_environment()).public_key())


def _accepted(named: Sequence[str], who: str) -> dict[tuple[str, str], str]:
    """The groups that somebody signs for, by column and value."""
    if named and not who.strip():
        raise EvalError("say who signs for these groups: --accepted-by NAME")
    found = {}
    for one in named:
        column, equals, value = one.partition("=")
        if not equals:
            raise EvalError(f"--accept takes COLUMN=VALUE, not {one!r}")
        found[column, value] = who.strip()
    return found


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EvalError(f"{file} can't be written: {error.strerror}") from None

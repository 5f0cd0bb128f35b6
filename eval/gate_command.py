"""`atelier eval gate`: what share of a judge's scores may be released unseen, at which risk, with which confidence."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from eval.errors import EvalError
from eval.gate_key_command import passphrase_from_environment

app = typer.Typer(help="Calibrate a release gate and write it as a signed file.", add_completion=False)
CLOSED = 3
"""Exit code of a gate that releases nothing: a result, not a mistake."""


@app.command()
def gate(
    table: Annotated[Path, typer.Argument(help="Labelled responses: a row each, a long table, or a run's folder.")],
    loss: Annotated[
        str | None, typer.Option(help="What counts as a loss: any, steps:N, off:X, over:X, outside, criteria:N.")
    ] = None,
    alpha: Annotated[float | None, typer.Option(help="The risk that is promised at most, as 0.1.")] = None,
    delta: Annotated[float, typer.Option(help="How often such a promise may be broken.")] = 0.1,
    human: Annotated[str | None, typer.Option(help="Column of the human scores, given without the judge's.")] = None,
    human2: Annotated[str | None, typer.Option(help="Column of a second person's scores.")] = None,
    system: Annotated[str | None, typer.Option(help="Column of the judge's scores.")] = None,
    confidence: Annotated[
        str | None, typer.Option(help="Column of the judge's confidence, 0 to 1; in a long table: least, mean or none.")
    ] = None,
    rater: Annotated[str | None, typer.Option(help="In a long table: the judge's rater id.")] = None,
    criterion: Annotated[str | None, typer.Option(help="In a long table: compare this one score.")] = None,
    blind: Annotated[
        bool, typer.Option("--blind", help="People did not see the judge's scores, though the table does not say so.")
    ] = False,
    prompt: Annotated[str | None, typer.Option(help="Column of prompts; each gets a threshold of its own.")] = None,
    prompt_id: Annotated[str, typer.Option(help="The one prompt's name, as the lesson's item id.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="Column of groups that must be shown too.")] = None,
    accept: Annotated[
        list[str] | None, typer.Option(help="COLUMN=VALUE of a group to release without proof; again for each.")
    ] = None,
    accepted_by: Annotated[str, typer.Option(help="Who signs for those groups.")] = "",
    words: Annotated[str | None, typer.Option(help="Column of lengths in words; others are held.")] = None,
    id_column: Annotated[str | None, typer.Option("--id", help="Column of ids; a second row is refused.")] = None,
    minimum: Annotated[float, typer.Option("--min", help="Lowest score.")] = 0,
    maximum: Annotated[float, typer.Option("--max", help="Highest score.")] = 100,
    step: Annotated[float, typer.Option(help="Distance of two levels.")] = 1,
    declare: Annotated[
        Path | None, typer.Option(help="Write what would be tested to this file and look at no human score.")
    ] = None,
    declared: Annotated[Path | None, typer.Option(help="Test what this file declared, and nothing else.")] = None,
    judge: Annotated[Path | None, typer.Option(help="JSON of the judge: name, version, model, prompt_hash.")] = None,
    rubric: Annotated[str | None, typer.Option(help="Id or path of the rubric.")] = None,
    placement: Annotated[list[str] | None, typer.Option(help="Placement it is for, as `atelier gate` lists.")] = None,
    days: Annotated[float, typer.Option(min=0.01, max=400, help="For how many days it holds.")] = 120,
    boundary: Annotated[list[float] | None, typer.Option(help="Points near which a person decides.")] = None,
    margin: Annotated[float, typer.Option(min=0, help="How near.")] = 2.0,
    audit_share: Annotated[
        float, typer.Option(min=0.05, max=1, help="Share of the released that is read again.")
    ] = 0.05,
    key: Annotated[Path | None, typer.Option(help="Private key that signs: see `atelier eval gate-key`.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the signed gate file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say what may be released unseen, and sign it.

    The loss is declared before anything is looked at; thresholds come from confidences alone. A gate that can't be
    shown stays closed: exit code 3.
    """
    from eval.gate_run import GateRequest, calibrated, declaration_of, responses_of
    from eval.gate_terms import Terms, signed_gate

    columns = {"human": human, "human2": human2, "system": system, "confidence": confidence, "prompt": prompt}
    columns |= {"words": words, "id": id_column}
    scale = (minimum, maximum, step)
    request = GateRequest(
        table=table,
        loss=loss,
        alpha=alpha,
        delta=delta,
        columns=columns,
        groups=tuple(group or ()),
        scale=scale,
        prompt_id=prompt_id,
        rater=rater,
        rubric=rubric,
        declared=declared,
        criterion=criterion,
        blind=blind,
    )
    terms = Terms(
        judge, rubric, key, tuple(placement or ()), days, tuple(boundary or ()), margin if boundary else 0, audit_share
    )
    try:
        responses = responses_of(request)
        declaration = declaration_of(request, responses)
        if declare is not None:
            _write(declare, json.dumps(declaration.as_json(), indent=2) + "\n")
            typer.echo(f"{declare} declares: {declaration.loss.words}; no human score was compared.")
            return
        found = calibrated(responses, declaration, _accepted(accept or (), accepted_by))
        if out is not None:
            _write(out, signed_gate(found, terms, passphrase_from_environment()))
    except EvalError as error:
        typer.echo(f"atelier eval gate: {error}.", err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2) if as_json else "\n".join(found.lines()))
    if out is not None:
        typer.echo(f"signed: {out}", err=as_json)
    if not found.releases:
        raise typer.Exit(CLOSED)


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

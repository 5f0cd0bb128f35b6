"""`atelier eval drift`: whether a gate that is in use still keeps its promise."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.errors import EvalError

if TYPE_CHECKING:
    from eval.drift import Drift
    from eval.gate_chain import Promise

app = typer.Typer(help="Watch a gate in use.", add_completion=False)
ALARM = 3
"""Exit code when the gate must close: a result, not a mistake."""


@app.command()
def drift(
    audit: Annotated[Path, typer.Argument(help="What was released, in order, as `atelier gate audit` writes it.")],
    gate: Annotated[Path | None, typer.Option(help="The gate file, for its promise.")] = None,
    alpha: Annotated[float | None, typer.Option(help="The promised risk, without a gate file.")] = None,
    delta: Annotated[float | None, typer.Option(help="How often an alarm may be false, without a gate file.")] = None,
    anchors: Annotated[
        tuple[Path, Path] | None, typer.Option(help="Scores of the frozen essays before, and now.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="How far anchors may move on average, up and down alike.")
    ] = 0.0,
    tolerance_each: Annotated[
        float | None, typer.Option(min=0, help="How far any one anchor may move; twice the tolerance by default.")
    ] = None,
    shifts: Annotated[bool, typer.Option("--shifts", help="Compare weeks: confidence, length, prompts.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say the risk among what was released of each question, and ring the alarm when the promise is broken.

    Exit code 3 if an alarm rings. The audit may be looked at as often as anybody likes. Changes by people can raise an
    alarm and never clear one.
    """
    from eval.drift import drift_of, read_anchors, read_audit
    from eval.gate_chain import Promise

    try:
        if gate is not None:
            promise = _promise_of(gate)
        elif alpha is not None and delta is not None:
            promise = Promise(alpha, delta)
        else:
            raise EvalError("name the gate file with --gate, or its promise with --alpha and --delta")
        released = read_audit(audit)
        moved = None if anchors is None else read_anchors(*anchors, tolerance, tolerance_each)
        prompts = sorted({one.facts.get("prompt_id", "") for one in released})
        found = {
            prompt: drift_of(
                [one for one in released if one.facts.get("prompt_id", "") == prompt],
                promise.alpha,
                promise.delta,
                moved,
                shifts,
            )
            for prompt in prompts
        }
    except EvalError as error:
        typer.echo(f"atelier eval drift: {error}.", err=True)
        raise typer.Exit(1) from None
    except ValueError as error:
        typer.echo(f"atelier eval drift: {audit.name}: {error}.", err=True)
        raise typer.Exit(1) from None
    rings = any(one.alarms for one in found.values())
    if as_json:
        said = {"alarm": rings, "prompts": {name: one.as_json() for name, one in found.items()}}
        typer.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        for name, one in found.items():
            typer.echo("\n".join(([f"{name}:"] if name else []) + _lines(one)))
    if rings:
        raise typer.Exit(ALARM)


def _promise_of(gate: Path) -> "Promise":
    """What a gate file promises."""
    from eval.gate_chain import Promise
    from rubrics.gate_file import GateFileError, read_gate_file

    try:
        found = read_gate_file(gate.read_text(encoding="utf-8")).gate
    except OSError as error:
        raise EvalError(f"{gate} can't be read: {error.strerror}") from None
    except (GateFileError, UnicodeDecodeError) as error:
        raise EvalError(f"{gate.name}: {str(error).rstrip('.')}") from None
    return Promise(found.alpha, found.delta)


def _lines(found: "Drift") -> list[str]:
    """The report in words, the verdict first."""
    lines = [f"ALARM: {one}" for one in found.alarms] or ["No alarm."]
    if found.alarms:
        lines.append("Stop releasing, review everything, calibrate anew.")
    risk = found.risk
    lines.append(
        f"{found.released:,} released unseen; {risk.readings:,} read again blind, {risk.waiting:,} still to read."
    )
    if risk.value is not None and risk.low is not None and risk.high is not None:
        lines.append(
            f"Risk among everything released: {risk.value:.1%} ({risk.low:.1%} to {risk.high:.1%}); promised at most "
            f"{found.alpha:.0%}."
        )
    lines.append(
        f"Audit: evidence {found.audit.value:.2g}, highest {found.audit.highest:.2g}; alarm at {found.audit.limit:g}."
    )
    lines.append(
        f"Changes by people: {found.overrides.losses} losses; evidence {found.overrides.value:.2g}, highest "
        f"{found.overrides.highest:.2g}. They may raise an alarm, and never clear one."
    )
    lines += [f"{one.what} differs in week {one.week} (p {one.p:.2g})" for one in found.shifts if one.differs]
    if found.anchors is not None:
        lines.append(
            f"{found.anchors.count} anchors moved by {found.anchors.distance:.3f} on average, "
            f"{found.anchors.mean:+.3f} on balance, at most {found.anchors.largest:+.3f}."
        )
    return lines

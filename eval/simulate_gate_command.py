"""`atelier eval simulate-gate`: how often the gate breaks its promise, in worlds where the truth is known."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eval.errors import EvalError

if TYPE_CHECKING:
    from eval.gate_chain import Promise
    from eval.gate_run import GateRequest
    from eval.simulate_gate import Outcome

app = typer.Typer(help="Rerun the gate where the truth is known.", add_completion=False)


@app.command()
def simulate_gate(
    table: Annotated[
        Path | None, typer.Argument(help="A table whose confidences make the worlds; else made-up ones do.")
    ] = None,
    confidence: Annotated[str | None, typer.Option(help="Its column of confidences, 0 to 1.")] = None,
    human: Annotated[str | None, typer.Option(help="Its column of human scores: splits it in halves, too.")] = None,
    system: Annotated[str | None, typer.Option(help="Its column of the judge's scores.")] = None,
    loss: Annotated[str, typer.Option(help="What counts as a loss in the table, as in `eval gate`.")] = "any",
    minimum: Annotated[float, typer.Option("--min", help="Lowest score.")] = 0,
    maximum: Annotated[float, typer.Option("--max", help="Highest score.")] = 100,
    step: Annotated[float, typer.Option(help="Distance of two levels.")] = 1,
    alpha: Annotated[float, typer.Option(help="The risk that is promised at most.")] = 0.1,
    delta: Annotated[float, typer.Option(help="How often that may be broken.")] = 0.1,
    labels: Annotated[list[int] | None, typer.Option(min=10, max=20_000, help="How many labels; repeatable.")] = None,
    replicates: Annotated[int, typer.Option(min=10, max=100_000, help="Calibrations of each kind.")] = 1000,
    splits: Annotated[int, typer.Option(min=1, max=10_000, help="Random halves of the table.")] = 200,
    own_thresholds: Annotated[
        bool, typer.Option("--own-thresholds", help="Thresholds from the labelled responses' own confidences.")
    ] = False,
    alarm: Annotated[
        bool, typer.Option("--alarm", help="Rather: how often the audit's alarm rings, and when, by the true risk.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of it all.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Calibrate again and again where the true risk is known, and count broken promises beside delta.

    Exit code 1 if the gate broke its promise more often than chance explains.
    """
    from eval.gate_chain import Promise
    from eval.gate_run import GateRequest

    columns = {"human": human, "system": system, "confidence": confidence}
    try:
        promise = Promise(alpha, delta)
        if alarm:
            _say_alarms(promise, replicates, seed, as_json)
            return
        asked = None
        if table is not None:
            asked = GateRequest(table, loss, alpha, delta, columns, (), (minimum, maximum, step))
        outcomes = _rerun(asked, promise, labels, replicates, splits, seed, own_thresholds, as_json)
    except EvalError as error:
        typer.echo(f"atelier eval simulate-gate: {error}.", err=True)
        raise typer.Exit(1) from None
    if any(one.rule == "gate" and one.wrong > one.limit(delta) for one in outcomes):
        raise typer.Exit(1)


def _rerun(
    table: "GateRequest | None",
    promise: "Promise",
    labels: Sequence[int] | None,
    replicates: int,
    splits: int,
    seed: int,
    own_thresholds: bool,
    as_json: bool,
) -> "list[Outcome]":
    """Calibrate in every world, saying what comes of it as it comes; a table with labels is split in halves, too."""
    from eval.simulate_gate import SIZES, outcomes_json, rerun, split_check, table_of, worlds, worlds_of

    known, halves = worlds(promise.alpha, seed), None
    if table is not None:
        own, lost = table_of(table)
        known = worlds_of(own, lost, promise.alpha, seed)
        halves = None if lost is None else split_check(own, lost, promise, splits, seed)
    outcomes = []
    for one in rerun(known, labels or SIZES, promise, replicates, seed, own_thresholds):
        outcomes.append(one)
        if not as_json:
            _say(one, promise.delta, first=len(outcomes) == 1)
    if as_json:
        typer.echo(json.dumps(outcomes_json(outcomes, promise, halves), indent=2))
    elif halves is not None:
        typer.echo(
            f"\n{halves.splits} halves of the table: open in {halves.open}, {halves.share:.0%} released, risk of the "
            f"other half {halves.risk:.3f}; above {promise.alpha:g} in {halves.above:.1%} of the splits"
        )
    return outcomes


def _say(one: "Outcome", delta: float, first: bool) -> None:
    """One row of the table, its head before the first."""
    if first:
        typer.echo(
            f"{'world':<40}{'labels':>7}  {'rule':<14}{'broken':>8}{'delta':>7}{'limit':>7}{'released':>10}"
            f"{'closed':>8}"
        )
    typer.echo(
        f"{one.world:<40}{one.labels:>7}  {one.rule:<14}{one.wrong:>8.1%}{delta:>7.0%}{one.limit(delta):>7.1%}"
        f"{one.share:>10.0%}{one.nothing:>8.0%}"
    )


def _say_alarms(promise: "Promise", streams: int, seed: int, as_json: bool) -> None:
    """The alarm at the promised risk, where it would be false, and at higher ones."""
    from eval.simulate_alarm import READINGS, alarms

    found = alarms(promise, streams, seed)
    if as_json:
        typer.echo(json.dumps([one.as_json() for one in found], indent=2))
    else:
        typer.echo(f"{'true risk':>10}{'rang within ' + format(READINGS, ',') + ' readings':>30}{'median reading':>16}")
        for one in found:
            median = "-" if one.median is None else f"{one.median:.0f}"
            typer.echo(f"{one.risk:>10.1%}{one.rang:>30.1%}{median:>16}")
    limit = promise.delta + 3 * (promise.delta * (1 - promise.delta) / streams) ** 0.5
    if found[0].rang > limit:
        raise typer.Exit(1)

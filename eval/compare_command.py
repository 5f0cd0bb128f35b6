"""`atelier eval compare`: two runs on the same rows, with a verdict within a declared margin."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from eval.errors import EvalError, TableError

app = typer.Typer(help="Two judges on the same responses: which is better, or is it not shown?", add_completion=False)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A: a run's folder, or a long table that has a judge's scores.")],
    second: Annotated[Path, typer.Argument(help="B: another, of the same data.")],
    margin: Annotated[float, typer.Option(min=0, help="QWK that is no difference worth having.")] = 0.02,
    judge: Annotated[str | None, typer.Option(help="A's judge, where its table has several.")] = None,
    other: Annotated[str | None, typer.Option(help="B's judge, where its table has several.")] = None,
    reference: Annotated[
        str, typer.Option(help="Whose scores are the reference: first, mean, adjudicated, or a rater's id.")
    ] = "first",
    cluster: Annotated[str | None, typer.Option(help="Column of students whose rows belong together.")] = None,
    replicates: Annotated[int, typer.Option(min=0, max=100_000, help="Resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    out: Annotated[str | None, typer.Option("--json", help="Where to write the JSON; - is standard output.")] = None,
) -> None:
    """Paired difference of QWK with its interval, McNemar, Wilcoxon, and a verdict for each criterion."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from eval.report.comparing import comparison_of
    from eval.report.subjects import Choice
    from eval.run_folder import read_run

    try:
        choice = Choice(judge=judge, reference=reference, cluster=cluster, replicates=replicates, seed=seed)
        found = comparison_of(read_run(first), read_run(second), choice, margin, other)
        _write(found, out)
    except EvalError as error:
        typer.echo(f"atelier eval compare: {error}.", err=True)
        raise typer.Exit(1) from None


def _write(found: dict[str, Any], out: str | None) -> None:
    text = json.dumps(found, ensure_ascii=False, allow_nan=False, indent=1)
    if out == "-":
        typer.echo(text)
        return
    if out is not None:
        try:
            Path(out).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise TableError(f"{out} can't be written: {error.strerror}") from None
    typer.echo(f"A {found['first']}\nB {found['second']}\nmargin {found['margin']:g} QWK\n")
    for name, one in found["criteria"].items():
        typer.echo("\n".join(_lines(name, one)))


def _lines(name: str, one: dict[str, Any]) -> list[str]:
    difference = one["differences"]["qwk"]
    if difference["value"] is None:
        return [f"{name}: {one['verdict']} ({one['reason']})"]
    shown = f"{difference['value']:+.3f}"
    if difference["low"] is not None:
        shown += f" ({difference['low']:+.3f} to {difference['high']:+.3f})"
    reason = f" ({one['reason']})" if one["reason"] else ""
    tests = [f"{test} p {_p(one[test]['p_holm'])}" for test in ("mcnemar", "wilcoxon")]
    return [
        f"{name}: {one['verdict']}{reason}",
        f"  {one['n']:,} rows, QWK {one['first']['qwk']:.3f} and {one['second']['qwk']:.3f}, A minus B {shown}",
        f"  {', '.join(tests)} (Holm); only A right {one['mcnemar']['only_first']}, "
        f"only B right {one['mcnemar']['only_second']}",
    ]


def _p(value: float | None) -> str:
    return "-" if value is None else "< .001" if value < 0.001 else f"{value:.3f}"

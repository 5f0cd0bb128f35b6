"""`atelier eval metrics`: agreement of a judge with people, from a table that already has both."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from eval.errors import EvalError, TableError

app = typer.Typer(help="Agreement of a judge with people, from a table that has both.", add_completion=False)
SHOWN = ("exact", "adjacent", "kappa", "qwk", "qwk_raw", "pearson", "rmse", "bias", "smd")


@app.command()
def metrics(
    file: Annotated[Path, typer.Argument(help="Delimited text with a header and a row per response.")],
    human: Annotated[str, typer.Option(help="Column of the human scores that are the reference.")],
    system: Annotated[str, typer.Option(help="Column of the judge's scores.")],
    human2: Annotated[str | None, typer.Option(help="Column of a second, independent human score.")] = None,
    rater: Annotated[list[str] | None, typer.Option(help="Column of a third human, with --human2; repeatable.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="Column of groups; repeatable.")] = None,
    minimum: Annotated[float | None, typer.Option("--min", help="Lowest score; else the lowest human one.")] = None,
    maximum: Annotated[float | None, typer.Option("--max", help="Highest score; else the highest human one.")] = None,
    step: Annotated[float, typer.Option(help="Distance of two levels of the scale.")] = 1.0,
    rounding: Annotated[str, typer.Option(help="half-even or half-up.")] = "half-even",
    code: Annotated[list[str] | None, typer.Option(help="Text that stands for no score, as TD; repeatable.")] = None,
    exclude_zero: Annotated[bool, typer.Option(help="Leave out human scores of zero, as rsmtool does.")] = False,
    id_column: Annotated[
        str | None, typer.Option("--id", help="Column of ids, none for no such; a second row of an id is refused.")
    ] = None,
    prompt: Annotated[
        str | None, typer.Option(help="A group column whose groups' unweighted mean is told too.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column of students or classes whose rows belong together.")
    ] = None,
    replicates: Annotated[int, typer.Option(min=0, max=100_000, help="Resamples behind each interval.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    out: Annotated[str | None, typer.Option("--json", help="Where to write the JSON; - is standard output.")] = None,
) -> None:
    """Agreement with intervals: judge and human, human and human, and each group."""
    # Products of small matrices gain nothing from threads and cost their waiting; read when numpy is first loaded.
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from eval.metrics_report import Request, report_of_file
    from eval.wide_table import Columns

    groups = tuple(dict.fromkeys([*([prompt] if prompt else []), *(group or [])]))
    if rater and human2 is None:
        raise typer.BadParameter("a third human needs --human2 for the second")
    columns = Columns(human, system, human2, groups, id_column, cluster, prompt, tuple(rater or ()))
    request = Request(
        file, columns, minimum, maximum, step, rounding, tuple(code or ()), exclude_zero, replicates, seed
    )
    try:
        _write(report_of_file(request), out)
    except EvalError as error:
        typer.echo(f"atelier eval metrics: {error}.", err=True)
        raise typer.Exit(1) from None


def _write(found: dict[str, Any], out: str | None) -> None:
    text = json.dumps(found, ensure_ascii=False, allow_nan=False, indent=2)
    if out == "-":
        typer.echo(text)
        return
    if out is not None:
        try:
            Path(out).write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            raise TableError(f"{out} can't be written: {error.strerror}") from None
    typer.echo("\n".join(_lines(found)))


def _lines(found: dict[str, Any]) -> list[str]:
    overall, prompts = found["overall"], found["prompts"]
    lines = [f"{overall['n']['n']:,} rows with a human and a system score", ""]
    if prompts:
        lines += [f"mean over the prompts of column {prompts['column']!r}", *_rows(prompts), "", "pooled"]
    lines += [*_rows({"overall": overall, "human_human": found["human_human"]}), ""]
    return lines + [f"{one['verdict']:<10}{one['says']}{_why(one['reason'])}" for one in found["criteria"]]


def _rows(part: dict[str, Any]) -> list[str]:
    judge, people = part["overall"], part["human_human"]
    shown = [name for name in SHOWN if name in judge and name in people]
    return [f"{name:<9}{_shown(judge[name]):<34}human-human {_shown(people[name])}" for name in shown]


def _why(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _shown(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return f"- ({figure['reason']})"
    interval = "" if figure["low"] is None else f" ({figure['low']:.3f} to {figure['high']:.3f})"
    return f"{figure['value']:.3f}{interval}"

"""`atelier eval report`: a run's folder as one page, JSON and CSV."""

import csv
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from eval.errors import EvalError, TableError

app = typer.Typer(help="A run's figures as one page that can be cited, with JSON and CSV.", add_completion=False)
HTML, JSON, CSV = "report.html", "report.json", "figures.csv"


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="Folder of an eval run, or a long table that has a judge's scores.")],
    judge: Annotated[str | None, typer.Option(help="Which judge, where the table has several.")] = None,
    reference: Annotated[
        str, typer.Option(help="Whose scores are the reference: first, mean, adjudicated, or a rater's id.")
    ] = "first",
    cluster: Annotated[str | None, typer.Option(help="Column of students whose rows belong together.")] = None,
    against: Annotated[Path | None, typer.Option(help="Another run, compared on the same rows.")] = None,
    margin: Annotated[float, typer.Option(min=0, help="QWK that is no difference worth having.")] = 0.02,
    replicates: Annotated[int, typer.Option(min=0, max=100_000, help="Resamples behind each interval.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    rounding: Annotated[str, typer.Option(help="half-even or half-up.")] = "half-even",
    line: Annotated[float | None, typer.Option(help="Score at which a pass would be decided, for retests.")] = None,
    total_step: Annotated[float, typer.Option(help="Points of the total that count as one step.")] = 10.0,
    with_text: Annotated[
        bool, typer.Option("--with-text", help="Show quotes and comments: they hold students' words.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; else the run's own.")] = None,
) -> None:
    """Write report.html, report.json and figures.csv; asks nobody, and the same folder gives the same page."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    from eval.report.comparing import comparison_of
    from eval.report.document import document, flat_rows
    from eval.report.page import page
    from eval.report.subjects import Choice
    from eval.run_folder import read_run
    from eval.scale import rounding_named

    try:
        choice = Choice(
            judge, reference, cluster, replicates, seed, rounding_named(rounding), total_step, line, with_text
        )
        found = read_run(run)
        beside = comparison_of(found, read_run(against), choice, margin) if against is not None else None
        told = document(found, choice, beside)
        folder = out or (run if run.is_dir() else run.parent)
        _write(folder, told, page(told), flat_rows(told))
    except EvalError as error:
        typer.echo(f"atelier eval report: {error}.", err=True)
        raise typer.Exit(1) from None
    verdict = told["verdict"]
    typer.echo(" ".join(verdict[part] for part in ("sentence", "fairness", "gate") if verdict[part]))
    typer.echo(str(folder / HTML))


def _write(folder: Path, told: dict[str, Any], text: str, rows: list[dict[str, Any]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / HTML).write_text(text, "utf-8")
        (folder / JSON).write_text(json.dumps(told, ensure_ascii=False, allow_nan=False, indent=1) + "\n", "utf-8")
        with (folder / CSV).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise TableError(f"{folder} can't be written: {error.strerror}") from None

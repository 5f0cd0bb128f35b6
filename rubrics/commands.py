"""The commands about rubrics: `atelier rubric check`."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from rubrics.model import Fault, Rubric, RubricError, load_rubric

app = typer.Typer(help="Rubrics: the sheets that judges and people fill in.", no_args_is_help=True)


@app.callback()
def _rubric() -> None:
    """Rubrics: the sheets that judges and people fill in."""


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A rubric's YAML file, or a folder of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read rubrics and name the file and key of every fault; exits 1 if there is one."""
    rubrics, faults = _read_all(path)
    if as_json:
        typer.echo(json.dumps(_as_json(rubrics, faults), indent=2, ensure_ascii=False))
    else:
        for rubric in rubrics:
            criteria = ", ".join(criterion.id for criterion in rubric.criteria)
            typer.echo(f"{rubric.id} v{rubric.version}: {criteria} ({rubric.content_hash[:12]})")
        for fault in faults:
            typer.echo(str(fault), err=True)
    if faults:
        raise typer.Exit(1)


def _read_all(path: Path) -> tuple[list[Rubric], list[Fault]]:
    rubrics: dict[str, tuple[Rubric, str]] = {}
    faults: list[Fault] = []
    files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
    if not files:
        faults.append(Fault(str(path), "", "there is no YAML file in this folder"))
    for file in files:
        try:
            rubric = load_rubric(file)
        except RubricError as error:
            faults.extend(error.faults)
            continue
        if rubric.id in rubrics:
            faults.append(Fault(file.name, "id", f"{rubric.id} is also the id of {rubrics[rubric.id][1]}"))
        else:
            rubrics[rubric.id] = (rubric, file.name)
    return [rubric for rubric, _ in rubrics.values()], faults


def _as_json(rubrics: list[Rubric], faults: list[Fault]) -> dict[str, Any]:
    return {
        "rubrics": [
            {"id": r.id, "version": r.version, "criteria": [c.id for c in r.criteria], "hash": r.content_hash}
            for r in rubrics
        ],
        "faults": [fault._asdict() for fault in faults],
    }

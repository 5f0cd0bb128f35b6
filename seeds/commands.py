"""`atelier lesson`: what an author of lessons runs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from lti_tool.lesson import Lesson
from seeds.load import LESSON_FILE, LessonError, read_lesson

app = typer.Typer(no_args_is_help=True, help="Check the lessons you write.")


@app.callback()
def lesson() -> None:
    """Check the lessons you write."""


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A lesson's folder, or its lesson.yaml.")],
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Read a lesson and its rubrics, and name the file and key of every fault."""
    try:
        found = read_lesson(path.parent if path.name == LESSON_FILE else path)
    except LessonError as error:
        faults = [fault._asdict() for fault in error.faults]
        typer.echo(json.dumps({"ok": False, "faults": faults}) if as_json else str(error), err=not as_json)
        raise typer.Exit(1) from None
    facts = _facts(found)
    typer.echo(json.dumps({"ok": True, **facts}) if as_json else _line(found))


def _facts(lesson: Lesson) -> dict[str, object]:
    return {
        "slug": lesson.slug,
        "steps": len(lesson.steps),
        "items": len(lesson.items),
        "terms": len(lesson.terms),
        "weights": lesson.weights,
        "content_hash": lesson.content_hash,
    }


def _line(lesson: Lesson) -> str:
    weights = ", ".join(f"{item_id} {weight:g}" for item_id, weight in lesson.weights.items())
    things = {"step": lesson.steps, "item": lesson.items, "term": lesson.terms}
    counts = ", ".join(f"{len(these)} {name}{'' if len(these) == 1 else 's'}" for name, these in things.items())
    return f"{lesson.slug}: {counts}; weights {weights}; {lesson.content_hash}"

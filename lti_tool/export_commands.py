"""`atelier export reviews`: de-identified human sheets for the eval commands."""

import csv
import json
import os
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from lti_tool.export import COLUMNS, Exported, Pseudonyms, Wanted, export_reviews
from lti_tool.terminal import fail, open_database, settings_or_exit

app = typer.Typer(help="Take data out.", add_completion=False)


@app.command()
def reviews(
    out: Annotated[Path | None, typer.Option(help="File to write; else standard output.")] = None,
    lesson: Annotated[str | None, typer.Option(help="Only this lesson.")] = None,
    item: Annotated[str | None, typer.Option(help="Only this question.")] = None,
    blind: Annotated[bool, typer.Option("--blind", help="Only people who had not seen the judge's sheet.")] = False,
    texts: Annotated[
        Path | None, typer.Option(help="Also write the texts, as lines of id and text. They may name people.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Also write which response is which submission; keep it apart.")
    ] = None,
) -> None:
    """Write a long table of people's and judges' sheets; nobody is named, and no text leaves unless asked for."""
    with open_database(settings_or_exit()) as database, database.read() as session:
        found = export_reviews(session, Wanted(lesson, item, blind), Pseudonyms())
    if not found.rows:
        fail(f"No submission was scored by a person{' without the judge' if blind else ''} yet{_left_out(found)}.")
    try:
        if out is None:
            _table(sys.stdout, found)
        else:
            with out.open("w", newline="", encoding="utf-8") as file:
                _table(file, found)
        if texts is not None:
            _private(texts, "".join(json.dumps({"id": one, "text": text}) + "\n" for one, text in found.texts.items()))
        if key is not None:
            _private(key, "".join(f"{one},{public}\n" for one, public in found.names.items()))
    except OSError as error:
        fail(f"{error.filename} can't be written: {error.strerror}.")
    blinds = sum(row["blind"] == "yes" for row in found.rows)
    people = sum(row["rater_kind"] == "human" for row in found.rows)
    print(
        f"{len(found.names):,} responses, {people:,} human scores, {blinds:,} of them blind{_left_out(found)}.",
        file=sys.stderr,
    )


def _left_out(found: Exported) -> str:
    parts = []
    if found.without_notice:
        parts.append(f"{found.without_notice:,} left out whose writers did not go on from the course's notice")
    if found.without_people:
        parts.append(f"{found.without_people:,} that nobody scored")
    return f"; {', '.join(parts)}" if parts else ""


def _table(file: TextIO, found: Exported) -> None:
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(found.rows)


def _private(path: Path, content: str) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
    path.chmod(0o600)

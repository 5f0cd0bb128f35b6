"""`atelier gate-key`: the public keys whose gate files this tool believes."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lti_tool.gate_keys import GateKeyProblem, add_gate_key, list_gate_keys, remove_gate_key
from lti_tool.models import GateKey
from lti_tool.terminal import fail, open_database, settings_or_exit

app = typer.Typer(help="Researchers' public keys.", add_completion=False, no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for a program.")]


@app.command()
def add(
    key: Annotated[str, typer.Argument(help="A .pub file of `atelier eval gate-key`, or the line in it.")],
    name: Annotated[str, typer.Option(help="Whose key it is; else as its line says.")] = "",
    as_json: AsJson = False,
) -> None:
    """Believe the gate files that this key signs. Compare the digest with the researcher before you do."""
    with open_database(settings_or_exit()) as database:
        try:
            with database.write() as session:
                row = describe(add_gate_key(session, _line(key), name))
        except GateKeyProblem as problem:
            fail(str(problem), 2)
    print(json.dumps(row, ensure_ascii=False) if as_json else f"Key {row['id']} of {row['name']}, {row['digest']}")


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every registered key."""
    with open_database(settings_or_exit()) as database, database.read() as session:
        rows = [describe(row) for row in list_gate_keys(session)]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        print("No key is registered, so no gate file is believed. Add one with: atelier gate-key add FILE")
    for row in rows:
        print(f"{row['id']}  {row['name']}{'' if row['believed'] else '  (removed)'}\n   {row['digest']}")


@app.command()
def remove(
    key_id: Annotated[int, typer.Argument(help="The number that `atelier gate-key list` shows.")],
    as_json: AsJson = False,
) -> None:
    """Believe a key no longer; every gate that it signed closes at once."""
    with open_database(settings_or_exit()) as database:
        try:
            with database.write() as session:
                row = describe(remove_gate_key(session, key_id))
        except GateKeyProblem as problem:
            fail(str(problem), 2)
    print(json.dumps(row, ensure_ascii=False) if as_json else f"The key of {row['name']} is no longer believed.")


def describe(row: GateKey) -> dict[str, Any]:
    """A key as JSON."""
    return {
        "id": row.id,
        "name": row.name,
        "digest": row.digest,
        "line": row.line,
        "believed": row.removed_at is None,
        "added_at": row.added_at.isoformat(),
    }


def _line(key: str) -> str:
    """The key's line: as it was typed, or out of the file of that name."""
    try:
        return Path(key).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return key

"""`atelier doctor`: everything outside the process, checked, a line each."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from flows.doctor import Check, examine

app = typer.Typer(help="Check everything outside this process.", add_completion=False)

MARKS = {"ok": "[x]", "failed": "[!]", "not_checked": "[ ]"}


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False) -> None:
    """Check settings, database, keys, judge, storage, Prefect, platforms and the queue; exit 1 if one check fails."""
    found = []
    for check in examine():
        found.append(check)
        if not as_json:
            # At once: a platform that does not answer takes a while.
            print(f"{MARKS[check.state]} {check.name}: {check.says}", flush=True)
    well = not any(check.state == "failed" for check in found)
    if as_json:
        print(_as_json(well, found))
    raise typer.Exit(0 if well else 1)


def _as_json(well: bool, found: list[Check]) -> str:
    return json.dumps({"ok": well, "checks": [asdict(check) for check in found]}, ensure_ascii=False)

"""`atelier purge`: erase what placements keep for a limited time, and sign-ins that are over."""

import json
from typing import Annotated

import typer

from lti_tool.db import Database
from lti_tool.erasing import Due
from lti_tool.purging import due_now
from lti_tool.purging import purge as purge_now
from lti_tool.terminal import open_database, settings_or_exit

app = typer.Typer(add_completion=False)


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and erase nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for a program.")] = False,
) -> None:
    """Erase learners' work that its placement has kept as long as its settings say, and sign-ins that are over.

    Executors do so by themselves every hour. What the course's gradebook was sent stays there.
    """
    with open_database(settings_or_exit()) as database:
        due, erased = (due_now(database), 0) if dry_run else _purged(database)
    if as_json:
        rows = [{"placement": one.resource_link_id, "last": one.last.isoformat()} for one in due]
        print(json.dumps({"erased": erased, "due": rows}))
        return
    who = f"{len(due)} {'learner' if len(due) == 1 else 'learners'}"
    print(f"The work of {who} {'would be' if dry_run else 'was'} erased.")


def _purged(database: Database) -> tuple[tuple[Due, ...], int]:
    done = purge_now(database)
    return done.due, done.erased

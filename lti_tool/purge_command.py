"""`atelier purge`: erase what placements keep for a limited time, and sign-ins that are over."""

import json
from datetime import timedelta
from typing import Annotated

import typer
from sqlalchemy import delete
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.erasing import due_for_erasing, erase_work
from lti_tool.models import AdminCode, AdminSession, DeepLinking, Handoff, LoginState, ResourceLink, WebSession
from lti_tool.terminal import open_database, settings_or_exit

app = typer.Typer(add_completion=False)
A_DAY = timedelta(days=1)
OVER = (AdminCode, AdminSession, DeepLinking, Handoff, LoginState, WebSession)


@app.command()
def purge(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be erased, and erase nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for a program.")] = False,
) -> None:
    """Erase learners' work that its placement has kept as long as its settings say, and sign-ins that are over.

    To be run once a day. What the course's gradebook was sent stays there.
    """
    now = utc_now()
    with open_database(settings_or_exit()) as database:
        with database.read() as session:
            due = due_for_erasing(session, now)
        for one in () if dry_run else due:  # each in a transaction of its own, so that a stop loses nothing
            with database.write() as session:
                erase_work(session, session.get_one(ResourceLink, one.resource_link_id), one.person_id, by=None)
        if not dry_run:
            with database.write() as session:
                _sign_ins_that_are_over(session)
    if as_json:
        rows = [{"placement": one.resource_link_id, "last": one.last.isoformat()} for one in due]
        print(json.dumps({"erased": 0 if dry_run else len(due), "due": rows}))
        return
    who = f"{len(due)} {'learner' if len(due) == 1 else 'learners'}"
    print(f"The work of {who} {'would be' if dry_run else 'was'} erased.")


def _sign_ins_that_are_over(session: Session) -> None:
    for table in OVER:
        session.execute(delete(table).where(table.expires_at < utc_now() - A_DAY))

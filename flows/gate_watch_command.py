"""`atelier gate-watch`: looks at every gate in use, and closes those whose alarm rings."""

import json
from typing import Annotated

import typer

from flows.gate_watch import watch_gates
from lti_tool.terminal import open_database, settings_or_exit

app = typer.Typer(help="Look at every gate in use.", add_completion=False)
ALARM = 3


@app.command()
def gate_watch(as_json: Annotated[bool, typer.Option("--json", help="Answer as JSON, for a program.")] = False) -> None:
    """Measure the risk of what each gate released, and close a gate that breaks its promise: exit code 3.

    The executor does the same once a minute.
    """
    with open_database(settings_or_exit()) as database:
        watched = watch_gates(database)
    if as_json:
        rows = [
            {
                "gate": one.gate_id,
                "placement": one.resource_link_id,
                "rubric": one.rubric_id,
                "closed": one.was_closed or one.closed_now,
                "closed_now": one.closed_now,
                "alarms": one.alarms,
                "questions": {item_id: drift.as_json() for item_id, drift in one.drift.items()},
            }
            for one in watched
        ]
        print(json.dumps(rows, ensure_ascii=False))
    else:
        for one in watched:
            state = "closed now" if one.closed_now else "closed before" if one.was_closed else "no alarm"
            print(f"gate {one.gate_id} ({one.rubric_id}, placement {one.resource_link_id}): {state}")
            for item_id, drift in one.drift.items():
                risk = drift.risk
                print(f"  {item_id}: {drift.released} released, {risk.readings} read again, {risk.waiting} to read")
            for sentence in one.alarms:
                print(f"  {sentence}")
        if not watched:
            print("No gate is installed.")
    if any(one.closed_now for one in watched):
        raise typer.Exit(ALARM)

"""`atelier gate`: gate files on placements."""

import csv
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.gate_audit import Audited, audit_of
from lti_tool.gate_release import preview
from lti_tool.gates import POLICY, GateProblem, GateStatus, close_gate, gate_status, install, placement_of
from lti_tool.models import InstalledGate, ResourceLink
from lti_tool.terminal import fail, open_database, settings_or_exit

app = typer.Typer(help="Gate files on placements.", add_completion=False, no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for a program.")]
Placement = Annotated[str, typer.Option("--placement", help="The placement, as `atelier gate list` names it.")]


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Show every placement by the name that gate files know it by, and how its gates stand."""
    with open_database(settings_or_exit()) as database, database.read() as session:
        rows = [describe(session, link) for link in session.scalars(select(ResourceLink).order_by(ResourceLink.id))]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        print("There is no placement yet: a lesson has one once it was opened from a course.")
    for row in rows:
        print(f"{row['placement']}  {row['course']}: {row['title']}  (released by {row['policy']})")
        for one in row["questions"]:
            print(f"   {one['item']:<12} {'open  ' if one['open'] else 'closed'} {one['sentence']}")


@app.command("install")
def install_file(
    file: Annotated[Path, typer.Argument(help="A signed gate file of `atelier eval gate`.")],
    placement: Placement,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would have released so far.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a gate file on a placement. It releases once the placement's rule is "by gate"."""
    text = _text(file)
    with open_database(settings_or_exit()) as database:
        try:
            if dry_run:
                with database.read() as session:
                    _say_preview(session, _link(session, placement), text, as_json)
                return
            with database.write() as session:
                link = _link(session, placement)
                row = install(session, link, text)
                said = {"gate": row.id, **describe(session, link)}
        except GateProblem as problem:
            fail(str(problem), 2)
    if as_json:
        print(json.dumps(said, ensure_ascii=False))
        return
    print(f"Gate {said['gate']} is installed.")
    if said["policy"] != POLICY:
        print(
            f'It releases nothing yet: the placement\'s rule is "{said["policy"]}". Choose "by gate" in its settings.'
        )


@app.command()
def close(
    gate_id: Annotated[int, typer.Argument(help="The number that `atelier gate list --json` shows.")],
    reason: Annotated[str, typer.Option(help="Why, as the instructor will read it.")],
    as_json: AsJson = False,
) -> None:
    """Close a gate for good: from now on a person decides. Only a new calibration opens one again."""
    if not reason.strip():
        fail("Say why.", 2)
    with open_database(settings_or_exit()) as database, database.write() as session:
        row = session.get(InstalledGate, gate_id)
        if row is None:
            fail(f"There is no gate {gate_id}. See them with: atelier gate list --json", 2)
        event = close_gate(session, row, reason.strip())
        said = {"gate": gate_id, "sentence": event.sentence, "at": event.at.isoformat()}
    print(json.dumps(said, ensure_ascii=False) if as_json else f"Gate {gate_id} is closed. {said['sentence']}")


@app.command()
def audit(
    gate_id: Annotated[int, typer.Argument(help="The number that `atelier gate list --json` shows.")],
    out: Annotated[str, typer.Option(help="The file to write; - is standard output.")] = "-",
) -> None:
    """Write what a gate released and what was read again, without names and texts, for `atelier eval drift`."""
    with open_database(settings_or_exit()) as database, database.read() as session:
        row = session.get(InstalledGate, gate_id)
        if row is None:
            fail(f"There is no gate {gate_id}. See them with: atelier gate list --json", 2)
        rows = [_audit_row(one) for one in audit_of(session, row)]
    if out == "-":
        _write_csv(sys.stdout, rows)
        return
    try:
        with open(out, "w", encoding="utf-8", newline="") as file:
            _write_csv(file, rows)
    except OSError as error:
        fail(f"{out} can't be written: {error.strerror}.")


def describe(session: Session, link: ResourceLink) -> dict[str, Any]:
    """A placement with its gates, as JSON."""
    return {
        "placement": placement_of(link),
        "course": link.context.title or link.context.label or link.context.lms_id,
        "title": link.title or link.lesson_slug,
        "lesson": link.lesson_slug,
        "policy": str(link.settings.get("release", "review")),
        "questions": [_question(one) for one in gate_status(session, link)],
    }


def _question(status: GateStatus) -> dict[str, Any]:
    return {"item": status.item_id, "open": status.open, "sentence": status.sentence, "gate": status.gate_id}


def _link(session: Session, placement: str) -> ResourceLink:
    for link in session.scalars(select(ResourceLink)):
        if placement_of(link) == placement:
            return link
    raise GateProblem(f"There is no placement {placement}. See them with: atelier gate list")


def _say_preview(session: Session, link: ResourceLink, text: str, as_json: bool) -> None:
    found = preview(session, link, text)
    if as_json:
        said = {"judged": found.judged, "released": found.released, "held": dict(found.held)}
        print(json.dumps(said, ensure_ascii=False))
        return
    print(found.sentence)
    for why, count in sorted(found.held.items(), key=lambda one: -one[1]):
        print(f"{count:>5}  {why}")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{file} can't be read: {error.strerror}.", 2)
    except UnicodeDecodeError:
        fail(f"{file} is no gate file.", 2)


COLUMNS = (
    *("response_id", "prompt_id", "probability", "base", "drawn", "lost", "overridden"),
    *("confidence", "released_at", "read_at", "week"),
)


def _audit_row(one: Audited) -> list[str]:
    week = one.released_at.isocalendar()
    return [
        one.submission.public_id,
        one.submission.item_id,
        f"{one.probability:g}",
        f"{one.base:g}",
        f"{one.drawn:d}",
        "" if one.lost is None else f"{one.lost:d}",
        f"{one.overridden:d}",
        "" if one.confidence is None else f"{one.confidence:g}",
        one.released_at.isoformat(),
        one.read_at.isoformat() if one.read_at else "",
        f"{week.year}-W{week.week:02}",
    ]


def _write_csv(file: Any, rows: list[list[str]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)

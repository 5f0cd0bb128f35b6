"""The researchers' pages: sets of scored answers without names, eval runs with their reports, two judges compared.

They are opened by a one-time link, never by a role of a platform, and change nothing in any course.
"""

import math

from flask import Blueprint, abort, g, render_template, request, send_file
from sqlalchemy.orm import Session

from lti_tool.datasets import FEWEST_LEARNERS, datasets, find_dataset
from lti_tool.eval_runs import (
    FILES,
    REPORT_PAGE,
    EvalRun,
    NoComparison,
    compare,
    find_run,
    read_run,
    runs_in,
)
from lti_tool.export import COLUMNS, FLOOR, Pseudonyms, Wanted, export_reviews
from lti_tool.models import Audit
from lti_tool.web import refusals
from lti_tool.web.context import current
from lti_tool.web.doors import Answer, Door
from lti_tool.web.tables import csv_answer

bp = Blueprint("research", __name__, url_prefix="/research")

DOOR = Door(
    "research",
    "/research",
    "atelier_research",
    "the researchers’ pages",
    "atelier lms research-link",
    refusals.ResearchSignedOut,
    refusals.ResearchLinkUsed,
)
DOOR.add_to(bp, "research.index")
TOO_FEW = f"Fewer than {FEWEST_LEARNERS} learners: this set can’t leave."
MARGIN = 0.02
MARGINS = (0.0, 0.01, MARGIN, 0.05)


# ---- sets and runs -------------------------------------------------------------------------------------------


@bp.get("")
@DOOR.guard
def index() -> Answer:
    """Every set and every run."""
    with current().database.read() as session:
        return _index(session)


@bp.post("/sets")
@DOOR.guard
def download() -> Answer:
    """One question's people's and judges' sheets as a long table, and a row in the audit."""
    lesson, item = request.form.get("lesson", ""), request.form.get("item", "")
    blind = request.form.get("blind") == "yes"
    with current().database.write() as session:
        if find_dataset(session, lesson, item) is None:
            return _index(session, problem=TOO_FEW), 422
        found = export_reviews(session, Wanted(lesson, item, blind), Pseudonyms())
        if not found.rows:
            return _index(session, problem="Nobody scored these before they saw the judge’s sheet."), 422
        if found.learners < FEWEST_LEARNERS:
            few = f"Answers of {found.learners} learners were scored blind; from {FEWEST_LEARNERS} on they can leave."
            return _index(session, problem=few if blind else TOO_FEW), 422
        detail = {"lesson": lesson, "item": item, "blind": blind, "responses": len(found.names)}
        session.add(Audit(kind="research", code="downloaded", detail=detail))
    return csv_answer(f"{item}{'-blind' if blind else ''}.csv", COLUMNS, found.rows)


@bp.get("/runs/<name>/report")
@DOOR.guard
def report(name: str) -> Answer:
    """A run's report as it was written, unless it was made with students' words."""
    run = _shown(name)
    if not run.has_report or run.with_text:
        abort(404)
    g.stands_alone = True
    return send_file(current().settings.eval_folder / run.name / REPORT_PAGE, mimetype="text/html")


@bp.get("/runs/<name>/<file>")
@DOOR.guard
def run_file(name: str, file: str) -> Answer:
    """One of a run's tables; those that hold students' words are not among them."""
    run = _shown(name)
    if file not in run.files:
        abort(404)
    path = current().settings.eval_folder / run.name / file
    return send_file(path, mimetype=FILES[file], as_attachment=True, download_name=f"{run.name}-{file}")


@bp.get("/compared")
@DOOR.guard
def compared() -> Answer:
    """Two runs on the rows that both have."""
    first, second = request.args.get("a", ""), request.args.get("b", "")
    margin = _margin(request.args.get("margin", ""))
    try:
        told = compare(current().settings.eval_folder, first, second, margin)
    except NoComparison as problem:
        with current().database.read() as session:
            return _index(session, problem=str(problem)), 422
    return render_template("research/comparison.html", seal=DOOR.seal(), told=told, first=first, second=second)


def _margin(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return MARGIN
    return found if math.isfinite(found) and 0 <= found <= 1 else MARGIN


def _shown(name: str) -> EvalRun:
    path = find_run(current().settings.eval_folder, name)
    return read_run(path) if path else abort(404)


def _index(session: Session, *, problem: str = "") -> str:
    folder = current().settings.eval_folder
    return render_template(
        "research/index.html",
        seal=DOOR.seal(),
        sets=datasets(session),
        runs=runs_in(folder),
        folder=current().settings.eval_runs,
        fewest=FEWEST_LEARNERS,
        floor=FLOOR,
        margin=MARGIN,
        margins=MARGINS,
        problem=problem,
        asked=request.args,
    )

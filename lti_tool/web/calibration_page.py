"""The calibration page: how far judge and people agree, the essays behind a cell, and more to score blind."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, jsonify, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lti_tool import blind, calibration_runs
from lti_tool.calibration import LEAST, Calibration, CriterionRow, Pair, calibrations, pairs_of
from lti_tool.calibration_runs import CalibrationProblem
from lti_tool.language import gettext as _
from lti_tool.models import CalibrationRun, ResourceLink
from lti_tool.review_queue import Wanted, count_blind, queue
from lti_tool.web.context import current
from lti_tool.web.sessions import signed_in
from lti_tool.web.tables import csv_answer, taken_away
from lti_tool.web.teaching import own_handle, placement_here, teachers_page
from lti_tool.web.whole import whole
from rubrics.agreement import ENOUGH, Interval

bp = Blueprint("calibration", __name__, url_prefix="/l/<launch_id>/calibration")

PICKED_AT_ONCE = 10
WIDTH = 160  # of the plot from 0 to 1, in its own units
Answer = str | BaseResponse | tuple[str, int]


@dataclass(frozen=True)
class Opened:
    """One criterion opened: its table, and the pairs behind the cell that was pressed."""

    row: CriterionRow
    person: int | None
    judge: int | None
    pairs: tuple[Pair, ...]


@bp.get("")
@signed_in("instructor")
def calibration(launch_id: str) -> Answer:
    """Every question with its pairs; `open` names a criterion, `you` and `judge` a cell of its table."""
    with current().database.read() as session:
        link = placement_here(session)
        found = calibrations(session, link)
        shown = next((one for one in found if one.item_id == request.args.get("item")), None) or _fullest(found)
        return teachers_page(
            session,
            "calibration.html",
            "calibration.calibration",
            found=found,
            shown=shown,
            opened=_opened(shown),
            waiting=count_blind(session, link),
            sentence=first_sentence(shown),
            said=_said(),
            trial=trial_of(session, link, shown.item_id),
            fewest=calibration_runs.FEWEST,
            why_no_trial=calibration_runs.why_not(session, link, shown.item_id),
            least=LEAST,
            enough=ENOUGH,
            line=line,
            gap=gap,
        )


@bp.post("/trial")
@signed_in("instructor")
def begin_trial(launch_id: str) -> Answer:
    """Have a judge fitted on this question's blind sheets, and the gate tried; an executor does it."""
    item_id = request.form.get("item", "")
    try:
        with current().database.write() as session:
            handle = own_handle(session)
            calibration_runs.begin(session, placement_here(session), item_id, handle)
    except CalibrationProblem:
        pass  # the page says why, beside where the button was
    return redirect(url_for("calibration.calibration", launch_id=launch_id, item=item_id) + "#trial", code=303)


@bp.get("/trial")
@signed_in("instructor")
def look_at_trial(launch_id: str) -> Response:
    """Where a question's trial stands, for the page's script."""
    with current().database.read() as session:
        found = trial_of(session, placement_here(session), request.args.get("item", ""))
        answer: Response = jsonify(state=found.state, words=found.words, running=found.running)
        return answer


@bp.get("/trial.json")
@signed_in("instructor")
def trial_report(launch_id: str) -> Response:
    """The whole report, for whoever signs gates."""
    with current().database.read() as session:
        run = calibration_runs.newest(session, placement_here(session), request.args.get("item", ""))
        if run is None or run.result is None:
            abort(404)
        return taken_away("calibration.json", json.dumps(run.result, indent=2), "application/json")


@dataclass(frozen=True)
class Trial:
    """A question's last trial, and what the page says of it."""

    run: CalibrationRun | None
    state: str
    words: str

    @property
    def running(self) -> bool:
        """Whether something is still to come."""
        return self.state in ("waiting", "running")


def trial_of(session: Session, link: ResourceLink, item_id: str) -> Trial:
    """The last trial of a question; state "" where there was none."""
    run = calibration_runs.newest(session, link, item_id)
    if run is None:
        return Trial(None, "", "")
    state = calibration_runs.state_of(run)
    words = {
        "waiting": _("It waits for an executor."),
        "running": _("It is being fitted; a minute or two."),
        "failed": run.job.last_error or "",
        "refused": run.problem or "",
        "done": "",
    }
    return Trial(run, state, words[state])


def _fullest(found: Sequence[Calibration]) -> Calibration:
    return max(found, key=lambda one: one.sheets)


def _opened(shown: Calibration) -> Opened | None:
    row = next((one for one in shown.rows if one.criterion.id == request.args.get("open")), None)
    if row is None:
        return None
    person, judge = (whole(request.args.get(name, ""), 2) for name in ("you", "judge"))
    if person is None or judge is None:
        return Opened(row, None, None, ())
    return Opened(row, person, judge, tuple(shown.in_cell(row.criterion.id, person, judge)))


def first_sentence(shown: Calibration) -> str:
    """What the page says first: where judge and people differ most, or that no difference is shown."""
    if not shown.sheets:
        return _("Nobody has scored anything blind here yet. Score %(count)d blind to start.", count=PICKED_AT_ONCE)
    worst = shown.worst
    if worst is not None and worst.judge.difference is not None:
        words = {"criterion": worst.criterion.title, "levels": f"{abs(worst.judge.difference.value):.1f}"}
        if worst.judge.difference.value > 0:
            return _("On %(criterion)s the judge is %(levels)s levels kinder than you.", **words)
        return _("On %(criterion)s the judge is %(levels)s levels harder than you.", **words)
    if shown.sheets < ENOUGH:
        return _(
            "%(count)d sheets scored blind. Too few to lean on; %(enough)d are a start.",
            count=shown.sheets,
            enough=ENOUGH,
        )
    apart = shown.furthest_apart
    if apart is not None:
        return _(
            "On %(criterion)s the judge and you agree too little to lean on, though neither is kinder.",
            criterion=apart.criterion.title,
        )
    return _(
        "The judge is neither kinder nor harder than you, as far as %(count)d sheets can show.", count=shown.sheets
    )


def _said() -> str:
    picked = request.args.get("picked", "")
    if picked == "0":
        return _("Nothing is left to pick: everything judged has been opened, decided or picked already.")
    return ""


@bp.post("/pick")
@signed_in("instructor")
def pick(launch_id: str) -> Answer:
    """Pick what is to be scored blind, and open the first."""
    item_id = request.form.get("item", "")
    readers = 2 if request.form.get("readers") == "2" else 1
    with current().database.write() as session:
        link = placement_here(session)
        handle = own_handle(session)
        blind.pick(session, link, PICKED_AT_ONCE, handle, item_id=item_id, readers=readers)
        rows = queue(session, link, Wanted(tab="blind", item=item_id, grader_id=g.person_id), limit=1)
    if not rows:
        return redirect(url_for("calibration.calibration", launch_id=launch_id, item=item_id, picked=0), code=303)
    there = url_for("instructor.review", launch_id=launch_id, public_id=rows[0].submission.public_id, tab="blind")
    return redirect(there, code=303)


@bp.get("/pairs.csv")
@signed_in("instructor")
def pairs(launch_id: str) -> Answer:
    """Every pair as a table, without texts or anybody's name or handle."""
    with current().database.read() as session:
        rows = [_told(pair) for pair in pairs_of(session, placement_here(session))]
    return csv_answer("pairs.csv", rows[0] if rows else ["submission"], rows)


def _told(pair: Pair) -> dict[str, object]:
    return {
        "submission": pair.submission.public_id,
        "question": pair.submission.item_id,
        "criterion": pair.criterion,
        "person": pair.person,
        "judge": "" if pair.judge is None else pair.judge,
        "judge_name": pair.judge_name,
        "judge_version": pair.judge_version,
        "committed_at": pair.committed_at.isoformat(timespec="seconds"),
    }


# ---- drawn on the server -------------------------------------------------------------------------------------


def line(found: Interval | None) -> tuple[float, float, float] | None:
    """A figure between 0 and 1 as places on the plot: low, value, high; None where there is nothing to draw."""
    if found is None or found.low is None or found.high is None:
        return None
    low, value, high = (round(8 + WIDTH * min(1.0, max(0.0, one)), 1) for one in (found.low, found.value, found.high))
    return low, value, high


def gap(found: Interval | None) -> tuple[float, float, float] | None:
    """A difference between -1 and 1 level as places on its plot."""
    if found is None or found.low is None or found.high is None:
        return None
    low, value, high = (round(60 + 52 * min(1.0, max(-1.0, one)), 1) for one in (found.low, found.value, found.high))
    return low, value, high

"""Asking what a trained judge could do here: one run at a time for each question, done by an executor.

What comes of it is a report. It releases nothing: a gate holds when a researcher's signed file is installed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from lti_tool import jobs
from lti_tool.db import in_parts, utc_now
from lti_tool.jobs import Claim
from lti_tool.language import gettext as _
from lti_tool.lessons import lesson_here, rubric_for, rubric_of
from lti_tool.models import BlindSheet, CalibrationRun, Job, JudgementRow, RatingRow, ResourceLink, Submission
from rubrics.model import Rubric

FEWEST = 10  # texts from which on a judge can be fitted


class CalibrationProblem(ValueError):
    """It cannot be run as it was asked for; the message says why."""


@dataclass(frozen=True)
class BlindRow:
    """A text with the levels that people gave it blind, and what the judge of that time said."""

    submission: str
    text: str
    people: tuple[Mapping[str, int], ...]
    judged: Mapping[str, int | None]
    confidence: Mapping[str, float | None]
    judge: str


@dataclass(frozen=True)
class Task:
    """Everything that a run works on; `tried` are the attempts at a gate so far, by what was tested."""

    run_id: int
    item_id: str
    rubric: Rubric
    rows: tuple[BlindRow, ...]
    tried: Mapping[str, int] = field(default_factory=dict)


def why_not(session: Session, link: ResourceLink, item_id: str) -> str | None:
    """Why no judge can be fitted for a question, or None."""
    published = lesson_here(session, link)
    item = next((one for one in published.lesson.items if one.id == item_id), None)
    if item is None:
        return _("The lesson as it is now has no such question.")
    if item.kind == "drawing":
        return _("A judge can be trained on texts only, not on drawings.")
    version, _rubric = rubric_for(session, published.version, item.rubric)
    have = count_texts(session, link, item_id, version.id)
    if have < FEWEST:
        return _("%(have)d texts were scored blind; a judge is fitted on at least %(least)d.", have=have, least=FEWEST)
    return None


def begin(session: Session, link: ResourceLink, item_id: str, by: str) -> CalibrationRun:
    """Have a judge fitted on a question's blind sheets, and the gate tried. A run that is under way is that one.

    Raises CalibrationProblem.
    """
    if (why := why_not(session, link, item_id)) is not None:
        raise CalibrationProblem(why)
    known = newest(session, link, item_id)
    if known is not None and state_of(known) in ("waiting", "running"):
        return known
    published = lesson_here(session, link)
    version, _rubric = rubric_for(session, published.version, published.lesson.item(item_id).rubric)
    run = CalibrationRun(
        resource_link_id=link.id,
        item_id=item_id,
        rubric_version_id=version.id,
        job_id=jobs.enqueue_calibration(session, f"calibrate:{link.id}:{item_id}").id,
        by=by,
    )
    session.add(run)
    session.flush()
    return run


def newest(session: Session, link: ResourceLink, item_id: str) -> CalibrationRun | None:
    """The last run of a question."""
    found = select(CalibrationRun).where(CalibrationRun.resource_link_id == link.id, CalibrationRun.item_id == item_id)
    return session.scalar(found.options(joinedload(CalibrationRun.job)).order_by(CalibrationRun.id.desc()).limit(1))


def count_texts(session: Session, link: ResourceLink, item_id: str, version_id: int) -> int:
    """How many texts of a question somebody scored blind on this version of its rubric."""
    found = _sheets(link.id, item_id, version_id).with_only_columns(func.count(BlindSheet.submission_id.distinct()))
    return session.scalar(found.order_by(None)) or 0


def _sheets(link_id: int, item_id: str, version_id: int) -> Any:
    return (
        select(BlindSheet, JudgementRow, Submission)
        .join(JudgementRow, JudgementRow.id == BlindSheet.judgement_id)
        .join(Submission, Submission.id == BlindSheet.submission_id)
        .where(
            Submission.resource_link_id == link_id,
            Submission.item_id == item_id,
            func.coalesce(JudgementRow.rubric_version_id, Submission.rubric_version_id) == version_id,
        )
        .order_by(BlindSheet.id)
    )


# ---- for the executor ----------------------------------------------------------------------------------------


def task_of(session: Session, job_id: int) -> Task | None:
    """What the run of a job works on; None where there is none any more."""
    run = session.scalar(select(CalibrationRun).where(CalibrationRun.job_id == job_id))
    if run is None:
        return None
    found = session.execute(_sheets(run.resource_link_id, run.item_id, run.rubric_version_id)).all()
    by_text: dict[int, list[tuple[BlindSheet, JudgementRow, Submission]]] = {}
    for sheet, judgement, submission in found:
        by_text.setdefault(submission.id, []).append((sheet, judgement, submission))
    ratings = _ratings(session, [sheets[0][1] for sheets in by_text.values()])
    rows = tuple(_row(sheets, ratings) for sheets in by_text.values())
    rubric = rubric_of(found[0][2], found[0][1]) if found else None
    before = tried(session, run.resource_link_id, [run.item_id])
    return None if rubric is None else Task(run.id, run.item_id, rubric, rows, before)


def tried(session: Session, link_id: int, item_ids: Collection[str]) -> dict[str, int]:
    """The numbers of the attempts at a gate for these questions that a placement's runs made, by what was tested."""
    found = select(CalibrationRun.result).where(
        CalibrationRun.resource_link_id == link_id,
        CalibrationRun.item_id.in_(item_ids),
        CalibrationRun.finished_at.is_not(None),
    )
    attempts = [result["attempt"] for result in session.scalars(found) if result and result.get("attempt")]
    return {one["test"]: int(one["number"]) for one in attempts}


def _ratings(session: Session, judgements: Sequence[JudgementRow]) -> Mapping[int, RatingRow]:
    """The ratings of many sheets, by their ids."""
    ids = [rating_id for judgement in judgements for rating_id in judgement.rating_ids.values()]
    return {
        row.id: row
        for part in in_parts(ids)
        for row in session.scalars(select(RatingRow).where(RatingRow.id.in_(part)))
    }


def _row(sheets: Sequence[tuple[BlindSheet, JudgementRow, Submission]], known: Mapping[int, RatingRow]) -> BlindRow:
    _sheet, judgement, submission = sheets[0]
    ratings = [known[one] for one in judgement.rating_ids.values() if one in known]
    return BlindRow(
        submission=submission.public_id,
        text=submission.text,
        people=tuple({name: int(level) for name, level in sheet.levels.items()} for sheet, *_rest in sheets),
        judged={row.criterion: row.level for row in ratings},
        confidence={row.criterion: row.confidence for row in ratings},
        judge=judgement.judge_label or judgement.judge,
    )


def keep(
    session: Session, claim: Claim, *, result: Mapping[str, Any] | None = None, problem: str | None = None
) -> None:
    """Keep what came of a run, as the holder of its job. Raises LeaseLost."""
    jobs.finish(session, claim)
    session.execute(
        update(CalibrationRun)
        .where(CalibrationRun.job_id == claim.job_id)
        .values(result=dict(result) if result is not None else None, problem=problem, finished_at=utc_now())
    )


def state_of(run: CalibrationRun) -> str:
    """Where a run stands: waiting, running, failed, refused or done."""
    if run.finished_at is not None:
        return "refused" if run.problem else "done"
    job: Job = run.job
    return {"needs_person": "failed", "running": "running"}.get(job.state, "waiting")

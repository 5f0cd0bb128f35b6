"""Sheets that are filled in for a draft of judging again: on which rubric, by which judge, and how they are kept.

What is asked and rated goes the same way as ever, under the same fingerprints, so that nothing is bought twice. At the
end the sheet is kept in its draft, beside what holds, instead of being handed to the gate. No Prefect here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from flows.answers import PlacementHeld
from flows.closing import Filled, Together, put_together
from flows.judging.judge import Judge
from flows.sheets import OpenSheet, open_sheet, submissions_to_judge
from lti_tool import jobs
from lti_tool.db import Database, utc_now
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.lessons import read_rubric
from lti_tool.models import RejudgeDraft, RejudgedSheet, Submission
from lti_tool.results import Sheet, judge_sheet, newest_judgement_id
from rubrics.scoring import item_points


class NotWanted(Exception):
    """No open draft waits for this submission any more."""


def open_drafts(
    database: Database, judge: Judge, submission_ids: Sequence[int], offered: Mapping[str, Judge], usual: str
) -> dict[int, OpenSheet | Exception]:
    """Work out what has to be asked for the open draft of each submission; the error where one can't be opened.

    `usual` is the name by which `judge` was chosen.
    """
    with database.read() as session:
        found, twins = submissions_to_judge(session, submission_ids)
        wanted = _wanted(session, submission_ids)
    opened: dict[int, OpenSheet | Exception] = dict.fromkeys(submission_ids, NotWanted())
    for submission in found:
        if submission.id not in wanted:
            continue
        draft, sheet_id = wanted[submission.id]
        try:
            chosen = _judge_of(draft, submission, judge, offered, usual)
            sheet = open_sheet(
                chosen, submission, twin=submission.id in twins, rubric=read_rubric(draft.rubric_version)
            )
            opened[submission.id] = _for_draft(sheet, submission, draft, sheet_id)
        except Exception as error:
            opened[submission.id] = error
    return opened


def _wanted(session: Session, submission_ids: Sequence[int]) -> dict[int, tuple[RejudgeDraft, int]]:
    """Submission id to the open draft that waits for it, and the id of its row there; of several the newest."""
    rows = session.execute(
        select(RejudgedSheet.submission_id, RejudgedSheet.id, RejudgeDraft)
        .join(RejudgeDraft, RejudgeDraft.id == RejudgedSheet.draft_id)
        .where(
            RejudgedSheet.submission_id.in_(submission_ids),
            RejudgedSheet.judged_at.is_(None),
            RejudgeDraft.closed_at.is_(None),
        )
        .options(joinedload(RejudgeDraft.rubric_version))
        .order_by(RejudgeDraft.id)
    )
    return {submission_id: (draft, sheet_id) for submission_id, sheet_id, draft in rows}


def _judge_of(
    draft: RejudgeDraft, submission: Submission, judge: Judge, offered: Mapping[str, Judge], usual: str
) -> Judge:
    name = draft.judge or str(submission.resource_link.settings.get("judge"))
    if draft.judge and draft.judge != usual and draft.judge not in offered:
        raise PlacementHeld(f"The judge {draft.judge} is not offered here any more.")
    return offered.get(name, judge)


def _for_draft(sheet: OpenSheet, submission: Submission, draft: RejudgeDraft, sheet_id: int) -> OpenSheet:
    other = draft.rubric_version_id != submission.rubric_version_id
    return replace(
        sheet,
        rubric_version_id=draft.rubric_version_id if other else None,
        draft_sheet_id=sheet_id,
        policy="review",  # whatever the placement releases by itself, a draft never does
    )


def finish_unwanted(database: Database, claims: Sequence[Claim]) -> None:
    """End jobs that no draft waits for."""
    for claim in claims:
        try:
            with database.write() as session:
                jobs.finish(session, claim)
        except LeaseLost:
            continue  # a newer draft has queued it again


def close_drafts(database: Database, filled: Sequence[Filled]) -> list[Exception | None]:
    """Keep filled-in sheets in their drafts, beside what holds now; LeaseLost for jobs that are no longer ours."""
    with database.write() as session:
        held = jobs.hold_all(session, {one.claim for one in filled})
        ours = [one for one in filled if one.claim in held]
        for one, together in zip(ours, put_together(session, ours), strict=True):
            _keep(session, one.sheet, together)
            jobs.finish(session, one.claim)
    return [None if one.claim in held else LeaseLost(f"job {one.claim.job_id}") for one in filled]


def _keep(session: Session, sheet: OpenSheet, together: Together) -> None:
    submission = session.get_one(Submission, sheet.submission_id)
    before = judge_sheet(session, submission)
    levels = {rating.criterion: rating.level for rating in together.ratings}
    graph = together.judgement["graph_checks"]
    points = item_points(sheet.rubric, levels, float(graph["points"]) if graph else None)
    standing = {row.criterion.id: row.level for row in before.rows}
    session.execute(
        update(RejudgedSheet)
        .where(RejudgedSheet.id == sheet.draft_sheet_id, RejudgedSheet.judged_at.is_(None))
        .values(
            before_judgement_id=newest_judgement_id(session, submission),
            before_release_id=before.release.id if before.release else None,
            before_levels=standing,
            before_points=before.points,
            by_person=_is_a_persons(before),
            judgement=together.judgement,
            levels=levels,
            points=points,
            moved=_moved(before.points, points),
            changed=sum(standing.get(one) != levels.get(one) for one in {*standing, *levels}),
            gate_reason=together.gate_reason,
            judged_at=utc_now(),
        )
    )


def _is_a_persons(before: Sheet) -> bool:
    """Whether what holds is a person's own sheet: one that differs from the judge's that they saw."""
    return (
        before.release is not None and before.release.review_id is not None and any(row.changed for row in before.rows)
    )


def _moved(before: float | None, after: float | None) -> float | None:
    """By how many points of 100 a score would change; a score that comes or goes counts as all of them."""
    if before is None or after is None:
        return None if before is after else 100.0
    return abs(after - before)

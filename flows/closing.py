"""Sheets that are filled in: put together, looked through once more, and handed to the gate or released by policy."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from flows.gate import QUOTE, gate_reason, never_released
from flows.judging.identity import identity_of
from flows.judging.judge import Question, combined, evidence_of, is_panel
from flows.sheets import OpenSheet, insert_ratings, rating_row, reach
from lti_tool import jobs
from lti_tool.blind_draws import HELD, Drawable, draw_all
from lti_tool.db import Database, insert_new
from lti_tool.gate_release import decide
from lti_tool.gates import POLICY
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.models import JudgementRow, RatingRow, ResourceLink, Submission
from lti_tool.results import mark_again, newest_judgement
from lti_tool.review_rank import rank_all
from lti_tool.reviews import ReviewProblem, release_by_policy
from rubrics.drawing import DrawingError, check_drawing, parse_drawing
from rubrics.evidence import confirmed
from rubrics.judgement import Rating

Rows = Mapping[tuple[str, str], RatingRow]
NO_LONGER = "This placement no longer releases by itself."


@dataclass(frozen=True)
class Filled:
    """A sheet on which every question has its ratings, and who holds its job."""

    claim: Claim
    sheet: OpenSheet


def close_sheets(database: Database, filled: Sequence[Filled]) -> list[str | Exception | None]:
    """Put ratings together and let the gate decide; why a person decides, None where it is released by policy.

    LeaseLost for jobs that are no longer ours.
    """
    with database.write() as session:
        held = jobs.hold_all(session, {one.claim for one in filled})
        ours = [one for one in filled if one.claim in held]
        reasons = dict(zip((one.claim for one in ours), _close(session, ours), strict=True))
        jobs.to_gate_all(session, {claim: reason for claim, reason in reasons.items() if reason is not None})
        rank_all(session, [one.sheet.submission_id for one in ours])
    # A release locks its learner, so each stands in a transaction of its own, after the lot's.
    return [_outcome(database, one, reasons) for one in filled]


def _outcome(database: Database, one: Filled, reasons: Mapping[Claim, str | None]) -> str | Exception | None:
    if one.claim not in reasons:
        return LeaseLost(f"job {one.claim.job_id}")
    if reasons[one.claim] is not None:
        return reasons[one.claim]
    try:
        return _release(database, one)
    except Exception as error:
        return error


def _release(database: Database, one: Filled) -> str | None:
    """Release by policy; the reason why a person decides after all, if a gate says so or it could not be done."""
    with database.write() as session:
        jobs.hold(session, one.claim)
        try:
            with session.begin_nested():
                reason = _released(session, one.sheet)
        except ReviewProblem as problem:
            reason = str(problem)
        if reason is not None:
            jobs.to_gate(session, one.claim, reason)
            rank_all(session, [one.sheet.submission_id])  # a draw may have fallen on it meanwhile
            return reason
        jobs.finish(session, one.claim)
    return None


def _released(session: Session, sheet: OpenSheet) -> str | None:
    submission = session.get_one(Submission, sheet.submission_id)
    judgement = newest_judgement(session, submission)
    if sheet.policy == POLICY and judgement is not None:
        reason = decide(session, submission, judgement)
        if reason is not None:
            return reason
    elif submission.resource_link.settings.get("release") != sheet.policy:
        return NO_LONGER  # it was changed while this was being judged
    release_by_policy(session, submission)
    return None


def _close(session: Session, filled: Sequence[Filled]) -> list[str | None]:
    """Store the judgement of each sheet; returns the gate's reason for each."""
    together = put_together(session, filled)
    _store_as_newest(session, [one.judgement for one in together])
    return _drawn(session, [one.sheet for one in filled], [one.gate_reason for one in together])


def _store_as_newest(session: Session, judgements: Sequence[dict[str, Any]]) -> None:
    """Store each as the sheet that stands for its submission; one that stands already is left as it is."""
    columns = (JudgementRow.submission_id, JudgementRow.id, JudgementRow.fingerprint, JudgementRow.rating_ids)
    before: dict[int, list[Any]] = defaultdict(list)
    wanted = JudgementRow.submission_id.in_([one["submission_id"] for one in judgements])
    for row in session.execute(select(*columns).where(wanted).order_by(JudgementRow.id)):
        before[row.submission_id].append(row)
    new = []
    for one in judgements:
        known = before[one["submission_id"]]
        if known and known[-1].rating_ids == one["rating_ids"]:
            continue
        if any(row.fingerprint == one["fingerprint"] for row in known):  # back to a judge that was here before another
            one = {**one, "fingerprint": mark_again(one["fingerprint"], known[-1].id)}
        new.append(one)
    insert_new(session, JudgementRow.__table__, new, ["id"])  # type: ignore[arg-type]


@dataclass(frozen=True)
class Together:
    """A filled-in sheet as a row of judgements, the ratings that stand on it, and why a person would decide."""

    judgement: dict[str, Any]
    ratings: tuple[Rating, ...]
    gate_reason: str | None


def put_together(session: Session, filled: Sequence[Filled]) -> list[Together]:
    """Look the ratings of each sheet through once more; nothing but the stages is stored."""
    sheets = [one.sheet for one in filled]
    panels = [sheet for sheet in sheets if is_panel(sheet.judge)]
    if panels:
        stored = _stored(session, panels)
        insert_ratings(session, [row for sheet in panels for row in _combined(sheet, stored[sheet.submission_id])])
    stored = _stored(session, sheets)
    standing = [_standing_rows(sheet, stored[sheet.submission_id]) for sheet in sheets]
    ratings = [[_as_it_stands(sheet, row) for row in rows] for sheet, rows in zip(sheets, standing, strict=True)]
    stages: list[tuple[Claim, str, dict[str, Any]]] = []
    for one, given in zip(filled, ratings, strict=True):
        quotes = {
            "quotes": sum(len(rating.quotes) for rating in given),
            "failed": sum(rating.reason == QUOTE for rating in given),
        }
        stages += [(one.claim, "checking quotes", quotes), (one.claim, "scoring", {})]
    reach(session, stages)
    return [
        Together(
            _judgement(sheet, rows, _answered(sheet, stored[sheet.submission_id])), tuple(given), _gate(sheet, given)
        )
        for sheet, rows, given in zip(sheets, standing, ratings, strict=True)
    ]


def _drawn(session: Session, sheets: Sequence[OpenSheet], reasons: Sequence[str | None]) -> list[str | None]:
    """The gate's reasons, or that a draw fell on a sheet: then a person scores it before the judge's is shown."""
    told = {sheet.submission_id: reason for sheet, reason in zip(sheets, reasons, strict=True)}
    found = session.execute(
        select(Submission.id, func.max(JudgementRow.id), ResourceLink.settings)
        .join(JudgementRow, JudgementRow.submission_id == Submission.id)
        .join(ResourceLink, ResourceLink.id == Submission.resource_link_id)
        .where(Submission.id.in_([sheet.submission_id for sheet in sheets if sheet.policy != POLICY]))
        .group_by(Submission.id, ResourceLink.id)
    )
    blind = draw_all(session, [Drawable(row[0], row[1], row[2], told[row[0]]) for row in found])
    return [HELD if sheet.submission_id in blind else told[sheet.submission_id] for sheet in sheets]


def _gate(sheet: OpenSheet, ratings: Sequence[Rating]) -> str | None:
    if sheet.policy == POLICY:
        return never_released(sheet.rubric, ratings, sheet.flags)
    return gate_reason(
        policy=sheet.policy,
        rubric=sheet.rubric,
        ratings=ratings,
        flags=sheet.flags,
        provisional=sheet.judge.provisional,
        evidence=evidence_of(sheet.judge, sheet.rubric),
    )


# ---- ratings -------------------------------------------------------------------------------------------------


def _stored(session: Session, sheets: Sequence[OpenSheet]) -> dict[int, Rows]:
    """Submission id to its ratings by (fingerprint, criterion)."""
    found: dict[int, dict[tuple[str, str], RatingRow]] = defaultdict(dict)
    rows = select(RatingRow).where(RatingRow.submission_id.in_({sheet.submission_id for sheet in sheets}))
    for row in session.scalars(rows):
        found[row.submission_id][row.fingerprint, row.criterion] = row
    return dict(found)


def _combined(sheet: OpenSheet, stored: Rows) -> list[dict[str, Any]]:
    """A panel's own ratings, to stand beside those of its readers."""
    if not is_panel(sheet.judge):
        return []
    given = [
        (
            Question(part.judge, part.request, part.fingerprint),
            [_rating(stored[part.fingerprint, one]) for one in part.criteria],
        )
        for part in sheet.parts
    ]
    together = combined(sheet.judge, sheet.rubric, sheet.text, sheet.facts, given)
    return [
        rating_row(sheet, rating, sheet.mark(criterion), sheet.judge.model) for criterion, rating in together.items()
    ]


def _standing_rows(sheet: OpenSheet, stored: Rows) -> list[RatingRow]:
    """The rating that stands for each criterion: the judge's, a panel's own, or the one that code gave."""
    asked = {} if is_panel(sheet.judge) else {one: part.fingerprint for part in sheet.parts for one in part.criteria}
    return [
        stored[asked.get(criterion.id) or sheet.mark(criterion.id), criterion.id] for criterion in sheet.rubric.criteria
    ]


def _rating(row: RatingRow) -> Rating:
    """A stored rating as it was."""
    fields = [name for name in Rating.model_fields if name != "needs"]
    return Rating.model_validate({name: getattr(row, name) for name in fields})


def _as_it_stands(sheet: OpenSheet, row: RatingRow) -> Rating:
    """A stored rating, unscored if one of its quotes does not stand in the text, whoever stored it."""
    rating = _rating(row)
    if any(confirmed(sheet.text, quote) is None for quote in rating.quotes):
        return Rating(criterion=row.criterion, level=None, reason=QUOTE)
    return rating


# ---- judgement -----------------------------------------------------------------------------------------------


def _mark(sheet: OpenSheet) -> str:
    """The fingerprint of the whole sheet."""
    return sheet.mark(*(criterion.id for criterion in sheet.rubric.criteria))


def _answered(sheet: OpenSheet, stored: Rows) -> set[str]:
    """The models that answered what was asked."""
    return {stored[part.fingerprint, one].model for part in sheet.parts for one in part.criteria}


def _judgement(sheet: OpenSheet, rows: Sequence[RatingRow], answered: Collection[str]) -> dict[str, Any]:
    """A judgement as a row of its table."""
    return {
        "submission_id": sheet.submission_id,
        "fingerprint": _mark(sheet),
        "judge": sheet.judge.name,
        "judge_version": sheet.judge.version,
        "judge_label": sheet.judge.label,
        "evidence": evidence_of(sheet.judge, sheet.rubric),
        "provisional": sheet.judge.provisional,
        "rating_ids": {row.criterion: row.id for row in rows},
        "flags": list(sheet.flags),
        "facts": sheet.facts.model_dump(mode="json"),
        "graph_checks": _graph_checks(sheet),
        "identity": identity_of(sheet.judge, answered).model_dump(),
        "rubric_version_id": sheet.rubric_version_id,
    }


def _graph_checks(sheet: OpenSheet) -> dict[str, Any] | None:
    if sheet.rubric.kind != "drawing":
        return None
    try:
        return check_drawing(parse_drawing(sheet.text)).model_dump(mode="json")
    except DrawingError:
        return None

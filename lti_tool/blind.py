"""Scoring without the judge: who may, the commit that stands, and picking submissions for it.

What was committed and the judge's sheet are a pair, and only such pairs say how far the two agree.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool import gate_audit
from lti_tool.blind_draws import Source, pending, source_of
from lti_tool.language import gettext as _
from lti_tool.lessons import rubric_of
from lti_tool.models import (
    BlindPick,
    BlindSheet,
    GateDraw,
    Job,
    JudgementRow,
    PendingRelease,
    RatingRow,
    Release,
    ResourceLink,
    Review,
    ReviewClaim,
    Submission,
)
from lti_tool.results import newest_judgement_id, standing_rubric
from lti_tool.review_rank import rank_all
from lti_tool.reviews import ReviewProblem
from rubrics.model import Rubric

_TOUCHED = (Review, Release, ReviewClaim, BlindPick, BlindSheet, PendingRelease)


def why_not_you(session: Session, submission: Submission, person_id: int) -> str | None:
    """Why this person cannot score it blind: they have decided about it, or done it already."""
    decided = select(Review.id).where(Review.submission_id == submission.id, Review.reviewer_id == person_id)
    if session.scalar(decided.limit(1)) is not None:
        return _("You have seen the judge’s sheet on this one. Somebody else scores it.")
    if own_sheet(session, submission.id, person_id) is not None:
        return _("You have scored this one; another reader is to do it too.")
    return None


def own_sheet(session: Session, submission_id: int, person_id: int) -> BlindSheet | None:
    """What this person committed, if they did."""
    found = select(BlindSheet).where(BlindSheet.submission_id == submission_id, BlindSheet.reader_id == person_id)
    return session.scalar(found)


def sheets_on(session: Session, submission_id: int) -> list[BlindSheet]:
    """Every sheet that was filled in blind, the first one first."""
    found = select(BlindSheet).where(BlindSheet.submission_id == submission_id).order_by(BlindSheet.id)
    return list(session.scalars(found))


# ---- committing ----------------------------------------------------------------------------------------------


def problems(rubric: Rubric, levels: Mapping[str, int | None]) -> dict[str, str]:
    """What keeps a blind sheet from being committed, by criterion."""
    found = {}
    for criterion in rubric.judged:
        level = levels.get(criterion.id)
        if level is None:
            found[criterion.id] = _("%(criterion)s has no level yet.", criterion=criterion.title)
        elif not 0 <= level <= criterion.top:
            found[criterion.id] = _(
                "%(criterion)s goes from 0 to %(top)d.", criterion=criterion.title, top=criterion.top
            )
    return found


def commit(
    session: Session,
    submission: Submission,
    reader_id: int,
    levels: Mapping[str, int],
    quotes: Mapping[str, Sequence[tuple[int, int]]] | None = None,
) -> BlindSheet:
    """Keep a person's levels before they are shown any other; the first commit stands.

    ReviewProblem where it is not to be scored blind (any more), by this person, or a level is missing.
    """
    source = source_of(session, submission.id)
    if source is None or submission.id not in pending(session, [submission.id]):
        raise ReviewProblem(_("Somebody has scored this one already."))
    if (why := why_not_you(session, submission, reader_id)) is not None:
        raise ReviewProblem(why)
    rubric = standing_rubric(session, submission)
    if found := problems(rubric, levels):
        raise ReviewProblem(next(iter(found.values())))
    judgement_id = newest_judgement_id(session, submission)
    if judgement_id is None:
        raise ReviewProblem(_("The judge has not read this yet."))
    judgement_id = _judged(session, submission, source) or judgement_id
    known = {criterion.id: levels[criterion.id] for criterion in rubric.judged}
    sheet = BlindSheet(
        submission_id=submission.id,
        judgement_id=judgement_id,
        reader_id=reader_id,
        source=source,
        levels=known,
        quotes={name: _spans(submission.text, spans) for name, spans in (quotes or {}).items()},
    )
    try:
        with session.begin_nested():
            session.add(sheet)
            session.flush()
    except IntegrityError:
        raise ReviewProblem(_("You have scored this one; another reader is to do it too.")) from None
    if source in ("draw", "audit"):
        gate_audit.read_blind(session, submission, reader_id, {**_by_code(session, submission, judgement_id), **known})
    rank_all(session, [submission.id])
    return sheet


def _by_code(session: Session, submission: Submission, judgement_id: int) -> dict[str, int]:
    """The levels of the criteria that code rates: nobody's opinion, so they are as found."""
    judgement = session.get_one(JudgementRow, judgement_id)
    rubric = rubric_of(submission, judgement)
    coded = {criterion.id for criterion in rubric.criteria if criterion.rated_by == "code"}
    ids = judgement.rating_ids.values()
    rows = session.scalars(select(RatingRow).where(RatingRow.id.in_(ids), RatingRow.criterion.in_(coded)))
    return {row.criterion: row.level for row in rows if row.level is not None}


def _judged(session: Session, submission: Submission, source: Source) -> int | None:
    """The judge's sheet that the choice was about."""
    if source == "pick":
        return session.scalar(select(BlindPick.judgement_id).where(BlindPick.submission_id == submission.id))
    return session.scalar(select(func.max(GateDraw.judgement_id)).where(GateDraw.submission_id == submission.id))


def _spans(text: str, spans: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    return [
        {"text": text[start:end], "start": start, "end": end} for start, end in spans if 0 <= start < end <= len(text)
    ]


# ---- picking on demand ---------------------------------------------------------------------------------------


def pick(
    session: Session, link: ResourceLink, count: int, by: str, *, item_id: str = "", readers: int = 1
) -> list[int]:
    """Pick judged submissions at random that nobody has opened or decided about; returns their ids, in random order."""
    found = (
        select(Submission.id, func.max(JudgementRow.id))
        .join(JudgementRow, JudgementRow.submission_id == Submission.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == "judge"))
        .where(
            Submission.resource_link_id == link.id,
            Job.state == "awaiting_review",
            *(~exists().where(table.submission_id == Submission.id) for table in _TOUCHED),
        )
        .group_by(Submission.id)
        .order_by(Submission.id)
    )
    if item_id:
        found = found.where(Submission.item_id == item_id)
    free = [(row[0], row[1]) for row in session.execute(found)]
    chosen = random.SystemRandom().sample(free, min(count, len(free)))
    for submission_id, judgement_id in chosen:
        session.add(
            BlindPick(
                submission_id=submission_id,
                judgement_id=judgement_id,
                by=by,
                probability=len(chosen) / len(free),
                readers=readers,
            )
        )
    session.flush()
    rank_all(session, [submission_id for submission_id, _judgement in chosen])
    return [submission_id for submission_id, _judgement in chosen]

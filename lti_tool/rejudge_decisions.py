"""What is applied from a draft of judging again: chosen by a person, taken back within a while, then carried out.

On a sheet that nobody released it replaces what is under review; on a released one it is a new release, with the
reason that its learner reads. What held when the draft was judged must still hold, or the row stays as it is.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.blind_draws import is_pending, pending
from lti_tool.db import Database, utc_now
from lti_tool.language import gettext as _
from lti_tool.models import (
    Appeal,
    AppealAnswer,
    Job,
    JudgementRow,
    PendingRelease,
    RejudgeDraft,
    RejudgedSheet,
    Release,
    Submission,
)
from lti_tool.rejudging import RejudgeProblem
from lti_tool.results import mark_again, newest_judgement, newest_release, sheet_of
from lti_tool.review_rank import rank_all
from lti_tool.reviews import AlreadyReleased, ReviewProblem, release_again

LONGEST_REASON = 1000
AT_ONCE = 200
AGAIN = "It was judged again."

log = structlog.get_logger()


def choose(
    session: Session,
    draft: RejudgeDraft,
    *,
    by: int,
    reason: str,
    due_at: datetime,
    batch: str,
    only: Collection[int] | None = None,
) -> int:
    """Have rows of a draft applied at a time: `only` these (ids of their sheets), or all that may be taken together.

    All are those that a person has not changed: what a person decided is replaced only where somebody names it.
    Returns how many were taken; what somebody else took first is not. Raises RejudgeProblem without a reason where
    one is needed.
    """
    reason = reason.replace("\r\n", "\n").strip()
    if len(reason) > LONGEST_REASON:
        raise RejudgeProblem(_("The reason is too long; %(most)d characters hold it.", most=LONGEST_REASON))
    wanted = _open(draft, only)
    if not reason and session.scalar(select(RejudgedSheet.id).where(*wanted, _released()).limit(1)) is not None:
        raise RejudgeProblem(_("Some of these are released. Say why they change; their learners read it."))
    taken = session.scalars(
        update(RejudgedSheet)
        .where(*wanted)
        .values(decided_by_id=by, reason=reason, batch=batch, due_at=due_at, problem=None)
        .returning(RejudgedSheet.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(taken)


def _open(draft: RejudgeDraft, only: Collection[int] | None) -> list[ColumnElement[bool]]:
    """What may be taken: judged, not decided yet, and not to be scored blind first."""
    hidden = select(Submission.id).where(Submission.id == RejudgedSheet.submission_id, is_pending())
    wanted: list[ColumnElement[bool]] = [
        RejudgedSheet.draft_id == draft.id,
        RejudgedSheet.judged_at.is_not(None),
        RejudgedSheet.due_at.is_(None),
        RejudgedSheet.applied_at.is_(None),
        ~hidden.exists(),
    ]
    if only is not None:
        return [*wanted, RejudgedSheet.id.in_(only)]
    return [
        *wanted,
        RejudgedSheet.by_person.is_(False),
        RejudgedSheet.problem.is_(None),
        or_(~_released(), and_(RejudgedSheet.changed > 0, RejudgedSheet.points.is_not(None))),
    ]


def _released() -> ColumnElement[bool]:
    return select(Release.id).where(Release.submission_id == RejudgedSheet.submission_id).exists()


def count_open(session: Session, draft: RejudgeDraft) -> int:
    """How many rows "all" would take."""
    return session.scalar(select(func.count()).select_from(RejudgedSheet).where(*_open(draft, None))) or 0


def take_back(session: Session, draft: RejudgeDraft, batch: str) -> int:
    """Undo what was chosen together and has not taken effect; returns how many rows those are."""
    gone = session.scalars(
        update(RejudgedSheet)
        .where(RejudgedSheet.draft_id == draft.id, RejudgedSheet.batch == batch, RejudgedSheet.due_at.is_not(None))
        .values(due_at=None, batch=None, decided_by_id=None, reason="")
        .returning(RejudgedSheet.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(gone)


def in_batch(session: Session, draft: RejudgeDraft, batch: str) -> tuple[int, datetime | None]:
    """How many rows of a batch are still to take effect, and when."""
    count, due = session.execute(
        select(func.count(), func.max(RejudgedSheet.due_at)).where(
            RejudgedSheet.draft_id == draft.id, RejudgedSheet.batch == batch, RejudgedSheet.due_at.is_not(None)
        )
    ).one()
    return count, due


# ---- taking effect -------------------------------------------------------------------------------------------


def carry_out_due(database: Database, now: datetime | None = None) -> int:
    """Apply what is due, each row in a transaction of its own; returns how many were applied."""
    due = select(RejudgedSheet.id).where(RejudgedSheet.due_at <= (now or utc_now()))
    with database.read() as session:
        ids = session.scalars(due.order_by(RejudgedSheet.due_at, RejudgedSheet.id).limit(AT_ONCE)).all()
    return sum(_carry_out(database, sheet_id) for sheet_id in ids)


def _carry_out(database: Database, sheet_id: int) -> bool:
    try:
        with database.write() as session:
            taken = session.scalar(
                update(RejudgedSheet)
                .where(RejudgedSheet.id == sheet_id, RejudgedSheet.due_at.is_not(None))
                .values(due_at=None, applied_at=utc_now())
                .returning(RejudgedSheet.id)
            )
            if taken is None:
                return False  # another executor was first, or it was taken back
            _apply(session, session.get_one(RejudgedSheet, sheet_id))
        return True
    except (ReviewProblem, AlreadyReleased) as problem:
        _stays(database, sheet_id, str(problem))
    except SQLAlchemyError as error:
        log.error("a sheet to be applied waits for the database", sheet=sheet_id, error=type(error).__name__)
    except Exception as error:  # whatever is wrong in one placement, what is due in the others is applied
        log.error("a sheet could not be applied", sheet=sheet_id, error=type(error).__name__)
        _stays(database, sheet_id, f"It could not be applied ({type(error).__name__}).")
    return False


def _stays(database: Database, sheet_id: int, sentence: str) -> None:
    with database.write() as session:
        session.execute(
            update(RejudgedSheet)
            .where(RejudgedSheet.id == sheet_id, RejudgedSheet.applied_at.is_(None))
            .values(due_at=None, problem=sentence)
        )


def _apply(session: Session, row: RejudgedSheet) -> None:
    """Put the draft's sheet in the place of what holds. Raises ReviewProblem or AlreadyReleased."""
    submission = row.submission
    # Held until the end, so that nobody releases the sheet that is replaced meanwhile.
    job = session.scalars(
        select(Job).where(Job.kind == jobs.JUDGE, Job.submission_id == submission.id).with_for_update()
    ).one()
    if (why := why_not(session, row)) is not None:
        raise ReviewProblem(why)
    released = newest_release(session, submission)
    judgement = _judgement(session, row)
    if released is None:
        job.gate_reason = row.gate_reason or AGAIN
    elif row.decided_by_id is None:
        raise ReviewProblem("Whoever decided this is not known any more.")
    else:
        sheet = sheet_of(session, submission, judgement)
        release_again(session, submission.resource_link, sheet, row.decided_by_id, row.reason)
    rank_all(session, [submission.id])


def why_not(session: Session, row: RejudgedSheet) -> str | None:
    """Why a row of a draft cannot be applied as things stand, or None."""
    submission = row.submission
    if row.judgement is None:
        return "It has not been judged again yet."
    if pending(session, [submission.id]):
        return "This one is to be scored blind first."
    decided = session.get(PendingRelease, submission.id)
    if decided is not None and decided.problem is None:
        return "Somebody decided about the sheet under review; that goes out first."
    standing, released = newest_judgement(session, submission), newest_release(session, submission)
    now = (standing.id if standing else None, released.id if released else None)
    if now != (row.before_judgement_id, row.before_release_id):
        return "The sheet changed since it was judged again. Begin a new draft."
    if standing is not None and standing.fingerprint == row.judgement["fingerprint"]:
        return "It is the same sheet: the same judge on the same version of the rubric."
    if released is not None and row.points is None:
        return "Not every criterion has a level."
    if released is not None and _appeal_is_open(session, submission):
        return "An appeal against the released sheet is open. Answer it first."
    state = session.scalar(select(Job.state).where(Job.kind == jobs.JUDGE, Job.submission_id == submission.id))
    if state not in ("awaiting_review", "needs_person", "done"):
        return "It is not with you any more."
    return None


def _appeal_is_open(session: Session, submission: Submission) -> bool:
    unanswered = (
        select(Appeal.id)
        .outerjoin(AppealAnswer, AppealAnswer.appeal_id == Appeal.id)
        .where(Appeal.submission_id == submission.id, AppealAnswer.id.is_(None))
    )
    return session.scalar(unanswered.limit(1)) is not None


def _judgement(session: Session, row: RejudgedSheet) -> JudgementRow:
    """The judge's new sheet, stored as the newest one of its submission."""
    fields: dict[str, Any] = dict(row.judgement or {})
    known = select(JudgementRow.id).where(
        JudgementRow.submission_id == row.submission_id, JudgementRow.fingerprint == fields["fingerprint"]
    )
    if session.scalar(known) is not None:  # back to a judge, or a version, that stood before
        fields["fingerprint"] = mark_again(fields["fingerprint"], row.id)
    judgement = JudgementRow(**fields)
    session.add(judgement)
    session.flush()
    return judgement

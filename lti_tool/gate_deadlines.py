"""What happens to work that has waited for a person longer than its placement allows: named, released, or returned.

Nobody's decision is overtaken: what somebody decided and what is to be scored blind waits on, and so does a sheet with
a flag, with a criterion that has no level, or with estimates that rest on no quote. Nothing is released before the
placement's date.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from lti_tool import jobs, returns
from lti_tool.blind_draws import is_pending
from lti_tool.db import Database, utc_now
from lti_tool.models import Job, JobEvent, JudgementRow, PendingRelease, ResourceLink, Submission
from lti_tool.pending_releases import release_date
from lti_tool.results import newest_judgement
from lti_tool.reviews import AlreadyReleased, ReviewProblem, release_by_policy

REMIND, RELEASE, RETURN = "remind", "release", "return"
POLICIES = (REMIND, RELEASE, RETURN)

log = structlog.get_logger()


def wait_days(link: ResourceLink) -> int | None:
    """For how many days work may wait for a person here; None where there is no limit."""
    days = link.settings.get("wait_days")
    return days if isinstance(days, int) and not isinstance(days, bool) and days > 0 else None


def overdue(session: Session, link: ResourceLink, now: datetime | None = None) -> Sequence[int]:
    """The submissions that have waited too long for a person, the longest first."""
    found = _overdue(link, now or utc_now())
    return () if found is None else session.scalars(found.order_by(_since(), Submission.id)).all()


def count_overdue(session: Session, link: ResourceLink) -> int:
    """How many submissions have waited too long for a person."""
    found = _overdue(link, utc_now())
    return 0 if found is None else session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _overdue(link: ResourceLink, now: datetime) -> Select[int] | None:
    days = wait_days(link)
    return None if days is None else _waiting_since(link, now - timedelta(days=days))


def _since() -> ColumnElement[datetime]:
    """SQL: since when a submission has waited for a person."""
    held = select(func.max(JobEvent.at)).where(JobEvent.job_id == Job.id, JobEvent.stage == "held")
    return func.coalesce(held.correlate(Job).scalar_subquery(), Submission.sent_at)


def _waiting_since(link: ResourceLink, before: datetime) -> Select[int]:
    decided = select(PendingRelease.submission_id).where(PendingRelease.submission_id == Submission.id)
    return (
        select(Submission.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(
            Submission.resource_link_id == link.id,
            Job.state.in_(("awaiting_review", "needs_person")),
            _since() <= before,
            ~decided.exists(),
            ~is_pending(),
        )
    )


def carry_out(database: Database, now: datetime | None = None) -> int:
    """Release or return what has waited too long, each in a transaction of its own; returns how many."""
    now = now or utc_now()
    with database.read() as session:
        links = session.scalars(
            select(ResourceLink).where(
                ResourceLink.settings["wait_days"].as_string().is_not(None), ResourceLink.rehearsal.is_(False)
            )
        ).all()
        due = [
            submission_id
            for link in links
            if link.settings.get("wait_then") in (RELEASE, RETURN)
            for submission_id in overdue(session, link, now)
        ]
    return sum(_settle(database, submission_id, now) for submission_id in due)


def _settle(database: Database, submission_id: int, now: datetime) -> bool:
    try:
        with database.write() as session:
            jobs.hold_gate(session, submission_id)
            submission = session.get(Submission, submission_id)
            if submission is None or not _is_still_due(session, submission, now):
                return False  # decided, drawn, erased or given more time since it was found
            policy = submission.resource_link.settings.get("wait_then")
            if policy == RETURN:
                returns.expire(session, submission)
            elif policy == RELEASE:
                _release(session, submission, now)
            return policy in (RETURN, RELEASE)
    except (ReviewProblem, AlreadyReleased) as problem:
        log.info("still waits for a person", submission=submission_id, why=type(problem).__name__)
        return False
    except Exception as error:  # whatever is wrong in one placement, what waits in the others is settled
        log.error("could not be settled", submission=submission_id, error=type(error).__name__)
        return False


def _is_still_due(session: Session, submission: Submission, now: datetime) -> bool:
    found = _overdue(submission.resource_link, now)
    return found is not None and session.scalar(found.where(Submission.id == submission.id)) is not None


def _release(session: Session, submission: Submission, now: datetime) -> None:
    if release_date(submission.resource_link, now) is not None:
        raise ReviewProblem("Nothing is shown here before its date.")
    judgement: JudgementRow | None = newest_judgement(session, submission)
    if judgement is None or judgement.flags or judgement.evidence == "none":
        raise ReviewProblem("A person has to look at this one.")
    if not jobs.pass_gate(session, submission.id):
        raise ReviewProblem("Somebody else decided it.")
    release_by_policy(session, submission)

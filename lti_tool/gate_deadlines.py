"""What happens to work that has waited for a person longer than its placement allows: named, released, or returned.

Nobody's decision is overtaken: what somebody decided and what is to be scored blind waits on, and so does a sheet with
a flag, or with a criterion that has no level.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lti_tool import jobs, returns
from lti_tool.blind_draws import is_pending
from lti_tool.db import Database, utc_now
from lti_tool.models import Job, JobEvent, JudgementRow, PendingRelease, ResourceLink, Submission
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
    days = wait_days(link)
    if days is None:
        return ()
    return session.scalars(_waiting_since(link, (now or utc_now()) - timedelta(days=days))).all()


def _waiting_since(link: ResourceLink, before: datetime) -> Select[int]:
    held = (
        select(JobEvent.job_id, func.max(JobEvent.at).label("at"))
        .where(JobEvent.stage == "held")
        .group_by(JobEvent.job_id)
        .subquery()
    )
    decided = select(PendingRelease.submission_id).where(PendingRelease.submission_id == Submission.id)
    return (
        select(Submission.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .outerjoin(held, held.c.job_id == Job.id)
        .where(
            Submission.resource_link_id == link.id,
            Job.state.in_(("awaiting_review", "needs_person")),
            func.coalesce(held.c.at, Submission.sent_at) <= before,
            ~decided.exists(),
            ~is_pending(),
        )
        .order_by(func.coalesce(held.c.at, Submission.sent_at), Submission.id)
    )


def carry_out(database: Database, now: datetime | None = None) -> int:
    """Release or return what has waited too long, each in a transaction of its own; returns how many."""
    with database.read() as session:
        links = session.scalars(
            select(ResourceLink).where(
                ResourceLink.settings["wait_days"].is_not(None), ResourceLink.rehearsal.is_(False)
            )
        ).all()
        due = [
            (submission_id, str(link.settings.get("wait_then")))
            for link in links
            if link.settings.get("wait_then") in (RELEASE, RETURN)
            for submission_id in overdue(session, link, now)
        ]
    return sum(_settle(database, submission_id, policy) for submission_id, policy in due)


def _settle(database: Database, submission_id: int, policy: str) -> bool:
    try:
        with database.write() as session:
            submission = session.get_one(Submission, submission_id)
            if policy == RETURN:
                returns.expire(session, submission)
            else:
                _release(session, submission)
        return True
    except (ReviewProblem, AlreadyReleased) as problem:
        log.info("still waits for a person", submission=submission_id, why=type(problem).__name__)
        return False


def _release(session: Session, submission: Submission) -> None:
    judgement: JudgementRow | None = newest_judgement(session, submission)
    if judgement is None or judgement.flags:
        raise ReviewProblem("A person has to look at this one.")
    if not jobs.pass_gate(session, submission.id):
        raise ReviewProblem("Somebody else decided it.")
    release_by_policy(session, submission)

"""The outbox of messages to the gradebook: body and timestamp are fixed when a message is written.

Assignment and Grade Services 2.0, Score: https://www.imsglobal.org/spec/lti-ags/v2p0#score-service. Delivery is
at least once with an effect that repeats harmlessly: the same body with the same timestamp on every try.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.db import utc_now
from lti_tool.models import Job, LessonScore, Passback, PassbackTry, Person, ResourceLink, Submission
from lti_tool.platforms import rules_for

SETTLED = ("sent", "overtaken", "refused")
COMMENT = "The levels and what they rest on are in the lesson."

_STEP = timedelta(seconds=1)  # Moodle compares timestamps to the second and wants each one strictly later


@dataclass(frozen=True)
class MessageStatus:
    """A message to the gradebook and how its delivery stands."""

    passback_id: int
    person_id: int
    handle: str
    kind: str
    sequence: int
    given: float | None
    maximum: float | None
    state: str
    answer: str | None
    read_back: Mapping[str, Any] | None
    tries: int
    next_try_at: datetime | None
    timestamp: datetime
    settled_at: datetime | None


def enqueue_released(session: Session, lesson_score: LessonScore) -> Passback:
    """The message that carries a lesson score, with its job, in the caller's transaction."""
    link = session.get_one(ResourceLink, lesson_score.resource_link_id)
    rules = rules_for(link.platform_family)
    score: dict[str, Any] = {
        "scoreGiven": lesson_score.given,
        "scoreMaximum": lesson_score.maximum,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        **rules.score_extension,
    }
    if lesson_score.sequence == 1 or not rules.comment_accumulates:
        score["comment"] = COMMENT
    return _enqueue(
        session,
        link,
        session.get_one(Person, lesson_score.person_id),
        kind="released",
        sequence=lesson_score.sequence,
        score=score,
        lesson_score_id=lesson_score.id,
    )


def enqueue_submitted(session: Session, submission: Submission, address: str) -> Passback | None:
    """Tell the gradebook that work was handed in, so that it does not stand as missing; `address` opens the work.

    Only where the platform keeps such a message apart from the grade, and only as the first message about a learner:
    after a score it would take that score away. None where nothing is sent.
    """
    link, person = submission.resource_link, submission.person
    rules = rules_for(link.platform_family)
    if not rules.submitted_message:
        return None
    _lock_learner(session, link.id, person.id)
    if _newest_timestamp(session, link.id, person.id) is not None:
        return None
    sent_at = iso(submission.sent_at)
    score: dict[str, Any] = {"activityProgress": "Submitted", "gradingProgress": "PendingManual"}
    for name, extension in rules.submitted_extension.items():
        score[name] = {**extension, "submission_data": address, "submitted_at": sent_at}
    return _enqueue(session, link, person, kind="submitted", sequence=1, score=score, lesson_score_id=None)


def _enqueue(
    session: Session,
    link: ResourceLink,
    person: Person,
    *,
    kind: str,
    sequence: int,
    score: Mapping[str, Any],
    lesson_score_id: int | None,
) -> Passback:
    _lock_learner(session, link.id, person.id)
    timestamp = _next_timestamp(session, link.id, person.id)
    message = Passback(
        resource_link_id=link.id,
        person_id=person.id,
        kind=kind,
        sequence=sequence,
        lesson_score_id=lesson_score_id,
        body={"userId": person.sub, "timestamp": iso(timestamp), **score},
        timestamp=timestamp,
    )
    session.add(message)
    session.flush()
    jobs.enqueue_sending(session, message)
    return message


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and Z, which every platform we know takes."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _next_timestamp(session: Session, resource_link_id: int, person_id: int) -> datetime:
    now = utc_now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    last = _newest_timestamp(session, resource_link_id, person_id)
    return now if last is None else max(now, last + _STEP)


def _newest_timestamp(session: Session, resource_link_id: int, person_id: int) -> datetime | None:
    about = (Passback.resource_link_id == resource_link_id, Passback.person_id == person_id)
    return session.scalar(select(func.max(Passback.timestamp)).where(*about))


def _lock_learner(session: Session, resource_link_id: int, person_id: int) -> None:
    # Messages about one learner are written one after the other, so that their order is that of their timestamps
    # and of their jobs; a SQLite writer is alone anyway.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(resource_link_id, person_id)))


# ---- delivery ------------------------------------------------------------------------------------------------


def record_try(session: Session, passback_id: int, action: str, status: int | None, answer: str) -> None:
    """Keep one exchange with the platform: what was done, and what came back (None: nothing did)."""
    session.add(PassbackTry(passback_id=passback_id, action=action, status=status, answer=answer))


def overtaken_by(session: Session, message: Passback) -> int | None:
    """The id of a newer message about the same learner that has been sent, if there is one."""
    return session.scalar(
        select(Passback.id).where(
            Passback.resource_link_id == message.resource_link_id,
            Passback.person_id == message.person_id,
            Passback.timestamp > message.timestamp,
            Passback.state == "sent",
        )
    )


def settle(message: Passback, state: str, answer: str, read_back: Mapping[str, Any] | None = None) -> None:
    """Move a message's delivery to `state`, with what the platform said and what its gradebook shows."""
    message.state = state
    message.answer = answer
    if read_back is not None:
        message.read_back = dict(read_back)
    message.settled_at = utc_now() if state in SETTLED else None


# ---- what pages ask ------------------------------------------------------------------------------------------


def messages(session: Session, resource_link_id: int) -> list[MessageStatus]:
    """Every message of a placement, oldest first."""
    found = session.execute(
        select(Passback, Job, Person.handle)
        .join(Person, Person.id == Passback.person_id)
        .outerjoin(Job, (Job.passback_id == Passback.id) & (Job.kind == jobs.SEND_SCORE))
        .where(Passback.resource_link_id == resource_link_id)
        .order_by(Passback.timestamp, Passback.id)
    )
    return [_status(message, job, handle) for message, job, handle in found]


def _status(message: Passback, job: Job | None, handle: str) -> MessageStatus:
    waits = job is not None and job.state == "queued"
    return MessageStatus(
        passback_id=message.id,
        person_id=message.person_id,
        handle=handle,
        kind=message.kind,
        sequence=message.sequence,
        given=message.body.get("scoreGiven"),
        maximum=message.body.get("scoreMaximum"),
        state=message.state,
        answer=message.answer,
        read_back=message.read_back,
        tries=job.tries if job else 0,
        next_try_at=job.next_try_at if job and waits else None,
        timestamp=message.timestamp,
        settled_at=message.settled_at,
    )


def send_again(session: Session, passback_id: int) -> bool:
    """Queue a refused message once more, with the same body; False if it is not refused."""
    message = session.get(Passback, passback_id)
    if message is None or message.state != "refused":
        return False
    job = jobs.enqueue_sending(session, message)
    if not jobs.enqueue_again(session, job.id):
        return False
    settle(message, "waiting", message.answer or "")
    return True

"""The outbox of messages to the gradebook: body and timestamp are fixed when a message is written.

Assignment and Grade Services 2.0, Score: https://www.imsglobal.org/spec/lti-ags/v2p0#score-service. Delivery is
at least once with an effect that repeats harmlessly: the same body with the same timestamp on every try.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from lti_tool import jobs
from lti_tool.db import utc_now
from lti_tool.lessons import lesson_of, weights_here
from lti_tool.locks import lock_learner
from lti_tool.models import Job, LessonScore, Passback, PassbackTry, Person, Release, ResourceLink, Submission
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
    person = session.get_one(Person, lesson_score.person_id)
    rules = rules_for(link.platform_family)
    score: dict[str, Any] = {
        "scoreGiven": lesson_score.given,
        "scoreMaximum": lesson_score.maximum,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        **rules.score_extension,
    }
    handed_in = _handed_in(session, link, lesson_score)
    if rules.submission_time and handed_in is not None:
        score["submission"] = {"submittedAt": iso(handed_in)}
    if not (rules.comment_accumulates and _comment_may_be_there(session, link.id, person.id)):
        score["comment"] = COMMENT
    return _enqueue(session, link, person, kind="released", score=score, lesson_score_id=lesson_score.id)


def enqueue_submitted(session: Session, submission: Submission, address: str) -> Passback | None:
    """Tell the gradebook that work was handed in, so that it does not stand as missing; `address` opens the work.

    Only where the platform keeps such a message apart from the grade, and only as the first message about a learner:
    after a score it would take that score away. None where nothing is sent.
    """
    link, person = submission.resource_link, submission.person
    rules = rules_for(link.platform_family)
    if not rules.submitted_message:
        return None
    lock_learner(session, link.id, person.id)
    if _newest_timestamp(session, link.id, person.id) is not None:
        return None
    sent_at = iso(submission.sent_at)
    score: dict[str, Any] = {"activityProgress": "Submitted", "gradingProgress": "PendingManual"}
    for name, extension in rules.submitted_extension.items():
        score[name] = {**extension, "submission_data": address, "submitted_at": sent_at}
    return _enqueue(session, link, person, kind="submitted", score=score, lesson_score_id=None)


def _enqueue(
    session: Session,
    link: ResourceLink,
    person: Person,
    *,
    kind: str,
    score: Mapping[str, Any],
    lesson_score_id: int | None,
) -> Passback:
    lock_learner(session, link.id, person.id)
    timestamp = _next_timestamp(session, link.id, person.id)
    about = (Passback.resource_link_id == link.id, Passback.person_id == person.id)
    last = session.scalar(select(func.max(Passback.sequence)).where(*about, Passback.kind == kind))
    message = Passback(
        resource_link_id=link.id,
        person_id=person.id,
        kind=kind,
        sequence=(last or 0) + 1,
        lesson_score_id=lesson_score_id,
        body={"userId": person.sub, "timestamp": iso(timestamp), **score},
        timestamp=timestamp,
    )
    session.add(message)
    session.flush()
    jobs.enqueue_sending(session, message)
    return message


def _handed_in(session: Session, link: ResourceLink, score: LessonScore) -> datetime | None:
    """When the last of the work that makes this score was handed in.

    Practice, and attempts that do not count, make nobody late: a gradebook may take points off for that.
    """
    later = aliased(Release)
    newest = ~select(later.id).where(later.submission_id == Submission.id, later.sequence > Release.sequence).exists()
    released = session.execute(
        select(Submission, Release.points)
        .join(Release, Release.submission_id == Submission.id)
        .where(Submission.resource_link_id == link.id, Submission.person_id == score.person_id, newest)
        .order_by(Submission.attempt.desc())
    )
    counting = {
        sent.item_id: sent.sent_at
        for sent, points in released
        if points == score.parts.get(sent.item_id) and weights_here(link, lesson_of(sent)).get(sent.item_id)
    }
    return max(counting.values(), default=None)


def _comment_may_be_there(session: Session, resource_link_id: int, person_id: int) -> bool:
    """Whether a message with the comment is on its way, was taken, or may have been."""
    about = (Passback.resource_link_id == resource_link_id, Passback.person_id == person_id)
    refused = Passback.state == "refused"
    posted = PassbackTry.action == "post"
    arrived = or_(PassbackTry.status.is_(None), PassbackTry.status < 400, PassbackTry.status >= 500)
    tried = select(PassbackTry.id).where(PassbackTry.passback_id == Passback.id, posted, arrived).exists()
    told = select(Passback.id).where(*about, Passback.kind == "released", or_(~refused, tried))
    return session.scalar(told.limit(1)) is not None


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


def send_again(session: Session, passback_id: int) -> Passback | None:
    """Say once more what the newest message about a learner said, if that is settled; None if it is not.

    As a message of its own: gradebooks take nothing that is older than what they have, and what was refused for its
    time would be refused for ever. What a platform may still be asked about is never sent anew, but compared first.
    """
    message = session.get(Passback, passback_id)
    if message is None:
        return None
    lock_learner(session, message.resource_link_id, message.person_id)
    newest = _newest_timestamp(session, message.resource_link_id, message.person_id)
    if message.state not in ("refused", "sent") or message.timestamp != newest:
        return None
    if message.kind == "released":
        assert message.lesson_score_id is not None
        again = enqueue_released(session, session.get_one(LessonScore, message.lesson_score_id))
    else:
        said = {name: value for name, value in message.body.items() if name not in ("userId", "timestamp")}
        again = _enqueue(
            session, message.resource_link, message.person, kind=message.kind, score=said, lesson_score_id=None
        )
    if message.state == "refused":
        jobs.no_more(session, message.id)
        settle(message, "overtaken", message.answer or "")
    return again

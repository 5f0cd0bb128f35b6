"""The outbox of the gradebook: what is to be said about a learner, fixed once, and what became of it.

Body and timestamp are fixed when the message is written, so that every retry says the same thing. Delivery is at
least once; the effect is the same however often it arrives.
"""

from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.db import utc_now
from lti_tool.models import Job, LessonScore, Passback, PassbackTry, Person, ResourceLink
from lti_tool.platforms import rules_for

# Moodle keeps whole seconds and refuses a score that is not strictly later (seen on 4.5.6).
STEP = timedelta(seconds=1)
ANSWER_LENGTH = 500
Kind = Literal["submitted", "released"]
Settled = Literal["sent", "overtaken", "refused"]


def enqueue_released(session: Session, score: LessonScore) -> Passback:
    """The message that carries a lesson score, and the job that sends it; once for every score."""
    return _enqueue(
        session,
        score.resource_link_id,
        score.person_id,
        "released",
        score.sequence,
        {
            "scoreGiven": score.given,
            "scoreMaximum": score.maximum,
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
        },
        lesson_score_id=score.id,
    )


def enqueue_submitted(session: Session, resource_link: ResourceLink, person_id: int) -> Passback | None:
    """Tell a platform that shows missing work that something was handed in, where its rules allow that; once.

    None on platforms where such a message would erase a grade, and once a score has been released.
    """
    if not rules_for(resource_link.platform_family).submitted_message:
        return None
    if _newest(session, resource_link.id, person_id) is not None:
        return None
    body = {"activityProgress": "Submitted", "gradingProgress": "PendingManual"}
    return _enqueue(session, resource_link.id, person_id, "submitted", 1, body)


def _enqueue(
    session: Session,
    resource_link_id: int,
    person_id: int,
    kind: Kind,
    sequence: int,
    body: dict[str, Any],
    lesson_score_id: int | None = None,
) -> Passback:
    timestamp = _next_timestamp(session, resource_link_id, person_id)
    message = Passback(
        resource_link_id=resource_link_id,
        person_id=person_id,
        kind=kind,
        sequence=sequence,
        lesson_score_id=lesson_score_id,
        timestamp=timestamp,
        body={"userId": session.get_one(Person, person_id).sub, "timestamp": ags_time(timestamp), **body},
    )
    session.add(message)
    session.flush()
    jobs.enqueue_sending(session, message)
    return message


def ags_time(moment: datetime) -> str:
    """A time as AGS asks for it: ISO 8601 with a zone, here UTC to the millisecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _next_timestamp(session: Session, resource_link_id: int, person_id: int) -> datetime:
    """Now, or a second after the last message about this learner if that is later: a clock may step back."""
    last = session.scalar(
        select(func.max(Passback.timestamp)).where(
            Passback.resource_link_id == resource_link_id, Passback.person_id == person_id
        )
    )
    now = utc_now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    return now if last is None else max(now, last + STEP)


def _newest(session: Session, resource_link_id: int, person_id: int) -> Passback | None:
    found = select(Passback).where(Passback.resource_link_id == resource_link_id, Passback.person_id == person_id)
    return session.scalar(found.order_by(Passback.timestamp.desc()).limit(1))


def is_overtaken(session: Session, message: Passback) -> bool:
    """Whether a later message about the same learner has already arrived."""
    later = select(Passback.id).where(
        Passback.resource_link_id == message.resource_link_id,
        Passback.person_id == message.person_id,
        Passback.timestamp > message.timestamp,
        Passback.state == "sent",
    )
    return session.scalar(later.limit(1)) is not None


def record_try(session: Session, message: Passback, action: str, status: int | None, answer: str) -> None:
    """Keep what was done about a message and what came back."""
    session.add(PassbackTry(passback_id=message.id, action=action, status=status, answer=answer[:ANSWER_LENGTH]))
    session.flush()


def mark_unknown(message: Passback, answer: str) -> None:
    """It may or may not have arrived; only the gradebook can tell."""
    message.state, message.answer = "unknown", answer[:ANSWER_LENGTH]


def mark_settled(message: Passback, state: Settled, answer: str, read_back: dict[str, Any] | None = None) -> None:
    """Nothing more will be tried with this message."""
    message.state, message.answer, message.settled_at = state, answer[:ANSWER_LENGTH], utc_now()
    if read_back is not None:
        message.read_back = read_back


def send_again(session: Session, passback_id: int) -> bool:
    """Try a refused message once more, with the same body; False if it was not refused."""
    message = session.get_one(Passback, passback_id)
    reset = session.execute(
        update(Passback)
        .where(Passback.id == passback_id, Passback.state == "refused")
        .values(state="waiting", settled_at=None)
        .returning(Passback.id)
    ).first()
    if reset is None:
        return False
    session.refresh(message)
    job = session.scalars(select(Job).where(Job.kind == jobs.SEND_SCORE, Job.passback_id == passback_id)).one()
    jobs.start_over(session, job)
    return True


def settled(session: Session) -> bool:
    """Whether no message waits to be sent or compared."""
    open_ones = select(Passback.id).where(Passback.state.in_(("waiting", "unknown")))
    return session.scalar(open_ones.limit(1)) is None

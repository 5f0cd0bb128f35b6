"""Who is on a submission, so that two people do not read the same one: until they have been idle, or as assigned."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from lti_tool.db import upsert, utc_now
from lti_tool.models import Launch, Person, ResourceLink, ReviewClaim

IDLE = timedelta(minutes=30)


@dataclass(frozen=True)
class Held:
    """Somebody else has a submission: their handle, and until when; no time where it was given to them."""

    handle: str
    until: datetime | None


def take(session: Session, submission_id: int, person_id: int, now: datetime | None = None) -> Held | None:
    """Be on a submission from now; says who has it instead, if somebody else does. Assigned work stays assigned."""
    now = now or utc_now()
    free = or_(ReviewClaim.person_id == person_id, ReviewClaim.until <= now)
    taken = session.execute(
        update(ReviewClaim)
        .where(ReviewClaim.submission_id == submission_id, free, ReviewClaim.until.is_not(None))
        .values(person_id=person_id, until=now + IDLE)
        .returning(ReviewClaim.submission_id)
    )
    if taken.scalar_one_or_none() is not None:
        return None
    known = _claim(session, submission_id)
    if known is None:
        try:
            with session.begin_nested():
                session.add(ReviewClaim(submission_id=submission_id, person_id=person_id, until=now + IDLE))
            return None
        except IntegrityError:
            known = _claim(session, submission_id)
    if known is None or known.person_id == person_id:
        return None
    return Held(known.person.handle, known.until)


def needs_taking(session: Session, submission_id: int, person_id: int, now: datetime | None = None) -> bool:
    """Whether opening a submission writes anything: not while one's own claim is fresh."""
    known = _claim(session, submission_id)
    if known is None or known.person_id != person_id:
        return True
    return known.until is not None and known.until < (now or utc_now()) + IDLE / 2


def _claim(session: Session, submission_id: int) -> ReviewClaim | None:
    return session.scalar(
        select(ReviewClaim)
        .where(ReviewClaim.submission_id == submission_id)
        .options(joinedload(ReviewClaim.person))
        .execution_options(populate_existing=True)
    )


def give_up(session: Session, submission_id: int, person_id: int) -> None:
    """Be on a submission no longer; somebody else's claim stays."""
    own = (ReviewClaim.submission_id == submission_id, ReviewClaim.person_id == person_id)
    session.execute(delete(ReviewClaim).where(*own, ReviewClaim.until.is_not(None)))


def assign(session: Session, submission_ids: Collection[int], person_id: int | None) -> None:
    """Give submissions to somebody, or (None) to whoever comes; whoever was on them is no longer."""
    if not submission_ids:
        return
    if person_id is None:
        session.execute(delete(ReviewClaim).where(ReviewClaim.submission_id.in_(submission_ids)))
        return
    # In one order, so that two who give out the same ones at once never wait for each other: the last one's word holds.
    given = {"person_id": person_id, "until": None}
    rows = [{"submission_id": one, **given} for one in sorted(set(submission_ids))]
    upsert(session, ReviewClaim.__table__, rows, ["submission_id"], given)  # type: ignore[arg-type]
    session.flush()


def graders(session: Session, link: ResourceLink) -> list[Person]:
    """Everybody who has opened this course as an instructor, by handle."""
    here = select(ResourceLink.id).where(ResourceLink.context_id == link.context_id)
    found = select(Launch.person_id).where(Launch.resource_link_id.in_(here), Launch.role == "instructor")
    return list(session.scalars(select(Person).where(Person.id.in_(found)).order_by(Person.handle)))

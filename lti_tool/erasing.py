"""Erasing what a learner left on a placement, and what nobody else's work rests on; by hand, or when its time is over.

The course's own gradebook is not touched: what it was sent belongs to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, delete, func, select, union_all
from sqlalchemy.orm import Session

from lti_tool import coaching
from lti_tool.db import insert_new
from lti_tool.models import (
    AnswerRow,
    Audit,
    Base,
    Draft,
    ForgottenReceipt,
    Launch,
    Person,
    RatingRow,
    Release,
    ResourceLink,
    Submission,
)
from lti_tool.placement_settings import hold_settings, retention_ends

UNRATED_FOR = timedelta(days=7)  # longer than a job is tried


@dataclass(frozen=True)
class Due:
    """Somebody whose work on a placement has been kept as long as the placement says."""

    resource_link_id: int
    person_id: int
    last: datetime


def erase_work(session: Session, link: ResourceLink, person_id: int, *, by: int | None) -> None:
    """Delete everything a learner has on a placement, and the person where nothing of theirs is left anywhere."""
    bought = _fingerprints(session, link.id, person_id) | coaching.marks_of(session, link.id, person_id)
    for table in reversed(Base.metadata.sorted_tables):
        if {"resource_link_id", "person_id"} <= set(table.c.keys()):
            here = (table.c.resource_link_id == link.id, table.c.person_id == person_id)
            session.execute(delete(table).where(*here))
    _forget_answers(session, bought)
    handle = session.get_one(Person, person_id).handle
    hold_settings(session, link)
    granted = {name: value for name, value in link.settings.get("accommodations", {}).items() if name != handle}
    if "accommodations" in link.settings:
        link.settings = {**link.settings, "accommodations": granted}
    if not _is_anywhere(session, person_id):
        session.execute(delete(Person).where(Person.id == person_id))
    detail = {"resource_link": link.id, "by": by}
    session.add(Audit(kind="erased", code="work", registration_id=link.deployment.registration_id, detail=detail))
    session.flush()
    session.expire_all()


def due_for_erasing(
    session: Session, now: datetime, *, link_id: int | None = None, person_id: int | None = None
) -> list[Due]:
    """Whose work has been kept as long as their placement says, counted from the last thing that happened to it.

    `link_id` asks about one placement, `person_id` about one learner.
    """
    found = []
    placements = select(ResourceLink).where(ResourceLink.settings["retention_days"].as_string().is_not(None))
    if link_id is not None:
        placements = placements.where(ResourceLink.id == link_id)
    for link in session.scalars(placements):
        for whose, last in session.execute(_last_touched(link.id, person_id)):
            ends = retention_ends(link, last)
            if ends is not None and ends <= now:
                found.append(Due(link.id, whose, last))
    return found


def _last_touched(resource_link_id: int, person_id: int | None = None):  # type: ignore[no-untyped-def]
    """Person id and when something last happened to their work on a placement; those who teach are left out."""
    here = Launch.resource_link_id == resource_link_id
    parts: list[Select[int, datetime]] = [
        select(Launch.person_id, Launch.launched_at.label("at")).where(here, Launch.role == "student"),
        select(Draft.person_id, Draft.saved_at).where(Draft.resource_link_id == resource_link_id),
        select(Submission.person_id, Submission.sent_at).where(Submission.resource_link_id == resource_link_id),
        select(Submission.person_id, Release.released_at)
        .join(Release, Release.submission_id == Submission.id)
        .where(Submission.resource_link_id == resource_link_id),
    ]
    if person_id is not None:
        whose = (Launch.person_id, Draft.person_id, Submission.person_id, Submission.person_id)
        parts = [part.where(column == person_id) for part, column in zip(parts, whose, strict=True)]
    touched = union_all(*parts).subquery()
    taught = select(Launch.person_id).where(here, Launch.role != "student")
    return (
        select(touched.c.person_id, func.max(touched.c.at))
        .where(touched.c.person_id.not_in(taught))
        .group_by(touched.c.person_id)
    )


def _fingerprints(session: Session, resource_link_id: int, person_id: int) -> set[str]:
    rated = (
        select(RatingRow.fingerprint)
        .join(Submission, Submission.id == RatingRow.submission_id)
        .where(Submission.resource_link_id == resource_link_id, Submission.person_id == person_id)
    )
    return set(session.scalars(rated))


def _forget_answers(session: Session, fingerprints: Iterable[str]) -> None:
    """A judge's raw answers quote the work; those that no other rating rests on go with it."""
    _delete_answers(session, AnswerRow.fingerprint.in_(list(fingerprints)) & ~_is_rated())


def are_unrated(now: datetime) -> ColumnElement[bool]:
    """Of answers: those that no rating rests on a week after they came.

    They quote a work that may be gone: what was asked while it was erased, or was never read; and what the coach was
    told, whose reply is kept with the take.
    """
    return (AnswerRow.created_at < now - UNRATED_FOR) & ~_is_rated()


def forget_unrated(session: Session, now: datetime) -> None:
    """Delete the answers that are kept for nobody."""
    _delete_answers(session, are_unrated(now))


def _is_rated() -> ColumnElement[bool]:
    return select(RatingRow.id).where(RatingRow.fingerprint == AnswerRow.fingerprint).exists()


def _delete_answers(session: Session, which: ColumnElement[bool]) -> None:
    gone = session.scalars(
        delete(AnswerRow).where(which).returning(AnswerRow.fingerprint).execution_options(synchronize_session=False)
    ).all()
    # Executors alone reach the store of results; they take the receipts out when they see these rows.
    insert_new(session, ForgottenReceipt.__table__, [{"fingerprint": one} for one in gone], ["fingerprint"])  # type: ignore[arg-type]


def _is_anywhere(session: Session, person_id: int) -> bool:
    return any(
        session.scalar(select(func.count()).select_from(table).where(column == person_id))
        for table in Base.metadata.sorted_tables
        for column in table.c
        if table.name != "notice_acceptance" and any(key.column is Person.__table__.c.id for key in column.foreign_keys)
    )

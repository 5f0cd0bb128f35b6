"""From released items to the lesson score, and from there to the gradebook's outbox."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog
from sqlalchemy import Select, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool import coaching, jobs, passback
from lti_tool.db import Database, utc_now
from lti_tool.deadlines import closed_for
from lti_tool.lessons import UnknownLesson, lesson_here, weights_here
from lti_tool.locks import lock_learner
from lti_tool.models import Job, LessonScore, Release, ResourceLink, Submission
from rubrics.scoring import lesson_points

log = structlog.get_logger()


@dataclass(frozen=True)
class Standing:
    """A learner's items so far: points (0 to 100) by item, and the lesson score once all are there.

    Points are those released; once the placement has closed for a learner who sent weighted work, what they never
    sent has 0. What was sent and has no score yet keeps None: it holds the score until a person has seen to it.
    """

    weights: Mapping[str, float]
    parts: Mapping[str, float | None]
    given: float | None
    maximum: float


def lesson_standing(session: Session, resource_link: ResourceLink, person_id: int) -> Standing:
    """Where a learner stands in a placement; `given` is None while a weighted item is not released."""
    return lesson_standings(session, resource_link, [person_id])[person_id]


def lesson_standings(session: Session, resource_link: ResourceLink, person_ids: Collection[int]) -> dict[int, Standing]:
    """Where each of these learners stands in a placement, by person id."""
    lesson = lesson_here(session, resource_link).lesson
    weights = weights_here(resource_link, lesson)
    counting = resource_link.settings.get("counts", "best")
    released = _released_points(session, resource_link, person_ids)
    weighted = {item_id for item_id, weight in weights.items() if weight}
    given_up = _given_up(session, resource_link, person_ids, weighted)
    standings = {}
    for person_id in person_ids:
        parts = {item.id: _counting(released.get((person_id, item.id), {}), counting) for item in lesson.items}
        parts |= dict.fromkeys(given_up.get(person_id, ()), 0.0)
        score = lesson_points(weights, parts)
        standings[person_id] = Standing(
            weights=weights,
            parts=parts,
            given=score.given if score else None,
            maximum=score.maximum if score else sum(weights.values()),
        )
    return standings


def _released_points(
    session: Session, resource_link: ResourceLink, person_ids: Collection[int]
) -> dict[tuple[int, str], dict[int, float]]:
    """(Person id, item id) to the released points by attempt, first attempt to last; the newest release of each.

    Takes that were sent after the coach had shown a rewrite are practice, and left out.
    """
    rewritten = coaching.first_rewrites(session, resource_link, person_ids)
    rows = session.execute(
        select(Submission.person_id, Submission.item_id, Submission.attempt, Submission.sent_at, Release.points)
        .join(Release, Release.submission_id == Submission.id)
        .where(Submission.resource_link_id == resource_link.id, Submission.person_id.in_(person_ids))
        .order_by(Submission.attempt, Release.sequence)
    )
    found: dict[tuple[int, str], dict[int, float]] = {}
    for person_id, item_id, attempt, sent_at, points in rows:
        shown = rewritten.get((person_id, item_id))
        if shown is None or sent_at <= shown:
            found.setdefault((person_id, item_id), {})[attempt] = points
    return found


def _given_up(
    session: Session, resource_link: ResourceLink, person_ids: Collection[int], weighted: Collection[str]
) -> dict[int, frozenset[str]]:
    """Person id to the weighted items they never sent, for those who sent others and can send no more."""
    rows = session.execute(
        select(Submission.person_id, Submission.item_id)
        .outerjoin(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(
            Submission.resource_link_id == resource_link.id,
            Submission.person_id.in_(person_ids),
            Submission.item_id.in_(weighted),
            Job.state.is_distinct_from("withdrawn"),
        )
    )
    sent: dict[int, set[str]] = {}
    for person_id, item_id in rows:
        sent.setdefault(person_id, set()).add(item_id)
    incomplete = [person_id for person_id, items in sent.items() if items < set(weighted)]
    closed = closed_for(session, resource_link, incomplete, utc_now()) if incomplete else ()
    return {person_id: frozenset(set(weighted) - sent[person_id]) for person_id in closed}


def _counting(by_attempt: Mapping[int, float], rule: str) -> float | None:
    if not by_attempt:
        return None
    return by_attempt[max(by_attempt)] if rule == "last" else max(by_attempt.values())


def settle(session: Session, resource_link: ResourceLink, person_id: int) -> LessonScore | None:
    """After a release: record the lesson score if it is complete and has changed, and put it in the outbox.

    In the caller's transaction, so that a release and its message stand or fall together. Of two releases of one
    learner at once the second waits here, and then counts the first.
    """
    lock_learner(session, resource_link.id, person_id)
    try:
        standing = lesson_standing(session, resource_link, person_id)
    except UnknownLesson:
        return None  # it was taken back; `settle_closed` comes to this again when it is there
    if standing.given is None:
        return None
    last = newest_score(session, resource_link, person_id)
    if last is not None and (last.given, last.maximum) == (standing.given, standing.maximum):
        return last
    score = LessonScore(
        resource_link_id=resource_link.id,
        person_id=person_id,
        sequence=(last.sequence + 1) if last else 1,
        given=standing.given,
        maximum=standing.maximum,
        parts=dict(standing.parts),
    )
    session.add(score)
    session.flush()
    passback.enqueue_released(session, score)
    return score


def newest_score(session: Session, resource_link: ResourceLink, person_id: int) -> LessonScore | None:
    """The lesson score that stands for a learner, if there is one."""
    found = select(LessonScore).where(
        LessonScore.resource_link_id == resource_link.id, LessonScore.person_id == person_id
    )
    return session.scalar(found.order_by(LessonScore.sequence.desc()).limit(1))


def settle_closed(database: Database) -> int:
    """Score what its close has made complete, each learner in a transaction of their own; returns how many.

    A learner who sent nothing that counts gets no score from here: what a missing work costs is the course's rule.
    """
    with database.read() as session:
        waiting = session.execute(_unsettled()).all()
        links = {link_id: session.get_one(ResourceLink, link_id) for link_id, _ in waiting}
        people = {link_id: [person for link, person in waiting if link == link_id] for link_id in links}
        ripe = [
            (link_id, person_id)
            for link_id, link in links.items()
            for person_id in _complete(session, link, people[link_id])
        ]
    return sum(_settle_one(database, link_id, person_id) for link_id, person_id in ripe)


def _complete(session: Session, link: ResourceLink, person_ids: Collection[int]) -> list[int]:
    """Those who have a score; nobody where there can be none, which holds up no other placement."""
    try:
        standings = lesson_standings(session, link, person_ids)
    except UnknownLesson:  # it was taken back
        return []
    except (LookupError, ValueError) as error:
        log.error("a placement could not be scored", placement=link.id, error=type(error).__name__)
        return []
    return [person_id for person_id, standing in standings.items() if standing.given is not None]


def _unsettled() -> Select[int, int]:
    """(Placement id, person id) of every learner with releases that no lesson score has followed yet."""
    here = (LessonScore.resource_link_id == Submission.resource_link_id, LessonScore.person_id == Submission.person_id)
    scored = select(func.max(LessonScore.scored_at)).where(*here).scalar_subquery()
    newest = func.max(Release.released_at)
    return (
        select(Submission.resource_link_id, Submission.person_id)
        .join(Release, Release.submission_id == Submission.id)
        .group_by(Submission.resource_link_id, Submission.person_id)
        .having(or_(scored.is_(None), newest > scored))
    )


def _settle_one(database: Database, link_id: int, person_id: int) -> bool:
    try:
        with database.write() as session:
            link = session.get_one(ResourceLink, link_id)
            before = newest_score(session, link, person_id)
            return settle(session, link, person_id) is not before
    except IntegrityError:
        return False  # another process was first

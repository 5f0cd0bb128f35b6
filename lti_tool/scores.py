"""From released items to the lesson score, and from there to the gradebook's outbox."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool import passback
from lti_tool.lessons import current_lesson
from lti_tool.models import LessonScore, Release, ResourceLink, Submission
from rubrics.scoring import lesson_points


@dataclass(frozen=True)
class Standing:
    """A learner's items so far: released points (0 to 100) by item, and the lesson score once all are there."""

    weights: Mapping[str, float]
    parts: Mapping[str, float | None]
    given: float | None
    maximum: float


def lesson_standing(session: Session, resource_link: ResourceLink, person_id: int) -> Standing:
    """Where a learner stands in a placement; `given` is None while a weighted item is not released."""
    return lesson_standings(session, resource_link, [person_id])[person_id]


def lesson_standings(session: Session, resource_link: ResourceLink, person_ids: Collection[int]) -> dict[int, Standing]:
    """Where each of these learners stands in a placement, by person id."""
    lesson = current_lesson(session, resource_link.lesson_slug).lesson
    weights = {**lesson.weights, **resource_link.settings.get("weights", {})}
    counting = resource_link.settings.get("counts", "best")
    released = _released_points(session, resource_link, person_ids)
    standings = {}
    for person_id in person_ids:
        parts = {item.id: _counting(released.get((person_id, item.id), {}), counting) for item in lesson.items}
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
    """(Person id, item id) to the released points by attempt, first attempt to last; the newest release of each."""
    rows = session.execute(
        select(Submission.person_id, Submission.item_id, Submission.attempt, Release.points)
        .join(Release, Release.submission_id == Submission.id)
        .where(Submission.resource_link_id == resource_link.id, Submission.person_id.in_(person_ids))
        .order_by(Submission.attempt, Release.sequence)
    )
    found: dict[tuple[int, str], dict[int, float]] = {}
    for person_id, item_id, attempt, points in rows:
        found.setdefault((person_id, item_id), {})[attempt] = points
    return found


def _counting(by_attempt: Mapping[int, float], rule: str) -> float | None:
    if not by_attempt:
        return None
    return by_attempt[max(by_attempt)] if rule == "last" else max(by_attempt.values())


def settle(session: Session, resource_link: ResourceLink, person_id: int) -> LessonScore | None:
    """After a release: record the lesson score if it is complete and has changed, and put it in the outbox.

    In the caller's transaction, so that a release and its message stand or fall together.
    """
    standing = lesson_standing(session, resource_link, person_id)
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

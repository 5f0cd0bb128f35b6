"""From released items to the lesson score, and from there to the gradebook's outbox."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
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
    lesson = current_lesson(session, resource_link.lesson_slug).lesson
    weights = {**lesson.weights, **resource_link.settings.get("weights", {})}
    released = _released_points(session, resource_link, person_id)
    counting = resource_link.settings.get("counts", "best")
    parts = {item.id: _counting(released.get(item.id, []), counting) for item in lesson.items}
    score = lesson_points(weights, parts)
    return Standing(
        weights=weights,
        parts=parts,
        given=score.given if score else None,
        maximum=score.maximum if score else sum(weights.values()),
    )


def _released_points(session: Session, resource_link: ResourceLink, person_id: int) -> dict[str, list[float]]:
    """Item id to the released points of its attempts, first attempt to last; only the newest release of each."""
    newest = (
        select(Release.submission_id, func.max(Release.sequence).label("sequence"))
        .group_by(Release.submission_id)
        .subquery()
    )
    rows = session.execute(
        select(Submission.item_id, Release.points)
        .join(Release, Release.submission_id == Submission.id)
        .join(
            newest,
            (newest.c.submission_id == Release.submission_id) & (newest.c.sequence == Release.sequence),
        )
        .where(Submission.resource_link_id == resource_link.id, Submission.person_id == person_id)
        .order_by(Submission.attempt)
    )
    found: dict[str, list[float]] = {}
    for item_id, points in rows:
        found.setdefault(item_id, []).append(points)
    return found


def _counting(points: list[float], rule: str) -> float | None:
    if not points:
        return None
    return points[-1] if rule == "last" else max(points)


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

"""Lessons as they were published, and how far a learner is on the path."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.lesson import DrillStep, HotTakesStep, Lesson, Step, VocabularyStep
from lti_tool.models import (
    CourseEdition,
    Job,
    JudgementRow,
    LessonPublication,
    LessonVersion,
    ResourceLink,
    RubricVersion,
    StepView,
    Submission,
    TermAnswer,
)
from lti_tool.vocabulary import Card, cards, due
from rubrics.model import Rubric
from rubrics.scoring import sum_to_full

KEPT_READ = 64


_Read = TypeVar("_Read")
_Row = TypeVar("_Row", RubricVersion, LessonVersion)


class _AlreadyRead(Generic[_Read]):
    """Versions that were read lately, by content hash: frozen rows, so what was read once stays right."""

    def __init__(self, read: Callable[[dict[str, Any]], _Read]) -> None:
        self._read = read
        self._kept: OrderedDict[str, _Read] = OrderedDict()
        self._lock = Lock()

    def get(self, content_hash: str, content: dict[str, Any]) -> _Read:
        """The lesson or rubric with this content."""
        with self._lock:
            if (known := self._kept.get(content_hash)) is not None:
                self._kept.move_to_end(content_hash)
                return known
        found = self._read(content)
        with self._lock:
            self._kept[content_hash] = found
            if len(self._kept) > KEPT_READ:
                self._kept.popitem(last=False)
        return found


_LESSONS = _AlreadyRead(Lesson.from_json)
_RUBRICS = _AlreadyRead(Rubric.from_json)


class UnknownLesson(LookupError):
    """No lesson with this slug has been published here."""


@dataclass(frozen=True)
class Published:
    """A lesson and the stored version it came from."""

    version: LessonVersion
    lesson: Lesson


@dataclass(frozen=True)
class Progress:
    """How far a learner is: steps opened and done, terms mastered, every card answered, and those to warm again."""

    opened: frozenset[str]
    done: frozenset[str]
    mastered: frozenset[str]
    cards: Mapping[str, Card]
    due: tuple[str, ...]


def store_rubric(session: Session, rubric: Rubric) -> RubricVersion:
    """The stored version with exactly this content, made if it is new."""
    return _stored(
        session,
        select(RubricVersion).where(
            RubricVersion.rubric_id == rubric.id, RubricVersion.content_hash == rubric.content_hash
        ),
        lambda: RubricVersion(
            rubric_id=rubric.id, content_hash=rubric.content_hash, title=rubric.title, content=rubric.as_json()
        ),
    )


def store_lesson(session: Session, lesson: Lesson, rubrics: Mapping[str, Rubric]) -> LessonVersion:
    """Store a lesson with its rubrics and publish it for everybody; the same content again changes nothing."""
    version = store_version(session, lesson, rubrics)
    latest = _latest_publication(session, lesson.slug)
    if latest is None or latest.lesson_version_id != version.id:
        session.add(LessonPublication(slug=lesson.slug, lesson_version_id=version.id))
        session.flush()
    return version


def store_version(session: Session, lesson: Lesson, rubrics: Mapping[str, Rubric]) -> LessonVersion:
    """The stored version of a lesson with these rubrics, made if it is new; nobody is shown it by that."""
    versions = {rubric_id: store_rubric(session, rubrics[rubric_id]) for rubric_id in lesson.rubric_ids}
    content_hash = _version_hash(lesson, versions)
    return _stored(
        session,
        select(LessonVersion).where(LessonVersion.slug == lesson.slug, LessonVersion.content_hash == content_hash),
        lambda: LessonVersion(
            slug=lesson.slug,
            content_hash=content_hash,
            title=lesson.title,
            content=lesson.as_json(),
            rubric_version_ids={rubric_id: stored.id for rubric_id, stored in versions.items()},
        ),
    )


def _stored(session: Session, known: Select[_Row], make: Callable[[], _Row]) -> _Row:
    """The row with this content, made if it is new; two who make it at once both get the one that was stored."""
    row = session.scalar(known)
    if row is not None:
        return row
    try:
        with session.begin_nested():
            row = make()
            session.add(row)
            session.flush()
    except IntegrityError:
        return session.scalars(known).one()
    return row


def _version_hash(lesson: Lesson, versions: Mapping[str, RubricVersion]) -> str:
    rubrics = {rubric_id: version.content_hash for rubric_id, version in sorted(versions.items())}
    content = json.dumps([lesson.content_hash, rubrics], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _latest_publication(session: Session, slug: str) -> LessonPublication | None:
    return session.scalar(
        select(LessonPublication).where(LessonPublication.slug == slug).order_by(LessonPublication.id.desc()).limit(1)
    )


def current_lesson(session: Session, slug: str) -> Published:
    """The lesson as published for everybody; UnknownLesson if there is none."""
    latest = _latest_publication(session, slug)
    if latest is None:
        raise UnknownLesson(f"No lesson called {slug!r} has been loaded.")
    return Published(latest.lesson_version, _lesson(latest.lesson_version))


def lesson_here(session: Session, resource_link: ResourceLink) -> Published:
    """The lesson as this placement shows it: its course's own edition, else the one for everybody.

    UnknownLesson if there is neither. A rehearsal shows the one version that it is about.
    """
    if resource_link.lesson_version_id is not None:
        pinned = session.get_one(LessonVersion, resource_link.lesson_version_id)
        return Published(pinned, _lesson(pinned))
    return lesson_of_course(session, resource_link.lesson_slug, resource_link.context_id)


def lesson_of_course(session: Session, slug: str, context_id: int) -> Published:
    """The lesson as a course shows it; UnknownLesson if there is none."""
    own = newest_edition(session, slug, context_id)
    if own is None or own.lesson_version is None:
        return current_lesson(session, slug)
    return Published(own.lesson_version, _lesson(own.lesson_version))


def weights_here(resource_link: ResourceLink, lesson: Lesson) -> dict[str, float]:
    """Item id to its share of the lesson score in this placement; the shares sum to 100.

    Its lesson may have been edited since somebody set its weights: an item they do not name counts nothing, and where
    one that counted is gone, the lesson's own weights hold.
    """
    own = resource_link.settings.get("weights") or lesson.weights
    weights = {item_id: own.get(item_id, 0.0) for item_id in lesson.weights}
    return weights if sum_to_full(weights.values()) else lesson.weights


def newest_edition(session: Session, slug: str, context_id: int) -> CourseEdition | None:
    """What a course last decided about a lesson, if it ever did."""
    found = select(CourseEdition).where(CourseEdition.slug == slug, CourseEdition.context_id == context_id)
    return session.scalar(found.order_by(CourseEdition.id.desc()).limit(1))


def course_lessons(session: Session, context_id: int | None) -> list[Published]:
    """Every lesson that a course can show, its own editions among them; None for a course that is not known yet."""
    shared = session.scalars(select(LessonPublication.slug).distinct())
    own = session.scalars(select(CourseEdition.slug).where(CourseEdition.context_id == context_id).distinct())
    slugs = {*shared, *own}
    found = []
    for slug in sorted(slugs):
        try:
            shown = current_lesson(session, slug) if context_id is None else lesson_of_course(session, slug, context_id)
        except UnknownLesson:
            continue  # its own lesson, taken back
        found.append(shown)
    return found


def _lesson(version: LessonVersion) -> Lesson:
    return _LESSONS.get(version.content_hash, version.content)


def rubric_for(session: Session, version: LessonVersion, rubric_id: str) -> tuple[RubricVersion, Rubric]:
    """The rubric that belongs to this version of the lesson."""
    stored = session.get_one(RubricVersion, version.rubric_version_ids[rubric_id])
    return stored, _RUBRICS.get(stored.content_hash, stored.content)


def lesson_of(submission: Submission) -> Lesson:
    """The lesson as it was when the submission was sent."""
    return _lesson(submission.lesson_version)


def rubric_version_of(submission: Submission, judgement: JudgementRow | None = None) -> RubricVersion:
    """The version of the rubric that a judge's sheet is about: as it was when the work was sent, or judged again on."""
    return (judgement.rubric_version if judgement else None) or submission.rubric_version


def rubric_of(submission: Submission, judgement: JudgementRow | None = None) -> Rubric:
    """The rubric of a judge's sheet; without one, the rubric as it was when the submission was sent."""
    return read_rubric(rubric_version_of(submission, judgement))


def read_rubric(version: RubricVersion) -> Rubric:
    """A stored version of a rubric."""
    return _RUBRICS.get(version.content_hash, version.content)


def see_step(session: Session, resource_link: ResourceLink, person_id: int, step_id: str) -> None:
    """Record that a learner opened a step; a second time changes nothing."""
    where = (
        StepView.resource_link_id == resource_link.id,
        StepView.person_id == person_id,
        StepView.step_id == step_id,
    )
    if session.scalar(select(StepView.id).where(*where)) is not None:
        return
    try:
        with session.begin_nested():
            session.add(StepView(resource_link_id=resource_link.id, person_id=person_id, step_id=step_id))
    except IntegrityError:
        pass  # another tab was first


def answer_term(session: Session, resource_link: ResourceLink, person_id: int, term_id: str, *, got_it: bool) -> None:
    """Record "got it" or "again" on a card."""
    session.add(TermAnswer(resource_link_id=resource_link.id, person_id=person_id, term_id=term_id, got_it=got_it))
    session.flush()


def progress(session: Session, resource_link: ResourceLink, person_id: int, lesson: Lesson) -> Progress:
    """How far a learner is in a lesson, computed from what they did."""
    here = (StepView.resource_link_id == resource_link.id, StepView.person_id == person_id)
    views = session.scalars(select(StepView.step_id).where(*here).order_by(StepView.id)).all()
    answers = session.execute(
        select(TermAnswer.term_id, TermAnswer.got_it, TermAnswer.answered_at)
        .where(TermAnswer.resource_link_id == resource_link.id, TermAnswer.person_id == person_id)
        .order_by(TermAnswer.id)
    )
    sent = session.scalars(
        select(Submission.item_id)
        .outerjoin(Job, (Job.submission_id == Submission.id) & (Job.kind == "judge"))
        .where(
            Submission.resource_link_id == resource_link.id,
            Submission.person_id == person_id,
            or_(Job.state.is_(None), Job.state.not_in(("withdrawn", "returned"))),
        )
        .distinct()
    )
    known = cards((a.term_id, a.got_it, a.answered_at) for a in answers)
    opened, answered = frozenset(views), set(sent)
    mastered = frozenset(term_id for term_id, card in known.items() if card.mastered)
    done = frozenset(step.id for step in lesson.steps if _is_done(step, opened, mastered, answered))
    return Progress(opened, done, mastered, known, due(known, [term.id for term in lesson.terms], utc_now()))


def _is_done(step: Step, opened: frozenset[str], mastered: frozenset[str], answered: set[str]) -> bool:
    if isinstance(step, VocabularyStep):
        return all(term.id in mastered for term in step.terms)
    if isinstance(step, HotTakesStep | DrillStep):
        return all(item_id in answered for item_id in step.items)
    return step.id in opened

"""A course's own edition of a lesson: drafts of the lesson and its rubrics, what is wrong with them, publishing them.

A draft is what the course shows now until somebody saves something else; publishing makes a new version for this
course alone. Work that was sent keeps the version it was sent under.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.lesson import Lesson
from lti_tool.lesson_faults import lesson_faults
from lti_tool.lessons import (
    Published,
    UnknownLesson,
    current_lesson,
    lesson_of_course,
    newest_edition,
    rubric_for,
    store_version,
)
from lti_tool.models import CourseEdition, EditionDraft, LessonVersion, ResourceLink, Submission
from rubrics.changes import Change, changes
from rubrics.model import Rubric, RubricError

LESSON = ""  # the name of the lesson's own draft, beside those of its rubrics


class DraftMoved(Exception):
    """Somebody else saved this draft meanwhile; theirs stands, and what was sent now is shown again."""

    def __init__(self, by: str, at: datetime | None) -> None:
        super().__init__(f"{by or 'Somebody'} saved another version meanwhile.")
        self.by = by
        self.at = at


class NotPublishable(ValueError):
    """The drafts have faults; `faults` holds (draft, key, message), all of them."""

    def __init__(self, faults: list[tuple[str, str, str]]) -> None:
        super().__init__("There is something to mend first.")
        self.faults = tuple(faults)


class CopyProblem(ValueError):
    """A lesson cannot be copied under this name; the message says why."""


class UnknownFile(ValueError):
    """A file that is neither this lesson nor one of its rubrics; the message says what it should be."""


@dataclass(frozen=True)
class Draft:
    """What an author writes on: content as in a file, and how it stands; `revision` 0 where nothing is saved yet."""

    rubric_id: str
    content: dict[str, Any]
    revision: int
    by: str
    saved_at: datetime | None


@dataclass(frozen=True)
class Edition:
    """Everything about a course's edition of one lesson, as an author sees it."""

    published: Published
    rubrics: Mapping[str, Rubric]
    drafts: Mapping[str, Draft]

    @property
    def unpublished(self) -> tuple[str, ...]:
        """The drafts that somebody has saved: "" for the lesson, else the rubric's id."""
        return tuple(name for name, draft in self.drafts.items() if draft.revision)


def edition(session: Session, slug: str, context_id: int) -> Edition:
    """The lesson as the course shows it, and every draft. UnknownLesson if the course has no such lesson."""
    published = lesson_of_course(session, slug, context_id)
    rubrics = {one: rubric_for(session, published.version, one)[1] for one in published.lesson.rubric_ids}
    found = select(EditionDraft).where(EditionDraft.context_id == context_id, EditionDraft.slug == slug)
    saved = {row.rubric_id: row for row in session.scalars(found)}
    named = _named_rubrics(saved[LESSON].content) if LESSON in saved else ()
    drafts = {
        name: _draft(name, saved.get(name), published.lesson, rubrics)
        for name in dict.fromkeys((LESSON, *rubrics, *named, *saved))
        if name in saved or name in rubrics or name == LESSON
    }
    return Edition(published, rubrics, drafts)


def _named_rubrics(content: Mapping[str, Any]) -> tuple[str, ...]:
    items = content.get("items")
    rows = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return tuple(row["rubric"] for row in rows if isinstance(row.get("rubric"), str))


def _draft(name: str, row: EditionDraft | None, lesson: Lesson, rubrics: Mapping[str, Rubric]) -> Draft:
    if row is not None:
        return Draft(name, deepcopy(row.content), row.revision, row.by, row.saved_at)
    content = lesson.as_file() if name == LESSON else rubrics[name].as_content()
    return Draft(name, content, 0, "", None)


def save_draft(
    session: Session,
    slug: str,
    context_id: int,
    rubric_id: str,
    content: Mapping[str, Any],
    *,
    seen: int,
    by: str,
) -> int:
    """Keep what an author wrote on revision `seen`; returns the new revision. DraftMoved if another came first."""
    known = select(EditionDraft).where(*_one(slug, context_id, rubric_id))
    if seen:
        changed = session.execute(
            update(EditionDraft)
            .where(*_one(slug, context_id, rubric_id), EditionDraft.revision == seen)
            .values(content=dict(content), revision=seen + 1, by=by, saved_at=utc_now())
            .returning(EditionDraft.id)
        )
        if changed.scalar_one_or_none() is not None:
            return seen + 1
        raise _moved(session.scalar(known))
    base = lesson_of_course(session, slug, context_id).version
    try:
        with session.begin_nested():
            session.add(
                EditionDraft(
                    context_id=context_id,
                    slug=slug,
                    rubric_id=rubric_id,
                    base_version_id=base.id,
                    content=dict(content),
                    by=by,
                )
            )
            session.flush()
    except IntegrityError:
        raise _moved(session.scalar(known)) from None
    return 1


def discard_draft(session: Session, slug: str, context_id: int, rubric_id: str) -> None:
    """Forget a draft; the page shows what is published again."""
    session.execute(delete(EditionDraft).where(*_one(slug, context_id, rubric_id)))


def _one(slug: str, context_id: int, rubric_id: str) -> tuple[Any, ...]:
    return (
        EditionDraft.context_id == context_id,
        EditionDraft.slug == slug,
        EditionDraft.rubric_id == rubric_id,
    )


def _moved(row: EditionDraft | None) -> DraftMoved:
    return DraftMoved(row.by, row.saved_at) if row else DraftMoved("", None)


# ---- what the drafts make ------------------------------------------------------------------------------------


def draft_rubrics(found: Edition) -> tuple[dict[str, Rubric], list[tuple[str, str, str]]]:
    """The rubrics as the drafts have them, and (rubric id, key, message) for those that have faults."""
    rubrics: dict[str, Rubric] = {}
    faults = []
    for name, draft in found.drafts.items():
        if name == LESSON:
            continue
        try:
            rubrics[name] = _numbered(Rubric.from_json(draft.content), found.rubrics.get(name))
        except RubricError as error:
            faults += [(name, fault.key, fault.message) for fault in error.faults]
    return rubrics, faults


def _numbered(rubric: Rubric, published: Rubric | None) -> Rubric:
    """A changed rubric counts on from the version that is published, whatever number was typed."""
    if published is None:
        return rubric
    same = rubric.model_copy(update={"version": published.version})
    return (
        same
        if same.content_hash == published.content_hash
        else rubric.model_copy(update={"version": published.version + 1})
    )


def draft_faults(found: Edition) -> list[tuple[str, str, str]]:
    """Everything that keeps the drafts from being published, as (draft, key, message)."""
    rubrics, faults = draft_rubrics(found)
    content = found.drafts[LESSON].content
    faults += [(LESSON, key, message) for key, message in lesson_faults(content, rubrics)]
    if content.get("slug") != found.published.lesson.slug:
        faults.append((LESSON, "slug", f"is the lesson's lasting name and stays {found.published.lesson.slug!r}"))
    broken = {name for name, _, _ in faults}
    missing = [one for one in _named_rubrics(content) if one not in rubrics and one not in broken]
    return faults + [(LESSON, "items", f"no rubric is called {one!r}") for one in dict.fromkeys(missing)]


def draft_version(session: Session, found: Edition) -> LessonVersion:
    """The drafts as a stored version that nobody is shown by it, to be tried. NotPublishable if they have faults."""
    if faults := draft_faults(found):
        raise NotPublishable(faults)
    rubrics, _ = draft_rubrics(found)
    return store_version(session, Lesson.from_json(found.drafts[LESSON].content), rubrics)


def publish(session: Session, found: Edition, context_id: int, by: str) -> LessonVersion:
    """Show the course what the drafts say from now on. NotPublishable, or DraftMoved if a draft was saved meanwhile."""
    version = draft_version(session, found)
    slug = found.published.lesson.slug
    for name in found.unpublished:
        seen = EditionDraft.revision == found.drafts[name].revision
        gone = session.execute(
            delete(EditionDraft).where(*_one(slug, context_id, name), seen).returning(EditionDraft.id)
        )
        if gone.scalar_one_or_none() is None:
            raise _moved(session.scalar(select(EditionDraft).where(*_one(slug, context_id, name))))
    if version.id != found.published.version.id:
        session.add(CourseEdition(context_id=context_id, slug=slug, lesson_version_id=version.id, by=by))
        session.flush()
    return version


def follow_shared(session: Session, slug: str, context_id: int, by: str) -> None:
    """Show the course the version for everybody again; drafts stay."""
    session.add(CourseEdition(context_id=context_id, slug=slug, lesson_version_id=None, by=by))
    session.flush()


def history(session: Session, slug: str, context_id: int) -> list[CourseEdition]:
    """What the course decided about a lesson, newest first."""
    found = select(CourseEdition).where(CourseEdition.slug == slug, CourseEdition.context_id == context_id)
    return list(session.scalars(found.order_by(CourseEdition.id.desc())))


def rubric_changes(found: Edition) -> dict[str, tuple[Change, ...]]:
    """What each draft of a rubric would change, by rubric id; nothing for one that cannot be read."""
    rubrics, _ = draft_rubrics(found)
    told = {name: changes(found.rubrics[name], rubric) for name, rubric in rubrics.items() if name in found.rubrics}
    return {name: changed for name, changed in told.items() if changed}


def judged_under(session: Session, context_id: int, found: Edition) -> dict[str, int]:
    """How many submissions of this course stand under the published version of each rubric, by rubric id."""
    versions = {found.published.version.rubric_version_ids[one]: one for one in found.rubrics}
    rows = session.execute(
        select(Submission.rubric_version_id, func.count())
        .join(ResourceLink, ResourceLink.id == Submission.resource_link_id)
        .where(
            ResourceLink.context_id == context_id,
            ResourceLink.rehearsal.is_(False),
            Submission.rubric_version_id.in_(versions),
        )
        .group_by(Submission.rubric_version_id)
    )
    return {versions[version_id]: count for version_id, count in rows}


# ---- files and copies ----------------------------------------------------------------------------------------


def rubric_file(content: Mapping[str, Any]) -> dict[str, Any]:
    """A rubric's draft as its file writes it; one with faults as it is."""
    try:
        return Rubric.from_json(content).as_file()
    except RubricError:
        return dict(content)


def name_of_file(found: Edition, content: object) -> str:
    """Which draft a file is for: "" for the lesson, else the rubric's id. UnknownFile if it is for none."""
    if not isinstance(content, Mapping):
        raise UnknownFile("has no keys such as slug or id.")
    if "slug" in content:
        if content["slug"] != found.published.lesson.slug:
            raise UnknownFile(f"is the lesson {content['slug']!r}; this one is {found.published.lesson.slug!r}.")
        return LESSON
    rubric_id = content.get("id")
    if isinstance(rubric_id, str) and rubric_id in found.drafts and rubric_id != LESSON:
        return rubric_id
    known = ", ".join(name for name in found.drafts if name)
    raise UnknownFile(f"is neither this lesson (slug: …) nor one of its rubrics (id: {known}).")


def copy_lesson(session: Session, found: Edition, context_id: int, title: str, by: str) -> str:
    """A new lesson of this course alone that begins as the published one; returns its slug. CopyProblem."""
    slug = "-".join("".join(char if char.isascii() and char.isalnum() else " " for char in title.lower()).split())[:60]
    if not slug:
        raise CopyProblem("Give the new lesson a name, in letters a to z or digits.")
    if newest_edition(session, slug, context_id) is not None or _is_published(session, slug):
        raise CopyProblem(f"There is a lesson called {slug} already.")
    lesson = found.published.lesson.model_copy(update={"slug": slug, "title": title})
    version = store_version(session, lesson, found.rubrics)
    session.add(CourseEdition(context_id=context_id, slug=slug, lesson_version_id=version.id, by=by))
    session.flush()
    return slug


def _is_published(session: Session, slug: str) -> bool:
    try:
        current_lesson(session, slug)
    except UnknownLesson:
        return False
    return True

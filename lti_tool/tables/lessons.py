"""Lessons and rubrics by version, and what a course made of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen


class RubricVersion(Frozen, Base):
    """A rubric as it was; found again by its content hash."""

    __tablename__ = "rubric_version"
    __table_args__ = (UniqueConstraint("rubric_id", "content_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    rubric_id: Mapped[str]
    content_hash: Mapped[str] = mapped_column(String(64))
    title: Mapped[str]
    content: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LessonVersion(Frozen, Base):
    """A lesson as it was, with the versions of its rubrics; the hash covers both."""

    __tablename__ = "lesson_version"
    __table_args__ = (UniqueConstraint("slug", "content_hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str]
    content_hash: Mapped[str] = mapped_column(String(64))
    title: Mapped[str]
    content: Mapped[dict[str, Any]]
    rubric_version_ids: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class LessonPublication(Frozen, Base):
    """From this moment the lesson is this version for everybody; the newest row wins."""

    __tablename__ = "lesson_publication"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(index=True)
    lesson_version_id: Mapped[int] = mapped_column(ForeignKey("lesson_version.id"))
    published_at: Mapped[datetime] = mapped_column(default=utc_now)
    lesson_version: Mapped[LessonVersion] = relationship()


class CourseEdition(Frozen, Base):
    """From this moment a course shows its own version of a lesson, or, with no version, the one for everybody again.

    The newest row wins; `by` is the handle of whoever decided it.
    """

    __tablename__ = "course_edition"
    __table_args__ = (Index("ix_course_edition_of", "context_id", "slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    context_id: Mapped[int] = mapped_column(ForeignKey("context.id", ondelete="CASCADE"))
    slug: Mapped[str]
    lesson_version_id: Mapped[int | None] = mapped_column(ForeignKey("lesson_version.id"))
    by: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(default=utc_now)
    lesson_version: Mapped[LessonVersion | None] = relationship()


class EditionDraft(Base):
    """What a course's instructors are writing: its lesson (`rubric_id` is ""), or one of the lesson's rubrics.

    `revision` counts the savings, so that a second writer is told; `content` may have faults until it is published.
    """

    __tablename__ = "edition_draft"
    __table_args__ = (UniqueConstraint("context_id", "slug", "rubric_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    context_id: Mapped[int] = mapped_column(ForeignKey("context.id", ondelete="CASCADE"))
    slug: Mapped[str]
    rubric_id: Mapped[str] = mapped_column(default="")
    base_version_id: Mapped[int] = mapped_column(ForeignKey("lesson_version.id"))
    content: Mapped[dict[str, Any]]
    revision: Mapped[int] = mapped_column(default=1)
    by: Mapped[str]
    saved_at: Mapped[datetime] = mapped_column(default=utc_now)

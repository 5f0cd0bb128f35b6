"""What a learner read, wrote and handed in."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen
from lti_tool.tables.lessons import LessonVersion, RubricVersion
from lti_tool.tables.people import Person, ResourceLink


class NoticeAcceptance(Frozen, Base):
    """A learner read what happens with their work in this course, in this version of the words, and went on."""

    __tablename__ = "notice_acceptance"
    __table_args__ = (UniqueConstraint("context_id", "person_id", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    context_id: Mapped[int] = mapped_column(ForeignKey("context.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    version: Mapped[str] = mapped_column(String(64))
    accepted_at: Mapped[datetime] = mapped_column(default=utc_now)


class LastPlace(Base):
    """Where a learner was last in a placement; it moves along with them."""

    __tablename__ = "last_place"
    __table_args__ = (UniqueConstraint("resource_link_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    step_id: Mapped[str]
    item_id: Mapped[str | None]
    term_id: Mapped[str | None]
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)


class StepView(Frozen, Base):
    """A learner opened a step for the first time."""

    __tablename__ = "step_view"
    __table_args__ = (UniqueConstraint("resource_link_id", "person_id", "step_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    step_id: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(default=utc_now)


class TermAnswer(Frozen, Base):
    """A learner turned a card and said "got it" or "again"; mastery is computed from these rows."""

    __tablename__ = "term_answer"
    __table_args__ = (Index("ix_term_answer_who", "resource_link_id", "person_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    term_id: Mapped[str]
    got_it: Mapped[bool]
    answered_at: Mapped[datetime] = mapped_column(default=utc_now)


class Draft(Frozen, Base):
    """A text as it stood when it was saved; older ones can be restored."""

    __tablename__ = "draft"
    __table_args__ = (Index("ix_draft_who", "resource_link_id", "person_id", "item_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    item_id: Mapped[str]
    text: Mapped[str] = mapped_column(Text)
    saved_at: Mapped[datetime] = mapped_column(default=utc_now)


class Submission(Frozen, Base):
    """A learner's answer to an item, as it was sent; the same text again is the same submission."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("resource_link_id", "person_id", "item_id", "attempt"),
        UniqueConstraint("resource_link_id", "person_id", "item_id", "rubric_version_id", "text_hash"),
        Index("ix_submission_text_hash", "text_hash"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    item_id: Mapped[str]
    attempt: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    text_hash: Mapped[str] = mapped_column(String(64))
    lesson_version_id: Mapped[int] = mapped_column(ForeignKey("lesson_version.id"))
    rubric_version_id: Mapped[int] = mapped_column(ForeignKey("rubric_version.id"))
    sent_at: Mapped[datetime] = mapped_column(default=utc_now)
    due_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()
    resource_link: Mapped[ResourceLink] = relationship()
    lesson_version: Mapped[LessonVersion] = relationship()
    rubric_version: Mapped[RubricVersion] = relationship()

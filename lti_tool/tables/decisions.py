"""What people decided about a judgement, what was released, and what a learner appealed."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen
from lti_tool.tables.judging import JudgementRow
from lti_tool.tables.people import Person
from lti_tool.tables.work import Submission


class Review(Frozen, Base):
    """A person's sheet on a submission, and which judgement they saw when they wrote it."""

    __tablename__ = "review"
    __table_args__ = (CheckConstraint("kind in ('confirm', 'change', 'score')", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), index=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    judgement_id: Mapped[int | None] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    scores: Mapped[list["HumanScoreRow"]] = relationship()
    reviewer: Mapped[Person] = relationship()


class HumanScoreRow(Frozen, Base):
    """One criterion of a review: the person's level, the judge's, and why they differ."""

    __tablename__ = "human_score"
    __table_args__ = (UniqueConstraint("review_id", "criterion"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    review_id: Mapped[int] = mapped_column(ForeignKey("review.id", ondelete="CASCADE"))
    criterion: Mapped[str]
    level: Mapped[int]
    judge_level: Mapped[int | None]
    reason_code: Mapped[str | None]
    reason: Mapped[str | None] = mapped_column(Text)
    quotes: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")


class ReturnedWork(Frozen, Base):
    """Judged work that went back to its learner, unscored; without a reviewer, because nobody got to it in time."""

    __tablename__ = "returned_work"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), index=True)
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    words: Mapped[str] = mapped_column(Text)
    returned_at: Mapped[datetime] = mapped_column(default=utc_now)
    reviewer: Mapped[Person | None] = relationship()
    submission: Mapped[Submission] = relationship()


class ReviewRank(Base):
    """Why a judged submission should be looked at, computed anew whenever it is judged; its job has the doubt.

    `reasons` are codes such as `|flag|quote|`.
    """

    __tablename__ = "review_rank"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"), index=True)
    reasons: Mapped[str]


class ReviewClaim(Base):
    """Somebody is on a submission: until a time, because they opened it, or (no time) because it was given to them."""

    __tablename__ = "review_claim"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    until: Mapped[datetime | None]
    person: Mapped[Person] = relationship()


class PendingRelease(Base):
    """A decision that takes effect later, and can be taken back until then; `problem` says why it could not.

    `decisions` by criterion: {"level", "reason_code", "reason", "quotes"}. Deleted when it has become a release.
    """

    __tablename__ = "pending_release"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"), index=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    judgement_id: Mapped[int | None] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    decisions: Mapped[dict[str, Any]]
    batch: Mapped[str] = mapped_column(String(43), index=True)
    due_at: Mapped[datetime] = mapped_column(index=True)
    problem: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime] = mapped_column(default=utc_now)
    reviewer: Mapped[Person] = relationship()


class Release(Frozen, Base):
    """A sheet made final: what the learner sees. A later change is a new release with a higher sequence."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("submission_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    review_id: Mapped[int | None] = mapped_column(ForeignKey("review.id", ondelete="CASCADE"))
    judgement_id: Mapped[int | None] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    levels: Mapped[dict[str, Any]]
    graph_points: Mapped[float | None]
    points: Mapped[float]
    reason: Mapped[str | None] = mapped_column(Text)
    released_at: Mapped[datetime] = mapped_column(default=utc_now)
    review: Mapped[Review | None] = relationship()
    judgement: Mapped[JudgementRow | None] = relationship()


class Appeal(Frozen, Base):
    """A learner asks for one level of a released sheet to be looked at again: which criterion, which words, and why.

    `start` and `end` are the sentence in the text; a drawing has none.
    """

    __tablename__ = "appeal"
    __table_args__ = (UniqueConstraint("submission_id", "criterion"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    release_id: Mapped[int] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"))
    criterion: Mapped[str]
    start: Mapped[int | None]
    end: Mapped[int | None]
    why: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(default=utc_now)
    submission: Mapped[Submission] = relationship()
    release: Mapped[Release] = relationship()
    answer: Mapped["AppealAnswer | None"] = relationship(viewonly=True)


class AppealScore(Frozen, Base):
    """The level that somebody gave an appealed criterion before they saw any other."""

    __tablename__ = "appeal_score"
    __table_args__ = (UniqueConstraint("appeal_id", "reviewer_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    appeal_id: Mapped[int] = mapped_column(ForeignKey("appeal.id", ondelete="CASCADE"))
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    level: Mapped[int]
    committed_at: Mapped[datetime] = mapped_column(default=utc_now)


class AppealAnswer(Frozen, Base):
    """The end of an appeal: the level that stood, the one that stands now, and the words to the learner.

    `by_the_scorer`: nobody else teaches the course, so whoever had scored it answered.
    """

    __tablename__ = "appeal_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    appeal_id: Mapped[int] = mapped_column(ForeignKey("appeal.id", ondelete="CASCADE"), unique=True)
    reviewer_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    before: Mapped[int]
    level: Mapped[int]
    words: Mapped[str] = mapped_column(Text)
    by_the_scorer: Mapped[bool]
    answered_at: Mapped[datetime] = mapped_column(default=utc_now)

    @property
    def accepted(self) -> bool:
        """Whether the appeal changed anything."""
        return self.level != self.before


class PinnedLine(Frozen, Base):
    """A sentence of their own text that a learner pinned to its result; the newest row counts."""

    __tablename__ = "pinned_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), index=True)
    start: Mapped[int]
    end: Mapped[int]
    pinned_at: Mapped[datetime] = mapped_column(default=utc_now)


class LessonScore(Frozen, Base):
    """A learner's score for the whole placement, once every weighted item is released."""

    __tablename__ = "lesson_score"
    __table_args__ = (UniqueConstraint("resource_link_id", "person_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    given: Mapped[float]
    maximum: Mapped[float]
    parts: Mapped[dict[str, Any]]
    scored_at: Mapped[datetime] = mapped_column(default=utc_now)

"""What is owed to the platform's gradebook, every try to send it, and the audit."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen
from lti_tool.tables.people import Person, ResourceLink


class LineItem(Base):
    """The platform's gradebook column of a placement, found or created once."""

    __tablename__ = "line_item"

    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"), primary_key=True)
    url: Mapped[str] = mapped_column(String(2000))
    maximum: Mapped[float | None]
    source: Mapped[str]
    found_at: Mapped[datetime] = mapped_column(default=utc_now)


class Passback(Base):
    """A message to the gradebook. Body and timestamp never change; only its delivery state moves."""

    __tablename__ = "passback"
    __table_args__ = (
        UniqueConstraint("resource_link_id", "person_id", "kind", "sequence"),
        UniqueConstraint("resource_link_id", "person_id", "timestamp"),
        CheckConstraint("kind in ('submitted', 'released')", name="kind"),
        CheckConstraint("state in ('waiting', 'unknown', 'sent', 'overtaken', 'refused')", name="state"),
        Index("ix_passback_state", "state", "settled_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    kind: Mapped[str]
    sequence: Mapped[int]
    lesson_score_id: Mapped[int | None] = mapped_column(ForeignKey("lesson_score.id", ondelete="CASCADE"))
    body: Mapped[dict[str, Any]]
    timestamp: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="waiting")
    answer: Mapped[str | None] = mapped_column(Text)
    read_back: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    settled_at: Mapped[datetime | None]
    person: Mapped[Person] = relationship()
    resource_link: Mapped[ResourceLink] = relationship()


class PassbackTry(Frozen, Base):
    """One exchange with a platform about a message: what was done and what came back."""

    __tablename__ = "passback_try"

    id: Mapped[int] = mapped_column(primary_key=True)
    passback_id: Mapped[int] = mapped_column(ForeignKey("passback.id", ondelete="CASCADE"), index=True)
    action: Mapped[str]
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)


class Audit(Frozen, Base):
    """Something an operator may ask about later: a refused launch, a key made, a learner erased."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    code: Mapped[str]
    registration_id: Mapped[int | None]
    request_id: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=utc_now)

"""Who came, from which course and placement, and the sessions that this opened."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen
from lti_tool.tables.platforms import Deployment, Registration


class Person(Base):
    """Somebody a platform vouched for; known by (registration, sub). Name and address follow the last launch."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("registration_id", "sub"),
        UniqueConstraint("registration_id", "handle"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    sub: Mapped[str]
    handle: Mapped[str]
    name: Mapped[str | None]
    email: Mapped[str | None] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class Context(Base):
    """A course as a platform names it."""

    __tablename__ = "context"
    __table_args__ = (UniqueConstraint("deployment_id", "lms_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id", ondelete="CASCADE"))
    lms_id: Mapped[str]
    label: Mapped[str | None]
    title: Mapped[str | None]
    deployment: Mapped[Deployment] = relationship()


class ResourceLink(Base):
    """A placement: one lesson in one course. The service addresses follow the last launch.

    A `rehearsal` is no placement of the course's: an instructor tries a lesson there as a student would, often in a
    version that is not published (`lesson_version_id`). It has no gradebook, and nothing in it is counted.
    """

    __tablename__ = "resource_link"
    __table_args__ = (UniqueConstraint("deployment_id", "lms_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id", ondelete="CASCADE"))
    context_id: Mapped[int] = mapped_column(ForeignKey("context.id", ondelete="CASCADE"), index=True)
    lms_id: Mapped[str]
    title: Mapped[str | None]
    lesson_slug: Mapped[str]
    line_items_url: Mapped[str | None] = mapped_column(String(2000))
    line_item_url: Mapped[str | None] = mapped_column(String(2000))
    memberships_url: Mapped[str | None] = mapped_column(String(2000))
    groups_url: Mapped[str | None] = mapped_column(String(2000))
    scopes: Mapped[list[Any]] = mapped_column(default=list)
    platform_family: Mapped[str | None]
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    rehearsal: Mapped[bool] = mapped_column(default=False, server_default=false())
    lesson_version_id: Mapped[int | None] = mapped_column(ForeignKey("lesson_version.id"))
    context: Mapped[Context] = relationship()
    deployment: Mapped[Deployment] = relationship()


class Launch(Frozen, Base):
    """One accepted launch: who, where, as what."""

    __tablename__ = "launch"
    __table_args__ = (CheckConstraint("role in ('student', 'instructor')", name="role"),)

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), index=True)
    role: Mapped[str]
    message_type: Mapped[str] = mapped_column(default="LtiResourceLinkRequest")
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    locale: Mapped[str | None]
    return_url: Mapped[str | None] = mapped_column(String(2000))
    launched_at: Mapped[datetime] = mapped_column(default=utc_now)
    registration: Mapped[Registration] = relationship()
    resource_link: Mapped[ResourceLink] = relationship()
    person: Mapped[Person] = relationship()


class DeepLinking(Base):
    """A request of a platform to choose content; answered once, by a person with the browser that holds the token."""

    __tablename__ = "deep_linking"

    id: Mapped[str] = mapped_column(String(43), primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id", ondelete="CASCADE"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    context_lms_id: Mapped[str | None]
    return_url: Mapped[str] = mapped_column(String(2000))
    request: Mapped[dict[str, Any]]
    locale: Mapped[str | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    answered_at: Mapped[datetime | None]
    deployment: Mapped[Deployment] = relationship()


class RosterMember(Base):
    """Somebody in a course as its platform last listed them."""

    __tablename__ = "roster_member"
    __table_args__ = (UniqueConstraint("context_id", "sub"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    context_id: Mapped[int] = mapped_column(ForeignKey("context.id", ondelete="CASCADE"))
    sub: Mapped[str]
    name: Mapped[str | None]
    role: Mapped[str]
    status: Mapped[str]
    groups: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    read_at: Mapped[datetime]


class Handoff(Base):
    """A single-use code, good for 60 seconds, that carries a launch over its redirect; deleted when used."""

    __tablename__ = "handoff"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    launch_id: Mapped[str] = mapped_column(ForeignKey("launch.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime] = mapped_column(index=True)


class WebSession(Base):
    """A browser's session on one launch; its end moves while it is used."""

    __tablename__ = "web_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[str] = mapped_column(unique=True)
    launch_id: Mapped[str] = mapped_column(ForeignKey("launch.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    launch: Mapped[Launch] = relationship()

"""Platforms that launch the tool, their keys, and who administers the tool itself."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base


class Registration(Base):
    """A platform: LTI 1.3 knows it by (issuer, client_id). One that registered itself waits until it is approved."""

    __tablename__ = "registration"
    __table_args__ = (UniqueConstraint("issuer", "client_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    issuer: Mapped[str] = mapped_column(String(2000))
    client_id: Mapped[str]
    auth_login_url: Mapped[str] = mapped_column(String(2000))
    auth_token_url: Mapped[str] = mapped_column(String(2000))
    jwks_url: Mapped[str] = mapped_column(String(2000))
    token_audience: Mapped[str | None] = mapped_column(String(2000))
    source: Mapped[str] = mapped_column(default="admin")
    approved_at: Mapped[datetime | None]
    platform_family: Mapped[str | None]
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    deployments: Mapped[list["Deployment"]] = relationship(back_populates="registration")


class Deployment(Base):
    """One installation of the tool within a registration."""

    __tablename__ = "deployment"
    __table_args__ = (UniqueConstraint("registration_id", "lms_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    lms_id: Mapped[str]
    enabled: Mapped[bool] = mapped_column(default=True)
    registration: Mapped[Registration] = relationship(back_populates="deployments")


class ToolKey(Base):
    """A key pair of ours; the private half is sealed with the secret key."""

    __tablename__ = "tool_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    kid: Mapped[str] = mapped_column(unique=True)
    sealed_private_pem: Mapped[str] = mapped_column(Text)
    public_jwk: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    retired_at: Mapped[datetime | None]


class PlatformKeySet(Base):
    """The last good key set of a platform, kept so that a launch rarely waits for it."""

    __tablename__ = "platform_key_set"

    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"), primary_key=True)
    jwks: Mapped[dict[str, Any]]
    fetched_at: Mapped[datetime]


class LoginState(Base):
    """A login that was begun: state and nonce, bound together; deleted by the one launch that consumes it."""

    __tablename__ = "login_state"

    state: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str] = mapped_column(unique=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    deployment_hint: Mapped[str | None]
    browser_hash: Mapped[str]
    storage_target: Mapped[str | None]
    asked: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AdminCode(Base):
    """A single-use code that opens the admin's or the researchers' pages in one browser; deleted when used."""

    __tablename__ = "admin_code"

    code_hash: Mapped[str] = mapped_column(primary_key=True)
    pages: Mapped[str] = mapped_column(default="admin", server_default="admin")
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AdminSession(Base):
    """A browser in which the admin's or the researchers' pages are open."""

    __tablename__ = "admin_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    pages: Mapped[str] = mapped_column(default="admin", server_default="admin")
    token_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    expires_at: Mapped[datetime] = mapped_column(index=True)

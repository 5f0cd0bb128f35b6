"""The platform's tables, in an SQLite file of its own."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import DateTime, Dialect, ForeignKey, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from lti_tool.demo.config import Tool

TOOL_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-tool-configuration"
LEARNER = "Learner"
INSTRUCTOR = "Instructor"
ASSISTANT = "TeachingAssistant"
RESEARCHER = "Researcher"
ADMINISTRATOR = "Administrator"
_ROLE_WORDS = {LEARNER: "student", ASSISTANT: "teaching assistant"}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept in SQLite as naive UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Record(DeclarativeBase):
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012  (SQLAlchemy reads it from the class)


class SigningKey(Record):
    __tablename__ = "signing_key"
    kid: Mapped[str] = mapped_column(primary_key=True)
    private_pem: Mapped[str]
    created_at: Mapped[datetime]


class Person(Record):
    __tablename__ = "person"
    slug: Mapped[str] = mapped_column(primary_key=True)
    sub: Mapped[str] = mapped_column(unique=True)
    given_name: Mapped[str]
    family_name: Mapped[str]
    email: Mapped[str]
    sourced_id: Mapped[str]
    role: Mapped[str]

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def role_word(self) -> str:
        return _ROLE_WORDS.get(self.role, self.role.lower())

    @property
    def teaches(self) -> bool:
        """Whether the course is theirs to arrange."""
        return self.role != LEARNER


class Course(Record):
    __tablename__ = "course"
    id: Mapped[str] = mapped_column(primary_key=True)
    label: Mapped[str]
    title: Mapped[str]


class ResourceLink(Record):
    __tablename__ = "resource_link"
    id: Mapped[str] = mapped_column(primary_key=True)
    course_id: Mapped[str] = mapped_column(ForeignKey("course.id"))
    title: Mapped[str]
    description: Mapped[str]


class LineItem(Record):
    """A gradebook column. `from_activity`: made by the platform with the activity, not by the tool."""

    __tablename__ = "line_item"
    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)
    course_id: Mapped[str] = mapped_column(ForeignKey("course.id"))
    resource_link_id: Mapped[str | None] = mapped_column(ForeignKey("resource_link.id"))
    from_activity: Mapped[bool] = mapped_column(default=False)
    label: Mapped[str]
    score_maximum: Mapped[float]
    resource_id: Mapped[str] = mapped_column(default="")
    tag: Mapped[str] = mapped_column(default="")
    start_date_time: Mapped[str | None]
    end_date_time: Mapped[str | None]
    results: Mapped[list[Result]] = relationship(cascade="all, delete-orphan")
    posts: Mapped[list[ScorePost]] = relationship(cascade="all, delete-orphan")


class ScorePost(Record):
    """A score post as it arrived, refused ones too: `status` is what we answered."""

    __tablename__ = "score_post"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    line_item_id: Mapped[str] = mapped_column(ForeignKey("line_item.id"), index=True)
    user_id: Mapped[str | None] = mapped_column(index=True)
    received_at: Mapped[datetime]
    status: Mapped[int]
    body: Mapped[str]


class Result(Record):
    """What the gradebook now holds for one learner; `score_given` None is "no score", never zero."""

    __tablename__ = "result"
    line_item_id: Mapped[str] = mapped_column(ForeignKey("line_item.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("person.sub"), primary_key=True)
    timestamp: Mapped[datetime]
    activity_progress: Mapped[str]
    grading_progress: Mapped[str]
    score_given: Mapped[float | None]
    score_maximum: Mapped[float | None]
    comment: Mapped[str | None]

    def scaled(self, column_maximum: float) -> float | None:
        """The score on the column's own scale, so that 0.85 of 1 reads 85 of 100."""
        if self.score_given is None or self.score_maximum is None:
            return None
        return self.score_given * (column_maximum / self.score_maximum)


class LaunchHint(Record):
    """A launch the platform began; its id travels as lti_message_hint and is used up once."""

    __tablename__ = "launch_hint"
    id: Mapped[str] = mapped_column(primary_key=True)
    person_slug: Mapped[str] = mapped_column(ForeignKey("person.slug"))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LaunchDetail(Record):
    """What a launch is about where it is not the course's first activity: another one, or choosing content.

    `state` travels as `data` of a Deep Linking request and comes back with its one answer.
    """

    __tablename__ = "launch_detail"
    hint_id: Mapped[str] = mapped_column(ForeignKey("launch_hint.id", ondelete="CASCADE"), primary_key=True)
    resource_link_id: Mapped[str | None] = mapped_column(ForeignKey("resource_link.id"))
    state: Mapped[str | None] = mapped_column(unique=True)
    answered_at: Mapped[datetime | None]


class AddedLink(Record):
    """What a tool said about an activity that was added by Deep Linking; `custom` is a JSON object."""

    __tablename__ = "added_link"
    resource_link_id: Mapped[str] = mapped_column(ForeignKey("resource_link.id"), primary_key=True)
    url: Mapped[str]
    custom: Mapped[str]
    added_at: Mapped[datetime]


class ActivityDates(Record):
    """From when, until when, and until when at the very last an activity takes work."""

    __tablename__ = "activity_dates"
    resource_link_id: Mapped[str] = mapped_column(ForeignKey("resource_link.id"), primary_key=True)
    opens: Mapped[datetime | None]
    due: Mapped[datetime | None]
    closes: Mapped[datetime | None]


class RegisteredTool(Record):
    """A tool that registered itself; it opens nothing until an administrator here activates it.

    `shape` is the platform it was registered as: "moodle" or "canvas". `body` is what it sent, a JSON object.
    """

    __tablename__ = "registered_tool"
    client_id: Mapped[str] = mapped_column(primary_key=True)
    deployment_id: Mapped[str]
    shape: Mapped[str]
    body: Mapped[str]
    active: Mapped[bool] = mapped_column(default=False)
    registered_at: Mapped[datetime]
    chosen_at: Mapped[datetime | None]

    @property
    def name(self) -> str:
        return str(json.loads(self.body)["client_name"])

    def as_tool(self) -> Tool:
        """The tool by what it sent, which was checked when it came."""
        sent = json.loads(self.body)
        own = sent[TOOL_CONFIGURATION]
        return Tool(
            client_id=self.client_id,
            deployment_id=self.deployment_id,
            login_url=sent["initiate_login_uri"],
            redirect_uris=tuple(sent["redirect_uris"]),
            target_link_uri=own["target_link_uri"],
            jwks_url=sent["jwks_uri"],
            custom=own.get("custom_parameters", {}),
        )


class RegistrationToken(Record):
    """A token that lets one tool register itself once within the hour."""

    __tablename__ = "registration_token"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    shape: Mapped[str]
    expires_at: Mapped[datetime]


class UsedJti(Record):
    __tablename__ = "used_jti"
    jti_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class AccessToken(Record):
    __tablename__ = "access_token"
    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    scope: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(index=True)

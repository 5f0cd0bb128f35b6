"""Every table. What has happened is a row that does not change; a correction is a new row.

Classes marked FROZEN refuse an UPDATE here and, by trigger, in the database. Rows that carry a state that moves
(a job, a passback, a session) say so in their docstring.
"""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    event,
    false,
    text,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Mapped, Mapper, mapped_column, relationship

from lti_tool.db import UtcDateTime, utc_now

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """The declarative base: JSON columns and aware UTC times."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        str: String(255),
    }


class FrozenRowError(Exception):
    """Somebody tried to change a row that records a fact."""


class Frozen:
    """Marks a table whose rows never change once written."""


@event.listens_for(Frozen, "before_update", propagate=True)
def _refuse_update(mapper: Mapper[Any], connection: Connection, target: object) -> None:
    raise FrozenRowError(f"{mapper.class_.__name__} rows never change; write a new one")


# ---- platforms -----------------------------------------------------------------------------------------------


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


# ---- who and where -------------------------------------------------------------------------------------------


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


# ---- lessons -------------------------------------------------------------------------------------------------


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


# ---- what a learner did --------------------------------------------------------------------------------------


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


# ---- judging -------------------------------------------------------------------------------------------------


QUEUE_ORDER = ("resource_link_id", "doubt", "submission_id")
# A condition of an index has to stand in a statement word for word to make use of it.
FOR_REVIEW = text("kind = 'judge' AND state IN ('awaiting_review', 'needs_person')")


class Job(Base):
    """One piece of durable work. Its state moves: queued, running, then awaiting_review, done or needs_person.

    Jobs that share a `lane` run one at a time, oldest first. `held`: it waits for an operator to change something.
    Of judgings, so that an index alone tells what waits in a placement, and in which order: `resource_link_id` is the
    submission's, and `doubt` (0 to 1) is how unsure its newest sheet is, 1 while there is none.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("kind", "submission_id"),
        UniqueConstraint("kind", "passback_id"),
        CheckConstraint("kind in ('judge', 'send_score', 'rejudge', 'calibrate')", name="kind"),
        CheckConstraint(
            "state in ('queued', 'running', 'awaiting_review', 'done', 'needs_person', 'withdrawn', 'returned')",
            name="state",
        ),
        Index("ix_job_claim", "state", "kind", "priority", "next_try_at"),
        Index("ix_job_lane", "lane"),
        Index("ix_job_placement", "resource_link_id", "kind", "state", "submission_id"),
        Index("ix_job_queue", *QUEUE_ORDER, sqlite_where=FOR_REVIEW, postgresql_where=FOR_REVIEW),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    passback_id: Mapped[int | None] = mapped_column(ForeignKey("passback.id", ondelete="CASCADE"))
    resource_link_id: Mapped[int | None] = mapped_column(ForeignKey("resource_link.id"))
    doubt: Mapped[float] = mapped_column(default=1.0, server_default="1")
    lane: Mapped[str | None]
    priority: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(default="queued")
    gate_reason: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(default=0)
    next_try_at: Mapped[datetime] = mapped_column(default=utc_now)
    last_error: Mapped[str | None] = mapped_column(Text)
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    submission: Mapped[Submission | None] = relationship()


class JobEvent(Frozen, Base):
    """A stage that a job reached; pages show these."""

    __tablename__ = "job_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), index=True)
    stage: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    at: Mapped[datetime] = mapped_column(default=utc_now)


class AnswerRow(Frozen, Base):
    """What a judge answered, as it came, and what it cost: paid once, found again by its fingerprint."""

    __tablename__ = "answer"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    registration_id: Mapped[int] = mapped_column(ForeignKey("registration.id", ondelete="CASCADE"))
    body: Mapped[dict[str, Any]]
    model: Mapped[str]
    usage: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)


class ForgottenReceipt(Base):
    """An answer that was erased with its learner, and whose receipt in the store of results is to go too.

    The row goes when the receipt has; nothing in it says whose answer it was.
    """

    __tablename__ = "forgotten_receipt"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(default=utc_now)


class JudgeHealth(Base):
    """What an executor last found when it looked at its judge; the row moves with every look."""

    __tablename__ = "judge_health"

    judge: Mapped[str] = mapped_column(primary_key=True)
    trouble: Mapped[str] = mapped_column(Text, default="")
    since: Mapped[datetime] = mapped_column(default=utc_now)
    looked_at: Mapped[datetime] = mapped_column(default=utc_now)


class ProviderPace(Base):
    """When the next question to the provider of a paid judge is due; whoever asks holds the row for a moment."""

    __tablename__ = "provider_pace"

    provider: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(default=utc_now)


class ProviderCall(Base):
    """A question that an executor has put to a provider, until it is answered or its lease runs out."""

    __tablename__ = "provider_call"
    __table_args__ = (Index("ix_provider_call_of", "provider", "until"),)

    lease: Mapped[str] = mapped_column(String(64), primary_key=True)
    provider: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)
    until: Mapped[datetime]


class JudgeErrorCount(Base):
    """How often asking a judge failed in one way, since the first time; counted up by every executor."""

    __tablename__ = "judge_error_count"

    judge: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    count: Mapped[int]
    last_at: Mapped[datetime] = mapped_column(default=utc_now)


class RatingRow(Frozen, Base):
    """One criterion of one submission as one judge rated it; level is null where it could not be scored."""

    __tablename__ = "rating"
    __table_args__ = (
        UniqueConstraint("submission_id", "criterion", "fingerprint"),
        CheckConstraint("level is not null or reason is not null", name="unscored_has_reason"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    criterion: Mapped[str]
    fingerprint: Mapped[str] = mapped_column(String(64))
    level: Mapped[int | None]
    reason: Mapped[str | None]
    quotes: Mapped[list[Any]] = mapped_column(default=list)
    checks: Mapped[list[Any]] = mapped_column(default=list)
    looked_for: Mapped[str] = mapped_column(Text, default="")
    comment: Mapped[str] = mapped_column(Text, default="")
    confidence: Mapped[float | None]
    confidence_source: Mapped[str] = mapped_column(default="", server_default="")
    estimate: Mapped[float | None]
    interval: Mapped[list[Any] | None]
    doubt: Mapped[str] = mapped_column(Text, default="", server_default="")
    model: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=utc_now)


class JudgementRow(Frozen, Base):
    """A judge's whole sheet on a submission: which ratings, and the facts that code found.

    `rubric_version_id` is there where it was judged again on another version of the rubric than it was sent under.
    """

    __tablename__ = "judgement"
    __table_args__ = (UniqueConstraint("submission_id", "fingerprint"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    fingerprint: Mapped[str] = mapped_column(String(64))
    judge: Mapped[str]
    judge_version: Mapped[str]
    judge_label: Mapped[str] = mapped_column(Text)
    evidence: Mapped[str]
    provisional: Mapped[bool]
    rating_ids: Mapped[dict[str, Any]]
    flags: Mapped[list[Any]] = mapped_column(default=list)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    graph_checks: Mapped[dict[str, Any] | None]
    identity: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    rubric_version_id: Mapped[int | None] = mapped_column(ForeignKey("rubric_version.id"))
    rubric_version: Mapped[RubricVersion | None] = relationship()


class RejudgeDraft(Base):
    """Work on one question that is judged again, on a newer version of its rubric or by another judge; as a draft.

    `judge` "" is the placement's own. What it shows stands beside what holds, and changes nothing by itself. Closed
    when nobody needs it any more, or a newer draft of the question took its place.
    """

    __tablename__ = "rejudge_draft"
    __table_args__ = (Index("ix_rejudge_draft_of", "resource_link_id", "item_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[str] = mapped_column(unique=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    item_id: Mapped[str]
    rubric_version_id: Mapped[int] = mapped_column(ForeignKey("rubric_version.id"))
    judge: Mapped[str] = mapped_column(default="")
    by: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(default=utc_now)
    closed_at: Mapped[datetime | None]
    rubric_version: Mapped[RubricVersion] = relationship()


class RejudgedSheet(Base):
    """One submission of such a draft: what held when it was judged again, what the judge says now, what was decided.

    `judgement` is the row that it becomes when it is applied; `moved` by how many points (of 100) it would change.
    """

    __tablename__ = "rejudged_sheet"
    __table_args__ = (
        UniqueConstraint("draft_id", "submission_id"),
        Index("ix_rejudged_sheet_moved", "draft_id", "moved"),
        Index("ix_rejudged_sheet_due", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    draft_id: Mapped[int] = mapped_column(ForeignKey("rejudge_draft.id", ondelete="CASCADE"))
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), index=True)
    before_judgement_id: Mapped[int | None] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    before_release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id", ondelete="CASCADE"))
    before_levels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    before_points: Mapped[float | None]
    by_person: Mapped[bool] = mapped_column(default=False)
    judgement: Mapped[dict[str, Any] | None]
    levels: Mapped[dict[str, Any]] = mapped_column(default=dict)
    points: Mapped[float | None]
    moved: Mapped[float | None]
    changed: Mapped[int] = mapped_column(default=0)
    gate_reason: Mapped[str | None] = mapped_column(Text)
    judged_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id", ondelete="SET NULL"))
    reason: Mapped[str] = mapped_column(Text, default="")
    batch: Mapped[str | None] = mapped_column(String(43), index=True)
    due_at: Mapped[datetime | None]
    problem: Mapped[str | None] = mapped_column(Text)
    applied_at: Mapped[datetime | None]
    submission: Mapped[Submission] = relationship()


# ---- people decide -------------------------------------------------------------------------------------------


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

    `reasons` are codes such as `|flag|quote|`, `points` (0 to 100) the judge's, None while a criterion has no level.
    """

    __tablename__ = "review_rank"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"), index=True)
    points: Mapped[float | None]
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


# ---- what is released by gate ---------------------------------------------------------------------------------


class GateKey(Base):
    """A researcher's public key that an admin registered; gate files it signed hold until it is removed."""

    __tablename__ = "gate_key"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    line: Mapped[str] = mapped_column(Text)
    name: Mapped[str]
    added_at: Mapped[datetime] = mapped_column(default=utc_now)
    removed_at: Mapped[datetime | None]


class InstalledGate(Frozen, Base):
    """A gate file as it was installed on a placement; of several for one rubric the newest counts.

    `by` is the handle of whoever installed it, "" for the command line.
    """

    __tablename__ = "gate"

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"), index=True)
    rubric_id: Mapped[str]
    file: Mapped[str] = mapped_column(Text)
    file_digest: Mapped[str] = mapped_column(String(64))
    by: Mapped[str] = mapped_column(default="")
    installed_at: Mapped[datetime] = mapped_column(default=utc_now)
    resource_link: Mapped[ResourceLink] = relationship()


class GateEvent(Frozen, Base):
    """Something that happened to an installed gate: it was closed, by an alarm or by a person, and why in words."""

    __tablename__ = "gate_event"
    __table_args__ = (CheckConstraint("kind in ('alarm', 'closed')", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    gate_id: Mapped[int] = mapped_column(ForeignKey("gate.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    sentence: Mapped[str] = mapped_column(Text)
    detail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    by: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(default=utc_now)


class GateDraw(Frozen, Base):
    """What was decided about a judged sheet where gates release, and both draws with their probabilities.

    `blind`: held so that a person scores it without the judge's. `audited`: released, and read again by a person. A
    draw that did not fall on a sheet is kept as well. `audit_base` is the probability that any sheet of this question
    would have been audited with at that moment. Without a gate there is still the blind draw.
    """

    __tablename__ = "gate_draw"
    __table_args__ = (UniqueConstraint("submission_id", "judgement_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    gate_id: Mapped[int | None] = mapped_column(ForeignKey("gate.id", ondelete="CASCADE"), index=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    judgement_id: Mapped[int] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    confidence: Mapped[float | None]
    threshold: Mapped[float | None]
    released: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text, default="")
    blind: Mapped[bool]
    blind_probability: Mapped[float]
    audited: Mapped[bool]
    audit_probability: Mapped[float]
    audit_base: Mapped[float]
    at: Mapped[datetime] = mapped_column(default=utc_now)


class BlindReading(Frozen, Base):
    """A person's sheet on a drawn submission, given without the judge's; the first one never changes."""

    __tablename__ = "blind_reading"
    __table_args__ = (UniqueConstraint("gate_draw_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    gate_draw_id: Mapped[int] = mapped_column(ForeignKey("gate_draw.id", ondelete="CASCADE"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    levels: Mapped[dict[str, Any]]
    read_at: Mapped[datetime] = mapped_column(default=utc_now)


class BlindPick(Frozen, Base):
    """A judged submission that was picked at random, as somebody asked for it, to be scored without the judge's sheet.

    `probability` is how likely it was among those that could be picked; `readers` how many people are to score it.
    """

    __tablename__ = "blind_pick"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"), primary_key=True)
    judgement_id: Mapped[int] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    by: Mapped[str]
    probability: Mapped[float]
    readers: Mapped[int] = mapped_column(default=1)
    picked_at: Mapped[datetime] = mapped_column(default=utc_now)


class BlindSheet(Frozen, Base):
    """A person's levels on a submission, committed before they were shown any other; the first never changes.

    `judgement_id` is the judge's sheet that it is a pair with; `quotes` by criterion, as in a rating. `source` says how
    the submission was chosen: drawn when it was judged, drawn after it was released unseen, or picked on demand.
    """

    __tablename__ = "blind_sheet"
    __table_args__ = (
        UniqueConstraint("submission_id", "reader_id"),
        CheckConstraint("source in ('draw', 'audit', 'pick')", name="source"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id", ondelete="CASCADE"))
    judgement_id: Mapped[int] = mapped_column(ForeignKey("judgement.id", ondelete="CASCADE"))
    reader_id: Mapped[int] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    source: Mapped[str]
    levels: Mapped[dict[str, Any]]
    quotes: Mapped[dict[str, Any]]
    committed_at: Mapped[datetime] = mapped_column(default=utc_now)
    submission: Mapped[Submission] = relationship()
    reader: Mapped[Person] = relationship()


class CalibrationRun(Base):
    """A judge fitted on a question's blind sheets, and the gate tried on it: a report, by an executor; it moves once.

    `result` holds figures and sentences and nothing of a person; `problem` says why there is none.
    """

    __tablename__ = "calibration_run"
    __table_args__ = (Index("ix_calibration_run_of", "resource_link_id", "item_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    resource_link_id: Mapped[int] = mapped_column(ForeignKey("resource_link.id", ondelete="CASCADE"))
    item_id: Mapped[str]
    rubric_version_id: Mapped[int] = mapped_column(ForeignKey("rubric_version.id"))
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id", ondelete="CASCADE"), unique=True)
    by: Mapped[str]
    begun_at: Mapped[datetime] = mapped_column(default=utc_now)
    finished_at: Mapped[datetime | None]
    result: Mapped[dict[str, Any] | None]
    problem: Mapped[str | None] = mapped_column(Text)
    job: Mapped[Job] = relationship()


# ---- the gradebook -------------------------------------------------------------------------------------------


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

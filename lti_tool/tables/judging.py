"""The ledger of jobs, what judges answered, and what came of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen
from lti_tool.tables.lessons import RubricVersion
from lti_tool.tables.work import Submission

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

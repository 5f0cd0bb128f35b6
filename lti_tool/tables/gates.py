"""What may be released without a person, and the readings that this rests on."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lti_tool.db import utc_now
from lti_tool.tables.base import Base, Frozen
from lti_tool.tables.judging import Job
from lti_tool.tables.people import Person, ResourceLink
from lti_tool.tables.work import Submission


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

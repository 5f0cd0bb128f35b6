"""Sheets may be released by a signed gate: keys, gates, what they decided, what was read again; judges by identity."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

FROZEN = ("gate", "gate_event", "gate_draw", "blind_reading")


def upgrade() -> None:
    op.add_column("judgement", sa.Column("identity", sa.JSON(), nullable=True))
    op.create_table(
        "gate_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("added_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_gate_key_digest")),
    )
    op.create_table(
        "gate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource_link_id", sa.Integer(), nullable=False),
        sa.Column("rubric_id", sa.String(length=255), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("installed_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["resource_link_id"], ["resource_link.id"], name=op.f("fk_gate_resource_link_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
    )
    op.create_index(op.f("ix_gate_resource_link_id"), "gate", ["resource_link_id"])
    op.create_table(
        "gate_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('alarm', 'closed')", name=op.f("ck_gate_event_kind")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_gate_event_gate_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_event")),
    )
    op.create_index(op.f("ix_gate_event_gate_id"), "gate_event", ["gate_id"])
    op.create_table(
        "gate_draw",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gate_id", sa.Integer(), nullable=True),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("judgement_id", sa.Integer(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("threshold", sa.Double(), nullable=True),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("blind", sa.Boolean(), nullable=False),
        sa.Column("blind_probability", sa.Double(), nullable=False),
        sa.Column("audited", sa.Boolean(), nullable=False),
        sa.Column("audit_probability", sa.Double(), nullable=False),
        sa.Column("audit_base", sa.Double(), nullable=False),
        sa.Column("at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_gate_draw_gate_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_gate_draw_submission_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["judgement_id"], ["judgement.id"], name=op.f("fk_gate_draw_judgement_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_draw")),
        sa.UniqueConstraint("submission_id", "judgement_id", name=op.f("uq_gate_draw_submission_id_judgement_id")),
    )
    op.create_index(op.f("ix_gate_draw_gate_id"), "gate_draw", ["gate_id"])
    op.create_table(
        "blind_reading",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gate_draw_id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("read_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["gate_draw_id"], ["gate_draw.id"], name=op.f("fk_blind_reading_gate_draw_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reader_id"], ["person.id"], name=op.f("fk_blind_reading_reader_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_reading")),
        sa.UniqueConstraint("gate_draw_id", name=op.f("uq_blind_reading_gate_draw_id")),
    )
    for table in FROZEN:
        _freeze(table)


def _freeze(table: str) -> None:
    head = f'CREATE TRIGGER frozen_{table} BEFORE UPDATE ON "{table}"'
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()")
    else:
        op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{table} rows never change'); END")


def downgrade() -> None:
    for table in (*reversed(FROZEN), "gate_key"):
        op.drop_table(table)
    op.drop_column("judgement", "identity")

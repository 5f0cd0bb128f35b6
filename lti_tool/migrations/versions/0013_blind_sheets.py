"""Sheets that people fill in before they see the judge's, and submissions picked for that."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

FROZEN = ("blind_pick", "blind_sheet")


def _of(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    op.create_table(
        "blind_pick",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("judgement_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("readers", sa.Integer(), nullable=False),
        sa.Column("picked_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _of("blind_pick", "submission_id", "submission"),
        _of("blind_pick", "judgement_id", "judgement"),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_blind_pick")),
    )
    op.create_table(
        "blind_sheet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("judgement_id", sa.Integer(), nullable=False),
        sa.Column("reader_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("quotes", sa.JSON(), nullable=False),
        sa.Column("committed_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("source in ('draw', 'audit', 'pick')", name=op.f("ck_blind_sheet_source")),
        _of("blind_sheet", "submission_id", "submission"),
        _of("blind_sheet", "judgement_id", "judgement"),
        _of("blind_sheet", "reader_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blind_sheet")),
        sa.UniqueConstraint("submission_id", "reader_id", name=op.f("uq_blind_sheet_submission_id_reader_id")),
    )
    for table in FROZEN:
        head = f'CREATE TRIGGER frozen_{table} BEFORE UPDATE ON "{table}"'
        if op.get_bind().dialect.name == "postgresql":
            op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()")
        else:
            op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{table} rows never change'); END")


def downgrade() -> None:
    for table in reversed(FROZEN):
        op.drop_table(table)

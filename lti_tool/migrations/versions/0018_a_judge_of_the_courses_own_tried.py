"""Runs that fit a judge on a question's blind sheets and try the gate, and what came of them."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def _of(column: str, to: str, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_calibration_run_{column}"), ondelete=ondelete)


def upgrade() -> None:
    op.create_table(
        "calibration_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource_link_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=255), nullable=False),
        sa.Column("rubric_version_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("begun_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        _of("resource_link_id", "resource_link"),
        _of("rubric_version_id", "rubric_version", None),
        _of("job_id", "job"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibration_run")),
        sa.UniqueConstraint("job_id", name=op.f("uq_calibration_run_job_id")),
    )
    op.create_index("ix_calibration_run_of", "calibration_run", ["resource_link_id", "item_id"])


def downgrade() -> None:
    op.drop_table("calibration_run")

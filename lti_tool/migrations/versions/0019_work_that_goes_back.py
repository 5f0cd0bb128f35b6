"""Judged work can go back to its learner."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "returned_work",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("returned_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"], ["submission.id"], name=op.f("fk_returned_work_submission_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reviewer_id"], ["person.id"], name=op.f("fk_returned_work_reviewer_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returned_work")),
    )
    op.create_index(op.f("ix_returned_work_submission_id"), "returned_work", ["submission_id"])
    head = "CREATE TRIGGER frozen_returned_work BEFORE UPDATE ON returned_work"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()")
    else:
        op.execute(f"{head} BEGIN SELECT RAISE(ABORT, 'returned_work rows never change'); END")


def downgrade() -> None:
    op.drop_table("returned_work")

"""A rating says what is uncertain about it; a judge that cannot be asked is known, and the work it holds is marked."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rating", sa.Column("confidence_source", sa.String(255), nullable=False, server_default=""))
    op.add_column("rating", sa.Column("estimate", sa.Double(), nullable=True))
    op.add_column("rating", sa.Column("interval", sa.JSON(), nullable=True))
    op.add_column("rating", sa.Column("doubt", sa.Text(), nullable=False, server_default=""))
    op.add_column("job", sa.Column("held", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index(op.f("ix_answer_created_at"), "answer", ["created_at"])
    op.create_table(
        "judge_health",
        sa.Column("judge", sa.String(255), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("since", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("looked_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("judge", name=op.f("pk_judge_health")),
    )


def downgrade() -> None:
    op.drop_table("judge_health")
    op.drop_index(op.f("ix_answer_created_at"), "answer")
    op.drop_column("job", "held")
    for column in ("doubt", "interval", "estimate", "confidence_source"):
        op.drop_column("rating", column)

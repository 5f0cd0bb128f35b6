"""How often judges could not be asked is counted, and messages to gradebooks are found by their state."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "judge_error_count",
        sa.Column("judge", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(255), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("judge", "kind", name=op.f("pk_judge_error_count")),
    )
    op.create_index("ix_passback_state", "passback", ["state", "settled_at"])


def downgrade() -> None:
    op.drop_index("ix_passback_state", "passback")
    op.drop_table("judge_error_count")

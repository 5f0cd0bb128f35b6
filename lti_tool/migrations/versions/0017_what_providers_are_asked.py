"""How fast, and how much at a time, the providers of paid judges are asked, by all executors together."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_pace",
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("due_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_pace")),
    )
    op.create_table(
        "provider_call",
        sa.Column("lease", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=255), nullable=False),
        sa.Column("owner", sa.String(length=255), nullable=False),
        sa.Column("until", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lease", name=op.f("pk_provider_call")),
    )
    op.create_index("ix_provider_call_of", "provider_call", ["provider", "until"])
    op.create_index(op.f("ix_provider_call_owner"), "provider_call", ["owner"])


def downgrade() -> None:
    op.drop_table("provider_call")
    op.drop_table("provider_pace")

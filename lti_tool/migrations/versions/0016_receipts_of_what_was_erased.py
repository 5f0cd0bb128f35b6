"""The receipts of erased answers are named until executors have taken them out of the store of results."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "forgotten_receipt",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_forgotten_receipt")),
    )


def downgrade() -> None:
    op.drop_table("forgotten_receipt")

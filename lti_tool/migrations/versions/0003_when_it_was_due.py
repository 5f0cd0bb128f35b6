"""A submission knows when it was due, as the course said at that moment."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("submission", sa.Column("due_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("submission", "due_at")

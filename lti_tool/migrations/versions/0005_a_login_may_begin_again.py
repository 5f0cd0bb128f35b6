"""A login keeps what the platform asked it with, so that it can begin again in a tab of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login_state", sa.Column("asked", sa.JSON(), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("login_state", "asked")

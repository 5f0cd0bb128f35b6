"""Groups and sections of a course, where its platform tells them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("resource_link", sa.Column("groups_url", sa.String(2000), nullable=True))
    op.add_column("roster_member", sa.Column("groups", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("roster_member", "groups")
    op.drop_column("resource_link", "groups_url")

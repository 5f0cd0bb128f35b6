"""Links and sessions say which pages they open: the admin's or the researchers'."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("admin_code", "admin_session")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("pages", sa.String(length=255), nullable=False, server_default="admin"))


def downgrade() -> None:
    for table in TABLES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column("pages")

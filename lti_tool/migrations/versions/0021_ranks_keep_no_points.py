"""A sheet's rank keeps no points: pages read them off the sheet."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("review_rank") as batch:
        batch.drop_column("points")


def downgrade() -> None:
    op.add_column("review_rank", sa.Column("points", sa.Double(), nullable=True))

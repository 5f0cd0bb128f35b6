"""A judging knows its placement and its sheet's doubt, so that an index alone tells what waits, in which order."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

WAITING = sa.text("kind = 'judge' AND state IN ('awaiting_review', 'needs_person')")


def upgrade() -> None:
    placed = sa.ForeignKey("resource_link.id", name="fk_job_resource_link_id")
    op.add_column("job", sa.Column("resource_link_id", sa.Integer(), placed), inline_references=True)
    op.add_column("job", sa.Column("doubt", sa.Double(), nullable=False, server_default="1"))
    op.execute("""
        UPDATE job SET
            resource_link_id = (SELECT resource_link_id FROM submission WHERE submission.id = job.submission_id),
            doubt = coalesce((SELECT doubt FROM review_rank WHERE review_rank.submission_id = job.submission_id), 1)
        WHERE kind = 'judge'
    """)
    op.create_index("ix_job_placement", "job", ["resource_link_id", "kind", "state", "submission_id"])
    queue = ["resource_link_id", "doubt", "submission_id"]
    op.create_index("ix_job_queue", "job", queue, sqlite_where=WAITING, postgresql_where=WAITING)
    op.drop_index("ix_review_rank_order", "review_rank")
    with op.batch_alter_table("review_rank") as batch:
        batch.drop_column("doubt")
    op.create_index("ix_review_rank_resource_link_id", "review_rank", ["resource_link_id"])


def downgrade() -> None:
    op.drop_index("ix_review_rank_resource_link_id", "review_rank")
    op.add_column("review_rank", sa.Column("doubt", sa.Double(), nullable=False, server_default="1"))
    op.execute("""
        UPDATE review_rank SET doubt = (
            SELECT doubt FROM job WHERE job.submission_id = review_rank.submission_id AND kind = 'judge'
        )
    """)
    op.create_index("ix_review_rank_order", "review_rank", ["resource_link_id", "doubt"])
    op.drop_index("ix_job_queue", "job")
    op.drop_index("ix_job_placement", "job")
    op.drop_column("job", "doubt")
    op.drop_column("job", "resource_link_id")

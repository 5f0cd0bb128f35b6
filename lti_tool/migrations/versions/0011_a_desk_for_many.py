"""The queue in an order of its own, who is on what, decisions that take effect later, and a person's own quotes."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _of(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE")


def upgrade() -> None:
    op.add_column("human_score", sa.Column("quotes", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "review_rank",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("resource_link_id", sa.Integer(), nullable=False),
        sa.Column("doubt", sa.Double(), nullable=False),
        sa.Column("points", sa.Double(), nullable=True),
        sa.Column("reasons", sa.String(length=255), nullable=False),
        _of("review_rank", "submission_id", "submission"),
        _of("review_rank", "resource_link_id", "resource_link"),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_review_rank")),
    )
    op.create_index("ix_review_rank_order", "review_rank", ["resource_link_id", "doubt"])
    op.create_table(
        "review_claim",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("until", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        _of("review_claim", "submission_id", "submission"),
        _of("review_claim", "person_id", "person"),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_review_claim")),
    )
    op.create_table(
        "pending_release",
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("resource_link_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("judgement_id", sa.Integer(), nullable=True),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.Column("batch", sa.String(length=43), nullable=False),
        sa.Column("due_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("decided_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _of("pending_release", "submission_id", "submission"),
        _of("pending_release", "resource_link_id", "resource_link"),
        _of("pending_release", "reviewer_id", "person"),
        _of("pending_release", "judgement_id", "judgement"),
        sa.PrimaryKeyConstraint("submission_id", name=op.f("pk_pending_release")),
    )
    for column in ("resource_link_id", "batch", "due_at"):
        op.create_index(op.f(f"ix_pending_release_{column}"), "pending_release", [column])


def downgrade() -> None:
    for table in ("pending_release", "review_claim", "review_rank"):
        op.drop_table(table)
    op.drop_column("human_score", "quotes")

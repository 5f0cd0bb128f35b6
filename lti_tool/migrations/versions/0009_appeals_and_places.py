"""A learner may appeal against a level, pin a sentence of their text, and finds the place where they were."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

FROZEN = ("appeal", "appeal_score", "appeal_answer", "pinned_line")


def upgrade() -> None:
    op.create_table(
        "appeal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=255), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.String(length=255), nullable=False),
        sa.Column("start", sa.Integer(), nullable=True),
        sa.Column("end", sa.Integer(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("sent_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _belongs("appeal", "submission"),
        _belongs("appeal", "release"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_appeal_public_id")),
        sa.UniqueConstraint("submission_id", "criterion", name=op.f("uq_appeal_submission_id_criterion")),
    )
    op.create_table(
        "appeal_score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appeal_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("committed_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _belongs("appeal_score", "appeal"),
        _belongs("appeal_score", "reviewer", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal_score")),
        sa.UniqueConstraint("appeal_id", "reviewer_id", name=op.f("uq_appeal_score_appeal_id_reviewer_id")),
    )
    op.create_table(
        "appeal_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("appeal_id", sa.Integer(), nullable=False),
        sa.Column("reviewer_id", sa.Integer(), nullable=False),
        sa.Column("before", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by_the_scorer", sa.Boolean(), nullable=False),
        sa.Column("answered_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _belongs("appeal_answer", "appeal"),
        _belongs("appeal_answer", "reviewer", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeal_answer")),
        sa.UniqueConstraint("appeal_id", name=op.f("uq_appeal_answer_appeal_id")),
    )
    op.create_table(
        "pinned_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("pinned_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _belongs("pinned_line", "submission"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pinned_line")),
    )
    op.create_index(op.f("ix_pinned_line_submission_id"), "pinned_line", ["submission_id"])
    op.create_table(
        "last_place",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource_link_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(length=255), nullable=False),
        sa.Column("item_id", sa.String(length=255), nullable=True),
        sa.Column("term_id", sa.String(length=255), nullable=True),
        sa.Column("seen_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        _belongs("last_place", "resource_link"),
        _belongs("last_place", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_last_place")),
        sa.UniqueConstraint("resource_link_id", "person_id", name=op.f("uq_last_place_resource_link_id_person_id")),
    )
    _freeze()


def _belongs(table: str, what: str, target: str | None = None) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{what}_id")
    return sa.ForeignKeyConstraint([f"{what}_id"], [f"{target or what}.id"], name=name, ondelete="CASCADE")


def _freeze() -> None:
    for table in FROZEN:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER frozen_{table} BEFORE UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER frozen_{table} BEFORE UPDATE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows never change'); END"
            )


def downgrade() -> None:
    for table in ("last_place", "pinned_line", "appeal_answer", "appeal_score", "appeal"):
        op.drop_table(table)

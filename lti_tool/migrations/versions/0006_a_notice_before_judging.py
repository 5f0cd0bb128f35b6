"""A learner is told once a course what happens with their work; that they went on is a row that never changes."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notice_acceptance",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("accepted_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["context_id"], ["context.id"], name=op.f("fk_notice_acceptance_context_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["person.id"], name=op.f("fk_notice_acceptance_person_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_acceptance")),
        sa.UniqueConstraint(
            "context_id", "person_id", "version", name=op.f("uq_notice_acceptance_context_id_person_id_version")
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER frozen_notice_acceptance BEFORE UPDATE ON notice_acceptance "
            "FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()"
        )
    else:
        op.execute(
            "CREATE TRIGGER frozen_notice_acceptance BEFORE UPDATE ON notice_acceptance "
            "BEGIN SELECT RAISE(ABORT, 'notice_acceptance rows never change'); END"
        )


def downgrade() -> None:
    op.drop_table("notice_acceptance")

"""A course can have its own edition of a lesson; instructors write drafts of it and try them as a student would."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

PINNED = "fk_resource_link_lesson_version_id"


def upgrade() -> None:
    # A pinned version has no rule for deletion, so the inline reference says all there is to say.
    pinned = sa.Column("lesson_version_id", sa.Integer(), sa.ForeignKey("lesson_version.id", name=PINNED))
    op.add_column("resource_link", pinned, inline_references=True)
    op.add_column("resource_link", sa.Column("rehearsal", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "course_edition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("lesson_version_id", sa.Integer(), nullable=True),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("published_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["context_id"], ["context.id"], name=op.f("fk_course_edition_context_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["lesson_version_id"], ["lesson_version.id"], name=op.f("fk_course_edition_lesson_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_edition")),
    )
    op.create_index("ix_course_edition_of", "course_edition", ["context_id", "slug"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER frozen_course_edition BEFORE UPDATE ON course_edition "
            "FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()"
        )
    else:
        op.execute(
            "CREATE TRIGGER frozen_course_edition BEFORE UPDATE ON course_edition "
            "BEGIN SELECT RAISE(ABORT, 'course_edition rows never change'); END"
        )
    op.create_table(
        "edition_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(length=255), nullable=False),
        sa.Column("rubric_id", sa.String(length=255), nullable=False),
        sa.Column("base_version_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("saved_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["context_id"], ["context.id"], name=op.f("fk_edition_draft_context_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["base_version_id"], ["lesson_version.id"], name=op.f("fk_edition_draft_base_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edition_draft")),
        sa.UniqueConstraint("context_id", "slug", "rubric_id", name=op.f("uq_edition_draft_context_id_slug_rubric_id")),
    )


def downgrade() -> None:
    op.drop_table("edition_draft")
    op.drop_table("course_edition")
    op.drop_column("resource_link", "rehearsal")
    op.drop_column("resource_link", "lesson_version_id")

"""Work can be judged again as a draft; jobs of more kinds, and judged work that goes back to its learner."""

import sqlalchemy as sa
from alembic import op

import lti_tool.db

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KINDS = ("kind in ('judge', 'send_score')", "kind in ('judge', 'send_score', 'rejudge', 'calibrate')")
STATES = (
    "state in ('queued', 'running', 'awaiting_review', 'done', 'needs_person', 'withdrawn')",
    "state in ('queued', 'running', 'awaiting_review', 'done', 'needs_person', 'withdrawn', 'returned')",
)


def _of(table: str, column: str, to: str, ondelete: str | None = "CASCADE") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}"), ondelete=ondelete)


def _check_jobs(kinds: str, states: str, *, was: tuple[str, str]) -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name, rule in (("kind", kinds), ("state", states)):
            op.drop_constraint(op.f(f"ck_job_{name}"), "job", type_="check")
            op.create_check_constraint(op.f(f"ck_job_{name}"), "job", rule)
        return
    # A copy of the table would take the events of every job with it; https://sqlite.org/lang_altertable.html
    # (section 7) has this way for constraints that no stored row can break.
    version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
    op.execute("PRAGMA writable_schema = ON")
    for before, after in ((was[0], kinds), (was[1], states)):
        changed = sa.text("UPDATE sqlite_master SET sql = replace(sql, :before, :after) WHERE name = 'job'")
        op.get_bind().execute(changed, {"before": before, "after": after})
    op.execute(f"PRAGMA schema_version = {int(version) + 1}")
    op.execute("PRAGMA writable_schema = OFF")


def upgrade() -> None:
    _check_jobs(KINDS[1], STATES[1], was=(KINDS[0], STATES[0]))
    again = sa.ForeignKey("rubric_version.id", name="fk_judgement_rubric_version_id")
    op.add_column("judgement", sa.Column("rubric_version_id", sa.Integer(), again), inline_references=True)
    op.create_table(
        "rejudge_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=255), nullable=False),
        sa.Column("resource_link_id", sa.Integer(), nullable=False),
        sa.Column("item_id", sa.String(length=255), nullable=False),
        sa.Column("rubric_version_id", sa.Integer(), nullable=False),
        sa.Column("judge", sa.String(length=255), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("begun_at", lti_tool.db.UtcDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        _of("rejudge_draft", "resource_link_id", "resource_link"),
        _of("rejudge_draft", "rubric_version_id", "rubric_version", None),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejudge_draft")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rejudge_draft_public_id")),
    )
    op.create_index("ix_rejudge_draft_of", "rejudge_draft", ["resource_link_id", "item_id"])
    op.create_table(
        "rejudged_sheet",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("before_judgement_id", sa.Integer(), nullable=True),
        sa.Column("before_release_id", sa.Integer(), nullable=True),
        sa.Column("before_levels", sa.JSON(), nullable=False),
        sa.Column("before_points", sa.Double(), nullable=True),
        sa.Column("by_person", sa.Boolean(), nullable=False),
        sa.Column("judgement", sa.JSON(), nullable=True),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("points", sa.Double(), nullable=True),
        sa.Column("moved", sa.Double(), nullable=True),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("gate_reason", sa.Text(), nullable=True),
        sa.Column("judged_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("batch", sa.String(length=43), nullable=True),
        sa.Column("due_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("applied_at", lti_tool.db.UtcDateTime(timezone=True), nullable=True),
        _of("rejudged_sheet", "draft_id", "rejudge_draft"),
        _of("rejudged_sheet", "submission_id", "submission"),
        _of("rejudged_sheet", "before_judgement_id", "judgement"),
        _of("rejudged_sheet", "before_release_id", "release"),
        _of("rejudged_sheet", "decided_by_id", "person", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rejudged_sheet")),
        sa.UniqueConstraint("draft_id", "submission_id", name=op.f("uq_rejudged_sheet_draft_id_submission_id")),
    )
    op.create_index("ix_rejudged_sheet_moved", "rejudged_sheet", ["draft_id", "moved"])
    op.create_index("ix_rejudged_sheet_due", "rejudged_sheet", ["due_at"])
    op.create_index(op.f("ix_rejudged_sheet_batch"), "rejudged_sheet", ["batch"])
    op.create_index(op.f("ix_rejudged_sheet_submission_id"), "rejudged_sheet", ["submission_id"])


def downgrade() -> None:
    op.drop_table("rejudged_sheet")
    op.drop_table("rejudge_draft")
    op.drop_column("judgement", "rubric_version_id")
    _check_jobs(KINDS[0], STATES[0], was=(KINDS[1], STATES[1]))

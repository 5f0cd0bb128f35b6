"""Rows that record facts refuse an UPDATE in the database too."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

FROZEN = (
    "answer",
    "audit",
    "draft",
    "human_score",
    "job_event",
    "judgement",
    "launch",
    "lesson_publication",
    "lesson_score",
    "lesson_version",
    "passback_try",
    "rating",
    "release",
    "review",
    "rubric_version",
    "step_view",
    "submission",
    "term_answer",
)
# A message's delivery state moves; what it says and when it was said do not.
FROZEN_COLUMNS = {"passback": ("body", "timestamp", "kind", "sequence")}


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION atelier_refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$ "
            "BEGIN RAISE EXCEPTION '% rows never change', TG_TABLE_NAME; END $$"
        )
    for table in FROZEN:
        _freeze(table, "")
    for table, columns in FROZEN_COLUMNS.items():
        _freeze(table, " OF " + ", ".join(f'"{column}"' for column in columns))


def _freeze(table: str, of: str) -> None:
    head = f'CREATE TRIGGER frozen_{table} BEFORE UPDATE{of} ON "{table}"'
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"{head} FOR EACH ROW EXECUTE FUNCTION atelier_refuse_update()")
    else:
        op.execute(f"{head} BEGIN SELECT RAISE(ABORT, '{table} rows never change'); END")


def downgrade() -> None:
    postgresql = op.get_bind().dialect.name == "postgresql"
    for table in (*FROZEN, *FROZEN_COLUMNS):
        op.execute(f"DROP TRIGGER frozen_{table}" + (f' ON "{table}"' if postgresql else ""))
    if postgresql:
        op.execute("DROP FUNCTION atelier_refuse_update()")

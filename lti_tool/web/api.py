"""Is the tool alive, and is it ready to be sent people?"""

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, jsonify
from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from lti_tool.db import Database
from lti_tool.web.context import current

bp = Blueprint("api", __name__)
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers; nothing else is asked."""
    return jsonify(status="ok")


@bp.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when the database answers and has today's tables, else 503 with the reason."""
    problem = database_problem(current().database)
    return jsonify(status="not ready" if problem else "ready", problem=problem), 503 if problem else 200


def database_problem(database: Database) -> str | None:
    """One sentence on what is wrong with the database, or None."""
    try:
        with database.read() as session:
            connection = session.connection()
            if not inspect(connection).has_table("registration"):
                return "The database has no tables yet; run atelier db upgrade."
            present = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError:
        return "The database does not answer."
    if present != set(ScriptDirectory(str(MIGRATIONS)).get_heads()):
        return "The database has the tables of another version; run atelier db upgrade."
    return None

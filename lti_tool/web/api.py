"""Is the tool alive, and is it ready to be sent people?"""

from functools import lru_cache

from alembic.runtime.migration import MigrationContext
from flask import Blueprint, Response, jsonify
from sqlalchemy.exc import SQLAlchemyError

from lti_tool import schema
from lti_tool.db import Database
from lti_tool.web.context import current

bp = Blueprint("api", __name__)
newest_revision = lru_cache(schema.newest_revision)


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
            # Not schema.is_current: on SQLite that waits for whoever is writing.
            present = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return "The database does not answer."
    if present != newest_revision():
        return "The database's schema is not up to date. Run: atelier db upgrade"
    return None

"""The database's schema: bringing it up to date, and knowing whether it is."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from lti_tool.db import Database

# Any fixed number: it names the advisory lock under which one process at a time migrates.
MIGRATION_LOCK = 7_304_118


def upgrade(database: Database) -> str:
    """Bring the schema to the newest revision and return its name; a second run changes nothing.

    Several processes that start together wait for the first.
    """
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        command.upgrade(_config(connection), "head")
        return _revision(connection) or ""


def is_current(database: Database) -> bool:
    """Whether the schema is the one this code was written for."""
    with database.engine.connect() as connection:
        return _revision(connection) == newest_revision()


def newest_revision() -> str:
    """The newest revision this code knows."""
    return ScriptDirectory.from_config(_config(None)).get_current_head() or ""


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", "lti_tool:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config

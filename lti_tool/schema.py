"""The database's schema: bringing it up to date, and knowing whether it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from lti_tool.db import Database

# Any fixed number: it names the advisory lock under which one process at a time migrates.
MIGRATION_LOCK = 7_304_118


class RevisionError(Exception):
    """The schema cannot be brought where it should go; the message says why in a sentence."""


def upgrade(database: Database) -> str:
    """Bring the schema to the newest revision and return its name; a second run changes nothing.

    Several processes that start together wait for the first. Raises RevisionError for a later release's schema.
    """
    with _alone(database) as connection:
        _up_to(_revision(connection))
        command.upgrade(_config(connection), "head")
        return _revision(connection) or ""


def downgrade(database: Database, revision: str) -> str:
    """Take the schema back to a revision ("base": none at all) and return its name; what only later ones keep is lost.

    Raises RevisionError for a revision that is not before the schema's own.
    """
    with _alone(database) as connection:
        now = _revision(connection)
        if revision not in [*_up_to(now), "base"]:
            raise RevisionError(f"The schema is at {now or 'no revision'}, and {revision} is not before it.")
        command.downgrade(_config(connection), revision)
        return _revision(connection) or ""


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction in which nobody else migrates."""
    with database.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        yield connection


def _up_to(revision: str | None) -> list[str]:
    """A revision and all before it, newest first; raises RevisionError for one that this code does not know."""
    if revision is None:
        return []
    known = [one.revision for one in ScriptDirectory.from_config(_config(None)).walk_revisions()]
    if revision not in known:
        raise RevisionError(
            f"The database's schema is at {revision}, which this release does not know: a later one made it. Use that"
            f" one, or have it take the schema back: atelier db downgrade {known[0]}"
        )
    return known[known.index(revision) :]


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

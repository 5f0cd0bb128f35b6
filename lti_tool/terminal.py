"""What every command of ours does the same way: one clear sentence on bad input, and a non-zero exit."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sqlalchemy.exc import DatabaseError, IntegrityError

from lti_tool import schema
from lti_tool.db import Database, DatabaseUrlError
from lti_tool.settings import Settings, SettingsProblem, get_settings


def fail(sentence: str, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error and leave."""
    print(f"atelier: {sentence}", file=sys.stderr)
    raise SystemExit(code)


def settings_or_exit() -> Settings:
    """The settings, or one sentence about the first that is wrong."""
    try:
        return get_settings()
    except SettingsProblem as error:
        fail(str(error))


@contextmanager
def open_database(settings: Settings, *, migrated: bool = True) -> Iterator[Database]:
    """The database, closed at the end; one sentence and exit when it can't be had or has not been upgraded."""
    try:
        database = Database(settings.database_url)
    except DatabaseUrlError as error:
        fail(str(error))
    try:
        if migrated and not schema.is_current(database):
            fail("The database's schema is not up to date. Run: atelier db upgrade")
        yield database
    except IntegrityError:
        raise  # a fault of ours, not of the database
    except DatabaseError as error:
        fail(f"The database does not answer as it should: {_first_line(error)}.")
    finally:
        database.close()


def _first_line(error: DatabaseError) -> str:
    # The driver's own words; SQLAlchemy's would repeat the statement and its parameters.
    return str(error.orig).strip().splitlines()[0].rstrip(".")

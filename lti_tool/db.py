"""Engines and sessions. SQLite is used with WAL, foreign keys, and BEGIN IMMEDIATE for writers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    JSON,
    DateTime,
    Engine,
    Row,
    Table,
    Text,
    TypeDecorator,
    bindparam,
    cast,
    column,
    create_engine,
    event,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.sql.dml import ReturningInsert

BUSY_SECONDS = 10
AT_ONCE = 500
READ_ONLY = {"atelier_read": True}

Value = TypeVar("Value")


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; the message says what to change."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps no zone, so it is stored naive there and given back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)


def make_engine(url: str) -> Engine:
    """An engine for SQLite or PostgreSQL; DatabaseUrlError says in a sentence what is wrong with another URL."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return _sqlite_engine(url, parsed.database)
        if parsed.get_backend_name() == "postgresql":
            return create_engine(url, pool_pre_ping=True, pool_size=10, max_overflow=20, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise DatabaseUrlError(
            "ATELIER_DATABASE_URL is not a database URL; use sqlite:///file.db or postgresql://user@host/name."
        ) from error
    raise DatabaseUrlError(
        f"ATELIER_DATABASE_URL names {parsed.get_backend_name()}; only sqlite and postgresql are supported."
    )


def _sqlite_engine(url: str, database: str | None) -> Engine:
    if database and database != ":memory:":
        try:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseUrlError(f"The folder of the SQLite file cannot be made: {error.strerror}.") from error
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _sqlite_connect)
    event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_connect(connection: Any, _record: object) -> None:
    # The driver's own transaction handling opens write transactions late; the begin event does it instead.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "synchronous=NORMAL",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    # A deferred transaction that turns into a writer midway fails at once when another writer is ahead;
    # an immediate one waits its turn.
    read = connection.get_execution_options().get("atelier_read")
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")


class Database:
    """The engine and its two kinds of session."""

    def __init__(self, url: str) -> None:
        self.engine = make_engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on any error."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for reading; on SQLite it never waits for a writer. What was read stays readable afterwards."""
        with self._sessions() as session:  # closing rolls back; a rollback of its own would expire what was read
            session.connection(execution_options=READ_ONLY)
            yield session

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def in_parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """Some hundreds at a time: one statement takes only so many parameters."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]


def insert_new(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], returning: Sequence[str]
) -> Sequence[Row[Any]]:
    """Insert rows in one statement, without those that exist already; returns these columns of the new ones.

    ValueError where rows differ in their columns. On PostgreSQL a JSON null is stored as NULL.
    """
    if not rows:
        return []
    if any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError("rows that are stored together need the same columns")
    if session.get_bind().dialect.name == "postgresql":
        return session.execute(_from_json(table, tuple(rows[0]), tuple(returning)), {"rows": _in_json(rows)}).all()
    new = sqlite.insert(table).on_conflict_do_nothing().returning(*(table.c[name] for name in returning))
    return session.execute(new, list(rows)).all()


def upsert(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], instead: Mapping[str, Any]
) -> None:
    """Insert rows; of one whose `keys` are there already these columns are set instead."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    new = dialect.insert(table).values(list(rows))
    session.execute(new.on_conflict_do_update(index_elements=list(keys), set_=dict(instead)))


@lru_cache(maxsize=64)
def _from_json(table: Table, names: tuple[str, ...], returning: tuple[str, ...]) -> ReturningInsert[Any]:
    """All rows as one parameter: the statement is the same however many there are, so that it is prepared once.

    https://www.postgresql.org/docs/current/functions-json.html, json_to_recordset
    """
    columns = [column(name, table.c[name].type) for name in names]
    given = cast(bindparam("rows", type_=Text()), JSON())
    rows = func.json_to_recordset(given).table_valued(*columns).render_derived(name="given", with_types=True)
    new = postgresql.insert(table).from_select(list(names), select(*(rows.c[name] for name in names)))
    return new.on_conflict_do_nothing().returning(*(table.c[name] for name in returning))


def _in_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps([dict(row) for row in rows], default=_time_in_json)


def _time_in_json(value: object) -> str:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"a {type(value).__name__} cannot be stored; a time needs its zone")
    return value.isoformat()

"""The migrations build what the models say, on both databases, and facts stay as they are."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from lti_tool import schema
from lti_tool.db import Database
from lti_tool.models import Base, Frozen, FrozenRowError, Submission, TermAnswer


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either kind."""
    url = f"sqlite:///{tmp_path / 'tool.db'}"
    if request.param == "postgresql":
        server: str = request.getfixturevalue("postgres_server")
        name = f"empty_{uuid4().hex}"
        admin = create_engine(server.format("postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        url = server.format(name)
    database = Database(url)
    yield database
    database.close()


def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    assert not schema.is_current(empty)
    first = schema.upgrade(empty)
    assert schema.is_current(empty)
    assert schema.upgrade(empty) == first == schema.newest_revision()


def test_migrations_and_models_agree(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_every_migration_can_be_taken_back_and_made_again(empty: Database) -> None:
    schema.upgrade(empty)
    schema.downgrade(empty, "base")
    with empty.engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    assert schema.upgrade(empty) == schema.newest_revision()
    with empty.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_a_later_releases_schema_is_told_from_one_that_waits_for_an_upgrade(empty: Database) -> None:
    newest = schema.upgrade(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for move in (schema.upgrade, lambda database: schema.downgrade(database, "0001")):
        with pytest.raises(schema.RevisionError, match=f"at 9999, .* later one made it.*downgrade {newest}"):
            move(empty)


@pytest.mark.parametrize("revision", ["0019", "nonsense", "-1"])
def test_a_schema_goes_back_to_what_it_was_before_and_nowhere_else(database: Database, revision: str) -> None:
    schema.downgrade(database, "0018")
    with pytest.raises(schema.RevisionError, match=f"The schema is at 0018, and {revision} is not before it"):
        schema.downgrade(database, revision)
    with database.engine.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == "0018"


def test_every_frozen_table_refuses_an_update_in_the_database_itself(empty: Database) -> None:
    schema.upgrade(empty)
    frozen = {mapper.local_table.name for mapper in Base.registry.mappers if issubclass(mapper.class_, Frozen)}
    triggers = (
        "SELECT tbl_name FROM sqlite_master WHERE type = 'trigger'"
        if empty.engine.dialect.name == "sqlite"
        else "SELECT relname FROM pg_trigger JOIN pg_class ON tgrelid = pg_class.oid WHERE NOT tgisinternal"
    )
    with empty.engine.connect() as connection:
        guarded = set(connection.scalars(text(triggers)))
    assert guarded == frozen | {"passback"}


def test_a_statement_past_the_orm_cannot_change_a_fact(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.write() as session:
        session.execute(
            text(
                "INSERT INTO rubric_version (rubric_id, content_hash, title, content, created_at)"
                " VALUES ('r', 'h', 'Old', '{}', '2026-01-01 00:00:00')"
            )
        )
    with pytest.raises(DBAPIError, match="rows never change"), empty.write() as session:
        session.execute(text("UPDATE rubric_version SET title = 'New'"))


def test_the_orm_refuses_too(database: Database, world) -> None:
    with database.write() as session:
        answer = TermAnswer(
            resource_link_id=world.resource_link_id, person_id=world.ada_id, term_id="checkpoint", got_it=True
        )
        session.add(answer)
    with pytest.raises(FrozenRowError, match="TermAnswer rows never change"), database.write() as session:
        session.get_one(TermAnswer, answer.id).got_it = False


def test_the_database_keeps_two_attempts_from_having_one_number(database: Database, world, submission) -> None:
    copied = {
        column.name: getattr(submission, column.name)
        for column in Submission.__table__.columns
        if column.name not in ("id", "public_id", "text_hash")
    }
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Submission(**copied, public_id="another", text_hash="different"))

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from lti_tool.db import Database, DatabaseUrlError
from lti_tool.models import Deployment, Person


def test_sqlite_keeps_a_write_ahead_log_and_checks_foreign_keys(database: Database) -> None:
    with database.read() as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
        assert session.scalar(text("PRAGMA busy_timeout")) == 10_000
    with pytest.raises(IntegrityError), database.write() as session:
        session.add(Deployment(registration_id=999, lms_id="1"))


def test_times_come_back_aware_and_in_utc(database: Database, world) -> None:
    moment = datetime(2026, 12, 14, 23, 59, tzinfo=timezone(timedelta(hours=1)))
    with database.write() as session:
        session.get_one(Person, world.ada_id).created_at = moment
    with database.read() as session:
        stored = session.get_one(Person, world.ada_id).created_at
    assert stored == moment
    assert stored.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(database: Database, world) -> None:
    with pytest.raises(StatementError, match="without a zone"), database.write() as session:
        session.get_one(Person, world.ada_id).created_at = datetime(2026, 1, 1)


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    with database.write() as writing, database.read() as reading:
        writing.execute(text("UPDATE registration SET name = 'x'"))
        assert reading.scalar(text("SELECT count(*) FROM lesson_version")) == 2


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://root@db/x", "names mysql; only sqlite and postgresql"),
        ("not a url", "is not a database URL"),
        ("oracle+wrong://x", "only sqlite and postgresql"),
    ],
)
def test_a_wrong_url_is_one_sentence(url: str, sentence: str) -> None:
    with pytest.raises(DatabaseUrlError, match=sentence):
        Database(url)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatabaseUrlError, match="folder of the SQLite file"):
        Database(f"sqlite:///{tmp_path}/file/sub/tool.db")

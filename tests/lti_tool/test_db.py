from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from lti_tool.db import Database, DatabaseUrlError, insert_new, utc_now
from lti_tool.models import AnswerRow, Deployment, Person, ProviderPace


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


def test_rows_that_are_new_are_stored_as_they_are_and_named(either_world) -> None:
    quote = {"text": 'naïve \U0001d4aa ‘“\\ "', "start": 0, "end": 9}
    answer = {"registration_id": either_world.registration_id, "model": "m", "usage": {"usd": 0.1, "seconds": None}}
    one, two = ({**answer, "fingerprint": mark, "body": {"ratings": [quote], "at": mark}} for mark in ("one", "two"))
    with either_world.database.write() as session:
        assert insert_new(session, AnswerRow.__table__, [], ["fingerprint"]) == []
        assert [row.fingerprint for row in insert_new(session, AnswerRow.__table__, [one], ["fingerprint"])] == ["one"]
    changed = {**one, "body": {}}
    with either_world.database.write() as session:
        new = insert_new(session, AnswerRow.__table__, [changed, two], ["fingerprint", "model"])
        assert [tuple(row) for row in new] == [("two", "m")]
    with either_world.database.read() as session:
        stored = session.scalars(select(AnswerRow).order_by(AnswerRow.fingerprint)).all()
        assert [(row.body, row.usage) for row in stored] == [(one["body"], one["usage"]), (two["body"], two["usage"])]
        assert abs(stored[0].created_at - utc_now()) < timedelta(minutes=1)


def test_new_rows_with_other_columns_than_the_first_are_refused(database) -> None:
    rows = [{"provider": "a", "due_at": utc_now()}, {"provider": "b"}]
    with pytest.raises(ValueError, match="same columns"), database.write() as session:
        insert_new(session, ProviderPace.__table__, rows, ["provider"])


def test_times_among_new_rows_need_a_zone(either_world) -> None:
    aware = datetime(2026, 12, 14, 23, 59, tzinfo=timezone(timedelta(hours=1)))
    with either_world.database.write() as session:
        insert_new(session, ProviderPace.__table__, [{"provider": "a", "due_at": aware}], ["provider"])
        assert session.get_one(ProviderPace, "a").due_at == aware
    naive = {"provider": "b", "due_at": datetime(2026, 1, 1)}
    with pytest.raises((StatementError, ValueError), match="zone"), either_world.database.write() as session:
        insert_new(session, ProviderPace.__table__, [naive], ["provider"])


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

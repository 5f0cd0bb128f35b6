"""`atelier db` as an operator sees it."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lti_tool import schema
from lti_tool.settings import get_settings
from seeds.database_commands import app


@pytest.fixture
def atelier_db(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """`atelier db` on a database that is not there yet."""
    monkeypatch.setenv("ATELIER_DATABASE_URL", f"sqlite:///{tmp_path / 'tool.db'}")
    get_settings.cache_clear()
    yield lambda *words, answer=None: CliRunner().invoke(app, words, input=answer)
    get_settings.cache_clear()


def test_a_second_upgrade_says_the_same_and_changes_nothing(atelier_db) -> None:
    first, second = atelier_db("upgrade"), atelier_db("upgrade")
    assert first.exit_code == 0
    assert first.output == second.output
    assert first.output.startswith(f"schema {schema.newest_revision()}; lessons: durable-workflows")


def test_the_schema_goes_back_after_a_question_and_up_again(atelier_db) -> None:
    atelier_db("upgrade")

    refused: Result = atelier_db("downgrade", "0019", answer="n\n")
    assert refused.exit_code == 1
    assert "deleted for good" in refused.output
    assert atelier_db("downgrade", "0019", answer="y\n").output.endswith("schema 0019\n")
    assert atelier_db("downgrade", "0018", "--yes").output == "schema 0018\n"

    assert atelier_db("upgrade").output.startswith(f"schema {schema.newest_revision()}")


def test_a_revision_that_is_not_before_the_schemas_own_is_one_sentence(atelier_db) -> None:
    atelier_db("upgrade", "--no-lessons")
    answer = atelier_db("downgrade", "9999", "--yes")
    assert answer.exit_code == 1
    assert re.fullmatch(r"atelier: The schema is at \d{4}, and 9999 is not before it\.\n", answer.stderr)

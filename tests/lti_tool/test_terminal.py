"""What every command says when its database cannot be used: one sentence, and a status that is not zero."""

from pathlib import Path

import pytest

from lti_tool.settings import Settings
from lti_tool.terminal import open_database


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("nonsense", "ATELIER_DATABASE_URL is not a database URL"),
        ("mysql://x/y", "ATELIER_DATABASE_URL names mysql"),
        ("sqlite:///{folder}", "The database does not answer as it should: unable to open database file."),
        ("sqlite:///{folder}/notes.txt", "The database does not answer as it should: file is not a database."),
        ("sqlite:///{folder}/new.db", "The database's schema is not up to date. Run: atelier db upgrade"),
        ("postgresql://nobody@127.0.0.1:1/x", "The database does not answer as it should: connection failed"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, sentence: str
) -> None:
    (tmp_path / "notes.txt").write_text("Not a database, but long enough to look like the head of one. " * 4)
    settings = Settings(database_url=url.format(folder=tmp_path))

    with pytest.raises(SystemExit) as left, open_database(settings):
        pass

    said = capsys.readouterr().err
    assert left.value.code == 1
    assert said.startswith(f"atelier: {sentence}")
    assert said.count("\n") == 1

"""The command line is a table: every name in it opens, and a wrong name says where the right ones stand."""

import pytest
import typer

from lti_tool import cli


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_of_the_table_can_be_loaded(name: str) -> None:
    assert isinstance(cli.load(name), typer.Typer)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["evil"], "no command 'evil'. 'atelier --help' lists them."),
        (["eval", "evil"], "no command 'eval evil'. 'atelier eval --help' lists them."),
    ],
)
def test_an_unknown_command_names_the_list(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["atelier", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err


def test_the_overview_shows_a_group_as_one_line_and_not_its_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["atelier", "--help"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    shown = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "\n  eval " in shown
    assert "eval metrics" not in shown

"""The documentation names only what is there: commands with their options, settings, addresses, files."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lti_tool.cli import COMMANDS, load
from lti_tool.db import Database
from lti_tool.settings import Settings
from lti_tool.web.app import create_app

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SETTINGS = {f"ATELIER_{name.upper()}" for name in Settings.model_fields}
# In a line of a shell, after "atelier": words that name the command, before options and values.
CALL = re.compile(r"(?:^|[\s`/])atelier((?: [a-z][a-z-]+)+)((?:[^\n`\\]|\\\n)*)", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
FILE = re.compile(r"`((?:rubrics|flows|lti_tool|eval|seeds|tests|docs|bench|scripts)/[a-z_\d./-]+\.(?:py|md|yaml))`")
ROUTE = re.compile(r"https://atelier\.example\.edu(/[\w./-]+)")


def calls(page: Path) -> list[tuple[list[str], set[str]]]:
    """Each call of the command in a page's code: its words and its options."""
    text = page.read_text()
    code = "\n".join(re.findall(r"^ {4}.*$|`[^`\n]+`", text, re.MULTILINE))
    return [(match[1].split(), set(OPTION.findall(match[2]))) for match in CALL.finditer(code)]


def command_of(words: list[str]) -> Any:
    """The click command that these words name; fails where there is none."""
    name = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    assert name in COMMANDS, f"no command: atelier {' '.join(words)}"
    command = get_command(load(name))
    rest = words[len(name.split()) :]
    inner: dict[str, Any] = getattr(command, "commands", {})
    if not inner:
        return command
    assert " ".join(rest[:1]) in inner, f"no command: atelier {' '.join(words)}"
    return inner[rest[0]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_commands_and_options_that_exist(page: Path) -> None:
    for words, options in calls(page):
        known = {name for parameter in command_of(words).params for name in parameter.opts} | {"--help"}
        assert options <= known, f"atelier {' '.join(words)} has no {', '.join(sorted(options - known))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_settings_and_files_that_exist(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"ATELIER_[A-Z_]+", text)) - {"ATELIER_"} <= SETTINGS
    assert [name for name in FILE.findall(text) if not (ROOT / name).exists()] == []


def test_addresses_to_paste_are_routes_of_the_tool(tool_routes: set[str]) -> None:
    pasted = {route for page in PAGES for route in ROUTE.findall(page.read_text())}
    assert pasted
    assert pasted <= tool_routes


def test_every_setting_is_in_the_table_with_its_default_and_words() -> None:
    table = (ROOT / "docs" / "deploy.md").read_text()
    for name, field in Settings.model_fields.items():
        row = next((line for line in table.splitlines() if line.startswith(f"| `ATELIER_{name.upper()}` |")), "")
        assert str(field.description) in row, f"ATELIER_{name.upper()} is not in docs/deploy.md as it is in the code"


def test_the_search_for_calls_reads_over_a_continued_line() -> None:
    found = CALL.search('    .venv/bin/atelier lms add --name "x" \\\n      --issuer y')
    assert found is not None
    assert (found[1].split(), set(OPTION.findall(found[2]))) == (["lms", "add"], {"--name", "--issuer"})


@pytest.fixture
def tool_routes(database: Database) -> set[str]:
    settings = Settings(base_url="https://tool.example.edu", secret_key="s" * 40)
    return {str(rule) for rule in create_app(settings, database).url_map.iter_rules()}

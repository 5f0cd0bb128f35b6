"""The documentation names only what is there: commands with their options, settings, addresses, files."""

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from lti_tool.cli import COMMANDS, load
from lti_tool.db import Database
from lti_tool.dynamic_registration import CUSTOM_PARAMETERS, canvas_configuration
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


# ---- what admins paste ---------------------------------------------------------------------------------------

ADMIN = {name: (ROOT / "docs" / f"admin-{name}.md").read_text() for name in ("canvas", "moodle", "other")}
TOOL_ADDRESSES = ("/lti/login", "/lti/launch", "/lti/jwks", "/lti/register")


@pytest.mark.parametrize("name", ADMIN)
def test_every_address_that_a_platform_asks_for_is_there_to_paste(name: str) -> None:
    assert [path for path in TOOL_ADDRESSES if f"https://atelier.example.edu{path}" not in ADMIN[name]] == []


@pytest.mark.parametrize("name", ["canvas", "other"])
def test_the_custom_parameters_are_those_that_a_registration_brings(name: str) -> None:
    """All of them, a line each as they are pasted, none twice; and no other."""
    pasted = re.findall(r"^    (\w+)=(\$\S+)$", ADMIN[name], re.MULTILINE)
    assert sorted(pasted) == sorted(CUSTOM_PARAMETERS.items())


@pytest.mark.parametrize("name", ADMIN)
def test_every_value_of_a_platform_has_its_option(name: str) -> None:
    """What `lms add` demands is named; what it only takes where a platform has it, in the page for any of them."""
    required = {option for option in options_of_add() if name == "other" or option != "--token-audience"}
    assert [option for option in sorted(required) if option not in ADMIN[name]] == []


def options_of_add() -> set[str]:
    command = command_of(["lms", "add"])
    return {name for parameter in command.params for name in parameter.opts} - {"--json", "--help"}


def test_canvas_by_hand_is_what_canvas_reads_by_url() -> None:
    """The table of fields against the configuration that we serve, so that neither is changed alone."""
    page = ADMIN["canvas"]
    served = canvas_configuration(Settings(base_url="https://atelier.example.edu", secret_key="s" * 40))
    (extension,) = served["extensions"]
    fields = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", page, re.MULTILINE))
    assert fields["OpenID Connect Initiation Url"] == f"`{served['oidc_initiation_url']}`"
    assert fields["Target Link URI"] == f"`{served['target_link_uri']}`"
    assert fields["Redirect URIs"] == f"`{served['redirect_uris'][0]}`"
    assert fields["Public JWK URL"] == f"`{served['public_jwk_url']}`"
    assert fields["Privacy Level"].startswith("Name only")
    assert extension["privacy_level"] == "name_only"
    assert fields["Placements"] == "Assignment Selection and Link Selection"
    placements = extension["settings"]["placements"]
    assert [one["placement"] for one in placements] == ["assignment_selection", "link_selection"]
    sizes = {(one["selection_width"], one["selection_height"]) for one in placements}
    assert fields["… selection width and height"] == "{} and {}".format(*sizes.pop())
    assert {one["message_type"] for one in placements} == {fields["… each placement's Select Message Type"]}
    assert len(served["scopes"]) == len(fields["LTI Advantage Services"].split(", "))

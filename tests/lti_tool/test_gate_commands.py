"""`atelier gate` and `atelier gate-key` as an admin meets them."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lti_tool.attempts import submit
from lti_tool.gate_commands import app as gate_app
from lti_tool.gate_key_commands import app as key_app
from lti_tool.gate_release import decide
from lti_tool.gates import placement_of
from lti_tool.models import Submission
from lti_tool.reviews import release_by_policy
from lti_tool.settings import get_settings
from tests.lti_tool.gate_files import JUDGE, LINE, gate_file
from tests.lti_tool.judged import all_at, judge_as


@pytest.fixture
def admin(world, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Runs commands on the test world's database; `gate.json` and `key.pub` lie ready."""
    monkeypatch.setenv("ATELIER_DATABASE_URL", str(world.database.engine.url))
    get_settings.cache_clear()
    (tmp_path / "key.pub").write_text(LINE + "\n")
    with world.database.read() as session:
        (tmp_path / "gate.json").write_text(gate_file(world.placement(session)))
    yield lambda app, *words: CliRunner().invoke(app, [str(word) for word in words])
    get_settings.cache_clear()


def placement(world) -> str:
    with world.database.read() as session:
        return placement_of(world.placement(session))


def said(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_from_a_key_to_a_placement_that_releases(admin, world, tmp_path: Path) -> None:
    key = said(admin(key_app, "add", tmp_path / "key.pub", "--json"))
    assert (key["name"], key["believed"]) == ("R. Searcher", True)
    result = admin(gate_app, "install", tmp_path / "gate.json", "--placement", placement(world))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Gate 1 is installed.",
        'It releases nothing yet: the placement\'s rule is "review". Choose "by gate" in its settings.',
    ]
    [listed, tiny] = said(admin(gate_app, "list", "--json"))
    assert listed["placement"] == placement(world)
    assert {one["item"]: one["open"] for one in listed["questions"]}["essay"] is True
    assert not any(one["open"] for one in tiny["questions"])
    assert "open   Releases about 50% of sheets unseen" in admin(gate_app, "list").stdout


def test_a_removed_key_closes_the_gate(admin, world, tmp_path: Path) -> None:
    key = said(admin(key_app, "add", LINE, "--name", "Someone", "--json"))
    admin(gate_app, "install", tmp_path / "gate.json", "--placement", placement(world))
    assert "(removed)" not in admin(key_app, "list").stdout
    assert admin(key_app, "remove", key["id"]).stdout == "The key of Someone is no longer believed.\n"
    assert "(removed)" in admin(key_app, "list").stdout
    assert "closed No admin has registered the key" in admin(gate_app, "list").stdout


def test_a_gate_is_closed_for_good(admin, world, tmp_path: Path) -> None:
    admin(key_app, "add", LINE)
    install = ("install", tmp_path / "gate.json", "--placement", placement(world))
    admin(gate_app, *install)
    assert admin(gate_app, "close", 1, "--reason", "Exam week.").stdout == "Gate 1 is closed. Exam week.\n"
    again = admin(gate_app, *install)
    assert again.exit_code == 2
    assert "was closed and stays so: Exam week." in again.stderr


def test_a_dry_run_installs_nothing_and_needs_no_key(admin, world, tmp_path: Path) -> None:
    result = admin(gate_app, "install", tmp_path / "gate.json", "--placement", placement(world), "--dry-run")
    assert result.stdout == "Nothing has been judged here yet, so there is nothing to show.\n"
    assert "No gate is installed" in admin(gate_app, "list").stdout


def test_an_audit_is_written_without_names_and_texts(admin, world, tmp_path: Path, sample_texts) -> None:
    admin(key_app, "add", LINE)
    admin(gate_app, "install", tmp_path / "gate.json", "--placement", placement(world))
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"release": "gate"}
        sent = submit(session, link, world.ada_id, "essay", sample_texts["essay"])
        sheet = judge_as(session, sent, all_at(sent, 3), confidence=0.9, identity=JUDGE.model_dump())
        assert decide(session, sent, sheet, draw=lambda: 0.5) is None
        release_by_policy(session, sent)
        public_id = session.get_one(Submission, sent.id).public_id
    text = admin(gate_app, "audit", 1).stdout
    [row] = csv.DictReader(io.StringIO(text))
    assert (row["response_id"], row["probability"], row["drawn"], row["lost"]) == (public_id, "0.2", "0", "")
    assert "Ada" not in text
    assert "ada-01" not in text
    out = tmp_path / "audit.csv"
    assert admin(gate_app, "audit", 1, "--out", out).exit_code == 0
    assert out.read_text() == text


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("install", "{folder}/gate.json", "--placement", "p-none"), "There is no placement p-none"),
        (("install", "{folder}/gate.json", "--placement", "{placement}"), "No admin has registered the key"),
        (("install", "{folder}/none.json", "--placement", "{placement}"), "can't be read"),
        (("install", "{folder}/key.pub", "--placement", "{placement}"), "no gate file"),
        (("close", "7", "--reason", "x"), "There is no gate 7"),
        (("close", "7", "--reason", " "), "Say why."),
        (("audit", "7"), "There is no gate 7"),
    ],
)
def test_what_can_not_be_done_is_one_sentence(admin, world, tmp_path: Path, words, sentence: str) -> None:
    result = admin(gate_app, *(word.format(folder=tmp_path, placement=placement(world)) for word in words))
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_what_is_no_key_is_one_sentence(admin, tmp_path: Path) -> None:
    for words in (("add", "nonsense"), ("add", tmp_path / "gate.json"), ("remove", 4)):
        result = admin(key_app, *words)
        assert result.exit_code == 2
        assert result.stderr.startswith("atelier: ")
        assert result.stderr.count("\n") == 1

import json
from pathlib import Path

from typer.testing import CliRunner

from rubrics.commands import app
from rubrics.model import load_rubric

HERE = Path(__file__).parent
RUN = CliRunner()


def test_a_good_file_is_one_line() -> None:
    result = RUN.invoke(app, ["check", str(HERE / "tiny.yaml")])
    assert result.exit_code == 0
    assert result.stdout == f"tiny v1: a, b ({load_rubric(HERE / 'tiny.yaml').content_hash[:12]})\n"


def test_every_fault_of_a_folder_names_file_and_key() -> None:
    result = RUN.invoke(app, ["check", str(HERE / "bad")])
    assert result.exit_code == 1
    assert "weights.yaml: criteria: weights sum to 90, not 100" in result.stderr
    assert "unknown_key.yaml: colour: unknown key" in result.stderr


def test_json_for_programs() -> None:
    good = RUN.invoke(app, ["check", str(HERE / "tiny.yaml"), "--json"])
    bad = RUN.invoke(app, ["check", str(HERE / "bad" / "unknown_key.yaml"), "--json"])
    assert json.loads(good.stdout)["rubrics"][0]["criteria"] == ["a", "b"]
    assert json.loads(bad.stdout)["faults"] == [{"file": "unknown_key.yaml", "key": "colour", "message": "unknown key"}]
    assert (good.exit_code, bad.exit_code) == (0, 1)


def test_two_files_with_one_id_and_an_empty_folder(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text((HERE / "tiny.yaml").read_text())
    (tmp_path / "empty").mkdir()
    twice = RUN.invoke(app, ["check", str(tmp_path)])
    empty = RUN.invoke(app, ["check", str(tmp_path / "empty")])
    missing = RUN.invoke(app, ["check", str(tmp_path / "none.yaml")])
    assert "two.yaml: id: tiny is also the id of one.yaml" in twice.stderr
    assert "no YAML file" in empty.stderr
    assert "no such file" in missing.stderr
    assert {twice.exit_code, empty.exit_code, missing.exit_code} == {1}

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from rubrics.model import Fault, Rubric, RubricError, list_rubrics, load_rubric

HERE = Path(__file__).parent

# file, and the faults it must tell: key and a piece of the message
BAD = [
    ("empty", [("", "is empty")]),
    ("not_yaml", [("", "is not YAML")]),
    ("a_list", [("", "expected keys")]),
    ("weights", [("criteria", "weights sum to 90, not 100")]),
    ("duplicate_id", [("criteria[1].id", "a is used twice")]),
    ("missing_level", [("criteria[0].levels", "missing: 1")]),
    ("duplicate_level", [("criteria[0].levels.2", "appears twice")]),
    ("descriptor_type", [("criteria[0].levels.1", "valid string")]),
    ("unknown_key", [("colour", "unknown key")]),
    ("wrong_type", [("version", "integer"), ("criteria[1].weight", "number")]),
    ("duplicate_key", [("title", "appears twice"), ("criteria", "sum to 101")]),
    ("nan_weight", [("criteria[0].weight", "finite")]),
    ("alias", [("*t", "aliases are not allowed")]),
    ("unsafe_tag", [("", "is not YAML")]),
    ("word_range", [("words", "send_low <= low")]),
    ("graph_points_on_text", [("graph_points", "only a drawing"), ("criteria", "sum to 160")]),
    ("code_levels", [("criteria[1].levels", "rated by code")]),
    ("several", [("id", "pattern"), ("criteria[0].levels", "missing: 1"), ("criteria", "sum to 90")]),
]


@pytest.mark.parametrize(("name", "expected"), BAD, ids=[name for name, _ in BAD])
def test_every_fault_of_a_file_is_told_at_once(name: str, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(RubricError) as caught:
        load_rubric(HERE / "bad" / f"{name}.yaml")
    faults = caught.value.faults
    for key, message in expected:
        assert any(fault.key == key and message in fault.message for fault in faults), faults
    assert {fault.file for fault in faults} == {f"{name}.yaml"}
    assert str(caught.value).splitlines() == [str(fault) for fault in faults]


def test_a_fault_reads_as_one_line() -> None:
    assert str(Fault("essay.yaml", "criteria[2].weight", "is missing")) == "essay.yaml: criteria[2].weight: is missing"


def test_every_bad_file_is_in_the_table() -> None:
    assert {path.stem for path in (HERE / "bad").glob("*.yaml")} == {name for name, _ in BAD}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x00\x01", "is not YAML"),
        (b"\xff\xfe\xff", "is not UTF-8"),
        (b"[" * 5000, "nested too deeply"),
        (b"a" * 300_000, "is larger than"),
        (b"when: 2024-99-99\n", "does not exist"),
        (b"# only a comment\n", "is empty"),
    ],
)
def test_what_is_no_rubric_at_all(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "some.yaml"
    file.write_bytes(content)
    with pytest.raises(RubricError, match=message):
        load_rubric(file)


def test_a_missing_file_and_an_unknown_id(tmp_path: Path) -> None:
    with pytest.raises(RubricError, match="no such file"):
        load_rubric(tmp_path / "none.yaml")
    with pytest.raises(RubricError, match="bundled are durable-workflows-drawing, durable-workflows-essay"):
        load_rubric("no-such-rubric")


def test_a_second_rubric_needs_no_code() -> None:
    tiny = load_rubric(HERE / "tiny.yaml")
    assert [criterion.top for criterion in tiny.criteria] == [2, 1]
    assert tiny.criterion("a").descriptor(1) == "one"
    assert tiny.criterion("a").next_needs(1) == "two"
    assert tiny.criterion("a").next_needs(2) is None
    with pytest.raises(KeyError):
        tiny.criterion("c")
    with pytest.raises(KeyError):
        tiny.criterion("b").descriptor(2)


@pytest.mark.parametrize("rubric_id", list_rubrics())
def test_a_rubric_survives_the_database(rubric_id: str) -> None:
    rubric = load_rubric(rubric_id)
    again = Rubric.from_json(json.loads(json.dumps(rubric.as_json())))
    assert again == rubric
    assert again.content_hash == rubric.content_hash


def test_the_hash_follows_the_content_and_not_its_order() -> None:
    content = load_rubric(HERE / "tiny.yaml").as_json()
    turned = dict(reversed(content.items()))
    changed = content | {"title": "Tiny, changed"}
    assert Rubric.from_json(turned).content_hash == Rubric.from_json(content).content_hash
    assert Rubric.from_json(changed).content_hash != Rubric.from_json(content).content_hash


def test_a_rubric_is_frozen_and_keeps_its_rules_in_code_too() -> None:
    tiny = load_rubric(HERE / "tiny.yaml")
    with pytest.raises(ValidationError):
        tiny.title = "Other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="sum to"):
        Rubric.model_validate(tiny.as_json() | {"criteria": tiny.as_json()["criteria"][:1]})
    with pytest.raises(RubricError, match="rubric: criteria: weights sum to 60"):
        Rubric.from_json(tiny.as_json() | {"criteria": tiny.as_json()["criteria"][:1]})


def test_the_lessons_rubrics() -> None:
    essay = load_rubric("durable-workflows-essay")
    drawing = load_rubric("durable-workflows-drawing")
    take = load_rubric("durable-workflows-q1")
    weights = {criterion.id: criterion.weight for criterion in essay.criteria}
    assert weights == {
        "claim": 10,
        "failure_story": 20,
        "retry": 15,
        "checkpoint": 20,
        "human_gate": 15,
        "tradeoffs": 10,
        "economy": 10,
    }
    assert essay.criterion("failure_story").descriptor(2) == "A plausible kind of failure, not an incident."
    assert essay.words is not None
    assert essay.words.model_dump() == {"low": 400, "high": 600, "send_low": 250, "send_high": 800, "aim": 500}
    assert [(c.id, c.weight) for c in drawing.criteria] == [("labels", 14), ("crash", 18), ("economy", 8)]
    assert drawing.graph_points == 60
    assert [(c.id, c.weight, c.top) for c in take.criteria] == [("hit", 40, 4), ("edge", 40, 4), ("form", 20, 2)]
    assert [criterion.id for criterion in take.judged] == ["hit", "edge"]
    assert take.max_characters == 320


def test_the_parser_written_in_python_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = load_rubric("durable-workflows-q1")
    monkeypatch.setattr("rubrics.yaml_file._PARSER", yaml.SafeLoader)
    assert load_rubric("durable-workflows-q1") == fast

"""The bundled lesson says what it should, any other lesson works the same, and a fault is named where it is."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import func, select

from lti_tool.db import Database
from lti_tool.lesson import Lesson, ReferenceStep, VocabularyStep
from lti_tool.models import Base, LessonPublication, LessonVersion, RubricVersion
from seeds.load import MAX_TEXT_BYTES, LessonError, bundled, load_bundled, load_into, read_lesson, read_rubrics

HERE = Path(__file__).parent
TINY = HERE / "tiny"


@pytest.fixture(scope="module")
def seed() -> Lesson:
    [folder] = (folder for folder in bundled() if folder.name == "durable-workflows")
    return read_lesson(folder)


@pytest.fixture(scope="module")
def reference(seed: Lesson) -> ReferenceStep:
    assert seed.reference is not None
    return seed.reference


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/lessons.db")
    Base.metadata.create_all(opened.engine)
    yield opened
    opened.close()


# The seed lesson


def test_the_seed_has_5_steps_4_questions_and_8_terms(seed: Lesson) -> None:
    assert [step.title for step in seed.steps] == ["Brief", "Reference", "Vocabulary", "Warm-up", "The drill"]
    assert [step.number for step in seed.steps] == ["01", "02", "03", "04", "05"]
    assert [item.id for item in seed.items] == ["q1", "q2", "essay", "drawing"]
    assert [term.number for term in seed.terms] == ["01", "02", "03", "04", "05", "06", "07", "08"]


def test_the_seed_weighs_the_warm_up_20_the_essay_50_the_drawing_30(seed: Lesson) -> None:
    assert seed.weights == {"q1": 10, "q2": 10, "essay": 50, "drawing": 30}


def test_the_seed_names_its_rubrics(seed: Lesson) -> None:
    names = ("q1", "q2", "essay", "drawing")
    assert seed.rubric_ids == tuple(f"durable-workflows-{name}" for name in names)


def test_the_seed_keeps_its_own_lines(seed: Lesson) -> None:
    brief = seed.step("brief").model_dump()
    assert f"{seed.title} {seed.subtitle}." == "Durable Workflows for Agents (pause / resume / retry)."
    assert seed.end_state == "End-state: you speak this like it's native."
    assert brief["markdown"].startswith("Agents that run for minutes or hours need the same guarantees")
    assert brief["trade_offs"][1].endswith("how you write tool calls — not all APIs cooperate.")
    assert brief["framing"] == ("Treat every long-running agent as a distributed system — because under load, it is.")
    assert seed.item("essay").prompt.startswith("Explain in 400–600 words why a reliable multi-step")
    assert seed.item("q2").prompt == "How do you make a tool call idempotent when the underlying API isn't?"
    assert seed.terms[0].definition == "A unit of work safe to re-run; identified by a deterministic key."


def test_the_arithmetic_of_the_brief_is_right(seed: Lesson) -> None:
    brief = seed.steps[0]
    assert brief.kind == "brief"
    assert brief.plot is not None
    finished = [f"{series.finished:.0%}" for series in brief.plot.series]
    assert finished == ["82%", "36%"]
    assert brief.arithmetic == (
        "20 steps at 99 % each finish 82 % of the time. At 95 % each, 36 %. Reliability multiplies; it does not add."
    )
    assert [len(series.points) for series in brief.plot.series] == [21, 21]


def test_the_reference_has_13_parts_16_edges_and_needs_8(reference: ReferenceStep) -> None:
    diagram = reference.diagram
    assert (len(diagram.parts), len(diagram.edges), diagram.required_count) == (13, 16, 8)
    assert {part.kind for part in diagram.parts if part.one_of} == {"model", "tools"}
    assert [part.kind for part in reference.distractors] == ["memory", "cache", "balancer", "vector"]
    assert diagram.edge(11).label == "wait: backoff + jitter"


@pytest.mark.parametrize(
    ("button", "edges"),
    [
        ("clean run", (1, 2, 4, 5, 6, 8, 9, 2)),
        ("rate limit", (9, 10, 11, 12, 5, 6, 8, 9)),
        ("worker dies", (3, 4, 5, 6, 9)),
        ("ask a human", (13, 14, 15, 2, 4)),
    ],
)
def test_a_failure_lights_its_edges(reference: ReferenceStep, button: str, edges: tuple[int, ...]) -> None:
    assert reference.diagram.trace(button.replace(" ", "-")).edges == edges


@pytest.mark.parametrize(("item_id", "totals"), [("q1", [10, 10, 7, 4, 2, 2]), ("q2", [10, 9, 7, 5, 4, 2])])
def test_hot_take_samples_carry_their_scores(seed: Lesson, item_id: str, totals: list[int]) -> None:
    samples = seed.item(item_id).samples
    assert [sum((sample.expected or {}).values()) for sample in samples] == totals
    assert all(len(sample.text) <= 320 for sample in samples)
    assert seed.item(item_id).model_answer == samples[0].text


@pytest.mark.parametrize(
    ("sample_id", "words", "levels"),
    [("a", 512, [4, 4, 4, 4, 4, 4, 4]), ("b", 449, [2, 3, 2, 3, 3, 3, 3]), ("c", 262, [1, 1, 0, 1, 1, 0, 2])],
)
def test_essay_samples_carry_their_levels(seed: Lesson, sample_id: str, words: int, levels: list[int]) -> None:
    sample = seed.item("essay").sample(sample_id)
    assert len(sample.text.split()) == words
    assert list((sample.expected or {}).values()) == levels


def test_drawing_samples_use_the_palette_and_end_where_they_say(seed: Lesson, reference: ReferenceStep) -> None:
    kinds = {part.kind for part in reference.palette}
    for sample in seed.item("drawing").samples:
        drawing = json.loads(sample.text)
        nodes = {node["id"] for node in drawing["nodes"]}
        edges = {edge["id"] for edge in drawing["edges"]}
        crash = drawing["crash"] or {"at": None, "recovery": []}
        assert {node["kind"] for node in drawing["nodes"]} <= kinds
        assert all({edge["from"], edge["to"]} <= nodes for edge in drawing["edges"])
        assert crash["at"] in nodes | {None}
        assert set(crash["recovery"]) <= edges


def test_the_reference_drawing_is_the_reference_diagram(seed: Lesson, reference: ReferenceStep) -> None:
    drawing = json.loads(seed.item("drawing").model_answer)
    kinds = {node["id"]: node["kind"] for node in drawing["nodes"]}
    drawn = [(kinds[edge["from"]], kinds[edge["to"]], edge["label"]) for edge in drawing["edges"]]
    assert drawn == [(edge.start, edge.end, edge.label) for edge in reference.diagram.edges]


def test_what_a_student_could_copy_is_known_to_the_essays_rubric(seed: Lesson, reference: ReferenceStep) -> None:
    [folder] = (folder for folder in bundled() if folder.name == seed.slug)
    brief = seed.step("brief").model_dump()
    lines = [brief["markdown"], brief["arithmetic"], brief["framing"], *brief["trade_offs"]]
    lines += [seed.item("essay").prompt, reference.diagram.long_description]
    assert set(lines) <= set(read_rubrics(folder, seed)["durable-workflows-essay"].sources)


# Any lesson


def test_a_lesson_of_three_steps_with_its_own_rubric() -> None:
    tiny = read_lesson(TINY)
    assert [step.kind for step in tiny.steps] == ["brief", "vocabulary", "drill"]
    assert tiny.weights == {"answer": 100}
    assert tiny.reference is None
    assert tiny.step_of("answer").id == "write"
    rubric = read_rubrics(TINY, tiny)["tiny-essay"]
    assert [criterion.weight for criterion in rubric.criteria] == [70, 30]


def test_the_lessons_own_rubric_is_read_before_a_bundled_one(seed: Lesson, tmp_path: Path) -> None:
    own = (TINY / "rubrics" / "tiny-essay.yaml").read_text("utf-8")
    (tmp_path / "rubrics").mkdir()
    for rubric_id in seed.rubric_ids:
        own_id = own.replace("id: tiny-essay", f"id: {rubric_id}")
        (tmp_path / "rubrics" / f"{rubric_id}.yaml").write_text(own_id, "utf-8")
    titles = {rubric.title for rubric in read_rubrics(tmp_path, seed).values()}
    assert titles == {"The answer"}


@pytest.mark.parametrize("folder", [*bundled(), TINY], ids=lambda folder: folder.name)
def test_json_gives_the_same_lesson_back(folder: Path) -> None:
    lesson = read_lesson(folder)
    stored = json.dumps(lesson.as_json())
    assert Lesson.from_json(stored) == lesson
    assert Lesson.from_json(json.loads(stored)).content_hash == lesson.content_hash


def test_the_hash_follows_the_content_not_the_order_of_keys() -> None:
    tiny = read_lesson(TINY).as_json()
    turned = _turned(tiny)
    changed = {**tiny, "title": "HTTP caching"}
    assert Lesson.from_json(turned).content_hash == Lesson.from_json(tiny).content_hash
    assert Lesson.from_json(changed).content_hash != Lesson.from_json(tiny).content_hash


def test_a_stored_lesson_that_contradicts_itself_is_refused() -> None:
    tiny = read_lesson(TINY).as_json()
    tiny["items"][0]["weight"] = 80
    with pytest.raises(ValidationError, match="the weights sum to 80, not 100"):
        Lesson.from_json(tiny)


def test_a_student_sees_everything_but_the_answers(seed: Lesson) -> None:
    shown = json.dumps(seed.student_view().as_json())
    for item in seed.items:
        assert json.dumps(item.model_answer) not in shown
        assert json.dumps(item.notes) not in shown
        assert all(json.dumps(sample.text) not in shown for sample in item.samples)
        assert json.dumps(item.prompt) in shown
    assert seed.student_view().steps == seed.steps
    assert seed.item("q1").samples


# What is stored


def test_loading_twice_changes_nothing_and_new_words_are_a_new_version(database: Database, tmp_path: Path) -> None:
    copy = _copy(TINY, tmp_path / "copy")
    with database.write() as session:
        first = load_into(session, copy).id
        again = load_into(session, copy).id
        (copy / "start.md").write_text("A cache needs a rule.", "utf-8")
        changed = load_into(session, copy).id
        published = session.scalar(select(func.count()).select_from(LessonPublication))
        rubrics = session.scalar(select(func.count()).select_from(RubricVersion))
    assert first == again != changed
    assert (published, rubrics) == (2, 1)


def test_the_bundled_lessons_load(database: Database) -> None:
    with database.write() as session:
        load_bundled(session)
        slugs = set(session.scalars(select(LessonVersion.slug)))
    assert slugs == {folder.name for folder in bundled()}


# What is refused

LESSON = "lesson.yaml"
BAD = {
    "broken-rubric": [("rubrics/lopsided.yaml", "criteria", "weights sum to 90, not 100")],
    "cell-clash": [
        (LESSON, "steps[0].diagram.parts[1]", "the cell 0,0 is already taken by 'a'"),
        (LESSON, "steps[0].distractors[0]", "the cell 0,0 is already taken by 'a'"),
    ],
    "drawing-without-parts": [
        (LESSON, "items[0]", "a drawing takes its parts from a reference step, and there is none")
    ],
    "duplicate-ids": [
        (LESSON, "steps[1].id", "'start' is used twice"),
        (LESSON, "items[1].id", "'answer' is used twice"),
    ],
    "duplicate-key": [(LESSON, "title", "appears twice (lines 2 and 6)")],
    "duplicate-terms": [(LESSON, "steps[0].terms[1].id", "'cache' is used twice")],
    "escape": [
        (LESSON, "steps[0].markdown", "../../tiny/start.md leads out of the lesson's folder"),
        (LESSON, "items[0].prompt", "/etc/hostname leads out of the lesson's folder"),
    ],
    "missing-file": [(LESSON, "steps[0].markdown", "there is no file nowhere.md")],
    "not-a-map": [(LESSON, "", "expected keys such as slug, title and steps")],
    "not-yaml": [(LESSON, "", "is not YAML: … (line 2)")],
    "renamed-rubric": [("rubrics/new-name.yaml", "id", "is 'old-name', unlike the file's name")],
    "sample-levels": [
        (LESSON, "items[0].samples[0].expected.claim", "9 is not one of the levels 0 to 4"),
        (LESSON, "items[0].samples[0].expected.charm", "durable-workflows-essay has no such criterion"),
    ],
    "several": [
        (LESSON, "steps[0].markdown", "there is no file nowhere.md"),
        (LESSON, "items[0].rubric", "no-such-rubric: no such rubric; bundled are …"),
        (LESSON, "level", "input should be 'introductory', 'intermediate' or 'advanced'"),
        (LESSON, "steps[1].number", "is not text; put it in quotes if it looks like a number"),
        (
            LESSON,
            "items[0].weight",
            "input should be a valid number, unable to parse string as a number",
        ),
    ],
    "unknown-edge": [(LESSON, "steps[0].diagram.traces[0].edges[1]", "no edge has the number 7")],
    "unknown-item": [(LESSON, "steps[1].items[1]", "no item has the id 'question'")],
    "unknown-key": [(LESSON, "steps[0].colour", "unknown key"), (LESSON, "mood", "unknown key")],
    "unknown-kind": [(LESSON, "steps[0]", "unknown kind; known are brief, reference, vocabulary, hot_takes, drill")],
    "unknown-part": [(LESSON, "steps[0].diagram.edges[0].end", "no part is of kind 'c'")],
    "unknown-rubric": [(LESSON, "items[0].rubric", "no-such-rubric: no such rubric; bundled are …")],
    "unshown-item": [(LESSON, "items[0]", "no step shows 'answer'")],
    "weights": [(LESSON, "items", "the weights sum to 90, not 100")],
    "wrong-rubric-kind": [
        (LESSON, "items[0].rubric", "durable-workflows-drawing rates a drawing, and the item is of kind essay")
    ],
    "wrong-step": [(LESSON, "steps[1].items[0]", "'answer' is of kind essay, which a hot_takes step cannot show")],
}


@pytest.mark.parametrize("case", BAD)
def test_a_fault_names_its_file_and_key(case: str) -> None:
    with pytest.raises(LessonError) as refused:
        read_lesson(HERE / "bad" / case)
    found = [(fault.file, fault.key, _short(fault.message)) for fault in refused.value.faults]
    assert found == BAD[case]


def test_every_bad_lesson_has_its_row() -> None:
    assert {folder.name for folder in (HERE / "bad").iterdir()} == set(BAD)


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match="nowhere: is not a folder that can be read"):
        read_lesson(tmp_path / "nowhere")


def test_a_folder_without_a_lesson_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(LessonError, match=r"lesson\.yaml: cannot be read"):
        read_lesson(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x" * (MAX_TEXT_BYTES + 1), "start.md is larger than 64 KiB"),
        (b"\xff\xfe\x00", "start.md is not UTF-8 text"),
        (b" \n", "is empty"),
    ],
)
def test_a_text_that_cannot_be_used_is_a_fault(tmp_path: Path, content: bytes, message: str) -> None:
    copy = _copy(TINY, tmp_path / "copy")
    (copy / "start.md").write_bytes(content)
    with pytest.raises(LessonError) as refused:
        read_lesson(copy)
    assert [(fault.key, fault.message) for fault in refused.value.faults] == [("steps[0].markdown", message)]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    copy = _copy(TINY, tmp_path / "copy")
    (tmp_path / "secret.md").write_text("not for students", "utf-8")
    (copy / "start.md").unlink()
    (copy / "start.md").symlink_to(tmp_path / "secret.md")
    with pytest.raises(LessonError, match=r"start\.md leads out of the lesson's folder"):
        read_lesson(copy)


def test_a_rubric_id_is_never_a_path(tmp_path: Path) -> None:
    copy = _copy(TINY, tmp_path / "copy")
    text = (copy / LESSON).read_text("utf-8").replace("rubric: tiny-essay", "rubric: ../rubrics/tiny-essay")
    (copy / LESSON).write_text(text, "utf-8")
    with pytest.raises(LessonError) as refused:
        read_lesson(copy)
    assert [fault.key for fault in refused.value.faults] == ["items[0].rubric"]


def test_a_lesson_may_have_two_vocabulary_steps() -> None:
    tiny = read_lesson(TINY).as_json()
    more = {**tiny["steps"][1], "id": "more-words", "number": "04"}
    more["terms"] = [{**term, "id": f"more-{term['id']}"} for term in more["terms"]]
    lesson = Lesson.from_json({**tiny, "steps": [*tiny["steps"], more]})
    assert sum(isinstance(step, VocabularyStep) for step in lesson.steps) == 2
    assert [term.id for term in lesson.terms] == ["freshness", "validation", "more-freshness", "more-validation"]


def _copy(folder: Path, target: Path) -> Path:
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        place = target / file.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    return target


def _turned(content: Any) -> Any:
    """The same content with the keys of every mapping the other way round."""
    if isinstance(content, list):
        return [_turned(child) for child in content]
    if isinstance(content, dict):
        return {key: _turned(child) for key, child in reversed(content.items())}
    return content


def _short(message: str) -> str:
    """The message without the list of bundled rubrics, which grows, and without a YAML parser's own words."""
    if message.startswith("is not YAML: "):
        return "is not YAML: … " + message[message.index("(line") :]
    start, bundled_are, _ = message.partition("bundled are ")
    return f"{start}{bundled_are}…" if bundled_are else message

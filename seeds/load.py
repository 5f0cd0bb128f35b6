"""Reading a lesson from a folder of YAML and Markdown, with every fault named, and storing it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from lti_tool.lesson import Lesson
from lti_tool.lesson_faults import mismatch_faults, shape_faults
from lti_tool.lessons import store_lesson
from lti_tool.models import LessonVersion
from rubrics.model import Fault, Rubric, RubricError, load_rubric
from rubrics.yaml_file import YamlFault, read_yaml

LESSON_FILE = "lesson.yaml"
RUBRICS_FOLDER = "rubrics"
MAX_TEXT_BYTES = 64 * 1024
_BUNDLED = Path(__file__).parent / "lessons"
_RUBRIC_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")  # also keeps an id from naming a path


class LessonError(ValueError):
    """A lesson that cannot be used, with every fault found in its folder."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


def bundled() -> tuple[Path, ...]:
    """The folders of the lessons that come with the project, sorted."""
    return tuple(sorted(file.parent for file in _BUNDLED.glob(f"*/{LESSON_FILE}")))


def read_lesson(folder: Path) -> Lesson:
    """The lesson in a folder; LessonError names every fault of it and of the rubrics it links."""
    content, faults = _content(folder)
    rubrics, rubric_faults = _linked_rubrics(folder, content)
    faults += rubric_faults
    try:
        lesson = Lesson.model_validate(content)
    except ValidationError as error:
        told = {fault.key for fault in faults if fault.file == LESSON_FILE}
        more = (Fault(LESSON_FILE, *fault) for fault in shape_faults(error, content, told))
        raise LessonError((*faults, *more)) from None
    faults += [Fault(LESSON_FILE, *fault) for fault in mismatch_faults(lesson, rubrics)]
    if faults:
        raise LessonError(tuple(faults))
    return lesson


def read_rubrics(folder: Path, lesson: Lesson) -> dict[str, Rubric]:
    """The rubrics a lesson names: its own folder's first, then the bundled ones. LessonError if one has faults."""
    rubrics, faults = _linked_rubrics(folder, lesson.as_json())
    if faults:
        raise LessonError(tuple(faults))
    return rubrics


def load_into(session: Session, folder: Path) -> LessonVersion:
    """Read a lesson and publish it; the same content a second time changes nothing."""
    lesson = read_lesson(folder)
    return store_lesson(session, lesson, read_rubrics(folder, lesson))


def load_bundled(session: Session) -> tuple[LessonVersion, ...]:
    """Publish every lesson that comes with the project."""
    return tuple(load_into(session, folder) for folder in bundled())


def _content(folder: Path) -> tuple[dict[str, Any], list[Fault]]:
    """What lesson.yaml says, with the text of each `{file: name}` put in its place."""
    if not folder.is_dir():
        raise LessonError((Fault(folder.name, "", "is not a folder that can be read"),))
    try:
        content = read_yaml(folder / LESSON_FILE)
    except YamlFault as fault:
        raise LessonError(tuple(Fault(LESSON_FILE, key, message) for key, message in fault.faults)) from None
    if not isinstance(content, Mapping):
        raise LessonError((Fault(LESSON_FILE, "", "expected keys such as slug, title and steps"),))
    faults: list[Fault] = []
    return _with_texts(content, folder, "", faults), faults


def _with_texts(value: Any, folder: Path, key: str, faults: list[Fault]) -> Any:
    if isinstance(value, list):
        return [_with_texts(child, folder, f"{key}[{at}]", faults) for at, child in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    if set(value) != {"file"}:
        inside = {name: (child, f"{key}.{name}".removeprefix(".")) for name, child in value.items()}
        return {name: _with_texts(child, folder, path, faults) for name, (child, path) in inside.items()}
    try:
        return _read_text(folder, value["file"])
    except _UnreadableText as error:
        faults.append(Fault(LESSON_FILE, key, str(error)))
        return None  # its own fault is told; what pydantic says about the gap is dropped


class _UnreadableText(Exception):
    """A file reference that cannot be followed."""


def _read_text(folder: Path, name: object) -> str:
    """The text of a file inside the folder, at most MAX_TEXT_BYTES of UTF-8."""
    if not isinstance(name, str) or not name or "\0" in name:
        raise _UnreadableText("file takes the name of a file in the lesson's folder")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise _UnreadableText(f"{name} leads out of the lesson's folder")
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_TEXT_BYTES + 1)
    except OSError:
        raise _UnreadableText(f"there is no file {name}") from None
    if len(content) > MAX_TEXT_BYTES:
        raise _UnreadableText(f"{name} is larger than {MAX_TEXT_BYTES // 1024} KiB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _UnreadableText(f"{name} is not UTF-8 text") from None


def _linked_rubrics(folder: Path, content: Mapping[str, Any]) -> tuple[dict[str, Rubric], list[Fault]]:
    """Rubrics by id, and what is wrong with the links, for content that may be wrong in other ways too."""
    rubrics: dict[str, Rubric] = {}
    faults: list[Fault] = []
    tried: set[str] = set()
    for key, rubric_id in _rubric_links(content):
        if rubric_id in tried:
            continue
        tried.add(rubric_id)
        own = folder / RUBRICS_FOLDER / f"{rubric_id}.yaml"
        try:
            rubrics[rubric_id] = rubric = load_rubric(own if own.exists() else rubric_id)
        except RubricError as error:
            faults += _told_of_rubric(error, own, key)
            continue
        if rubric.id != rubric_id:
            faults.append(Fault(f"{RUBRICS_FOLDER}/{own.name}", "id", f"is {rubric.id!r}, unlike the file's name"))
    return rubrics, faults


def _rubric_links(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    items = content.get("items")
    for at, item in enumerate(items if isinstance(items, list) else ()):
        rubric_id = item.get("rubric") if isinstance(item, Mapping) else None
        if isinstance(rubric_id, str) and _RUBRIC_ID.fullmatch(rubric_id):
            yield f"items[{at}].rubric", rubric_id


def _told_of_rubric(error: RubricError, own: Path, key: str) -> list[Fault]:
    if own.exists():
        return [fault._replace(file=f"{RUBRICS_FOLDER}/{fault.file}") for fault in error.faults]
    return [Fault(LESSON_FILE, key, "; ".join(str(fault) for fault in error.faults))]

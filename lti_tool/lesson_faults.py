"""What is wrong with a lesson, as pairs of key and sentence, in words for its author."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lti_tool.lesson import InconsistentLesson, Item, Lesson
from rubrics.model import Rubric

Faults = Iterator[tuple[str, str]]


def lesson_faults(content: Mapping[str, Any], rubrics: Mapping[str, Rubric]) -> list[tuple[str, str]]:
    """Every fault of a lesson's content, and of how its items and rubrics fit; empty for a good one."""
    try:
        lesson = Lesson.from_json(content)
    except ValidationError as error:
        return list(shape_faults(error, content))
    return list(mismatch_faults(lesson, rubrics))


def mismatch_faults(lesson: Lesson, rubrics: Mapping[str, Rubric]) -> Faults:
    """Where the items of a lesson and their rubrics do not fit, among the rubrics that are known."""
    for at, item in enumerate(lesson.items):
        if item.rubric in rubrics:
            yield from _mismatches(f"items[{at}]", item, rubrics[item.rubric])


def _mismatches(key: str, item: Item, rubric: Rubric) -> Faults:
    """Where an item and its rubric do not speak of the same thing."""
    wanted = "drawing" if item.kind == "drawing" else "text"
    if rubric.kind != wanted:
        yield f"{key}.rubric", f"{rubric.id} rates a {rubric.kind}, and the item is of kind {item.kind}"
    tops = {criterion.id: criterion.top for criterion in rubric.criteria}
    for at, sample in enumerate(item.samples):
        for criterion_id, level in (sample.expected or {}).items():
            path = f"{key}.samples[{at}].expected.{criterion_id}"
            if criterion_id not in tops:
                yield path, f"{rubric.id} has no such criterion"
            elif not 0 <= level <= tops[criterion_id]:
                yield path, f"{level} is not one of the levels 0 to {tops[criterion_id]}"


def shape_faults(error: ValidationError, content: Any, told: Collection[str] = ()) -> Faults:
    """What pydantic found wrong in a lesson's content, in an author's words; without the keys `told` already."""
    details = error.errors(include_url=False, include_input=False)
    keys = [_key(detail["loc"], content) for detail in details]
    for key, detail in zip(keys, details, strict=True):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, InconsistentLesson):
            yield from cause.faults
        elif detail["type"] == "too_short" and any(other.startswith(f"{key}[") for other in keys):
            continue  # pydantic counts only the entries without faults, and those are told one by one
        elif key not in told:
            yield key, _plain(detail)


def _plain(detail: ErrorDetails) -> str:
    """A sentence for the author of a file, where pydantic's would speak of Python."""
    known = {
        "missing": "is missing",
        "extra_forbidden": "unknown key",
        "invalid_key": "a key is always text",
        "model_type": "expected keys and values",
        "model_attributes_type": "expected keys and values",
        "string_too_short": "is empty",
        "string_type": "is not text; put it in quotes if it looks like a number",
        "too_short": "needs at least one entry",
        "tuple_type": "should be a list",
        "union_tag_not_found": "kind is missing",
    }
    if detail["type"] == "union_tag_invalid":
        return f"unknown kind; known are {detail['ctx']['expected_tags']}".replace("'", "")
    message = detail["msg"]
    return known.get(detail["type"], message[:1].lower() + message[1:])


def _key(loc: tuple[int | str, ...], content: Any) -> str:
    """The path of a fault as its author wrote it: steps[1].diagram.edges[3].start."""
    path = ""
    inside = content
    for part in loc:
        if isinstance(part, str) and isinstance(inside, Mapping) and part == inside.get("kind"):
            continue  # pydantic names the kind of a step on the way; the file has no such key
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
        try:
            inside = inside[part]
        except (KeyError, IndexError, TypeError):
            inside = None
    return path.removeprefix(".")

"""A step or a question of a lesson as a form: every text in it is a field, named by its path in the content.

What gives the content its shape (ids, kinds, numbers of steps, which rubric) is not a field here; it is changed in
the lesson's file. Lists of texts and of terms can grow and shrink.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lti_tool.web.whole import whole

FIXED = {"id", "kind", "slug", "rubric", "items", "language", "number", "col", "row", "start", "end", "edges", "one_of"}
SKIPPED = {"expected", "required", "outside", "core", "plot"}
OPTIONAL = {
    "brief": ("arithmetic", "framing_title", "framing"),
    "vocabulary": ("done",),
    "item": ("placeholder", "model_answer", "notes"),
    "term": ("in_the_wild", "not"),
}
GROWING = ("trade_offs", "terms")
MOST = 60
LONG = 90
TEXT = 20_000
_PART = re.compile(r"([a-z_]+)|\[(\d+)\]")


@dataclass(frozen=True)
class Field:
    """One text or number; `path` is its name in the form, `label` says it in words."""

    path: str
    label: str
    value: str
    is_long: bool
    is_number: bool
    problem: str


@dataclass(frozen=True)
class LessonForm:
    """The fields of one step or question, and the lists in it that can grow."""

    fields: tuple[Field, ...]
    growing: tuple[str, ...]
    problems: tuple[str, ...]


def lesson_form(part: Mapping[str, Any], is_item: bool, faults: Mapping[str, str]) -> LessonForm:
    """The form of one part of a lesson; `faults` by path within the part."""
    filled = _with_optional(part, is_item)
    fields = tuple(_fields(filled, "", faults))
    known = {field.path for field in fields}
    return LessonForm(
        fields=fields,
        growing=tuple(name for name in GROWING if isinstance(part.get(name), list)),
        problems=tuple(f"{key}: {message}" if key else message for key, message in faults.items() if key not in known),
    )


def _with_optional(part: Mapping[str, Any], is_item: bool) -> dict[str, Any]:
    """The part with its empty optional texts, so that they can be filled in."""
    filled = deepcopy(dict(part))
    for name in OPTIONAL["item"] if is_item else OPTIONAL.get(str(part.get("kind")), ()):
        filled.setdefault(name, "")
    for term in filled.get("terms", ()) if isinstance(filled.get("terms"), list) else ():
        if isinstance(term, dict):
            for name in OPTIONAL["term"]:
                term.setdefault(name, "")
    return filled


def _fields(value: Any, path: str, faults: Mapping[str, str]) -> Iterator[Field]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            if name not in FIXED and name not in SKIPPED:
                yield from _fields(child, f"{path}.{name}".removeprefix("."), faults)
    elif isinstance(value, list):
        for at, child in enumerate(value):
            yield from _fields(child, f"{path}[{at}]", faults)
    elif isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        number = not isinstance(value, str)
        shown = f"{value:g}" if number else str(value)
        long = not number and (len(shown) > LONG or path.endswith(("markdown", "prompt", "text", "answer", "notes")))
        yield Field(path, _label(path), shown, long, number, faults.get(path, ""))


def _label(path: str) -> str:
    """`terms[2].in_the_wild` as `terms 3, in the wild`."""
    words = []
    for name, at in _PART.findall(path):
        if name:
            words.append(name.replace("_", " "))
        elif words:
            words[-1] += f" {int(at) + 1}"
    return ", ".join(words)


def typed_part(part: Mapping[str, Any], is_item: bool, typed: Mapping[str, str]) -> dict[str, Any]:
    """The part with what was typed in it, and the one change to a list that a button asked for."""
    written = _with_optional(part, is_item)
    for field in lesson_form(part, is_item, {}).fields:
        if field.path in typed:
            _put(written, field.path, _typed(field, typed[field.path]))
    _drop_empty(written, is_item)
    _reshape(written, typed.get("do", ""))
    return written


def _typed(field: Field, text: str) -> Any:
    text = text.replace("\r\n", "\n").strip()[:TEXT]
    if not field.is_number:
        return text if field.is_long else " ".join(text.split())
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    return int(value) if value == int(value) else value


def _put(content: Any, path: str, value: Any) -> None:
    steps: list[str | int] = [name or int(at) for name, at in _PART.findall(path)]
    for step in steps[:-1]:
        content = content[step]
    content[steps[-1]] = value


def _drop_empty(written: dict[str, Any], is_item: bool) -> None:
    optional = OPTIONAL["item"] if is_item else OPTIONAL.get(str(written.get("kind")), ())
    for name in optional:
        if not written.get(name):
            written.pop(name, None)
    for term in written.get("terms", ()) if isinstance(written.get("terms"), list) else ():
        for name in OPTIONAL["term"]:
            if isinstance(term, dict) and not term.get(name):
                term.pop(name, None)


def _reshape(written: dict[str, Any], asked: str) -> None:
    what, _, where = asked.partition(":")
    name, _, place = where.partition("[")
    rows = written.get(name)
    if name not in GROWING or not isinstance(rows, list):
        return
    if what == "add" and len(rows) < MOST:
        rows.append(_new_term(rows) if name == "terms" else "")
    at = whole(place.rstrip("]"))
    if what == "remove" and at is not None and at < len(rows) and len(rows) > (name == "terms"):
        del rows[at]


def _new_term(rows: list[Any]) -> dict[str, str]:
    taken = {str(row.get("id")) for row in rows if isinstance(row, Mapping)}
    number = next(one for one in range(1, MOST + 2) if f"term-{one}" not in taken)
    return {"id": f"term-{number}", "number": f"{len(rows) + 1:02d}", "term": "", "definition": ""}

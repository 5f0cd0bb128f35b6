"""The grid of a rubric as a form: criteria down, levels across; what was typed becomes the draft's content."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lti_tool.web.whole import whole

MOST_CRITERIA = 20
MOST_LEVELS = 10
NEW_LEVELS = 5
TEXT = 4000
_WORD = re.compile(r"[a-z0-9]+")
_AT = re.compile(r"criteria\[(\d+)\]")
WORD_LIMITS = ("send_low", "low", "aim", "high", "send_high")


@dataclass(frozen=True)
class LevelCell:
    """One level of one criterion as the grid shows it."""

    level: int
    words: str


@dataclass(frozen=True)
class CriterionRow:
    """One row of the grid; `problems` are sentences that stand beside it."""

    at: int
    id: str
    title: str
    weight: str
    question: str
    rated_by: str
    levels: tuple[LevelCell, ...]
    languages: str
    problems: tuple[str, ...]


@dataclass(frozen=True)
class RubricForm:
    """The whole grid; `problems` are what belongs to no row."""

    title: str
    rows: tuple[CriterionRow, ...]
    words: Mapping[str, str]
    graph_points: str
    is_drawing: bool
    total: str
    problems: tuple[str, ...]


def rubric_form(content: Mapping[str, Any], faults: list[tuple[str, str]]) -> RubricForm:
    """A draft's content as the grid; anything in it that is no grid is passed over and told among the faults."""
    by_row: dict[int, list[str]] = {}
    others = []
    for key, message in faults:
        found = _AT.match(key)
        if found:
            by_row.setdefault(int(found[1]), []).append(_said(key[found.end() :].lstrip("."), message))
        else:
            others.append(_said(key, message))
    rows = [_row(at, row, by_row.get(at, [])) for at, row in enumerate(_rows(content))]
    words = content.get("words")
    return RubricForm(
        title=str(content.get("title", "")),
        rows=tuple(rows),
        words={name: str(words.get(name, "")) for name in WORD_LIMITS} if isinstance(words, Mapping) else {},
        graph_points=_shown(content.get("graph_points", 0)),
        is_drawing=content.get("kind") == "drawing",
        total=_total(content),
        problems=tuple(others),
    )


def _said(key: str, message: str) -> str:
    return f"{key.replace('_', ' ')}: {message}" if key else message


def _rows(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = content.get("criteria")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _row(at: int, row: Mapping[str, Any], problems: list[str]) -> CriterionRow:
    levels = row.get("levels")
    cells = [
        LevelCell(int(level["level"]), str(level.get("descriptor", "")))
        for level in (levels if isinstance(levels, list) else [])
        if isinstance(level, Mapping) and type(level.get("level")) is int
    ]
    blocks = row.get("look_fors")
    languages = [str(block.get("lang", "?")) for block in (blocks or []) if isinstance(block, Mapping)]
    return CriterionRow(
        at=at,
        id=str(row.get("id", "")),
        title=str(row.get("title", "")),
        weight=_shown(row.get("weight", "")),
        question=str(row.get("question", "")),
        rated_by=str(row.get("rated_by", "judge")),
        levels=tuple(sorted(cells, key=lambda cell: cell.level, reverse=True)),
        languages=", ".join(languages),
        problems=tuple(problems),
    )


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _total(content: Mapping[str, Any]) -> str:
    parts = [row.get("weight") for row in _rows(content)] + [content.get("graph_points", 0)]
    numbers = [part for part in parts if isinstance(part, int | float) and not isinstance(part, bool)]
    return f"{sum(numbers):g}" if len(numbers) == len(parts) else "?"


# ---- what was typed ------------------------------------------------------------------------------------------


def typed_rubric(content: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """The draft's content with what was typed in it, and the one change to its shape that a button asked for."""
    written = deepcopy(dict(content))
    written["title"] = _text(typed, "title")
    if isinstance(written.get("words"), Mapping):
        written["words"] = {name: _number(typed.get(f"words-{name}", "")) for name in WORD_LIMITS}
    if written.get("kind") == "drawing":
        written["graph_points"] = _number(typed.get("graph_points", ""))
    rows = [_typed_row(row, f"c{at}-", typed) for at, row in enumerate(_rows(content))]
    written["criteria"] = _reshaped(rows, typed.get("do", ""))
    return written


def _typed_row(row: Mapping[str, Any], prefix: str, typed: Mapping[str, str]) -> dict[str, Any]:
    written = dict(row)
    if f"{prefix}title" not in typed:
        return written  # a row that the page did not show
    written["title"] = _text(typed, f"{prefix}title")
    written["weight"] = _number(typed.get(f"{prefix}weight", ""))
    question = _text(typed, f"{prefix}question")
    written.pop("question", None)
    if question:
        written["question"] = question
    levels = [level for level in row.get("levels", ()) if isinstance(level, Mapping)]
    written["levels"] = [{**level, "descriptor": _text(typed, f"{prefix}l{level.get('level')}")} for level in levels]
    return written


def _text(typed: Mapping[str, str], name: str) -> str:
    return " ".join(typed.get(name, "").split())[:TEXT]


def _number(text: str) -> Any:
    """A number as a number; anything else stays as it was typed, so that its fault can be told."""
    text = text.strip()[:40]
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return text
    if value != value or value in (float("inf"), float("-inf")):
        return text
    return int(value) if value == int(value) else value


def _reshaped(rows: list[dict[str, Any]], asked: str) -> list[dict[str, Any]]:
    what, _, where = asked.partition(":")
    at = whole(where)
    if what == "add" and len(rows) < MOST_CRITERIA:
        return [*rows, _new_row(rows)]
    if at is None or at >= len(rows):
        return rows
    if what == "remove" and len(rows) > 1:
        return rows[:at] + rows[at + 1 :]
    if what == "up" and at:
        rows[at - 1], rows[at] = rows[at], rows[at - 1]
    elif what == "more":
        rows[at] = _levels(rows[at], 1)
    elif what == "fewer":
        rows[at] = _levels(rows[at], -1)
    return rows


def _new_row(rows: list[dict[str, Any]]) -> dict[str, Any]:
    taken = {str(row.get("id")) for row in rows}
    number = next(one for one in range(1, MOST_CRITERIA + 2) if f"criterion_{one}" not in taken)
    levels = [{"level": level, "descriptor": ""} for level in range(NEW_LEVELS - 1, -1, -1)]
    return {"id": f"criterion_{number}", "title": "", "weight": 0, "levels": levels}


def _levels(row: dict[str, Any], by: int) -> dict[str, Any]:
    """One level more at the top, or the top one gone; a row that code rates keeps its three."""
    levels = list(row.get("levels", ()))
    if row.get("rated_by") == "code":
        return row
    if by > 0 and len(levels) < MOST_LEVELS:
        return {**row, "levels": [{"level": len(levels), "descriptor": ""}, *levels]}
    if by < 0 and len(levels) > 2:
        return {**row, "levels": [level for level in levels if level.get("level") != len(levels) - 1]}
    return row

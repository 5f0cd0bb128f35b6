"""A learner's drawing in words and as a picture, for whoever reads it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lti_tool.lesson import Lesson
from lti_tool.web.diagram import Picture, drawing_picture


@dataclass(frozen=True)
class Line:
    """One edge: its number in the picture, its id in the stored drawing, what it joins, what it says."""

    number: int
    key: str
    start: str
    end: str
    label: str


@dataclass(frozen=True)
class DrawingPage:
    """Parts and lines in words, where it crashes, which lines bring it back, and the picture of it."""

    picture: Picture
    parts: tuple[str, ...]
    lines: tuple[Line, ...]
    crash: str
    recovery: tuple[int, ...]
    note: str

    def says(self, detail: str) -> str:
        """What a check rests on, with lines by their number in the picture instead of their stored ids."""
        numbers = {line.key: str(line.number) for line in self.lines}
        words = (
            numbers.get(word.strip(",;"), word.strip(",;")) + word[len(word.rstrip(",;")) :] for word in detail.split()
        )
        return " ".join(words).replace("edges:", "lines:")


def drawing_page(text: str, lesson: Lesson) -> DrawingPage | None:
    """The drawing that a submission's text holds, None where it holds none."""
    try:
        drawing = json.loads(text)
        return _page(drawing, lesson)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _page(drawing: Mapping[str, Any], lesson: Lesson) -> DrawingPage:
    nodes, edges = drawing["nodes"], drawing["edges"]
    names = {node["id"]: str(node["label"]) for node in nodes}
    lines = tuple(
        Line(number, edge["id"], names.get(edge["from"], "?"), names.get(edge["to"], "?"), edge["label"])
        for number, edge in enumerate(edges, start=1)
    )
    crash = drawing.get("crash") or {}
    numbers = {line.key: line.number for line in lines}
    palette = lesson.reference.palette if lesson.reference else ()
    return DrawingPage(
        picture=drawing_picture(nodes, edges, palette, crash.get("at")),
        parts=tuple(names.values()),
        lines=lines,
        crash=names.get(crash.get("at"), ""),
        recovery=tuple(numbers[key] for key in crash.get("recovery", ()) if key in numbers),
        note=str(drawing.get("note") or ""),
    )

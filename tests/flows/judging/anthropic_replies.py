"""What the stub of the Messages API may be told to answer, and what a judge's question would be answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass
class Cut:
    """An answer that breaks off: after so many pieces of its text; `hard` breaks the connection, else it just ends."""

    text: str = "a text that is longer than one piece"
    pieces: int = 1
    hard: bool = False


@dataclass
class Breaks:
    """A stream that tells of an error after its first piece."""

    kind: str = "overloaded_error"


@dataclass
class Raw:
    """Any answer at all."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Says:
    """A message with this text; `fields` go over those of the message."""

    text: str
    stop_reason: str | None = "end_turn"
    model: str | None = None
    thinking: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Unstreamed:
    """A message as one JSON body, as a proxy gives it that does not stream."""

    says: Says


@dataclass
class Expired:
    """In a batch: not answered within its day."""


Reply = Says | Unstreamed | Raw | Cut | Breaks | Expired
Script = Callable[[dict[str, Any]], Reply]


def error(status: int, kind: str, message: str = "as the script says", **headers: str) -> Raw:
    """An error as the API words it."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return Raw(status, json.dumps(body).encode(), {"content-type": JSON, "request-id": "req_1", **headers})


def overloaded() -> Raw:
    return error(529, "overloaded_error")


def tokens(value: Any) -> int:
    """Four characters to a token."""
    return len(value if isinstance(value, str) else json.dumps(value)) // 4


# ---- what a judge asks, and what it would be answered ----------------------------------------------------------


def answer(rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A judge's answer: a row for each criterion, from {criterion: (level, quote, ...)}."""
    found = {}
    for criterion, (level, *quotes) in rows.items():
        found[criterion] = {"quotes": quotes, "looked_for": "", "comment": "Said.", "level": level, **fields}
    return found


def criteria_asked(request: dict[str, Any]) -> list[str]:
    """The criteria that a judge's question names."""
    return re.findall(r"`(\w+)`", str(request["messages"][0]["content"]).split(". ")[0])


def work_of(request: dict[str, Any]) -> str:
    """The work between its two marker lines."""
    content = request["messages"][0]["content"]
    marker = content.split("two lines that read ")[1].split(".")[0]
    return str(content.split(f"\n{marker}\n")[1])


def filled_in(request: dict[str, Any], rows: dict[str, Any], **fields: Any) -> Says:
    """The answer in the shape that the question's schema asks for: a row for each criterion, or the only one."""
    found = answer({name: rows[name] for name in criteria_asked(request)}, **fields)
    asked = request["output_config"]["format"]["schema"]["required"]
    return Says(json.dumps(dict(zip(asked, found.values(), strict=True))))

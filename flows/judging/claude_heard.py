"""What came back from the API, put together event by event and kept whole before anyone reads it.

An answer is streamed: no proxy's patience ends a long one, and of one that breaks off the tokens are known that were
paid for. The SDK raises nothing for a stream that ends early, so the reason for stopping says whether it is whole.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flows.judging.judge import Answer, Usage
from flows.judging.prices import price_of

Body = dict[str, Any]
BROKEN = "broken"  # in place of a reason for stopping: something came, and it was no message


class Heard:
    """A message as far as it has come."""

    def __init__(self) -> None:
        self.message: Body = {}
        self.texts: list[str] = []

    @property
    def begun(self) -> bool:
        """Whether the API has begun to answer: from here on it is paid for."""
        return bool(self.message)

    def add(self, event: object) -> None:
        """Take in one event of the stream; what is unknown is passed over."""
        kind = getattr(event, "type", None)
        if kind == "message_start":
            self.message = _as_json(getattr(event, "message", None))
            self.message["stop_reason"] = None
        elif kind == "content_block_start":
            self._text(getattr(event, "content_block", None))
        elif kind == "content_block_delta":
            self._text(getattr(event, "delta", None))
        elif kind == "message_delta":
            delta = _as_json(getattr(event, "delta", None))
            self.message |= {key: delta[key] for key in ("stop_reason", "stop_details") if key in delta}
            used = _as_json(getattr(event, "usage", None))
            known = self.message.get("usage")
            kept = {key: value for key, value in used.items() if value is not None}
            self.message["usage"] = {**(known if isinstance(known, dict) else {}), **kept}

    def _text(self, part: object) -> None:
        if getattr(part, "type", None) in ("text", "text_delta"):
            self.texts.append(str(getattr(part, "text", "") or ""))

    def whole(self) -> Body:
        """The message as the API sends it where nothing is streamed."""
        return {**self.message, "content": [{"type": "text", "text": "".join(self.texts)}]}


def listen(events: Iterable[object], heard: Heard) -> None:
    """Take in a stream to its end; whatever it raises, `heard` has what came before."""
    for event in events:
        heard.add(event)


def _as_json(value: object) -> Body:
    dump = getattr(value, "to_dict", None)
    found = dump(mode="json") if dump is not None else value
    return dict(found) if isinstance(found, Mapping) else {}


def message_in(content: bytes) -> Body:
    """The message in a body that was not streamed; empty where there is none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def answer_of(message: Mapping[str, Any], model: str, seconds: float, share: float = 1.0) -> Answer:
    """A message as an Answer: why it stopped, its text, and what it took; `share` is what is paid of the price.

    What is no message, or has no usage, is an answer too: it may have been billed, and is not bought again.
    """
    used = message.get("usage")
    if message.get("type") != "message" or not isinstance(used, Mapping):
        return Answer(body={"stop_reason": BROKEN}, model=model, usage=Usage(seconds=seconds))
    named = message.get("model")
    model = named if isinstance(named, str) and named else model
    content = message.get("content")
    blocks = [block for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []
    text = "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")
    stopped = message.get("stop_reason")
    stopped = stopped if stopped is None or isinstance(stopped, str) else BROKEN
    body: Body = {"stop_reason": stopped, "text": text, "id": message.get("id")}
    details = message.get("stop_details")
    if isinstance(details, Mapping):
        body["category"] = details.get("category")
    tokens = {
        "input_tokens": _count(used, "input_tokens"),
        "output_tokens": _count(used, "output_tokens"),
        "cache_read_tokens": _count(used, "cache_read_input_tokens"),
        "cache_write_tokens": _count(used, "cache_creation_input_tokens"),
    }
    return Answer(
        body=body,
        model=model,
        usage=Usage(**tokens, usd=price_of(model).of(*tokens.values()) * share, seconds=seconds),
    )


def _count(used: Mapping[str, Any], name: str) -> int:
    value = used.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0

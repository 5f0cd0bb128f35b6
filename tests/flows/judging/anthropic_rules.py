"""What the Messages API refuses, as far as a judge could ask for it: version 2026-10-21, as the SDK 2.12 speaks it.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs
https://platform.claude.com/docs/en/about-claude/models/migration-guide
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MODELS = ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-4-5")
MOST_TOKENS = 64_000
FIELDS = {
    *("model", "max_tokens", "messages", "system", "output_config", "stream", "metadata", "stop_sequences"),
    *("tools", "tool_choice", "thinking", "cache_control", "service_tier"),
}
COUNTED = FIELDS - {"max_tokens", "stream", "metadata", "stop_sequences", "service_tier"}
EFFORTS = ("low", "medium", "high", "xhigh", "max")
THINKING = ("adaptive", "between_tools")
SCHEMA_KEYS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf"),
    *("$ref", "$defs", "description", "title", "default", "format", "minItems"),
}
PLAIN = (str, int, float, bool, type(None))
CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def fault(request: dict[str, Any], *, counting: bool = False) -> str | None:
    """Why the API would answer 400 to this request, or None."""
    return next(_faults(request, COUNTED if counting else FIELDS, counting), None)


def _faults(request: dict[str, Any], fields: set[str], counting: bool) -> Iterator[str]:
    for name in sorted(set(request) - fields):
        yield f"{name}: Extra inputs are not permitted"
    most = request.get("max_tokens")
    if not counting and (not isinstance(most, int) or isinstance(most, bool)):
        yield "max_tokens: Field required"
    elif not counting and not 0 < most <= MOST_TOKENS:
        yield f"max_tokens: {most} > {MOST_TOKENS}, which is the maximum allowed number of output tokens"
    yield from _message_faults(request.get("messages") or [])
    if (request.get("tool_choice") or {}).get("type") in ("any", "tool"):
        yield "tool_choice: forced tool use is not supported by this model"
    if "thinking" in request and (request["thinking"] or {}).get("type") not in THINKING:
        yield "thinking.type: not supported by this model"
    blocks = [*_blocks(request.get("system")), *(one for row in request["messages"] for one in _blocks(row["content"]))]
    if any(not str(block.get("text", "-")).strip() for block in blocks):
        yield "messages: text content blocks must contain non-whitespace text"
    if sum("cache_control" in block for block in blocks) > 4:
        yield "cache_control: a maximum of 4 blocks may be cached"
    yield from _output_faults(request.get("output_config") or {})


def _message_faults(messages: list[dict[str, Any]]) -> Iterator[str]:
    if not messages or messages[0].get("role") != "user":
        yield "messages: first message must use the user role"
        return
    if messages[-1].get("role") != "user":
        yield "messages: this model does not support assistant message prefill"


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or [])


def _output_faults(output: dict[str, Any]) -> Iterator[str]:
    if set(output) - {"format", "effort"}:
        yield "output_config: Extra inputs are not permitted"
    if output.get("effort", "low") not in EFFORTS:
        yield "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
    wanted = output.get("format")
    if wanted is not None:
        if set(wanted) != {"type", "schema"} or wanted["type"] != "json_schema":
            yield "output_config.format: Input should be a json_schema format"
        else:
            yield from schema_faults(wanted["schema"], "output_config.format.schema")


def schema_faults(schema: Any, path: str) -> Iterator[str]:
    """What a schema holds that the API does not take."""
    for name in sorted(set(schema) - SCHEMA_KEYS):
        yield f"{path}: {name} is not supported"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            yield f"{path}: additionalProperties must be false"
        if set(schema.get("required", [])) - set(schema.get("properties", {})):
            yield f"{path}: required names a property that is not there"
    if any(not isinstance(one, PLAIN) for one in schema.get("enum", [])):
        yield f"{path}: enum holds values that are not plain"
    inner = [*schema.get("properties", {}).items(), *enumerate(schema.get("anyOf", []))]
    inner += [("items", schema["items"])] if "items" in schema else []
    for name, one in inner:
        yield from schema_faults(one, f"{path}.{name}")


def batch_fault(rows: list[dict[str, Any]]) -> str | None:
    """Why the API would refuse a batch, or None; what is wrong with one request of it is told in its result."""
    names = [str(row.get("custom_id", "")) for row in rows]
    if not rows or len(rows) > 100_000:
        return "requests: a batch holds 1 to 100000 requests"
    if any(not CUSTOM_ID.fullmatch(name) for name in names):
        return "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"
    if len(set(names)) < len(names):
        return "requests: custom_id must be unique within a batch"
    if any("stream" in row["params"] for row in rows):
        return "requests.0.params.stream: Extra inputs are not permitted"
    return None

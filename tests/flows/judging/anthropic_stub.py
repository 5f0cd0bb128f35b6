"""The Messages API on loopback, for the real SDK: it answers what a script says, and refuses what the API refuses.

Modelled on API version 2026-10-21 as the SDK 2.12 speaks it. Tokens are counted at four characters each; a system
block with `cache_control` is written to the cache the first time and read from it afterwards.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

VERSION = "2026-10-21"
KEY = "sk-ant-loopback"
MODELS = {"claude-sonnet-5-5": "claude-sonnet-5-5", "claude-opus-5-5": "claude-opus-5-5"}
FIELDS = {
    *("model", "max_tokens", "messages", "system", "output_config", "stream", "metadata", "stop_sequences"),
    *("tools", "tool_choice", "thinking", "cache_control", "service_tier"),
}
EFFORTS = {"low", "medium", "high", "xhigh", "max"}
# What a schema may hold; https://platform.claude.com/docs/en/build-with-claude/structured-outputs
SCHEMA_KEYS = {
    *("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "allOf"),
    *("$ref", "$defs", "description", "title", "default", "format", "minItems"),
}


@dataclass
class Cut:
    """A 200 whose body breaks off after so many bytes."""

    after: int = 40


@dataclass
class Raw:
    """Any answer at all."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Says:
    """A message with this text."""

    text: str
    stop_reason: str | None = "end_turn"
    model: str | None = None
    thinking: bool = False


Reply = Says | Raw | Cut
Script = Callable[[dict[str, Any]], Reply]


def error(status: int, kind: str, message: str = "as the script says", **headers: str) -> Raw:
    """An error as the API words it."""
    body = {"type": "error", "error": {"type": kind, "message": message}}
    return Raw(
        status, json.dumps(body).encode(), {"content-type": "application/json", "request-id": "req_1", **headers}
    )


def overloaded() -> Raw:
    return error(529, "overloaded_error")


def answer(rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A judge's answer: a row for each criterion, from {criterion: (level, quote, ...)}."""
    found = {}
    for criterion, (level, *quotes) in rows.items():
        found[criterion] = {"quotes": quotes, "looked_for": "", "comment": "Said.", "level": level, **fields}
    return found


@dataclass
class ApiStub:
    """What was asked, and what is answered; `script` decides for each accepted request."""

    script: Script = lambda _request: Says("{}")
    asked: list[dict[str, Any]] = field(default_factory=list)
    counted: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    batches: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    polls_until_done: int = 1
    address: str = ""
    _cache: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def says(self, *replies: Reply) -> None:
        """Answer with these, one a request; the last one for ever."""
        left = list(replies)

        def script(_request: dict[str, Any]) -> Reply:
            return left.pop(0) if len(left) > 1 else left[0]

        self.script = script

    def usage(self, request: dict[str, Any], text: str) -> dict[str, int]:
        """What a request takes, with its prompt cache."""
        system = request.get("system") or []
        system = [{"type": "text", "text": system}] if isinstance(system, str) else system
        prefix, cached = json.dumps([request["model"], request.get("output_config")]), 0
        total = tokens(request["messages"]) + tokens(system)
        mark = ""
        for block in system:
            prefix += block["text"]
            if "cache_control" in block:
                mark, cached = prefix, tokens(system[: system.index(block) + 1])
        with self._lock:
            known = mark in self._cache
            if mark:
                self._cache.add(mark)
        return {
            "input_tokens": total - cached,
            "cache_read_input_tokens": cached if known else 0,
            "cache_creation_input_tokens": 0 if known else cached,
            "output_tokens": max(1, len(text) // 4),
        }

    def message(self, request: dict[str, Any], said: Says) -> dict[str, Any]:
        """The message of an answer."""
        content: list[dict[str, Any]] = [{"type": "text", "text": said.text}] if said.text else []
        if said.thinking:
            content.insert(0, {"type": "thinking", "thinking": "", "signature": "x"})
        return {
            "id": f"msg_{len(self.asked)}",
            "type": "message",
            "role": "assistant",
            "model": said.model or MODELS[request["model"]],
            "content": content,
            "stop_reason": said.stop_reason,
            "stop_sequence": None,
            "usage": self.usage(request, said.text),
        }


def tokens(value: Any) -> int:
    """Four characters to a token."""
    return len(value if isinstance(value, str) else json.dumps(value)) // 4


# ---- what the API refuses ------------------------------------------------------------------------------------


def fault(request: dict[str, Any]) -> str | None:
    """Why the API would answer 400 to this request, or None."""
    unknown = set(request) - FIELDS
    if unknown:
        return f"{sorted(unknown)[0]}: Extra inputs are not permitted"
    if not isinstance(request.get("max_tokens"), int):
        return "max_tokens: Field required"
    messages = request.get("messages") or []
    if not messages or messages[0]["role"] != "user":
        return "messages: first message must use the user role"
    if messages[-1]["role"] != "user":
        return "messages: this model does not support assistant message prefill"
    if (request.get("tool_choice") or {}).get("type") in ("any", "tool"):
        return "tool_choice: forced tool use is not supported by this model"
    if (request.get("thinking") or {}).get("type") in ("disabled", "enabled"):
        return "thinking.type: not supported by this model"
    blocks = [*(request.get("system") or []), *(block for row in messages for block in row["content"])]
    if sum(isinstance(block, dict) and "cache_control" in block for block in blocks) > 4:
        return "cache_control: a maximum of 4 blocks may be cached"
    return _output_fault(request.get("output_config") or {})


def _output_fault(output: dict[str, Any]) -> str | None:
    if set(output) - {"format", "effort"}:
        return "output_config: Extra inputs are not permitted"
    if output.get("effort", "low") not in EFFORTS:
        return "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'"
    wanted = output.get("format")
    return _schema_fault(wanted["schema"], "schema") if wanted else None


def _schema_fault(schema: Any, path: str) -> str | None:
    extra = set(schema) - SCHEMA_KEYS
    if extra:
        return f"output_config.format.{path}: {sorted(extra)[0]} is not supported"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return f"output_config.format.{path}: additionalProperties must be false"
    inner = [*schema.get("properties", {}).items(), *([("items", schema["items"])] if "items" in schema else [])]
    return next((found for name, one in inner if (found := _schema_fault(one, f"{path}.{name}"))), None)


# ---- the server ----------------------------------------------------------------------------------------------


@contextmanager
def api_stub() -> Iterator[ApiStub]:
    """The stub on a free port; `address` is what ANTHROPIC_BASE_URL is set to."""
    stub = ApiStub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    stub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(stub: ApiStub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
            path = self.path.partition("?")[0]
            refused = self._refused(path, request)
            if refused is not None:
                stub.refused.append(refused.body.decode())
                return self._send(refused)
            if path == "/v1/messages/count_tokens":
                stub.counted.append(request)
                total = tokens(request["messages"]) + tokens(request.get("system") or "")
                return self._json({"input_tokens": total})
            if path == "/v1/messages/batches":
                return self._make_batch(request["requests"])
            if path.endswith("/cancel"):
                return self._json(self._batch(path.split("/")[4], ended=True))
            stub.asked.append(request)
            return self._answer(request, stub.script(request))

        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].split("/")
            if parts[2] == "models":
                if parts[-1] not in MODELS:
                    return self._send(error(404, "not_found_error", f"model: {parts[-1]}"))
                made = {"display_name": parts[-1], "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active"}
                return self._json({"type": "model", "id": parts[-1], **made})
            if parts[-1] == "results":
                return self._results(parts[4])
            stub.polls_until_done -= 1
            return self._json(self._batch(parts[4], ended=stub.polls_until_done <= 0))

        def _refused(self, path: str, request: dict[str, Any]) -> Raw | None:
            if self.headers.get("authorization") != f"Bearer {KEY}":
                return error(401, "authentication_error", "invalid bearer token")
            if self.headers.get("anthropic-version") != VERSION:
                return error(400, "invalid_request_error", "anthropic-version: unknown version")
            asked = [row["params"] for row in request["requests"]] if path.endswith("batches") else [request]
            for one in asked if not path.endswith("/cancel") else []:
                if one.get("model") not in MODELS:
                    return error(404, "not_found_error", f"model: {one.get('model')}")
                counted = {"max_tokens": 1} if path.endswith("count_tokens") else {}
                found = fault({**counted, **one})
                if found:
                    return error(400, "invalid_request_error", found)
            return None

        def _answer(self, request: dict[str, Any], reply: Reply) -> None:
            if isinstance(reply, Raw):
                return self._send(reply)
            whole = stub.message(request, reply if isinstance(reply, Says) else Says("{}"))
            if request.get("stream"):
                return self._stream(whole, cut=isinstance(reply, Cut))
            body = json.dumps(whole).encode()
            if isinstance(reply, Cut):
                self._head(200, {"content-type": "application/json", "content-length": str(len(body))})
                self.wfile.write(body[: reply.after])
                self.close_connection = True
                return None
            return self._send(Raw(200, body, {"content-type": "application/json", "request-id": "req_1"}))

        def _stream(self, whole: dict[str, Any], *, cut: bool) -> None:
            self._head(200, {"content-type": "text/event-stream", "connection": "close"})
            text = "".join(block["text"] for block in whole["content"] if block["type"] == "text")
            opened = {**whole, "content": [], "stop_reason": None}
            self._event("message_start", message=opened)
            self._event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            self._event("ping")
            for start in range(0, len(text), 20):
                if cut and start >= 20:
                    break
                piece = {"type": "text_delta", "text": text[start : start + 20]}
                self._event("content_block_delta", index=0, delta=piece)
            if not cut:
                self._event("content_block_stop", index=0)
                ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
                self._event("message_delta", delta=ended, usage=whole["usage"])
                self._event("message_stop")
            self.close_connection = True

        def _event(self, kind: str, **fields: Any) -> None:
            self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())
            self.wfile.flush()

        def _make_batch(self, requests: list[dict[str, Any]]) -> None:
            name = f"msgbatch_{len(stub.batches)}"
            stub.batches[name] = requests
            stub.asked += [row["params"] for row in requests]
            self._json(self._batch(name, ended=False))

        def _batch(self, name: str, *, ended: bool) -> dict[str, Any]:
            count = len(stub.batches[name])
            counts = {"canceled": 0, "errored": 0, "expired": 0, "processing": count, "succeeded": 0}
            if ended:
                counts |= {"processing": 0, "succeeded": count}
            results = f"{stub.address}/v1/messages/batches/{name}/results"
            return {
                "id": name,
                "type": "message_batch",
                "processing_status": "ended" if ended else "in_progress",
                "request_counts": counts,
                "created_at": "2026-11-01T00:00:00Z",
                "expires_at": "2026-11-02T00:00:00Z",
                "ended_at": "2026-11-01T00:10:00Z" if ended else None,
                "archived_at": None,
                "cancel_initiated_at": None,
                "results_url": results if ended else None,
            }

        def _results(self, name: str) -> None:
            lines = []
            for row in reversed(stub.batches[name]):  # in any order
                reply = stub.script(row["params"])
                if isinstance(reply, Says):
                    result: dict[str, Any] = {"type": "succeeded", "message": stub.message(row["params"], reply)}
                else:
                    result = {"type": "errored", "error": json.loads(overloaded().body)}
                lines.append(json.dumps({"custom_id": row["custom_id"], "result": result}))
            self._send(Raw(200, "\n".join(lines).encode() + b"\n", {"content-type": "application/x-jsonl"}))

        def _json(self, body: dict[str, Any]) -> None:
            self._send(Raw(200, json.dumps(body).encode(), {"content-type": "application/json"}))

        def _send(self, raw: Raw) -> None:
            self._head(raw.status, {**raw.headers, "content-length": str(len(raw.body))})
            self.wfile.write(raw.body)

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler

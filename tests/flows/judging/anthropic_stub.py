"""The Messages API on loopback, for the real SDK: it answers what a script says, and refuses what the API refuses.

Modelled on API version 2026-10-21 as the SDK 2.12 speaks it. Tokens are counted at four characters each; a system
block with `cache_control` is written to the cache the first time and read from it afterwards, if it is long enough; the
cache is another for another schema, as the API's is.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.flows.judging.anthropic_rules import MODELS, batch_fault, fault

VERSION = "2026-10-21"
KEY = "sk-ant-loopback"
LARGEST = 32 * 1024 * 1024
JSON = "application/json"
PIECE = 20  # characters of a text delta


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


# ---- the API ---------------------------------------------------------------------------------------------------


@dataclass
class ApiStub:
    """What was asked, and what is answered; `script` decides for each accepted request."""

    script: Script = lambda _request: Says("{}")
    asked: list[dict[str, Any]] = field(default_factory=list)
    counted: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    batches: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    canceled: set[str] = field(default_factory=set)
    polls_until_done: int = 1
    cache_from: int = 512  # tokens; a shorter beginning is not cached
    caching: bool = True
    foundry: bool = False  # keys go as that service takes them
    lose_answer_to_batch: bool = False  # a batch is made, and its maker never hears of it
    no_batch: Raw | None = None  # what is said instead of making one
    address: str = ""
    _cache: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def says(self, *replies: Reply) -> None:
        """Answer with these, one a request; the last one for ever."""
        left = list(replies)

        def script(_request: dict[str, Any]) -> Reply:
            with self._lock:
                return left.pop(0) if len(left) > 1 else left[0]

        self.script = script

    def usage(self, request: dict[str, Any], text: str) -> dict[str, int]:
        """What a request takes, with its prompt cache."""
        system = request.get("system") or []
        system = [{"type": "text", "text": system}] if isinstance(system, str) else system
        prefix, cached = json.dumps([request["model"], request.get("output_config")]), 0
        total = tokens(request["messages"]) + tokens(system)
        mark, counted = "", 0
        for block in system:
            prefix, counted = prefix + block["text"], counted + tokens(block["text"])
            if "cache_control" in block and counted >= self.cache_from and self.caching:
                mark, cached = prefix, counted
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
        whole = {
            "id": f"msg_{len(self.asked)}",
            "type": "message",
            "role": "assistant",
            "model": said.model or request["model"],
            "content": content,
            "stop_reason": said.stop_reason,
            "stop_sequence": None,
            "usage": self.usage(request, said.text),
        }
        return whole | said.fields


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
            content = self.rfile.read(int(self.headers.get("content-length", 0)))
            path = self.path.partition("?")[0]
            refused = self._refused_unread(content)
            request = {} if refused else json.loads(content or b"{}")
            refused = refused or self._refused(path, request)
            if refused is not None:
                stub.refused.append(refused.body.decode())
                return self._send(refused)
            if path == "/v1/messages/count_tokens":
                stub.counted.append(request)
                total = tokens(request["messages"]) + tokens(request.get("system") or "")
                return self._json({"input_tokens": total})
            if path == "/v1/messages/batches" and stub.no_batch is not None:
                stub.refused.append(stub.no_batch.body.decode())
                return self._send(stub.no_batch)
            if path == "/v1/messages/batches":
                return self._make_batch(request["requests"])
            if path.endswith("/cancel"):
                stub.canceled.add(path.split("/")[4])
                return self._json(self._batch(path.split("/")[4], ended=True))
            stub.asked.append(request)
            return self._answer(request, stub.script(request))

        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].split("/")
            refused = self._refused_unread(b"{}")
            if refused is not None:
                return self._send(refused)
            if parts[2] == "models":
                return self._models(parts[3:])
            if len(parts) == 4:  # the list of batches, newest first
                rows = [self._batch(name, ended=True) for name in reversed(stub.batches)]
                return self._json({"data": rows, "has_more": False, "first_id": None, "last_id": None})
            if parts[4] not in stub.batches:
                return self._send(error(404, "not_found_error", "no such batch"))
            if parts[-1] == "results":
                return self._results(parts[4])
            stub.polls_until_done -= 1
            return self._json(self._batch(parts[4], ended=stub.polls_until_done <= 0))

        # ---- refusing ----------------------------------------------------------------------------------------

        def _refused_unread(self, content: bytes) -> Raw | None:
            sent = self.headers.get("authorization"), self.headers.get("x-api-key")
            if sent != ((None, KEY) if stub.foundry else (f"Bearer {KEY}", None)):
                return error(401, "authentication_error", "invalid bearer token")
            if self.headers.get("anthropic-version") != VERSION:
                return error(400, "invalid_request_error", "anthropic-version: unknown version")
            if len(content) > LARGEST:
                return error(413, "request_too_large")
            try:
                json.loads(content or b"{}")
            except ValueError:
                return error(400, "invalid_request_error", "the body is not JSON")
            return None

        def _refused(self, path: str, request: dict[str, Any]) -> Raw | None:
            if path.endswith("/cancel"):
                return None
            found: str | None
            if path.endswith("batches"):
                found = batch_fault(request.get("requests") or [])
            elif request.get("model") not in MODELS:
                return error(404, "not_found_error", f"model: {request.get('model')}")
            else:
                found = fault(request, counting=path.endswith("count_tokens"))
            return error(400, "invalid_request_error", found) if found else None

        # ---- answering ---------------------------------------------------------------------------------------

        def _models(self, wanted: list[str]) -> None:
            def described(name: str) -> dict[str, Any]:
                made = {"display_name": name, "created_at": "2026-01-01T00:00:00Z", "lifecycle": "active"}
                return {"type": "model", "id": name, **made}

            if not wanted:
                rows = [described(name) for name in MODELS]
                return self._json({"data": rows, "has_more": False, "first_id": None, "last_id": None})
            if wanted[0] not in MODELS:
                return self._send(error(404, "not_found_error", f"model: {wanted[0]}"))
            return self._json(described(wanted[0]))

        def _answer(self, request: dict[str, Any], reply: Reply) -> None:
            if isinstance(reply, Raw):
                return self._send(reply)
            said = reply.says if isinstance(reply, Unstreamed) else reply
            text = said.text if isinstance(said, Says | Cut) else "{}"
            whole = stub.message(request, said if isinstance(said, Says) else Says(text))
            if request.get("stream") and not isinstance(reply, Unstreamed):
                return self._stream(whole, text, reply)
            body = json.dumps(whole).encode()
            if isinstance(reply, Cut):
                self._head(200, {"content-type": JSON, "content-length": str(len(body))})
                self.wfile.write(body[: reply.pieces * PIECE])
                self.close_connection = True
                return None
            return self._send(Raw(200, body, {"content-type": JSON, "request-id": "req_1"}))

        def _stream(self, whole: dict[str, Any], text: str, reply: Reply) -> None:
            self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
            usage = whole["usage"] or {}
            opened = {**whole, "content": [], "stop_reason": None}
            self._event("message_start", message=opened | ({"usage": {**usage, "output_tokens": 1}} if usage else {}))
            self._event("ping")
            thought = [block for block in whole["content"] if block["type"] == "thinking"]
            for index, block in enumerate(thought):
                self._event("content_block_start", index=index, content_block=block)
                self._event("content_block_stop", index=index)
            index = len(thought)
            self._event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
            ends_after = reply.pieces if isinstance(reply, Cut) else 1 if isinstance(reply, Breaks) else len(pieces)
            for piece in pieces[:ends_after]:
                self._event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece})
            if isinstance(reply, Breaks):
                self._event("error", error={"type": reply.kind, "message": "as the script says"})
            if isinstance(reply, Says):
                self._event("content_block_stop", index=index)
                ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
                if "stop_details" in whole:
                    ended["stop_details"] = whole["stop_details"]
                self._event("message_delta", delta=ended, usage=usage and {"output_tokens": usage["output_tokens"]})
                self._event("message_stop")
            if isinstance(reply, Cut) and reply.hard:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def _event(self, kind: str, **fields: Any) -> None:
            event = f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
            self.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            self.wfile.flush()

        # ---- batches -----------------------------------------------------------------------------------------

        def _make_batch(self, requests: list[dict[str, Any]]) -> None:
            name = f"msgbatch_{len(stub.batches)}"
            stub.batches[name] = requests
            stub.made[name] = datetime.now(UTC).isoformat()
            stub.asked += [row["params"] for row in requests]
            if stub.lose_answer_to_batch:
                stub.lose_answer_to_batch = False
                self.close_connection = True
                return
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
                "created_at": stub.made[name],
                "expires_at": "2100-11-02T00:00:00Z",
                "ended_at": "2100-11-01T00:10:00Z" if ended else None,
                "archived_at": None,
                "cancel_initiated_at": None,
                "results_url": results if ended else None,
            }

        def _results(self, name: str) -> None:
            lines = [
                json.dumps({"custom_id": row["custom_id"], "result": self._result(name, row["params"])})
                for row in reversed(stub.batches[name])  # in any order
            ]
            self._send(Raw(200, "\n".join(lines).encode() + b"\n", {"content-type": "application/x-jsonl"}))

        def _result(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
            if name in stub.canceled:
                return {"type": "canceled"}
            found = fault(request)
            if found or request.get("model") not in MODELS:
                refused = error(400, "invalid_request_error", found or "model: not found")
                return {"type": "errored", "error": json.loads(refused.body)}
            reply = stub.script(request)
            if isinstance(reply, Expired):
                return {"type": "expired"}
            if isinstance(reply, Says):
                return {"type": "succeeded", "message": stub.message(request, reply)}
            return {"type": "errored", "error": json.loads(overloaded().body)}

        def _json(self, body: dict[str, Any]) -> None:
            self._send(Raw(200, json.dumps(body).encode(), {"content-type": JSON}))

        def _send(self, raw: Raw) -> None:
            self._head(raw.status, {**raw.headers, "content-length": str(len(raw.body))})
            self.wfile.write(raw.body)

        def _head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

    return Handler

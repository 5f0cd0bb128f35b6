"""The stub's HTTP: it takes a request as the API does, refuses what the API refuses, and sends what the script says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, ClassVar

from tests.flows.judging.anthropic_replies import (
    JSON,
    Breaks,
    Cut,
    Expired,
    Raw,
    Reply,
    Says,
    Unstreamed,
    error,
    overloaded,
    tokens,
)
from tests.flows.judging.anthropic_rules import MODELS, batch_fault, fault

if TYPE_CHECKING:
    from tests.flows.judging.anthropic_stub import ApiStub

VERSION = "2026-10-21"
KEY = "sk-ant-loopback"
LARGEST = 32 * 1024 * 1024
PIECE = 20  # characters of a text delta


class Handler(BaseHTTPRequestHandler):
    """Answers for one stub; `handler_of` says for which."""

    stub: ClassVar[ApiStub]
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
            self.stub.refused.append(refused.body.decode())
            return self._send(refused)
        if path == "/v1/messages/count_tokens":
            self.stub.counted.append(request)
            total = tokens(request["messages"]) + tokens(request.get("system") or "")
            return self._json({"input_tokens": total})
        if path == "/v1/messages/batches" and self.stub.no_batch is not None:
            self.stub.refused.append(self.stub.no_batch.body.decode())
            return self._send(self.stub.no_batch)
        if path == "/v1/messages/batches":
            return self._make_batch(request["requests"])
        if path.endswith("/cancel"):
            self.stub.canceled.add(path.split("/")[4])
            return self._json(self._batch(path.split("/")[4], ended=True))
        self.stub.asked.append(request)
        return self._answer(request, self.stub.script(request))

    def do_GET(self) -> None:
        parts = self.path.partition("?")[0].split("/")
        refused = self._refused_unread(b"{}")
        if refused is not None:
            return self._send(refused)
        if parts[2] == "models":
            return self._models(parts[3:])
        if len(parts) == 4:  # the list of batches, newest first
            rows = [self._batch(name, ended=True) for name in reversed(self.stub.batches)]
            return self._json({"data": rows, "has_more": False, "first_id": None, "last_id": None})
        if parts[4] not in self.stub.batches:
            return self._send(error(404, "not_found_error", "no such batch"))
        if parts[-1] == "results":
            return self._results(parts[4])
        self.stub.polls_until_done -= 1
        return self._json(self._batch(parts[4], ended=self.stub.polls_until_done <= 0))

    # ---- refusing ----------------------------------------------------------------------------------------

    def _refused_unread(self, content: bytes) -> Raw | None:
        sent = self.headers.get("authorization"), self.headers.get("x-api-key")
        if sent != ((None, KEY) if self.stub.foundry else (f"Bearer {KEY}", None)):
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
        whole = self.stub.message(request, said if isinstance(said, Says) else Says(text))
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
        name = f"msgbatch_{len(self.stub.batches)}"
        self.stub.batches[name] = requests
        self.stub.made[name] = datetime.now(UTC).isoformat()
        self.stub.asked += [row["params"] for row in requests]
        if self.stub.lose_answer_to_batch:
            self.stub.lose_answer_to_batch = False
            self.close_connection = True
            return
        self._json(self._batch(name, ended=False))

    def _batch(self, name: str, *, ended: bool) -> dict[str, Any]:
        count = len(self.stub.batches[name])
        counts = {"canceled": 0, "errored": 0, "expired": 0, "processing": count, "succeeded": 0}
        if ended:
            counts |= {"processing": 0, "succeeded": count}
        results = f"{self.stub.address}/v1/messages/batches/{name}/results"
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": self.stub.made[name],
            "expires_at": "2100-11-02T00:00:00Z",
            "ended_at": "2100-11-01T00:10:00Z" if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": results if ended else None,
        }

    def _results(self, name: str) -> None:
        lines = [
            json.dumps({"custom_id": row["custom_id"], "result": self._result(name, row["params"])})
            for row in reversed(self.stub.batches[name])  # in any order
        ]
        self._send(Raw(200, "\n".join(lines).encode() + b"\n", {"content-type": "application/x-jsonl"}))

    def _result(self, name: str, request: dict[str, Any]) -> dict[str, Any]:
        if name in self.stub.canceled:
            return {"type": "canceled"}
        found = fault(request)
        if found or request.get("model") not in MODELS:
            refused = error(400, "invalid_request_error", found or "model: not found")
            return {"type": "errored", "error": json.loads(refused.body)}
        reply = self.stub.script(request)
        if isinstance(reply, Expired):
            return {"type": "expired"}
        if isinstance(reply, Says):
            return {"type": "succeeded", "message": self.stub.message(request, reply)}
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


def handler_of(stub: ApiStub) -> type[Handler]:
    """The handler of a server that answers for this stub."""
    return type("StubHandler", (Handler,), {"stub": stub})

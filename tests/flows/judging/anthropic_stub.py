"""The Messages API on loopback, for the real SDK: it answers what a script says, and refuses what the API refuses.

Modelled on API version 2026-10-21 as the SDK 2.12 speaks it. Tokens are counted at four characters each; a system
block with `cache_control` is written to the cache the first time and read from it afterwards, if it is long enough; the
cache is another for another schema, as the API's is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any

from tests.flows.judging.anthropic_replies import (
    Breaks,
    Cut,
    Expired,
    Raw,
    Reply,
    Says,
    Script,
    Unstreamed,
    answer,
    criteria_asked,
    error,
    filled_in,
    overloaded,
    tokens,
    work_of,
)
from tests.flows.judging.anthropic_server import KEY, handler_of

__all__ = [
    "KEY",
    "ApiStub",
    "Breaks",
    "Cut",
    "Expired",
    "Raw",
    "Reply",
    "Says",
    "Script",
    "Unstreamed",
    "answer",
    "api_stub",
    "criteria_asked",
    "error",
    "filled_in",
    "overloaded",
    "tokens",
    "work_of",
]


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
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(stub))
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

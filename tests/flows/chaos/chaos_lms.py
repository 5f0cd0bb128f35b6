"""A gradebook that keeps count: what it was sent, what it took in which order, and whether that was approved."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request

from tests.lti_tool.hostile_lms import HostileLms


@dataclass
class ChaosLms(HostileLms):
    """`approved` is asked about every score as it arrives; `mishaps` befall the scores to come, one each."""

    approved: Callable[[dict[str, Any]], bool] = lambda body: True
    unapproved: list[dict[str, Any]] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    patience: threading.Event = field(default_factory=threading.Event)

    def scores(self, number: str) -> Response:
        if not self.approved(request.get_json(force=True)):
            self.unapproved.append(request.get_json(force=True))
        mishap = self.mishaps.pop(0) if self.mishaps else ""
        if mishap:
            self.met.append(mishap)
        if mishap == "500":
            return self._not_taken("500 Internal Server Error")
        if mishap == "409":
            return self._not_taken("409 Conflict")
        if mishap == "holds it":
            self.patience.wait(60)
        answer = super().scores(number)
        if mishap == "takes it, then 500":
            return Response("<html>", status="500 Internal Server Error")
        if mishap == "takes it, then silence":
            self.patience.wait(10)
        return answer

    def _not_taken(self, status: str) -> Response:
        self.posts.append(request.get_json(force=True))
        return Response("[]", status=status)

    def as_moodle(self, body: dict[str, Any]) -> Response:
        return self._noted(body, super().as_moodle(body))

    def as_canvas(self, body: dict[str, Any]) -> Response:
        return self._noted(body, super().as_canvas(body))

    def _noted(self, body: dict[str, Any], answer: Response) -> Response:
        if answer.status_code < 300:
            self.kept.append(body)
        return answer

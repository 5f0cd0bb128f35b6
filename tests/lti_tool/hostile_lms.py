"""A gradebook over HTTP that treats scores as Moodle or as Canvas does, loses answers, throttles, locks and overrides.

What it does was seen on a running Moodle 4.5.6 and read in canvas-lms app/controllers/lti/ims/scores_controller.rb.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from flask import Flask, Response, request

from tests.lti_tool.door import serving

SUBMISSION = "https://canvas.instructure.com/lti/submission"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"

Fault = Literal["lose the answer", "throttle", "break", "forget the token", "show a page"]


@dataclass
class Cell:
    """What the gradebook has for one learner."""

    score: float | None = None
    maximum: float = 100.0
    timestamp: datetime | None = None
    overridden: float | None = None
    comments: list[str] = field(default_factory=list)
    attempts: int = 0
    submitted_at: str | None = None
    work: str | None = None

    @property
    def shown(self) -> float | None:
        return self.score if self.overridden is None else self.overridden


@dataclass
class HostileLms:
    """One course with its columns; `faults` befall the score posts to come, one each."""

    family: Literal["moodle", "canvas"]
    url: str = ""
    learners: set[str] = field(default_factory=lambda: {"sub-ada", "sub-bo"})
    cells: dict[str, Cell] = field(default_factory=dict)
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    met: list[str] = field(default_factory=list)  # the faults that were really met
    locked: bool = False
    reaches_our_keys: bool = True
    attempts_allowed: int = 99
    tokens: set[str] = field(default_factory=set)
    tokens_given: int = 0
    posts: list[dict[str, Any]] = field(default_factory=list)

    def cell(self, user: str) -> Cell:
        return self.cells.setdefault(user, Cell())

    def column_url(self, number: str) -> str:
        return f"{self.url}/items/{number}/lineitem?type_id=3"

    @contextmanager
    def served(self) -> Iterator[HostileLms]:
        app = Flask("hostile")
        app.add_url_rule("/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/items", view_func=self.items, methods=["GET", "POST"])
        app.add_url_rule("/items/<number>/lineitem/scores", view_func=self.scores, methods=["POST"])
        app.add_url_rule("/items/<number>/lineitem/results", view_func=self.results)
        app.before_request(self.check)
        with serving(app) as self.url:
            yield self

    def check(self) -> Response | None:
        if request.path == "/token":
            return None
        if self.faults[:1] == ["forget the token"]:
            self.met.append(self.faults.pop(0))
            self.tokens.clear()
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Response("[]", status="401 Unauthorized")
        # Moodle finds a column by the query of its address alone.
        return None if request.args.get("type_id") == "3" else Response("[]", status="404 Not Found")

    def token(self) -> Response:
        if not self.reaches_our_keys:
            return Response("<html>", status="404 Not Found")  # as Moodle says it
        self.tokens_given += 1
        token = f"token-{self.tokens_given}"
        self.tokens.add(token)
        body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 3600})
        return Response(body, content_type="text/html; charset=utf-8")

    # ---- columns ---------------------------------------------------------------------------------------------

    def items(self) -> Response:
        if request.method == "POST":
            assert request.content_type == ITEM_TYPE
            number = str(len(self.columns) + 1)
            self.columns[number] = request.get_json(force=True)
            return Response(json.dumps({"id": self.column_url(number), **self.columns[number]}), status=201)
        if request.headers["Accept"] != ITEMS_TYPE:
            return Response("[]", status="400 No handler found")
        rows = [{"id": self.column_url(number), **column} for number, column in self.columns.items()]
        return Response(json.dumps(rows))

    # ---- scores ----------------------------------------------------------------------------------------------

    def scores(self, number: str) -> Response:
        if number not in self.columns:
            return Response("[]", status="404 Not Found")
        assert request.content_type == SCORE_TYPE
        body = request.get_json(force=True)
        self.posts.append(body)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            self.met.append(fault)
        if fault == "throttle":
            return Response("403 Forbidden (Rate Limit Exceeded)", status="403 Forbidden")
        if fault == "show a page":  # a portal in between that wants somebody to sign in
            return Response("<!DOCTYPE html>\n<title>Sign in</title>")
        if fault == "break":
            return Response("<html>", status="502 Bad Gateway")
        answer = self.as_moodle(body) if self.family == "moodle" else self.as_canvas(body)
        if fault == "lose the answer":
            return Response(iter([b"["]), headers={"Content-Length": "100"})  # cut off, after the score was kept
        return answer

    def as_moodle(self, body: dict[str, Any]) -> Response:
        if self.locked:
            return Response("[]", status="500 Internal Server Error")
        if body["userId"] not in self.learners:
            return Response("[]", status=f"400 Incorrect score received{json.dumps(body)}")
        cell, stamp = self.cell(body["userId"]), datetime.fromisoformat(body["timestamp"]).replace(microsecond=0)
        if cell.timestamp is not None and stamp <= cell.timestamp:
            return Response("[]", status="409 Refusing score with an earlier timestamp for item")
        cell.timestamp = stamp
        cell.score = body.get("scoreGiven") if body["gradingProgress"] == "FullyGraded" else None
        cell.maximum = body.get("scoreMaximum", 1)
        cell.comments = [body["comment"]] if "comment" in body else []
        return Response("[]")

    def as_canvas(self, body: dict[str, Any]) -> Response:
        if body["userId"] not in self.learners:
            return _refused(422, "User not found in course or is not a student")
        cell, stamp = self.cell(body["userId"]), datetime.fromisoformat(body["timestamp"])
        if cell.timestamp is not None and stamp < cell.timestamp:
            return _refused(400, f"Provided timestamp of {stamp} before last updated timestamp of {cell.timestamp}")
        extra = body.get(SUBMISSION, {})
        if extra.get("new_submission", True):
            if cell.attempts >= self.attempts_allowed:
                return _refused(422, "The maximum number of allowed attempts has been reached for this submission")
            cell.attempts += 1
            cell.submitted_at = extra.get("submitted_at") or body["timestamp"]
        cell.timestamp = stamp
        cell.work = extra.get("submission_data", cell.work)
        if "comment" in body:
            cell.comments.append(body["comment"])
        given = body.get("scoreGiven") if body["gradingProgress"] in ("FullyGraded", "PendingManual") else None
        if given is not None or not extra.get("preserve_score", False):
            cell.score, cell.maximum = given, body.get("scoreMaximum", 100)
            if not extra.get("prioritize_non_tool_grade", False):
                cell.overridden = None
        return Response(json.dumps({"resultUrl": self.url}))

    def results(self, number: str) -> Response:
        if request.headers["Accept"] != RESULTS_TYPE:
            return Response("[]", status="400 No handler found")
        rows = [
            {"userId": user, "resultScore": cell.shown, "resultMaximum": cell.maximum}
            for user, cell in self.cells.items()
            if cell.shown is not None and request.args.get("user_id", user) == user
        ]
        return Response(json.dumps(rows))


def _refused(status: int, sentence: str) -> Response:
    return Response(json.dumps({"errors": {"type": "x", "message": sentence}}), status=status)

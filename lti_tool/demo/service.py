"""What every service of the platform does alike: bearer tokens, media types, JSON bodies, paging, errors."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlencode

from flask import Request, Response

from lti_tool.demo.store import Store

SCOPE_LINE_ITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
SCOPE_LINE_ITEM_READ = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"
SCOPE_RESULT_READ = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
SCOPE_SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
SCOPE_MEMBERS = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
AGS_SCOPES = (SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READ, SCOPE_RESULT_READ, SCOPE_SCORE)
GRANTED_SCOPES = (*AGS_SCOPES, SCOPE_MEMBERS)

MAX_PAGE = 100
LARGEST_NUMBER = 1_000_000_000
_PAGE_TOKEN = re.compile(r"^from:(\d{1,9})$")

T = TypeVar("T")


class ServiceError(Exception):
    """A refused service request: the HTTP status and one sentence, answered as JSON."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.headers = status, sentence, headers or {}

    def response(self) -> Response:
        body = {"status": self.status, "message": self.sentence}
        return Response(json.dumps(body), self.status, self.headers, mimetype="application/json")


def refuse(status: int, sentence: str) -> NoReturn:
    raise ServiceError(status, sentence)


def require_scope(request: Request, store: Store, *any_of: str) -> None:
    """Demand a live bearer token holding one of the scopes (RFC 6750: 401 for the token, 403 for the scope)."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    scopes = store.token_scopes(token.strip()) if kind.lower() == "bearer" and token else None
    if scopes is None:
        challenge = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        raise ServiceError(401, "A live bearer token is required.", challenge)
    if not scopes.intersection(any_of):
        challenge = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{" ".join(any_of)}"'}
        raise ServiceError(403, "The token's scope does not allow this.", challenge)


def require_accept(request: Request, media_type: str) -> None:
    """Demand the exact media type in Accept; a wildcard is not enough, as on Moodle."""
    if media_type not in [value.lower() for value, _ in request.accept_mimetypes]:
        refuse(406, f"Accept must name {media_type}.")


def read_json(request: Request, media_type: str) -> dict[str, Any]:
    """The body as a JSON object of storable text and finite numbers."""
    if request.mimetype != media_type:
        refuse(415, f"Content-Type must be {media_type}.")
    try:
        body = json.loads(request.get_data().decode("utf-8"), parse_constant=_no_constant)
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # a lone surrogate cannot be stored
    except (ValueError, RecursionError):
        refuse(400, "The body is not valid JSON.")
    if not isinstance(body, dict):
        refuse(400, "The body must be a JSON object.")
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_text(body: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str) or (required and not value.strip()):
        refuse(400, f"{name} must be a {'non-empty ' if required else ''}string.")
    return value


def read_number(body: dict[str, Any], name: str) -> float | None:
    """A JSON number within ±LARGEST_NUMBER, or None when absent; booleans and numeric strings are refused."""
    value = body.get(name)
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool | str | list | dict) else float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= LARGEST_NUMBER:  # also false for NaN
        refuse(400, f"{name} must be a finite number of at most {LARGEST_NUMBER:,}.")
    return number


def json_answer(content: object, media_type: str, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(content, ensure_ascii=False), status, headers, content_type=media_type)


def page_of(request: Request, rows: Sequence[T], url: str) -> tuple[list[T], dict[str, str]]:
    """The asked-for page of the rows and its headers: Link rel=next while more follow.

    The page token is opaque and case-sensitive, so a client must follow the link as it is.
    """
    limit, start = _limit(request), _start(request)
    chosen = list(rows[start : start + limit])
    if start + limit >= len(rows):
        return chosen, {}
    token = base64.urlsafe_b64encode(f"from:{start + limit}".encode()).rstrip(b"=").decode()
    query = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
    return chosen, {"Link": f'<{url}?{urlencode([*query, ("page", token)])}>; rel="next"'}


def _limit(request: Request) -> int:
    text = request.args.get("limit")
    if text is None:
        return MAX_PAGE
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        refuse(400, "limit must be a positive whole number.")
    return min(int(text), MAX_PAGE)


def _start(request: Request) -> int:
    token = request.args.get("page")
    if token is None:
        return 0
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        decoded = ""
    found = _PAGE_TOKEN.match(decoded)
    if not found:
        refuse(400, "page is not a page of this list.")
    return int(found[1])

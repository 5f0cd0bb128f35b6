"""Assignment and Grade Services 2.0: line items, scores, results.

https://www.imsglobal.org/spec/lti-ags/v2p0. Nothing here retries: an answer is handed to whoever keeps the outbox.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from lti_tool.access_tokens import AccessTokens, Client
from lti_tool.keys import SigningKey
from lti_tool.models import Registration
from lti_tool.outbound import Reply, ReplyUnreadable
from lti_tool.services import PlatformService, expect_ok

LINE_ITEM = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"
LINE_ITEM_READ = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly"
RESULT_READ = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"
SCORE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
SCOPES = (LINE_ITEM, LINE_ITEM_READ, RESULT_READ, SCORE)
DEFAULT_SCOPES = (LINE_ITEM, RESULT_READ, SCORE)

LINE_ITEM_TYPE = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS_TYPE = "application/vnd.ims.lis.v2.lineitemcontainer+json"
RESULTS_TYPE = "application/vnd.ims.lis.v2.resultcontainer+json"
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"
KEPT = ("label", "scoreMaximum", "resourceId", "tag", "startDateTime", "endDateTime")
ANSWER_LENGTH = 300
BEARER = re.compile(r"(?i)bearer\s+\S+|eyJ[\w-]+\.[\w-]+\.[\w-]*")


@dataclass(frozen=True)
class Answer:
    """What a platform said to a score: the status, and reason phrase plus the beginning of the body."""

    status: int
    text: str


class AgsClient:
    """The gradebook of one platform, as one registration may use it.

    `scopes` are those of the resource link (LTI's launch names them); a token is asked for the AGS ones among them,
    and where a launch named none, for all that we use: the platform says what it grants.
    """

    def __init__(
        self,
        outbound: Client,
        registration: Registration,
        key: SigningKey,
        *,
        scopes: Collection[str] = (),
        tokens: AccessTokens | None = None,
    ) -> None:
        granted = [scope for scope in scopes if scope in SCOPES] if scopes else DEFAULT_SCOPES
        self._service = PlatformService(outbound, registration, key, granted, tokens)

    def find_line_items(self, url: str, *, resource_link_id: str | None = None) -> list[dict[str, Any]]:
        """The columns we may see, those of one resource link if it is named; every page of them."""
        self._service.require(LINE_ITEM, LINE_ITEM_READ)
        if resource_link_id is not None:
            url = with_query(url, resource_link_id=resource_link_id)
        found = [item for page in self._service.pages(url, LINE_ITEMS_TYPE) for item in _rows(page)]
        if resource_link_id is None:
            return found
        # The filter is optional to obey, so it is applied here too.
        return [item for item in found if str(item.get("resourceLinkId", "")) == resource_link_id]

    def create_line_item(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A new column; the same body twice makes two, so look first."""
        self._service.require(LINE_ITEM)
        reply = self._service.post(url, _json(body), LINE_ITEM_TYPE, LINE_ITEM_TYPE)
        return _object(expect_ok(reply))

    def get_line_item(self, url: str) -> dict[str, Any]:
        """One column."""
        self._service.require(LINE_ITEM, LINE_ITEM_READ)
        return _object(expect_ok(self._service.get(url, LINE_ITEM_TYPE)))

    def update_line_item(self, url: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a column of ours, and leave the rest of it as it is; for the platform's own see `line_items`.

        A PUT replaces the whole column: Moodle detaches one whose resourceLinkId is left out, and erases resourceId
        and tag (seen on 4.5.6). So what is there is read first and sent back.
        """
        self._service.require(LINE_ITEM)
        before = self.get_line_item(url)
        body = {name: before[name] for name in KEPT if before.get(name) is not None} | dict(changes)
        if before.get("resourceLinkId") is not None:
            body["resourceLinkId"] = before["resourceLinkId"]
        return _object(expect_ok(self._service.put(url, _json(body), LINE_ITEM_TYPE, LINE_ITEM_TYPE)))

    def delete_line_item(self, url: str) -> None:
        """Remove a column of ours with every score in it; one that is gone already is no error."""
        self._service.require(LINE_ITEM)
        reply = self._service.delete(url)
        if reply.status not in (404, 410):
            expect_ok(reply)

    def post_score(self, line_item_url: str, body: Mapping[str, Any]) -> Answer:
        """Send a score once. Any status is an answer; PlatformUnreachable means that it is not known what happened."""
        self._service.require(SCORE)
        url = under(line_item_url, "scores")
        return _answer(self._service.post(url, _json(body), SCORE_TYPE, "application/json, */*;q=0.1"))

    def results(self, line_item_url: str, user_id: str) -> list[dict[str, Any]]:
        """What the gradebook shows for one learner; an empty list where it shows nothing."""
        self._service.require(RESULT_READ)
        url = with_query(under(line_item_url, "results"), user_id=user_id)
        rows = [row for page in self._service.pages(url, RESULTS_TYPE) for row in _rows(page)]
        return [row for row in rows if str(row.get("userId", "")) == user_id]

    def all_results(self, line_item_url: str) -> list[dict[str, Any]]:
        """What the gradebook shows for everybody, every page of it."""
        self._service.require(RESULT_READ)
        pages = self._service.pages(under(line_item_url, "results"), RESULTS_TYPE)
        return [row for page in pages for row in _rows(page)]


def under(line_item_url: str, part: str) -> str:
    """The address of a column's scores or results: before the query string, which Moodle's columns have."""
    parts = urlsplit(line_item_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{part}", fragment=""))


def with_query(url: str, **parameters: str) -> str:
    """The address with more parameters; those it has stay as they are."""
    parts = urlsplit(url)
    added = "&".join(f"{name}={quote(value, safe='')}" for name, value in parameters.items())
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))


def _json(body: Mapping[str, Any]) -> bytes:
    # allow_nan: a score that is not a number must fail here, not as invalid JSON at the platform.
    return json.dumps(body, allow_nan=False, ensure_ascii=False, sort_keys=True).encode("utf-8")


def _rows(page: Any) -> list[dict[str, Any]]:
    if not isinstance(page, list):
        raise ReplyUnreadable(200, "a list was expected")
    return [row for row in page if isinstance(row, dict)]


def _object(reply: Reply) -> dict[str, Any]:
    body = reply.json()
    if not isinstance(body, dict):
        raise ReplyUnreadable(reply.status, "an object was expected")
    return body


def _answer(reply: Reply) -> Answer:
    body = " ".join(reply.body.decode("utf-8", "replace").split())[:ANSWER_LENGTH]
    text = f"{reply.reason[:ANSWER_LENGTH]}: {body}" if body else reply.reason[:ANSWER_LENGTH]
    return Answer(reply.status, BEARER.sub("[token]", text).replace("\x00", ""))

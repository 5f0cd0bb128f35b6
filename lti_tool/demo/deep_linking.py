"""Adding content: the instructor chooses in the tool, and what comes back becomes activities with their columns.

Rules: https://www.imsglobal.org/spec/lti-dl/v2p0#deep-linking-response-message
"""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit
from uuid import uuid4

from flask import Blueprint, abort, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.demo.config import PlatformConfig, Tool, origin
from lti_tool.demo.keys import Keyring
from lti_tool.demo.pages import login_request
from lti_tool.demo.records import AddedLink, LineItem, Person, ResourceLink
from lti_tool.demo.service import LARGEST_NUMBER
from lti_tool.demo.store import COURSE_ID, Store
from lti_tool.demo.tokens import TokenError, check_times, signed_claims, signer_of

MAX_ITEMS = 20
MAX_TITLE = 255
MAX_JWT = 64 * 1024
_LTI = "https://purl.imsglobal.org/spec/lti/claim"
_DL = "https://purl.imsglobal.org/spec/lti-dl/claim"


class ContentRefused(Exception):
    """The tool's answer breaks a rule; the sentence says which. Nothing was added."""


@dataclass(frozen=True)
class Column:
    """The gradebook column that a link brings with it."""

    label: str
    maximum: float
    resource_id: str
    tag: str


@dataclass(frozen=True)
class Link:
    """One well-formed ltiResourceLink."""

    url: str
    title: str
    custom: dict[str, str]
    column: Column | None


def deep_linking_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("content", __name__, url_prefix="/content")
    keyring = Keyring(config.fetch_jwks, config.clock)

    @bp.get("/<slug>")
    def content(slug: str) -> ResponseReturnValue:
        """The activities of the course; for an instructor, the way to add one."""
        me = store.person(slug) or abort(404, "Nobody here has that name.")
        choosing = request.args.get("choose") == "1" and me.teaches
        return render_template(
            "content.html",
            me=me,
            course=store.course(),
            first=store.resource_link(),
            links=store.added_links(),
            choosing=choosing,
            tool_origin=store.tool().origin,
        )

    @bp.get("/<slug>/choose")
    def choose(slug: str) -> ResponseReturnValue:
        """Third-party-initiated login for a Deep Linking request."""
        person, tool = _instructor(store, slug), store.tool()
        hint = store.begin_launch(person, state=secrets.token_urlsafe(24))
        fields = login_request(config, tool, person, hint)
        page = make_response(render_template("self_post.html", action=tool.login_url, fields=fields))
        page.headers["Cache-Control"] = "no-store"
        return page

    @bp.post("/returned")
    def returned() -> ResponseReturnValue:
        """The tool's answer, brought by the browser in the frame."""
        links = read_answer(request.form.get("JWT", ""), config, store, keyring)
        with store.session() as session:
            for link in links:
                _add(session, link, config)
        return render_template("content_returned.html", links=links)

    @bp.get("/returned")
    def back() -> ResponseReturnValue:
        return redirect(url_for("pages.home"))

    @bp.errorhandler(ContentRefused)
    def refused(error: ContentRefused) -> ResponseReturnValue:
        return render_template("refused.html", title="Nothing was added", sentence=str(error)), 400

    return bp


def _instructor(store: Store, slug: str) -> Person:
    person = store.person(slug) or abort(404, "Nobody here has that name.")
    return person if person.teaches else abort(403, "Only instructors add content.")


# ---- the answer ----------------------------------------------------------------------------------------------


def read_answer(token: str, config: PlatformConfig, store: Store, keyring: Keyring) -> list[Link]:
    """Check signature, every claim and every item, and use the request up; raises ContentRefused."""
    if len(token) > MAX_JWT:
        _refuse("The answer is too large.")
    try:
        tool = signer_of(token, store)
        claims = signed_claims(token, keyring.of(tool.jwks_url))
        expires_at = check_times(claims, config.clock())
    except TokenError as error:
        raise ContentRefused(f"The tool's answer was not accepted: {error}.") from error
    _check_parties(claims, config, tool)
    links = [_read_link(item, tool) for item in _items(claims)]
    nonce, state = claims.get("nonce"), claims.get(f"{_DL}/data")
    if not isinstance(nonce, str) or not nonce or not store.use_jti(f"content:{nonce}", expires_at):
        _refuse("nonce is required, and must not have been used before.")
    if not isinstance(state, str) or not store.use_state(state):
        _refuse("data does not belong to an open request, or the request was answered before.")
    return links


def _check_parties(claims: dict[str, Any], config: PlatformConfig, tool: Tool) -> None:
    audience = claims.get("aud")
    if claims.get("iss") != tool.client_id:
        _refuse("iss must be the tool's client id.")
    if audience not in (config.issuer, [config.issuer]):
        _refuse("aud must be this platform's issuer alone.")
    if "azp" in claims and claims["azp"] != config.issuer:
        _refuse("azp must be this platform's issuer.")
    if claims.get(f"{_LTI}/message_type") != "LtiDeepLinkingResponse":
        _refuse("message_type must be LtiDeepLinkingResponse.")
    if claims.get(f"{_LTI}/version") != "1.3.0":
        _refuse("version must be 1.3.0.")
    if claims.get(f"{_LTI}/deployment_id") != tool.deployment_id:
        _refuse("deployment_id must be the one of the request.")


def _items(claims: dict[str, Any]) -> list[Any]:
    items = claims.get(f"{_DL}/content_items", [])
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        _refuse(f"content_items must be a list of at most {MAX_ITEMS}.")
    return items


def _read_link(item: Any, tool: Tool) -> Link:
    if not isinstance(item, dict) or item.get("type") != "ltiResourceLink":
        _refuse("Only items of type ltiResourceLink were asked for.")
    url = item.get("url", tool.target_link_uri)
    if not isinstance(url, str) or origin(url) not in tool.origins or urlsplit(url).fragment:
        _refuse("url must lead to the tool.")
    custom = item.get("custom", {})
    if not isinstance(custom, dict) or not all(isinstance(value, str) for value in custom.values()):
        _refuse("custom must be an object of strings.")
    column = item.get("lineItem")
    title = _text(item, "title")
    return Link(url, title, custom, None if column is None else _read_column(column, title))


def _read_column(column: Any, title: str) -> Column:
    if not isinstance(column, dict):
        _refuse("lineItem must be an object.")
    maximum = column.get("scoreMaximum")
    if isinstance(maximum, bool) or not isinstance(maximum, int | float) or not math.isfinite(maximum):
        _refuse("scoreMaximum must be a number.")
    if not 0 < maximum <= LARGEST_NUMBER:
        _refuse("scoreMaximum must be above 0.")
    label = _text(column, "label") if "label" in column else title
    named = [column.get(name, "") for name in ("resourceId", "tag")]
    if not all(isinstance(value, str) and len(value) <= MAX_TITLE for value in named):
        _refuse("resourceId and tag must be strings.")
    return Column(label, float(maximum), *named)


def _text(item: dict[str, Any], name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TITLE:
        _refuse(f"{name} must be a text of 1 to {MAX_TITLE} characters.")
    return value


def _refuse(sentence: str) -> NoReturn:
    raise ContentRefused(sentence)


# ---- what it becomes -----------------------------------------------------------------------------------------


def _add(session: Session, link: Link, config: PlatformConfig) -> None:
    link_id = f"link-{uuid4()}"
    session.add(ResourceLink(id=link_id, course_id=COURSE_ID, title=link.title, description=""))
    session.flush()
    session.add(
        AddedLink(resource_link_id=link_id, url=link.url, custom=json.dumps(link.custom), added_at=config.clock())
    )
    if link.column is None:
        return
    position = (session.scalar(select(func.max(LineItem.position))) or 0) + 1
    session.add(
        LineItem(
            id=str(position),
            position=position,
            course_id=COURSE_ID,
            resource_link_id=link_id,
            from_activity=True,
            label=link.column.label,
            score_maximum=link.column.maximum,
            resource_id=link.column.resource_id,
            tag=link.column.tag,
        )
    )
    session.flush()

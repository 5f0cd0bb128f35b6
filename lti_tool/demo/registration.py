"""A tool registers itself here: the platform's side of LTI Dynamic Registration, as Moodle does it and as Canvas does.

Rules: https://www.imsglobal.org/spec/lti-dr/v1p0. Moodle: mod/lti/openid-registration.php and local/ltiopenid; Canvas:
doc/api/registration.md and app/models/lti/ims/registration.rb.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, abort, g, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import delete, func, select, update

from lti_tool.demo.config import PlatformConfig, origin
from lti_tool.demo.records import TOOL_CONFIGURATION, RegisteredTool, RegistrationToken
from lti_tool.demo.service import GRANTED_SCOPES, ServiceError, read_json, refuse
from lti_tool.demo.store import Store

SHAPES = {"moodle": "Moodle", "canvas": "Canvas"}
TOKEN_LIFETIME = timedelta(hours=1)
MAX_ADDRESS = 2000
PLATFORM_CONFIGURATION = "https://purl.imsglobal.org/spec/lti-platform-configuration"
RESOURCE_LINK, DEEP_LINKING = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
MESSAGES: Mapping[str, Mapping[str, list[str]]] = {
    "moodle": {RESOURCE_LINK: [], DEEP_LINKING: ["ContentArea"]},
    "canvas": {
        RESOURCE_LINK: ["course_navigation", "link_selection"],
        DEEP_LINKING: ["assignment_selection", "editor_button", "link_selection"],
    },
}


def registration_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("registration", __name__)
    _add_pages(bp, config, store)

    @bp.get("/.well-known/openid-configuration")
    def openid_configuration() -> ResponseReturnValue:
        """Moodle's is open to everybody; Canvas's is given for a registration token only."""
        shape = _shape(request.args.get("as", "moodle"))
        if shape == "canvas":
            _require_token(store, config, shape)
        return jsonify(configuration(config, shape))

    @bp.post("/lti/registrations")
    def register() -> ResponseReturnValue:
        """Take in what the tool says about itself; it opens nothing until somebody here activates it."""
        shape = _shape(request.args.get("as", "moodle"))
        body = read_json(request, "application/json")
        check_registration(body, shape)
        token_hash = _require_token(store, config, shape)
        row = _store(config, store, body, shape, token_hash)
        answer = {**body, "client_id": row.client_id}
        if shape == "moodle":  # Canvas makes a deployment later, when an admin installs the app, and shows its id there
            answer[TOOL_CONFIGURATION] = {**body[TOOL_CONFIGURATION], "deployment_id": row.deployment_id}
        return jsonify(answer), 201 if shape == "moodle" else 200

    return bp


def configuration(config: PlatformConfig, shape: str) -> dict[str, Any]:
    """What the platform says about itself in this shape."""
    messages = [{"type": kind, "placements": places} for kind, places in MESSAGES[shape].items()]
    found: dict[str, Any] = {
        "issuer": config.issuer,
        "authorization_endpoint": f"{config.issuer}/lti/authorize",
        "token_endpoint": config.token_endpoint,
        "jwks_uri": f"{config.issuer}/lti/jwks",
        "registration_endpoint": f"{config.issuer}/lti/registrations?as={shape}",
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", *GRANTED_SCOPES],
        PLATFORM_CONFIGURATION: {"product_family_code": shape, "version": "demo", "messages_supported": messages},
    }
    if shape == "canvas":  # a bare host, which Canvas itself does not take as the audience of a token request
        found["authorization_server"] = urlsplit(config.issuer).netloc
    return found


# ---- what a tool sends ---------------------------------------------------------------------------------------


def check_registration(body: Mapping[str, Any], shape: str) -> None:
    """Every rule that Moodle or Canvas has for it; raises ServiceError with a sentence."""
    addresses = ["initiate_login_uri", "jwks_uri"]
    required = [*addresses, "client_name", "redirect_uris", "response_types", "token_endpoint_auth_method"]
    missing = [name for name in required if not body.get(name)]
    own = body.get(TOOL_CONFIGURATION)
    if missing or not isinstance(own, dict):
        refuse(400, f"missing: {', '.join(missing) or TOOL_CONFIGURATION}")
    if "id_token" not in body["response_types"] or body["token_endpoint_auth_method"] != "private_key_jwt":
        refuse(400, "response_types must hold id_token, token_endpoint_auth_method be private_key_jwt")
    targets = [*(body[name] for name in addresses), own.get("target_link_uri"), *_list(body["redirect_uris"])]
    if not all(_is_address(target) for target in targets):
        refuse(400, "every address must be a web address")
    if own.get("domain") != urlsplit(own["target_link_uri"]).netloc:
        refuse(400, "domain must be host and port of target_link_uri")
    if not all(isinstance(value, str) for value in own.get("custom_parameters", {}).values()):
        refuse(400, "custom_parameters must be strings")
    if shape == "canvas":
        _check_as_canvas(body, own)


def _check_as_canvas(body: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    unknown = set(str(body.get("scope", "")).split()) - set(GRANTED_SCOPES)
    if unknown:
        refuse(422, f"Invalid scopes: {', '.join(sorted(unknown))}")
    for message in _list(own.get("messages")):
        known = {*MESSAGES["canvas"].get(message.get("type"), ()), "ContentArea", "RichTextEditor"}
        if message.get("type") not in MESSAGES["canvas"] or not set(message.get("placements", ())) <= known:
            refuse(422, "a message or placement is not known here")


def placements(body: Mapping[str, Any]) -> dict[str, str]:
    """Placement to message type as Canvas reads a registration: the first message that names a placement has it.

    A message without placements is taken to mean link_selection.
    """
    found: dict[str, str] = {}
    for message in body[TOOL_CONFIGURATION].get("messages", []):
        for place in message.get("placements") or ["link_selection"]:
            found.setdefault("link_selection" if place == "ContentArea" else place, message["type"])
    return found


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_ADDRESS and urlsplit(value).scheme in ("http", "https")


def _store(
    config: PlatformConfig, store: Store, body: Mapping[str, Any], shape: str, token_hash: str
) -> RegisteredTool:
    """Use the token up and keep the tool, in one transaction."""
    with store.session() as session:
        if (
            session.scalar(
                delete(RegistrationToken)
                .where(RegistrationToken.token_hash == token_hash)
                .returning(RegistrationToken.token_hash)
            )
            is None
        ):
            refuse(401, "The registration token was used already.")
        number = (session.scalar(select(func.count()).select_from(RegisteredTool)) or 0) + 2
        row = RegisteredTool(
            client_id=secrets.token_hex(8),
            deployment_id=str(number),
            shape=shape,
            body=json.dumps(body),
            registered_at=config.clock(),
        )
        session.add(row)
        session.flush()
    return row


def _shape(name: str) -> str:
    return name if name in SHAPES else abort(404, "No platform of that kind.")


def _require_token(store: Store, config: PlatformConfig, shape: str) -> str:
    """The hash of the live registration token that came with the request; ServiceError 401 without one."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    token_hash = _hash(token.strip())
    with store.session() as session:
        row = session.get(RegistrationToken, token_hash)
    if kind.lower() != "bearer" or row is None or row.shape != shape or row.expires_at <= config.clock():
        raise ServiceError(401, "A live registration token is required.")
    return token_hash


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


# ---- the administrator's pages -------------------------------------------------------------------------------


def _add_pages(bp: Blueprint, config: PlatformConfig, store: Store) -> None:
    @bp.get("/tools")
    def tools() -> ResponseReturnValue:
        """The tools that registered, the way to add one, and which one the course opens."""
        with store.session() as session:
            rows = session.scalars(select(RegisteredTool).order_by(RegisteredTool.registered_at)).all()
        return render_template(
            "tools.html",
            first=config.tool,
            rows=rows,
            chosen=store.tool().client_id,
            shapes=SHAPES,
            suggested=f"{config.tool.origin}/lti/register",
        )

    @bp.get("/tools/add")
    def add() -> ResponseReturnValue:
        """Open the tool's registration address in a frame, with our configuration's address and a one-time token."""
        shape, address = _shape(request.args.get("as", "")), request.args.get("url", "").strip()
        if not _is_address(address) or not urlsplit(address).hostname:
            abort(400, "That is not a web address.")
        g.registering = origin(address)
        return render_template(
            "tool_registers.html",
            address=_with_question(address, config, _new_token(store, config, shape), shape),
            tool_origin=origin(address),
            shape=SHAPES[shape],
        )

    @bp.post("/tools/<client_id>/activate")
    def activate(client_id: str) -> ResponseReturnValue:
        """Let the tool open courses."""
        with store.session() as session:
            session.execute(update(RegisteredTool).where(RegisteredTool.client_id == client_id).values(active=True))
        return redirect(url_for(".tools"), 303)

    @bp.post("/tools/<client_id>/choose")
    def choose(client_id: str) -> ResponseReturnValue:
        """Have the course open with this tool from now on."""
        with store.session() as session:
            if client_id == config.client_id:
                session.execute(update(RegisteredTool).values(chosen_at=None))
            session.execute(
                update(RegisteredTool)
                .where(RegisteredTool.client_id == client_id, RegisteredTool.active)
                .values(chosen_at=config.clock())
            )
        return redirect(url_for(".tools"), 303)


def _new_token(store: Store, config: PlatformConfig, shape: str) -> str:
    token, now = secrets.token_urlsafe(32), config.clock()
    with store.session() as session:
        session.execute(delete(RegistrationToken).where(RegistrationToken.expires_at < now))
        session.add(RegistrationToken(token_hash=_hash(token), shape=shape, expires_at=now + TOKEN_LIFETIME))
    return token


def _with_question(address: str, config: PlatformConfig, token: str, shape: str) -> str:
    parts = urlsplit(address)
    question = {
        "openid_configuration": f"{config.issuer}/.well-known/openid-configuration?as={shape}",
        "registration_token": token,
    }
    return urlunsplit(parts._replace(query=urlencode([*parse_qsl(parts.query), *question.items()]), fragment=""))

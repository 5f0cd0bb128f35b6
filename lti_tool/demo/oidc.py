"""The OIDC half of a launch: the tool asks who is there, the platform posts back a signed id_token.

Rules: https://www.imsglobal.org/spec/security/v1p0/#openid_connect_launch_flow and
https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import jwt
from flask import Blueprint, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from lti_tool.demo.claims import launch_claims
from lti_tool.demo.config import PlatformConfig, Tool
from lti_tool.demo.keys import load_private_key
from lti_tool.demo.records import Person
from lti_tool.demo.store import Store

MAX_PARAMETER = 4096


class LaunchRefused(Exception):
    """An authorization request whose sender cannot be trusted with an answer: shown as a 4xx page."""


class AuthorizationError(Exception):
    """An OIDC error that goes back to the tool's own redirect_uri."""

    def __init__(self, code: str, sentence: str, redirect_uri: str, state: str) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.redirect_uri, self.state = code, sentence, redirect_uri, state


def oidc_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("oidc", __name__)

    @bp.route("/lti/authorize", methods=["GET", "POST"])
    def authorize() -> ResponseReturnValue:
        asked = single_values(request.form if request.method == "POST" else request.args)
        tool = asking_tool(asked, store)
        person = check_request(asked, store)
        if not store.use_hint(asked["lti_message_hint"]):
            raise LaunchRefused("This launch was already used. Open the activity again from the course.")
        detail = store.launch_detail(asked["lti_message_hint"])
        fields = {"id_token": _sign(launch_claims(config, store, tool, person, asked["nonce"], detail), store)}
        return _self_posting(asked["redirect_uri"], fields | _state(asked.get("state", "")))

    @bp.errorhandler(AuthorizationError)
    def answer_error(error: AuthorizationError) -> ResponseReturnValue:
        fields = {"error": error.code, "error_description": error.sentence} | _state(error.state)
        return _self_posting(error.redirect_uri, fields)

    @bp.errorhandler(LaunchRefused)
    def refuse_page(error: LaunchRefused) -> ResponseReturnValue:
        return render_template("refused.html", title="The launch was refused", sentence=str(error)), 400

    @bp.get("/lti/jwks")
    def jwks() -> ResponseReturnValue:
        return jsonify(store.public_jwks())

    return bp


def single_values(sent: MultiDict[str, str]) -> dict[str, str]:
    """The request's parameters, none of them twice (RFC 6749 section 3.1) and none over-long."""
    for _, values in sent.lists():
        if len(values) > 1:
            raise LaunchRefused("The tool sent a parameter twice.")
        if len(values[0]) > MAX_PARAMETER:
            raise LaunchRefused(f"The tool sent a parameter of over {MAX_PARAMETER} characters.")
    return sent.to_dict()


def asking_tool(asked: Mapping[str, str], store: Store) -> Tool:
    """The tool that asks, with an address that is its own; raises LaunchRefused.

    Until client and redirect address are known to be right nothing may be sent there, so those faults end on a page
    of ours.
    """
    tool = store.tool_of(asked.get("client_id", ""))
    if tool is None:
        raise LaunchRefused("The tool's client_id is not registered here.")
    if asked.get("redirect_uri") not in tool.redirect_uris:
        raise LaunchRefused("The tool's redirect_uri is not registered here, character for character.")
    return tool


def check_request(asked: Mapping[str, str], store: Store) -> Person:
    """Whose launch this request continues; raises LaunchRefused or AuthorizationError, uses nothing up."""
    person = store.launching_person(asked.get("lti_message_hint", ""))
    if person is None:
        raise LaunchRefused("This launch is unknown or was already used. Open the activity again from the course.")
    _check_openid_parameters(asked)
    if asked.get("login_hint") != person.sub:
        _back(asked, "login_required", "login_hint does not belong to lti_message_hint")
    return person


def _check_openid_parameters(asked: Mapping[str, str]) -> None:
    if asked.get("response_type") != "id_token":
        _back(asked, "unsupported_response_type", "response_type must be id_token")
    if asked.get("response_mode") != "form_post":
        _back(asked, "invalid_request", "response_mode must be form_post")
    if asked.get("scope") != "openid":
        _back(asked, "invalid_scope", "scope must be openid")
    if asked.get("prompt") != "none":
        _back(asked, "invalid_request", "prompt must be none")
    if not asked.get("nonce"):
        _back(asked, "invalid_request", "nonce is required")


def _back(asked: Mapping[str, str], code: str, sentence: str) -> NoReturn:
    raise AuthorizationError(code, sentence, asked["redirect_uri"], asked.get("state", ""))


def _state(state: str) -> dict[str, str]:
    return {"state": state} if state else {}


def _sign(claims: dict[str, Any], store: Store) -> str:
    key = store.signing_key()
    return jwt.encode(claims, load_private_key(key.private_pem), algorithm="RS256", headers={"kid": key.kid})


def _self_posting(action: str, fields: Mapping[str, str]) -> ResponseReturnValue:
    page = make_response(render_template("self_post.html", action=action, fields=fields))
    page.headers["Cache-Control"] = "no-store"
    return page

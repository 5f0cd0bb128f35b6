"""The token endpoint: a signed client assertion (RFC 7523) for a short-lived bearer token.

Rules: https://www.imsglobal.org/spec/security/v1p0/#using-json-web-tokens-with-oauth-2-0-client-credentials-grant
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import jwt
from flask import Blueprint, Response, jsonify, request
from jwt.types import Options

from lti_tool.demo.config import PlatformConfig, Tool
from lti_tool.demo.keys import Keyring, KeySetUnreadable, ToolKeys
from lti_tool.demo.service import GRANTED_SCOPES
from lti_tool.demo.store import TOKEN_LIFETIME, Store

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_ASSERTION_LIFE = timedelta(minutes=10)
CLOCK_SLACK = timedelta(seconds=5)
_NO_PYJWT_CLAIM_CHECKS: Options = {  # they are ours, below, by the platform's own clock
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class TokenError(Exception):
    """A refusal by RFC 6749 section 5.2: the error code, one sentence, the HTTP status."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.status = code, sentence, status


def token_blueprint(config: PlatformConfig, store: Store) -> Blueprint:
    bp = Blueprint("tokens", __name__)
    keyring = Keyring(config.fetch_jwks, config.clock)

    @bp.post("/lti/token")
    def token() -> Response:
        form = _read_form()
        expires_at, jti = verify_assertion(form["client_assertion"], config, store, keyring)
        if not store.use_jti(jti, expires_at):
            _not_the_client("the assertion's jti was used before")
        scopes = _granted(form["scope"])
        answer = jsonify(
            access_token=store.issue_token(scopes),
            token_type="Bearer",
            expires_in=int(TOKEN_LIFETIME.total_seconds()),
            scope=" ".join(scopes),
        )
        return _uncached(answer)

    @bp.errorhandler(TokenError)
    def refused(error: TokenError) -> Response:
        answer = jsonify(error=error.code, error_description=error.sentence)
        answer.status_code = error.status
        return _uncached(answer)

    return bp


def verify_assertion(assertion: str, config: PlatformConfig, store: Store, keyring: Keyring) -> tuple[datetime, str]:
    """Check signature and every claim; returns when the assertion expires and its jti, else TokenError."""
    tool = signer_of(assertion, store)
    claims = signed_claims(assertion, keyring.of(tool.jwks_url))
    if claims.get("iss") != tool.client_id or claims.get("sub") != tool.client_id:
        _not_the_client("iss and sub must both be the client id")
    _check_audience(claims.get("aud"), config)
    expires_at = check_times(claims, config.clock())
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        _not_the_client("jti is required and must be a string")
    return expires_at, jti


def _read_form() -> dict[str, str]:
    if request.mimetype != "application/x-www-form-urlencoded":
        raise TokenError("invalid_request", "the body must be form-encoded")
    form = {name: _single(name) for name in ("grant_type", "client_assertion_type", "client_assertion", "scope")}
    if not form["grant_type"]:
        raise TokenError("invalid_request", "grant_type is required")
    if form["grant_type"] != "client_credentials":
        raise TokenError("unsupported_grant_type", "only client_credentials is offered")
    if form["client_assertion_type"] != ASSERTION_TYPE:
        raise TokenError("invalid_request", f"client_assertion_type must be {ASSERTION_TYPE}")
    if not form["client_assertion"]:
        raise TokenError("invalid_request", "client_assertion is required")
    return form


def _single(name: str) -> str:
    values = request.form.getlist(name)
    if len(values) > 1:
        raise TokenError("invalid_request", f"{name} was sent more than once")
    return values[0] if values else ""


def signer_of(token: str, store: Store) -> Tool:
    """The registered tool that a token says it comes from, before anything of it is believed; raises TokenError."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False, **_NO_PYJWT_CLAIM_CHECKS})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        _not_the_client("the assertion is not a JWT")
    client_id = claims.get("iss")
    tool = store.tool_of(client_id) if isinstance(client_id, str) else None
    return tool or _not_the_client("iss and sub must both be the client id")


def signed_claims(assertion: str, keys: ToolKeys) -> dict[str, Any]:
    """The claims of a token that the tool signed by RS256 with a key of its set; raises TokenError."""
    try:
        header = jwt.get_unverified_header(assertion)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        _not_the_client("the assertion is not a JWT")
    kid = header.get("kid")
    if header.get("alg") != "RS256" or not isinstance(kid, str):
        _not_the_client("the assertion must be signed with RS256 and name its kid")
    try:
        candidates = keys.with_kid(kid)
    except KeySetUnreadable as error:
        _not_the_client(str(error))
    for key in candidates:
        try:
            return jwt.decode(assertion, key, algorithms=["RS256"], options=_NO_PYJWT_CLAIM_CHECKS)
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            continue
    sentence = "the signature does not fit the tool's key of that kid" if candidates else "unknown kid"
    raise TokenError("invalid_client", sentence, 401)


def _check_audience(audience: object, config: PlatformConfig) -> None:
    named = audience if isinstance(audience, list) else [audience]
    if config.token_endpoint not in named and config.issuer not in named:
        _not_the_client("aud must be the token endpoint or the issuer")


def check_times(claims: dict[str, Any], now: datetime) -> datetime:
    """exp, iat and nbf by our own clock; returns exp, or raises TokenError."""
    expires_at, issued_at = _time(claims, "exp"), _time(claims, "iat")
    if expires_at <= now:
        _not_the_client("the assertion has expired")
    if expires_at > now + MAX_ASSERTION_LIFE:
        _not_the_client("exp is more than ten minutes away")
    if issued_at > now + CLOCK_SLACK:
        _not_the_client("iat is in the future")
    if "nbf" in claims and _time(claims, "nbf") > now + CLOCK_SLACK:
        _not_the_client("the assertion is not valid yet")
    return expires_at


def _time(claims: dict[str, Any], name: str) -> datetime:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _not_the_client(f"{name} is required and must be a number")
    try:
        return datetime.fromtimestamp(value, UTC)  # ValueError for NaN, OverflowError for infinity
    except (OverflowError, ValueError, OSError):
        _not_the_client(f"{name} is not a time")


def _granted(asked: str) -> list[str]:
    scopes = [scope for scope in GRANTED_SCOPES if scope in asked.split()]
    if not scopes:
        raise TokenError("invalid_scope", "none of the scopes asked for is granted to this tool")
    return scopes


def _not_the_client(sentence: str) -> NoReturn:
    raise TokenError("invalid_client", sentence, 401)


def _uncached(answer: Response) -> Response:
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Pragma"] = "no-cache"
    return answer

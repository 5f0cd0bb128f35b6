"""Whether an id_token may open a lesson: every rule of LTI 1.3 and its security framework, in one place.

Rules: https://www.imsglobal.org/spec/security/v1p0/#authentication-response-validation
and https://www.imsglobal.org/spec/lti/v1p3/#required-message-claims. A failed rule raises its LaunchRefusal.
Nothing here touches the request or the database.
"""

import hmac
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import jwt
from jwt.algorithms import RSAAlgorithm
from pylti1p3.message_validators.resource_message import ResourceMessageValidator

from lti_tool.platforms import origin_of
from lti_tool.web import refusals

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
MESSAGE_TYPE = "LtiResourceLinkRequest"
VERSION = "1.3.0"

MAX_TOKEN = 64 * 1024
MAX_ID = 255
MAX_URL = 2000
MAX_ROLES = 100
LEEWAY = 60
MAX_AGE = 600
MAX_LIFE = 86_400
MIN_KEY_BITS = 2048
REQUIRED = ("exp", "iat", "nonce", "iss", "aud")
# An assistant carries Instructor beside the sub-role, and works in the same queue.
TEACHING = frozenset({"Instructor", "TeachingAssistant", "Administrator"})

T = TypeVar("T")
KeySet = Mapping[str, Any]
FetchKeys = Callable[[str], KeySet]
"""Gives the platform's key set for a key id: the kept one if it has the id, else as fetched anew."""


@dataclass(frozen=True)
class Expected:
    """What a launch must agree with: the registration and the login that began it."""

    issuer: str
    client_id: str
    nonce: str
    base_url: str
    deployments: Collection[str]
    deployment_hint: str | None = None


@dataclass(frozen=True)
class VerifiedLaunch:
    """A launch that may be believed; strings are non-empty and fit their columns, absent ones are None."""

    sub: str
    role: str
    deployment_id: str
    resource_link_id: str
    resource_link_title: str | None
    context_id: str
    context_label: str | None
    context_title: str | None
    name: str | None
    email: str | None
    locale: str | None
    return_url: str | None
    lesson: str | None
    line_items_url: str | None
    line_item_url: str | None
    memberships_url: str | None
    scopes: tuple[str, ...]
    platform_family: str | None
    custom: Mapping[str, str] = field(default_factory=dict)


def verify_launch(
    token: str, expected: Expected, fetch_keys: FetchKeys, now: Callable[[], float] = time.time
) -> VerifiedLaunch:
    """The launch an id_token carries; a LaunchRefusal for any other token, whatever it holds."""
    kid = _key_id(token)
    key_set = fetch_keys(kid)  # outside the net below: our own faults are no fault of the message
    try:
        claims = _signed_claims(token, usable_keys(key_set, kid), expected)
        _check_times(claims, now())
        _check_for_us(claims, expected)
        _check_text(claims)
        launch = _read_launch(claims)
        ResourceMessageValidator().validate(claims)
        return launch
    except refusals.LaunchRefusal:
        raise
    except Exception:
        # A shape nobody thought of is a malformed message, never a fault of ours that a stranger can cause.
        raise refusals.ClaimMalformed() from None


# ---- signature -----------------------------------------------------------------------------------------------


def _key_id(token: str) -> str:
    if not token:
        raise refusals.TokenMissing()
    if len(token.encode("utf-8", "replace")) > MAX_TOKEN:
        raise refusals.TokenTooLarge()
    try:
        header = jwt.get_unverified_header(token)
    except Exception:
        raise refusals.TokenMalformed() from None
    if header.get("alg") != "RS256":
        raise refusals.AlgorithmRefused()
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_ID:
        raise refusals.KeyIdMissing()
    return kid


def _signed_claims(token: str, keys: list[Any], expected: Expected) -> dict[str, Any]:
    if not keys:
        raise refusals.SignatureUnknownKey()
    for key in keys[:-1]:
        try:
            return _decode(token, key, expected)
        except refusals.SignatureBad:
            continue
    return _decode(token, keys[-1], expected)


def usable_keys(key_set: KeySet, kid: str) -> list[Any]:
    """The public RSA signing keys of that id; a set may hold several, and other kinds beside them."""
    listed = key_set.get("keys")
    rows = listed if isinstance(listed, list) else []
    return [key for row in rows if _is_candidate(row, kid) for key in _load(row)]


def _is_candidate(row: Any, kid: str) -> bool:
    return (
        isinstance(row, dict)
        and row.get("kid") == kid
        and row.get("kty") == "RSA"
        and row.get("use", "sig") == "sig"
        and row.get("alg", "RS256") == "RS256"
    )


def _load(row: dict[str, Any]) -> Iterator[Any]:
    try:
        # Only the public numbers: a set that leaks its private half is still only read for these.
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": row["n"], "e": row["e"]})
    except Exception:
        return
    if key.key_size >= MIN_KEY_BITS:
        yield key


def _decode(token: str, key: Any, expected: Expected) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=expected.client_id,
            issuer=expected.issuer,
            leeway=LEEWAY,
            options={"require": list(REQUIRED), "verify_sub": False},
        )
    except jwt.InvalidTokenError as error:
        raise _refusal_of(error) from None


def _refusal_of(error: jwt.InvalidTokenError) -> refusals.LaunchRefusal:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return refusals.ClaimMissing(claim=error.claim)
    for kind, refusal in _BY_ERROR:
        if isinstance(error, kind):
            return refusal()
    return refusals.TokenMalformed()


_BY_ERROR: tuple[tuple[type[Exception], type[refusals.LaunchRefusal]], ...] = (
    (jwt.InvalidSignatureError, refusals.SignatureBad),
    (jwt.ExpiredSignatureError, refusals.TokenExpired),
    (jwt.ImmatureSignatureError, refusals.TokenNotYetValid),
    (jwt.InvalidAudienceError, refusals.AudienceWrong),
    (jwt.InvalidIssuerError, refusals.IssuerWrong),
    (jwt.InvalidIssuedAtError, refusals.ClaimMalformed),
    (jwt.InvalidAlgorithmError, refusals.AlgorithmRefused),
)


# ---- times, parties, kind ------------------------------------------------------------------------------------


def _check_times(claims: dict[str, Any], now: float) -> None:
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise refusals.ClaimMalformed(claim=name)
    if now - claims["iat"] > MAX_AGE + LEEWAY:
        raise refusals.TokenTooOld()
    if claims["exp"] - claims["iat"] > MAX_LIFE:
        raise refusals.TokenLivesTooLong()


def _check_for_us(claims: dict[str, Any], expected: Expected) -> None:
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not hmac.compare_digest(_bytes(nonce), _bytes(expected.nonce)):
        raise refusals.NonceWrong()
    _check_azp(claims, expected.client_id)
    if _required(claims, CLAIM + "version", str) != VERSION:
        raise refusals.VersionUnsupported()
    if _required(claims, CLAIM + "message_type", str) != MESSAGE_TYPE:
        raise refusals.MessageTypeUnsupported()
    deployment = _required_id(claims, CLAIM + "deployment_id")
    if expected.deployment_hint is not None and deployment != expected.deployment_hint:
        raise refusals.DeploymentWrong()
    if deployment not in expected.deployments:
        raise refusals.DeploymentUnknown()
    if not is_ours(_required(claims, CLAIM + "target_link_uri", str), expected.base_url):
        raise refusals.TargetWrong()


def _check_azp(claims: dict[str, Any], client_id: str) -> None:
    audience, azp = claims["aud"], claims.get("azp")
    if azp is None:
        if isinstance(audience, list) and len(audience) > 1:
            raise refusals.AzpWrong()
    elif azp != client_id:
        raise refusals.AzpWrong()


def is_ours(url: str, base_url: str) -> bool:
    """Whether an address is on our origin: same scheme, host and port, default ports counted as such."""
    return bool(origin_of(url)) and _site(url) == _site(base_url)


def _site(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# ---- shapes --------------------------------------------------------------------------------------------------


def _check_text(value: Any, depth: int = 0) -> None:
    """Refuse text that no database stores: NUL, lone surrogates; and nesting that nobody sends in earnest."""
    if depth > 20:
        raise refusals.ClaimMalformed()
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise refusals.ClaimMalformed()
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key, depth + 1)
            _check_text(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check_text(item, depth + 1)


def _required(claims: Mapping[str, Any], name: str, kind: type[T]) -> T:
    if claims.get(name) is None:
        raise refusals.ClaimMissing(claim=name)
    value = claims[name]
    if not isinstance(value, kind):
        raise refusals.ClaimMalformed(claim=name)
    return value


def _optional(claims: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    return None if claims.get(name) is None else _required(claims, name, kind)


def _required_id(claims: Mapping[str, Any], name: str) -> str:
    value = _required(claims, name, str)
    if not 0 < len(value) <= MAX_ID:
        raise refusals.ClaimMalformed(claim=name)
    return value


def _words(claims: Mapping[str, Any], name: str, longest: int = MAX_ID) -> str | None:
    """A text for people: what does not fit its column is cut."""
    return (_optional(claims, name, str) or "").strip()[:longest] or None


def _url(claims: Mapping[str, Any], name: str) -> str | None:
    value = _optional(claims, name, str)
    if not value:  # Moodle sends "" for a column that was removed
        return None
    if len(value) > MAX_URL or not origin_of(value) or any(character.isspace() for character in value):
        raise refusals.ClaimMalformed(claim=name)
    return value


def _strings(claims: Mapping[str, Any], name: str, values: list[Any]) -> list[str]:
    if len(values) > MAX_ROLES or not all(isinstance(value, str) and len(value) <= MAX_URL for value in values):
        raise refusals.ClaimMalformed(claim=name)
    return values


def _read_launch(claims: dict[str, Any]) -> VerifiedLaunch:
    link = _required(claims, CLAIM + "resource_link", dict)
    context = _optional(claims, CLAIM + "context", dict)
    presentation = _optional(claims, CLAIM + "launch_presentation", dict) or {}
    platform = _optional(claims, CLAIM + "tool_platform", dict) or {}
    ags = _optional(claims, AGS_CLAIM, dict) or {}
    nrps = _optional(claims, NRPS_CLAIM, dict) or {}
    custom = _custom(claims)
    roles = _strings(claims, CLAIM + "roles", _required(claims, CLAIM + "roles", list))
    return VerifiedLaunch(
        sub=_subject(claims),
        role=role_of(roles),
        deployment_id=_required_id(claims, CLAIM + "deployment_id"),
        resource_link_id=_required_id(link, "id"),
        resource_link_title=_words(link, "title"),
        context_id=_required_id(context, "id") if context is not None else "",
        context_label=_words(context or {}, "label"),
        context_title=_words(context or {}, "title"),
        name=_person_name(claims),
        email=_words(claims, "email", 320),
        locale=_words(presentation, "locale", 35),
        return_url=_url(presentation, "return_url"),
        lesson=custom.get("lesson"),
        line_items_url=_url(ags, "lineitems"),
        line_item_url=_url(ags, "lineitem"),
        memberships_url=_url(nrps, "context_memberships_url"),
        scopes=tuple(_strings(ags, "scope", _optional(ags, "scope", list) or [])),
        platform_family=(_words(platform, "product_family_code") or "").lower() or None,
        custom=custom,
    )


def _subject(claims: Mapping[str, Any]) -> str:
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= MAX_ID:
        raise refusals.SubMissing()
    return sub


def _person_name(claims: Mapping[str, Any]) -> str | None:
    given = [_words(claims, "given_name"), _words(claims, "family_name")]
    return _words(claims, "name") or " ".join(filter(None, given))[:MAX_ID] or None


def _custom(claims: Mapping[str, Any]) -> dict[str, str]:
    """Custom parameters that have a value: an unresolved variable arrives as its own name, "$Something"."""
    sent = _optional(claims, CLAIM + "custom", dict) or {}
    lesson = sent.get("lesson", "")
    if not isinstance(lesson, str) or len(lesson) > MAX_ID:
        raise refusals.ClaimMalformed(claim=CLAIM + "custom")
    texts = {name: value.strip() for name, value in sent.items() if isinstance(value, str)}
    return {name: value for name, value in texts.items() if value and not value.startswith("$")}


def role_of(roles: Collection[str]) -> str:
    """ "instructor" or "student", by the role in this course alone; nothing known means student.

    A role elsewhere (institution or system) says nothing about this course: a professor may sit in it as a learner.
    """
    return "instructor" if any(_teaches(role) for role in roles) else "student"


def _teaches(role: str) -> bool:
    # membership#Instructor, the sub-role form membership/Instructor#TeachingAssistant, or the short name.
    if role.startswith((MEMBERSHIP + "#", MEMBERSHIP + "/")):
        principal = role.removeprefix(MEMBERSHIP)[1:].split("#", 1)[0]
        return principal in TEACHING
    return role in TEACHING

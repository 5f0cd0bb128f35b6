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
from typing import Any
from urllib.parse import urlsplit

import jwt
from jwt.algorithms import RSAAlgorithm
from pylti1p3.message_validators.abstract import MessageValidatorAbstract
from pylti1p3.message_validators.deep_link import DeepLinkMessageValidator
from pylti1p3.message_validators.resource_message import ResourceMessageValidator
from pylti1p3.message_validators.submission_review import SubmissionReviewLaunchValidator

from lti_tool.deep_linking import ContentRequest
from lti_tool.platforms import origin_of
from lti_tool.roles import role_of
from lti_tool.web import launch_refusals
from lti_tool.web.claims import MAX_ID, check_text, optional, required, required_id, strings, url, words
from lti_tool.web.content_request import read_content_request

CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
AGS_CLAIM = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
GROUPS_CLAIM = "https://purl.imsglobal.org/spec/lti-gs/claim/groupsservice"
RESOURCE_LINK = "LtiResourceLinkRequest"
DEEP_LINKING = "LtiDeepLinkingRequest"
SUBMISSION_REVIEW = "LtiSubmissionReviewRequest"
VERSION = "1.3.0"

MAX_TOKEN = 64 * 1024
LEEWAY = 60
MAX_AGE = 600
MAX_LIFE = 86_400
MIN_KEY_BITS = 2048
REQUIRED = ("exp", "iat", "nonce", "iss", "aud")

VALIDATORS: Mapping[str, type[MessageValidatorAbstract]] = {
    RESOURCE_LINK: ResourceMessageValidator,
    DEEP_LINKING: DeepLinkMessageValidator,
    SUBMISSION_REVIEW: SubmissionReviewLaunchValidator,
}
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
    """A launch that may be believed; strings are non-empty and fit their columns, absent ones are None.

    `resource_link_id` is "" where content is being chosen, and where a review names none.
    """

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
    groups_url: str | None
    scopes: tuple[str, ...]
    platform_family: str | None
    custom: Mapping[str, str] = field(default_factory=dict)
    message_type: str = RESOURCE_LINK
    target_link_uri: str = ""
    for_user: str | None = None
    content_request: ContentRequest | None = None


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
        check_text(claims)
        launch = _read_launch(claims)
        VALIDATORS[launch.message_type]().validate(claims)
        return launch
    except launch_refusals.LaunchRefusal:
        raise
    except Exception:
        # A shape nobody thought of is a malformed message, never a fault of ours that a stranger can cause.
        raise launch_refusals.ClaimMalformed() from None


# ---- signature -----------------------------------------------------------------------------------------------


def _key_id(token: str) -> str:
    if not token:
        raise launch_refusals.TokenMissing()
    if len(token.encode("utf-8", "replace")) > MAX_TOKEN:
        raise launch_refusals.TokenTooLarge()
    try:
        header = jwt.get_unverified_header(token)
    except Exception:
        raise launch_refusals.TokenMalformed() from None
    if header.get("alg") != "RS256":
        raise launch_refusals.AlgorithmRefused()
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_ID:
        raise launch_refusals.KeyIdMissing()
    return kid


def _signed_claims(token: str, keys: list[Any], expected: Expected) -> dict[str, Any]:
    if not keys:
        raise launch_refusals.SignatureUnknownKey()
    for key in keys[:-1]:
        try:
            return _decode(token, key, expected)
        except launch_refusals.SignatureBad:
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


def _refusal_of(error: jwt.InvalidTokenError) -> launch_refusals.LaunchRefusal:
    if isinstance(error, jwt.MissingRequiredClaimError):
        return launch_refusals.ClaimMissing(claim=error.claim)
    for kind, refusal in _BY_ERROR:
        if isinstance(error, kind):
            return refusal()
    return launch_refusals.TokenMalformed()


_BY_ERROR: tuple[tuple[type[Exception], type[launch_refusals.LaunchRefusal]], ...] = (
    (jwt.InvalidSignatureError, launch_refusals.SignatureBad),
    (jwt.ExpiredSignatureError, launch_refusals.TokenExpired),
    (jwt.ImmatureSignatureError, launch_refusals.TokenNotYetValid),
    (jwt.InvalidAudienceError, launch_refusals.AudienceWrong),
    (jwt.InvalidIssuerError, launch_refusals.IssuerWrong),
    (jwt.InvalidIssuedAtError, launch_refusals.ClaimMalformed),
    (jwt.InvalidAlgorithmError, launch_refusals.AlgorithmRefused),
)


# ---- times, parties, kind ------------------------------------------------------------------------------------


def _check_times(claims: dict[str, Any], now: float) -> None:
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise launch_refusals.ClaimMalformed(claim=name)
    if now - claims["iat"] > MAX_AGE + LEEWAY:
        raise launch_refusals.TokenTooOld()
    if claims["exp"] - claims["iat"] > MAX_LIFE:
        raise launch_refusals.TokenLivesTooLong()


def _check_for_us(claims: dict[str, Any], expected: Expected) -> None:
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not hmac.compare_digest(_bytes(nonce), _bytes(expected.nonce)):
        raise launch_refusals.NonceWrong()
    _check_azp(claims, expected.client_id)
    if required(claims, CLAIM + "version", str) != VERSION:
        raise launch_refusals.VersionUnsupported()
    if required(claims, CLAIM + "message_type", str) not in VALIDATORS:
        raise launch_refusals.MessageTypeUnsupported()
    deployment = required_id(claims, CLAIM + "deployment_id")
    if expected.deployment_hint is not None and deployment != expected.deployment_hint:
        raise launch_refusals.DeploymentWrong()
    if deployment not in expected.deployments:
        raise launch_refusals.DeploymentUnknown()
    if not is_ours(_target(claims) or expected.base_url, expected.base_url):
        raise launch_refusals.TargetWrong()


def _target(claims: Mapping[str, Any]) -> str:
    # Deep Linking 2.0 does not list this claim among those of its request, so there it may be absent.
    if claims[CLAIM + "message_type"] == DEEP_LINKING:
        return optional(claims, CLAIM + "target_link_uri", str) or ""
    return required(claims, CLAIM + "target_link_uri", str)


def _check_azp(claims: dict[str, Any], client_id: str) -> None:
    audience, azp = claims["aud"], claims.get("azp")
    if azp is None:
        if isinstance(audience, list) and len(audience) > 1:
            raise launch_refusals.AzpWrong()
    elif azp != client_id:
        raise launch_refusals.AzpWrong()


def is_ours(url: str, base_url: str) -> bool:
    """Whether an address is on our origin: same scheme, host and port, default ports counted as such."""
    return bool(origin_of(url)) and _site(url) == _site(base_url)


def _site(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# ---- what it says -------------------------------------------------------------------------------------------


def _read_launch(claims: dict[str, Any]) -> VerifiedLaunch:
    message_type: str = claims[CLAIM + "message_type"]
    link = _link(claims, message_type)
    context = optional(claims, CLAIM + "context", dict)
    presentation = optional(claims, CLAIM + "launch_presentation", dict) or {}
    platform = optional(claims, CLAIM + "tool_platform", dict) or {}
    ags = optional(claims, AGS_CLAIM, dict) or {}
    nrps = optional(claims, NRPS_CLAIM, dict) or {}
    custom = _custom(claims)
    roles = strings(claims, CLAIM + "roles", required(claims, CLAIM + "roles", list))
    return VerifiedLaunch(
        sub=_subject(claims),
        role=role_of(roles),
        deployment_id=required_id(claims, CLAIM + "deployment_id"),
        resource_link_id=required_id(link, "id") if link is not None else "",
        resource_link_title=words(link or {}, "title"),
        context_id=required_id(context, "id") if context is not None else "",
        context_label=words(context or {}, "label"),
        context_title=words(context or {}, "title"),
        name=_person_name(claims),
        email=words(claims, "email", 320),
        locale=words(presentation, "locale", 35),
        return_url=url(presentation, "return_url"),
        lesson=custom.get("lesson"),
        line_items_url=url(ags, "lineitems"),
        line_item_url=url(ags, "lineitem"),
        memberships_url=url(nrps, "context_memberships_url"),
        groups_url=url(optional(claims, GROUPS_CLAIM, dict) or {}, "context_groups_url"),
        scopes=tuple(strings(ags, "scope", optional(ags, "scope", list) or [])),
        platform_family=(words(platform, "product_family_code") or "").lower() or None,
        custom=custom,
        message_type=message_type,
        target_link_uri=_target(claims),
        for_user=_for_user(claims) if message_type == SUBMISSION_REVIEW else None,
        content_request=read_content_request(claims) if message_type == DEEP_LINKING else None,
    )


def _link(claims: Mapping[str, Any], message_type: str) -> dict[str, Any] | None:
    """The resource link; a review may leave it out, since a line item need not belong to one."""
    if message_type == RESOURCE_LINK:
        return required(claims, CLAIM + "resource_link", dict)
    return optional(claims, CLAIM + "resource_link", dict) if message_type == SUBMISSION_REVIEW else None


def _for_user(claims: Mapping[str, Any]) -> str:
    """Whose work is to be reviewed (https://www.imsglobal.org/spec/lti-ags/v2p0, submission review message)."""
    return required_id(required(claims, CLAIM + "for_user", dict), "user_id")


def _subject(claims: Mapping[str, Any]) -> str:
    sub = claims.get("sub")
    if not isinstance(sub, str) or not 0 < len(sub) <= MAX_ID:
        raise launch_refusals.SubMissing()
    return sub


def _person_name(claims: Mapping[str, Any]) -> str | None:
    given = [words(claims, "given_name"), words(claims, "family_name")]
    return words(claims, "name") or " ".join(filter(None, given))[:MAX_ID] or None


def _custom(claims: Mapping[str, Any]) -> dict[str, str]:
    """Custom parameters that have a value: an unresolved variable arrives as its own name, "$Something"."""
    sent = optional(claims, CLAIM + "custom", dict) or {}
    lesson = sent.get("lesson", "")
    if not isinstance(lesson, str) or len(lesson) > MAX_ID:
        raise launch_refusals.ClaimMalformed(claim=CLAIM + "custom")
    texts = {name: value.strip() for name, value in sent.items() if isinstance(value, str)}
    return {name: value for name, value in texts.items() if value and not value.startswith("$")}

"""Launches that must not open anything, by what is wrong with them; and the right ones that must."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.warnings import InsecureKeyLengthWarning
from sqlalchemy import select

from lti_tool.db import Database
from lti_tool.models import Audit, Launch
from lti_tool.web.verify import Expected, verify_launch
from tests.lti_tool.door import (
    BASE_URL,
    CLAIM,
    INSTRUCTOR,
    LEARNER,
    Door,
    HostilePlatform,
    encoded,
    error_code,
    public_jwk,
    rsa_key,
)

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
NOW = int(time.time())
LTI_CLAIMS = [
    CLAIM + name
    for name in ("version", "message_type", "deployment_id", "target_link_uri", "resource_link", "roles", "context")
]
LONG_URL = "https://lms.example.edu/" + "x" * 2000


@dataclass
class Bad:
    """A launch that is right but for this."""

    name: str
    code: str
    claims: dict[str, Any] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    key: str = "platform"
    kid: str | None = "key-1"
    forge: Callable[[HostilePlatform, dict[str, Any]], str] | None = None
    login: dict[str, str] = field(default_factory=dict)

    def token(self, platform: HostilePlatform, nonce: str) -> str:
        now = int(time.time())
        moved = {name: now + seconds for name, seconds in self.times.items()}
        claims = platform.claims(nonce, **(self.claims | moved))
        if self.forge is not None:
            return self.forge(platform, claims)
        return platform.sign(claims, key=self.key, kid=self.kid)


def unsigned(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, algorithm="none", headers={"kid": "key-1"})


def hmac_with_public_key(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    header = {"alg": "HS256", "typ": "JWT", "kid": "key-1"}
    message = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    pem = rsa_key("platform").public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"{message}.{encoded(hmac.digest(pem, message.encode(), 'sha256'))}"


def with_algorithm(algorithm: str) -> Callable[[HostilePlatform, dict[str, Any]], str]:
    return lambda platform, claims: jwt.encode(claims, rsa_key("platform"), algorithm, {"kid": "key-1"})


def changed_after_signing(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    header, _, signature = platform.sign(claims).split(".")
    payload = encoded(json.dumps(claims | {"sub": "somebody-else"}).encode())
    return f"{header}.{payload}.{signature}"


def published_as(**changes: Any) -> Callable[[HostilePlatform, dict[str, Any]], str]:
    """Signed with a key that the set lists in a way that must not be used."""

    def forge(platform: HostilePlatform, claims: dict[str, Any]) -> str:
        platform.publish(public_jwk(rsa_key("platform"), "key-1", **changes))
        return platform.sign(claims)

    return forge


def weak_key(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    platform.publish(public_jwk(rsa_key("weak", 1024), "key-1"))
    with pytest.warns(InsecureKeyLengthWarning):
        return jwt.encode(claims, rsa_key("weak", 1024), "RS256", {"kid": "key-1"})


def symmetric_key_in_set(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    platform.publish({"kty": "oct", "kid": "key-1", "k": "c2VjcmV0", "alg": "RS256"})
    return platform.sign(claims)


def own_key_in_header(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    jwk = public_jwk(rsa_key("stranger"), "stranger")
    return jwt.encode(
        claims, rsa_key("stranger"), "RS256", {"kid": "stranger", "jwk": jwk, "jku": "https://evil.example"}
    )


def literally(text: str) -> Callable[[HostilePlatform, dict[str, Any]], str]:
    return lambda platform, claims: text


def key_id(kid: Any) -> Callable[[HostilePlatform, dict[str, Any]], str]:
    def forge(platform: HostilePlatform, claims: dict[str, Any]) -> str:
        header = encoded(json.dumps({"alg": "RS256", "kid": kid}).encode())
        return ".".join([header, *platform.sign(claims).split(".")[1:]])

    return forge


def payload_of(body: bytes) -> Callable[[HostilePlatform, dict[str, Any]], str]:
    """A signature that is right, over something that is no claims."""
    return lambda platform, claims: platform.sign_anything(body)


def critical_header(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    headers = {"kid": "key-1", "crit": ["made-up"], "made-up": 1}
    return jwt.encode(claims, rsa_key("platform"), "RS256", headers)


def nested(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    return platform.sign(claims | {"https://example.edu/extra": deep})


# Names in capitals, or of claims, are those of 1EdTech's certification suite, with its own spelling.
KNOWN_BAD = [
    # the signature
    Bad("no token", "token_missing", forge=literally("")),
    Bad("not a token", "token_malformed", forge=literally("hello")),
    Bad("three dots of nothing", "token_malformed", forge=literally("..")),
    Bad("a huge token", "token_too_large", claims={"https://example.edu/extra": "x" * 70_000}),
    Bad("unsigned", "algorithm_refused", forge=unsigned),
    Bad("HMAC with the public key", "algorithm_refused", forge=hmac_with_public_key),
    Bad("RS512", "algorithm_refused", forge=with_algorithm("RS512")),
    Bad("PS256", "algorithm_refused", forge=with_algorithm("PS256")),
    Bad("No KID Sent in JWT header", "key_id_missing", kid=None),
    Bad("kid is a number", "token_malformed", forge=key_id(7)),
    Bad("kid is empty", "key_id_missing", forge=key_id("")),
    Bad("Incorrect KID in JWT header", "signature_unknown_key", kid="key-2"),
    Bad("right kid, another key", "signature_bad", key="stranger"),
    Bad("its own key in the header", "signature_unknown_key", forge=own_key_in_header),
    Bad("payload changed after signing", "signature_bad", forge=changed_after_signing),
    Bad("key is for encryption", "signature_unknown_key", forge=published_as(use="enc")),
    Bad("key is for another algorithm", "signature_unknown_key", forge=published_as(alg="RS512")),
    Bad("key is symmetric", "signature_unknown_key", forge=symmetric_key_in_set),
    Bad("key has no modulus", "signature_unknown_key", forge=published_as(n="")),
    Bad("key of 1024 bits", "signature_unknown_key", forge=weak_key),
    # times
    Bad("Timestamps Incorrect", "token_expired", times={"iat": -300, "exp": -120}),
    Bad("Timestamps Incorrect: exp before iat", "token_not_yet_valid", times={"iat": 300, "exp": 200}),
    Bad("from the future", "token_not_yet_valid", times={"iat": 300, "exp": 360}),
    Bad("not before later", "token_not_yet_valid", times={"nbf": 300}),
    Bad("an hour old", "token_too_old", times={"iat": -3600, "exp": 600}),
    Bad("good for a week", "token_lives_too_long", times={"exp": 7 * 86_400}),
    Bad("no exp", "claim_missing", claims={"exp": ...}),
    Bad("no iat", "claim_missing", claims={"iat": ...}),
    Bad("exp is text", "claim_malformed", claims={"exp": str(NOW + 86_000)}),
    Bad("exp is a word", "token_malformed", claims={"exp": "tomorrow"}),
    Bad("iat is true", "claim_malformed", claims={"iat": True}),
    Bad("exp without end", "token_malformed", claims={"exp": float("inf")}),
    # who and for whom
    Bad("another issuer", "issuer_wrong", claims={"iss": "https://lms.example.org"}),
    Bad("issuer with a slash", "issuer_wrong", claims={"iss": "https://lms.example.edu/"}),
    Bad("no issuer", "claim_missing", claims={"iss": ...}),
    Bad("another audience", "audience_wrong", claims={"aud": "client-2"}),
    Bad("no audience", "claim_missing", claims={"aud": ...}),
    Bad("empty audience", "claim_missing", claims={"aud": []}),
    Bad("audience is a number", "audience_wrong", claims={"aud": 5}),
    Bad("two audiences without azp", "azp_wrong", claims={"aud": ["client-1", "other"]}),
    Bad("azp is another", "azp_wrong", claims={"aud": ["client-1", "other"], "azp": "other"}),
    Bad("one audience, azp is another", "azp_wrong", claims={"azp": "other"}),
    Bad("azp is a list", "azp_wrong", claims={"azp": ["client-1"]}),
    Bad("another nonce", "nonce_wrong", claims={"nonce": "not-the-one"}),
    Bad("no nonce", "claim_missing", claims={"nonce": ...}),
    Bad("nonce is a list", "nonce_wrong", claims={"nonce": ["x"]}),
    Bad("nonce is not text", "nonce_wrong", claims={"nonce": "é\ud800"}),
    Bad("user claim missing", "sub_missing", claims={"sub": ...}),
    Bad("empty sub", "sub_missing", claims={"sub": ""}),
    Bad("sub is a number", "sub_missing", claims={"sub": 4}),
    Bad("sub is too long", "sub_missing", claims={"sub": "x" * 256}),
    Bad("sub holds a NUL", "claim_malformed", claims={"sub": "a\x00b"}),
    Bad("sub is null", "sub_missing", claims={"sub": None}),
    Bad("sub is a list", "sub_missing", claims={"sub": ["user-1"]}),
    # what it says
    Bad("Missing LTI Claims", "claim_missing", claims=dict.fromkeys(LTI_CLAIMS, ...)),
    Bad("No LTI Version", "claim_missing", claims={CLAIM + "version": ...}),
    Bad("Wrong LTI Version", "version_unsupported", claims={CLAIM + "version": "1.1"}),
    Bad("version is a number", "claim_malformed", claims={CLAIM + "version": 1.3}),
    Bad("messsage_type claim missing", "claim_missing", claims={CLAIM + "message_type": ...}),
    Bad("deep linking without settings", "claim_missing", claims={CLAIM + "message_type": "LtiDeepLinkingRequest"}),
    Bad("Invalid LTI message", "message_type_unsupported", claims={CLAIM + "message_type": "X"}),
    Bad("deployment_id claim missing", "claim_missing", claims={CLAIM + "deployment_id": ...}),
    Bad("unknown deployment", "deployment_unknown", claims={CLAIM + "deployment_id": "deployment-2"}),
    Bad("deployment is a number", "claim_malformed", claims={CLAIM + "deployment_id": 1}),
    Bad("another deployment than at login", "deployment_wrong", login={"lti_deployment_id": "deployment-0"}),
    Bad("no target", "claim_missing", claims={CLAIM + "target_link_uri": ...}),
    Bad("target elsewhere", "target_wrong", claims={CLAIM + "target_link_uri": "https://evil.example/lti/launch"}),
    Bad("target on plain http", "target_wrong", claims={CLAIM + "target_link_uri": "http://tool.example.edu/"}),
    Bad("target on another port", "target_wrong", claims={CLAIM + "target_link_uri": BASE_URL + ":8443/"}),
    Bad("target only begins like us", "target_wrong", claims={CLAIM + "target_link_uri": BASE_URL + ".evil.example/"}),
    Bad(
        "target hides behind us",
        "target_wrong",
        claims={CLAIM + "target_link_uri": "https://tool.example.edu@evil.example"},
    ),
    Bad("resource_link claim missing", "claim_missing", claims={CLAIM + "resource_link": ...}),
    Bad("resource link is text", "claim_malformed", claims={CLAIM + "resource_link": "link-1"}),
    Bad("resource_link_id claim missing", "claim_missing", claims={CLAIM + "resource_link": {"title": "x"}}),
    Bad("resource link id is a number", "claim_malformed", claims={CLAIM + "resource_link": {"id": 12}}),
    Bad("resource link id is too long", "claim_malformed", claims={CLAIM + "resource_link": {"id": "x" * 256}}),
    Bad("role claim missing", "claim_missing", claims={CLAIM + "roles": ...}),
    Bad("roles are text", "claim_malformed", claims={CLAIM + "roles": INSTRUCTOR}),
    Bad("roles hold a number", "claim_malformed", claims={CLAIM + "roles": [INSTRUCTOR, 1]}),
    Bad("context is a list", "claim_malformed", claims={CLAIM + "context": ["course-1"]}),
    Bad("context without id", "claim_missing", claims={CLAIM + "context": {"title": "x"}}),
    Bad("custom is text", "claim_malformed", claims={CLAIM + "custom": "lesson=x"}),
    Bad("lesson is a list", "claim_malformed", claims={CLAIM + "custom": {"lesson": ["x"]}}),
    Bad("name is a list", "claim_malformed", claims={"name": ["Zoë"]}),
    Bad(
        "return address is a script",
        "claim_malformed",
        claims={CLAIM + "launch_presentation": {"return_url": "javascript:alert(1)"}},
    ),
    Bad("scope is text", "claim_malformed", claims={AGS: {"scope": "score"}}),
    Bad("line items are a number", "claim_malformed", claims={AGS: {"lineitems": 3}}),
    Bad("roster is a list", "claim_malformed", claims={NRPS: []}),
    Bad("text no database stores", "claim_malformed", claims={"name": "\ud800"}),
    Bad("nested without end", "claim_malformed", forge=nested),
    Bad("a hundred and one roles", "claim_malformed", claims={CLAIM + "roles": [LEARNER] * 101}),
    Bad("a role as long as a book", "claim_malformed", claims={CLAIM + "roles": ["x" * 5000]}),
    Bad("roles are null", "claim_missing", claims={CLAIM + "roles": None}),
    Bad("roles are a map", "claim_malformed", claims={CLAIM + "roles": {INSTRUCTOR: True}}),
    Bad("empty deployment", "claim_malformed", claims={CLAIM + "deployment_id": ""}),
    Bad("deployment is too long", "claim_malformed", claims={CLAIM + "deployment_id": "x" * 256}),
    Bad("empty resource link id", "claim_malformed", claims={CLAIM + "resource_link": {"id": ""}}),
    Bad("course id is too long", "claim_malformed", claims={CLAIM + "context": {"id": "x" * 256}}),
    Bad("lesson is too long", "claim_malformed", claims={CLAIM + "custom": {"lesson": "x" * 300}}),
    Bad("target is a list", "claim_malformed", claims={CLAIM + "target_link_uri": [BASE_URL]}),
    Bad("target is no address", "target_wrong", claims={CLAIM + "target_link_uri": "lti/launch"}),
    Bad("locale is a number", "claim_malformed", claims={CLAIM + "launch_presentation": {"locale": 7}}),
    Bad("return address too long", "claim_malformed", claims={CLAIM + "launch_presentation": {"return_url": LONG_URL}}),
    Bad("line item is no web address", "claim_malformed", claims={AGS: {"lineitem": "file:///etc/passwd"}}),
    Bad("roster is no web address", "claim_malformed", claims={NRPS: {"context_memberships_url": "ftp://x"}}),
    Bad("a review of nobody", "claim_missing", claims={CLAIM + "message_type": "LtiSubmissionReviewRequest"}),
    Bad("payload is a list", "token_malformed", forge=payload_of(b"[1, 2]")),
    Bad("payload is no JSON", "token_malformed", forge=payload_of(b"{nothing")),
    Bad("encrypted", "token_malformed", forge=literally("a.b.c.d.e")),
    Bad("a header that is critical", "token_malformed", forge=critical_header),
]


@pytest.mark.parametrize("bad", KNOWN_BAD, ids=lambda bad: bad.name)
def test_known_bad_launch_is_refused_with_its_code(bad: Bad, door: Door, database: Database) -> None:
    begun = door.login(**bad.login)

    answer = door.post(begun.state, bad.token(door.platform, begun.nonce))

    assert 400 <= answer.status_code < 500
    assert error_code(answer) == bad.code
    assert "Set-Cookie" not in answer.headers
    with database.read() as session:
        assert session.scalars(select(Launch)).all() == []
        audit = session.scalars(select(Audit)).one()
        assert (audit.kind, audit.code, audit.detail) == ("launch_refused", bad.code, {})


def test_refusal_shows_no_claim_and_no_token(door: Door) -> None:
    begun = door.login()
    token = door.platform.sign(door.platform.claims(begun.nonce, sub="secret-sub", aud="secret-audience"))

    page = door.post(begun.state, token).get_data(as_text=True)

    assert "secret" not in page
    assert token[:40] not in page
    assert "Zoë" not in page


def test_the_table_is_as_long_as_promised() -> None:
    assert len(KNOWN_BAD) >= 80
    assert len({case.name for case in KNOWN_BAD}) == len(KNOWN_BAD)


def test_a_launch_without_a_person_is_explained(door: Door) -> None:
    page = door.launch(sub=...).get_data(as_text=True)

    assert "a graded lesson needs a person" in page
    assert "anonymous launches are not accepted" in page


def test_key_without_use_or_alg_is_taken_and_every_key_of_that_id_is_tried(door: Door) -> None:
    bare = {
        name: value for name, value in public_jwk(rsa_key("platform"), "key-1").items() if name not in ("use", "alg")
    }
    door.platform.publish(public_jwk(rsa_key("stranger"), "key-1"), bare)

    assert door.launch().status_code == 303


def test_a_fault_of_ours_is_not_blamed_on_the_message() -> None:
    platform = HostilePlatform()
    expected = Expected(platform.issuer, platform.client_id, "n", BASE_URL, {platform.deployment_id})

    def broken(kid: str) -> dict[str, Any]:
        raise RuntimeError("the database is away")

    with pytest.raises(RuntimeError):
        verify_launch(platform.sign(platform.claims("n")), expected, broken)

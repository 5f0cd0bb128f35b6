"""Launches that must not open anything, by what is wrong with them; and the right ones that must."""

from __future__ import annotations

import base64
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
from lti_tool.web.verify import Expected, role_of, verify_launch
from tests.lti_tool.door import (
    BASE_URL,
    CLAIM,
    INSTRUCTOR,
    LEARNER,
    Door,
    HostilePlatform,
    error_code,
    public_jwk,
    rsa_key,
)

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
NOW = int(time.time())


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


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


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


def nested(platform: HostilePlatform, claims: dict[str, Any]) -> str:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    return platform.sign(claims | {"https://example.edu/extra": deep})


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
    Bad("no kid", "key_id_missing", kid=None),
    Bad("kid is a number", "token_malformed", forge=key_id(7)),
    Bad("kid is empty", "key_id_missing", forge=key_id("")),
    Bad("unknown kid", "signature_unknown_key", kid="key-2"),
    Bad("right kid, another key", "signature_bad", key="stranger"),
    Bad("its own key in the header", "signature_unknown_key", forge=own_key_in_header),
    Bad("payload changed after signing", "signature_bad", forge=changed_after_signing),
    Bad("key is for encryption", "signature_unknown_key", forge=published_as(use="enc")),
    Bad("key is for another algorithm", "signature_unknown_key", forge=published_as(alg="RS512")),
    Bad("key is symmetric", "signature_unknown_key", forge=symmetric_key_in_set),
    Bad("key has no modulus", "signature_unknown_key", forge=published_as(n="")),
    Bad("key of 1024 bits", "signature_unknown_key", forge=weak_key),
    # times
    Bad("expired", "token_expired", times={"iat": -300, "exp": -120}),
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
    Bad("no sub", "sub_missing", claims={"sub": ...}),
    Bad("empty sub", "sub_missing", claims={"sub": ""}),
    Bad("sub is a number", "sub_missing", claims={"sub": 4}),
    Bad("sub is too long", "sub_missing", claims={"sub": "x" * 256}),
    Bad("sub holds a NUL", "claim_malformed", claims={"sub": "a\x00b"}),
    # what it says
    Bad("no version", "claim_missing", claims={CLAIM + "version": ...}),
    Bad("version 1.1", "version_unsupported", claims={CLAIM + "version": "1.1"}),
    Bad("version is a number", "claim_malformed", claims={CLAIM + "version": 1.3}),
    Bad("no message type", "claim_missing", claims={CLAIM + "message_type": ...}),
    Bad("deep linking without settings", "claim_missing", claims={CLAIM + "message_type": "LtiDeepLinkingRequest"}),
    Bad("made-up message type", "message_type_unsupported", claims={CLAIM + "message_type": "X"}),
    Bad("no deployment", "claim_missing", claims={CLAIM + "deployment_id": ...}),
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
    Bad("no resource link", "claim_missing", claims={CLAIM + "resource_link": ...}),
    Bad("resource link is text", "claim_malformed", claims={CLAIM + "resource_link": "link-1"}),
    Bad("resource link without id", "claim_missing", claims={CLAIM + "resource_link": {"title": "x"}}),
    Bad("resource link id is a number", "claim_malformed", claims={CLAIM + "resource_link": {"id": 12}}),
    Bad("resource link id is too long", "claim_malformed", claims={CLAIM + "resource_link": {"id": "x" * 256}}),
    Bad("no roles", "claim_missing", claims={CLAIM + "roles": ...}),
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


RIGHT = {
    "as it is": {},
    "a minute of clock skew": {"iat": NOW + 30},
    "two audiences with azp": {"aud": ["other", "client-1"], "azp": "client-1"},
    "a list of one audience": {"aud": ["client-1"]},
    "no names at all": {"name": ..., "given_name": ..., "email": ...},
    "no course": {CLAIM + "context": ...},
    "claims sent as null": {CLAIM + "context": None, CLAIM + "custom": None, AGS: None, "name": None},
    "no role at all": {CLAIM + "roles": []},
    "Moodle's removed column": {AGS: {"scope": ["x"], "lineitems": "https://lms.example.edu/li?a=1", "lineitem": ""}},
    "target with our default port": {CLAIM + "target_link_uri": "https://TOOL.example.edu:443/anything?x=1"},
}


@pytest.mark.parametrize("changes", RIGHT.values(), ids=RIGHT.keys())
def test_right_launch_is_accepted(changes: dict[str, Any], door: Door) -> None:
    assert door.launch(**changes).status_code == 303


def test_key_without_use_or_alg_is_taken_and_every_key_of_that_id_is_tried(door: Door) -> None:
    bare = {
        name: value for name, value in public_jwk(rsa_key("platform"), "key-1").items() if name not in ("use", "alg")
    }
    door.platform.publish(public_jwk(rsa_key("stranger"), "key-1"), bare)

    assert door.launch().status_code == 303


PREFIX = "http://purl.imsglobal.org/vocab/lis/v2/"
ROLES = [
    ([LEARNER], "student"),
    ([INSTRUCTOR], "instructor"),
    ([LEARNER, PREFIX + "institution/person#Instructor"], "student"),
    ([PREFIX + "institution/person#Administrator"], "student"),
    ([PREFIX + "system/person#Administrator"], "student"),
    ([INSTRUCTOR, PREFIX + "membership/Instructor#TeachingAssistant"], "instructor"),
    ([PREFIX + "membership#Mentor"], "student"),
    (["Instructor"], "instructor"),
    (["Learner"], "student"),
    (["urn:made-up#Instructor"], "student"),
    ([], "student"),
]


@pytest.mark.parametrize(("roles", "role"), ROLES)
def test_role_is_the_role_in_this_course(roles: list[str], role: str) -> None:
    assert role_of(roles) == role


def test_a_fault_of_ours_is_not_blamed_on_the_message() -> None:
    platform = HostilePlatform()
    expected = Expected(platform.issuer, platform.client_id, "n", BASE_URL, {platform.deployment_id})

    def broken(kid: str) -> dict[str, Any]:
        raise RuntimeError("the database is away")

    with pytest.raises(RuntimeError):
        verify_launch(platform.sign(platform.claims("n")), expected, broken)

"""A hand-made tool: its keys, its requests, and what it knows of the platform from its registration."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from werkzeug.test import TestResponse

ISSUER = "http://localhost:8000"
TOOL = "http://127.0.0.1:8001"
CLIENT_ID = "atelier-client"
LAUNCH_URL = f"{TOOL}/lti/launch"
AGS = "https://purl.imsglobal.org/spec/lti-ags/scope"
SCORE_SCOPE = f"{AGS}/score"
RESULT_SCOPE = f"{AGS}/result.readonly"
LINE_ITEM_SCOPE = f"{AGS}/lineitem"
LINE_ITEM_READ_SCOPE = f"{AGS}/lineitem.readonly"
MEMBERS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
ALL_SCOPES = (SCORE_SCOPE, RESULT_SCOPE, LINE_ITEM_SCOPE, LINE_ITEM_READ_SCOPE, MEMBERS_SCOPE)
LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 14, 6, 21, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class ToolKeySet:
    """The tool's JWKS as a function from address to key set, counting how often it is read."""

    key: RSAPrivateKey
    kid: str = "tool-1"
    reads: int = 0
    broken: bool = False
    extra: list[Any] = field(default_factory=list)

    def __call__(self, url: str) -> dict[str, Any]:
        assert url == f"{TOOL}/lti/jwks"
        self.reads += 1
        if self.broken:
            raise ValueError("not JSON")
        public = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [*self.extra, public | {"kid": self.kid, "alg": "RS256", "use": "sig"}]}


class IssuerClient(FlaskClient):
    """A client that finds paths at the issuer's own address."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if not str(args[0]).startswith("http"):
            kwargs.setdefault("base_url", ISSUER)
        return super().open(*args, **kwargs)


def at_issuer(app: Flask) -> FlaskClient:
    app.test_client_class = IssuerClient
    return app.test_client()


def read_form(page: TestResponse) -> tuple[str, dict[str, str]]:
    """Action and hidden fields of the page's one form."""
    forms = re.findall(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', page.text, re.S)
    assert len(forms) == 1, page.text
    action, inner = forms[0]
    inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', inner)
    return unescape(action), {unescape(name): unescape(value) for name, value in inputs}


@dataclass
class Tool:
    """What a tool does by hand: ask for tokens, answer launches, call services with a bearer token."""

    client: FlaskClient
    clock: Clock
    key: RSAPrivateKey

    def assertion(self, *, key: RSAPrivateKey | None = None, kid: str | None = "tool-1", alg: str = "RS256",
                  without: str = "", **changed: Any) -> str:  # fmt: skip
        now = int(self.clock().timestamp())
        claims: dict[str, Any] = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": f"{ISSUER}/lti/token"}
        claims |= {"iat": now, "exp": now + 300, "jti": uuid4().hex} | changed
        claims.pop(without, None)
        return jwt.encode(claims, key or self.key, algorithm=alg, headers={"kid": kid} if kid else None)

    def ask_token(self, assertion: str | None = None, **changed: Any) -> TestResponse:
        form = {"grant_type": "client_credentials", "client_assertion_type": ASSERTION_TYPE}
        form |= {"client_assertion": assertion or self.assertion(), "scope": " ".join(ALL_SCOPES)}
        return self.client.post("/lti/token", data=form | changed)

    def bearer(self, *scopes: str) -> dict[str, str]:
        answer = self.ask_token(scope=" ".join(scopes or ALL_SCOPES))
        return {"Authorization": f"Bearer {answer.json['access_token']}"}

    def call(self, method: str, url: str, *, body: Any = None, media: str = "", token: Any = None) -> TestResponse:
        headers = dict(self.bearer() if token is None else token)
        if method == "GET":
            headers["Accept"] = media
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        return self.client.open(
            url, method=method, data=raw, content_type=media if method != "GET" else None, headers=headers
        )

    def login_request(self, person: str = "ada") -> dict[str, str]:
        return read_form(self.client.get(f"/launch/{person}"))[1]

    def authentication_request(self, person: str = "ada", **changed: str) -> dict[str, str]:
        login = self.login_request(person)
        asked = {
            "scope": "openid",
            "response_type": "id_token",
            "response_mode": "form_post",
            "prompt": "none",
            "client_id": CLIENT_ID,
            "redirect_uri": LAUNCH_URL,
            "login_hint": login["login_hint"],
            "lti_message_hint": login["lti_message_hint"],
            "nonce": "nonce-1",
            "state": "state-1",
        } | changed
        return {name: value for name, value in asked.items() if value != "-"}

    def launch(self, person: str = "ada") -> dict[str, Any]:
        """The verified claims of a whole launch."""
        answer = self.client.post("/lti/authorize", data=self.authentication_request(person))
        _, fields = read_form(answer)
        kid = jwt.get_unverified_header(fields["id_token"])["kid"]
        keys = {key["kid"]: key for key in self.client.get("/lti/jwks").json["keys"]}
        public = RSAAlgorithm.from_jwk(keys[kid])
        skip = {"verify_exp": False, "verify_iat": False}
        claims: dict[str, Any] = jwt.decode(
            fields["id_token"], public, algorithms=["RS256"], audience=CLIENT_ID, issuer=ISSUER, options=skip
        )
        return claims

    @property
    def endpoint(self) -> dict[str, Any]:
        return self.launch()["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]

    def sub(self, person: str) -> str:
        return self.login_request(person)["login_hint"]

"""A platform that can be made to say anything, right or wrong, and a browser in front of the tool."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask
from flask.testing import FlaskClient
from jwt.algorithms import RSAAlgorithm
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from lti_tool.outbound import PlatformUnreachable, Reply

BASE_URL = "https://tool.example.edu"
CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership#"
LEARNER, INSTRUCTOR = MEMBERSHIP + "Learner", MEMBERSHIP + "Instructor"


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key pair by name, made once a run because that is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(key: rsa.RSAPrivateKey, kid: str, **changes: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig", "alg": "RS256"} | changes


def encoded(part: bytes) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@dataclass
class HostilePlatform:
    """A platform of our own making; `jwks_body` is what its key-set address answers."""

    issuer: str = "https://lms.example.edu"
    client_id: str = "client-1"
    deployment_id: str = "deployment-1"
    jwks_status: int = 200
    jwks_body: bytes = b""
    jwks_requests: int = 0
    unreachable: bool = False

    def __post_init__(self) -> None:
        self.publish(public_jwk(rsa_key("platform"), "key-1"))

    def publish(self, *jwks: dict[str, Any]) -> None:
        self.jwks_body = json.dumps({"keys": list(jwks)}).encode()

    def get(self, url: str, *, headers: Any = None) -> Reply:
        """Stands in for Outbound."""
        self.jwks_requests += 1
        if self.unreachable:
            raise PlatformUnreachable("the connection failed", may_have_arrived=False)
        return Reply(self.jwks_status, "", {}, self.jwks_body, url)

    def claims(self, login_nonce: str, /, **changes: Any) -> dict[str, Any]:
        """A right launch of a learner, with changes; a change to `...` removes the claim."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.client_id,
            "sub": "user-1",
            "iat": now,
            "exp": now + 60,
            "nonce": login_nonce,
            "name": "Zoë Ångström",
            CLAIM + "version": "1.3.0",
            CLAIM + "message_type": "LtiResourceLinkRequest",
            CLAIM + "deployment_id": self.deployment_id,
            CLAIM + "target_link_uri": BASE_URL + "/lti/launch",
            CLAIM + "resource_link": {"id": "link-1", "title": "Durable workflows"},
            CLAIM + "roles": [LEARNER],
            CLAIM + "context": {"id": "course-1", "title": "Agents", "label": "AG1"},
        } | changes
        return {name: value for name, value in claims.items() if value is not ...}

    def sign(self, claims: dict[str, Any], *, key: str = "platform", kid: str | None = "key-1") -> str:
        return jwt.encode(claims, rsa_key(key), algorithm="RS256", headers={"kid": kid} if kid else None)

    def sign_anything(self, payload: bytes) -> str:
        """A right signature over anything, also over what no library would sign."""
        header = json.dumps({"alg": "RS256", "kid": "key-1"}).encode()
        message = f"{encoded(header)}.{encoded(payload)}"
        return f"{message}.{encoded(rsa_key('platform').sign(message.encode(), PKCS1v15(), SHA256()))}"


@dataclass
class Begun:
    """A login that was begun in a browser."""

    state: str
    nonce: str


@dataclass
class Door:
    """One browser in front of the tool."""

    app: Flask
    platform: HostilePlatform
    browser: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.browser = self.app.test_client()

    def login_fields(self, **changes: str) -> dict[str, str]:
        fields = {
            "iss": self.platform.issuer,
            "login_hint": "hint",
            "target_link_uri": BASE_URL + "/lti/launch",
            "client_id": self.platform.client_id,
        } | changes
        return {name: value for name, value in fields.items() if value}

    def login(self, **changes: str) -> Begun:
        answer = self.browser.post("/lti/login", data=self.login_fields(**changes), base_url=BASE_URL)
        assert answer.status_code == 302, answer.get_data(as_text=True)
        question = parse_qs(urlsplit(answer.headers["Location"]).query)
        return Begun(question["state"][0], question["nonce"][0])

    def post(self, state: str, token: str) -> TestResponse:
        return self.browser.post("/lti/launch", data={"state": state, "id_token": token}, base_url=BASE_URL)

    def launch(self, **changes: Any) -> TestResponse:
        """A whole right launch, with changes to its claims."""
        begun = self.login()
        return self.post(begun.state, self.platform.sign(self.platform.claims(begun.nonce, **changes)))

    def open(self, **changes: Any) -> str:
        """A launch that is accepted; returns the launch's id, its session in this browser."""
        answer = self.launch(**changes)
        assert answer.status_code == 303, answer.get_data(as_text=True)
        return launch_id(answer)


def launch_id(answer: TestResponse) -> str:
    return urlsplit(answer.headers["Location"]).path.split("/")[2]


def go_on(browser: FlaskClient, notice: TestResponse) -> TestResponse:
    """From the notice, as its button does, to the page behind it."""
    hidden = {
        name: notice.text.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("form_token", "version")
    }
    assert notice.request.path.endswith("/notice"), notice.request.path
    return browser.post(notice.request.path, data=hidden, base_url=notice.request.host_url, follow_redirects=True)


def error_code(answer: TestResponse) -> str:
    """The code an error page carries; fails on any other page."""
    text = answer.get_data(as_text=True)
    assert 'data-error-code="' in text, (answer.status_code, text[:300])
    return text.split('data-error-code="')[1].split('"')[0]


@contextmanager
def serving(app: Any, host: str = "127.0.0.1") -> Iterator[str]:
    """A WSGI application on a real loopback server with threads; gives its address."""
    server = make_server(host, 0, app, threaded=True)
    # Asked often whether it shall stop: every test waits for that.
    thread = threading.Thread(
        target=server.serve_forever, args=(0.02,), name=f"server-{uuid.uuid4().hex[:6]}", daemon=True
    )
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

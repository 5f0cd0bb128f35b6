"""A platform on its own database file, and a tool that knows only what is registered."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from flask import Flask
from flask.testing import FlaskClient

from lti_tool.demo import store
from lti_tool.demo.keys import new_private_pem
from lti_tool.demo.platform import PlatformConfig, create_platform
from tests.demo.dummy_tool import CLIENT_ID, ISSUER, LAUNCH_URL, TOOL, Clock, Tool, ToolKeySet, at_issuer


@pytest.fixture(scope="session")
def tool_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def other_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def platform_pem() -> str:
    return new_private_pem()


@pytest.fixture(autouse=True)
def _quick_keys(monkeypatch: pytest.MonkeyPatch, platform_pem: str) -> None:
    """Making an RSA key takes a tenth of a second; all platforms here share one."""
    monkeypatch.setattr(store, "new_private_pem", lambda: platform_pem)


@pytest.fixture
def key_set(tool_key: RSAPrivateKey) -> ToolKeySet:
    return ToolKeySet(tool_key)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config(tmp_path: Path, clock: Clock, key_set: ToolKeySet) -> PlatformConfig:
    return PlatformConfig(
        issuer=ISSUER,
        tool_login_url=f"{TOOL}/lti/login",
        tool_redirect_uris=(LAUNCH_URL,),
        tool_target_link_uri=LAUNCH_URL,
        tool_jwks_url=f"{TOOL}/lti/jwks",
        client_id=CLIENT_ID,
        deployment_id="deployment-1",
        database=tmp_path / "lms" / "platform.sqlite",
        custom={"lesson": "durable-workflows"},
        clock=clock,
        fetch_jwks=key_set,
    )


@pytest.fixture
def app(config: PlatformConfig) -> Flask:
    return create_platform(config)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return at_issuer(app)


@pytest.fixture
def tool(client: FlaskClient, clock: Clock, tool_key: RSAPrivateKey) -> Tool:
    return Tool(client, clock, tool_key)

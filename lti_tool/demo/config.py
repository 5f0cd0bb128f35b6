"""What the bundled platform is told about itself and about the tool registered with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from lti_tool.demo.faults import Faults
from lti_tool.demo.midnight import Midnight

JWKS_TIMEOUT_SECONDS = 5
JWKS_MAX_BYTES = 64 * 1024


def utc_now() -> datetime:
    return datetime.now(UTC)


def fetch_jwks(url: str) -> dict[str, Any]:
    """Read a tool's key set over HTTP; raises RequestException or ValueError, follows no redirect."""
    with requests.get(url, timeout=JWKS_TIMEOUT_SECONDS, allow_redirects=False, stream=True) as response:
        if response.status_code != 200:
            raise ValueError(f"the key set address answered {response.status_code}")
        body = response.raw.read(JWKS_MAX_BYTES + 1, decode_content=True)
    if len(body) > JWKS_MAX_BYTES:
        raise ValueError("the key set is too large")
    key_set = json.loads(body)
    if not isinstance(key_set, dict):
        raise ValueError("the key set is not a JSON object")
    return key_set


@dataclass(frozen=True)
class Tool:
    """A tool as it is registered here: one client, one deployment."""

    client_id: str
    deployment_id: str
    login_url: str
    redirect_uris: tuple[str, ...]
    target_link_uri: str
    jwks_url: str
    custom: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """Where its pages come from."""
        return origin(self.target_link_uri)

    @property
    def origins(self) -> tuple[str, ...]:
        """All of its own origins, for our Content-Security-Policy."""
        addresses = (self.target_link_uri, self.login_url, *self.redirect_uris)
        return tuple(dict.fromkeys(origin(address) for address in addresses))


@dataclass(frozen=True)
class PlatformConfig:
    """One issuer and the tool that it knows from the start. `issuer` is an origin without a trailing slash.

    `storage`: whether the course's page keeps values for the tool (lti_storage_target). `faults`: what
    its visitors may do to the processes behind it. `doors`: makes a link to the tool's pages of a kind ("admin",
    "research") that no course opens. `relay`: where the tool answers without its cookies. `midnight`: when all of
    it begins afresh, if it does.
    """

    issuer: str
    tool_login_url: str
    tool_redirect_uris: tuple[str, ...]
    tool_target_link_uri: str
    tool_jwks_url: str
    client_id: str
    deployment_id: str
    database: Path
    custom: Mapping[str, str] = field(default_factory=dict)
    storage: bool = False
    faults: Faults | None = None
    doors: Callable[[str], str] | None = None
    relay: str = ""
    midnight: Midnight | None = None
    clock: Callable[[], datetime] = utc_now
    fetch_jwks: Callable[[str], dict[str, Any]] = fetch_jwks

    def __post_init__(self) -> None:
        if origin(self.issuer) != self.issuer:
            raise ValueError(f"issuer must be an origin like http://localhost:8000, not {self.issuer!r}")

    @property
    def token_endpoint(self) -> str:
        return f"{self.issuer}/lti/token"

    @property
    def tool(self) -> Tool:
        """The tool that is registered from the start; others may register themselves."""
        return Tool(
            client_id=self.client_id,
            deployment_id=self.deployment_id,
            login_url=self.tool_login_url,
            redirect_uris=self.tool_redirect_uris,
            target_link_uri=self.tool_target_link_uri,
            jwks_url=self.tool_jwks_url,
            custom=self.custom,
        )


def origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

"""The platform's own signing key, and the tool's public keys as the platform sees them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

KEY_SET_LIFETIME = timedelta(minutes=5)


class KeySetUnreadable(Exception):
    """The tool's key set could not be fetched or is not a key set."""


def new_private_pem() -> str:
    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@lru_cache(maxsize=8)
def load_private_key(pem: str) -> RSAPrivateKey:
    """The key of that text, kept: reading one takes 40 ms."""
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the platform's key is not an RSA key")
    return key


def public_jwk(private_pem: str) -> dict[str, Any]:
    """The public half as a JWK whose kid is its thumbprint (RFC 7638)."""
    numbers = RSAAlgorithm.to_jwk(load_private_key(private_pem).public_key(), as_dict=True)
    members = {name: numbers[name] for name in ("e", "kty", "n")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {**members, "kid": kid, "use": "sig", "alg": "RS256"}


class ToolKeys:
    """The tool's key set, kept for five minutes and read again once when a kid is unknown."""

    def __init__(self, url: str, fetch: Callable[[str], dict[str, Any]], clock: Callable[[], datetime]) -> None:
        self._url, self._fetch, self._clock = url, fetch, clock
        self._entries: list[dict[str, Any]] = []
        self._read_at: datetime | None = None

    def with_kid(self, kid: str) -> list[RSAPublicKey]:
        """Every usable RSA signing key of that kid; raises KeySetUnreadable."""
        fresh = self._read_at is not None and self._clock() - self._read_at < KEY_SET_LIFETIME
        if not fresh:
            self._read()
        found = self._matching(kid)
        if not found and fresh:
            self._read()
            found = self._matching(kid)
        return found

    def _read(self) -> None:
        try:
            entries = self._fetch(self._url)["keys"]
        except (requests.RequestException, OSError, LookupError, TypeError, ValueError) as error:
            raise KeySetUnreadable("the tool's key set could not be read") from error
        if not isinstance(entries, list):
            raise KeySetUnreadable("the tool's key set has no list of keys")
        self._entries = [entry for entry in entries if isinstance(entry, dict)]
        self._read_at = self._clock()

    def _matching(self, kid: str) -> list[RSAPublicKey]:
        candidates = (_rsa_public_key(entry) for entry in self._entries if entry.get("kid") == kid)
        return [key for key in candidates if key is not None]


class Keyring:
    """The key set of each tool, by its address."""

    def __init__(self, fetch: Callable[[str], dict[str, Any]], clock: Callable[[], datetime]) -> None:
        self._fetch, self._clock = fetch, clock
        self._sets: dict[str, ToolKeys] = {}

    def of(self, jwks_url: str) -> ToolKeys:
        """The keys at this address."""
        return self._sets.setdefault(jwks_url, ToolKeys(jwks_url, self._fetch, self._clock))


def _rsa_public_key(entry: dict[str, Any]) -> RSAPublicKey | None:
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256":
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= 2048 else None

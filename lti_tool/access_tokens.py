"""Access tokens of platforms, by client assertion (RFC 7523), kept until a minute before their end.

Rules: https://www.imsglobal.org/spec/security/v1p0/#using-json-web-tokens-with-oauth-2-0-client-credentials-grant
"""

import secrets
import time
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Protocol

import jwt

from lti_tool.keys import SigningKey
from lti_tool.models import Registration
from lti_tool.outbound import Reply, ReplyUnreadable, TokenNotGiven

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 300
BACKDATED_SECONDS = 5
LEEWAY_SECONDS = 60
DEFAULT_LIFE_SECONDS = 600
SHORT = 300


class Client(Protocol):
    """What is needed of lti_tool.outbound.Outbound."""

    def get(self, url: str, *, headers: Any = None) -> Reply: ...

    def post(self, url: str, body: Any, *, headers: Any = None) -> Reply: ...

    def put(self, url: str, body: Any, *, headers: Any = None) -> Reply: ...

    def delete(self, url: str, *, headers: Any = None) -> Reply: ...


class AccessTokens:
    """Tokens by (registration id, scopes), for threads to share; never by issuer, which many customers share."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[tuple[int, tuple[str, ...]], tuple[str, float]] = {}

    def bearer(self, outbound: Client, registration: Registration, key: SigningKey, scopes: Iterable[str]) -> str:
        """A token for these scopes: a kept one, else asked for now (OutboundError when it is not given)."""
        wanted = tuple(sorted(set(scopes)))
        with self._lock:
            token, until = self._kept.get((registration.id, wanted), ("", 0.0))
        if token and until > self._clock():
            return token
        token, life = self._ask(outbound, registration, key, wanted)
        with self._lock:
            self._kept[(registration.id, wanted)] = (token, self._clock() + life - LEEWAY_SECONDS)
        return token

    def forget(self, registration: Registration, scopes: Iterable[str]) -> None:
        """Drop a token that the platform no longer takes."""
        with self._lock:
            self._kept.pop((registration.id, tuple(sorted(set(scopes)))), None)

    def _ask(
        self, outbound: Client, registration: Registration, key: SigningKey, scopes: tuple[str, ...]
    ) -> tuple[str, float]:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": client_assertion(registration, key, self._clock()),
            "scope": " ".join(scopes),
        }
        reply = outbound.post(registration.auth_token_url, form, headers={"Accept": "application/json"})
        if not reply.ok:
            raise TokenNotGiven(reply.status, f"token not given: {reply.reason[:SHORT]}")
        answer = reply.json()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise ReplyUnreadable(reply.status, "the token answer holds no access_token")
        life = answer.get("expires_in")
        try:
            return token, float(life)
        except (TypeError, ValueError):
            return token, float(DEFAULT_LIFE_SECONDS)


def client_assertion(registration: Registration, key: SigningKey, now: float) -> str:
    """The signed statement that we are the client; backdated a little, for platforms whose clock is behind."""
    issued = int(now) - BACKDATED_SECONDS
    claims = {
        "iss": registration.client_id,
        "sub": registration.client_id,
        "aud": registration.token_audience or registration.auth_token_url,
        "iat": issued,
        "exp": issued + ASSERTION_SECONDS,
        "jti": secrets.token_urlsafe(24),
    }
    return jwt.encode(claims, key.private_pem, algorithm="RS256", headers={"kid": key.kid})

"""What the platform services AGS and NRPS have in common: a bearer, one renewal on 401, pages by Link header."""

import html
import re
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakKeyDictionary

from lti_tool.access_tokens import AccessTokens, Client
from lti_tool.keys import SigningKey
from lti_tool.models import Registration
from lti_tool.outbound import OutboundError, PlatformRefused, Reply, ReplyUnreadable

MAX_PAGES = 200
SHORT = 300
# Moodle puts typographic quotes around the relation and escapes ampersands (seen on 4.5.6), so both are allowed.
NEXT_LINK = re.compile(r"<([^<>]+)>[^<]*?;\s*rel\s*=\s*[^\w\s,;]*next(?![\w-])", re.IGNORECASE | re.ASCII)
_TOKENS: WeakKeyDictionary[Client, AccessTokens] = WeakKeyDictionary()
_TOKENS_LOCK = Lock()


def tokens_of(outbound: Client) -> AccessTokens:
    """The tokens that everything shares which goes out through the same client."""
    with _TOKENS_LOCK:
        return _TOKENS.setdefault(outbound, AccessTokens())


class ScopeMissing(OutboundError):
    """The platform did not grant this placement what the request needs."""


class PlatformService:
    """Requests to one platform with a token for `scopes`."""

    def __init__(
        self,
        outbound: Client,
        registration: Registration,
        key: SigningKey,
        scopes: Iterable[str],
        tokens: AccessTokens | None = None,
    ) -> None:
        self._outbound = outbound
        self._registration = registration
        self._key = key
        self.scopes = tuple(sorted(set(scopes)))
        self._tokens = tokens or tokens_of(outbound)

    def require(self, *any_of: str) -> None:
        """Refuse to ask for what the launch did not grant."""
        if not set(any_of) & set(self.scopes):
            raise ScopeMissing(f"The platform did not grant {any_of[0].rsplit('/', 1)[-1]} to this placement.")

    def get(self, url: str, accept: str) -> Reply:
        """GET with the token."""
        return self._with_token(lambda auth: self._outbound.get(url, headers={**auth, "Accept": accept}))

    def post(self, url: str, body: bytes, content_type: str, accept: str) -> Reply:
        """POST bytes with the token."""
        headers = {"Content-Type": content_type, "Accept": accept}
        return self._with_token(lambda auth: self._outbound.post(url, body, headers={**headers, **auth}))

    def put(self, url: str, body: bytes, content_type: str, accept: str) -> Reply:
        """PUT bytes with the token."""
        headers = {"Content-Type": content_type, "Accept": accept}
        return self._with_token(lambda auth: self._outbound.put(url, body, headers={**headers, **auth}))

    def delete(self, url: str) -> Reply:
        """DELETE with the token."""
        return self._with_token(lambda auth: self._outbound.delete(url, headers=auth))

    def pages(self, url: str, accept: str) -> Iterator[Any]:
        """The JSON of each page; the address of the next one is taken as it comes, and only on the same host."""
        seen: set[str] = set()
        following: str | None = url
        while following is not None:
            if following in seen or len(seen) >= MAX_PAGES:
                raise ReplyUnreadable(200, "the pages of the list do not end")
            seen.add(following)
            reply = expect_ok(self.get(following, accept))
            yield reply.json()
            following = next_page(following, reply)

    def _with_token(self, send: Callable[[dict[str, str]], Reply]) -> Reply:
        reply = send(self._authorization())
        if reply.status == 401:
            self._tokens.forget(self._registration, self.scopes)
            reply = send(self._authorization())
        return reply

    def _authorization(self) -> dict[str, str]:
        token = self._tokens.bearer(self._outbound, self._registration, self._key, self.scopes)
        return {"Authorization": f"Bearer {token}"}


def expect_ok(reply: Reply) -> Reply:
    """The reply, if it is a success; else PlatformRefused."""
    if not reply.ok:
        raise PlatformRefused(reply.status, reply.reason[:SHORT])
    return reply


def next_page(url: str, reply: Reply) -> str | None:
    """Where the next page is; a page on another host would be sent our token, so it is an error."""
    match = NEXT_LINK.search(reply.headers.get("link", ""))
    if match is None:
        return None
    following = urljoin(url, html.unescape(match.group(1)))
    if urlsplit(following)[:2] != urlsplit(url)[:2]:
        raise ReplyUnreadable(reply.status, "the next page is on another host")
    return following

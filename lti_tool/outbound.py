"""The only way out to platforms: timeouts, a size cap, no strange hosts, no redirects to elsewhere.

OutboundError
├── AddressRefused        we do not go there
├── PlatformUnreachable   no answer; `may_have_arrived` tells whether the request may have been taken
└── PlatformRefused       an answer that is not a success
    ├── TokenNotGiven     to the request for an access token, so that nothing else was asked
    └── ReplyUnreadable   a success whose body is not what was asked for
"""

import json
import os
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import Cookie, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import Request

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from lti_tool.settings import Settings, is_loopback

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0
WHOLE_SECONDS = 30.0
MAX_REPLY = 4 * 1024 * 1024
MAX_REDIRECTS = 3
CHUNK = 65536
REDIRECTS = frozenset({301, 302, 303, 307, 308})
USER_AGENT = "Atelier/0.1 (LTI 1.3 tool)"


class OutboundError(Exception):
    """A platform could not be asked, or did not give what was asked for."""


class AddressRefused(OutboundError):
    """An address where this tool does not go."""


class PlatformUnreachable(OutboundError):
    """No whole answer came back."""

    def __init__(self, reason: str, *, may_have_arrived: bool) -> None:
        super().__init__(f"The platform could not be reached: {reason}.")
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class PlatformRefused(OutboundError):
    """The platform answered with a status that is not a success."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"The platform answered {status}: {reason or 'no reason given'}.")
        self.status = status
        self.reason = reason


class TokenNotGiven(PlatformRefused):
    """The platform gave no access token; what it was wanted for was not asked."""


class ReplyUnreadable(PlatformRefused):
    """The platform answered with success, and with a body that cannot be used."""


@dataclass(frozen=True)
class Reply:
    """What a platform answered."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    url: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON, whatever its content type says (Moodle sends tokens as text/html)."""
        try:
            return json.loads(self.body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise ReplyUnreadable(self.status, "the body is not JSON") from None


class AddressRules:
    """Which addresses may be connected to: public ones, and what the operator listed."""

    def __init__(self, settings: Settings) -> None:
        self._allow_loopback = settings.allow_http
        self._networks = parse_networks(settings.platform_networks)

    def check_url(self, url: str) -> None:
        """Refuse an address by its form: only https, or http to loopback where that is allowed."""
        try:
            parts = urlsplit(url)
            host, _port = parts.hostname or "", parts.port
        except ValueError:
            raise AddressRefused("The address is not a web address.") from None
        if not host or parts.username is not None or parts.scheme not in ("http", "https"):
            raise AddressRefused("The address is not a web address.")
        if parts.scheme == "http" and not (self._allow_loopback and is_loopback(host)):
            raise AddressRefused("Plain http is refused, except to loopback with ATELIER_ALLOW_HTTP=1.")

    def allows(self, address: str) -> bool:
        """Whether an IP address, as resolved, may be connected to."""
        ip = ip_address(address.split("%", 1)[0])
        if isinstance(ip, IPv6Address):
            ip = _inner(ip) or ip
        if any(ip in network for network in self._networks if network.version == ip.version):
            return True
        if ip.is_loopback:
            return self._allow_loopback
        return ip.is_global and not ip.is_multicast


NAT64 = ip_network("64:ff9b::/96")


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo, or translated on the way (RFC 6052)."""
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def parse_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Networks from "10.0.0.0/8, fd00::/8"; AddressRefused names the entry that is not one."""
    networks = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ip_network(entry, strict=False))
        except ValueError:
            raise AddressRefused(f"ATELIER_PLATFORM_NETWORKS: {entry!r} is not a network.") from None
    return networks


class Outbound:
    """A client for platforms, shared by the threads of a process; it never retries."""

    def __init__(self, settings: Settings) -> None:
        self._rules = AddressRules(settings)
        self._session = requests.Session()
        # No proxies or .netrc from the environment: a proxy would connect where we would not.
        self._session.trust_env = False
        self._session.cookies.set_policy(_NoCookies())
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or True
        adapter = _GuardedAdapter(self._rules)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """GET, following redirects on the same host only."""
        for _ in range(MAX_REDIRECTS + 1):
            reply = self._send("GET", url, headers or {}, None)
            target = reply.headers.get("location")
            if reply.status not in REDIRECTS or not target:
                return reply
            following = urljoin(url, target)
            if urlsplit(following)[:2] != urlsplit(url)[:2]:
                raise AddressRefused("The platform redirected to another host.")
            url = following
        raise AddressRefused("The platform redirected too often.")

    def post(self, url: str, body: bytes | Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Reply:
        """POST bytes, or a mapping as a form; a redirect is an answer like another."""
        return self._send("POST", url, headers or {}, body)

    def put(self, url: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> Reply:
        """PUT bytes; a redirect is an answer like another."""
        return self._send("PUT", url, headers or {}, body)

    def delete(self, url: str, *, headers: Mapping[str, str] | None = None) -> Reply:
        """DELETE; a redirect is an answer like another."""
        return self._send("DELETE", url, headers or {}, None)

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | Mapping[str, str] | None) -> Reply:
        self._rules.check_url(url)
        watch = _Watch(WHOLE_SECONDS)
        try:
            with (
                watch,
                self._session.request(
                    method,
                    url,
                    headers=dict(headers),
                    data=body,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                content = _read(response)
                watch.check()
                return Reply(response.status_code, response.reason or "", response.headers, content, response.url)
        except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
            raise PlatformUnreachable(_reason(error), may_have_arrived=False) from None
        except requests.ConnectionError as error:
            raise PlatformUnreachable(_reason(error), may_have_arrived=not _never_connected(error)) from None
        except requests.RequestException as error:
            raise PlatformUnreachable(_reason(error), may_have_arrived=True) from None


def _read(response: requests.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(CHUNK):
        content += chunk
        if len(content) > MAX_REPLY:
            raise ReplyUnreadable(response.status_code, "the answer is too large")
    return bytes(content)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "it did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was not accepted"
    return "the connection failed"


def _causes(error: BaseException) -> list[object]:
    # requests keeps urllib3's error as an argument, and urllib3 keeps the socket's as `reason`.
    found: list[object] = []
    waiting: list[object] = [error]
    while waiting and len(found) < 20:
        item = waiting.pop()
        found.append(item)
        if isinstance(item, BaseException):
            waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return found


def _never_connected(error: BaseException) -> bool:
    return any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in _causes(error))


# ---- the whole of an exchange has an end -----------------------------------------------------------------------

TOO_SLOW = "it answered too slowly"


class _Watch:
    """Cuts the connection of this thread's exchange when its time is over.

    A timeout of the socket begins anew with every byte, so that an answer a byte at a time would never end.
    """

    def __init__(self, seconds: float) -> None:
        self.wire: socket.socket | None = None
        self.is_over = False
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> None:
        _WATCHED.watch = self
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        _WATCHED.watch = None
        self._timer.cancel()
        self._timer.join()  # it is over or was called off
        if self.wire is not None:
            self.wire.close()

    def check(self) -> None:
        """Refuse an answer that was cut off: without a length it looks whole."""
        if self.is_over:
            raise PlatformUnreachable(TOO_SLOW, may_have_arrived=True)

    def _cut(self) -> None:
        self.is_over = True
        if self.wire is not None:
            with suppress(OSError):
                self.wire.shutdown(socket.SHUT_RDWR)


class _Watched(threading.local):
    """The watch over what this thread sends just now."""

    watch: _Watch | None = None

    def over(self, wire: socket.socket | None) -> None:
        """This thread's exchange goes over that socket; refused when its time is over already."""
        if self.watch is None:
            return
        if self.watch.wire is None and wire is not None:
            # By a number of its own: TLS takes the socket's first one away, and a closed connection forgets its socket.
            self.watch.wire = socket.socket(fileno=os.dup(wire.fileno()))
        if self.watch.is_over:
            raise PlatformUnreachable(TOO_SLOW, may_have_arrived=True)


_WATCHED = _Watched()


class _NoCookies(DefaultCookiePolicy):
    """Platforms' cookies are neither kept nor sent."""

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        return False


class _GuardedAdapter(HTTPAdapter):
    """Checks the address that was connected to, before a byte is sent, so that no answer of a name server fools it."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        rules = self._rules

        class GuardedHTTP(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return _guarded(rules, super()._new_conn)

            def getresponse(self) -> HTTPResponse:  # type: ignore[override]
                _WATCHED.over(self.sock)
                return super().getresponse()

        class GuardedHTTPS(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return _guarded(rules, super()._new_conn)

            def getresponse(self) -> HTTPResponse:  # type: ignore[override]
                _WATCHED.over(self.sock)
                return super().getresponse()

        class HTTPPool(HTTPConnectionPool):
            ConnectionCls = GuardedHTTP

        class HTTPSPool(HTTPSConnectionPool):
            ConnectionCls = GuardedHTTPS

        self.poolmanager.pool_classes_by_scheme = {"http": HTTPPool, "https": HTTPSPool}


def _guarded(rules: AddressRules, connect: Any) -> socket.socket:
    connected: socket.socket = connect()
    _WATCHED.over(connected)
    if not rules.allows(str(connected.getpeername()[0])):
        connected.close()
        raise AddressRefused(
            "The address leads to a private network; list it in ATELIER_PLATFORM_NETWORKS if a platform lives there."
        )
    return connected

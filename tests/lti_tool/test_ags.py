"""The gradebook client against a small platform on a real loopback server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask, Response, request

from lti_tool import outbound as outbound_module
from lti_tool.ags import LINE_ITEM, RESULT_READ, SCORE, AgsClient
from lti_tool.keys import SigningKey
from lti_tool.models import Registration
from lti_tool.nrps import members
from lti_tool.outbound import (
    AddressRefused,
    AddressRules,
    Outbound,
    PlatformRefused,
    PlatformUnreachable,
    ReplyUnreadable,
)
from lti_tool.services import ScopeMissing
from lti_tool.settings import Settings
from tests.lti_tool.door import rsa_key, serving

SCORE_BODY = {"userId": "u1", "scoreGiven": 74, "scoreMaximum": 100, "timestamp": "2026-12-12T14:02:11.000Z"}
SCORE_TYPE = "application/vnd.ims.lis.v1.score+json"


@dataclass
class FakePlatform:
    """Counts and keeps what it is asked; `score_answers` are given one after the other."""

    url: str = ""
    assertions: list[str] = field(default_factory=list)
    asked_scopes: list[str] = field(default_factory=list)
    scores: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    score_answers: list[tuple[str, str]] = field(default_factory=list)
    created: list[dict[str, Any]] = field(default_factory=list)
    column: dict[str, Any] | None = field(default_factory=lambda: {"scoreMaximum": 100})
    seen: list[str] = field(default_factory=list)
    valid_tokens: set[str] = field(default_factory=set)
    expires_in: Any = 3600
    refuses_tokens: bool = False

    def app(self) -> Flask:
        app = Flask("fake_platform")
        app.add_url_rule("/token", view_func=self.token, methods=["POST"])
        app.add_url_rule("/items", view_func=self.items, methods=["GET", "POST"])
        app.add_url_rule("/items/9/scores", view_func=self.score, methods=["POST"])
        app.add_url_rule("/items/9/results", view_func=self.results)
        app.add_url_rule("/items/9", view_func=self.item, methods=["GET", "PUT", "DELETE"])
        app.add_url_rule("/members", view_func=self.members)
        app.add_url_rule("/away", view_func=self.away)
        app.add_url_rule("/big", view_func=self.big)
        app.before_request(self.check)
        return app

    def check(self) -> Response | None:
        self.seen.append(f"{request.method} {request.full_path}")
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if request.path in ("/token", "/away", "/big") or given in self.valid_tokens:
            return None
        return Response("[]", status="401 Unauthorized")

    def token(self) -> Response:
        self.assertions.append(request.form["client_assertion"])
        self.asked_scopes.append(request.form["scope"])
        if self.refuses_tokens:
            return Response("<html>", status="404 Not Found")
        assert request.form["grant_type"] == "client_credentials"
        token = f"token-{len(self.assertions)}"
        self.valid_tokens.add(token)
        body = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in})
        return Response(body, content_type="text/html; charset=utf-8")  # as Moodle sends it

    def items(self) -> Response:
        if request.method == "POST":
            assert request.content_type == "application/vnd.ims.lis.v2.lineitem+json"
            self.created.append(request.get_json(force=True))
            return Response(json.dumps({"id": self.url + "/items/9", **self.created[-1]}), status=201)
        assert request.headers["Accept"] == "application/vnd.ims.lis.v2.lineitemcontainer+json"
        page = request.args.get("Page", "Aa")
        rows = [{"id": f"{self.url}/items/{page}", "resourceLinkId": "link-1"}, {"id": "x", "resourceLinkId": "other"}]
        link = {"Link": f"<{self.url}/items?Page=Bb&amp;type=3>; rel=”next”".encode().decode("latin-1")}
        return Response(json.dumps(rows), headers=link if page == "Aa" else {})

    def item(self) -> Response:
        if self.column is None:
            return Response("[]", status="404 Not Found")
        if request.method == "DELETE":
            self.column = None
            return Response(status=204)
        assert request.headers["Accept"] == "application/vnd.ims.lis.v2.lineitem+json"
        if request.method == "PUT":
            assert request.content_type == "application/vnd.ims.lis.v2.lineitem+json"
            self.column = request.get_json(force=True)
        return Response(json.dumps({"id": request.url, **self.column}))

    def score(self) -> Response:
        self.scores.append((request.full_path, request.get_json(force=True), dict(request.headers)))
        status, body = self.score_answers.pop(0) if self.score_answers else ("200 OK", "[]")
        return Response(body, status=status)

    def results(self) -> Response:
        rows = [{"userId": "u1", "resultScore": 74}, {"userId": "u2", "resultScore": 1}]
        return Response(json.dumps(rows))

    def away(self) -> Response:
        return Response(status=302, headers={"Location": "http://localhost:1/x"})

    def big(self) -> Response:
        return Response(b"x" * 5_000_000)

    def members(self) -> Response:
        page = request.args.get("p", "1")
        body = {"members": [{"user_id": f"u{page}", "roles": ["Learner"]}]}
        link = {"Link": f'<{self.url}/members?p=2>; rel="next"'} if page == "1" else {}
        return Response(json.dumps(body), headers=link)


@pytest.fixture
def platform() -> Iterator[FakePlatform]:
    fake = FakePlatform()
    with serving(fake.app()) as url:
        fake.url = url
        yield fake


@pytest.fixture
def outbound() -> Outbound:
    return Outbound(Settings(allow_http=True))


def registered(platform: FakePlatform, number: int = 1, **changes: Any) -> Registration:
    fields = {"auth_token_url": platform.url + "/token", "client_id": f"client-{number}"} | changes
    return Registration(id=number, issuer="https://lms.example.edu", **fields)


@pytest.fixture
def key() -> SigningKey:
    pem = rsa_key("tool").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey("kid-1", pem.decode())


@pytest.fixture
def gradebook(outbound: Outbound, platform: FakePlatform, key: SigningKey) -> AgsClient:
    return AgsClient(outbound, registered(platform), key)


def claims_of(assertion: str, audience: str) -> dict[str, Any]:
    return jwt.decode(assertion, rsa_key("tool").public_key(), algorithms=["RS256"], audience=audience)


def test_the_client_assertion_says_who_we_are_to_this_platform_once(
    gradebook: AgsClient, platform: FakePlatform
) -> None:
    gradebook.post_score(platform.url + "/items/9", SCORE_BODY)

    claims = claims_of(platform.assertions[0], platform.url + "/token")
    now = time.time()
    assert (claims["iss"], claims["sub"]) == ("client-1", "client-1")
    assert len(claims["jti"]) >= 20
    assert now - 60 < claims["iat"] < now
    assert claims["exp"] - claims["iat"] == 300
    assert jwt.get_unverified_header(platform.assertions[0])["kid"] == "kid-1"
    assert platform.asked_scopes == [" ".join(sorted([LINE_ITEM, RESULT_READ, SCORE]))]


def test_a_platform_may_name_another_audience(outbound: Outbound, platform: FakePlatform, key: SigningKey) -> None:
    registration = registered(platform, token_audience="https://auth.example.edu")

    AgsClient(outbound, registration, key).post_score(platform.url + "/items/9", SCORE_BODY)

    assert claims_of(platform.assertions[0], "https://auth.example.edu")


def test_a_score_goes_before_the_query_string_with_its_media_type(gradebook: AgsClient, platform: FakePlatform) -> None:
    answer = gradebook.post_score(platform.url + "/items/9?type_id=3", SCORE_BODY)

    ((path, body, headers),) = platform.scores
    assert answer.status == 200
    assert (path, body) == ("/items/9/scores?type_id=3", SCORE_BODY)
    assert headers["Content-Type"] == SCORE_TYPE
    assert headers["User-Agent"].startswith("Atelier/")


def test_the_same_body_is_the_same_bytes(gradebook: AgsClient, platform: FakePlatform) -> None:
    gradebook.post_score(platform.url + "/items/9", SCORE_BODY)
    gradebook.post_score(platform.url + "/items/9", dict(reversed(SCORE_BODY.items())))

    assert platform.scores[0][2]["Content-Length"] == platform.scores[1][2]["Content-Length"]


@pytest.mark.parametrize("status", ["400 Incorrect score received", "409 Conflict", "429 Slow down", "500 Oops"])
def test_any_status_is_an_answer_and_nothing_is_tried_again(
    status: str, gradebook: AgsClient, platform: FakePlatform
) -> None:
    platform.score_answers = [(status, "[]")]

    answer = gradebook.post_score(platform.url + "/items/9", SCORE_BODY)

    assert (answer.status, answer.text) == (int(status[:3]), status[4:] + ": []")
    assert len(platform.scores) == 1


def test_an_answer_is_kept_short_and_without_tokens(gradebook: AgsClient, platform: FakePlatform) -> None:
    platform.score_answers = [("400 Bad", "Authorization: Bearer token-1 was\n" + "x" * 5000)]

    text = gradebook.post_score(platform.url + "/items/9", SCORE_BODY).text

    assert "token-1" not in text
    assert "\n" not in text
    assert len(text) <= 320


def test_a_score_that_is_not_a_number_is_never_sent(gradebook: AgsClient, platform: FakePlatform) -> None:
    with pytest.raises(ValueError):
        gradebook.post_score(platform.url + "/items/9", SCORE_BODY | {"scoreGiven": float("nan")})

    assert platform.scores == []


def test_one_token_serves_many_requests(gradebook: AgsClient, platform: FakePlatform) -> None:
    for _ in range(3):
        gradebook.post_score(platform.url + "/items/9", SCORE_BODY)

    assert len(platform.assertions) == 1


def test_a_token_about_to_end_is_not_used(outbound: Outbound, platform: FakePlatform, key: SigningKey) -> None:
    platform.expires_in = 59
    gradebook = AgsClient(outbound, registered(platform), key)

    for _ in range(2):
        gradebook.post_score(platform.url + "/items/9", SCORE_BODY)

    assert len(platform.assertions) == 2


def test_two_registrations_of_one_issuer_never_share_a_token(
    outbound: Outbound, platform: FakePlatform, key: SigningKey
) -> None:
    for number in (1, 2, 1):
        AgsClient(outbound, registered(platform, number), key).post_score(platform.url + "/items/9", SCORE_BODY)

    issuers = [claims_of(assertion, platform.url + "/token")["iss"] for assertion in platform.assertions]
    assert issuers == ["client-1", "client-2"]
    used = [headers["Authorization"] for _, _, headers in platform.scores]
    assert used == ["Bearer token-1", "Bearer token-2", "Bearer token-1"]


def test_a_token_that_is_no_longer_taken_is_renewed_once(gradebook: AgsClient, platform: FakePlatform) -> None:
    gradebook.post_score(platform.url + "/items/9", SCORE_BODY)
    platform.valid_tokens.clear()

    assert gradebook.post_score(platform.url + "/items/9", SCORE_BODY).status == 200
    assert len(platform.assertions) == 2


def test_a_platform_that_takes_no_token_is_asked_twice_and_no_more(
    gradebook: AgsClient, platform: FakePlatform
) -> None:
    platform.score_answers = [("401 Unauthorized", ""), ("401 Unauthorized", ""), ("200 OK", "")]

    assert gradebook.post_score(platform.url + "/items/9", SCORE_BODY).status == 401
    assert len(platform.scores) == 2


def test_line_items_are_found_on_every_page_by_resource_link(gradebook: AgsClient, platform: FakePlatform) -> None:
    found = gradebook.find_line_items(platform.url + "/items?type=3", resource_link_id="link-1")

    assert [item["id"].rsplit("/", 1)[-1] for item in found] == ["Aa", "Bb"]
    asked = [line for line in platform.seen if "/items?" in line]
    assert asked == ["GET /items?type=3&resource_link_id=link-1", "GET /items?Page=Bb&type=3"]


def test_a_line_item_is_made_and_read(gradebook: AgsClient, platform: FakePlatform) -> None:
    made = gradebook.create_line_item(platform.url + "/items", {"label": "Essay", "scoreMaximum": 100})

    assert platform.created == [{"label": "Essay", "scoreMaximum": 100}]
    assert gradebook.get_line_item(made["id"])["scoreMaximum"] == 100


def test_results_are_those_of_the_one_learner(gradebook: AgsClient, platform: FakePlatform) -> None:
    rows = gradebook.results(platform.url + "/items/9?type_id=3", "u1")

    assert rows == [{"userId": "u1", "resultScore": 74}]
    assert "GET /items/9/results?type_id=3&user_id=u1" in platform.seen


def test_what_the_launch_did_not_grant_is_not_asked_for(
    outbound: Outbound, platform: FakePlatform, key: SigningKey
) -> None:
    gradebook = AgsClient(outbound, registered(platform), key, scopes=[SCORE, "https://example.edu/other"])

    with pytest.raises(ScopeMissing, match="lineitem"):
        gradebook.find_line_items(platform.url + "/items")
    gradebook.post_score(platform.url + "/items/9", SCORE_BODY)

    assert platform.asked_scopes == [SCORE]


def test_where_a_launch_named_no_scopes_the_platform_says_what_it_grants(
    outbound: Outbound, platform: FakePlatform, key: SigningKey
) -> None:
    gradebook = AgsClient(outbound, registered(platform), key, scopes=[])
    gradebook.post_score(platform.url + "/items/9", SCORE_BODY)
    assert platform.asked_scopes == [" ".join(sorted([LINE_ITEM, RESULT_READ, SCORE]))]


def test_members_are_read_to_the_last_page(outbound: Outbound, platform: FakePlatform, key: SigningKey) -> None:
    found = members(outbound, registered(platform), key, platform.url + "/members")

    assert [member["user_id"] for member in found] == ["u1", "u2"]


# ---- where we do not go --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://lms.example.edu/token",
        "http://10.0.0.1/token",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "https://user@lms.example.edu/",
        "https:///x",
        "https://[::1",
    ],
)
def test_addresses_that_are_refused_by_their_form(url: str, outbound: Outbound) -> None:
    with pytest.raises(AddressRefused):
        outbound.get(url)


def test_loopback_is_refused_unless_http_is_allowed(platform: FakePlatform) -> None:
    with pytest.raises(AddressRefused):
        Outbound(Settings(allow_http=False)).get(platform.url + "/big")
    assert platform.seen == []


def test_a_name_that_leads_to_loopback_is_refused_before_a_byte_is_sent(platform: FakePlatform) -> None:
    address = platform.url.replace("http://127.0.0.1", "https://localhost")

    with pytest.raises(AddressRefused, match="private network"):
        Outbound(Settings(allow_http=False)).get(address)


def test_a_private_network_is_open_where_it_is_listed() -> None:
    listed = Outbound(Settings(platform_networks="10.1.0.0/16, fd00::/8"))._rules

    opened = [listed.allows(a) for a in ("10.1.2.3", "10.2.0.1", "127.0.0.1", "169.254.169.254", "fd00::1", "8.8.8.8")]
    assert opened == [True, False, False, False, True, True]
    assert not listed.allows("::ffff:10.2.0.1")


def test_a_redirect_to_another_host_is_not_followed(outbound: Outbound, platform: FakePlatform) -> None:
    with pytest.raises(AddressRefused, match="another host"):
        outbound.get(platform.url + "/away")


def test_an_answer_without_end_is_cut_off(outbound: Outbound, platform: FakePlatform) -> None:
    with pytest.raises(ReplyUnreadable):
        outbound.get(platform.url + "/big")


def test_nobody_listening_means_that_nothing_arrived(outbound: Outbound) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]

    with pytest.raises(PlatformUnreachable) as caught:
        outbound.post(f"http://127.0.0.1:{port}/", b"{}")

    assert not caught.value.may_have_arrived


def test_a_refused_token_says_the_status(gradebook: AgsClient, platform: FakePlatform) -> None:
    platform.refuses_tokens = True

    with pytest.raises(PlatformRefused) as caught:
        gradebook.post_score(platform.url + "/items/9", SCORE_BODY)

    assert caught.value.status == 404


# ---- columns that are changed --------------------------------------------------------------------------------


def test_update_keeps_the_activity_and_everything_else_that_is_not_changed(
    platform: FakePlatform, outbound: Outbound, key: SigningKey
) -> None:
    platform.column = {
        "label": "Before",
        "scoreMaximum": 20,
        "resourceLinkId": "link-1",
        "resourceId": "durable-workflows",
        "tag": "atelier",
        "ltiLinkId": "7",
    }
    gradebook = AgsClient(outbound, registered(platform), key)

    gradebook.update_line_item(platform.url + "/items/9?type_id=1", {"label": "After"})

    assert platform.column == {
        "label": "After",
        "scoreMaximum": 20,
        "resourceLinkId": "link-1",
        "resourceId": "durable-workflows",
        "tag": "atelier",
    }


def test_column_is_deleted_once_and_a_second_time_is_no_error(
    platform: FakePlatform, outbound: Outbound, key: SigningKey
) -> None:
    gradebook = AgsClient(outbound, registered(platform), key)

    gradebook.delete_line_item(platform.url + "/items/9")
    gradebook.delete_line_item(platform.url + "/items/9")

    assert platform.column is None
    assert [line for line in platform.seen if line.startswith("DELETE")] == ["DELETE /items/9?"] * 2


def test_columns_are_changed_only_with_the_scope_for_it(
    platform: FakePlatform, outbound: Outbound, key: SigningKey
) -> None:
    gradebook = AgsClient(outbound, registered(platform), key, scopes=[SCORE])

    with pytest.raises(ScopeMissing):
        gradebook.delete_line_item(platform.url + "/items/9")
    with pytest.raises(ScopeMissing):
        gradebook.update_line_item(platform.url + "/items/9", {"label": "x"})
    assert platform.seen == []


class Trickle:
    """A server that answers a byte at a time, without end: its headers, or after them its body."""

    def __init__(self, beginning: bytes) -> None:
        self.beginning, self.sent, self.closed = beginning, 0, threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        threading.Thread(target=self.answer, daemon=True).start()

    def answer(self) -> None:
        connection, _ = self.socket.accept()
        with connection, self.socket:
            connection.recv(4096)
            connection.sendall(self.beginning)
            try:
                while True:
                    connection.sendall(b"x")
                    self.sent += 1
                    time.sleep(0.01)
            except OSError:
                self.closed.set()


BEGINNINGS = {
    "headers": ("http", b"HTTP/1.1 200 OK\r\nX-Long: "),
    "body": ("http", b"HTTP/1.1 200 OK\r\n\r\n"),
    "hands": ("https", b"\x16\x03\x03\x40\x00"),  # a record of TLS's handshake that is said to be 16 kB long
}


@pytest.mark.parametrize(("scheme", "beginning"), BEGINNINGS.values(), ids=BEGINNINGS.keys())
def test_an_answer_a_byte_at_a_time_is_cut_off(
    scheme: str, beginning: bytes, outbound: Outbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbound_module, "WHOLE_SECONDS", 0.3)
    server = Trickle(beginning)

    with pytest.raises(PlatformUnreachable):
        outbound.get(server.url.replace("http:", f"{scheme}:"))

    assert server.sent > 3  # the socket's own timeout never came
    assert server.closed.wait(5)


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("10.0.0.7", False),
        ("169.254.169.254", False),
        ("fe80::1%eth0", False),
        ("::1", False),
        ("::ffff:10.0.0.7", False),
        ("64:ff9b::a00:7", False),  # 10.0.0.7 behind a translator
        ("64:ff9b::5db8:d822", True),
        ("2002:a00:7::1", False),  # 6to4
        ("224.0.0.1", False),
        ("0.0.0.0", False),
    ],
)
def test_addresses_that_may_be_connected_to(address: str, allowed: bool) -> None:
    assert AddressRules(Settings()).allows(address) is allowed

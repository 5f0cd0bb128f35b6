"""The frame whose cookies do not come back: what the relay takes out, and what it lets pass."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask, make_response, redirect, request
from flask.testing import FlaskClient

from lti_tool.demo.no_cookies import relay_without_cookies
from lti_tool.demo.platform import create_platform
from lti_tool.demo.server import PlatformServer
from tests.demo.dummy_tool import at_issuer, read_form

IN_A_FRAME, IN_A_TAB = {"Sec-Fetch-Dest": "iframe"}, {"Sec-Fetch-Dest": "document"}


def tool() -> Flask:
    """A tool that sets two cookies and says what it was sent."""
    app = Flask(__name__)

    @app.route("/lti/login", methods=["GET", "POST"])
    def login():
        answer = make_response(dict(request.values) | {"cookie": request.cookies.get("mark", "")})
        answer.set_cookie("mark", "1")
        answer.set_cookie("other", "2")
        return answer

    @app.get("/away")
    def away():
        return redirect("https://campus.example/authorize?a=1&b=2")

    return app


@pytest.fixture
def relay() -> Iterator[FlaskClient]:
    server = PlatformServer(tool(), 0)
    server.start()
    client = relay_without_cookies(f"http://127.0.0.1:{server.port}").test_client(use_cookies=False)
    yield client
    server.stop()


def test_in_a_frame_no_cookie_passes_either_way(relay) -> None:
    answer = relay.post("/lti/login?a=1", data={"b": "2"}, headers={"Cookie": "mark=1", **IN_A_FRAME})
    assert answer.json == {"a": "1", "b": "2", "cookie": ""}
    assert answer.headers.getlist("Set-Cookie") == []


def test_in_a_tab_every_cookie_passes(relay) -> None:
    answer = relay.get("/lti/login", headers={"Cookie": "mark=1", **IN_A_TAB})
    assert answer.json == {"cookie": "1"}
    assert [one.split("=")[0] for one in answer.headers.getlist("Set-Cookie")] == ["mark", "other"]


def test_redirects_are_the_browsers_to_follow(relay) -> None:
    answer = relay.get("/away", headers=IN_A_FRAME)
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://campus.example/authorize?a=1&b=2")


def test_a_tool_that_is_down_is_said_to_be(relay) -> None:
    gone = relay_without_cookies("http://127.0.0.1:9").test_client()
    assert gone.get("/lti/login").status_code == 502


def test_only_that_frame_goes_by_the_relay(config) -> None:
    client = at_issuer(create_platform(replace(config, relay="http://127.0.0.1:9000")))
    page = client.get("/enter/ada?frame=apart")
    assert "takes every cookie out" in page.text
    assert "http://127.0.0.1:9000" in page.headers["Content-Security-Policy"]
    assert read_form(client.get("/launch/ada?apart=yes"))[0] == "http://127.0.0.1:9000/lti/login"
    assert read_form(client.get("/launch/ada"))[0] == config.tool_login_url
    assert "takes every cookie out" not in client.get("/enter/ada").text


def test_without_a_relay_the_frame_is_not_offered(client) -> None:
    assert "without cookies" not in client.get("/enter/ada").text

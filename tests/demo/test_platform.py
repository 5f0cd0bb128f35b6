"""The platform's launch half: pages, login, authorization, id_token, tokens, and what a restart keeps."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from flask import Response
from flask.testing import FlaskClient
from sqlalchemy import delete, select
from werkzeug.serving import make_server

from lti_tool.demo import store
from lti_tool.demo.config import fetch_jwks
from lti_tool.demo.platform import PlatformConfig, create_platform
from lti_tool.demo.records import Person
from lti_tool.demo.store import Store
from lti_tool.roles import role_of
from tests.demo.dummy_tool import (
    CLIENT_ID,
    ISSUER,
    LAUNCH_URL,
    LINE_ITEMS,
    RESULT_SCOPE,
    SCORE,
    SCORE_SCOPE,
    TOOL,
    Clock,
    Tool,
    ToolKeySet,
    at_issuer,
    read_form,
)

CLAIM = "https://purl.imsglobal.org/spec/lti/claim"


# ---- pages ----------------------------------------------------------------------------------


def test_pages_need_no_inline_script_and_frame_only_the_tool(client: FlaskClient) -> None:
    for path in ("/", "/enter/ada", "/gradebook", "/launch/ada"):
        page = client.get(path)
        assert page.status_code == 200
        assert f"frame-src 'self' {TOOL};" in page.headers["Content-Security-Policy"]
        assert "<style" not in page.text
        assert " style=" not in page.text
        assert "<script>" not in page.text


def test_course_page_opens_the_launch_in_the_content_frame(client: FlaskClient) -> None:
    page = client.get("/enter/bo").text
    assert '<iframe name="contentframe"' in page
    assert 'src="/launch/bo"' in page
    assert "Bo Åberg Lindqvist (you)" in page


def test_pages_move_to_the_issuers_own_address(client: FlaskClient) -> None:
    page = client.get("/enter/ada?x=1", base_url="http://127.0.0.1:8000")
    assert page.status_code == 302
    assert page.location == f"{ISSUER}/enter/ada?x=1"


@pytest.mark.parametrize("path", ["/enter/nobody", "/launch/nobody", "/enter?person=", "/shared/app.db", "/nowhere"])
def test_unknown_people_and_pages_are_404(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_sheets_are_served_and_health_is_ok(client: FlaskClient) -> None:
    assert client.get("/shared/tokens.css").mimetype == "text/css"
    assert client.get("/healthz").json == {"status": "ok"}


def test_return_page_escapes_what_the_tool_says(client: FlaskClient) -> None:
    page = client.get("/returned/ada", query_string={"lti_errormsg": "<script>x</script>"}).text
    assert "&lt;script&gt;x" in page


# ---- third-party-initiated login ------------------------------------------------------------


def test_login_is_a_form_post_to_the_tool(client: FlaskClient) -> None:
    action, fields = read_form(client.get("/launch/ada"))
    assert action == f"{TOOL}/lti/login"
    assert set(fields) == {
        "iss",
        "target_link_uri",
        "login_hint",
        "lti_message_hint",
        "client_id",
        "lti_deployment_id",
    }
    assert fields["iss"] == ISSUER


def test_login_by_get_is_a_redirect_with_the_same_fields(client: FlaskClient) -> None:
    answer = client.get("/launch/ada?via=get")
    assert answer.status_code == 302
    assert answer.location.startswith(f"{TOOL}/lti/login?iss=http%3A%2F%2Flocalhost%3A8000&")


# ---- authorization --------------------------------------------------------------------------


def test_id_token_says_who_where_and_what(tool: Tool) -> None:
    claims = tool.launch("bo")
    assert claims["exp"] - claims["iat"] == 60
    assert claims["nonce"] == "nonce-1"
    assert claims["name"] == "Bo Åberg Lindqvist"
    assert claims[f"{CLAIM}/message_type"] == "LtiResourceLinkRequest"
    assert claims[f"{CLAIM}/roles"][0] == "http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"
    assert claims[f"{CLAIM}/deployment_id"] == "deployment-1"
    assert claims[f"{CLAIM}/custom"] == {"lesson": "durable-workflows"}
    assert claims[f"{CLAIM}/launch_presentation"]["document_target"] == "iframe"
    assert tool.endpoint["lineitem"].endswith("/lineitem?type_id=1")


def test_authorize_by_get_posts_id_token_and_state_to_the_tool(tool: Tool) -> None:
    page = tool.client.get("/lti/authorize", query_string=tool.authentication_request())
    action, fields = read_form(page)
    assert action == LAUNCH_URL
    assert set(fields) == {"id_token", "state"}
    assert fields["state"] == "state-1"
    assert jwt.get_unverified_header(fields["id_token"])["alg"] == "RS256"


@pytest.mark.parametrize(
    ("slug", "word", "role"),
    [
        ("ada", "student", "student"),
        ("ines", "instructor", "instructor"),
        ("tom", "teaching assistant", "instructor"),
        ("rana", "researcher", "instructor"),
        ("uma", "administrator", "instructor"),
    ],
)
def test_everybody_enters_with_a_role_that_the_tool_knows(
    tool: Tool, client: FlaskClient, slug: str, word: str, role: str
) -> None:
    assert role_of(tool.launch(slug)[f"{CLAIM}/roles"]) == role
    assert f", {word}</option>" in client.get(f"/enter/{slug}").text


def test_whoever_came_to_the_course_later_is_added_to_a_platform_of_before(config: PlatformConfig) -> None:
    store = Store(config)
    with store.session() as session:
        session.execute(delete(Person).where(Person.slug == "rana"))
        subs = dict(session.execute(select(Person.slug, Person.sub)).all())
    store.close()
    again = Store(config)
    assert len(again.people()) == len(subs) + 1
    assert {person.slug: person.sub for person in again.people() if person.slug != "rana"} == subs
    again.close()


def test_a_launch_is_used_up_by_its_first_authorization(tool: Tool) -> None:
    asked = tool.authentication_request()
    assert tool.client.post("/lti/authorize", data=asked).status_code == 200
    again = tool.client.post("/lti/authorize", data=asked)
    assert again.status_code == 400
    assert "already used" in again.text
    assert "id_token" not in again.text


def test_of_two_who_use_a_launch_at_once_one_gets_it(tool: Tool) -> None:
    hint = tool.login_request()["lti_message_hint"]
    platform = tool.client.application.extensions["platform_store"]
    assert [platform.use_hint(hint), platform.use_hint(hint)] == [True, False]


def test_an_old_launch_is_refused(tool: Tool, clock: Clock) -> None:
    asked = tool.authentication_request()
    clock.advance(minutes=11)
    assert tool.client.post("/lti/authorize", data=asked).status_code == 400


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "someone-else"},
        {"client_id": "-"},
        {"redirect_uri": f"{LAUNCH_URL}?x=1"},
        {"redirect_uri": f"{LAUNCH_URL}/"},
        {"redirect_uri": "https://evil.example/lti/launch"},
        {"redirect_uri": "-"},
        {"lti_message_hint": "made-up"},
        {"lti_message_hint": "-"},
        {"state": "s" * 5000},
    ],
)
def test_untrusted_requests_end_on_our_own_page(tool: Tool, changed: dict[str, str]) -> None:
    page = tool.client.post("/lti/authorize", data=tool.authentication_request(**changed))
    assert page.status_code == 400
    assert page.mimetype == "text/html"
    assert "<form" not in page.text


def test_a_parameter_sent_twice_is_refused(tool: Tool) -> None:
    twice: dict[str, Any] = tool.authentication_request()
    twice["nonce"] = ["one", "two"]
    assert tool.client.get("/lti/authorize", query_string=twice).status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"response_mode": "query"}, "invalid_request"),
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"scope": "-"}, "invalid_scope"),
        ({"prompt": "login"}, "invalid_request"),
        ({"nonce": "-"}, "invalid_request"),
        ({"login_hint": "somebody"}, "login_required"),
    ],
)
def test_faulty_requests_of_the_right_tool_go_back_to_it(tool: Tool, changed: dict[str, str], error: str) -> None:
    asked = tool.authentication_request(**changed)
    action, fields = read_form(tool.client.post("/lti/authorize", data=asked))
    assert action == LAUNCH_URL
    assert (fields["error"], fields["state"]) == (error, "state-1")
    assert "id_token" not in fields


def test_another_persons_hint_does_not_open_their_launch(tool: Tool) -> None:
    asked = tool.authentication_request("ada", login_hint=tool.sub("ines"))
    _, fields = read_form(tool.client.post("/lti/authorize", data=asked))
    assert fields["error"] == "login_required"


# ---- tokens ---------------------------------------------------------------------------------


def test_a_good_assertion_gets_the_scopes_it_asked_for(tool: Tool) -> None:
    answer = tool.ask_token(scope=f"{SCORE_SCOPE} https://example.org/unknown")
    assert answer.status_code == 200
    assert answer.json["scope"] == SCORE_SCOPE
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 3600)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_issuer_is_an_audience_too(tool: Tool) -> None:
    assert tool.ask_token(tool.assertion(aud=["x", ISSUER])).status_code == 200


NOW = 1793628381  # the test clock's time


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "other"},
        {"sub": "other"},
        {"aud": "https://other.example/token"},
        {"aud": []},
        {"exp": NOW},
        {"exp": NOW + 601},
        {"exp": 1e300},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
        {"jti": ""},
        {"kid": "unknown"},
        {"kid": None},
        {"alg": "RS512"},
        *({"without": name} for name in ("iss", "sub", "aud", "exp", "iat", "jti")),
    ],
    ids=str,
)
def test_assertions_with_one_fault_are_not_the_client(tool: Tool, changed: dict[str, Any]) -> None:
    assert tool.clock().timestamp() == NOW
    answer = tool.ask_token(tool.assertion(**changed))
    assert answer.status_code == 401
    assert answer.json["error"] == "invalid_client"


@pytest.mark.parametrize("assertion", ["x", "a.b.c", "e30.e30.", "[" * 50_000, "ä.ö.ü"])
def test_what_is_no_jwt_is_not_the_client(tool: Tool, assertion: str) -> None:
    assert tool.ask_token(assertion).status_code == 401


def test_an_exp_that_is_no_number_is_refused(tool: Tool) -> None:
    header, _, signature = tool.assertion().split(".")
    assert tool.ask_token(f"{header}.e30.{signature}").status_code == 401
    never = jwt.PyJWT()  # PyJWT itself would refuse to check it, not to sign it
    claims = {"iss": CLIENT_ID, "sub": CLIENT_ID, "aud": ISSUER, "iat": NOW, "exp": "soon", "jti": "j"}
    text = never.encode(claims, tool.key, algorithm="RS256", headers={"kid": "tool-1"})
    assert tool.ask_token(text).json["error_description"] == "exp is required and must be a number"


def test_another_key_under_the_same_kid_is_not_the_client(tool: Tool, other_key: Any) -> None:
    answer = tool.ask_token(tool.assertion(key=other_key))
    assert answer.status_code == 401
    assert "signature" in answer.json["error_description"]


def test_an_assertion_works_once(tool: Tool) -> None:
    assertion = tool.assertion()
    assert tool.ask_token(assertion).status_code == 200
    replay = tool.ask_token(assertion)
    assert (replay.status_code, replay.json["error"]) == (401, "invalid_client")


def test_no_granted_scope_left_is_invalid_scope(tool: Tool) -> None:
    for scope in ("https://example.org/unknown", ""):
        answer = tool.ask_token(scope=scope)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"grant_type": ""}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_assertion_type": "jwt"}, "invalid_request"),
        ({"client_assertion": ""}, "invalid_request"),
        ({"scope": [SCORE_SCOPE, RESULT_SCOPE]}, "invalid_request"),
    ],
)
def test_malformed_token_requests(tool: Tool, changed: dict[str, Any], error: str) -> None:
    answer = tool.ask_token(**changed)
    assert (answer.status_code, answer.json["error"]) == (400, error)


def test_only_form_encoding_is_read(tool: Tool) -> None:
    answer = tool.client.post("/lti/token", json={"grant_type": "client_credentials"})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert tool.client.get("/lti/token").status_code == 405


def test_keys_are_cached_and_an_unknown_kid_is_looked_up_once_more(tool: Tool, key_set: ToolKeySet) -> None:
    tool.ask_token()
    tool.ask_token()
    assert key_set.reads == 1
    key_set.kid = "tool-2"
    assert tool.ask_token(tool.assertion(kid="tool-2")).status_code == 200
    assert key_set.reads == 2


def test_an_unreadable_key_set_is_a_401_and_recovers(tool: Tool, key_set: ToolKeySet) -> None:
    key_set.broken = True
    assert tool.ask_token().status_code == 401
    key_set.broken = False
    assert tool.ask_token().status_code == 200


def test_odd_keys_beside_the_good_one_do_no_harm(tool: Tool, key_set: ToolKeySet) -> None:
    odd = {"kid": "tool-1", "kty": "RSA", "n": "x", "e": "AQAB"}
    key_set.extra = [odd, {"kid": "tool-1", "kty": "oct", "k": "c2VjcmV0"}, "text", {"kty": "RSA"}]
    assert tool.ask_token().status_code == 200


@pytest.fixture
def key_address() -> Iterator[tuple[str, dict[str, Any]]]:
    """A loopback address that answers what the test puts into `answer`."""
    answer: dict[str, Any] = {}
    server = make_server("127.0.0.1", 0, lambda environ, start: Response(**answer)(environ, start))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jwks", answer
    server.shutdown()
    thread.join()


def test_a_key_set_is_read_over_http(key_address: tuple[str, dict[str, Any]]) -> None:
    url, answer = key_address
    answer.update(response='{"keys": []}')
    assert fetch_jwks(url) == {"keys": []}


@pytest.mark.parametrize(
    "answer",
    [
        {"response": "gone", "status": 404},
        {"response": "", "status": 302, "headers": {"Location": "/elsewhere"}},
        {"response": "<html>"},
        {"response": "[]"},
        {"response": '{"keys": "' + "x" * 70_000 + '"}'},
    ],
    ids=["not found", "redirect", "not json", "a list", "too large"],
)
def test_what_is_no_key_set_is_refused(key_address: tuple[str, dict[str, Any]], answer: dict[str, Any]) -> None:
    key_address[1].update(answer)
    with pytest.raises(ValueError):
        fetch_jwks(key_address[0])


# ---- restart --------------------------------------------------------------------------------


def test_a_restart_keeps_keys_gradebook_tokens_and_what_was_used_up(
    config: PlatformConfig, tool: Tool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, assertion, asked = tool.bearer(), tool.assertion(), tool.authentication_request()
    tool.ask_token(assertion)
    tool.client.post("/lti/authorize", data=asked)
    scores = tool.endpoint["lineitem"].replace("?", "/scores?")
    body = {
        "userId": tool.sub("ada"),
        "timestamp": clock().isoformat(),
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "scoreGiven": 73.75,
        "scoreMaximum": 100,
    }
    assert tool.call("POST", scores, body=body, media=SCORE, token=token).status_code == 200
    before = (tool.client.get("/lti/jwks").json, tool.client.get("/gradebook.json").json)

    monkeypatch.setattr(store, "new_private_pem", lambda: pytest.fail("a second key was made"))
    again = Tool(at_issuer(create_platform(config)), clock, tool.key)

    assert (again.client.get("/lti/jwks").json, again.client.get("/gradebook.json").json) == before
    assert again.call("GET", tool.endpoint["lineitems"], media=LINE_ITEMS, token=token).status_code == 200
    assert again.ask_token(assertion).status_code == 401
    assert again.client.post("/lti/authorize", data=asked).status_code == 400
    assert again.call("POST", scores, body=body, media=SCORE, token=token).status_code == 409


def test_an_issuer_is_an_origin(config: PlatformConfig) -> None:
    with pytest.raises(ValueError, match="issuer must be an origin"):
        PlatformConfig(**(vars(config) | {"issuer": f"{ISSUER}/"}))

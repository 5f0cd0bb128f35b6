"""Adding content: what the mini-LMS asks, what it takes back, and the real tool in between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from lti_tool.db import Database
from lti_tool.demo.config import utc_now
from lti_tool.demo.platform import PlatformConfig, create_platform
from lti_tool.outbound import Reply
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.platform_keys import PlatformKeys
from tests.demo.dummy_tool import CLIENT_ID, ISSUER, LAUNCH_URL, TOOL, Tool, at_issuer, read_form
from tests.lti_tool.door import go_on

LTI = "https://purl.imsglobal.org/spec/lti/claim"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim"
LINK = {
    "type": "ltiResourceLink",
    "url": LAUNCH_URL,
    "title": "Week 3",
    "custom": {"lesson": "durable-workflows", "item": "essay"},
    "lineItem": {"label": "Week 3", "scoreMaximum": 20, "resourceId": "durable-workflows/essay", "tag": "atelier"},
}


def asked(tool: Tool) -> dict[str, Any]:
    """The claims of a Deep Linking request of Ines."""
    _, login = read_form(tool.client.get("/content/ines/choose"))
    question = tool.authentication_request() | {
        "login_hint": login["login_hint"],
        "lti_message_hint": login["lti_message_hint"],
    }
    _, fields = read_form(tool.client.post("/lti/authorize", data=question))
    return jwt.decode(fields["id_token"], options={"verify_signature": False})


def answer(tool: Tool, **changes: Any) -> str:
    """A right answer to a new request, with changes; a change to `...` removes a claim."""
    now = int(tool.clock().timestamp())
    claims = {
        "iss": CLIENT_ID,
        "aud": ISSUER,
        "iat": now,
        "exp": now + 300,
        "nonce": uuid4().hex,
        f"{LTI}/message_type": "LtiDeepLinkingResponse",
        f"{LTI}/version": "1.3.0",
        f"{LTI}/deployment_id": "deployment-1",
        f"{DL}/content_items": [LINK],
        f"{DL}/data": asked(tool)[f"{DL}/deep_linking_settings"]["data"],
    } | changes
    claims = {name: value for name, value in claims.items() if value is not ...}
    return jwt.encode(claims, tool.key, algorithm="RS256", headers={"kid": "tool-1"})


def bring(client: FlaskClient, token: str) -> Any:
    return client.post("/content/returned", data={"JWT": token})


def columns(client: FlaskClient) -> list[tuple[str, float]]:
    return [(column["label"], column["scoreMaximum"]) for column in client.get("/gradebook.json").json["columns"]]


def test_request_says_what_may_come_back(tool: Tool) -> None:
    claims = asked(tool)

    assert claims[f"{LTI}/message_type"] == "LtiDeepLinkingRequest"
    assert f"{LTI}/resource_link" not in claims
    settings = claims[f"{DL}/deep_linking_settings"]
    assert settings["deep_link_return_url"] == f"{ISSUER}/content/returned"
    assert settings["accept_types"] == ["ltiResourceLink"]


def test_only_instructors_add_content(client: FlaskClient) -> None:
    assert client.get("/content/ada/choose").status_code == 403
    assert client.get("/content/nobody/choose").status_code == 404
    assert "add content" not in client.get("/content/ada").text
    assert "add content" in client.get("/content/ines").text


def test_answer_becomes_an_activity_with_its_column_and_its_own_parameters(client: FlaskClient, tool: Tool) -> None:
    page = bring(client, answer(tool))

    assert page.status_code == 200
    assert "Week 3" in page.text
    assert columns(client) == [("Durable Workflows", 100), ("Week 3", 20)]
    listed = client.get("/content/ada").text
    link_id = listed.partition("link=")[2].partition('"')[0]
    _, login = read_form(client.get(f"/launch/ada?link={link_id}"))
    question = tool.authentication_request() | {"lti_message_hint": login["lti_message_hint"]}
    _, fields = read_form(client.post("/lti/authorize", data=question))
    claims = jwt.decode(fields["id_token"], options={"verify_signature": False})
    assert claims[f"{LTI}/resource_link"]["id"] == link_id
    assert claims[f"{LTI}/custom"] == LINK["custom"]
    assert "/lineitems/2/" in claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]["lineitem"]


def test_several_links_with_and_without_a_column(client: FlaskClient, tool: Tool) -> None:
    items = [LINK, {"type": "ltiResourceLink", "title": "Reading"}]

    assert bring(client, answer(tool, **{f"{DL}/content_items": items})).status_code == 200

    assert columns(client) == [("Durable Workflows", 100), ("Week 3", 20)]
    assert "Reading" in client.get("/content/ines").text


def test_nothing_chosen_is_a_right_answer(client: FlaskClient, tool: Tool) -> None:
    page = bring(client, answer(tool, **{f"{DL}/content_items": []}))

    assert page.status_code == 200
    assert "Nothing was added" in page.text


def test_request_is_answered_once(client: FlaskClient, tool: Tool) -> None:
    token = answer(tool)
    assert bring(client, token).status_code == 200

    assert bring(client, token).status_code == 400
    again = jwt.decode(token, options={"verify_signature": False})
    other_nonce = answer(tool, **{f"{DL}/data": again[f"{DL}/data"]})
    assert bring(client, other_nonce).status_code == 400
    assert columns(client) == [("Durable Workflows", 100), ("Week 3", 20)]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "another"},
        {"aud": "another"},
        {"aud": [ISSUER, "another"]},
        {"azp": "another"},
        {"exp": 1},
        {"exp": ...},
        {"iat": ...},
        {"nonce": ...},
        {f"{LTI}/message_type": "LtiResourceLinkRequest"},
        {f"{LTI}/version": "1.1"},
        {f"{LTI}/deployment_id": "another"},
        {f"{DL}/data": "made up"},
        {f"{DL}/data": ...},
        {f"{DL}/content_items": LINK},
        {f"{DL}/content_items": [LINK] * 21},
        {f"{DL}/content_items": [LINK, LINK | {"type": "link"}]},
        {f"{DL}/content_items": [LINK | {"url": "https://evil.example/"}]},
        {f"{DL}/content_items": [LINK | {"title": " "}]},
        {f"{DL}/content_items": [LINK | {"custom": {"lesson": 7}}]},
        {f"{DL}/content_items": [LINK | {"lineItem": {"scoreMaximum": 0}}]},
        {f"{DL}/content_items": [LINK | {"lineItem": {"scoreMaximum": "20"}}]},
        {f"{DL}/content_items": [LINK | {"lineItem": []}]},
    ],
)
def test_answer_that_breaks_a_rule_adds_nothing(client: FlaskClient, tool: Tool, changes: dict[str, Any]) -> None:
    page = bring(client, answer(tool, **changes))

    assert page.status_code == 400
    assert "Nothing was added" in page.text
    assert columns(client) == [("Durable Workflows", 100)]


def test_answer_signed_by_another_key_adds_nothing(client: FlaskClient, tool: Tool, other_key) -> None:
    claims = jwt.decode(answer(tool), options={"verify_signature": False})
    forged = jwt.encode(claims, other_key, algorithm="RS256", headers={"kid": "tool-1"})
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": "tool-1"})

    for token in (forged, unsigned, "", "x.y.z"):
        assert bring(client, token).status_code == 400
    assert columns(client) == [("Durable Workflows", 100)]


# ---- with the tool itself ------------------------------------------------------------------------------------


class PlatformOnly:
    """The tool's way out, which leads to the mini-LMS's key set."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def get(self, url: str, *, headers: Any = None) -> Reply:
        answer = self._client.get(url.removeprefix(ISSUER))
        return Reply(answer.status_code, "", {}, answer.data, url)


@pytest.fixture
def atelier(database: Database, config: PlatformConfig, tmp_path: Path) -> tuple[Flask, Flask]:
    """The tool, and a mini-LMS that knows its real keys and the real time."""
    settings = Settings(base_url=TOOL, secret_key="s" * 40, allow_http=True, log_level="CRITICAL")
    tool_app = create_app(settings, database)

    def tool_keys(url: str) -> dict[str, Any]:
        return tool_app.test_client().get(url.removeprefix(TOOL)).json

    platform_app = create_platform(
        replace(config, clock=utc_now, fetch_jwks=tool_keys, database=tmp_path / "with-tool.sqlite")
    )
    tool_app.extensions["atelier.platform_keys"] = PlatformKeys(database, PlatformOnly(at_issuer(platform_app)))
    with database.write() as session:
        add_registration(
            session,
            settings,
            name="mini-LMS",
            issuer=ISSUER,
            client_id=CLIENT_ID,
            auth_login_url=f"{ISSUER}/lti/authorize",
            auth_token_url=f"{ISSUER}/lti/token",
            jwks_url=f"{ISSUER}/lti/jwks",
            deployment_ids=["deployment-1"],
        )
    return tool_app, platform_app


def enter(platform: FlaskClient, tool: FlaskClient, start: str) -> Any:
    """From a login of the platform to the page of the tool that it opens."""
    action, login = read_form(platform.get(start))
    question = tool.post(action.removeprefix(TOOL), data=login, base_url=TOOL).location
    action, fields = read_form(platform.get(question.removeprefix(ISSUER)))
    opened = tool.post(action.removeprefix(TOOL), data=fields, base_url=TOOL)
    return tool.get(opened.location, base_url=TOOL, follow_redirects=True)


def test_instructor_adds_a_question_in_the_tool_and_a_learner_opens_it(atelier: tuple[Flask, Flask]) -> None:
    tool_app, platform_app = atelier
    platform, tool = at_issuer(platform_app), tool_app.test_client()
    picker = enter(platform, tool, "/content/ines/choose")
    assert 'data-page="picker"' in picker.text
    seal = picker.text.partition('name="form_token" value="')[2].partition('"')[0]

    chosen = tool.post(
        picker.request.path,
        data={"form_token": seal, "pick": "durable-workflows/essay", "points": "20", "title": "The pitch"},
        base_url=TOOL,
    )
    action, fields = read_form(chosen)
    added = platform.post(action.removeprefix(ISSUER), data=fields)

    assert added.status_code == 200, added.text
    assert columns(platform) == [("Durable Workflows", 100), ("The pitch", 20)]
    link_id = platform.get("/content/ada").text.partition("link=")[2].partition('"')[0]
    ada = tool_app.test_client()
    notice = enter(platform, ada, f"/launch/ada?link={link_id}")
    assert go_on(ada, notice).request.path.endswith("/items/essay")

"""Open edX's LTI consumer (lti-consumer-xblock 11.4.4) launches the tool over real HTTP, takes its score and a choice.

A second platform that others wrote. It is AGPL, so it is no part of the project: only continuous integration
installs it (requirements/ci.txt), and nothing but this file touches it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Flask, Response, jsonify, redirect, request
from sqlalchemy import select

from lti_tool.ags import AgsClient
from lti_tool.db import Database
from lti_tool.keys import current_key
from lti_tool.models import Launch
from lti_tool.nrps import members
from lti_tool.outbound import Outbound
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from tests.lti_tool.door import rsa_key, serving

pytest.importorskip("lti_consumer", reason="lti-consumer-xblock is not installed (requirements/ci.txt)")

AGS = "https://purl.imsglobal.org/spec/lti-ags/scope/"
NRPS_SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SECRET = "s" * 40
PATIENCE = 30  # seconds for an answer


@dataclass
class Wiring:
    """Addresses of both sides, who launches what, and what the platform was given."""

    platform: str = ""
    tool: str = ""
    role: str = "student"
    custom: dict[str, str] = field(default_factory=lambda: {"lesson": "durable-workflows"})
    scores: list[dict[str, Any]] = field(default_factory=list)
    assertions: list[str] = field(default_factory=list)

    @property
    def line_item(self) -> str:
        return self.platform + "/li/1"


@pytest.fixture(scope="session", autouse=True)
def django() -> None:
    """The library wants a configured Django: no applications, no database, a cache in memory."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(
            PLATFORM_NAME="Independent edX",
            LMS_ROOT_URL="http://127.0.0.1",
            SECRET_KEY=SECRET,
            CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
            INSTALLED_APPS=[],
        )
        django.setup()


def consumer(wiring: Wiring) -> Any:
    from lti_consumer.lti_1p3.consumer import LtiAdvantageConsumer

    private = rsa_key("open edx").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    made = LtiAdvantageConsumer(
        iss=wiring.platform,
        lti_oidc_url=wiring.tool + "/lti/login",
        lti_launch_url=wiring.tool + "/lti/launch",
        client_id="edx-client",
        deployment_id="1",
        rsa_key=private,
        rsa_key_id="edx-key",
        redirect_uris=[wiring.tool + "/lti/launch"],
        tool_keyset_url=wiring.tool + "/lti/jwks",
    )
    made.set_user_data("anonymous-7", wiring.role, full_name="Nguyễn Ánh")
    made.set_resource_link_claim("block-v1:edX+problem", title="Durable workflows")
    made.set_context_claim("course-v1:edX", context_title="Agents", context_label="AG")
    made.set_custom_parameters(wiring.custom)
    made.enable_ags(wiring.platform + "/li", wiring.line_item, True)
    made.enable_nrps(wiring.platform + "/members")
    made.enable_deep_linking(wiring.tool + "/lti/launch", wiring.platform + "/chosen")
    return made


def platform_app(wiring: Wiring) -> Flask:
    """The library's parts behind Flask routes."""
    from lti_consumer.data import Lti1p3LaunchData

    app = Flask("open_edx")

    @app.get("/start/<message_type>")
    def start(message_type: str) -> Any:
        launch = Lti1p3LaunchData(
            user_id="anonymous-7",
            user_role=wiring.role,
            config_id="1",
            resource_link_id="block-v1:edX+problem",
            message_type=message_type,
        )
        return redirect(consumer(wiring).prepare_preflight_url(launch))

    @app.get("/auth")
    def auth() -> Any:
        return jsonify(consumer(wiring).generate_launch_request(request.args))

    @app.get("/jwks")
    def jwks() -> Any:
        return jsonify(consumer(wiring).get_public_keyset())

    @app.post("/token")
    def token() -> Any:
        wiring.assertions.append(request.form["client_assertion"])
        return jsonify(consumer(wiring).access_token(request.form.to_dict()))

    def allowed(*scopes: str) -> bool:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return bool(consumer(wiring).check_token(bearer, list(scopes)))

    @app.post("/li/1/scores")
    def scores() -> Any:
        assert request.content_type == "application/vnd.ims.lis.v1.score+json"
        if not allowed(AGS + "score"):
            return Response(status=403)
        wiring.scores.append(json.loads(request.get_data()))
        return Response("{}", content_type="application/json")

    @app.get("/li/1/results")
    def results() -> Any:
        if not allowed(AGS + "result.readonly"):
            return Response(status=403)
        rows = [
            {"userId": score["userId"], "resultScore": score["scoreGiven"], "resultMaximum": score["scoreMaximum"]}
            for score in wiring.scores[-1:]
            if score["userId"] == request.args.get("user_id")
        ]
        return Response(json.dumps(rows), content_type="application/vnd.ims.lis.v2.resultcontainer+json")

    @app.get("/members")
    def listed() -> Any:
        if not allowed(NRPS_SCOPE):
            return Response(status=403)
        return jsonify(members=[{"user_id": "anonymous-7", "roles": ["Learner"]}])

    @app.post("/chosen")
    def chosen() -> Any:
        return jsonify(consumer(wiring).check_and_decode_deep_linking_token(request.form["JWT"]))

    return app


class LoopbackIsSecure(DefaultCookiePolicy):
    """As browsers do: a Secure cookie is kept and sent on loopback."""

    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        assert cookie.secure
        cookie.secure = False  # requests knows no loopback that is secure
        return super().set_ok(cookie, request)


@pytest.fixture
def wiring(django: None, database: Database) -> Iterator[Wiring]:
    wiring = Wiring()
    with serving(platform_app(wiring)) as wiring.platform:
        settings = Settings(secret_key=SECRET, allow_http=True, log_level="CRITICAL")
        app = create_app(settings, database)
        with serving(app) as wiring.tool:
            atelier = app.extensions["atelier"]
            app.extensions["atelier"] = type(atelier)(
                settings.model_copy(update={"base_url": wiring.tool}), database, atelier.outbound
            )
            with database.write() as session:
                add_registration(
                    session,
                    settings,
                    name="Open edX",
                    issuer=wiring.platform,
                    client_id="edx-client",
                    auth_login_url=wiring.platform + "/auth",
                    auth_token_url=wiring.platform + "/token",
                    jwks_url=wiring.platform + "/jwks",
                    deployment_ids=["1"],
                )
            yield wiring


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set_policy(LoopbackIsSecure())
        yield session


def enter(wiring: Wiring, browser: requests.Session, message_type: str = "LtiResourceLinkRequest") -> Any:
    """From the platform's start to the page of the tool that it opens, and the form that was posted."""
    form = browser.get(f"{wiring.platform}/start/{message_type}", timeout=PATIENCE).json()
    return browser.post(wiring.tool + "/lti/launch", data=form, timeout=PATIENCE), form


def test_launch_score_result_and_roster_with_open_edx(
    wiring: Wiring, browser: requests.Session, database: Database
) -> None:
    entered, form = enter(wiring, browser)

    assert entered.status_code == 200, entered.text
    assert 'data-page="lesson' in entered.text
    assert browser.post(wiring.tool + "/lti/launch", data=form, timeout=PATIENCE).status_code == 400

    outbound = Outbound(Settings(allow_http=True))
    with database.write() as session:
        launch = session.scalars(select(Launch)).one()
        link, registration = launch.resource_link, launch.registration
        key = current_key(session, Settings(secret_key=SECRET))
        assert launch.person.name == "Nguyễn Ánh"
        assert (link.line_item_url, link.lesson_slug) == (wiring.line_item, "durable-workflows")
        memberships = link.memberships_url
        assert memberships is not None
    gradebook = AgsClient(outbound, registration, key, scopes=link.scopes)
    bodies = [
        {
            "userId": "anonymous-7",
            "scoreGiven": given,
            "scoreMaximum": 100,
            "timestamp": f"2026-12-12T14:02:1{second}.000Z",
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
        }
        for second, given in enumerate((40, 73.75))
    ]
    for body in bodies:
        assert gradebook.post_score(wiring.line_item, body).status == 200

    assert wiring.scores == bodies
    (result,) = gradebook.results(wiring.line_item, "anonymous-7")
    assert (result["resultScore"], result["resultMaximum"]) == (73.75, 100)
    assert [row["user_id"] for row in members(outbound, registration, key, memberships)] == ["anonymous-7"]


def test_assertions_hold_what_this_platform_does_not_check(
    wiring: Wiring, browser: requests.Session, database: Database
) -> None:
    enter(wiring, browser)
    with database.write() as session:
        launch = session.scalars(select(Launch)).one()
        registration, key = launch.registration, current_key(session, Settings(secret_key=SECRET))

    for scope in ("score", "result.readonly"):  # one token each
        gradebook = AgsClient(Outbound(Settings(allow_http=True)), registration, key, scopes=[AGS + scope])
        if scope == "score":
            gradebook.post_score(wiring.line_item, {"userId": "7", "scoreGiven": 1, "scoreMaximum": 1})
        else:
            assert gradebook.results(wiring.line_item, "nobody") == []

    claims = [jwt.decode(assertion, options={"verify_signature": False}) for assertion in wiring.assertions]
    assert len({claim["jti"] for claim in claims}) == len(claims) == 2
    for claim in claims:
        assert (claim["iss"], claim["sub"]) == ("edx-client", "edx-client")
        assert claim["aud"] == wiring.platform + "/token"
        assert 0 < claim["exp"] - claim["iat"] <= 600


def test_choice_made_in_the_tool_is_read_by_open_edx_and_opens_what_was_chosen(
    wiring: Wiring, browser: requests.Session
) -> None:
    wiring.role = "staff"
    page, _ = enter(wiring, browser, "LtiDeepLinkingRequest")
    assert 'data-page="picker"' in page.text, page.text

    answer = browser.post(
        page.url,
        data={"form_token": hidden(page.text, "form_token"), "pick": "durable-workflows/essay", "points": "20"},
        timeout=PATIENCE,
    )
    (item,) = requests.post(
        wiring.platform + "/chosen", data={"JWT": hidden(answer.text, "JWT")}, timeout=PATIENCE
    ).json()

    assert item["url"] == wiring.tool + "/lti/launch"
    assert item["lineItem"]["scoreMaximum"] == 20
    wiring.role, wiring.custom = "student", item["custom"]
    browser.cookies.clear()
    notice, _ = enter(wiring, browser)
    assert notice.url.endswith("/notice")
    form = {name: hidden(notice.text, name) for name in ("form_token", "version")}
    assert browser.post(notice.url, data=form, timeout=PATIENCE).url.endswith("/items/essay")


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])

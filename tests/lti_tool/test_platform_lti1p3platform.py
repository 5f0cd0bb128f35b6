"""An LTI platform that others wrote (lti1p3platform 0.1.8) launches the tool over real HTTP and receives its score."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from flask import Flask, Response, jsonify, redirect, request
from lti1p3platform.ltiplatform import LTI1P3PlatformConfAbstract
from lti1p3platform.message_launch import LTIAdvantageMessageLaunchAbstract
from lti1p3platform.oidc_login import OIDCLoginAbstract
from lti1p3platform.registration import Registration as PlatformRegistration
from lti1p3platform.request import Request as PlatformRequest
from lti1p3platform.score import UpdateScoreStatus
from lti1p3platform.service_connector import AssignmentsGradesService
from sqlalchemy import select

from lti_tool.ags import AgsClient
from lti_tool.db import Database
from lti_tool.keys import current_key
from lti_tool.models import Launch
from lti_tool.outbound import Outbound
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from tests.lti_tool.door import LEARNER, rsa_key, serving

PATIENCE = 30  # seconds for an answer


@dataclass
class Wiring:
    """Addresses of both sides, and the gradebook as a list."""

    platform: str = ""
    tool: str = ""
    scores: list[dict[str, Any]] = field(default_factory=list)

    @property
    def line_items(self) -> str:
        return self.platform + "/li"

    @property
    def line_item(self) -> str:
        return self.platform + "/li/1"


class FlaskPlatformRequest(PlatformRequest):
    def build_metadata(self, request: Any) -> Any:
        return {
            "method": request.method,
            "form_data": request.form.to_dict(),
            "get_data": request.args.to_dict(),
            "headers": request.headers,
            "content_type": request.content_type,
            "path": request.path,
            "json": request.get_json(force=True, silent=True),
        }


class Config(LTI1P3PlatformConfAbstract):
    def init_platform_config(self, **kwargs: Any) -> None:
        wiring: Wiring = kwargs["wiring"]
        key = rsa_key("independent platform")
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        self._registration = (
            PlatformRegistration()
            .set_iss(wiring.platform)
            .set_client_id("independent-client")
            .set_deployment_id("independent-deployment")
            .set_launch_url(wiring.tool + "/lti/launch")
            .set_oidc_login_url(wiring.tool + "/lti/login")
            .set_tool_key_set_url(wiring.tool + "/lti/jwks")
            .set_platform_private_key(private)
            .set_platform_public_key(public)
        )

    def get_registration_by_params(self, **kwargs: Any) -> PlatformRegistration:
        return self._registration


class Login(OIDCLoginAbstract):
    def set_lti_message_hint(self, **kwargs: Any) -> None:
        self._lti_message_hint = "resource-1"

    def get_redirect(self, url: str) -> Any:
        return redirect(url)


class MessageLaunch(LTIAdvantageMessageLaunchAbstract):
    wiring: Wiring

    def prepare_launch(self, preflight_response: dict[str, Any]) -> None:
        self.set_user_data("student-7", [LEARNER], full_name="Nguyễn Ánh")
        self.set_resource_link_claim("resource-1", title="Durable workflows")
        self.set_launch_context_claim("course-1", context_title="Agents", context_label="AG")
        self.set_custom_parameters_claim({"lesson": "durable-workflows"})
        self.set_ags(self.wiring.line_items, self.wiring.line_item)

    def render_launch_form(self, launch_data: dict[str, Any], **kwargs: Any) -> Any:
        return jsonify(launch_data)


class Gradebook(AssignmentsGradesService):
    wiring: Wiring

    def update_score(self, line_item_id: str, score: Any) -> UpdateScoreStatus:
        self.wiring.scores.append(dict(score))
        return UpdateScoreStatus.SUCCESS

    def get_results(self, line_item_id: str, page: Any = 1, limit: Any = None, user_id: Any = None) -> Any:
        rows = [
            {"userId": score["userId"], "resultScore": score["scoreGiven"], "resultMaximum": score["scoreMaximum"]}
            for score in self.wiring.scores
            if user_id in (None, score["userId"])
        ]
        return {"content": rows, "has_next": False}

    def find_lineitem(self, line_item_id: str) -> Any:
        return {"id": self.wiring.line_item, "scoreMaximum": 100, "resourceLinkId": "resource-1"}

    def find_lineitems(self, **kwargs: Any) -> Any:
        return {"content": [self.find_lineitem("1")], "has_next": False}

    def create_lineitem(self, creation_data: Any) -> Any:
        raise AssertionError("the placement has a line item")

    def update_lineitem(self, update_data: Any) -> Any:
        raise AssertionError("line items are never changed")

    def delete_lineitem(self, line_item_id: str) -> None:
        raise AssertionError("line items are never deleted")


def platform_app(wiring: Wiring) -> Flask:
    """The library's parts behind Flask routes."""
    app = Flask("independent_platform")

    def gradebook() -> Gradebook:
        service = Gradebook(FlaskPlatformRequest(request), Config(wiring=wiring), wiring.line_items, wiring.line_item)
        service.wiring = wiring
        return service

    def answer(handled: Any) -> Response:
        # The library wraps lists; the standard's lists are bare.
        body = (
            handled.result["content"]
            if isinstance(handled.result, dict) and "content" in handled.result
            else handled.result
        )
        return Response(json.dumps(body), status=handled.code, content_type=handled.media_type)

    @app.get("/start")
    def start() -> Any:
        login = Login(FlaskPlatformRequest(request), Config(wiring=wiring))
        login.set_lti_message_hint()
        return login.initiate_login("student-7")

    @app.get("/auth")
    def auth() -> Any:
        launch = MessageLaunch(FlaskPlatformRequest(request), Config(wiring=wiring))
        launch.wiring = wiring
        return launch.lti_launch()

    @app.get("/jwks")
    def jwks() -> Any:
        return jsonify(Config(wiring=wiring).get_jwks())

    @app.post("/token")
    def token() -> Any:
        return jsonify(Config(wiring=wiring).get_access_token(request.form.to_dict()))

    @app.get("/li")
    def line_items() -> Response:
        service = gradebook()
        return answer(service.handle_resp(service.handle_get_lineitems))

    @app.post("/li/<item>/scores")
    def scores(item: str) -> Response:
        service = gradebook()
        return answer(service.handle_resp(service.handle_update_score, line_item_id=item))

    @app.get("/li/<item>/results")
    def results(item: str) -> Response:
        service = gradebook()
        return answer(service.handle_resp(service.handle_get_results, line_item_id=item))

    return app


class LoopbackIsSecure(DefaultCookiePolicy):
    """As browsers do: a Secure cookie is kept and sent on loopback."""

    def set_ok(self, cookie: Cookie, request: Any) -> bool:
        assert cookie.secure
        cookie.secure = False  # requests knows no loopback that is secure
        return super().set_ok(cookie, request)


@pytest.fixture
def wiring(database: Database) -> Iterator[Wiring]:
    wiring = Wiring()
    with serving(platform_app(wiring)) as wiring.platform:
        settings = Settings(secret_key="s" * 40, allow_http=True, log_level="CRITICAL")
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
                    name="Independent",
                    issuer=wiring.platform,
                    client_id="independent-client",
                    auth_login_url=wiring.platform + "/auth",
                    auth_token_url=wiring.platform + "/token",
                    jwks_url=wiring.platform + "/jwks",
                    deployment_ids=["independent-deployment"],
                )
            yield wiring


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set_policy(LoopbackIsSecure())
        yield session


def test_launch_score_and_result_with_an_independent_platform(
    wiring: Wiring, browser: requests.Session, database: Database
) -> None:
    form = browser.get(wiring.platform + "/start", timeout=PATIENCE).json()
    assert form.pop("launch_url") == wiring.tool + "/lti/launch"

    entered = browser.post(wiring.tool + "/lti/launch", data=form, timeout=PATIENCE)

    assert entered.status_code == 200, entered.text
    assert 'data-page="lesson' in entered.text
    assert "/enter" not in urlsplit(entered.url).path
    assert browser.post(wiring.tool + "/lti/launch", data=form, timeout=PATIENCE).status_code == 400

    outbound = Outbound(Settings(allow_http=True))
    with database.write() as session:
        launch = session.scalars(select(Launch)).one()
        link = launch.resource_link
        key = current_key(session, Settings(secret_key="s" * 40))
        gradebook = AgsClient(outbound, launch.registration, key, scopes=link.scopes)
        assert launch.person.name == "Nguyễn Ánh"
        assert link.line_item_url == wiring.line_item
        user_id = launch.person.sub
    body = {
        "userId": user_id,
        "scoreGiven": 73.75,
        "scoreMaximum": 100,
        "timestamp": "2026-12-12T14:02:11.000Z",
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
    }

    assert gradebook.post_score(wiring.line_item, body).status == 200

    assert wiring.scores == [body]
    (result,) = gradebook.results(wiring.line_item, user_id)
    assert (result["resultScore"], result["resultMaximum"]) == (73.75, 100)
    (item,) = gradebook.find_line_items(wiring.line_items, resource_link_id="resource-1")
    assert item["id"] == wiring.line_item

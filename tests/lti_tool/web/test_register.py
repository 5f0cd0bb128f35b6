"""A platform opens /lti/register: the tool reads its configuration over HTTP, registers, and waits for approval."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Semaphore
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from lti_tool import claims
from lti_tool.db import utc_now
from lti_tool.demo import registration
from lti_tool.models import Audit, Deployment, Job, Registration
from lti_tool.registrations import MAX_PENDING, SELF, approve_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.register import AT_ONCE
from tests.conftest import World
from tests.lti_tool.door import error_code, serving

A_MONTH_AGO = utc_now() - timedelta(days=31)
TOKEN = "one-time-token-of-the-platform"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
MOODLE = {
    "product_family_code": "moodle",
    "version": "4.5.6",
    "messages_supported": [
        {"type": "LtiResourceLinkRequest"},
        {"type": "LtiDeepLinkingRequest", "placements": ["ContentArea"]},
    ],
    "variables": ["User.id"],
}
CANVAS = {
    "product_family_code": "canvas",
    "version": "vCloud",
    "messages_supported": [
        {"type": "LtiResourceLinkRequest", "placements": ["course_navigation", "link_selection"]},
        {"type": "LtiDeepLinkingRequest", "placements": ["assignment_selection", "editor_button", "link_selection"]},
    ],
}
# https://github.com/atomicjolt/lti_openid_connect_rails and Sakai's own lti13/oidc configuration
SAKAI = {
    "product_family_code": "sakailms.org",
    "version": "23",
    "messages_supported": [
        {"type": "LtiResourceLinkRequest", "placements": []},
        {"type": "LtiDeepLinkingRequest", "placements": []},
    ],
}


@dataclass
class Platform:
    """A platform's registration service; `changes` spoil its configuration, `answer` what it says to us."""

    address: str = ""
    family: dict[str, Any] = field(default_factory=lambda: MOODLE)
    changes: dict[str, Any] = field(default_factory=dict)
    answer: Any = field(default_factory=lambda: {"client_id": "abc", TOOL: {"deployment_id": "7"}})
    status: int = 201
    asked: list[tuple[str, Any]] = field(default_factory=list)
    wants_token: bool = False  # as Canvas, for its configuration too
    gate: Event | None = None  # an answer that takes its time
    waiting: Semaphore = field(default_factory=lambda: Semaphore(0))

    def configuration(self) -> Response:
        if self.gate is not None:
            self.waiting.release()
            assert self.gate.wait(20)
        if self.wants_token and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return Response(status=401)
        return jsonify(
            {
                "issuer": self.address,
                "authorization_endpoint": f"{self.address}/auth",
                "token_endpoint": f"{self.address}/token",
                "jwks_uri": f"{self.address}/certs",
                "registration_endpoint": f"{self.address}/register",
                "scopes_supported": [
                    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
                    "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
                ],
                PLATFORM: self.family,
                **self.changes,
            }
        )

    def register(self) -> tuple[Response, int]:
        self.asked.append((request.headers.get("Authorization", ""), request.get_json()))
        return jsonify(self.answer), self.status

    def client(self) -> Any:
        """What it was told about us, the last time."""
        return self.asked[-1][1]


@pytest.fixture
def platform() -> Iterator[Platform]:
    found = Platform()
    app = Flask("platform")
    app.add_url_rule("/config", "config", found.configuration)
    app.add_url_rule("/register", "register", found.register, methods=["POST"])
    with serving(app) as address:
        found.address = address
        yield found


def open_page(app: Flask, platform: Platform, **changes: str) -> TestResponse:
    question = {"openid_configuration": f"{platform.address}/config", "registration_token": TOKEN} | changes
    return app.test_client().get("/lti/register", query_string=question)


def registered(world: World, platform: Platform) -> Registration | None:
    with world.database.read() as session:
        return session.scalars(select(Registration).where(Registration.issuer == platform.address)).one_or_none()


def audits(world: World) -> list[str]:
    with world.database.read() as session:
        return list(session.scalars(select(Audit.code).where(Audit.kind == "registration").order_by(Audit.id)))


def test_moodle_registers_and_waits(app: Flask, world: World, platform: Platform) -> None:
    answer = open_page(app, platform)
    assert answer.status_code == 200
    assert 'data-page="registered"' in answer.text
    assert "waiting" in answer.text
    found = registered(world, platform)
    assert found is not None
    assert (found.source, found.enabled, found.approved_at, found.client_id) == (SELF, False, None, "abc")
    assert found.platform_family == "moodle"
    bearer, client = platform.asked[-1]
    assert bearer == f"Bearer {TOKEN}"
    assert client["redirect_uris"] == ["http://127.0.0.1:8000/lti/launch"]
    assert client["token_endpoint_auth_method"] == "private_key_jwt"
    assert client["scope"].split() == [
        "https://purl.imsglobal.org/spec/lti-ags/scope/score",
        "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly",
    ]
    assert client[TOOL]["domain"] == "127.0.0.1:8000"  # Moodle wants the port of the target too
    assert client[TOOL]["custom_parameters"]["due"] == "$ResourceLink.submission.endDateTime"
    assert audits(world) == ["registered_itself"]


def test_canvas_gives_its_configuration_for_the_token_alone(app: Flask, world: World, platform: Platform) -> None:
    platform.family, platform.wants_token, platform.answer = CANVAS, True, {"client_id": 10000000000042}
    assert open_page(app, platform).status_code == 200
    found = registered(world, platform)
    assert found is not None
    assert found.client_id == "10000000000042"
    assert error_code(open_page(app, platform, registration_token="another")) == "registration_failed"


def test_canvas_is_told_only_placements_that_it_has_and_choosing_comes_first(app: Flask, platform: Platform) -> None:
    """Canvas takes a message without placements for link_selection, and of two for one place it keeps the first."""
    platform.family = CANVAS
    assert open_page(app, platform).status_code == 200
    own = platform.client()[TOOL]
    assert [message["type"] for message in own["messages"]] == ["LtiDeepLinkingRequest", "LtiResourceLinkRequest"]
    assert own["messages"][0]["placements"] == ["assignment_selection", "link_selection"]
    assert registration.placements(platform.client()) == dict.fromkeys(
        ("assignment_selection", "link_selection"), "LtiDeepLinkingRequest"
    )
    assert own["https://canvas.instructure.com/lti/privacy_level"] == "name_only"


def test_placements_are_named_back_as_the_platform_names_them(app: Flask, platform: Platform) -> None:
    named = "https://canvas.instructure.com/lti/assignment_selection"
    platform.family = CANVAS | {"messages_supported": [{"type": "LtiDeepLinkingRequest", "placements": [named]}]}
    open_page(app, platform)
    assert platform.client()[TOOL]["messages"][0]["placements"] == [named]


def test_sakai_lists_no_placements_and_no_scopes_of_lti_and_is_asked_for_all(app: Flask, platform: Platform) -> None:
    platform.family, platform.changes = SAKAI, {"scopes_supported": ["openid"]}
    open_page(app, platform)
    assert platform.client()[TOOL]["messages"][0]["placements"] == ["ContentArea"]
    assert [scope.rsplit("/", 1)[-1] for scope in platform.client()["scope"].split()] == [
        "lineitem",
        "lineitem.readonly",
        "result.readonly",
        "score",
        "contextmembership.readonly",
    ]


@pytest.mark.parametrize(("family", "audience"), [(CANVAS, None), (MOODLE, "https://lms.example.edu/token")])
def test_an_audience_is_kept_where_the_platform_means_it(
    app: Flask, world: World, platform: Platform, family: dict[str, Any], audience: str | None
) -> None:
    """Canvas names a bare host as its authorization server, and takes its token address alone as the audience."""
    platform.family = family
    platform.changes = {"authorization_server": audience or "canvas.instructure.com"}
    open_page(app, platform)
    found = registered(world, platform)
    assert found is not None
    assert found.token_audience == audience


def test_platforms_that_answer_slowly_hold_up_only_their_like(app: Flask, platform: Platform) -> None:
    """Anybody may name any address here, so that it must not take the threads of everybody else."""
    platform.gate = Event()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        slow = [pool.submit(open_page, app, platform) for _ in range(AT_ONCE)]
        for _ in slow:
            assert platform.waiting.acquire(timeout=20)
        refused = open_page(app, platform)
        platform.gate.set()
        answers = [one.result() for one in slow]
    assert (refused.status_code, error_code(refused)) == (429, "registration_failed")
    assert "Try again" in refused.text
    assert [answer.status_code for answer in answers] == [200] * AT_ONCE
    platform.gate = None
    assert open_page(app, platform).status_code == 200


def test_a_platform_that_sends_no_token_gets_none(app: Flask, platform: Platform) -> None:
    """As Brightspace does it."""
    assert open_page(app, platform, registration_token="").status_code == 200
    assert platform.asked[-1][0] == ""


def test_the_window_may_be_closed_by_the_platform_that_frames_it(app: Flask, platform: Platform) -> None:
    answer = open_page(app, platform)
    assert "/static/registered.js" in answer.text
    assert f"frame-ancestors 'self' {platform.address}" in answer.headers["Content-Security-Policy"]


def test_pending_opens_nothing_until_it_is_approved(app: Flask, world: World, platform: Platform) -> None:
    open_page(app, platform)
    begin = {
        "iss": platform.address,
        "login_hint": "1",
        "client_id": "abc",
        "target_link_uri": "http://127.0.0.1:8000/lti/launch",
    }
    assert error_code(app.test_client().post("/lti/login", data=begin)) == "platform_waits"
    found = registered(world, platform)
    assert found is not None
    with world.database.write() as session:
        approve_registration(session, found.id)
    assert app.test_client().post("/lti/login", data=begin).status_code == 302


def test_registering_again_leaves_an_approved_platform_as_it_is(app: Flask, world: World, platform: Platform) -> None:
    open_page(app, platform)
    found = registered(world, platform)
    assert found is not None
    with world.database.write() as session:
        approve_registration(session, found.id)
    platform.changes = {"jwks_uri": f"{platform.address}/other-keys"}
    answer = open_page(app, platform)
    assert "registered before" in answer.text
    again = registered(world, platform)
    assert again is not None
    assert (again.jwks_url, again.enabled) == (f"{platform.address}/certs", True)


SPOILT: dict[str, dict[str, Any]] = {
    "no issuer": {"issuer": None},
    "an issuer of somebody else": {"issuer": "https://lms.example.org"},
    "a registration address elsewhere": {"registration_endpoint": "https://collector.example.org/register"},
    "keys on plain http": {"jwks_uri": "http://lms.example.org/certs"},
    "no keys": {"jwks_uri": 5},
    "a huge issuer": {"issuer": "https://" + "a" * 3000},
}


@pytest.mark.parametrize("changes", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_configuration_keeps_nothing(
    app: Flask, world: World, platform: Platform, changes: dict[str, Any]
) -> None:
    platform.changes = changes
    answer = open_page(app, platform)
    assert (answer.status_code, error_code(answer)) == (400, "registration_failed")
    assert registered(world, platform) is None
    assert audits(world) == ["refused"]


ANSWERS: dict[str, tuple[Any, int]] = {
    "no client id": ({}, 201),
    "true as client id": ({"client_id": True}, 201),
    "a list": ([], 201),
    "unauthorized": ({"error": "invalid_token"}, 401),
    "unprocessable, as Canvas says it": ({"errors": {"field": "x"}}, 422),
    "broken": ({"client_id": "abc"}, 500),
}


@pytest.mark.parametrize("said", ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer_that_is_none_keeps_nothing(app: Flask, world: World, platform: Platform, said: Any) -> None:
    platform.answer, platform.status = said
    answer = open_page(app, platform)
    assert (answer.status_code, error_code(answer)) == (400, "registration_failed")
    assert TOKEN not in answer.text
    assert registered(world, platform) is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "file:///etc/passwd",
        "http://lms.example.org/config",
        "https://10.0.0.7/config",
        "https://169.254.169.254/latest/meta-data",
        "https://user:secret@lms.example.org/config",
        "https://127.0.0.1:1/config",
        "\x00",
        "https://[::1/config",
    ],
)
def test_the_tool_goes_nowhere_it_should_not(world: World, address: str) -> None:
    settings = Settings(base_url="https://tool.example.edu", secret_key="s" * 40)
    answer = (
        create_app(settings, world.database)
        .test_client()
        .get("/lti/register", query_string={"openid_configuration": address})
    )
    assert (answer.status_code, error_code(answer)) == (400, "registration_failed")


def test_a_token_with_a_line_break_is_not_sent(app: Flask, platform: Platform) -> None:
    answer = open_page(app, platform, registration_token="x\r\nX-Evil: 1")
    assert error_code(answer) == "registration_failed"
    assert platform.asked == []


def test_somebody_who_registers_for_ever_is_stopped_until_they_are_too_old(
    app: Flask, world: World, platform: Platform
) -> None:
    with world.database.write() as session:
        for number in range(MAX_PENDING):
            row = Registration(
                name="x",
                issuer=f"https://{number}.example.org",
                client_id="1",
                source=SELF,
                **dict.fromkeys(("auth_login_url", "auth_token_url", "jwks_url"), "https://x.example.org"),
                enabled=False,
            )
            row.deployments.append(Deployment(lms_id="1"))
            session.add(row)
    answer = open_page(app, platform)
    assert "Too many registrations wait" in answer.text
    assert registered(world, platform) is None

    with world.database.write() as session:
        session.execute(update(Registration).where(Registration.source == SELF).values(created_at=A_MONTH_AGO))
    assert open_page(app, platform).status_code == 200
    with world.database.read() as session:
        waiting = session.scalars(select(Registration).where(Registration.source == SELF)).all()
        assert [row.issuer for row in waiting] == [platform.address]


def test_the_key_set_is_public_and_holds_no_private_number(app: Flask) -> None:
    keys = app.test_client().get("/lti/jwks").get_json()["keys"]

    assert [sorted(key) for key in keys] == [["alg", "e", "kid", "kty", "n", "use"]]
    assert keys == app.test_client().get("/lti/jwks").get_json()["keys"]


def test_canvas_reads_a_configuration_with_our_addresses(app: Flask) -> None:
    found = app.test_client().get("/lti/canvas.json").get_json()
    assert found["oidc_initiation_url"] == "http://127.0.0.1:8000/lti/login"
    assert found["public_jwk_url"] == "http://127.0.0.1:8000/lti/jwks"
    assert found["custom_fields"]["closes"] == "$ResourceLink.available.endDateTime"
    (extension,) = found["extensions"]
    assert extension["platform"] == "canvas.instructure.com"
    places = {row["placement"]: row["message_type"] for row in extension["settings"]["placements"]}
    assert places == dict.fromkeys(("assignment_selection", "link_selection"), "LtiDeepLinkingRequest")


def test_work_of_a_disabled_platform_waits(world: World) -> None:
    from lti_tool.attempts import submit
    from lti_tool.registrations import remove_registration

    with world.database.write() as session:
        link = world.placement(session)
        submit(session, link, world.ada_id, "q1", "A crash at step four loses the work of the first three steps.")
        registration_id = link.deployment.registration_id
        remove_registration(session, registration_id)
    with world.database.write() as session:
        assert claims.claim(session, owner="me", limit=5, lease_seconds=60) == []
        approve_registration(session, registration_id)
    with world.database.write() as session:
        held = claims.claim(session, owner="me", limit=5, lease_seconds=60)
        assert [session.get_one(Job, claim.job_id).kind for claim in held] == ["judge"]

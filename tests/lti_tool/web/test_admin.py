"""The admin's pages: opened by a one-time link, never by a role of a platform."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from typer.testing import CliRunner

from lti_tool import claims, jobs
from lti_tool.admin import make_code
from lti_tool.db import utc_now
from lti_tool.judge_health import report
from lti_tool.keys import next_key
from lti_tool.lms_commands import app as lms
from lti_tool.models import AdminCode, AdminSession, AnswerRow, Audit, PlatformKeySet, Registration
from lti_tool.registrations import SELF
from lti_tool.settings import get_settings
from lti_tool.web.admin import COOKIE
from tests.conftest import World
from tests.lti_tool.door import error_code, serving

PASTED = {
    "name": "Our Moodle",
    "issuer": "https://moodle.example.edu",
    "client_id": "abc",
    "auth_login_url": "https://moodle.example.edu/auth",
    "auth_token_url": "https://moodle.example.edu/token",
    "jwks_url": "https://moodle.example.edu/certs",
    "deployment_ids": "1 2",
    "token_audience": "",
}


def link_code(world: World) -> str:
    with world.database.write() as session:
        return make_code(session)


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def admin(browser: FlaskClient, world: World) -> FlaskClient:
    """A browser in which the pages are open."""
    answer = browser.post("/admin/enter", data={"code": link_code(world)}, base_url="https://localhost")
    assert answer.status_code == 303
    return browser


def get(browser: FlaskClient, path: str = "/admin"):
    return browser.get(path, base_url="https://localhost")


def post(browser: FlaskClient, path: str, **form: str):
    seal = get(browser).text.split('name="form_token" value="')[1].split('"')[0]
    return browser.post(path, data={"form_token": seal, **form}, base_url="https://localhost")


def pending(world: World, *, deployment: bool = False) -> int:
    with world.database.write() as session:
        row = Registration(
            name="school.example.edu",
            issuer="https://school.example.edu",
            client_id="9",
            **dict.fromkeys(("auth_login_url", "auth_token_url", "jwks_url"), "https://school.example.edu/x"),
            source=SELF,
            enabled=False,
        )
        session.add(row)
        session.flush()
        return row.id


def test_the_link_works_once_and_looking_at_it_uses_nothing_up(browser: FlaskClient, world: World) -> None:
    code = link_code(world)
    for _ in range(2):
        assert 'data-page="admin-enter"' in get(browser, f"/admin/enter?code={code}").text
    answer = browser.post("/admin/enter", data={"code": code}, base_url="https://localhost")
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=Strict", "Path=/admin"))
    assert 'data-page="admin-registrations"' in get(browser).text
    again = browser.post("/admin/enter", data={"code": code}, base_url="https://localhost")
    assert (again.status_code, error_code(again)) == (401, "admin_link_used")


@pytest.mark.parametrize("code", ["", "made-up", "x" * 5000, "ü\x00"])
def test_another_code_opens_nothing(browser: FlaskClient, code: str) -> None:
    answer = browser.post("/admin/enter", data={"code": code}, base_url="https://localhost")
    assert (answer.status_code, error_code(answer)) == (401, "admin_link_used")
    assert error_code(get(browser)) == "admin_signed_out"


def test_a_link_is_good_for_fifteen_minutes_and_a_session_for_eight_hours(browser: FlaskClient, world: World) -> None:
    old = link_code(world)
    with world.database.write() as session:
        session.execute(update(AdminCode).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert error_code(browser.post("/admin/enter", data={"code": old})) == "admin_link_used"
    browser.post("/admin/enter", data={"code": link_code(world)}, base_url="https://localhost")
    assert get(browser).status_code == 200
    with world.database.write() as session:
        session.execute(update(AdminSession).values(expires_at=utc_now() - timedelta(seconds=1)))
    assert error_code(get(browser)) == "admin_signed_out"


def test_an_instructors_session_is_no_admin(app: Flask, sign_in) -> None:
    ines = sign_in("launch-ines-01")
    client = app.test_client()
    client.set_cookie(COOKIE, ines.token, path="/admin")
    assert error_code(client.get("/admin")) == "admin_signed_out"


def test_a_form_with_only_the_cookie_changes_nothing(admin: FlaskClient, world: World) -> None:
    waiting = pending(world)
    for form in ({}, {"form_token": "made-up"}):
        answer = admin.post(f"/admin/registrations/{waiting}/approve", data=form, base_url="https://localhost")
        assert error_code(answer) in ("form_token_missing", "form_token_wrong")
    with world.database.read() as session:
        assert session.get_one(Registration, waiting).enabled is False


def test_approving_asks_for_a_deployment_where_the_platform_named_none(admin: FlaskClient, world: World) -> None:
    waiting = pending(world)
    refused = post(admin, f"/admin/registrations/{waiting}/approve")
    assert refused.status_code == 422
    assert "named no deployment yet" in refused.text
    assert post(admin, f"/admin/registrations/{waiting}/approve", deployment_ids="7 8").status_code == 303
    with world.database.read() as session:
        found = session.get_one(Registration, waiting)
        assert found.enabled
        assert found.approved_at is not None
        assert [one.lms_id for one in found.deployments] == ["7", "8"]
        assert "approved" in session.scalars(select(Audit.code).where(Audit.registration_id == waiting)).all()


def test_disable_and_enable_again(admin: FlaskClient, world: World) -> None:
    with world.database.read() as session:
        known = session.scalars(select(Registration.id)).one()
    assert post(admin, f"/admin/registrations/{known}/disable").status_code == 303
    assert "disabled" in get(admin).text
    assert post(admin, f"/admin/registrations/{known}/approve").status_code == 303
    with world.database.read() as session:
        assert session.get_one(Registration, known).enabled
    assert post(admin, "/admin/registrations/999/disable").status_code == 422


def test_one_that_waits_can_be_dismissed(admin: FlaskClient, world: World) -> None:
    waiting = pending(world)
    assert post(admin, f"/admin/registrations/{waiting}/disable").status_code == 303
    with world.database.read() as session:
        assert session.get(Registration, waiting) is None
        assert "dismissed" in session.scalars(select(Audit.code).where(Audit.registration_id == waiting)).all()


def test_deployments_come_and_go_one_by_one(admin: FlaskClient, world: World) -> None:
    with world.database.read() as session:
        known = session.scalars(select(Registration.id)).one()

    def enabled() -> list[str]:
        with world.database.read() as session:
            return [one.lms_id for one in session.get_one(Registration, known).deployments if one.enabled]

    post(admin, f"/admin/registrations/{known}/approve", deployment_ids="sub-account-7")
    assert enabled() == ["1", "sub-account-7"]
    post(admin, f"/admin/registrations/{known}/deployments", deployment_id="1")
    assert enabled() == ["sub-account-7"]
    refused = post(admin, f"/admin/registrations/{known}/deployments", deployment_id="1")
    assert (refused.status_code, "has no such deployment" in refused.text) == (422, True)


# ---- trying it -----------------------------------------------------------------------------------------------


@dataclass
class Lms:
    """A platform's key set and token address."""

    keys: Any = field(default_factory=lambda: {"keys": [{"kid": "a"}, {"kid": "b"}]})
    token: tuple[str, int] = ('{"access_token": "t", "expires_in": 3600}', 200)

    def serve(self) -> Any:
        platform = Flask("lms")
        platform.add_url_rule("/jwks", "jwks", lambda: self.keys)
        platform.add_url_rule("/token", "token", lambda: self.token, methods=["POST"])
        return serving(platform)

    def move_in(self, world: World, address: str) -> int:
        with world.database.write() as session:
            known = session.scalars(select(Registration)).one()
            known.jwks_url, known.auth_token_url = f"{address}/jwks", f"{address}/token"
            return known.id


def test_trying_a_platform_reads_its_keys_and_shows_that_it_reads_ours(admin: FlaskClient, world: World) -> None:
    lms = Lms()
    with lms.serve() as address:
        known = lms.move_in(world, address)
        page = post(admin, f"/admin/registrations/{known}/try").text
    assert "Campus: 2 public keys read, and a token given, so it reads ours too." in page
    assert "2 public keys of the platform read, and it reads ours." in page
    assert "[x]" in page.split("Keys reachable")[0].rsplit("<li>", 1)[-1]


@pytest.mark.parametrize(
    ("lms", "says"),
    [
        (Lms(keys="<html>"), "no keys were found at"),
        (Lms(token=('{"error": "invalid_client"}', 401)), "its keys were read, and it gave no token"),
    ],
)
def test_what_a_platform_does_not_do_is_said(admin: FlaskClient, world: World, lms: Lms, says: str) -> None:
    with lms.serve() as address:
        known = lms.move_in(world, address)
        answer = post(admin, f"/admin/registrations/{known}/try")
    assert answer.status_code == 422
    assert says in answer.text
    assert "it reads ours" not in answer.text


def test_a_platform_is_added_by_pasting_and_a_mistake_keeps_what_was_typed(admin: FlaskClient, world: World) -> None:
    wrong = post(admin, "/admin/registrations", **PASTED | {"jwks_url": "http://moodle.example.edu/certs"})
    assert wrong.status_code == 422
    assert "must begin with https://" in wrong.text
    assert 'value="Our Moodle"' in wrong.text
    assert post(admin, "/admin/registrations", **PASTED).status_code == 303
    with world.database.read() as session:
        found = session.scalars(select(Registration).where(Registration.name == "Our Moodle")).one()
        assert [one.lms_id for one in found.deployments] == ["1", "2"]
        assert found.enabled


def test_the_list_turns_green_as_things_are_seen(admin: FlaskClient, world: World) -> None:
    before = get(admin).text
    with world.database.write() as session:
        known = session.scalars(select(Registration.id)).one()
        session.add(PlatformKeySet(registration_id=known, jwks={"keys": [{}, {}]}, fetched_at=utc_now()))
    after = get(admin).text
    assert after.count("[x]") == before.count("[x]") + 1
    assert "2 public keys of the platform read." in after


def test_html_in_a_platforms_name_is_text(admin: FlaskClient) -> None:
    post(admin, "/admin/registrations", **PASTED | {"name": "<script>alert(1)</script>"})
    assert "<script>alert" not in get(admin).text


def test_signing_out_ends_the_session(admin: FlaskClient) -> None:
    assert post(admin, "/admin/leave").status_code == 303
    assert error_code(get(admin)) == "admin_signed_out"


def test_the_command_prints_a_link_that_opens_and_approves(
    browser: FlaskClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", str(world.database.engine.url))
    monkeypatch.setenv("ATELIER_SECRET_KEY", "s" * 40)
    get_settings.cache_clear()
    try:
        made = CliRunner().invoke(lms, ["admin-link", "--json"])
        assert made.exit_code == 0, made.output
        url = json.loads(made.stdout)["url"]
        code = url.split("code=")[1]
        assert browser.post("/admin/enter", data={"code": code}).status_code == 303
        waiting = pending(world)
        assert "(pending)" in CliRunner().invoke(lms, ["list"]).stdout
        answer = CliRunner().invoke(lms, ["approve", str(waiting), "--deployment-id", "7", "--json"])
        assert json.loads(answer.stdout)["state"] == "enabled"
    finally:
        get_settings.cache_clear()


# ---- the judge -----------------------------------------------------------------------------------------------


def test_a_judge_that_cannot_be_asked_is_one_sentence_with_the_work_that_waits(admin, world, submission) -> None:
    assert "no executor has looked at it yet" in get(admin).text
    with world.database.write() as session:
        report(session, "checklist", "There is no key for Claude; set ANTHROPIC_API_KEY.")
        [held] = claims.claim(session, owner="a", limit=1, lease_seconds=60)
        jobs.postpone(session, held, "no key", 600)
    page = get(admin).text
    assert "There is no key for Claude; set ANTHROPIC_API_KEY. 1 submission waits for it" in " ".join(page.split())
    with world.database.write() as session:
        report(session, "checklist", "")
        assert jobs.wake_held(session) == 1
    page = get(admin).text
    assert "judge-trouble" not in page
    assert "can be asked, looked at" in page


def test_the_page_tells_keys_spending_and_versions(admin: FlaskClient, world: World) -> None:
    with world.database.write() as session:
        kid = next_key(session, get_settings())
        usual = {"registration_id": world.registration_id, "body": {}, "model": "m"}
        session.add(AnswerRow(fingerprint="now", usage={"usd": 0.25}, **usual))
        session.add(
            AnswerRow(fingerprint="then", usage={"usd": 2.0}, created_at=utc_now() - timedelta(days=20), **usual)
        )
        session.add(
            AnswerRow(fingerprint="old", usage={"usd": 9.0}, created_at=utc_now() - timedelta(days=40), **usual)
        )
    page = get(admin).text
    assert kid[:12] in page
    assert [cell in page for cell in (">$0.25<", ">$2.25<", "$11.25")] == [True, True, False]
    assert "No daily limit is set" in page
    assert f"prefect {version('prefect')}" in page

"""The first login in a frame tries a cookie before the platform is asked; where it is lost, a tab goes on instead."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from lti_tool.db import utc_now
from lti_tool.models import LoginState
from tests.lti_tool.door import BASE_URL, Begun, Door, error_code

FRAMED = {"Sec-Fetch-Dest": "iframe"}


def framed_login(door: Door, **fields: str):
    return door.browser.post("/lti/login", data=door.login_fields(**fields), headers=FRAMED, base_url=BASE_URL)


def begun_by(answer) -> Begun:
    question = parse_qs(urlsplit(answer.headers["Location"]).query)
    return Begun(question["state"][0], question["nonce"][0])


def test_a_frame_that_keeps_cookies_goes_on_and_is_not_tried_again(door: Door) -> None:
    tried = framed_login(door, lti_message_hint="used only once")
    assert urlsplit(tried.headers["Location"]).path == "/lti/login/tried"
    cookie = tried.headers["Set-Cookie"]
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=None", "Partitioned"))
    onward = door.browser.get(tried.headers["Location"], base_url=BASE_URL)
    assert onward.status_code == 302
    assert parse_qs(urlsplit(onward.headers["Location"]).query)["lti_message_hint"] == ["used only once"]
    begun = begun_by(onward)
    assert door.post(begun.state, door.platform.sign(door.platform.claims(begun.nonce))).status_code == 303
    assert framed_login(door).headers["Location"].startswith(door.platform.issuer)


def test_a_frame_that_keeps_none_is_offered_a_tab_that_goes_on_once(door: Door) -> None:
    address = framed_login(door).headers["Location"]
    frame, tab = door.app.test_client(use_cookies=False), door.app.test_client()
    for _ in range(2):  # looking at the page again uses nothing up
        page = frame.get(address, base_url=BASE_URL)
        assert (page.status_code, error_code(page)) == (400, "cookie_missing")
        assert "open in its own tab" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {door.platform.issuer};" in policy
    code = parse_qs(urlsplit(address).query)["code"][0]
    onward = tab.post("/lti/login/again", data={"code": code}, base_url=BASE_URL)
    assert onward.headers["Location"].startswith(door.platform.issuer)
    again = tab.post("/lti/login/again", data={"code": code}, base_url=BASE_URL)
    assert (again.status_code, error_code(again)) == (400, "state_replayed")


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Dest": "document"}])
def test_a_login_at_the_top_of_a_tab_is_not_tried(door: Door, headers: dict[str, str]) -> None:
    answer = door.browser.post("/lti/login", data=door.login_fields(), headers=headers, base_url=BASE_URL)
    assert answer.headers["Location"].startswith(door.platform.issuer)


def test_a_platform_with_storage_needs_no_trial(door: Door) -> None:
    assert framed_login(door, lti_storage_target="_parent").status_code == 200


def test_the_code_is_no_state_and_lives_five_minutes(door: Door, database) -> None:
    code = parse_qs(urlsplit(framed_login(door).headers["Location"]).query)["code"][0]
    for state in (code, f"put-off.{code}"):
        assert error_code(door.post(state, "x.y.z")) == "state_unknown"
    with database.write() as session:
        session.execute(update(LoginState).values(expires_at=utc_now() - timedelta(seconds=1)))
    stranger = door.app.test_client()
    assert error_code(stranger.get(f"/lti/login/tried?code={code}", base_url=BASE_URL)) == "state_replayed"
    assert error_code(stranger.post("/lti/login/again", data={"code": code}, base_url=BASE_URL)) == "state_expired"


@pytest.mark.parametrize("code", ["", "made-up", "ü" * 3000, "\x00"])
def test_a_made_up_code_is_refused(door: Door, code: str) -> None:
    assert error_code(door.browser.post("/lti/login/again", data={"code": code}, base_url=BASE_URL)) == "state_replayed"
    answer = door.browser.get("/lti/login/tried", query_string={"code": code}, base_url=BASE_URL)
    assert error_code(answer) == "state_replayed"

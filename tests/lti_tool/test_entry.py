"""From an accepted launch into its pages: by the cookie that came back, or in a tab of its own."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from sqlalchemy import update

from lti_tool.db import Database, utc_now
from lti_tool.models import (
    Handoff,
)
from tests.lti_tool.door import (
    BASE_URL,
    CLAIM,
    INSTRUCTOR,
    Door,
    error_code,
    launch_id,
)

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"


def test_a_learner_comes_to_the_notice_first_and_an_instructor_to_the_queue(door: Door) -> None:
    for roles, page in ((["x"], "notice"), ([INSTRUCTOR], "queue")):
        answer = door.launch(**{CLAIM + "roles": roles})
        entered = door.browser.get(answer.headers["Location"], base_url=BASE_URL)
        home = door.browser.get(entered.headers["Location"], base_url=BASE_URL)

        assert entered.headers["Location"] == f"/l/{launch_id(answer)}/"
        assert (home.status_code, home.headers["Location"].rsplit("/", 1)[-1]) == (303, page)


def test_the_session_cookie_is_the_launch_s_own(door: Door) -> None:
    answer = door.launch()

    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("atelier_session="))
    parts = {part.strip() for part in cookie.split(";")[1:]}
    assert parts == {"Secure", "HttpOnly", "SameSite=None", "Partitioned", f"Path=/l/{launch_id(answer)}/"}


def test_a_browser_that_keeps_no_cookie_gets_its_own_tab(door: Door, app: Flask) -> None:
    address = door.launch().headers["Location"]
    frame, tab = app.test_client(use_cookies=False), app.test_client()

    blocked = frame.get(address, base_url=BASE_URL)
    page = blocked.get_data(as_text=True)

    assert (blocked.status_code, error_code(blocked)) == (403, "frame_storage_blocked")
    assert 'target="_blank"' in page
    code = page.split('name="code" value="')[1].split('"')[0]
    where = urlsplit(address).path
    opened = tab.post(where, data={"code": code}, base_url=BASE_URL)
    assert (opened.status_code, opened.headers["Location"]) == (303, where.removesuffix("enter"))
    assert tab.get(opened.headers["Location"], base_url=BASE_URL).status_code == 303
    again = app.test_client().post(where, data={"code": code}, base_url=BASE_URL)
    assert error_code(again) == "launch_expired"


def test_the_code_of_the_redirect_is_single_use_and_no_key_to_a_tab(door: Door, app: Flask) -> None:
    address = door.launch().headers["Location"]
    code = parse_qs(urlsplit(address).query)["code"][0]
    stranger = app.test_client(use_cookies=False)

    in_tab = stranger.post(urlsplit(address).path, data={"code": code}, base_url=BASE_URL)
    first = stranger.get(address, base_url=BASE_URL)
    second = stranger.get(address, base_url=BASE_URL)

    assert [error_code(answer) for answer in (in_tab, first, second)] == [
        "launch_expired",
        "frame_storage_blocked",
        "launch_expired",
    ]


def test_a_code_is_good_for_a_minute(door: Door, app: Flask, database: Database) -> None:
    address = door.launch().headers["Location"]
    with database.write() as session:
        session.execute(update(Handoff).values(expires_at=utc_now() - timedelta(seconds=1)))

    assert error_code(app.test_client().get(address, base_url=BASE_URL)) == "launch_expired"


def test_a_launch_is_framed_by_its_own_platform_alone(door: Door, app: Flask) -> None:
    shown = app.test_client(use_cookies=False).get(door.launch().headers["Location"], base_url=BASE_URL)

    policy = shown.headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors 'self' https://lms.example.edu")
    assert "default-src 'none'; script-src 'self'" in policy
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert shown.headers["Cache-Control"] == "no-store"

"""A session opens its own launch and nothing else; a form without our seal changes nothing."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO

import pytest
from flask import Blueprint, Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select, update

from lti_tool.db import Database, utc_now
from lti_tool.models import WebSession
from lti_tool.web.sessions import COOKIE, form_token, signed_in
from tests.lti_tool.door import BASE_URL, CLAIM, INSTRUCTOR, Door, error_code

RETURN = {CLAIM + "launch_presentation": {"return_url": "https://lms.example.edu/course/7?sesskey=s3"}}


@pytest.fixture
def app(app: Flask) -> Flask:
    """The tool with one page more, for anybody, that shows who it thinks is asking."""
    bp = Blueprint("probe", __name__)

    @bp.route("/l/<launch_id>/probe", methods=["GET", "POST"])
    @signed_in()
    def probe(launch_id: str) -> dict[str, object]:
        return {"person": g.person_id, "link": g.resource_link_id, "role": g.launch.role, "seal": form_token()}

    @bp.get("/l/<launch_id>/for-instructors")
    @signed_in("instructor")
    def for_instructors(launch_id: str) -> str:
        return "open"

    @bp.get("/breaks")
    def breaks() -> str:
        raise RuntimeError("essay text of Zoë")

    app.register_blueprint(bp)
    return app


def cookie_of(browser: FlaskClient, launch_id: str) -> str:
    return next(c.value for c in browser._cookies.values() if c.key == COOKIE and c.path == f"/l/{launch_id}/")


def test_a_page_knows_who_asks(door: Door) -> None:
    opened = door.open()

    shown = door.browser.get(f"/l/{opened}/probe", base_url=BASE_URL).get_json()

    assert (shown["person"], shown["link"], shown["role"]) == (1, 1, "student")


def test_each_launch_of_a_browser_keeps_its_own_person(door: Door) -> None:
    student = door.open(sub="user-1")
    teacher = door.open(sub="user-2", **{CLAIM + "roles": [INSTRUCTOR]})

    seen = [door.browser.get(f"/l/{opened}/probe", base_url=BASE_URL).get_json() for opened in (student, teacher)]

    assert [row["role"] for row in seen] == ["student", "instructor"]
    assert seen[0]["person"] != seen[1]["person"]


def test_the_cookie_of_one_launch_opens_no_other(door: Door, app: Flask) -> None:
    mine, other = door.open(sub="user-1"), door.open(sub="user-2")
    token = cookie_of(door.browser, mine)

    answer = app.test_client(use_cookies=False).get(
        f"/l/{other}/probe", headers={"Cookie": f"{COOKIE}={token}"}, base_url=BASE_URL
    )

    assert (answer.status_code, error_code(answer)) == (401, "launch_expired")


@pytest.mark.parametrize("token", ["", "made-up", "é"])
def test_no_cookie_or_a_made_up_one_opens_nothing(token: str, door: Door, app: Flask) -> None:
    opened = door.open(**RETURN)

    answer = app.test_client(use_cookies=False).get(
        f"/l/{opened}/probe", headers={"Cookie": f"{COOKIE}={token}"}, base_url=BASE_URL
    )

    assert error_code(answer) == "launch_expired"
    assert "sesskey" not in answer.get_data(as_text=True)


def test_a_learner_is_told_that_a_page_is_for_instructors(door: Door) -> None:
    answer = door.browser.get(f"/l/{door.open()}/for-instructors", base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (403, "wrong_role")
    assert "This page is for instructors of this course." in answer.get_data(as_text=True)


def test_an_expired_session_gives_back_what_was_typed_and_the_way_back(door: Door, database: Database) -> None:
    opened = door.open(**RETURN)
    with database.write() as session:
        session.execute(update(WebSession).values(expires_at=utc_now() - timedelta(seconds=1)))

    answer = door.browser.post(f"/l/{opened}/probe", data={"text": "my <b>draft</b>"}, base_url=BASE_URL)
    page = answer.get_data(as_text=True)

    assert (answer.status_code, error_code(answer)) == (401, "launch_expired")
    assert "my &lt;b&gt;draft&lt;/b&gt;</textarea>" in page
    assert 'href="https://lms.example.edu/course/7?sesskey=s3"' in page
    assert "reload" not in page.lower()


def test_a_used_session_lives_on(door: Door, database: Database) -> None:
    opened = door.open()
    soon = utc_now() + timedelta(minutes=5)
    with database.write() as session:
        session.execute(update(WebSession).values(expires_at=soon))

    door.browser.get(f"/l/{opened}/probe", base_url=BASE_URL)

    with database.read() as session:
        assert session.scalars(select(WebSession.expires_at)).one() > soon + timedelta(minutes=60)


def test_a_post_with_only_the_cookie_is_refused_and_loses_nothing(door: Door) -> None:
    answer = door.browser.post(f"/l/{door.open()}/probe", data={"text": "my draft"}, base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (403, "form_token_missing")
    assert "my draft</textarea>" in answer.get_data(as_text=True)


def test_a_sealed_post_is_accepted_by_field_and_by_header(door: Door) -> None:
    page = f"/l/{door.open()}/probe"
    seal = door.browser.get(page, base_url=BASE_URL).get_json()["seal"]

    by_field = door.browser.post(page, data={"form_token": seal}, base_url=BASE_URL)
    by_header = door.browser.post(page, headers={"X-Form-Token": seal}, base_url=BASE_URL)

    assert [by_field.status_code, by_header.status_code] == [200, 200]


def test_the_seal_of_another_launch_or_session_is_refused(door: Door, app: Flask) -> None:
    first, second = door.open(sub="user-1"), door.open(sub="user-2")
    seal = door.browser.get(f"/l/{first}/probe", base_url=BASE_URL).get_json()["seal"]

    for wrong in (seal, seal[:-2] + "xx", "made-up", "é"):
        answer = door.browser.post(f"/l/{second}/probe", data={"form_token": wrong}, base_url=BASE_URL)
        assert (answer.status_code, error_code(answer)) == (403, "form_token_wrong")


# ---- every other answer --------------------------------------------------------------------------------------


def test_an_unknown_address_is_a_page_with_a_code_a_time_and_a_request_id(door: Door) -> None:
    answer = door.browser.get("/nowhere", base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (404, "not_found")
    assert f"request {answer.headers['X-Request-ID']}" in answer.get_data(as_text=True)


def test_a_script_gets_its_error_as_json(door: Door) -> None:
    answer = door.browser.get("/l/x/probe", headers={"Accept": "application/json"}, base_url=BASE_URL)

    assert (answer.status_code, answer.get_json()["error"]) == (401, "launch_expired")


def test_more_than_a_megabyte_is_too_large(door: Door) -> None:
    answer = door.browser.post("/lti/launch", data={"id_token": "x" * 1_100_000}, base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (413, "too_large")


def test_a_body_that_was_too_large_is_read_away_so_that_the_connection_can_be_used_again(door: Door) -> None:
    body = BytesIO(b"id_token=" + b"x" * 1_100_000)

    answer = door.browser.post(
        "/lti/launch", input_stream=body, content_type="application/x-www-form-urlencoded", base_url=BASE_URL
    )

    assert answer.status_code == 413
    assert body.read() == b""


def test_what_breaks_is_a_page_and_its_message_is_neither_shown_nor_logged(
    door: Door, capfd: pytest.CaptureFixture[str]
) -> None:
    answer = door.browser.get("/breaks", base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (500, "internal")
    assert "Zoë" not in answer.get_data(as_text=True)
    assert "Zo" not in capfd.readouterr().err


def test_alive_and_ready(door: Door) -> None:
    assert door.browser.get("/healthz", base_url=BASE_URL).status_code == 200
    assert door.browser.get("/readyz", base_url=BASE_URL).get_json() == {"problem": None, "status": "ready"}

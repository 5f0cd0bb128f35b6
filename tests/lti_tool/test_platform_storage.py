"""A launch bound by what the platform's frame keeps: the proof is right, of this browser, and used once."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from lti_tool.db import Database
from lti_tool.models import Launch, LoginState
from tests.lti_tool.door import BASE_URL, Begun, Door, HostilePlatform, error_code


@pytest.fixture
def frame(app: Flask, platform: HostilePlatform) -> Door:
    """A browser that keeps no cookie at all."""
    door = Door(app, platform)
    door.browser = app.test_client(use_cookies=False)
    return door


def marked(page: TestResponse, name: str) -> str:
    """What a page of a login carries for its script."""
    found = re.search(rf'data-{name}="([^"]*)"', page.get_data(as_text=True))
    assert found is not None, page.get_data(as_text=True)
    return unescape(found[1])


def begin(door: Door, database: Database, target: str = "lti_storage") -> tuple[Begun, str]:
    """A login with a storage frame; also the token that its page would leave there."""
    page = door.browser.post("/lti/login", data=door.login_fields(lti_storage_target=target), base_url=BASE_URL)
    assert page.status_code == 200, page.get_data(as_text=True)
    with database.read() as session:
        row = session.scalars(select(LoginState).order_by(LoginState.expires_at.desc())).first()
    assert row is not None
    return Begun(row.state, row.nonce), marked(page, "value")


def token(door: Door, begun: Begun) -> str:
    return door.platform.sign(door.platform.claims(begun.nonce))


def confirm(door: Door, state: str, id_token: str, proof: str) -> TestResponse:
    form = {"state": state, "id_token": id_token, "proof": proof}
    return door.browser.post("/lti/launch/confirm", data=form, base_url=BASE_URL)


def launches(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Launch)) or 0


def test_login_with_a_storage_frame_leaves_its_token_there_and_goes_on(door: Door, database: Database) -> None:
    page = door.browser.post("/lti/login", data=door.login_fields(lti_storage_target="lti_storage"), base_url=BASE_URL)

    text = page.get_data(as_text=True)
    assert page.status_code == 200
    assert (marked(page, "target"), marked(page, "origin")) == ("lti_storage", "https://lms.example.edu")
    assert (
        unescape(text).count("https://lms.example.edu/auth?tenant=7&scope=openid") == 2
    )  # the link, and without script
    assert "<noscript><meta" in text
    assert "Partitioned" in page.headers["Set-Cookie"]  # the second way
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    with database.read() as session:
        row = session.scalars(select(LoginState)).one()
    assert row.storage_target == "lti_storage"
    assert row.browser_hash not in text  # the token is in the page, its hash in the database


def test_where_the_cookie_comes_back_nobody_asks_the_storage(door: Door, database: Database) -> None:
    begun, _ = begin(door, database)

    assert door.post(begun.state, token(door, begun)).status_code == 303


def test_without_the_cookie_the_launch_is_confirmed_from_storage(frame: Door, database: Database) -> None:
    begun, kept = begin(frame, database)
    id_token = token(frame, begun)

    asking = frame.post(begun.state, id_token)

    assert asking.status_code == 200
    assert launches(database) == 0  # nothing is believed yet
    assert kept not in asking.get_data(as_text=True)
    assert marked(asking, "target") == "lti_storage"
    assert confirm(frame, begun.state, id_token, kept).status_code == 303
    assert launches(database) == 1


@pytest.mark.parametrize("proof", ["", "made-up", "é", "\x00"])
def test_a_proof_that_is_missing_or_forged_opens_nothing_and_uses_the_state_up(
    proof: str, frame: Door, database: Database
) -> None:
    begun, kept = begin(frame, database)
    id_token = token(frame, begun)

    refused = confirm(frame, begun.state, id_token, proof)

    assert (refused.status_code, error_code(refused)) == (400, "cookie_missing")
    assert "in its own tab" in refused.get_data(as_text=True)
    assert error_code(confirm(frame, begun.state, id_token, kept)) == "state_replayed"
    assert launches(database) == 0


def test_the_proof_of_another_login_is_forged(frame: Door, database: Database) -> None:
    _, attackers = begin(frame, database)
    begun, _ = begin(frame, database)

    assert error_code(confirm(frame, begun.state, token(frame, begun), attackers)) == "cookie_missing"


def test_a_confirmed_launch_is_not_confirmed_again(frame: Door, database: Database) -> None:
    begun, kept = begin(frame, database)
    id_token = token(frame, begun)
    assert confirm(frame, begun.state, id_token, kept).status_code == 303

    assert error_code(confirm(frame, begun.state, id_token, kept)) == "state_replayed"
    assert error_code(frame.post(begun.state, id_token)) == "state_replayed"
    assert launches(database) == 1


def test_a_login_without_a_storage_frame_is_confirmed_by_no_proof(door: Door, database: Database) -> None:
    begun = door.login()
    cookie = next(c.value for c in (door.browser._cookies or {}).values())

    assert error_code(confirm(door, begun.state, token(door, begun), cookie)) == "cookie_missing"


def test_the_token_is_verified_after_the_proof_as_ever(frame: Door, database: Database) -> None:
    begun, kept = begin(frame, database)
    forged = frame.platform.sign(frame.platform.claims(begun.nonce), key="stranger")

    assert error_code(confirm(frame, begun.state, forged, kept)) == "signature_bad"


@pytest.mark.parametrize("state", ["", "made-up", "x" * 300])
def test_a_confirmation_of_no_login_of_ours_is_unknown(state: str, frame: Door) -> None:
    assert error_code(confirm(frame, state, "x", "x")) == "state_unknown"


def test_what_is_posted_comes_back_as_text_alone(frame: Door, database: Database) -> None:
    begun, _ = begin(frame, database, target='"><script>alert(1)</script>')

    page = frame.post(begun.state, '"><script>alert(2)</script>').get_data(as_text=True)

    assert "<script>alert" not in page


@pytest.mark.parametrize("target", ["x" * 256, "a\x00b"])
def test_a_storage_frame_that_is_no_name_is_refused(target: str, door: Door) -> None:
    answer = door.browser.post("/lti/login", data=door.login_fields(lti_storage_target=target), base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (400, "login_incomplete")


def test_a_platform_that_declined_is_said_so_without_asking_the_storage(frame: Door, database: Database) -> None:
    begun, _ = begin(frame, database)
    form = {"state": begun.state, "error": "login_required"}

    answer = frame.browser.post("/lti/launch", data=form, base_url=BASE_URL)

    assert error_code(answer) == "platform_declined"

"""A session that nears its end says so, is kept by one press, and loses nothing when it is over."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from lti_tool.attempts import save_draft
from lti_tool.db import utc_now
from lti_tool.lessons import current_lesson
from lti_tool.models import Deployment, Registration, WebSession
from lti_tool.web.sessions import COOKIE
from tests.lti_tool.door import error_code


def end_in(world, **time: float) -> None:
    with world.database.write() as session:
        session.execute(update(WebSession).values(expires_at=utc_now() + timedelta(**time)))


def minutes_left(world) -> float:
    with world.database.read() as session:
        return (session.scalars(select(WebSession.expires_at)).one() - utc_now()) / timedelta(minutes=1)


def keep_draft(world) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        essay = current_lesson(session, link.lesson_slug).lesson.item("essay")
        save_draft(session, link, world.ada_id, essay, "An earlier draft.")


def test_asking_how_long_is_left_adds_nothing(sign_in, world) -> None:
    ada = sign_in("launch-ada-01")
    end_in(world, minutes=2)

    left = ada.get("session").get_json()["seconds_left"]

    assert 115 <= left <= 120
    assert minutes_left(world) < 2


def test_one_press_extends(sign_in, world) -> None:
    ada = sign_in("launch-ada-01")
    end_in(world, minutes=2)

    left = ada.post("session").get_json()["seconds_left"]

    assert left > 7000
    assert minutes_left(world) > 100


def test_extending_needs_the_seal(sign_in, world) -> None:
    ada = sign_in("launch-ada-01")
    end_in(world, minutes=2)

    assert error_code(ada.client.post(ada.url("session"))) == "form_token_missing"
    assert minutes_left(world) < 2


def test_an_expired_page_names_the_last_draft_and_keeps_what_was_typed(sign_in, world) -> None:
    ada = sign_in("launch-ada-01")
    keep_draft(world)
    end_in(world, minutes=-1)

    answer = ada.post("items/essay/draft", {"text": "What was typed last."})
    page = answer.get_data(as_text=True)

    assert (answer.status_code, error_code(answer)) == (401, "launch_expired")
    assert "Open it again from your course." in page
    assert "Your last draft was saved <time" in page
    assert "What was typed last.</textarea>" in page
    assert "An earlier draft." not in page


def test_who_holds_no_session_is_told_of_no_draft(app, world) -> None:
    keep_draft(world)

    page = app.test_client().get("/l/launch-ada-01/items/essay").get_data(as_text=True)

    assert "launch_expired" in page
    assert "draft" not in page


def test_an_expired_page_is_framed_by_its_own_platform_alone(sign_in, world) -> None:
    with world.database.write() as session:
        session.add(
            Registration(
                name="Elsewhere",
                issuer="https://elsewhere.example.edu",
                client_id="x",
                auth_login_url="https://elsewhere.example.edu/auth",
                auth_token_url="https://elsewhere.example.edu/token",
                jwks_url="https://elsewhere.example.edu/jwks",
            )
        )
    ada = sign_in("launch-ada-01")
    open_page = ada.get("path")
    end_in(world, minutes=-1)
    expired = ada.get("path")
    unknown = ada.client.get("/nowhere")

    policies = [answer.headers["Content-Security-Policy"] for answer in (open_page, expired, unknown)]
    assert [policy.split("frame-ancestors ")[1] for policy in policies] == [
        "'self' https://campus.example.edu",
        "'self' https://campus.example.edu",
        "'self' https://campus.example.edu https://elsewhere.example.edu",
    ]
    assert all("X-Frame-Options" not in answer.headers for answer in (open_page, expired, unknown))


@pytest.mark.parametrize("table", [Registration, Deployment])
def test_a_platform_that_was_disabled_opens_no_page_any_more(table, sign_in, world) -> None:
    ada = sign_in("launch-ada-01")
    with world.database.write() as session:
        session.execute(update(table).values(enabled=False))

    assert error_code(ada.get("path")) == "launch_expired"


# ---- in the browser ------------------------------------------------------------------------------------------


@pytest.fixture
def page(chromium, address, sign_in):
    """Ada's path in a browser whose clock the test moves."""
    token = sign_in("launch-ada-01").token
    context = chromium.new_context(base_url=address, reduced_motion="reduce")
    context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/l/launch-ada-01/"}])
    page = context.new_page()
    page.clock.install()
    page.goto("/l/launch-ada-01/items/essay")
    yield page
    context.close()


@pytest.mark.slow
def test_two_minutes_before_the_end_one_press_keeps_the_page(page: Page, world) -> None:
    warning = page.get_by_role("dialog", name="This page closes in two minutes.")
    expect(warning).to_be_hidden()
    end_in(world, seconds=110)
    page.clock.fast_forward("01:58:30")
    expect(warning).to_be_visible()

    page.get_by_role("button", name="stay").click()

    expect(warning).to_be_hidden()
    assert minutes_left(world) > 100


@pytest.mark.slow
def test_a_session_that_was_extended_elsewhere_is_not_warned_about(page: Page) -> None:
    with page.expect_response("**/session") as asked:
        page.clock.fast_forward("01:58:30")
    asked.value.finished()
    page.evaluate("fetch('/healthz').then((answer) => answer.text())")  # what the first answer led to has happened

    expect(page.locator("#session-ends")).to_be_hidden()


@pytest.mark.slow
def test_at_the_end_the_page_says_so_and_the_text_stands(page: Page, world) -> None:
    page.locator("textarea#text").fill("Still here.")
    end_in(world, seconds=-1)

    page.clock.fast_forward("02:00:01")

    expect(page.get_by_role("dialog")).to_contain_text("Open it again from your course.")
    page.get_by_role("button", name="close").click()
    expect(page.locator("textarea#text")).to_have_value("Still here.")

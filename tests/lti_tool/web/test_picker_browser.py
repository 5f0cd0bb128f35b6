"""The picker in a real browser: small frames, with and without script, and the answer that goes back."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import jwt
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, request
from playwright.sync_api import expect

from lti_tool.db import utc_now
from lti_tool.deep_linking import ContentRequest
from lti_tool.models import DeepLinking, Deployment
from lti_tool.web.picker import COOKIE
from lti_tool.web.sessions import token_hash
from tests.lti_tool.door import serving

pytestmark = pytest.mark.slow
CONTENT_ITEMS = "https://purl.imsglobal.org/spec/lti-dl/claim/content_items"
SIZES = ((800, 340), (320, 120), (800, 120), (320, 568))


@pytest.fixture
def course() -> Iterator[tuple[str, list[str]]]:
    """Where the answer goes: the address, and the answers that came."""
    app, came = Flask("course"), []

    @app.post("/chosen")
    def chosen() -> str:
        came.append(request.form["JWT"])
        return "<title>course</title>"

    with serving(app) as url:
        yield url + "/chosen", came


@pytest.fixture
def open_picker(chromium, app, world, course) -> Iterator[Callable]:
    """`open_picker(320, 120, script=False)`: a browser at an open request."""
    contexts = []
    with serving(app) as address:

        def opened(width: int = 800, height: int = 340, *, script: bool = True):
            asked = ContentRequest(course[0], True, True, ("iframe",), data="d")
            with world.database.write() as session:
                session.add(
                    DeepLinking(
                        id="request-1",
                        token_hash=token_hash("token"),
                        deployment_id=session.query(Deployment.id).scalar(),
                        person_id=world.ines_id,
                        return_url=course[0],
                        request=asked.as_json(),
                        expires_at=utc_now() + timedelta(hours=1),
                    )
                )
            context = chromium.new_context(
                viewport={"width": width, "height": height}, java_script_enabled=script, reduced_motion="reduce"
            )
            contexts.append(context)
            context.add_cookies([{"name": COOKIE, "value": "token", "domain": "127.0.0.1", "path": "/dl/request-1/"}])
            page = context.new_page()
            page.goto(f"{address}/dl/request-1/")
            return page

        yield opened
        for context in contexts:
            context.close()


def titles(came: list[str]) -> list[str]:
    (token,) = came
    return [item["title"] for item in jwt.decode(token, options={"verify_signature": False})[CONTENT_ITEMS]]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_small_frame_shows_what_adds_and_scrolls_one_way(open_picker, width: int, height: int) -> None:
    page = open_picker(width, height)

    add = page.get_by_role("button", name="add", exact=True).bounding_box()
    wide = page.evaluate("document.documentElement.scrollWidth")

    assert add["y"] >= 0
    assert add["y"] + add["height"] <= height
    assert wide <= width
    bar = page.locator(".picker-end").bounding_box()
    assert bar["height"] <= height / 2
    page.get_by_label("Points").scroll_into_view_if_needed()
    assert page.get_by_label("Points").bounding_box()["y"] < bar["y"]


@pytest.mark.parametrize("size", [(800, 340), (320, 120)])
def test_no_accessibility_fault(open_picker, size: tuple[int, int]) -> None:
    page = open_picker(*size)

    found = Axe().run(page)

    assert found.violations_count == 0, json.dumps(found.response["violations"], indent=1)[:3000]


def test_answer_goes_back_by_itself(open_picker, course) -> None:
    page = open_picker()
    page.get_by_label("Durable Workflows for Agents").check()
    page.get_by_label("Name in the course").fill("Week 3")

    page.get_by_label("Name in the course").press("Enter")
    page.wait_for_url(course[0])

    assert titles(course[1]) == ["Week 3"]


def test_everything_works_without_script_in_the_smallest_frame(open_picker, course) -> None:
    page = open_picker(320, 120, script=False)
    page.get_by_text("or one question of it").first.click()
    page.get_by_label("The pitch").check()
    page.get_by_role("button", name="add", exact=True).click()

    page.get_by_role("button", name="back to the course").click()
    page.wait_for_url(course[0])

    assert titles(course[1]) == ["Durable Workflows for Agents: The pitch"]


def test_search_narrows_as_one_types_and_keeps_what_is_ticked(open_picker) -> None:
    page = open_picker()
    page.get_by_label("Durable Workflows for Agents").check()

    page.get_by_label("Search").fill("no such lesson")

    assert page.locator(".choice:visible").count() == 1
    assert page.get_by_label("Durable Workflows for Agents").is_checked()
    page.get_by_label("Durable Workflows for Agents").uncheck()
    page.get_by_label("Search").fill("no such lesson at all")
    assert page.locator(".choice:visible").count() == 0
    assert page.get_by_text("No lesson has that in its title.").is_visible()


def test_search_without_script_asks_the_server(open_picker) -> None:
    page = open_picker(script=False)
    page.get_by_label("Search").fill("durable")
    page.get_by_role("button", name="search").click()

    expect(page.locator(".choice")).to_have_count(1)

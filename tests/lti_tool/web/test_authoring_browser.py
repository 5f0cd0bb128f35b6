"""The pages on which a lesson is written, in a real browser: no accessibility fault, nothing wider than its frame."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from lti_tool.web.sessions import COOKIE, open_session

INES = "launch-ines-01"
SLUG = "durable-workflows"
ESSAY = "durable-workflows-essay"
PAGES = (
    f"lessons/{SLUG}",
    f"lessons/{SLUG}/rubrics/{ESSAY}",
    f"lessons/{SLUG}/parts/steps/vocabulary",
    f"lessons/{SLUG}/try?item=essay",
)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = pytest.mark.slow


@pytest.fixture
def page(world, address, chromium) -> Iterator:
    """A page with the session of an instructor."""
    with world.database.write() as session:
        token = open_session(session, INES, minutes=60)
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    context.add_cookies([{"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": f"/l/{INES}/"}])
    yield context.new_page()
    context.close()


def test_no_accessibility_fault_and_no_sideways_scroll(page, address) -> None:
    page.goto(f"{address}/l/{INES}/{PAGES[1]}")
    page.fill("#c0-title", "Thesis")
    page.fill("#c1-weight", "30")
    page.click('.commit button[value="save"]')
    page.wait_for_selector("text=sum to")
    for path in PAGES:
        page.goto(f"{address}/l/{INES}/{path}")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            for width in (320, 760, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
                found = Axe().run(page, options={"runOnly": {"type": "tag", "values": STANDARDS}})
                assert found.violations_count == 0, (path, scheme, width, found.generate_report())


def test_the_sum_follows_what_is_typed_and_unsaved_text_is_not_left_unasked(page, address) -> None:
    page.goto(f"{address}/l/{INES}/{PAGES[1]}")
    total = page.locator("#total b")
    assert total.inner_text() == "100"
    page.fill("#c0-weight", "12.5")
    assert total.inner_text() == "102.5"
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.click("text=the lesson")
    page.wait_for_url(re.compile(rf"lessons/{SLUG}$"))
    assert asked == ["beforeunload"]


def test_the_lesson_opens_as_a_student_in_two_widths(page, address) -> None:
    page.goto(f"{address}/l/{INES}/lessons/{SLUG}")
    page.click("text=see it as a student")
    page.wait_for_selector("iframe.w-760")
    widths = [frame.evaluate("innerWidth") for frame in page.frames if frame != page.main_frame]
    titles = [frame.locator("main").get_attribute("data-page") for frame in page.frames if frame != page.main_frame]
    assert widths == [320, 760]
    assert all(title.startswith("lesson") for title in titles)

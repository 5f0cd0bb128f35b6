"""The instructor's pages in a real browser: keys, the running total, and no accessibility fault."""

from collections.abc import Iterator

import pytest

from lti_tool.web.sessions import COOKIE, open_session
from tests.lti_tool.web.test_instructor_pages import INES, Sent, essay, releases, send

WIDTHS = (320, 760, 1280)
STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

pytestmark = pytest.mark.slow
__all__ = ["essay"]


@pytest.fixture
def signed_in(world, address) -> dict[str, str]:
    """The cookie of an instructor's session."""
    with world.database.write() as session:
        token = open_session(session, INES, minutes=60)
    return {"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": f"/l/{INES}/"}


@pytest.fixture
def open_page(chromium, address, signed_in) -> Iterator:
    """`open_page("queue", width=320)`: a page of the instructor's launch."""
    contexts = []

    def opened(path: str, *, width: int = 1280, height: int = 800, scheme: str = "light", script: bool = True):
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=script
        )
        contexts.append(context)
        context.add_cookies([signed_in])
        page = context.new_page()
        page.goto(f"{address}/l/{INES}/{path}")
        return page

    yield opened
    for context in contexts:
        context.close()


def test_a_reason_is_asked_for_when_a_level_changes_and_the_total_follows(open_page, world, essay: Sent) -> None:
    page = open_page(essay.page)
    reason = page.get_by_label("Reason for changing Claim")
    assert not reason.is_visible()
    page.get_by_role("group", name="Level for Claim").get_by_role("radio", checked=True).focus()
    page.keyboard.press("4")
    assert reason.is_visible()
    assert page.locator("#total").inner_text() == "77.5 / 100 judge 75 · 1 changed"
    reason.select_option("missed_evidence")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/queue?done=*")
    assert releases(world)[0].points == 77.5


def test_the_table_is_walked_and_ticked_by_keys(open_page, world, essay: Sent, sample_texts) -> None:
    send(world, world.bo_id, "q1", sample_texts["q1"])
    page = open_page("queue")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement === document.body")
    first, second = page.locator("tbody th a").all_inner_texts()  # rows alike in doubt are shuffled for each reader
    page.get_by_role("link", name=first).focus()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == second
    page.keyboard.press("x")
    assert page.get_by_label(f"Select {second}").is_checked()
    assert page.locator("#selected").inner_text() == "1 selected"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"
    page.get_by_role("link", name=second).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/review/**")


def test_a_review_is_confirmed_without_script(open_page, world, essay: Sent) -> None:
    page = open_page(essay.page, script=False)
    assert page.get_by_label("Reason for changing Claim").is_visible()
    page.get_by_role("button", name="confirm and next").click()
    page.wait_for_url("**/queue?done=*")
    assert releases(world)[0].points == 75.0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_accessibility_fault_and_no_sideways_scroll(open_page, world, essay: Sent, sample_texts, scheme) -> None:
    from axe_playwright_python.sync_playwright import Axe

    gap = send(world, world.bo_id, "essay", sample_texts["essay"] + " More.", {"claim": None})
    drawing = send(world, world.bo_id, "drawing", sample_texts["drawing"], graph_checks={"points": 60})
    for path in ("queue", "queue/help", "scores", essay.page, gap.page, drawing.page):
        for width in WIDTHS:
            # So tall that nothing lies under the sticky bar, which axe would count as too small to hit.
            page = open_page(path, width=width, height=9000, scheme=scheme)
            faults = Axe().run(page, options={"runOnly": STANDARDS}).response["violations"]
            assert [(fault["id"], fault["nodes"][0]["target"]) for fault in faults] == [], (path, width)
            root = "document.documentElement"
            assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth"), (path, width)
            page.context.close()

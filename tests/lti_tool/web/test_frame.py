"""A page in a course's frame: the frame learns how tall it is, and what it was opened for is in view."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from playwright.sync_api import Frame, Page, expect

from lti_tool.web.sessions import COOKIE

pytestmark = pytest.mark.slow

HEIGHT = 400  # pixels of the window; the frame has less


@pytest.fixture
def window(chromium, address, sign_in):
    """A page around the tool's frame, which keeps what it is told."""
    context = chromium.new_context(
        base_url=address, reduced_motion="reduce", viewport={"width": 1000, "height": HEIGHT}
    )
    token = sign_in("launch-ada-01").token
    context.add_cookies([{"name": COOKIE, "value": token, "url": f"{address}/l/launch-ada-01/"}])
    page = context.new_page()
    page.goto("/healthz")
    yield page
    context.close()


@pytest.fixture
def tool(window: Page) -> Callable[[str], Frame]:
    """`tool("path")`: Ada's page in the frame, once it has told its height."""

    def open_in_frame(path: str) -> Frame:
        window.evaluate(
            """path => {
              window.told = [];
              window.addEventListener("message", (event) => window.told.push(event.data));
              const frame = document.createElement("iframe");
              frame.name = "tool";
              frame.style.blockSize = "300px";
              frame.src = `/l/launch-ada-01/${path}`;
              document.body.append(frame);
            }""",
            path,
        )
        window.wait_for_function("window.told.some((message) => message.subject === 'lti.frameResize')")
        frame = window.frame(name="tool")
        assert frame is not None
        return frame

    return open_in_frame


# What Canvas does with the height that it is told.
GROW = "(document.querySelector('iframe').style.blockSize = `${window.told.at(-1).height}px`)"


def test_the_frames_height_is_told_at_most_five_times_a_second_and_only_when_it_changed(window: Page, tool) -> None:
    page, frame = window, tool("path")
    seconds = frame.evaluate(
        """async () => {
          const began = performance.now(), box = document.body.appendChild(document.createElement("div"));
          for (let height = 0; height <= 1000; height += 20) {
            box.style.blockSize = `${height}px`;
            await new Promise((done) => setTimeout(done, 20));
          }
          return (performance.now() - began) / 1000;
        }"""
    )
    page.wait_for_function("window.told.at(-1).height - window.told[0].height >= 990")
    told = page.evaluate("window.told")
    frame.evaluate("document.body.lastChild.style.blockSize = '1005px'")
    after = page.evaluate("new Promise((done) => setTimeout(() => done(window.told.length), 400))")

    assert {message["subject"] for message in told} == {"lti.frameResize"}
    heights = [message["height"] for message in told]
    assert all(isinstance(height, int) and abs(height - before) > 8 for before, height in pairwise(heights))
    # One at once, five a second, one when the time is over, and what was told before.
    assert 3 <= len(told) <= 2 + 5 * (seconds + 0.5) + 1
    assert after == len(told)


def test_what_a_page_was_opened_for_is_in_view_again_once_its_frame_has_grown(window: Page, tool) -> None:
    window.evaluate(f"window.addEventListener('message', () => setTimeout(() => {GROW}))")
    aim = tool("items/essay#judge").locator("#judge")

    expect(aim).to_be_in_viewport()
    assert aim.bounding_box()["y"] < HEIGHT
    assert window.evaluate("scrollY") > HEIGHT


def test_a_reader_who_has_begun_is_left_where_they_are(window: Page, tool) -> None:
    tool("items/essay#judge").locator("textarea").press("End")
    before = window.evaluate("scrollY")

    window.evaluate(GROW)

    assert after_a_frame(window, "scrollY") == before


def test_what_makes_a_page_grow_later_takes_nobody_back(window: Page, tool) -> None:
    window.clock.install()
    tool("items/essay#judge")
    before = window.evaluate("scrollY")
    window.clock.fast_forward(1500)

    window.evaluate(GROW)

    assert after_a_frame(window, "scrollY") == before


def test_the_next_page_asks_for_its_head_and_the_first_one_and_one_loaded_again_do_not(window: Page, tool) -> None:
    frame = tool("path")
    assert subjects(window) == {"lti.frameResize"}

    frame.goto(frame.url.replace("/path", "/items/essay"))
    window.wait_for_function("window.told.some((message) => message.subject === 'lti.scrollToTop')")

    window.evaluate("window.told = []")
    frame.evaluate("location.reload()")
    window.wait_for_function("window.told.length")
    assert subjects(window) == {"lti.frameResize"}


def after_a_frame(window: Page, what: str) -> object:
    """Something about the page around once both pages were drawn anew."""
    return window.evaluate(
        f"new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done({what}))))"
    )


def subjects(window: Page) -> set[str]:
    return {message["subject"] for message in window.evaluate("window.told")}

"""Opening the tool's frame in a course, however the browser's driver fares."""

from __future__ import annotations

import warnings
from contextlib import suppress

from playwright.sync_api import Frame, Page
from playwright.sync_api import TimeoutError as TookTooLong

LOOKS = 3


def open_course(page: Page, address: str, selector: str, patience: float) -> Frame:
    """The course at `address`, and the tool in it once its frame shows `selector`; at most `patience` ms in all.

    On its way to the page a launch takes the frame from site to site, so from process to process. Once in a great many
    launches Playwright loses sight of a frame in such a change: the last page has come, with its style sheets, and the
    driver waits for ever on a document that is gone. The course is then opened anew, as a person would do it, and the
    test says so in a warning.
    """
    for again in range(LOOKS):
        if again:
            warnings.warn(f"the tool's page was not seen in its frame; {address} is opened again", stacklevel=2)
        page.goto(address)
        frame = page.frame(name="contentframe")
        assert frame is not None
        with suppress(TookTooLong):
            frame.wait_for_selector(selector, timeout=patience / LOOKS)
            return frame
    raise AssertionError(f"no {selector} in the tool's frame at {address}")

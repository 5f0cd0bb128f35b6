"""The admin's pages in a real browser: no accessibility fault, nothing wider than the screen, and no script needed."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from lti_tool.admin import make_code
from lti_tool.models import Registration
from tests.lti_tool.web.test_admin import pending
from tests.lti_tool.web.test_instructor_browser import STANDARDS

pytestmark = pytest.mark.slow


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("width", [320, 760, 1280])
def test_the_link_opens_a_page_without_faults(chromium, address, world, scheme, width) -> None:
    from axe_playwright_python.sync_playwright import Axe

    pending(world)
    with world.database.write() as session:
        code = make_code(session)
    context = chromium.new_context(viewport={"width": width, "height": 4000}, color_scheme=scheme)
    page = context.new_page()
    try:
        for heading in ("Open the admin’s pages here?", "2 platforms"):
            if page.url == "about:blank":
                page.goto(f"{address}/admin/enter?code={code}")
            else:
                page.get_by_role("button", name="open", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            found = Axe().run(page, options={"runOnly": STANDARDS}).response["violations"]
            assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    finally:
        context.close()


def test_approving_works_without_script(chromium, address, world) -> None:
    waiting = pending(world)
    with world.database.write() as session:
        code = make_code(session)
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    try:
        page.goto(f"{address}/admin/enter?code={code}")
        page.get_by_role("button", name="open", exact=True).click()
        page.get_by_label("More deployment ids").last.fill("7")
        page.get_by_role("button", name="approve school.example.edu").click()
        page.get_by_role("button", name="approve").wait_for(state="detached")
    finally:
        context.close()
    with world.database.read() as session:
        assert session.scalars(select(Registration.enabled).where(Registration.id == waiting)).one()

"""The LMS and the tool on two sites over HTTPS, in a browser that keeps no third-party cookies, or none at all."""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, make_response, request
from playwright.sync_api import BrowserContext, Frame, Page, Playwright, expect, sync_playwright
from werkzeug.serving import make_server

from lti_tool.db import Database
from lti_tool.demo.platform import PlatformConfig, create_platform
from lti_tool.outbound import Reply
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.platform_keys import PlatformKeys
from tests.conftest import CHROMIUM, PATIENCE, chromium_path
from tests.end_to_end.frames import open_course

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

LMS_HOST, TOOL_HOST = "127.0.0.1", "127.0.0.2"
KEPT = re.compile(r"^\[x\] saved")  # "nothing saved yet" and "Not saved." are something else


class Later:
    """A WSGI application that is put in place once its own address is known."""

    app: Any = None

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


@dataclass
class Sites:
    """Two running sites and what is needed to open the tool from the course."""

    lms: str
    tool: str
    folder: Path

    def course(self, person: str) -> str:
        return f"{self.lms}/enter/{person}"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A certificate for both addresses that nobody vouches for."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(host)) for host in (LMS_HOST, TOOL_HOST)]
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    signed = builder.add_extension(x509.SubjectAlternativeName(addresses), critical=True).sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    file.write_bytes(key.private_bytes(pem, pkcs8, plain) + signed.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@contextmanager
def serving(host: str, certificate: ssl.SSLContext) -> Iterator[tuple[str, Later]]:
    """A site over TLS; its application is put in place afterwards."""
    later = Later()
    server = make_server(host, 0, later, threaded=True, ssl_context=certificate)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://{host}:{server.server_port}", later
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_sites(stack: ExitStack, certificate: ssl.SSLContext, database: Database, folder: Path, storage: bool) -> Sites:
    lms, lms_app = stack.enter_context(serving(LMS_HOST, certificate))
    tool, tool_app = stack.enter_context(serving(TOOL_HOST, certificate))
    platform = create_platform(
        PlatformConfig(
            issuer=lms,
            tool_login_url=f"{tool}/lti/login",
            tool_redirect_uris=(f"{tool}/lti/launch",),
            tool_target_link_uri=f"{tool}/lti/launch",
            tool_jwks_url=f"{tool}/lti/jwks",
            client_id="two-sites",
            deployment_id="1",
            database=folder / "platform.db",
            storage=storage,
        )
    )
    settings = Settings(base_url=tool, secret_key="s" * 40, rate_limits="off", log_level="CRITICAL")
    with database.write() as session:
        add_registration(
            session,
            settings,
            name="mini-LMS",
            issuer=lms,
            client_id="two-sites",
            auth_login_url=f"{lms}/lti/authorize",
            auth_token_url=f"{lms}/lti/token",
            jwks_url=f"{lms}/lti/jwks",
            deployment_ids=["1"],
        )
    lms_app.app, tool_app.app = platform, with_probe(create_app(settings, database))
    tool_app.app.extensions["atelier.platform_keys"] = PlatformKeys(database, Beside(platform))  # type: ignore[arg-type]
    return Sites(lms, tool, folder)


@dataclass
class Beside:
    """Stands in for Outbound, which trusts no self-made certificate: the platform is asked without a network."""

    platform: Flask

    def get(self, url: str, *, headers: Any = None) -> Reply:
        answer = self.platform.test_client().get("/lti/jwks")
        return Reply(answer.status_code, "", {}, answer.data, url)


def with_probe(app: Flask) -> Flask:
    """Two addresses more, to see whether the browser keeps an ordinary cookie of the tool."""

    @app.get("/probe/set")
    def probe_set() -> Any:
        answer = make_response("set")
        answer.set_cookie("probe", "1", secure=True, samesite="None", path="/probe")
        return answer

    @app.get("/probe/see")
    def probe_see() -> Any:
        return request.cookies.get("probe", "none")

    return app


@pytest.fixture
def sites(certificate: ssl.SSLContext, database: Database, tmp_path: Path) -> Iterator[Sites]:
    """An LMS that keeps nothing for its tools."""
    with ExitStack() as stack:
        yield make_sites(stack, certificate, database, tmp_path, storage=False)


@pytest.fixture
def sites_with_storage(certificate: ssl.SSLContext, database: Database, tmp_path: Path) -> Iterator[Sites]:
    """An LMS that speaks the storage protocol."""
    with ExitStack() as stack:
        yield make_sites(stack, certificate, database, tmp_path, storage=True)


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as running:
        yield running


@contextmanager
def browser(playwright: Playwright, sites: Sites, *, no_cookies_in_frames: bool = False) -> Iterator[BrowserContext]:
    """A fresh profile that blocks third-party cookies, or every cookie of the tool while it is framed by the LMS."""
    profile = sites.folder / "profile"
    (profile / "Default").mkdir(parents=True)
    settings: dict[str, Any] = {}
    if no_cookies_in_frames:
        settings["content_settings"] = {"exceptions": {"cookies": {f"{sites.tool},{sites.lms}": {"setting": 2}}}}
    (profile / "Default" / "Preferences").write_text(json.dumps({"profile": settings}))
    context = playwright.chromium.launch_persistent_context(
        profile,
        executable_path=chromium_path(),
        args=[*CHROMIUM, "--ignore-certificate-errors", "--test-third-party-cookie-phaseout"],
        ignore_https_errors=True,
        viewport={"width": 1280, "height": 900},
    )
    context.set_default_timeout(PATIENCE)
    try:
        yield context
    finally:
        context.close()


def open_tool(page: Page, sites: Sites, person: str) -> Frame:
    """The course with the tool in its frame, once the frame shows a page or an error."""
    return open_course(page, sites.course(person), "main[data-page], main[data-error-code]", 2 * PATIENCE)


def keep_text(frame: Frame, text: str) -> None:
    """Write into the essay's box and send the form that keeps it."""
    launch = frame.url.split("/l/")[0] + "/l/" + frame.url.split("/l/")[1].split("/")[0]
    frame.goto(f"{launch}/items/essay")
    frame.locator("textarea#text").fill(text)
    expect(frame.locator("[data-save]").last).to_have_text(KEPT)


def asked_for(context: BrowserContext) -> list[str]:
    """The tool's addresses that the browser asks for from now on, without what they ask."""
    asked: list[str] = []
    context.on("request", lambda one: asked.append(one.url.split("?")[0].rsplit("/", 1)[-1]))
    return asked


def cookie_probe(frame: Frame) -> str:
    return str(frame.evaluate("async () => { await fetch('/probe/set'); return (await fetch('/probe/see')).text(); }"))


def test_the_tool_works_in_the_frame_without_third_party_cookies(playwright: Playwright, sites: Sites) -> None:
    with browser(playwright, sites) as context:
        frame = open_tool(context.new_page(), sites, "ada")

        assert cookie_probe(frame) == "none"  # an ordinary cookie really is blocked here
        assert frame.locator("main").get_attribute("data-page") == "lesson-notice"
        frame.get_by_role("button", name="start").click()
        frame.wait_for_selector('main[data-page="lesson-brief"]')
        keep_text(frame, "A draft that is kept.")


def test_the_same_browser_keeps_an_ordinary_cookie_at_the_top(playwright: Playwright, sites: Sites) -> None:
    with browser(playwright, sites) as context:
        page = context.new_page()
        page.goto(f"{sites.tool}/healthz")

        assert cookie_probe(page.main_frame) == "1"


def error_of(frame: Frame) -> str | None:
    return frame.locator("main").get_attribute("data-error-code")


def open_own_tab(context: BrowserContext, frame: Frame) -> Page:
    with context.expect_page() as opening:
        frame.get_by_role("button", name="open in its own tab").click()
    opening.value.wait_for_selector("main[data-page]")
    return opening.value


def test_with_no_cookie_at_all_the_platforms_storage_binds_the_launch_and_a_tab_opens_it(
    playwright: Playwright, sites_with_storage: Sites
) -> None:
    with browser(playwright, sites_with_storage, no_cookies_in_frames=True) as context:
        asked = asked_for(context)
        frame = open_tool(context.new_page(), sites_with_storage, "ada")
        assert asked.index("storage_remember.js") < asked.index("storage_recall.js") < asked.index("confirm")
        assert error_of(frame) == "frame_storage_blocked"

        tab = open_own_tab(context, frame)

        keep_text(tab.main_frame, "Written in a tab of its own.")


def test_with_neither_cookie_nor_storage_the_same_activity_opens_in_its_own_tab(
    playwright: Playwright, sites: Sites
) -> None:
    with browser(playwright, sites, no_cookies_in_frames=True) as context:
        frame = open_tool(context.new_page(), sites, "ada")

        assert error_of(frame) == "cookie_missing"

        tab = open_own_tab(context, frame)

        assert tab.locator("main").get_attribute("data-page") == "lesson-notice"
        keep_text(tab.main_frame, "Written in a tab of its own.")


def test_two_tabs_with_two_people_do_not_disturb_each_other(playwright: Playwright, sites: Sites) -> None:
    with browser(playwright, sites) as context:
        ada, ines = (open_tool(context.new_page(), sites, person) for person in ("ada", "ines"))
        assert ines.locator("main").get_attribute("data-page") == "queue"

        keep_text(ada, "Still Ada.")

        ines.goto(ines.url)
        assert ines.locator("main").get_attribute("data-page") == "queue"


def test_where_cookies_are_kept_too_the_storage_is_given_the_token_and_not_asked_for_it(
    playwright: Playwright, sites_with_storage: Sites
) -> None:
    with browser(playwright, sites_with_storage) as context:
        asked = asked_for(context)
        frame = open_tool(context.new_page(), sites_with_storage, "bo")
        assert asked.index("login") < asked.index("storage_remember.js") < asked.index("launch")
        assert "storage_recall.js" not in asked
        assert "confirm" not in asked

        keep_text(frame, "Bo's draft.")

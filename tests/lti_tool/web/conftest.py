"""Browsers that are signed in on a launch, and the application they talk to."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from lti_tool.models import Launch, WebSession
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.sessions import COOKIE, form_token, open_session, token_hash
from tests.lti_tool.web.stages import everything


@dataclass(frozen=True)
class Browser:
    """A browser with the session of one launch."""

    client: FlaskClient
    launch_id: str
    token: str

    def url(self, path: str) -> str:
        """An address under this launch."""
        return f"/l/{self.launch_id}/{path}"

    def get(self, path: str) -> TestResponse:
        """Open a page of this launch."""
        return self.client.get(self.url(path))

    def post(self, path: str, form: Mapping[str, Any] | None = None) -> TestResponse:
        """Send a form of this launch, sealed."""
        return self.client.post(self.url(path), data={"form_token": self.seal(), **(form or {})})

    def seal(self) -> str:
        """The form token that pages of this launch carry."""
        tool = self.client.application
        with tool.test_request_context(), tool.extensions["atelier"].database.read() as session:
            found = select(WebSession).where(WebSession.token_hash == token_hash(self.token))
            g.session = session.scalars(found).one()
            g.launch = session.get_one(Launch, self.launch_id)
            return form_token()


SignIn = Callable[[str], Browser]


@pytest.fixture
def app(world) -> Flask:
    """The tool on the fresh database."""
    settings = Settings(secret_key="s" * 40, allow_http=True, rate_limits="off")
    return create_app(settings, world.database)


@pytest.fixture
def sign_in(app, world) -> SignIn:
    """`sign_in("launch-ines-01")`: a browser with the session of that launch."""

    def open_browser(launch_id: str) -> Browser:
        with world.database.write() as session:
            token = open_session(session, launch_id, minutes=60)
        client = app.test_client()
        client.set_cookie(COOKIE, token, path=f"/l/{launch_id}/")
        return Browser(client, launch_id, token)

    return open_browser


@pytest.fixture
def ada(sign_in) -> Browser:
    """Ada, signed in."""
    return sign_in("launch-ada-01")


@pytest.fixture
def ines(sign_in) -> Browser:
    """Ines, who teaches, signed in."""
    return sign_in("launch-ines-01")


@pytest.fixture
def paths(world, sample_texts) -> dict[str, str]:
    """Ada's placement in the middle of things: name of a state to its path."""
    return everything(world, sample_texts)


@pytest.fixture
def address(app) -> Iterator[str]:
    """The tool, served on a free port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def open_page(chromium, address, sign_in) -> Iterator[Callable[..., Any]]:
    """`open_page("path", width=320)`: Ada's page, in one browser profile.

    A console error, or a request that leaves the tool, fails the test; `quiet` lets errors of the network pass.
    """
    token = sign_in("launch-ada-01").token
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, service_workers="block")
    context.add_cookies([{"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": "/l/launch-ada-01/"}])
    complaints: list[str] = []
    own = (address, "data:")
    context.on("request", lambda asked: None if asked.url.startswith(own) else complaints.append(asked.url))

    def complain(said: str, quiet: bool) -> None:
        if not (quiet and ("ERR_" in said or "status of" in said)):
            complaints.append(said)

    def open_one(path: str, *, width: int = 1280, scheme: str = "light", quiet: bool = False) -> Any:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complain(said.text, quiet) if said.type == "error" else None)
        page.goto(f"{address}/l/launch-ada-01/{path}")
        return page

    yield open_one
    context.close()
    assert complaints == []

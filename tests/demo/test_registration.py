"""The real tool registers itself with the mini-LMS, as with Moodle and as with Canvas, over HTTP; then it is opened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from sqlalchemy import select

from lti_tool.db import Database
from lti_tool.demo.config import PlatformConfig, fetch_jwks, utc_now
from lti_tool.demo.platform import create_platform
from lti_tool.models import Registration, RosterMember
from lti_tool.registrations import approve_registration, is_pending
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from tests.demo.dummy_tool import read_form
from tests.lti_tool.door import error_code, serving

TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
NOBODY = "http://127.0.0.1:1"  # the tool that this mini-LMS knows from the start is not there


class Shell:
    """A WSGI application that is put in its place once its address is known."""

    app: Any = None

    def __call__(self, environ: Any, start: Any) -> Any:
        return self.app(environ, start)


@dataclass
class Both:
    """The mini-LMS and the tool, each on a loopback server, strangers to one another."""

    lms: str
    tool: str
    platform: FlaskClient
    atelier: Any
    database: Database

    def page(self, path: str) -> str:
        answer = self.platform.get(path, base_url=self.lms)
        assert answer.status_code == 200, answer.text
        return answer.text

    def frame(self, shape: str) -> str:
        """What the mini-LMS opens in its frame: the tool's address with those of its configuration and a token."""
        answer = self.platform.get(f"/tools/add?as={shape}&url={self.tool}/lti/register", base_url=self.lms)
        assert f"frame-src 'self' {NOBODY} {self.tool};" in answer.headers["Content-Security-Policy"]
        return unescape(answer.text.split(' src="')[-1].split('"')[0])

    def press(self, path: str) -> None:
        assert self.platform.post(path, base_url=self.lms).status_code == 303

    def registration(self) -> Registration:
        with self.database.read() as session:
            return session.scalars(select(Registration)).one()

    def launch(self, browser: FlaskClient, person: str) -> Any:
        """From the course page to the tool's page in it."""
        action, login = read_form(self.platform.get(f"/launch/{person}", base_url=self.lms))
        begun = browser.post(action.removeprefix(self.tool), data=login, base_url=self.tool)
        if begun.status_code != 302:
            return begun
        action, fields = read_form(self.platform.get(begun.location.removeprefix(self.lms), base_url=self.lms))
        opened = browser.post(action.removeprefix(self.tool), data=fields, base_url=self.tool)
        return browser.get(opened.location, base_url=self.tool, follow_redirects=True)


@pytest.fixture
def both(database: Database, config: PlatformConfig, tmp_path: Path) -> Iterator[Both]:
    outer, inner = Shell(), Shell()
    with serving(outer) as lms, serving(inner) as tool:
        inner.app = create_app(
            Settings(base_url=tool, secret_key="s" * 40, allow_http=True, log_level="CRITICAL"), database
        )
        platform = create_platform(
            replace(
                config,
                issuer=lms,
                tool_login_url=f"{NOBODY}/login",
                tool_redirect_uris=(f"{NOBODY}/launch",),
                tool_target_link_uri=f"{NOBODY}/launch",
                tool_jwks_url=f"{NOBODY}/jwks",
                database=tmp_path / "lms.sqlite",
                clock=utc_now,
                fetch_jwks=fetch_jwks,
            )
        )
        outer.app = platform
        yield Both(lms, tool, platform.test_client(), inner.app, database)


@pytest.mark.parametrize("shape", ["moodle", "canvas"])
def test_tool_registers_is_approved_launched_and_served(both: Both, shape: str) -> None:
    registered = requests.get(both.frame(shape), timeout=10)

    assert 'data-page="registered"' in registered.text, registered.text
    found = both.registration()
    client_id = found.client_id
    assert is_pending(found)
    assert (found.issuer, found.platform_family, found.token_audience) == (both.lms, shape, None)
    assert f">{client_id}<" in both.page("/tools")
    with both.database.read() as session:
        named = [deployment.lms_id for deployment in session.get_one(Registration, found.id).deployments]
    assert named == (["2"] if shape == "moodle" else [])  # Canvas shows it when an admin installs the app

    both.press(f"/tools/{client_id}/activate")
    both.press(f"/tools/{client_id}/choose")
    assert error_code(both.launch(both.atelier.test_client(), "ines")) == "platform_waits"
    with both.database.write() as session:
        approve_registration(session, found.id, ["2"])

    ines = both.atelier.test_client()
    queue = both.launch(ines, "ines")
    assert 'data-page="queue' in queue.text
    read_roster(both, ines, queue)
    assert 'data-page="lesson' in both.launch(both.atelier.test_client(), "ada").text


def read_roster(both: Both, browser: FlaskClient, queue: Any) -> None:
    """The roster, for which the platform gives a token to the client that registered itself."""
    seal = queue.text.split('data-seal="')[1].split('"')[0]
    path = queue.request.path.replace("/queue", "/roster")
    answer = browser.post(path, data={"form_token": seal}, base_url=both.tool)
    assert answer.status_code == 303, answer.text
    with both.database.read() as session:
        assert len(session.scalars(select(RosterMember)).all()) == 6


def test_a_tool_that_is_not_activated_there_opens_nothing(both: Both) -> None:
    requests.get(both.frame("moodle"), timeout=10)
    client_id = both.registration().client_id
    both.press(f"/tools/{client_id}/choose")

    assert f'client_id" value="{client_id}' not in both.page("/launch/ada")


def test_a_token_registers_once(both: Both) -> None:
    address = both.frame("moodle")
    assert requests.get(address, timeout=10).status_code == 200

    again = requests.get(address, timeout=10)

    assert (again.status_code, "The platform answered 401" in again.text) == (400, True)
    assert both.page("/tools").count(">activate<") == 1


@pytest.mark.parametrize("token", ["", "made-up"])
def test_canvas_gives_its_configuration_to_nobody_else(both: Both, token: str) -> None:
    answer = both.platform.get(
        "/.well-known/openid-configuration?as=canvas", base_url=both.lms, headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 401


FAULTS: dict[str, tuple[dict[str, Any], int]] = {
    "no name": ({"client_name": ""}, 400),
    "another way to sign in": ({"token_endpoint_auth_method": "client_secret_post"}, 400),
    "no id_token": ({"response_types": ["code"]}, 400),
    "a key set that is no address": ({"jwks_uri": "keys"}, 400),
    "a scope that Canvas does not know": ({"scope": "https://example.edu/scope/all"}, 422),
    "no tool": ({"tool": None}, 400),
    "another domain": ({"tool": {"domain": "example.edu"}}, 400),
    "a placement that Canvas does not know": (
        {"tool": {"messages": [{"type": "LtiDeepLinkingRequest", "placements": ["cellar"]}]}},
        422,
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_registration_that_breaks_a_rule_is_refused_and_the_token_stays(both: Both, fault: tuple[Any, int]) -> None:
    changes, status = dict(fault[0]), fault[1]
    own = {"domain": "tool.example.edu", "target_link_uri": "https://tool.example.edu/launch", "messages": []}
    changed = changes.pop("tool", {})
    right = {
        "client_name": "Tool",
        "initiate_login_uri": "https://tool.example.edu/login",
        "jwks_uri": "https://tool.example.edu/jwks",
        "redirect_uris": ["https://tool.example.edu/launch"],
        "response_types": ["id_token"],
        "token_endpoint_auth_method": "private_key_jwt",
        TOOL: own,
    }
    wrong = right | changes | {TOOL: None if changed is None else own | changed}
    token = both.frame("canvas").partition("registration_token=")[2]

    def send(sent: Any) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return both.platform.post("/lti/registrations?as=canvas", json=sent, headers=headers).status_code

    assert send(wrong) == status
    assert send(right) == 200

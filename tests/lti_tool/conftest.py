"""A tool that is registered with a platform which can be made to say anything."""

import pytest
from flask import Flask

from lti_tool.db import Database
from lti_tool.models import Registration
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.platform_keys import PlatformKeys
from tests.lti_tool.door import BASE_URL, Door, HostilePlatform


@pytest.fixture
def settings() -> Settings:
    return Settings(
        base_url=BASE_URL,
        secret_key="a secret for tests that is long enough",
        log_level="CRITICAL",
        allow_http=True,
    )


@pytest.fixture
def platform() -> HostilePlatform:
    return HostilePlatform()


@pytest.fixture
def registration(database: Database, settings: Settings, platform: HostilePlatform) -> Registration:
    with database.write() as session:
        return add_registration(
            session,
            settings,
            name="Example LMS",
            issuer=platform.issuer,
            client_id=platform.client_id,
            auth_login_url=platform.issuer + "/auth?tenant=7",
            auth_token_url=platform.issuer + "/token",
            jwks_url=platform.issuer + "/jwks",
            deployment_ids=[platform.deployment_id],
        )


@pytest.fixture
def app(settings: Settings, database: Database, platform: HostilePlatform, registration: Registration) -> Flask:
    app = create_app(settings, database)
    app.extensions["atelier.platform_keys"] = PlatformKeys(database, platform)  # type: ignore[arg-type]
    return app


@pytest.fixture
def door(app: Flask, platform: HostilePlatform) -> Door:
    return Door(app, platform)

"""The application factory: one function wires everything."""

import re
import secrets
import time
from threading import Semaphore

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from lti_tool.db import Database
from lti_tool.logs import configure_logging
from lti_tool.outbound import Outbound
from lti_tool.settings import Settings, get_settings, require_secret
from lti_tool.web import (
    admin,
    answer_appeal,
    api,
    authoring,
    bulk,
    calibration_page,
    entry,
    gradebook,
    instructor,
    launch,
    login,
    metrics,
    picker,
    register,
    rehearsing,
    rejudge_page,
    research,
    roster_page,
    session_life,
    settings_page,
    shelf_page,
    student,
    student_view,
)
from lti_tool.web.context import Atelier, current
from lti_tool.web.errors import register_errors
from lti_tool.web.headers import FrameOrigins, set_security_headers
from lti_tool.web.languages import register_languages
from lti_tool.web.platform_keys import PlatformKeys
from lti_tool.web.sessions import register_sessions

log = structlog.get_logger()
PAGES = (  # each with a blueprint `bp`
    api,
    metrics,
    login,
    launch,
    entry,
    register,
    admin,
    picker,
    session_life,
    student,
    instructor,
    student_view,
    bulk,
    calibration_page,
    answer_appeal,
    gradebook,
    roster_page,
    authoring,
    rehearsing,
    rejudge_page,
    settings_page,
    shelf_page,
    research,
)
MAX_BODY = 1024 * 1024
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{4,64}")


def create_app(settings: Settings | None = None, database: Database | None = None) -> Flask:
    """The tool as a WSGI application; settings from the environment and its database unless given."""
    settings = settings or get_settings()
    require_secret(settings)
    configure_logging(settings.log_level)
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=MAX_BODY, MAX_FORM_PARTS=200)
    atelier = Atelier(settings, database or Database(settings.database_url), Outbound(settings))
    app.extensions["atelier"] = atelier
    app.extensions["atelier.platform_keys"] = PlatformKeys(atelier.database, atelier.outbound)
    app.extensions["atelier.frame_origins"] = FrameOrigins()
    app.extensions["atelier.metrics"] = metrics.registry_of(atelier.database)
    app.extensions["atelier.registering"] = Semaphore(register.AT_ONCE)
    _trust_proxies(app, settings.trusted_proxies)
    app.before_request(_begin_request)
    app.after_request(set_security_headers)
    app.after_request(_end_request)
    register_languages(app)
    register_errors(app)
    register_sessions(app)
    for module in PAGES:
        app.register_blueprint(module.bp)
    return app


def _trust_proxies(app: Flask, count: int) -> None:
    if count:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )


def _begin_request() -> None:
    sent = request.headers.get("X-Request-ID", "")
    trusted = current().settings.trusted_proxies > 0 and REQUEST_ID.fullmatch(sent)
    number = secrets.token_hex(4)
    g.request_id = sent if trusted else f"{number[:4]}-{number[4:]}"
    g.started = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end_request(response: Response) -> Response:
    response.headers["X-Request-ID"] = g.get("request_id", "")
    # The endpoint, not the path: paths hold launch ids, queries hold codes.
    log.info(
        "request",
        method=request.method,
        endpoint=request.endpoint,
        status=response.status_code,
        milliseconds=round((time.monotonic() - g.get("started", time.monotonic())) * 1000),
    )
    return response

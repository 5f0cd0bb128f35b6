"""The bundled mini-LMS: an LTI 1.3 platform of its own, to which the tool is one registration."""

from __future__ import annotations

from flask import Flask, Response, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from lti_tool.demo.ags import ags_blueprint
from lti_tool.demo.config import PlatformConfig
from lti_tool.demo.dates import dates_blueprint
from lti_tool.demo.deep_linking import deep_linking_blueprint
from lti_tool.demo.doors import doors_blueprint
from lti_tool.demo.fault_pages import faults_blueprint
from lti_tool.demo.nrps import nrps_blueprint
from lti_tool.demo.oidc import oidc_blueprint
from lti_tool.demo.pages import pages_blueprint
from lti_tool.demo.registration import registration_blueprint
from lti_tool.demo.service import ServiceError
from lti_tool.demo.storage import storage_blueprint
from lti_tool.demo.store import Store
from lti_tool.demo.tokens import token_blueprint

__all__ = ["PlatformConfig", "create_platform"]

MAX_BODY = 256 * 1024
SERVICE_PATHS = ("/lti/courses/", "/lti/token", "/lti/registrations")


def create_platform(config: PlatformConfig) -> Flask:
    """Build the platform over its own database file, which it fills on first use."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    store = Store(config)
    app.extensions["platform_store"] = store
    services = (oidc_blueprint, token_blueprint, ags_blueprint, nrps_blueprint)
    parts = (*services, deep_linking_blueprint, registration_blueprint, pages_blueprint, dates_blueprint)
    for blueprint in parts:
        app.register_blueprint(blueprint(config, store))
    if config.faults:
        app.register_blueprint(faults_blueprint(config, config.faults))
    if config.doors:
        app.register_blueprint(doors_blueprint(config, config.doors))
    if config.midnight:
        app.before_request(config.midnight.visit)
    if config.storage:
        app.register_blueprint(storage_blueprint(store))
    app.jinja_env.globals.update(has_storage=config.storage, midnight=config.midnight)
    app.add_url_rule("/healthz", view_func=healthz)
    app.register_error_handler(ServiceError, _refused_service)
    app.register_error_handler(HTTPException, _refused_request)
    app.after_request(lambda answer: _secured(answer, store, config.relay))
    return app


def healthz() -> ResponseReturnValue:
    return jsonify(status="ok")


def content_security_policy(store: Store, relay: str) -> str:
    """Own files only; frames and forms may also go to the tools, a frame also to one that registers now."""
    tools = " ".join(filter(None, (*store.tool_origins(), relay)))
    frames = " ".join(filter(None, (tools, g.get("registering", ""))))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self'; frame-src 'self' {frames}; form-action 'self' {tools}; "
        "base-uri 'none'; frame-ancestors 'self'"
    )


def _refused_service(error: Exception) -> ResponseReturnValue:
    assert isinstance(error, ServiceError)
    return error.response()


def _refused_request(error: Exception) -> ResponseReturnValue:
    """JSON for services, a page for people."""
    assert isinstance(error, HTTPException)
    code, sentence = error.code or 500, error.description or error.name
    if error.response is not None:
        return error.response
    if request.path.startswith(SERVICE_PATHS):
        return ServiceError(code, sentence, dict(_kept_headers(error))).response()
    return render_template("refused.html", title=error.name, sentence=sentence), code


def _kept_headers(error: HTTPException) -> list[tuple[str, str]]:
    return [(name, value) for name, value in error.get_headers() if name != "Content-Type"]


def _secured(answer: Response, store: Store, relay: str) -> Response:
    if answer.mimetype == "text/html":
        answer.headers["Content-Security-Policy"] = content_security_policy(store, relay)
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "strict-origin-when-cross-origin"
    return answer

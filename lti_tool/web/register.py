"""What platforms read of us: our keys, Canvas's configuration as JSON, and the page where the tool registers itself."""

from threading import Semaphore
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Response, current_app, g, jsonify, make_response, render_template, request
from sqlalchemy.orm import Session

from lti_tool.dynamic_registration import (
    PlatformConfiguration,
    Registered,
    canvas_configuration,
    read_configuration,
    register,
)
from lti_tool.keys import ensure_key, public_jwks
from lti_tool.models import Audit, Registration
from lti_tool.outbound import OutboundError
from lti_tool.registrations import RegistrationProblem, is_pending, keep_pending
from lti_tool.web.context import current
from lti_tool.web.errors import ErrorPage, render_error

bp = Blueprint("register", __name__)
# Anybody may open this page and name an address that answers slowly, so that only so many wait for one at a time.
AT_ONCE = 2
log = structlog.get_logger()


@bp.get("/lti/jwks")
def jwks() -> Response:
    """Our public keys, for platforms to check our assertions with."""
    atelier = current()
    with atelier.database.read() as session:
        key_set = public_jwks(session)
    if not key_set["keys"]:
        with atelier.database.write() as session:
            ensure_key(session, atelier.settings)
            key_set = public_jwks(session)
    answer = make_response(jsonify(key_set))
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


@bp.get("/lti/canvas.json")
def canvas() -> Response:
    """What Canvas reads when a developer key is made with the method "Enter URL"."""
    return jsonify(canvas_configuration(current().settings))


@bp.get("/lti/register")
def register_itself() -> str | Response:
    """Register with the platform that opened this page; what comes of it waits for an operator's approval."""
    address = request.args.get("openid_configuration", "")
    if not address:
        return _not_registered("The platform did not say where its configuration is. Let it open this page.")
    g.framed_by = (Registration(issuer=address, auth_login_url=address), None)
    places: Semaphore = current_app.extensions["atelier.registering"]
    if not places.acquire(blocking=False):
        return _not_registered("Other platforms are registering just now. Try again in a minute.", 429)
    try:
        kept = _register_with(address, request.args.get("registration_token", ""))
    except (RegistrationProblem, OutboundError) as problem:
        return _not_registered(str(problem))
    finally:
        places.release()
    return render_template("registered.html", waiting=is_pending(kept), name=kept.name)


def _register_with(address: str, token: str) -> Registration:
    """Read the platform's configuration, tell it who we are, keep its answer. Raises as the steps do."""
    atelier = current()
    configuration = read_configuration(atelier.outbound, address, token)
    with atelier.database.write() as session:
        ensure_key(session, atelier.settings)
    registered = register(atelier.outbound, configuration, token, atelier.settings)
    with atelier.database.write() as session:
        kept, is_new = _keep(session, configuration, registered)
    log.info("registered_itself", is_new=is_new)
    return kept


def _keep(session: Session, configuration: PlatformConfiguration, registered: Registered) -> tuple[Registration, bool]:
    return keep_pending(
        session,
        current().settings,
        name=urlsplit(configuration.issuer).hostname or configuration.issuer,
        issuer=configuration.issuer,
        client_id=registered.client_id,
        auth_login_url=configuration.auth_login_url,
        auth_token_url=configuration.auth_token_url,
        jwks_url=configuration.jwks_url,
        deployment_id=registered.deployment_id,
        token_audience=configuration.token_audience,
        family=configuration.family,
    )


def _not_registered(sentence: str, status: int = 400) -> Response:
    with current().database.write() as session:
        session.add(Audit(kind="registration", code="refused", request_id=g.request_id))
    page = ErrorPage(
        code="registration_failed",
        label="not registered",
        title="The tool could not register.",
        sentence=sentence,
        hint="Nothing was kept. The tool can also be registered by hand; see the admin page or `atelier lms add`.",
    )
    return render_error(page, status)

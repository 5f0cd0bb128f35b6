"""The login that comes before a launch: remember state and nonce, mark the browser, ask the platform who this is.

A frame whose cookies do not come back is found out before the platform is asked: what it asked us with, its
lti_message_hint above all, serves it only once (Canvas and Moodle forget it when it is used).
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from lti_tool.models import Registration
from lti_tool.platforms import origin_of
from lti_tool.registrations import find_registration, is_ambiguous, pending_registration
from lti_tool.web import launch_refusals
from lti_tool.web.claims import MAX_ID
from lti_tool.web.context import current
from lti_tool.web.logins import (
    LAUNCH_PATH,
    STATE_SECONDS,
    Login,
    begin_login,
    cookie_name,
    find_put_off,
    put_off_login,
    take_put_off,
)
from lti_tool.web.platform_storage import remember_page
from lti_tool.web.turned_away import turn_away
from lti_tool.web.verify import is_ours

bp = Blueprint("login", __name__)
turn_away(bp)

KEEPS_COOKIES = "atelier_keeps"
KEEPS_COOKIES_SECONDS = 30 * 24 * 3600
MAX_FIELD = 4000


@bp.route("/lti/login", methods=["GET", "POST"])
def login() -> BaseResponse:
    """Begin a login: remember state and nonce, mark the browser, ask the platform who this is."""
    atelier = current()
    issuer, target = _login_field("iss"), _login_field("target_link_uri")
    login_hint = _login_field("login_hint")
    message_hint = _login_field("lti_message_hint", required=False)
    client_id = _login_field("client_id", required=False) or None
    deployment_hint = _short_field("lti_deployment_id")
    storage_target = _short_field("lti_storage_target")
    if not is_ours(target, atelier.settings.base_url):
        raise launch_refusals.TargetWrong()
    asked = {"login_hint": login_hint} | ({"lti_message_hint": message_hint} if message_hint else {})
    untried = storage_target is None and request.headers.get("Sec-Fetch-Dest") == "iframe" and not _keeps_cookies()
    with atelier.database.write() as session:
        registration = _registration(session, issuer, client_id)
        if untried:
            return _try_cookies(put_off_login(session, registration.id, deployment_hint, asked))
        begun = begin_login(session, atelier.settings, registration.id, deployment_hint, storage_target, asked)
    return _to_platform(registration, begun, asked, storage_target)


def _keeps_cookies() -> bool:
    return request.cookies.get(KEEPS_COOKIES) == "1"


def _try_cookies(code: str) -> BaseResponse:
    answer = redirect(url_for("login.login_tried", code=code), code=303)
    answer.set_cookie(
        KEEPS_COOKIES,
        "1",
        max_age=KEEPS_COOKIES_SECONDS,
        path="/lti/login",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    return answer


@bp.get("/lti/login/tried")
def login_tried() -> BaseResponse:
    """Go on with the login if the cookie came back; else offer to go on at the top of a tab, where it will."""
    code = request.args.get("code", "")
    if _keeps_cookies():
        return _go_on(code)
    with current().database.read() as session:
        kept = find_put_off(session, code)
        registration = session.get(Registration, kept.registration_id) if kept is not None else None
    if registration is None:
        raise launch_refusals.StateReplayed()
    g.passing_through = registration
    # The form is sent to us and redirected to the platform's login: to a browser both are its action.
    g.form_action = f"'self' {origin_of(registration.auth_login_url)}"
    refusal = launch_refusals.FrameKeepsNothing()
    refusal.registration_id, refusal.tab_code = registration.id, code
    raise refusal


@bp.post("/lti/login/again")
def login_again() -> BaseResponse:
    """Go on with a login at the top of a tab."""
    return _go_on(request.form.get("code", ""))


def _go_on(code: str) -> BaseResponse:
    atelier = current()
    with atelier.database.write() as session:
        kept = take_put_off(session, code)
        registration = session.get(Registration, kept.registration_id)
        if registration is None or not registration.enabled:
            raise launch_refusals.PlatformWaits()
        begun = begin_login(session, atelier.settings, registration.id, kept.deployment_hint, asked=kept.asked)
    return _to_platform(registration, begun, kept.asked)


def _to_platform(
    registration: Registration, begun: Login, asked: Mapping[str, str], storage_target: str | None = None
) -> BaseResponse:
    """Send the browser on to the platform's login, marked by the login's own cookie."""
    address = authorization_url(registration, begun, current().settings.base_url + LAUNCH_PATH, asked)
    answer: BaseResponse = redirect(address, code=302)
    if storage_target is not None:
        answer = remember_page(registration, begun, storage_target, address)
    answer.set_cookie(
        cookie_name(begun.state),
        begun.browser_token,
        max_age=STATE_SECONDS,
        path=LAUNCH_PATH,
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    return answer


def _login_field(name: str, *, required: bool = True) -> str:
    value = (request.form if request.method == "POST" else request.args).get(name, "")
    if (required and not value) or len(value) > MAX_FIELD or not _storable(value):
        raise launch_refusals.LoginIncomplete(claim=name)
    return value


def _short_field(name: str) -> str | None:
    value = _login_field(name, required=False) or None
    if value and len(value) > MAX_ID:
        raise launch_refusals.LoginIncomplete(claim=name)
    return value


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _registration(session: Session, issuer: str, client_id: str | None) -> Registration:
    found = find_registration(session, issuer, client_id)
    if found is not None:
        return found
    if client_id is None and is_ambiguous(session, issuer):
        raise launch_refusals.PlatformAmbiguous()
    waiting = pending_registration(session, issuer, client_id)
    if waiting is not None:
        raise launch_refusals.PlatformWaits()
    raise launch_refusals.PlatformUnknown()


def authorization_url(registration: Registration, begun: Login, redirect_uri: str, asked: Mapping[str, str]) -> str:
    """The platform's login address with our question; what its query holds already stays.

    https://www.imsglobal.org/spec/security/v1p0/#step-2-authentication-request
    """
    question = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": registration.client_id,
        "redirect_uri": redirect_uri,
        "state": begun.state,
        "nonce": begun.nonce,
        **asked,
    }
    parts = urlsplit(registration.auth_login_url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in question]
    return urlunsplit(parts._replace(query=urlencode([*kept, *question.items()])))

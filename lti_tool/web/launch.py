"""The door: login, launch, and the step from the launch into its own pages.

login -> the platform -> launch (POST) -> 303 /l/<launch>/enter?code=… -> 303 /l/<launch>/ -> the role's page
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import structlog
from flask import Blueprint, Response, current_app, g, jsonify, make_response, redirect, request, url_for
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as BaseResponse

from lti_tool.db import utc_now
from lti_tool.keys import ensure_key, public_jwks
from lti_tool.models import Audit, Deployment, Handoff, Launch, LoginState, Registration
from lti_tool.platforms import origin_of
from lti_tool.registrations import find_registration, is_ambiguous, pending_registration
from lti_tool.web import launch_refusals, picker, refusals
from lti_tool.web.arrival import first_page
from lti_tool.web.claims import MAX_ID
from lti_tool.web.context import current
from lti_tool.web.errors import ErrorPage, page_of, render_error
from lti_tool.web.logins import (
    STATE_SECONDS,
    Login,
    begin_login,
    check_browser,
    check_state,
    consume_state,
    cookie_name,
    find_put_off,
    find_stored_login,
    put_off_login,
    take_put_off,
)
from lti_tool.web.platform_keys import PlatformKeys
from lti_tool.web.platform_storage import recall_page, remember_page
from lti_tool.web.records import record_launch
from lti_tool.web.sessions import find_session, open_session, set_session_cookie, signed_in, token_hash
from lti_tool.web.verify import DEEP_LINKING, MAX_TOKEN, Expected, VerifiedLaunch, is_ours, verify_launch

bp = Blueprint("launch", __name__)
log = structlog.get_logger()

KEEPS_COOKIES = "atelier_keeps"
KEEPS_COOKIES_SECONDS = 30 * 24 * 3600
HANDOFF_SECONDS = 60
NEW_TAB_SECONDS = 300
MAX_FIELD = 4000
LAUNCH_PATH = "/lti/launch"
CONFIRM_PATH = "/lti/launch/confirm"


@bp.errorhandler(launch_refusals.LaunchRefusal)
def refused(refusal: launch_refusals.LaunchRefusal) -> Response:
    """Write down that a launch was refused, by its code alone, and say so."""
    row = Audit(
        kind="launch_refused",
        code=refusal.code,
        registration_id=refusal.registration_id,
        request_id=g.request_id,
    )
    try:
        with current().database.write() as session:
            session.add(row)
    except SQLAlchemyError:
        log.error("audit_not_written", code=refusal.code)
    log.warning("launch_refused", code=refusal.code, registration_id=refusal.registration_id)
    page = page_of(refusal)
    if refusal.tab_code:
        page = replace(page, new_tab_url=url_for("launch.login_again"), new_tab_code=refusal.tab_code)
    return render_error(page, refusal.status)


# ---- login ---------------------------------------------------------------------------------------------------


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


# A frame whose cookies do not come back is found out before the platform is asked: what it asked us with, its
# lti_message_hint above all, serves it only once (Canvas and Moodle forget it when it is used).


def _keeps_cookies() -> bool:
    return request.cookies.get(KEEPS_COOKIES) == "1"


def _try_cookies(code: str) -> BaseResponse:
    answer = redirect(url_for("launch.login_tried", code=code), code=303)
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


# ---- launch --------------------------------------------------------------------------------------------------


@bp.post(LAUNCH_PATH)
def launch() -> BaseResponse:
    """Verify the platform's message once, store the launch, send the browser on by GET."""
    atelier = current()
    state = request.form.get("state", "")
    check_state(atelier.settings, state)
    browser_token = request.cookies.get(cookie_name(state))
    id_token = request.form.get("id_token", "")
    if browser_token is None and 0 < len(id_token) <= MAX_TOKEN:
        with atelier.database.read() as session:
            stored = find_stored_login(session, state)
            registration = session.get(Registration, stored.registration_id) if stored is not None else None
        if stored is not None and registration is not None:
            return recall_page(registration, stored, id_token)
    return _finish(state, browser_token)


@bp.post(CONFIRM_PATH)
def confirm() -> BaseResponse:
    """The same launch once more, with what the platform's storage kept for this browser in place of the cookie."""
    atelier = current()
    state = request.form.get("state", "")
    check_state(atelier.settings, state)
    return _finish(state, request.form.get("proof"), from_storage=True)


def _finish(state: str, browser_token: str | None, *, from_storage: bool = False) -> BaseResponse:
    with current().database.write() as session:
        begun = consume_state(session, state)
        registration = session.get(Registration, begun.registration_id)
    if registration is None or not registration.enabled:
        raise launch_refusals.PlatformWaits() if registration else launch_refusals.PlatformUnknown()
    g.framed_by = (registration, None)
    try:
        if "error" in request.form:
            raise launch_refusals.PlatformDeclined()
        check_browser(begun, None if from_storage and begun.storage_target is None else browser_token)
        verified = _verified(registration, begun, request.form.get("id_token", ""))
        answer = _opened(registration.id, verified)
    except launch_refusals.LaunchRefusal as refusal:
        refusal.registration_id = registration.id
        raise
    answer.delete_cookie(
        cookie_name(state), path=LAUNCH_PATH, secure=True, httponly=True, samesite="None", partitioned=True
    )
    return answer


def _opened(registration_id: int, verified: VerifiedLaunch) -> BaseResponse:
    """What the message asks for: content to be chosen, or a launch with its session."""
    if verified.message_type == DEEP_LINKING:
        return picker.open_picker(registration_id, verified)
    atelier = current()
    with atelier.database.write() as session:
        stored = record_launch(session, atelier.settings, registration_id, verified)
        token = open_session(session, stored.id, atelier.settings.session_minutes)
        code = _hand_off(session, stored.id, "enter", HANDOFF_SECONDS)
    answer = redirect(url_for("launch.enter", launch_id=stored.id, code=code), code=303)
    set_session_cookie(answer, stored.id, token)
    return answer


def _verified(registration: Registration, begun: LoginState, token: str) -> VerifiedLaunch:
    atelier = current()
    with atelier.database.read() as session:
        enabled = select(Deployment.lms_id).where(Deployment.registration_id == registration.id, Deployment.enabled)
        deployments = frozenset(session.scalars(enabled))
    expected = Expected(
        issuer=registration.issuer,
        client_id=registration.client_id,
        nonce=begun.nonce,
        base_url=atelier.settings.base_url,
        deployments=deployments,
        deployment_hint=begun.deployment_hint,
    )
    keys: PlatformKeys = current_app.extensions["atelier.platform_keys"]
    return verify_launch(token, expected, lambda kid: keys.for_key(registration, kid))


# ---- from the launch into its pages --------------------------------------------------------------------------


@bp.get("/l/<launch_id>/enter")
def enter(launch_id: str) -> BaseResponse:
    """Go on if the browser kept the cookie; else offer the same page in its own tab."""
    atelier = current()
    with atelier.database.write() as session:
        known = _take_hand_off(session, launch_id, "enter", request.args.get("code", ""))
        if find_session(session, launch_id) is not None:
            return redirect(url_for("launch.home", launch_id=launch_id), code=303)
        if known is None:
            raise refusals.LaunchExpired()
        code = _hand_off(session, launch_id, "tab", NEW_TAB_SECONDS)
    g.launch = known
    blocked = refusals.FrameStorageBlocked()
    page = ErrorPage(
        code=blocked.code,
        label=blocked.label,
        title=blocked.title,
        sentence=blocked.sentence,
        new_tab_url=url_for("launch.enter_in_tab", launch_id=launch_id),
        new_tab_code=code,
    )
    return render_error(page, blocked.status)


@bp.post("/l/<launch_id>/enter")
def enter_in_tab(launch_id: str) -> BaseResponse:
    """Open the launch in a tab of its own, where its cookie is kept; the code is good once, for five minutes."""
    atelier = current()
    with atelier.database.write() as session:
        if _take_hand_off(session, launch_id, "tab", request.form.get("code", "")) is None:
            raise refusals.LaunchExpired()
        token = open_session(session, launch_id, atelier.settings.session_minutes)
    answer = redirect(url_for("launch.home", launch_id=launch_id), code=303)
    set_session_cookie(answer, launch_id, token)
    return answer


@bp.get("/l/<launch_id>/")
@signed_in()
def home(launch_id: str) -> BaseResponse:
    """The first page of the launch: that of its role, or the work it asks for."""
    with current().database.read() as session:
        return redirect(first_page(session, g.launch), code=303)


def _hand_off(session: Session, launch_id: str, purpose: str, seconds: int) -> str:
    code = secrets.token_urlsafe(32)
    session.execute(delete(Handoff).where(Handoff.expires_at < utc_now()))
    session.add(
        Handoff(
            code_hash=token_hash(f"{purpose}:{code}"),
            launch_id=launch_id,
            expires_at=utc_now() + timedelta(seconds=seconds),
        )
    )
    return code


def _take_hand_off(session: Session, launch_id: str, purpose: str, code: str) -> Launch | None:
    """The launch of an unused code in time, used up now; None for any other code."""
    taken = session.execute(
        delete(Handoff)
        .where(
            Handoff.code_hash == token_hash(f"{purpose}:{code}"),
            Handoff.launch_id == launch_id.replace("\x00", ""),
            Handoff.expires_at > utc_now(),
        )
        .returning(Handoff.launch_id)
    ).scalar_one_or_none()
    if taken is None:
        return None
    query = select(Launch).where(Launch.id == taken).options(joinedload(Launch.registration))
    return session.scalars(query).one()


# ---- keys ----------------------------------------------------------------------------------------------------


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

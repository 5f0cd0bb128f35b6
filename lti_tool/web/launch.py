"""The launch: the platform's message is verified once, and the browser goes on into its own pages by GET.

login -> the platform -> launch (POST) -> 303 /l/<launch>/enter?code=… -> 303 /l/<launch>/ -> the role's page
"""

from flask import Blueprint, current_app, g, redirect, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from lti_tool.models import Deployment, LoginState, Registration
from lti_tool.web import launch_refusals, picker
from lti_tool.web.context import current
from lti_tool.web.entry import hand_off
from lti_tool.web.logins import (
    LAUNCH_PATH,
    check_browser,
    check_state,
    consume_state,
    cookie_name,
    find_stored_login,
)
from lti_tool.web.platform_keys import PlatformKeys
from lti_tool.web.platform_storage import recall_page
from lti_tool.web.records import record_launch
from lti_tool.web.sessions import open_session, set_session_cookie
from lti_tool.web.turned_away import turn_away
from lti_tool.web.verify import DEEP_LINKING, MAX_TOKEN, Expected, VerifiedLaunch, verify_launch

bp = Blueprint("launch", __name__)
turn_away(bp)

CONFIRM_PATH = "/lti/launch/confirm"


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
        answer = _opened(registration.id, verified, keeps_cookies=not from_storage)
    except launch_refusals.LaunchRefusal as refusal:
        refusal.registration_id = registration.id
        raise
    answer.delete_cookie(
        cookie_name(state), path=LAUNCH_PATH, secure=True, httponly=True, samesite="None", partitioned=True
    )
    return answer


def _opened(registration_id: int, verified: VerifiedLaunch, *, keeps_cookies: bool) -> BaseResponse:
    """What the message asks for: content to be chosen, or a launch with its session."""
    if verified.message_type == DEEP_LINKING:
        return picker.open_picker(registration_id, verified, keeps_cookies=keeps_cookies)
    atelier = current()
    with atelier.database.write() as session:
        stored = record_launch(session, atelier.settings, registration_id, verified)
        token = open_session(session, stored.id, atelier.settings.session_minutes)
        code = hand_off(session, stored.id)
    answer = redirect(url_for("entry.enter", launch_id=stored.id, code=code), code=303)
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

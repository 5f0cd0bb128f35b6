"""The operator's pages: platforms with what has been seen of them, approve and disable, values to paste.

/admin/enter?code=… asks once (a link preview must not use the code up), POST uses the code, /admin shows the list.
"""

import hashlib
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import ParamSpec

from flask import Blueprint, current_app, g, redirect, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool.admin import SESSION_LIFE, find_admin, sign_out, use_code
from lti_tool.checklist import TOKEN_GIVEN, Step, checklist
from lti_tool.jobs import count_held
from lti_tool.judge_health import health_of
from lti_tool.keys import current_key, ensure_key
from lti_tool.models import Audit, Registration
from lti_tool.registrations import (
    RegistrationProblem,
    add_registration,
    approve_registration,
    disable_deployment,
    is_pending,
    list_registrations,
    remove_registration,
)
from lti_tool.web import refusals
from lti_tool.web.context import current
from lti_tool.web.platform_keys import PlatformKeys
from lti_tool.web.sessions import FORM_FIELD, SAFE_METHODS
from lti_tool.web.trial import PlatformTrouble, try_platform

bp = Blueprint("admin", __name__, url_prefix="/admin")
P = ParamSpec("P")
Answer = str | Response | tuple[str, int]

COOKIE = "atelier_admin"
FIELDS = (
    "name",
    "issuer",
    "client_id",
    "auth_login_url",
    "auth_token_url",
    "jwks_url",
    "deployment_ids",
    "token_audience",
)


def admin_only(view: Callable[P, Answer]) -> Callable[P, Answer]:
    """Open the view only to a browser with the admin's session, and to forms sealed for it."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> Answer:
        with current().database.read() as session:
            found = find_admin(session, request.cookies.get(COOKIE, ""))
        if found is None:
            raise refusals.AdminSignedOut()
        g.admin_session_id = found.id
        if request.method not in SAFE_METHODS:
            _require_seal()
        return view(*args, **kwargs)

    return guarded


def admin_seal() -> str:
    """The seal of this admin's session for its forms."""
    sealed = _serializer().dumps(g.admin_session_id)
    return sealed.decode() if isinstance(sealed, bytes) else sealed


def _require_seal() -> None:
    sent = request.form.get(FORM_FIELD, "")
    if not sent:
        raise refusals.FormTokenMissing()
    try:
        sealed = _serializer().loads(sent)
    except BadSignature:
        raise refusals.FormTokenWrong() from None
    if sealed != g.admin_session_id:
        raise refusals.FormTokenWrong()


def _serializer() -> URLSafeSerializer:
    secret = current().settings.secret_key
    how = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    return URLSafeSerializer(secret, salt="atelier.admin", signer_kwargs=how)


# ---- in and out ----------------------------------------------------------------------------------------------


@bp.get("/enter")
def enter() -> str:
    """Ask before the code is used: mail programs open links to look at them."""
    return render_template("admin/enter.html", code=request.args.get("code", ""))


@bp.post("/enter")
def open_pages() -> Response:
    """Use the code up and open the pages in this browser."""
    atelier = current()
    with atelier.database.write() as session:
        token = use_code(session, request.form.get("code", ""))
    if token is None:
        raise refusals.AdminLinkUsed()
    answer = redirect(url_for("admin.registrations"), code=303)
    answer.set_cookie(
        COOKIE,
        token,
        path="/admin",
        max_age=int(SESSION_LIFE.total_seconds()),
        secure=True,
        httponly=True,
        samesite="Strict",
    )
    return answer


@bp.post("/leave")
@admin_only
def leave() -> Answer:
    """End this browser's session."""
    with current().database.write() as session:
        sign_out(session, g.admin_session_id)
    answer = redirect(url_for("admin.enter"), code=303)
    answer.delete_cookie(COOKIE, path="/admin", secure=True, httponly=True, samesite="Strict")
    return answer


# ---- registrations -------------------------------------------------------------------------------------------


@bp.get("")
@admin_only
def registrations() -> Answer:
    """Every platform with what has been seen of it, what to paste, and the form for one more."""
    with current().database.read() as session:
        return _page(session)


@bp.post("/registrations")
@admin_only
def add() -> Answer:
    """Register a platform by its values; what is wrong is said above the form, which keeps what was typed."""
    atelier = current()
    typed = {name: request.form.get(name, "").strip() for name in FIELDS}
    try:
        with atelier.database.write() as session:
            add_registration(
                session,
                atelier.settings,
                name=typed["name"],
                issuer=typed["issuer"],
                client_id=typed["client_id"],
                auth_login_url=typed["auth_login_url"],
                auth_token_url=typed["auth_token_url"],
                jwks_url=typed["jwks_url"],
                deployment_ids=typed["deployment_ids"].split(),
                token_audience=typed["token_audience"] or None,
            )
            ensure_key(session, atelier.settings)
    except RegistrationProblem as problem:
        with atelier.database.read() as session:
            return _page(session, typed=typed, problem=str(problem)), 422
    return redirect(url_for("admin.registrations"), code=303)


@bp.post("/registrations/<int:registration_id>/approve")
@admin_only
def approve(registration_id: int) -> Answer:
    """Let a platform in that registered itself, or that was disabled."""
    return _change(lambda session: approve_registration(session, registration_id, _deployments()))


@bp.post("/registrations/<int:registration_id>/disable")
@admin_only
def disable(registration_id: int) -> Answer:
    """Let a platform open nothing more; what people did stays."""
    return _change(lambda session: remove_registration(session, registration_id))


@bp.post("/registrations/<int:registration_id>/deployments")
@admin_only
def without_deployment(registration_id: int) -> Answer:
    """Let one deployment open nothing more."""
    return _change(lambda session: disable_deployment(session, registration_id, request.form.get("deployment_id", "")))


def _deployments() -> list[str]:
    return request.form.get("deployment_ids", "").split()


def _change(change: Callable[[Session], Registration]) -> Answer:
    database = current().database
    try:
        with database.write() as session:
            change(session)
    except RegistrationProblem as problem:
        with database.read() as session:
            return _page(session, problem=str(problem)), 422
    return redirect(url_for("admin.registrations"), code=303)


@bp.post("/registrations/<int:registration_id>/try")
@admin_only
def try_now(registration_id: int) -> Answer:
    """Read the platform's keys and ask it for a token now, before anybody launches; say what came of it."""
    atelier = current()
    with atelier.database.write() as session:
        registration, key = session.get(Registration, registration_id), current_key(session, atelier.settings)
    if registration is None or not registration.enabled:
        return redirect(url_for("admin.registrations"), code=303)
    keys: PlatformKeys = current_app.extensions["atelier.platform_keys"]
    try:
        found = try_platform(keys, atelier.outbound, registration, key)
    except PlatformTrouble as trouble:
        with atelier.database.read() as session:
            return _page(session, problem=str(trouble)), 422
    with atelier.database.write() as session:
        session.add(Audit(kind="registration", code=TOKEN_GIVEN, registration_id=registration_id))
    with atelier.database.read() as session:
        return _page(session, found=found)


def _page(session: Session, *, typed: dict[str, str] | None = None, problem: str = "", found: str = "") -> str:
    listed = [(one, state_of(one), checklist(session, one)) for one in list_registrations(session)]
    return render_template(
        "admin/registrations.html",
        listed=listed,
        heading=heading([steps for _, _, steps in listed]),
        base=current().settings.base_url,
        typed=typed or {},
        problem=problem,
        found=found,
        version=version("atelier"),
        seal=admin_seal(),
        judge=current().settings.judge,
        health=health_of(session, current().settings.judge),
        held=count_held(session),
    )


def state_of(registration: Registration) -> str:
    """pending, disabled or enabled."""
    if is_pending(registration):
        return "pending"
    return "enabled" if registration.enabled else "disabled"


NUMBERS = ("None", "One", "Two", "Three", "Four", "Five", "Six")


def heading(lists: list[tuple[Step, ...]]) -> str:
    """The page's title: how far the only platform is, or how many there are."""
    if not lists:
        return "No platform yet"
    if len(lists) > 1:
        return f"{len(lists)} platforms"
    done, steps = sum(step.done for step in lists[0]), len(lists[0])
    return "All six" if done == steps else f"{NUMBERS[done]} of {NUMBERS[steps].lower()}"

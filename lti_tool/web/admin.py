"""The operator's pages: platforms with what has been seen of them, approve and disable, values to paste.

/admin/enter?code=… asks once (a link preview must not use the code up), POST uses the code, /admin shows the list.
"""

from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool.checklist import TOKEN_GIVEN, Step, checklist
from lti_tool.db import utc_now
from lti_tool.jobs import count_held
from lti_tool.judge_health import health_of
from lti_tool.keys import current_key, ensure_key, published_keys
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
from lti_tool.spending import spent_since, spent_today
from lti_tool.web import refusals
from lti_tool.web.context import current
from lti_tool.web.doors import Answer, Door
from lti_tool.web.platform_keys import PlatformKeys
from lti_tool.web.trial import PlatformTrouble, try_platform

bp = Blueprint("admin", __name__, url_prefix="/admin")

COOKIE = "atelier_admin"
VERSIONS = ("atelier", "prefect", "sqlalchemy", "pylti1p3", "flask", "anthropic")
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


DOOR = Door(
    "admin",
    "/admin",
    COOKIE,
    "the admin’s pages",
    "atelier lms admin-link",
    refusals.AdminSignedOut,
    refusals.AdminLinkUsed,
)
DOOR.add_to(bp, "admin.registrations")


# ---- registrations -------------------------------------------------------------------------------------------


@bp.get("")
@DOOR.guard
def registrations() -> Answer:
    """Every platform with what has been seen of it, what to paste, and the form for one more."""
    with current().database.read() as session:
        return _page(session)


@bp.post("/registrations")
@DOOR.guard
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
@DOOR.guard
def approve(registration_id: int) -> Answer:
    """Let a platform in that registered itself, or that was disabled."""
    return _change(lambda session: approve_registration(session, registration_id, _deployments()))


@bp.post("/registrations/<int:registration_id>/disable")
@DOOR.guard
def disable(registration_id: int) -> Answer:
    """Let a platform open nothing more; what people did stays."""
    return _change(lambda session: remove_registration(session, registration_id))


@bp.post("/registrations/<int:registration_id>/deployments")
@DOOR.guard
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
@DOOR.guard
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
        versions={name: version(name) for name in VERSIONS},
        keys=published_keys(session),
        spending=_spending(session),
        budget=current().settings.judge_budget_usd,
        seal=DOOR.seal(),
        judge=current().settings.judge,
        health=health_of(session, current().settings.judge),
        held=count_held(session),
    )


def _spending(session: Session) -> list[tuple[str, float, float]]:
    """Each platform with what judging cost it today (UTC) and in thirty days, in US dollars."""
    now = utc_now()
    today = spent_today(session, now)
    month = spent_since(session, now - timedelta(days=30))
    return [(one.name, today.get(one.id, 0.0), month.get(one.id, 0.0)) for one in list_registrations(session)]


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

"""Who is asking: a session per launch, held by a cookie whose path is that launch, and signed form tokens.

Each launch has its own cookie `atelier_session` under /l/<launch_id>/, so that a teacher's tab and a student's tab
in one browser never disturb each other. A view says `@signed_in("student")` and finds in `g`:

    g.session            the WebSession
    g.launch             the Launch, with registration, person, resource_link (and its context, deployment) loaded
    g.person_id          the person's id
    g.resource_link_id   the placement's id
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, Literal, ParamSpec

from flask import Flask, g, request
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as BaseResponse

from lti_tool.db import utc_now
from lti_tool.models import Draft, Launch, ResourceLink, WebSession
from lti_tool.web.context import current
from lti_tool.web.languages import speak_for
from lti_tool.web.refusals import (
    FormTokenMissing,
    FormTokenWrong,
    LaunchExpired,
    WrongRole,
    WrongRoleForLearner,
)

Role = Literal["student", "instructor"]
P = ParamSpec("P")

COOKIE = "atelier_session"
FORM_FIELD = "form_token"
FORM_HEADER = "X-Form-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
EXTEND_AFTER = timedelta(minutes=1)


def token_hash(token: str) -> str:
    """What is stored of a token: its SHA-256, so that the database opens nothing."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def open_session(session: Session, launch_id: str, minutes: int) -> str:
    """A new session on the launch; returns the token for the cookie, which is stored nowhere."""
    token = secrets.token_urlsafe(32)
    session.add(
        WebSession(token_hash=token_hash(token), launch_id=launch_id, expires_at=utc_now() + timedelta(minutes=minutes))
    )
    return token


def set_session_cookie(response: BaseResponse, launch_id: str, token: str) -> None:
    """Give the browser the session of one launch; browsers accept Secure on loopback http too."""
    response.set_cookie(
        COOKIE,
        token,
        path=f"/l/{launch_id}/",
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )


def find_session(session: Session, launch_id: str) -> WebSession | None:
    """The session this browser holds on the launch, also when its time is over; None for a stranger."""
    token = request.cookies.get(COOKIE, "")
    if not token or "\x00" in launch_id:
        return None
    link = joinedload(WebSession.launch).joinedload(Launch.resource_link)
    return session.scalar(
        select(WebSession)
        .where(WebSession.token_hash == token_hash(token), WebSession.launch_id == launch_id)
        .options(
            link.joinedload(ResourceLink.context),
            link.joinedload(ResourceLink.deployment),
            joinedload(WebSession.launch).joinedload(Launch.person),
            joinedload(WebSession.launch).joinedload(Launch.registration),
        )
    )


def signed_in(
    role: Role | None = None, *, extends: bool = True
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Open the view only to the launch's own browser, in that role (None: either), and to sealed forms.

    Where it `extends`, the session lives on from now.
    """

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            _sign_in(str(kwargs["launch_id"]))
            _require_role(role)
            if request.method not in SAFE_METHODS:
                require_form_token()
            if extends:
                _extend(g.session, utc_now())
            return view(*args, **kwargs)

        return guarded

    return decorate


def _sign_in(launch_id: str) -> None:
    with current().database.read() as session:
        found = find_session(session, launch_id)
        if found is None:
            raise LaunchExpired()
        launch, now = found.launch, utc_now()
        speak_for(launch)
        g.return_url, g.framed_by = launch.return_url, (launch.registration, launch.return_url)
        if found.expires_at <= now:
            g.draft_saved_at = last_saved(session, launch)
            raise LaunchExpired()
    if not (launch.registration.enabled and launch.resource_link.deployment.enabled):
        raise LaunchExpired()
    g.session, g.launch = found, launch
    g.person_id, g.resource_link_id = launch.person_id, launch.resource_link_id


def _extend(found: WebSession, now: datetime) -> None:
    atelier = current()
    longer = now + timedelta(minutes=atelier.settings.session_minutes)
    if longer - found.expires_at > EXTEND_AFTER:
        with atelier.database.write() as session:
            session.execute(update(WebSession).where(WebSession.id == found.id).values(expires_at=longer))
        found.expires_at = longer  # for this request; the row itself was written above


def seconds_left() -> int:
    """How long the session of this request still lives."""
    expires_at: datetime = g.session.expires_at
    return max(0, int((expires_at - utc_now()).total_seconds()))


def last_saved(session: Session, launch: Launch) -> datetime | None:
    """When the launch's person last saved a draft in its placement."""
    return session.scalar(
        select(func.max(Draft.saved_at)).where(
            Draft.resource_link_id == launch.resource_link_id, Draft.person_id == launch.person_id
        )
    )


def _require_role(role: Role | None) -> None:
    if role is not None and g.launch.role != role:
        raise WrongRoleForLearner() if g.launch.role == "student" else WrongRole()


# ---- form tokens ---------------------------------------------------------------------------------------------


def _serializer() -> URLSafeSerializer:
    return URLSafeSerializer(current().settings.secret_key, salt="atelier.form", signer_kwargs=_signer())


def _signer() -> dict[str, Any]:
    return {"key_derivation": "hmac", "digest_method": hashlib.sha256}


def form_token() -> str:
    """The seal of this session and launch, for the field `form_token` or the header X-Form-Token."""
    token = _serializer().dumps([g.session.id, g.launch.id])
    return token.decode() if isinstance(token, bytes) else token


def require_form_token() -> None:
    """Refuse a request that does not carry the seal of its session and launch."""
    sent = request.headers.get(FORM_HEADER) or request.form.get(FORM_FIELD, "")
    if not sent:
        raise FormTokenMissing()
    try:
        sealed = _serializer().loads(sent)
    except BadSignature:
        raise FormTokenWrong() from None
    if not hmac.compare_digest(repr(sealed), repr([g.session.id, g.launch.id])):
        raise FormTokenWrong()


def register_sessions(app: Flask) -> None:
    """Let every template seal its forms with `{{ form_token() }}` and say `{{ seconds_left() }}`."""
    app.jinja_env.globals.update(form_token=form_token, seconds_left=seconds_left)

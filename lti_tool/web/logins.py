"""Logins that were begun: one state, one nonce, one browser, used up by one launch.

A state is signed and dated, so that one which is gone can still be told from one that never was ours.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from itsdangerous import BadSignature, SignatureExpired, TimestampSigner
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import LoginState
from lti_tool.settings import Settings
from lti_tool.web import launch_refusals

LAUNCH_PATH = "/lti/launch"
STATE_SECONDS = 300
MAX_STATE = 255


@dataclass(frozen=True)
class Login:
    """A login that begins: what goes to the platform (state, nonce) and what stays in the browser."""

    state: str
    nonce: str
    browser_token: str


def begin_login(
    session: Session,
    settings: Settings,
    registration_id: int,
    deployment_hint: str | None,
    storage_target: str | None = None,
    asked: Mapping[str, str] | None = None,
) -> Login:
    """Store a new state with its nonce and the hash of the browser's token; drop states whose time is over.

    `asked` is what the platform's own login address is asked with: login_hint, lti_message_hint.
    """
    now = utc_now()
    session.execute(delete(LoginState).where(LoginState.expires_at < now))
    login = Login(
        state=_signer(settings).sign(secrets.token_urlsafe(24)).decode("ascii"),
        nonce=secrets.token_urlsafe(32),
        browser_token=secrets.token_urlsafe(32),
    )
    session.add(
        LoginState(
            state=login.state,
            nonce=login.nonce,
            registration_id=registration_id,
            deployment_hint=deployment_hint,
            browser_hash=_hash(login.browser_token),
            storage_target=storage_target,
            asked=dict(asked or {}),
            expires_at=now + timedelta(seconds=STATE_SECONDS),
        )
    )
    return login


def check_state(settings: Settings, state: str) -> None:
    """Refuse a state that is not ours or is too old, before the database is asked."""
    if not state or len(state) > MAX_STATE or not state.isascii() or not state.isprintable():
        raise launch_refusals.StateUnknown()
    try:
        _signer(settings).unsign(state, max_age=STATE_SECONDS)
    except SignatureExpired:
        raise launch_refusals.StateExpired() from None
    except BadSignature:
        raise launch_refusals.StateUnknown() from None


def consume_state(session: Session, state: str) -> LoginState:
    """Delete the state and return it; of any number of launches with one state, exactly one gets it.

    To be committed by itself, so that it stays used whatever becomes of the launch.
    """
    found = session.execute(
        delete(LoginState).where(LoginState.state == state).returning(LoginState)
    ).scalar_one_or_none()
    if found is None:
        raise launch_refusals.StateReplayed()
    session.expunge(found)
    return found


def put_off_login(session: Session, registration_id: int, deployment_hint: str | None, asked: Mapping[str, str]) -> str:
    """Keep what the platform asked with until it is known where the login goes on; returns a single-use code.

    The code is no state: no launch can be made with it.
    """
    code = secrets.token_urlsafe(32)
    session.add(
        LoginState(
            state=_put_off(code),
            nonce=secrets.token_urlsafe(32),
            registration_id=registration_id,
            deployment_hint=deployment_hint,
            browser_hash="",
            asked=dict(asked),
            expires_at=utc_now() + timedelta(seconds=STATE_SECONDS),
        )
    )
    return code


def find_put_off(session: Session, code: str) -> LoginState | None:
    """The login of an unused code in time; uses nothing up."""
    found = LoginState.state == _put_off(code)
    return session.scalar(select(LoginState).where(found, LoginState.expires_at > utc_now()))


def take_put_off(session: Session, code: str) -> LoginState:
    """The login of an unused code, used up now; StateReplayed or StateExpired for any other."""
    kept = consume_state(session, _put_off(code))
    if kept.expires_at < utc_now():
        raise launch_refusals.StateExpired()
    return kept


def _put_off(code: str) -> str:
    return f"put-off.{_hash(code)}"


def find_stored_login(session: Session, state: str) -> LoginState | None:
    """The login of an unused state whose browser token was also given to the platform's storage; uses nothing up."""
    return session.scalar(select(LoginState).where(LoginState.state == state, LoginState.storage_target.is_not(None)))


def check_browser(login: LoginState, browser_token: str | None) -> None:
    """Refuse a launch from another browser than the one that began the login."""
    if not browser_token or not hmac.compare_digest(_hash(browser_token), login.browser_hash):
        raise launch_refusals.CookieMissing()


def cookie_name(state: str) -> str:
    """The login's own cookie, so that two tabs never overwrite each other's."""
    return f"atelier_login_{_hash(state)[:16]}"


def _signer(settings: Settings) -> TimestampSigner:
    return TimestampSigner(
        settings.secret_key, salt="atelier.state", key_derivation="hmac", digest_method=hashlib.sha256
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

"""Ways in that no platform opens: a one-time link from the command line, then a session of one browser.

Whoever may run commands on the tool's machine is the admin, and says who is a researcher. A link opens the pages that
it was made for and no others.
"""

import hashlib
import secrets
from datetime import timedelta
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import AdminCode, AdminSession, Audit

Pages = Literal["admin", "research"]

LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(hours=8)


def make_code(session: Session, pages: Pages = "admin") -> str:
    """A new single-use code for fifteen minutes; only its hash is stored."""
    code = secrets.token_urlsafe(32)
    session.execute(delete(AdminCode).where(AdminCode.expires_at < utc_now()))
    session.add(AdminCode(code_hash=_hash(code), pages=pages, expires_at=utc_now() + LINK_LIFE))
    session.add(Audit(kind=pages, code="link_made"))
    return code


def use_code(session: Session, code: str, pages: Pages = "admin") -> str | None:
    """Use a code up; returns the token of a new session, or None for one that is unknown, used, too old or for others.

    A code for other pages stays as it was.
    """
    taken = session.scalar(
        delete(AdminCode)
        .where(AdminCode.code_hash == _hash(code), AdminCode.pages == pages, AdminCode.expires_at > utc_now())
        .returning(AdminCode.code_hash)
    )
    if taken is None:
        return None
    token = secrets.token_urlsafe(32)
    session.execute(delete(AdminSession).where(AdminSession.expires_at < utc_now()))
    session.add(AdminSession(token_hash=_hash(token), pages=pages, expires_at=utc_now() + SESSION_LIFE))
    session.add(Audit(kind=pages, code="signed_in"))
    return token


def find_session(session: Session, token: str, pages: Pages = "admin") -> AdminSession | None:
    """The living session of a token for these pages, or None."""
    if not token:
        return None
    return session.scalar(
        select(AdminSession).where(
            AdminSession.token_hash == _hash(token), AdminSession.pages == pages, AdminSession.expires_at > utc_now()
        )
    )


def sign_out(session: Session, admin_session_id: int) -> None:
    """End one browser's session."""
    session.execute(delete(AdminSession).where(AdminSession.id == admin_session_id))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

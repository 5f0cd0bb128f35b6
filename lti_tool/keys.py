"""The tool's own RSA keys: the private half sealed with the secret key, the public half published."""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwcrypto.jwk import JWK
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import Audit, ToolKey
from lti_tool.settings import Settings

KEY_BITS = 2048
PUBLISHED_AFTER_RETIRING = timedelta(days=7)


class KeySealProblem(ValueError):
    """A stored key was sealed with another secret key."""


@dataclass(frozen=True)
class SigningKey:
    """The key that signs for us; `kid` is its RFC 7638 thumbprint."""

    kid: str
    private_pem: str

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"


def current_key(session: Session, settings: Settings) -> SigningKey:
    """The newest key that is not retired, made now if there is none yet (so: a session for writing)."""
    ensure_key(session, settings)
    row = _newest(session)
    assert row is not None
    return SigningKey(row.kid, _open(row, settings))


def ensure_key(session: Session, settings: Settings) -> None:
    """Make the first key; does nothing where one is in use."""
    if _newest(session) is None:
        _make_key(session, settings)


def rotate_key(session: Session, settings: Settings) -> str:
    """Make a new key and retire the others, which stay published for a week; returns the new kid."""
    now = utc_now()
    for row in session.scalars(select(ToolKey).where(ToolKey.retired_at.is_(None))):
        row.retired_at = now
    return _make_key(session, settings)


def public_jwks(session: Session) -> dict[str, list[dict[str, Any]]]:
    """The key set that platforms fetch: keys in use, and those retired within the last week."""
    recent = utc_now() - PUBLISHED_AFTER_RETIRING
    query = select(ToolKey).where(or_(ToolKey.retired_at.is_(None), ToolKey.retired_at > recent))
    return {"keys": [row.public_jwk for row in session.scalars(query.order_by(ToolKey.id.desc()))]}


def _newest(session: Session) -> ToolKey | None:
    query = select(ToolKey).where(ToolKey.retired_at.is_(None)).order_by(ToolKey.id.desc())
    return session.scalars(query.limit(1)).first()


def _make_key(session: Session, settings: Settings) -> str:
    pair = JWK.generate(kty="RSA", size=KEY_BITS)
    kid = pair.thumbprint()
    public = {**json.loads(pair.export_public()), "kid": kid, "use": "sig", "alg": "RS256"}
    pem = pair.export_to_pem(private_key=True, password=None)
    sealed = _seal(settings).encrypt(pem).decode("ascii")
    session.add(ToolKey(kid=kid, sealed_private_pem=sealed, public_jwk=public))
    session.add(Audit(kind="key", code="key_made", detail={"kid": kid}))
    session.flush()
    return str(kid)


def _open(row: ToolKey, settings: Settings) -> str:
    try:
        return _seal(settings).decrypt(row.sealed_private_pem.encode("ascii")).decode("ascii")
    except InvalidToken:
        raise KeySealProblem(
            "The stored key was sealed with another ATELIER_SECRET_KEY; set the former one, or rotate the key."
        ) from None


def _seal(settings: Settings) -> Fernet:
    secret = settings.secret_key.encode("utf-8")
    derived = HKDF(SHA256(), length=32, salt=None, info=b"atelier tool keys").derive(secret)
    return Fernet(base64.urlsafe_b64encode(derived))

"""The tool's own RSA keys: the private half sealed with the secret key, the public half published."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from jwcrypto.jwk import JWK
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import Audit, ToolKey
from lti_tool.settings import Settings

KEY_BITS = 2048
PUBLISHED_AHEAD = timedelta(days=1)
"""How long a new key stands in the key set before it signs: platforms may keep our set for a day."""
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


def current_key(session: Session, settings: Settings, now: datetime | None = None) -> SigningKey:
    """The key to sign with, made now if there is none yet (so: a session for writing).

    Keys follow one another by themselves: a day before the one that signs is `key_days` old the next one is made
    and published, a day later it signs, and the former one stays published for a week.
    """
    now = now or utc_now()
    ensure_key(session, settings)
    waiting = _in_use(session)
    signing = _signing(waiting, now)
    assert signing is not None  # there is one by now
    for row in waiting[waiting.index(signing) + 1 :]:
        row.retired_at = now
    age = now - signing.created_at
    if settings.key_days and signing is waiting[0] and age >= timedelta(days=settings.key_days) - PUBLISHED_AHEAD:
        _make_key(session, settings)
    return SigningKey(signing.kid, _open(signing, settings))


def ensure_key(session: Session, settings: Settings) -> None:
    """Make the first key; does nothing where one is in use."""
    if not _in_use(session):
        _make_key(session, settings)


def next_key(session: Session, settings: Settings) -> str:
    """Make and publish the key that signs from tomorrow; returns its kid. One that waits already is that key."""
    waiting = _in_use(session)
    if waiting and waiting[0].created_at > utc_now() - PUBLISHED_AHEAD:
        return waiting[0].kid
    return _make_key(session, settings)


def rotate_key(session: Session, settings: Settings, *, forget: bool = False) -> str:
    """Make a key that signs at once and retire the others; returns its kid.

    The others stay published for a week, or, to be forgotten because one was stolen, not at all.
    """
    now = utc_now()
    for row in session.scalars(select(ToolKey)):
        row.retired_at = now - PUBLISHED_AFTER_RETIRING if forget else row.retired_at or now
    return _make_key(session, settings)


def reseal_keys(session: Session, settings: Settings) -> int:
    """Seal every key that is still published with the present secret; returns how many.

    KeySealProblem if one was sealed with a secret that is in neither setting.
    """
    rows = session.scalars(select(ToolKey).where(*_published())).all()
    for row in rows:
        pem = _open(row, settings)
        row.sealed_private_pem = _seals(settings).encrypt(pem.encode("ascii")).decode("ascii")
    return len(rows)


def public_jwks(session: Session) -> dict[str, list[dict[str, Any]]]:
    """The key set that platforms fetch: keys in use or soon to be, and those retired within the last week."""
    return {"keys": [row.public_jwk for row in session.scalars(select(ToolKey).where(*_published()).order_by(_NEWEST))]}


@dataclass(frozen=True)
class PublishedKey:
    """A key that platforms can see, and whether it signs, waits to, or has stopped."""

    kid: str
    made_at: datetime
    retired_at: datetime | None
    signs: bool


def published_keys(session: Session, now: datetime | None = None) -> list[PublishedKey]:
    """The keys of the set that platforms fetch, the newest first."""
    signing = _signing(_in_use(session), now or utc_now())
    rows = session.scalars(select(ToolKey).where(*_published()).order_by(_NEWEST))
    return [PublishedKey(row.kid, row.created_at, row.retired_at, row is signing) for row in rows]


def _signing(waiting: Sequence[ToolKey], now: datetime) -> ToolKey | None:
    """Of the keys in use, the newest first, the one that signs: it has been published for a day, if any has."""
    ripe = [row for row in waiting if row.created_at <= now - PUBLISHED_AHEAD]
    return next(iter(ripe or waiting[-1:]), None)


_NEWEST = ToolKey.id.desc()


def _published() -> tuple[ColumnElement[bool], ...]:
    recent = utc_now() - PUBLISHED_AFTER_RETIRING
    return (or_(ToolKey.retired_at.is_(None), ToolKey.retired_at > recent),)


def _in_use(session: Session) -> list[ToolKey]:
    """Keys that are not retired, the newest first."""
    return list(session.scalars(select(ToolKey).where(ToolKey.retired_at.is_(None)).order_by(_NEWEST)))


def _make_key(session: Session, settings: Settings) -> str:
    pair = JWK.generate(kty="RSA", size=KEY_BITS)
    kid = pair.thumbprint()
    public = {**json.loads(pair.export_public()), "kid": kid, "use": "sig", "alg": "RS256"}
    pem = pair.export_to_pem(private_key=True, password=None)
    sealed = _seals(settings).encrypt(pem).decode("ascii")
    session.add(ToolKey(kid=kid, sealed_private_pem=sealed, public_jwk=public))
    session.add(Audit(kind="key", code="key_made", detail={"kid": kid}))
    session.flush()
    return str(kid)


def _open(row: ToolKey, settings: Settings) -> str:
    try:
        return _seals(settings).decrypt(row.sealed_private_pem.encode("ascii")).decode("ascii")
    except InvalidToken:
        raise KeySealProblem(
            "The stored key was sealed with another ATELIER_SECRET_KEY. "
            "Set that one as ATELIER_FORMER_SECRET_KEYS, or make a new key: atelier lms rotate-keys --now"
        ) from None


def _seals(settings: Settings) -> MultiFernet:
    """Seals with the present secret, opens with any of them."""
    former = [secret.strip() for secret in settings.former_secret_keys.split(",") if secret.strip()]
    return MultiFernet([_seal(secret) for secret in (settings.secret_key, *former)])


def _seal(secret: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"atelier tool keys").derive(secret.encode("utf-8"))
    return Fernet(base64.urlsafe_b64encode(derived))

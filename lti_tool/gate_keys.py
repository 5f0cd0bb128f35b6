"""The public keys whose gate files this tool believes: an admin registers a researcher's, and may take it back."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import Audit, GateKey
from rubrics.gate_file import GateFileError, key_digest, public_line, read_public_line


class GateKeyProblem(ValueError):
    """A key that can't be registered or found, in one sentence."""


def add_gate_key(session: Session, text: str, name: str = "") -> GateKey:
    """Register a public key by its line; one that was removed is let in again. GateKeyProblem if the text is none."""
    try:
        public, said = read_public_line(text)
    except GateFileError as error:
        raise GateKeyProblem(str(error)) from None
    called = (" ".join(name.split()) or said)[:255]
    if not called:
        raise GateKeyProblem("Say whose key it is.")
    digest = key_digest(public)
    known = session.scalar(select(GateKey).where(GateKey.digest == digest))
    if known is None:
        known = GateKey(digest=digest, line=public_line(public, called), name=called)
        session.add(known)
    known.name, known.removed_at = called, None
    session.add(Audit(kind="gate", code="key_added", detail={"digest": digest, "name": called}))
    session.flush()
    return known


def list_gate_keys(session: Session) -> list[GateKey]:
    """Every key that was ever registered, the newest first."""
    return list(session.scalars(select(GateKey).order_by(GateKey.id.desc())))


def remove_gate_key(session: Session, key_id: int) -> GateKey:
    """Believe a key no longer: every gate that it signed is closed from now on. GateKeyProblem if there is none."""
    known = session.get(GateKey, key_id)
    if known is None or known.removed_at is not None:
        raise GateKeyProblem(f"There is no gate key {key_id}. See them with: atelier gate-key list")
    known.removed_at = utc_now()
    session.add(Audit(kind="gate", code="key_removed", detail={"digest": known.digest, "name": known.name}))
    session.flush()
    return known


def public_key(session: Session, digest: str) -> Ed25519PublicKey | None:
    """The registered key with this digest; None if it is unknown or was removed."""
    known = session.scalar(select(GateKey).where(GateKey.digest == digest, GateKey.removed_at.is_(None)))
    return None if known is None else read_public_line(known.line)[0]

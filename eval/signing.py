"""The researcher's Ed25519 key pair: made once, the private half signs gate files and never leaves its owner."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from eval.errors import EvalError

PRIVATE = ".key"
PUBLIC = ".pub"
OWNER_ONLY = 0o600


class KeyFileError(EvalError):
    """A key file that can't be written, read or used, in one sentence."""


def make_key(private_file: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """A new private key in a file that only its owner may read; KeyFileError rather than write over a file."""
    key = Ed25519PrivateKey.generate()
    sealed: KeySerializationEncryption = NoEncryption()
    if passphrase:
        sealed = BestAvailableEncryption(passphrase.encode())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    try:
        descriptor = os.open(private_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
        with open(descriptor, "wb") as file:
            file.write(pem)
    except FileExistsError:
        raise KeyFileError(f"{private_file} exists; a key is never written over") from None
    except OSError as error:
        raise KeyFileError(f"{private_file} can't be written: {error.strerror}") from None
    return key


def read_key(private_file: Path, passphrase: str | None = None) -> Ed25519PrivateKey:
    """The private key of a file; KeyFileError where there is none, or the passphrase does not open it."""
    try:
        pem = private_file.read_bytes()
    except OSError as error:
        raise KeyFileError(f"{private_file} can't be read: {error.strerror}") from None
    try:
        key = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError:
        told = "it needs a passphrase" if passphrase is None else "it has no passphrase"
        raise KeyFileError(f"{private_file.name} can't be opened: {told}") from None
    except (ValueError, UnsupportedAlgorithm):
        why = "the passphrase does not open it" if passphrase and b"ENCRYPTED" in pem else "it holds no private key"
        raise KeyFileError(f"{private_file.name} can't be opened: {why}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{private_file.name} holds no Ed25519 key; make one with: atelier eval gate-key")
    return key

"""Where Prefect keeps the results of tasks: sealed records on a local disk, or on any shared storage fsspec knows.

A record is written aside and then put in place, so that nobody reads half of one, and begins with a seal over its name
and content. What is torn, cut short, altered, renamed or another installation's does not fit its seal: it is reported
as missing, and the task runs again. Nothing here is the truth about anything: answers and ratings are rows.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Any

import structlog
from prefect.filesystems import RemoteFileSystem, WritableFileSystem
from pydantic import PrivateAttr

from lti_tool.settings import Settings

BLOCK = "atelier-results"
_FIRST = b"atelier-record-1 "

log = structlog.get_logger()


class BadRecord(ValueError):
    """A record is there and can't be trusted."""


class SealedRecords(WritableFileSystem):
    """Prefect's storage block: `location` is a folder, or an address such as s3://bucket/results."""

    _block_type_name = "Atelier results"
    _block_type_slug = "atelier-results"

    location: str
    _key: bytes = PrivateAttr(default=b"")
    _remote: Any = PrivateAttr(default=None)  # a RemoteFileSystem, whose methods are two in one

    @classmethod
    def of(cls, settings: Settings) -> "SealedRecords":
        """The storage that the settings name; its seals are made with the secret key."""
        records = cls(location=settings.result_storage_address)
        records._key = hmac.digest(settings.secret_key.encode(), b"records of results", "sha256")
        if "://" in records.location:
            records._remote = RemoteFileSystem(basepath=records.location)
        else:
            Path(records.location).mkdir(parents=True, exist_ok=True)
        return records

    async def aread_path(self, path: str) -> bytes:
        """A record's content. BadRecord where the seal does not fit, an error of its own where there is none."""
        whole = _read(self._file(path)) if self._remote is None else await self._remote.aread_path(path)
        return self._opened(path, whole)

    async def awrite_path(self, path: str, content: bytes) -> None:
        """Seal a record and put it in its place."""
        sealed = self._seal(path, content) + content
        if self._remote is None:
            _put(self._file(path), sealed)
        else:
            await self._remote.awrite_path(path, sealed)

    def read_path(self, path: str, **_how: Any) -> bytes:  # type: ignore[override]
        """As `aread_path`."""
        whole = _read(self._file(path)) if self._remote is None else self._remote.read_path(path, _sync=True)
        return self._opened(path, whole)

    def write_path(self, path: str, content: bytes, **_how: Any) -> None:  # type: ignore[override]
        """As `awrite_path`."""
        sealed = self._seal(path, content) + content
        if self._remote is None:
            _put(self._file(path), sealed)
        else:
            self._remote.write_path(path, sealed, _sync=True)

    def forget(self, path: str) -> None:
        """Take a record away; one that is not there is fine."""
        try:
            if self._remote is None:
                os.unlink(self._file(path))
            else:
                self._remote.filesystem.rm(f"{self.location.rstrip('/')}/{path}")
        except FileNotFoundError:
            pass

    def _file(self, path: str) -> str:
        if "/" in path or path in ("", ".", ".."):
            raise BadRecord("a record's name is one word")
        return os.path.join(self.location, path)

    def _seal(self, path: str, content: bytes) -> bytes:
        mac = hmac.new(self._key, path.encode() + b"\0" + content, hashlib.sha256)
        return _FIRST + mac.hexdigest().encode() + b"\n"

    def _opened(self, path: str, whole: bytes) -> bytes:
        seal, _, content = whole.partition(b"\n")
        if not hmac.compare_digest(seal + b"\n", self._seal(path, content)):
            log.warning("a record of a result is damaged or not ours, and is made anew", record=path)
            raise BadRecord("the seal does not fit")
        return content


# A record is some hundred bytes: read and written at once, in the loop's own thread, it holds nobody up.


def _read(file: str) -> bytes:
    with open(file, "rb") as record:
        return record.read()


def _put(file: str, content: bytes) -> None:
    # Not synced to the disk: what a power cut tears does not fit its seal.
    aside = f"{file}.{secrets.token_hex(4)}.new"
    with open(aside, "wb") as record:
        record.write(content)
    os.replace(aside, file)

"""Platforms' key sets: kept in the database, fetched anew for an unknown key id, errors never kept."""

import time
from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from lti_tool.db import Database, utc_now
from lti_tool.models import PlatformKeySet, Registration
from lti_tool.outbound import Outbound, OutboundError
from lti_tool.web import launch_refusals

log = structlog.get_logger()
FLOOR_SECONDS = 5.0
FRESH = timedelta(hours=1)
"""A key that the platform withdrew is believed for this long at most, while the platform answers."""


class PlatformKeys:
    """The key set of a registration for a key id.

    A fetch that did not bring the wanted id holds off the next one for a few seconds, so that made-up ids cannot
    make us hammer a platform; a real rotation is found at once.
    """

    def __init__(self, database: Database, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._outbound = outbound
        self._clock = clock
        self._fruitless: dict[int, float] = {}
        self._lock = Lock()

    def for_key(self, registration: Registration, kid: str) -> dict[str, Any]:
        """The kept set if it has the id and is fresh, else the set as fetched now; KeysUnreachable without any."""
        kept, fresh = self._kept(registration.id)
        if kept is not None and fresh and _has(kept, kid):
            return kept
        if kept is not None and not self._may_fetch(registration.id):
            return kept
        try:
            fetched = self._fetch(registration.jwks_url)
        except OutboundError:
            self._mark(registration.id, fruitless=True)
            if kept is not None and _has(kept, kid):
                return kept
            raise launch_refusals.KeysUnreachable() from None
        self._keep(registration.id, fetched)
        self._mark(registration.id, fruitless=not _has(fetched, kid))
        return fetched

    def _kept(self, registration_id: int) -> tuple[dict[str, Any] | None, bool]:
        with self._database.read() as session:
            row = session.get(PlatformKeySet, registration_id)
            return (row.jwks, utc_now() - row.fetched_at < FRESH) if row is not None else (None, False)

    def _keep(self, registration_id: int, key_set: dict[str, Any]) -> None:
        row = PlatformKeySet(registration_id=registration_id, jwks=key_set, fetched_at=utc_now())
        try:
            with self._database.write() as session:
                session.merge(row)
        except IntegrityError:
            # Two first launches at once fetched the same set, and the other one kept it.
            log.info("key_set_kept_by_another", registration_id=registration_id)

    def _fetch(self, url: str) -> dict[str, Any]:
        reply = self._outbound.get(url, headers={"Accept": "application/json"})
        body = reply.json() if reply.ok else None
        if not isinstance(body, dict) or not isinstance(body.get("keys"), list):
            raise launch_refusals.KeysUnreachable()
        # Only public numbers are kept, whatever else a set holds.
        return {"keys": [_public(row) for row in body["keys"] if isinstance(row, dict)]}

    def _may_fetch(self, registration_id: int) -> bool:
        with self._lock:
            last = self._fruitless.get(registration_id)
        return last is None or self._clock() - last >= FLOOR_SECONDS

    def _mark(self, registration_id: int, *, fruitless: bool) -> None:
        with self._lock:
            if fruitless:
                self._fruitless[registration_id] = self._clock()
            else:
                self._fruitless.pop(registration_id, None)


def _has(key_set: dict[str, Any], kid: str) -> bool:
    return any(row.get("kid") == kid for row in key_set["keys"])


def _public(row: dict[str, Any]) -> dict[str, str]:
    return {
        name: value
        for name in ("kty", "kid", "use", "alg", "n", "e")
        if isinstance(value := row.get(name), str) and "\x00" not in value
    }

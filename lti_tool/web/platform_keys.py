"""Platforms' key sets: kept in the database, fetched anew for an unknown key id, errors never kept."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Lock
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError

from lti_tool.db import Database, utc_now
from lti_tool.models import PlatformKeySet, Registration
from lti_tool.outbound import Outbound, OutboundError
from lti_tool.web import launch_refusals

log = structlog.get_logger()
FLOOR_SECONDS = 5.0
SLOW_SECONDS = 1.0
"""A fetch that failed only after this long holds off the next one; a quick failure costs nobody anything."""
PATIENCE_SECONDS = 3.0
"""How long launches wait for a fetch that another launch of the same platform began."""
FRESH = timedelta(hours=1)
"""A key that the platform withdrew is believed for this long at most, while the platform answers."""

KeySet = dict[str, Any]


@dataclass
class _Fetch:
    """A fetch that is under way, which other launches of the platform may wait for."""

    began: float
    done: Event = field(default_factory=Event)
    key_set: KeySet | None = None


class PlatformKeys:
    """The key set of a registration for a key id.

    A fetch that did not bring the wanted id holds off the next one for a few seconds, so that made-up ids cannot
    make us hammer a platform; a real rotation is found at once. One launch fetches for all of its platform, and the
    others give up soon, so that a slow platform never holds more than a few threads.
    """

    def __init__(self, database: Database, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._outbound = outbound
        self._clock = clock
        self._fruitless: dict[int, float] = {}
        self._under_way: dict[int, _Fetch] = {}
        self._lock = Lock()

    def for_key(self, registration: Registration, kid: str) -> KeySet:
        """The kept set if it has the id and is fresh, else the set as fetched now; KeysUnreachable without any."""
        kept, fresh = self._kept(registration.id)
        known = kept if kept is not None and _has(kept, kid) else None
        if known is not None and fresh:
            return known
        if not self._may_fetch(registration.id):
            if kept is None:
                raise launch_refusals.KeysUnreachable()
            return kept
        try:
            fetched = self._fetched(registration, known, kid)
        except launch_refusals.KeysUnreachable:
            if known is not None:
                return known
            raise
        if not _has(fetched, kid):
            self._hold_off(registration.id)
        return fetched

    def read_now(self, registration: Registration) -> int:
        """Fetch and keep the set whatever is known of it; returns how many keys it has. KeysUnreachable if it fails."""
        return len(self._fetched(registration, None)["keys"])

    def _fetched(self, registration: Registration, known: KeySet | None, kid: str | None = None) -> KeySet:
        """The set as it is now: fetched by us, or by a launch beside us. `known` serves while another one fetches.

        With a `kid`, a set that has it by now is enough.
        """
        with self._lock:
            other = self._under_way.get(registration.id)
            mine = self._under_way[registration.id] = _Fetch(self._clock()) if other is None else other
        if other is not None:
            return known or _wait_for(other, PATIENCE_SECONDS - (self._clock() - other.began))
        try:
            # A fetch may have ended between our look at what is kept and now.
            mine.key_set = self._fresh_with(registration.id, kid) if kid is not None else None
            if mine.key_set is not None:
                return mine.key_set
            mine.key_set = self._fetch(registration.jwks_url)
            self._keep(registration.id, mine.key_set)
            return mine.key_set
        except OutboundError:
            raise launch_refusals.KeysUnreachable() from None
        finally:
            if mine.key_set is None and self._clock() - mine.began > SLOW_SECONDS:
                self._hold_off(registration.id)
            with self._lock:
                del self._under_way[registration.id]
            mine.done.set()

    def _kept(self, registration_id: int) -> tuple[KeySet | None, bool]:
        with self._database.read() as session:
            row = session.get(PlatformKeySet, registration_id)
            return (row.jwks, utc_now() - row.fetched_at < FRESH) if row is not None else (None, False)

    def _fresh_with(self, registration_id: int, kid: str) -> KeySet | None:
        kept, fresh = self._kept(registration_id)
        return kept if kept is not None and fresh and _has(kept, kid) else None

    def _keep(self, registration_id: int, key_set: KeySet) -> None:
        row = PlatformKeySet(registration_id=registration_id, jwks=key_set, fetched_at=utc_now())
        try:
            with self._database.write() as session:
                session.merge(row)
        except IntegrityError:
            # Another process fetched the same set at once, and kept it.
            log.info("key_set_kept_by_another", registration_id=registration_id)

    def _fetch(self, url: str) -> KeySet:
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

    def _hold_off(self, registration_id: int) -> None:
        with self._lock:
            self._fruitless[registration_id] = self._clock()


def _wait_for(fetch: _Fetch, seconds: float) -> KeySet:
    if seconds > 0 and fetch.done.wait(seconds) and fetch.key_set is not None:
        return fetch.key_set
    raise launch_refusals.KeysUnreachable()


def _has(key_set: dict[str, Any], kid: str) -> bool:
    return any(row.get("kid") == kid for row in key_set["keys"])


def _public(row: dict[str, Any]) -> dict[str, str]:
    return {
        name: value
        for name in ("kty", "kid", "use", "alg", "n", "e")
        if isinstance(value := row.get(name), str) and "\x00" not in value
    }

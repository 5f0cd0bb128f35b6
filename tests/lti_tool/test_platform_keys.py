"""Platforms' keys: kept, fetched anew for a new one, and never an error in their place.

One launch fetches a platform's keys for all of its others, and a slow platform holds up nobody else's.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Semaphore
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from lti_tool.db import Database, utc_now
from lti_tool.models import PlatformKeySet
from lti_tool.outbound import PlatformUnreachable, Reply
from lti_tool.registrations import add_registration, find_registration
from lti_tool.settings import Settings
from lti_tool.web import launch_refusals, platform_keys
from lti_tool.web.platform_keys import FLOOR_SECONDS, PlatformKeys
from tests.lti_tool.door import Door, HostilePlatform, error_code, public_jwk, rsa_key


@dataclass
class SlowPlatform(HostilePlatform):
    """A platform whose key-set address answers when it is told to; `fails` says that it never will."""

    go: Event = field(default_factory=Event)
    asked: Semaphore = field(default_factory=lambda: Semaphore(0))
    fails: bool = False

    def get(self, url: str, *, headers: Any = None) -> Reply:
        self.asked.release()
        assert self.go.wait(20)
        if self.fails:
            raise PlatformUnreachable("it did not answer in time", may_have_arrived=True)
        return super().get(url, headers=headers)


@dataclass
class Ways:
    """The way out, to each platform by its address."""

    platforms: dict[str, HostilePlatform]

    def get(self, url: str, *, headers: Any = None) -> Reply:
        return self.platforms[url.removesuffix("/jwks")].get(url, headers=headers)


@pytest.fixture
def slow() -> SlowPlatform:
    return SlowPlatform(issuer="https://slow.example.edu")


@pytest.fixture
def both(app: Flask, database: Database, settings: Settings, platform: HostilePlatform, slow: SlowPlatform) -> Flask:
    """The tool with two platforms, one of them slow."""
    with database.write() as session:
        add_registration(
            session,
            settings,
            name="Slow",
            issuer=slow.issuer,
            client_id=slow.client_id,
            auth_login_url=f"{slow.issuer}/auth",
            auth_token_url=f"{slow.issuer}/token",
            jwks_url=f"{slow.issuer}/jwks",
            deployment_ids=[slow.deployment_id],
        )
    ways = Ways({platform.issuer: platform, slow.issuer: slow})
    app.extensions["atelier.platform_keys"] = PlatformKeys(database, ways)
    return app


def launch(app: Flask, platform: HostilePlatform) -> str:
    answer = Door(app, platform).launch()
    return "opened" if answer.status_code == 303 else error_code(answer)


def test_a_slow_platform_holds_up_its_own_launches_alone(
    both: Flask, platform: HostilePlatform, slow: SlowPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform_keys, "PATIENCE_SECONDS", 0.2)
    with ThreadPoolExecutor(4) as threads:  # as many as this server has
        first = threads.submit(launch, both, slow)
        assert slow.asked.acquire(timeout=20)
        others = [threads.submit(launch, both, slow) for _ in range(8)]
        mine: Future[str] = threads.submit(launch, both, platform)

        assert mine.result(20) == "opened"
        assert [one.result(20) for one in others] == ["keys_unreachable"] * 8
        assert not first.done()  # so the slow platform was asked all the while
        slow.go.set()
        assert first.result(20) == "opened"
    assert slow.jwks_requests == 1


def test_launches_at_once_share_one_fetch(both: Flask, slow: SlowPlatform) -> None:
    with ThreadPoolExecutor(3) as threads:
        launches = [threads.submit(launch, both, slow) for _ in range(3)]
        assert slow.asked.acquire(timeout=20)
        slow.go.set()

        assert [one.result(20) for one in launches] == ["opened"] * 3
    assert slow.jwks_requests == 1


def test_after_a_slow_failure_nobody_waits_for_a_while(database: Database, both: Flask, slow: SlowPlatform) -> None:
    now = 100.0
    keys = PlatformKeys(database, slow, clock=lambda: now)
    registration = registration_of(database, slow)

    def fail_slowly(url: str, *, headers: Any = None) -> Reply:
        nonlocal now
        now += 10
        slow.asked.release()
        raise PlatformUnreachable("it did not answer in time", may_have_arrived=True)

    slow.get = fail_slowly  # type: ignore[method-assign]
    for _ in range(3):
        with pytest.raises(launch_refusals.KeysUnreachable):
            keys.for_key(registration, "key-1")
    assert times_asked(slow) == 1
    now += FLOOR_SECONDS
    with pytest.raises(launch_refusals.KeysUnreachable):
        keys.for_key(registration, "key-1")
    assert times_asked(slow) == 1


def registration_of(database: Database, platform: HostilePlatform) -> Any:
    with database.read() as session:
        found = find_registration(session, platform.issuer, platform.client_id)
        assert found is not None
        return found


def times_asked(platform: SlowPlatform) -> int:
    """How often it was asked since this was asked."""
    count = 0
    while platform.asked.acquire(blocking=False):
        count += 1
    return count


# ---- kept and fetched anew ------------------------------------------------------------------------------------------


def test_keys_are_fetched_once_and_again_for_a_new_key(door: Door) -> None:
    door.open()
    door.open()
    assert door.platform.jwks_requests == 1

    door.platform.publish(public_jwk(rsa_key("rotated"), "key-2"))
    begun = door.login()
    rotated = door.platform.sign(door.platform.claims(begun.nonce), key="rotated", kid="key-2")

    assert door.post(begun.state, rotated).status_code == 303
    assert door.platform.jwks_requests == 2


def test_made_up_key_ids_do_not_hammer_the_platform(door: Door) -> None:
    door.open()
    for number in range(3):
        begun = door.login()
        token = door.platform.sign(door.platform.claims(begun.nonce), kid=f"made-up-{number}")
        assert error_code(door.post(begun.state, token)) == "signature_unknown_key"

    assert door.platform.jwks_requests == 2


@pytest.mark.parametrize(("status", "body"), [(500, b"{}"), (200, b"<html>"), (200, b"[]"), (200, b'{"keys": 1}')])
def test_an_error_body_is_never_kept_as_keys(status: int, body: bytes, door: Door) -> None:
    right = door.platform.jwks_body
    door.platform.jwks_status, door.platform.jwks_body = status, body
    assert error_code(door.launch()) == "keys_unreachable"

    door.platform.jwks_status, door.platform.jwks_body = 200, right

    assert door.launch().status_code == 303


def test_kept_keys_are_used_while_the_platform_is_away(door: Door, database: Database) -> None:
    door.open()
    with database.write() as session:
        session.execute(update(PlatformKeySet).values(fetched_at=utc_now() - timedelta(hours=2)))
    door.platform.unreachable = True

    assert door.launch().status_code == 303
    assert door.platform.jwks_requests == 2


def test_an_unreachable_platform_is_a_4xx(door: Door) -> None:
    door.platform.unreachable = True

    answer = door.launch()

    assert (answer.status_code, error_code(answer)) == (400, "keys_unreachable")

"""CPU per accepted launch on SQLite, beside a bare PyJWT decode of the same tokens."""

import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import jwt

from bench.figures import Figure, cpu_milliseconds, publish
from lti_tool.db import Database
from lti_tool.registrations import add_registration
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.platform_keys import PlatformKeys
from lti_tool.web.verify import LEEWAY, Expected, verify_launch
from tests.conftest import prepare
from tests.lti_tool.door import BASE_URL, Begun, Door, HostilePlatform, public_jwk, rsa_key

LAUNCHES = 200
WARM_UP = 10
LEARNERS = 25


def main() -> None:
    """Launch, then verify and decode the same tokens alone."""
    platform = HostilePlatform()
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'tool.db'}")
        try:
            door = open_door(database, platform)
            launch_all(door, WARM_UP)
            logins, posts, tokens = launch_all(door, LAUNCHES)
        finally:
            database.close()
    # One beside the other, so that a busy moment of the machine falls on both.
    alone = [(decode_bare(token, platform), verify_alone(begun, token, platform)) for begun, token in tokens]
    bare, verified = (median(column) for column in zip(*alone, strict=True))
    name = "PyJWT RS256 decode alone"
    publish(
        "launch",
        f"Flask test client, SQLite file, logging at INFO; median of {LAUNCHES} launches by {LEARNERS} learners",
        [
            Figure(
                "accepted launch: login and POST",
                median(map(sum, zip(logins, posts, strict=True))),
                "ms CPU",
                bare,
                name,
            ),
            Figure("of it the launch POST", median(posts), "ms CPU", bare, name),
            Figure("of it verification alone", verified, "ms CPU", bare, name),
        ],
    )


def open_door(database: Database, platform: HostilePlatform) -> Door:
    """The tool, registered with a platform whose tokens we sign."""
    settings = Settings(base_url=BASE_URL, secret_key="s" * 40, rate_limits="off")
    prepare(database)
    with database.write() as session:
        add_registration(
            session,
            settings,
            name="Bench",
            issuer=platform.issuer,
            client_id=platform.client_id,
            auth_login_url=platform.issuer + "/auth",
            auth_token_url=platform.issuer + "/token",
            jwks_url=platform.issuer + "/jwks",
            deployment_ids=[platform.deployment_id],
        )
    app = create_app(settings, database)
    app.extensions["atelier.platform_keys"] = PlatformKeys(database, platform)  # type: ignore[arg-type]
    return Door(app, platform)


def launch_all(door: Door, count: int) -> tuple[list[float], list[float], list[tuple[Begun, str]]]:
    """CPU of each login and of each POST, and the tokens; minting a token is the platform's work, not counted."""
    logins, posts, tokens = [], [], []
    begun: list[Begun] = []
    for number in range(count):
        # A browser of its own each time, as another learner would have.
        browser = Door(door.app, door.platform)
        logins.append(cpu_milliseconds(partial(begin, browser, begun)))
        claims = door.platform.claims(begun[-1].nonce, sub=f"user-{number % LEARNERS}")
        token = door.platform.sign(claims)
        posts.append(cpu_milliseconds(partial(accepted, browser, token, begun[-1])))
        tokens.append((begun[-1], token))
    return logins, posts, tokens


def begin(browser: Door, begun: list[Begun]) -> None:
    """Begin a login, and keep what the platform is told."""
    begun.append(browser.login())


def accepted(browser: Door, token: str, begun: Begun) -> None:
    """Send the launch; only one that is accepted counts."""
    answer = browser.post(begun.state, token)
    if answer.status_code != 303:
        raise SystemExit(f"a launch was answered {answer.status_code}")


def verify_alone(begun: Begun, token: str, platform: HostilePlatform) -> float:
    """CPU of all our rules on one token, without request or database."""
    key_set: dict[str, Any] = {"keys": [public_jwk(rsa_key("platform"), "key-1")]}
    expected = Expected(platform.issuer, platform.client_id, begun.nonce, BASE_URL, frozenset({platform.deployment_id}))
    return cpu_milliseconds(lambda: verify_launch(token, expected, lambda _kid: key_set))


def decode_bare(token: str, platform: HostilePlatform) -> float:
    """CPU of the library's own decode with a key that is already loaded."""
    key = rsa_key("platform").public_key()
    return cpu_milliseconds(
        lambda: jwt.decode(token, key, ["RS256"], audience=platform.client_id, issuer=platform.issuer, leeway=LEEWAY)
    )


if __name__ == "__main__":
    main()

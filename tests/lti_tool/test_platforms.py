"""Registering platforms, by function and by command; our keys; the names people are shown by."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from jwcrypto.jwk import JWK
from sqlalchemy import select
from typer.testing import CliRunner

from lti_tool import schema
from lti_tool.db import Database, utc_now
from lti_tool.handles import handles
from lti_tool.keys import KeySealProblem, current_key, ensure_key, public_jwks, rotate_key
from lti_tool.lms_commands import app
from lti_tool.models import PlatformKeySet, Registration, ToolKey
from lti_tool.platforms import frame_origins, rules_for
from lti_tool.registrations import (
    RegistrationProblem,
    add_registration,
    find_registration,
    list_registrations,
    remove_registration,
)
from lti_tool.settings import Settings, get_settings

MOODLE: dict[str, Any] = {
    "name": "Moodle",
    "issuer": "https://moodle.example.edu",
    "client_id": "abc",
    "auth_login_url": "https://moodle.example.edu/mod/lti/auth.php",
    "auth_token_url": "https://moodle.example.edu/mod/lti/token.php",
    "jwks_url": "https://moodle.example.edu/mod/lti/certs.php",
    "deployment_ids": ["1"],
}
SETTINGS = Settings(secret_key="s" * 40)


def test_the_same_platform_again_is_updated_and_gains_deployments(database: Database) -> None:
    with database.write() as session:
        first = add_registration(session, SETTINGS, **MOODLE)
        session.add(PlatformKeySet(registration_id=first.id, jwks={"keys": []}, fetched_at=utc_now()))
    again = MOODLE | {"jwks_url": "https://moodle.example.edu/new", "deployment_ids": ["2", "1"]}
    with database.write() as session:
        add_registration(session, SETTINGS, **again)

    with database.read() as session:
        (stored,) = list_registrations(session)
        assert stored.jwks_url == "https://moodle.example.edu/new"
        assert [deployment.lms_id for deployment in stored.deployments] == ["1", "2"]
        assert session.scalars(select(PlatformKeySet)).all() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"auth_login_url": "http://moodle.example.edu/auth"}, "The auth-login address must begin with https://"),
        ({"jwks_url": "http://127.0.0.1:8000/jwks"}, "ATELIER_ALLOW_HTTP"),
        ({"auth_token_url": "javascript:alert(1)"}, "must be a web address"),
        ({"auth_token_url": "https://me@moodle.example.edu/"}, "must be a web address"),
        ({"jwks_url": "https://[::1"}, "is not a web address"),
        ({"jwks_url": "https://x.example.edu/" + "x" * 2000}, "1 to 2000"),
        ({"issuer": ""}, "The issuer must be"),
        ({"client_id": "a\x00b"}, "The client id must be"),
        ({"name": " x"}, "The name must be"),
        ({"deployment_ids": []}, "at least one deployment"),
        ({"deployment_ids": ["x" * 256]}, "The deployment id must be"),
    ],
)
def test_a_registration_that_cannot_work_is_a_sentence(
    changes: dict[str, Any], sentence: str, database: Database
) -> None:
    with database.write() as session:
        with pytest.raises(RegistrationProblem, match=sentence):
            add_registration(session, SETTINGS, **(MOODLE | changes))
        assert list_registrations(session) == []


def test_http_is_for_loopback_where_it_is_allowed(database: Database) -> None:
    local = dict.fromkeys(("auth_login_url", "auth_token_url", "jwks_url"), "http://127.0.0.2:9000/x")

    with database.write() as session:
        stored = add_registration(session, Settings(allow_http=True), **(MOODLE | local))

    assert stored.jwks_url == "http://127.0.0.2:9000/x"


def test_an_issuer_of_many_is_found_by_its_client_alone(database: Database) -> None:
    with database.write() as session:
        add_registration(session, SETTINGS, **MOODLE)
        assert find_registration(session, MOODLE["issuer"], None) is not None
        second = add_registration(session, SETTINGS, **(MOODLE | {"client_id": "def"}))

        assert find_registration(session, MOODLE["issuer"], None) is None
        assert find_registration(session, MOODLE["issuer"], "def") is second
        remove_registration(session, second.id)
        assert find_registration(session, MOODLE["issuer"], "def") is None


def test_only_canvas_hears_of_work_that_is_not_scored_yet() -> None:
    told = {
        family: rules_for(family).submitted_message for family in ("canvas", "Canvas", "moodle", "brightspace", None)
    }

    assert told == {"canvas": True, "Canvas": True, "moodle": False, "brightspace": False, None: False}


def test_hosted_canvas_is_framed_from_the_institution_s_own_host() -> None:
    canvas = Registration(
        issuer="https://canvas.instructure.com", auth_login_url="https://sso.canvaslms.com/api/lti/authorize_redirect"
    )

    assert frame_origins(canvas) == {
        "https://canvas.instructure.com",
        "https://sso.canvaslms.com",
        "https://*.instructure.com",
    }


# ---- our keys ------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_sealed_and_named_by_its_thumbprint(database: Database) -> None:
    with database.write() as session:
        ensure_key(session, SETTINGS)
        key = current_key(session, SETTINGS)
        (published,) = public_jwks(session)["keys"]
        (row,) = session.scalars(select(ToolKey)).all()

        assert "PRIVATE" not in row.sealed_private_pem
        assert key.kid == published["kid"] == JWK.from_pem(key.private_pem.encode()).thumbprint()
        assert "PRIVATE" not in repr(key)


def test_another_secret_key_cannot_open_it_and_says_so(database: Database) -> None:
    with database.write() as session:
        ensure_key(session, SETTINGS)
        with pytest.raises(KeySealProblem, match="ATELIER_SECRET_KEY"):
            current_key(session, Settings(secret_key="t" * 40))


def test_a_rotated_key_stays_published(database: Database) -> None:
    with database.write() as session:
        former = current_key(session, SETTINGS).kid
        newer = rotate_key(session, SETTINGS)

        assert current_key(session, SETTINGS).kid == newer
        assert [key["kid"] for key in public_jwks(session)["keys"]] == [newer, former]


# ---- handles -------------------------------------------------------------------------------------------------


def test_a_handle_is_the_same_every_time_and_another_for_another_person() -> None:
    first = list(islice(handles(1, "user-1"), 3))

    assert first == list(islice(handles(1, "user-1"), 3))
    assert len(set(first)) == 3
    assert next(handles(2, "user-1")) != first[0]


def test_there_are_handles_for_everybody() -> None:
    taken: set[str] = set()
    for number in range(12_000):
        taken.add(next(handle for handle in handles(1, f"user-{number}") if handle not in taken))

    assert len(taken) == 12_000


# ---- the command ---------------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`run("list")`: the command on a fresh database; gives its exit code, output and error."""
    url = f"sqlite:///{tmp_path / 'lms.db'}"
    monkeypatch.setenv("ATELIER_DATABASE_URL", url)
    monkeypatch.setenv("ATELIER_SECRET_KEY", "s" * 40)
    get_settings.cache_clear()
    database = Database(url)
    schema.upgrade(database)
    database.close()
    yield lambda *arguments: CliRunner().invoke(app, list(arguments))
    get_settings.cache_clear()


ADD = [
    "add",
    *(f"--{name.replace('_', '-')}={value}" for name, value in MOODLE.items() if name != "deployment_ids"),
]


def test_lms_add_list_and_remove(run: Any) -> None:
    added = run(*ADD, "--deployment-id=1", "--deployment-id=2", "--json")
    assert added.exit_code == 0, added.output
    assert json.loads(added.stdout)["deployment_ids"] == ["1", "2"]
    assert json.loads(added.stdout)["tool"]["key_set"].endswith("/lti/jwks")

    assert run("remove", "1").exit_code == 0
    (listed,) = json.loads(run("list", "--json").stdout)
    assert (listed["name"], listed["enabled"]) == ("Moodle", False)


@pytest.mark.parametrize(
    "arguments",
    [[*ADD, "--deployment-id=1", "--jwks-url=ftp://x"], [*ADD], ["remove", "7"], ["remove", "one"], ["nothing"]],
)
def test_bad_input_is_one_sentence_and_an_exit_code(arguments: list[str], run: Any) -> None:
    answer = run(*arguments)

    assert answer.exit_code != 0
    assert answer.stderr.strip()
    assert "Traceback" not in answer.stderr
    assert json.loads(run("list", "--json").stdout) == []

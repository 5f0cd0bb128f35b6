"""The tool's keys follow one another: published before they sign, published after they signed, sealed at rest."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from lti_tool.db import Database, utc_now
from lti_tool.keys import (
    PUBLISHED_AFTER_RETIRING,
    PUBLISHED_AHEAD,
    KeySealProblem,
    current_key,
    next_key,
    public_jwks,
    reseal_keys,
    rotate_key,
)
from lti_tool.lms_commands import app
from lti_tool.models import ToolKey
from lti_tool.settings import Settings, get_settings

OLD, NEW = "o" * 40, "n" * 40
SETTINGS = Settings(secret_key=OLD, key_days=90)


def signing(database: Database, now: datetime | None = None) -> str:
    with database.write() as session:
        return current_key(session, SETTINGS, now).kid


def published(database: Database) -> list[str]:
    with database.read() as session:
        return [row["kid"] for row in public_jwks(session)["keys"]]


def make_older(database: Database, by: timedelta) -> None:
    """Let time pass for every key there is."""
    with database.write() as session:
        for row in session.scalars(select(ToolKey)):
            row.created_at -= by
            row.retired_at = row.retired_at - by if row.retired_at else None


def test_a_key_is_published_a_day_before_it_signs_and_a_week_after(database: Database) -> None:
    first = signing(database)
    make_older(database, timedelta(days=88))
    assert (signing(database), published(database)) == (first, [first])
    make_older(database, timedelta(days=1))
    assert signing(database) == first  # asked on its 89th day, so the next one is made
    second, former = published(database)
    assert former == first
    assert signing(database) == first
    make_older(database, PUBLISHED_AHEAD)
    assert signing(database) == second
    assert published(database) == [second, first]
    make_older(database, PUBLISHED_AFTER_RETIRING)
    assert published(database) == [second]


def test_zero_days_means_never(database: Database) -> None:
    first = signing(database)
    make_older(database, timedelta(days=4000))
    with database.write() as session:
        assert current_key(session, Settings(secret_key=OLD, key_days=0)).kid == first
    assert published(database) == [first]


def test_the_next_key_is_made_once_however_often_it_is_asked_for(database: Database) -> None:
    first = signing(database)
    make_older(database, timedelta(days=3))
    with database.write() as session:
        assert next_key(session, SETTINGS) == next_key(session, SETTINGS) != first
    assert signing(database) == first


def test_a_stolen_key_is_withdrawn_at_once(database: Database) -> None:
    signing(database)
    with database.write() as session:
        fresh = rotate_key(session, SETTINGS, forget=True)
    assert (signing(database), published(database)) == (fresh, [fresh])


def test_a_new_secret_opens_what_a_former_one_sealed(database: Database) -> None:
    first = signing(database)
    both = Settings(secret_key=NEW, former_secret_keys=f" {OLD} ,")
    with database.write() as session:
        with pytest.raises(KeySealProblem, match="ATELIER_FORMER_SECRET_KEYS"):
            current_key(session, Settings(secret_key=NEW))
        assert current_key(session, both).kid == first
        assert reseal_keys(session, both) == 1
        assert current_key(session, Settings(secret_key=NEW)).kid == first
        with pytest.raises(KeySealProblem):
            current_key(session, SETTINGS)


def test_no_private_number_is_stored_or_published_in_the_clear(database: Database) -> None:
    signing(database)
    with database.read() as session:
        row = session.scalars(select(ToolKey)).one()
        assert "PRIVATE" not in row.sealed_private_pem
        assert set(row.public_jwk) == {"kty", "n", "e", "kid", "use", "alg"}


def test_the_command_says_what_it_did(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_DATABASE_URL", str(database.engine.url))
    monkeypatch.setenv("ATELIER_SECRET_KEY", OLD)
    first = signing(database)
    make_older(database, timedelta(days=3))
    get_settings.cache_clear()
    try:
        made = json.loads(CliRunner().invoke(app, ["rotate-keys", "--json"]).stdout)
        assert made["published"] == [made["made"], first]
        assert "signs now" in CliRunner().invoke(app, ["rotate-keys", "--now"]).stdout
        assert json.loads(CliRunner().invoke(app, ["rotate-keys", "--reseal", "--json"]).stdout)["resealed"] == 3
        assert CliRunner().invoke(app, ["rotate-keys", "--forget"]).exit_code == 2
    finally:
        get_settings.cache_clear()
    assert signing(database, utc_now()) not in (first, made["made"])

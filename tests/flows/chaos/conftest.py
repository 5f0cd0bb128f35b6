"""Sites whose processes are struck; one of Prefect's servers serves them all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from lti_tool.db import Database
from lti_tool.models import Launch, Person
from lti_tool.notice import accept, notice_of
from tests.conftest import World, populate
from tests.flows.chaos.chaos_lms import ChaosLms
from tests.flows.chaos.child import start
from tests.flows.chaos.site import Site

MakeSite = Callable[..., Site]


@pytest.fixture
def site_world(either_world) -> World:
    """The world of a site: on SQLite, and once more on PostgreSQL."""
    return either_world


@pytest.fixture
def postgres_world(postgres_url) -> Iterator[World]:
    """The world on PostgreSQL alone."""
    database = Database(postgres_url)
    yield populate(database)
    database.close()


@pytest.fixture
def on_the_tiny_lesson(site_world) -> Callable[[str], str]:
    """`on_the_tiny_lesson("ada")`: the id of her launch there; Ines is an instructor."""

    def launch(name: str) -> str:
        with site_world.database.write() as session:
            person = session.get_one(Person, getattr(site_world, f"{name}_id"))
            role = "instructor" if name == "ines" else "student"
            launched = Launch(
                id=f"tiny-{person.handle}",
                registration_id=site_world.registration_id,
                resource_link_id=site_world.tiny_link_id,
                person_id=person.id,
                role=role,
            )
            session.add(launched)
            link = site_world.tiny(session)
            accept(session, link, person.id, notice_of("checklist", link).version)
            return launched.id

    return launch


@pytest.fixture(scope="session")
def loaded(prefect_environment) -> dict[str, str]:
    """The process from which all others are forked, once it has loaded everything; Prefect's variables."""
    start(print).join()
    return prefect_environment


@pytest.fixture
def make_site(loaded, site_world, tmp_path) -> Iterator[MakeSite]:
    """`make_site(release="auto", family="moodle")`: a site whose processes a test may strike."""
    with ExitStack() as stack:

        def make(release: str = "auto", family: str = "moodle") -> Site:
            lms = ChaosLms(family)
            stack.enter_context(lms.served())
            stack.callback(lms.patience.set)
            site = Site(site_world, lms, tmp_path, loaded)
            stack.callback(site.end)
            site.open(release)
            return site

        yield make

"""Sites whose processes are struck; one of Prefect's servers serves them all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.flows.chaos.chaos_lms import ChaosLms
from tests.flows.chaos.site import Site

MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(prefect_environment, either_world, tmp_path) -> Iterator[MakeSite]:
    """`make_site(release="auto", family="moodle")`: a site on SQLite, and once more on PostgreSQL."""
    with ExitStack() as stack:

        def make(release: str = "auto", family: str = "moodle") -> Site:
            lms = ChaosLms(family)
            stack.enter_context(lms.served())
            stack.callback(lms.patience.set)
            site = Site(either_world, lms, tmp_path, prefect_environment)
            stack.callback(site.end)
            site.open(release)
            return site

        yield make

"""A gradebook that fails, conflicts, or takes a score and does not say so: it has the score in the end, once."""

import pytest

from lti_tool.models import Passback, PassbackTry
from tests.flows.chaos.site import Site

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def site_world(postgres_world):
    """What platforms answer has nothing to do with the database."""
    return postgres_world


def tries(site: Site) -> list[tuple[str, int | None]]:
    return [(one.action, one.status) for one in site.rows(PassbackTry) if one.action != "read"]


@pytest.mark.parametrize("family", ["moodle", "canvas"])
def test_every_answer_that_says_nothing_is_followed_by_a_look(make_site, family: str) -> None:
    site = make_site(family=family)
    site.send("ada")
    site.lms.mishaps += ["500", "409", "takes it, then silence"]
    site.recover()
    assert site.lms.met == ["500", "409", "takes it, then silence"]
    [message] = site.rows(Passback)
    assert (message.state, message.answer) == ("sent", "It had arrived.")
    assert tries(site) == [("post", 500), ("post", 409), ("post", None)]
    assert site.lms.posts == [message.body] * 3
    assert site.lms.kept == [message.body]
    site.check()


def test_a_score_that_was_taken_with_an_error_is_seen_at_once(make_site) -> None:
    site = make_site()
    site.send("ada")
    site.lms.mishaps.append("takes it, then 500")
    site.recover()
    assert site.lms.met == ["takes it, then 500"]
    [message] = site.rows(Passback)
    assert (message.state, len(site.lms.posts)) == ("sent", 1)
    assert message.answer == "Answered 500, and the gradebook shows it."
    site.check()

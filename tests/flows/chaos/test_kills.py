"""An executor killed in each window: the next one goes on, pays nothing twice and sends what was approved, once."""

import pytest

from lti_tool.models import Job, Passback, Release
from tests.flows.chaos.windows import WINDOWS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

IN_AN_EXECUTOR = [name for name in WINDOWS if name not in ("during reconcile", "between submission and job")]


@pytest.mark.parametrize("window", IN_AN_EXECUTOR)
def test_a_kill_in_this_window_costs_nothing(make_site, window: str) -> None:
    site = make_site()
    site.send("ada")
    site.kill(window)
    site.recover()
    assert {job.state for job in site.rows(Job)} == {"done"}
    assert [message.state for message in site.rows(Passback)] == ["sent"]
    assert len(site.rows(Release)) == 1
    assert len(site.lms.kept) == 1
    site.check()


def test_a_kill_after_the_post_and_another_while_comparing(make_site) -> None:
    site = make_site()
    site.send("ada")
    site.kill("after the POST, before the mark")
    site.pass_time()
    site.kill("during reconcile")
    site.recover()
    [message] = site.rows(Passback)
    assert (message.state, message.answer) == ("sent", "It had arrived.")
    assert len(site.lms.posts) == 1
    site.check()

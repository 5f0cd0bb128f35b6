"""The clock of the machine is set back by an hour in the middle of everything."""

from itertools import pairwise

import pytest

from lti_tool.models import Job, JobEvent, Passback

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

AN_HOUR_BACK = -3600.0


def test_what_a_killed_executor_held_is_taken_over_though_its_lease_seems_far_away(make_site) -> None:
    site = make_site()
    site.send("ada")
    site.kill("inside the judge call")
    site.set_clock(AN_HOUR_BACK)
    site.send("bo")
    if site.world.database.engine.dialect.name == "postgresql":
        site.pass_time()  # there leases go by the database's own clock, which nobody has set
    site.run()
    assert [event.detail["at"] for event in site.rows(JobEvent) if event.stage == "resumed"] == ["judging 2 of 2"]
    site.recover()
    assert {job.state for job in site.rows(Job)} == {"done"}
    site.check()


def test_a_later_score_has_a_later_time(make_site) -> None:
    site = make_site()
    site.send("ada")
    site.recover()
    site.set_clock(AN_HOUR_BACK)
    site.send("ada again")
    site.recover()
    older, newer = site.rows(Passback)
    assert newer.created_at < older.created_at  # by the clock it came before
    assert [earlier.timestamp < later.timestamp for earlier, later in pairwise([older, newer])] == [True]
    assert [message.state for message in (older, newer)] == ["sent", "sent"]
    assert site.lms.cells["sub-ada"].score == newer.body["scoreGiven"]
    site.check()

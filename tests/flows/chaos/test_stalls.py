"""An owner that stops dead past its lease and then wakes up: somebody else has its work, and it writes nothing."""

import os
import signal
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from typing import Any

import pytest
from sqlalchemy import select

from lti_tool.models import Base, Job, Passback
from tests.flows.chaos.site import Site, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Beside these a woken owner may write only how well its judge is.
SPARED = {"judge_health", "judge_error_count"}


@pytest.fixture
def site_world(postgres_world):
    """Two executors on one database are a matter of PostgreSQL's."""
    return postgres_world


def everything(site: Site) -> Mapping[str, list[Any]]:
    """Every row of every table."""
    with site.world.database.read() as session:
        return {
            name: session.execute(select(table).order_by(*table.primary_key)).all()
            for name, table in Base.metadata.tables.items()
            if name not in SPARED
        }


def wake(site: Site, process: BaseProcess) -> Mapping[str, list[Any]]:
    """Let a stopped process go on to its end; returns the rows as they were just before."""
    before = everything(site)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGCONT)
    process.join(60)
    assert process.exitcode == 0
    return before


@pytest.mark.parametrize(
    "window",
    ["after the claim", "inside the judge call", "after the record, before the ledger", "before the sheet is closed"],
)
def test_a_judge_that_slept_past_its_lease_writes_nothing(make_site, window: str) -> None:
    site = make_site()
    site.send("ada")
    stalled = site.stall(window)
    site.recover()
    [judging, _] = site.rows(Job)
    assert judging.tries >= 2  # another one took it over
    before = wake(site, stalled)
    assert everything(site) == before
    site.check()


@pytest.mark.parametrize("family", ["moodle", "canvas"])
def test_a_sender_that_slept_past_its_lease_brings_no_older_score_back(make_site, family: str) -> None:
    """It had the older score in its hands, just before the request; by now a newer one is in the gradebook."""
    site = make_site(family=family)
    site.send("ada")
    stalled = site.stall("before the POST")
    site.recover()
    site.send("ada again")
    site.recover()
    older, newer = site.rows(Passback)
    assert [message.state for message in (older, newer)] == ["sent", "sent"]
    assert newer.body["scoreGiven"] > older.body["scoreGiven"]
    before = wake(site, stalled)
    assert site.lms.posts == [older.body, newer.body, older.body]  # it did send it
    assert site.lms.kept == [older.body, newer.body]
    assert everything(site) == before
    site.check()


def test_of_two_senders_each_has_its_learners(make_site) -> None:
    """While one waits for the gradebook's answer about Ada, the other sends Bo's score, and not Ada's next one."""
    site = make_site()
    site.lms.mishaps.append("holds it")
    site.send("ada")
    first = site.start(site.errand(patience=60))
    wait_until(lambda: site.lms.met == ["holds it"])
    site.send("ada again")
    site.send("bo")
    second = site.start(site.errand())
    wait_until(lambda: [job.state for job in site.rows(Job)].count("done") == 4)
    assert [body["userId"] for body in site.lms.posts] == ["sub-bo"]
    assert [job.state for job in site.rows(Job) if job.kind == "send_score"].count("queued") == 1
    site.lms.patience.set()
    for process in (first, second):
        process.join(60)
        assert process.exitcode == 0
    assert [body["userId"] for body in site.lms.posts] == ["sub-bo", "sub-ada", "sub-ada"]
    site.check()

"""An executor killed in the middle of an essay: the next one goes on where it broke, and buys almost nothing twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from lti_tool.attempts import submit
from lti_tool.models import AnswerRow, Job, JobEvent, JudgementRow, RatingRow

pytestmark = pytest.mark.slow

LEASE = "3"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def start(prefect_environment, either_world, tmp_path) -> Callable[[], subprocess.Popen[bytes]]:
    """Starts an executor in a process of its own."""
    world = either_world
    url = world.database.engine.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-m", "tests.flows.run_executor", url, str(tmp_path / "results"), str(tmp_path), LEASE]

    def start_one() -> subprocess.Popen[bytes]:
        return subprocess.Popen(arguments, cwd=ROOT, env={**os.environ, **prefect_environment})

    return start_one


def wait_for(what: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "the executor ended early"
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def rows(world, kind):
    with world.database.read() as session:
        return list(session.scalars(select(kind).order_by(*kind.__table__.primary_key)))


def test_a_killed_essay_is_finished_by_the_next_executor(either_world, start, sample_texts, tmp_path) -> None:
    world = either_world
    with world.database.write() as session:
        submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
    killed = start()
    wait_for((tmp_path / "reached").exists, killed)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(10) == -signal.SIGKILL
    # The kill hit the middle: the job is held by a dead owner, three criteria are rated, the fourth is not paid yet.
    [job] = rows(world, Job)
    owner = job.owner
    assert (job.state, job.tries, len(rows(world, RatingRow)), len(rows(world, AnswerRow))) == ("running", 1, 3, 3)

    (tmp_path / "go").touch()
    assert start().wait(120) == 0
    [job] = rows(world, Job)
    assert (job.state, job.tries, job.owner) == ("awaiting_review", 2, None)
    assert owner is not None
    calls = Counter((tmp_path / "calls").read_text().split())
    fourth = (tmp_path / "calls").read_text().split()[3]
    assert len(calls) == 7
    assert {criterion for criterion, times in calls.items() if times > 1} == {fourth}
    assert calls[fourth] == 2
    [judgement] = rows(world, JudgementRow)
    assert len(judgement.rating_ids) == len(rows(world, RatingRow)) == 7
    [resumed] = [event for event in rows(world, JobEvent) if event.stage == "resumed"]
    assert resumed.detail == {"at": "judging 4 of 7"}

"""Prefect's records after a crash: closed when the ledger is done with them, left alone before, deleted when old."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import update

from flows import upkeep
from flows.executor import Executor
from flows.upkeep import Upkeep
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import Job
from tests.flows.counting_judge import CountingJudge

pytestmark = pytest.mark.slow


@pytest.fixture
def essay(world, sample_texts) -> int:
    """Ada's essay; its id."""
    with world.database.write() as session:
        return submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"]).id


@pytest.fixture
def client(prefect_environment, monkeypatch):
    """Prefect's own client; runs are not too young to be looked at."""
    from prefect.client.orchestration import get_client

    monkeypatch.setattr(upkeep, "YOUNG", timedelta(0))
    with get_client(sync_client=True) as client:
        yield client


def left_running(client, submission_ids: list[int]):
    """What a killed executor leaves behind: a flow run that is Running, with a task in it that is Running."""
    from prefect import flow, task
    from prefect.states import Running

    @task(name="ask")
    def ask() -> None: ...

    @flow(name="judge-submissions")
    def judge_submissions(submission_ids: list[int]) -> None: ...

    run = client.create_flow_run(judge_submissions, parameters={"submission_ids": submission_ids}, state=Running())
    client.create_task_run(ask, run.id, dynamic_key="1", state=Running())
    return run.id


def state_of(client, run_id) -> str:
    return client.read_flow_run(run_id).state.name


def test_a_run_is_closed_once_nobody_works_on_its_jobs_any_more(world, essay, client) -> None:
    run_id = left_running(client, [essay])
    looks = Upkeep(world.database, days=14)

    with world.database.write() as session:
        session.execute(update(Job).values(state="running", owner="the next one"))
    looks.look()
    looks.look()
    assert state_of(client, run_id) == "Running"

    with world.database.write() as session:
        session.execute(update(Job).values(state="awaiting_review", owner=None))
    looks.look()
    assert state_of(client, run_id) == "Running"  # it may be about to say so itself
    assert looks.look()[0] >= 1
    run = client.read_flow_run(run_id)
    assert (run.state.name, run.state.message) == ("Crashed", upkeep.OVER)
    from prefect.client.schemas.filters import FlowRunFilter

    of_it = FlowRunFilter.model_validate({"id": {"any_": [run_id]}})
    assert {task_run.state.name for task_run in client.read_task_runs(flow_run_filter=of_it)} == {"Crashed"}


def test_a_run_about_no_job_is_closed_when_it_is_older_than_any_can_be(world, client, monkeypatch) -> None:
    from prefect import flow
    from prefect.states import Running

    @flow(name="retention")
    def retention() -> None: ...

    run = client.create_flow_run(retention, state=Running())
    looks = Upkeep(world.database, days=14)
    looks.look()
    looks.look()
    assert state_of(client, run.id) == "Running"

    monkeypatch.setattr(upkeep, "LONGEST", timedelta(0))
    looks.look()
    looks.look()
    assert state_of(client, run.id) == "Crashed"


def test_runs_of_others_on_the_same_server_are_left_alone(world, client) -> None:
    from prefect import flow
    from prefect.states import Running

    @flow(name="somebody-elses")
    def theirs() -> None: ...

    run = client.create_flow_run(theirs, state=Running())
    looks = Upkeep(world.database, days=1)
    looks.look()
    looks.look()
    assert state_of(client, run.id) == "Running"


def test_old_runs_are_deleted_and_young_ones_kept(world, essay, client, executor, monkeypatch) -> None:
    from prefect.exceptions import ObjectNotFound

    worker: Executor = executor(CountingJudge())
    worker.run_until_idle()
    runs = [run for run in client.read_flow_runs() if run.name.startswith("durable-workflows: 1 submission")]
    run = max(runs, key=lambda run: run.created)
    assert Upkeep(world.database, days=0).look()[1] == 0
    Upkeep(world.database, days=1).look()
    assert state_of(client, run.id) == "Completed"
    later = utc_now() + timedelta(days=2)
    monkeypatch.setattr(upkeep, "utc_now", lambda: later)
    looks = Upkeep(world.database, days=1)
    assert looks.look()[1] >= 1
    while looks.look()[1]:  # other tests left theirs on this server, and a look deletes only so many
        continue
    with pytest.raises(ObjectNotFound):
        client.read_flow_run(run.id)


def test_runs_are_named_after_lesson_and_jobs_and_tasks_after_criteria(world, essay, client, executor) -> None:
    from prefect.client.schemas.filters import FlowRunFilter

    executor(CountingJudge()).run_until_idle()
    with world.database.read() as session:
        job_id = session.query(Job.id).scalar()
    runs = client.read_flow_runs()
    named = [run for run in runs if run.name == f"durable-workflows: 1 submission, job {job_id}"]
    run = max(named, key=lambda run: run.created)
    of_it = FlowRunFilter.model_validate({"id": {"any_": [run.id]}})

    async def names() -> set[str]:
        # The server records tasks in batches.
        for _ in range(100):
            found = {task_run.name for task_run in client.read_task_runs(flow_run_filter=of_it)}
            if len(found) == 7:
                return found
            await asyncio.sleep(0.1)
        return found

    assert f"failure_story of submission {essay}" in asyncio.run(names())

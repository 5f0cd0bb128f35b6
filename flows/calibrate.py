"""The flow that fits the trained judge on a course's own blind sheets, and tries the gate on it and the one it has.

What is said of the trained judge is about texts that it had not seen: each fifth is judged by one that was fitted on
the other four. Nothing is released by it, and no judge is put in place: the result is a report.
"""

from typing import Any

import structlog
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.run_names import calibration_name
from flows.work import CALIBRATING
from lti_tool import calibration_runs, jobs
from lti_tool.db import Database
from lti_tool.jobs import Claim, LeaseLost

log = structlog.get_logger()


@task(name="calibrate", task_run_name="run of job {job_id}", cache_policy=NO_CACHE, persist_result=False)
async def calibrate_one(job_id: int) -> None:
    """Fit, try, and keep what came of it; whatever goes wrong ends in the ledger."""
    work = CALIBRATING.get()
    await work.bench.in_thread(carry_out, work.bench.database, work.claims[job_id])


@flow(name="calibrate", flow_run_name=calibration_name, validate_parameters=False, persist_result=False)
async def calibrate(calibration_ids: list[int]) -> None:
    """One run after the other: each takes a processor for itself."""
    for job_id in calibration_ids:
        await calibrate_one(job_id)


def carry_out(database: Database, claim: Claim) -> None:
    """Do one run; a fault of its sheets is its result, any other is tried again later."""
    # Loaded here: pandas and scikit-learn are needed for nothing else that an executor does all day.
    from eval.errors import EvalError
    from flows.calibration_report import report_on
    from flows.judging.training import TrainingProblem

    with database.read() as session:
        work = calibration_runs.task_of(session, claim.job_id)
    try:
        if work is None:
            kept: dict[str, Any] = {"problem": "The sheets it was to be fitted on are gone."}
        else:
            kept = {"result": report_on(work)}
    except (TrainingProblem, EvalError) as problem:
        kept = {"problem": str(problem)}
    except Exception as error:
        log.error("a calibration broke off", job=claim.job_id, error=type(error).__name__)
        _put_back(database, claim, f"The calibration broke off ({type(error).__name__}).")
        return
    try:
        with database.write() as session:
            calibration_runs.keep(session, claim, **kept)
    except LeaseLost:
        log.warning("lease lost", job=claim.job_id)


def _put_back(database: Database, claim: Claim, sentence: str) -> None:
    try:
        with database.write() as session:
            jobs.fail(session, claim, sentence)
    except LeaseLost:
        log.warning("lease lost", job=claim.job_id)

"""The flow that takes away what was kept long enough: one task for learners' work, one for the receipts of it.

Whatever breaks off between the two, or in the middle of one, is still due at the next look: each learner's work goes in
a transaction of its own, and what receipts are to go is written down in that same transaction.
"""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import retention as taking_away
from flows.work import RETAINING

TRY_AGAIN_AFTER = [1.0, 10.0]


@task(
    name="erase",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=len(TRY_AGAIN_AFTER),
    retry_delay_seconds=TRY_AGAIN_AFTER,
)
async def erase() -> int:
    """Take away learners' work and sign-ins whose time is over; returns of how many learners."""
    work = RETAINING.get()
    return await work.bench.in_thread(taking_away.erase, work.bench.database)


@task(
    name="forget receipts",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=len(TRY_AGAIN_AFTER),
    retry_delay_seconds=TRY_AGAIN_AFTER,
)
async def forget() -> int:
    """Take the receipts of erased answers out of the store of results; returns how many."""
    work = RETAINING.get()
    return await work.bench.in_thread(taking_away.forget, work.bench.database, work.settings)


@flow(name="retention", flow_run_name="what was kept long enough", validate_parameters=False, persist_result=False)
async def retention() -> None:
    """First the work, then the receipts of what was erased."""
    await erase()
    await forget()

"""The flow that sends released scores to the gradebooks: one run for a chunk of messages, one task a message."""

from collections import defaultdict
from collections.abc import Sequence

import structlog
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.run_names import sending_name
from flows.work import SENDING, Sending, all_or_first_error
from lti_tool import delivery
from lti_tool.jobs import Claim, LeaseLost

log = structlog.get_logger()


@task(name="send", task_run_name="message {passback_id}", cache_policy=NO_CACHE, persist_result=False)
async def send(passback_id: int) -> str:
    """Send, compare or drop one message; the ledger decides about another try. Raises LeaseLost."""
    sending = SENDING.get()
    bench, claim = sending.bench, sending.claims[passback_id]
    return await bench.in_thread(delivery.deliver, bench.database, claim, sending.gradebook_of)


@flow(name="send-scores", flow_run_name=sending_name, validate_parameters=False, persist_result=False)
async def send_scores(passback_ids: list[int]) -> None:
    """Send a chunk of messages: to each platform one after the other, as Canvas asks of its services' users."""
    sending = SENDING.get()
    by_platform: dict[int, list[Claim]] = defaultdict(list)
    for passback_id in passback_ids:
        by_platform[sending.registrations[passback_id]].append(sending.claims[passback_id])
    await all_or_first_error([_send_in_turn(sending, claims) for claims in by_platform.values()])


async def _send_in_turn(sending: Sending, claims: Sequence[Claim]) -> None:
    for claim in claims:
        assert claim.passback_id is not None
        try:
            await send(claim.passback_id)
        except LeaseLost:
            log.warning("lease lost", job=claim.job_id)
        except Exception as error:
            log.error("sending failed", job=claim.job_id, error=type(error).__name__)
            await sending.bench.in_thread(_put_back, sending, claim, type(error).__name__)


def _put_back(sending: Sending, claim: Claim, error: str) -> None:
    try:
        delivery.break_off(sending.bench.database, claim, f"Sending broke off ({error}).")
    except LeaseLost:
        log.warning("lease lost", job=claim.job_id)

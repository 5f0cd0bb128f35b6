"""The flow that judges: one run for a chunk of submissions, one task for each criterion of each.

The key of an answer is its fingerprint: for Prefect's cache, for the stored answer, and for the rating. Neither
Prefect's INPUTS policy (one judge was given another's answer) nor the task's source (a changed comment would buy
everything again) nor serializable isolation (a killed holder's lock never expires) is used.
"""

import asyncio
import inspect
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import structlog
from prefect import Task, flow, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.serializers import JSONSerializer
from sqlalchemy.exc import InterfaceError, OperationalError

from flows import answers, drafts, judge_watch, sheets
from flows.answers import Bought
from flows.closing import Filled
from flows.coaching import coach_take
from flows.judging.judge import Answer, JudgeHeld, JudgeUnavailable
from flows.run_names import chunk_name, question_name
from flows.sheets import Answered, OpenSheet, Part
from flows.work import CHUNK, Bench, Chunk, all_or_first_error
from lti_tool import jobs
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.judge_health import count_error

LONGEST_WAIT = 30.0  # seconds a task waits for a judge; beyond that the job is tried again later
HELD_SECONDS = 600.0  # until work is looked at again that waits for an operator
OPENED_AT_ONCE = 20  # submissions; a text's facts take some milliseconds
ASK_AGAIN_AFTER = [1.0, 4.0, 12.0]
KEEP_AGAIN_AFTER = [1.0, 2.0, 4.0, 8.0, 15.0, 30.0]  # seconds: as long as a database takes to be there again
TOO_MUCH = ("rate limited", "overloaded")  # kinds of error after which no executor asks for a while

log = structlog.get_logger()


def by_fingerprint(_context: TaskRunContext, parameters: dict[str, Any]) -> str:
    """The cache key of a task."""
    return str(parameters["fingerprint"])


async def is_worth_waiting(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether to ask again in this run: only a judge that is away, and only if it is back soon enough."""
    error = state.data
    if not isinstance(error, JudgeUnavailable) or isinstance(error, JudgeHeld):
        return False
    wished = error.retry_after or 0
    if wished > LONGEST_WAIT:
        return False
    await asyncio.sleep(wished * random.uniform(1, 1.2))
    return True


@task(
    name="ask",
    task_run_name=question_name,  # type: ignore[arg-type]  # its protocol asks for a class method of its own
    cache_key_fn=by_fingerprint,
    persist_result=True,
    result_serializer=JSONSerializer(),  # by its name it would be looked up, and checked, for every task run
    retries=len(ASK_AGAIN_AFTER),
    retry_delay_seconds=ASK_AGAIN_AFTER,
    retry_jitter_factor=0.5,
    retry_condition_fn=is_worth_waiting,
)
async def ask(submission_id: int, fingerprint: str) -> dict[str, Any]:
    """Have the judge answer and the answer stored; returns the receipt: model and usage. Raises JudgeUnavailable.

    Prefect keeps the receipt. The answer itself, which may quote a learner, is in the ledger's database alone.
    """
    chunk = CHUNK.get()
    bench, sheet = chunk.bench, chunk.sheets[submission_id]
    async with bench.asking_alone(fingerprint):
        answer = await bench.stored_answer(fingerprint) or await _buy(chunk, sheet, sheet.part(fingerprint))
    chunk.answers[submission_id, fingerprint] = answer
    return {"model": answer.model, "usage": answer.usage.model_dump(mode="json")}


# Prefect asks four times a task run what it takes.
ask.fn.__signature__ = inspect.signature(ask.fn)  # type: ignore[attr-defined]
# Where no answer is stored a receipt is void, so that the storage need not be asked for one.
ask_anew = ask.with_options(refresh_cache=True)


async def _buy(chunk: Chunk, sheet: OpenSheet, part: Part) -> Answer:
    bench = chunk.bench
    counted = part.judge.paid and (bench.budget_usd or sheet.budget_usd is not None)
    async with bench.may_ask(part.judge, urgent=chunk.urgent):
        if counted:
            await _within_budgets(bench, sheet)
        bought = Bought(sheet.registration_id, part.fingerprint, await _asked(bench, part))
        # Who has the turn next looks at what was spent, and must see this.
        answer = await _kept(bench, bought) if counted else None
        if answer is not None and sheet.budget_usd is not None:
            await _count_for_placement(chunk, Answered(chunk.claims[sheet.submission_id], sheet, part, answer))
    answer = answer or await _kept(bench, bought)
    if bench.trouble and part.judge.paid:  # a judge that costs nothing is never held, and says nothing of one that is
        await bench.in_thread(judge_watch.has_answered, bench)
    return answer


async def _kept(bench: Bench, bought: Bought) -> Answer:
    """Have an answer stored: it is paid, and a database that is restarted meanwhile must not make it be asked again."""
    for seconds in KEEP_AGAIN_AFTER:
        try:
            return await bench.keep_answer(bought)
        except (InterfaceError, OperationalError) as error:
            log.warning("an answer waits for the database", error=type(error).__name__)
            await asyncio.sleep(seconds)
    return await bench.keep_answer(bought)


async def _count_for_placement(chunk: Chunk, answered: Answered) -> None:
    """Rate at once: what a placement has spent is known by the answers that its ratings rest on."""
    with suppress(LeaseLost):  # whoever holds the job by now finds the answer, and rates
        await chunk.bench.keep_ratings(answered)


async def _within_budgets(bench: Bench, sheet: OpenSheet) -> None:
    if bench.budget_usd:
        await bench.in_thread(answers.within_budget, bench.database, bench.budget_usd)
    if sheet.budget_usd is not None:
        own = (sheet.resource_link_id, sheet.budget_usd)
        await bench.in_thread(answers.within_own_budget, bench.database, *own)


async def _asked(bench: Bench, part: Part) -> Answer:
    try:
        return await bench.ask(answers.ask_judge, part.judge, part.request)
    except JudgeUnavailable as error:
        await bench.in_thread(count_error, bench.database, part.judge.name, error.kind)
        if error.kind in TOO_MUCH:
            await bench.in_thread(bench.pace.take_a_break, part.judge, error.retry_after or ASK_AGAIN_AFTER[1])
        raise


@flow(name="judge-submissions", flow_run_name=chunk_name, validate_parameters=False, persist_result=False)
async def judge_submissions(submission_ids: list[int]) -> None:
    """Judge a chunk of submissions side by side; one that fails is put back and costs the others nothing."""
    await judge_all(CHUNK.get(), submission_ids)


async def judge_all(chunk: Chunk, submission_ids: Sequence[int]) -> None:
    """Open sheets and judge them, some at a time: the first questions are asked while others are still opened."""
    under_way: list[asyncio.Task[None]] = []
    try:
        for start in range(0, len(submission_ids), OPENED_AT_ONCE):
            claims = await begin(chunk, submission_ids[start : start + OPENED_AT_ONCE])
            under_way += [asyncio.create_task(judge_one(chunk, claim)) for claim in claims]
    finally:  # also where some could not be opened, or one not be put back: what was asked for the others is paid
        await all_or_first_error(under_way)


async def begin(chunk: Chunk, submission_ids: Sequence[int]) -> list[Claim]:
    """Open these sheets and record their first stages, all in one go; returns the claims to go on with."""
    database = chunk.bench.database
    ready: dict[Claim, OpenSheet] = {}
    for submission_id, sheet in (await _opened(chunk, submission_ids)).items():
        claim = chunk.claims[submission_id]
        if isinstance(sheet, OpenSheet):
            ready[claim] = chunk.sheets[submission_id] = sheet
        elif isinstance(sheet, drafts.NotWanted):
            await chunk.bench.in_thread(drafts.finish_unwanted, database, [claim])
        elif isinstance(sheet, JudgeHeld):
            await chunk.bench.in_thread(_postpone, chunk, claim, sheet)
        else:
            await _broke_off(chunk, claim, sheet)
    held = await chunk.bench.in_thread(sheets.begin, database, ready)
    for claim in ready.keys() - held:
        log.warning("lease lost", job=claim.job_id)
    return [claim for claim in ready if claim in held]


async def _opened(chunk: Chunk, submission_ids: Sequence[int]) -> dict[int, OpenSheet | Exception]:
    bench = chunk.bench
    if chunk.draft:
        named = (bench.offered, bench.judge_name)
        return await bench.in_thread(drafts.open_drafts, bench.database, chunk.judge, submission_ids, *named)
    return await bench.in_thread(sheets.open_sheets, bench.database, chunk.judge, submission_ids, bench.offered)


async def judge_one(chunk: Chunk, claim: Claim) -> None:
    """Judge one submission of a chunk; whatever goes wrong ends in the ledger."""
    try:
        await _fill_in(chunk, claim)
        await _coach(chunk, claim)
    except LeaseLost:
        log.warning("lease lost", job=claim.job_id)
    except JudgeHeld as error:
        await chunk.bench.in_thread(_postpone, chunk, claim, error)
    except JudgeUnavailable as error:
        await put_back(chunk, claim, "The judge cannot be reached.", error.retry_after)
    except Exception as error:
        await _broke_off(chunk, claim, error)
    finally:
        chunk.one_less()


async def _coach(chunk: Chunk, claim: Claim) -> None:
    """Have the coach reply to a hot-take. The sheet is closed by now: whatever goes wrong here costs only the reply."""
    assert claim.submission_id is not None
    coach, bench = chunk.coach, chunk.bench
    if coach is None or not chunk.sheets[claim.submission_id].hot_take:
        return
    try:
        async with bench.may_ask(coach, urgent=chunk.urgent):
            await bench.ask(coach_take, bench.database, coach, claim.submission_id, bench.budget_usd)
    except Exception as error:
        log.error("the coach broke off", job=claim.job_id, error=type(error).__name__)


async def _broke_off(chunk: Chunk, claim: Claim, error: Exception) -> None:
    log.error("judging failed", job=claim.job_id, error=type(error).__name__)
    await put_back(chunk, claim, f"Judging broke off ({type(error).__name__}).")


async def _fill_in(chunk: Chunk, claim: Claim) -> None:
    assert claim.submission_id is not None
    sheet, turn = chunk.sheets[claim.submission_id], asyncio.Semaphore(chunk.bench.criteria_at_once)
    await all_or_first_error([_rate(chunk, claim, sheet, part, turn) for part in sheet.waiting])
    filled = Filled(claim, sheet)
    await (chunk.bench.close_draft(filled) if chunk.draft else chunk.bench.close_sheet(filled))


async def _rate(chunk: Chunk, claim: Claim, sheet: OpenSheet, part: Part, turn: asyncio.Semaphore) -> None:
    """Ask, then read: reading costs nothing and may be done again, so that it is no task of its own."""
    question = (sheet.submission_id, part.fingerprint)
    async with turn:
        if sheet.submission_id in chunk.lost:
            raise LeaseLost(f"job {claim.job_id}")  # whoever has it asks, and pays
        asked_at = time.monotonic()
        receipt = await (ask if part.fingerprint in sheet.answered else ask_anew)(*question)
        # Where Prefect had the receipt already, the answer is not at hand yet.
        answer = chunk.answers.pop(question, None) or await chunk.bench.stored_answer(part.fingerprint)
        if answer is None:
            # The answer was erased with its learner, or is another database's: Prefect's receipt is void.
            receipt = await ask_anew(*question)
            answer = chunk.answers.pop(question)
        await _take_as_long(receipt, time.monotonic() - asked_at)
        try:
            await chunk.bench.keep_ratings(Answered(claim, sheet, part, answer))
        except LeaseLost:
            chunk.lost.add(sheet.submission_id)
            raise


async def _take_as_long(receipt: dict[str, Any], passed: float) -> None:
    # A stored answer that came back at once would tell a learner that somebody else sent the same text.
    seconds = float(receipt["usage"].get("seconds", 0))
    await asyncio.sleep(max(0.0, min(seconds, LONGEST_WAIT) - passed))


async def put_back(chunk: Chunk, claim: Claim, sentence: str, retry_after: float | None = None) -> None:
    """Have a job tried again later, or handed to a person after its last try."""
    await chunk.bench.in_thread(_put_back, chunk, claim, sentence, retry_after)


def _postpone(chunk: Chunk, claim: Claim, error: JudgeHeld) -> None:
    if not isinstance(error, answers.PlacementHeld):
        judge_watch.ran_into(chunk.bench, str(error))
    try:
        with chunk.bench.database.write() as session:
            jobs.postpone(session, claim, str(error), error.retry_after or HELD_SECONDS)
    except LeaseLost:
        log.warning("lease lost", job=claim.job_id)


def _put_back(chunk: Chunk, claim: Claim, sentence: str, retry_after: float | None) -> None:
    try:
        with chunk.bench.database.write() as session:
            jobs.fail(session, claim, sentence, retry_after)
    except LeaseLost:
        log.warning("lease lost", job=claim.job_id)

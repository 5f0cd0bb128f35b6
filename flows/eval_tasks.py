"""Prefect's part of judging a set; imported only once its server answers."""

import asyncio
from typing import Any

from prefect import flow, task

from flows.eval_table import TABLE, Table
from flows.judge_submissions import ASK_AGAIN_AFTER, by_fingerprint, is_worth_waiting
from flows.judging.judge import JudgeHeld, JudgeUnavailable, Question
from flows.run_eval import Stopped

GIVE_UP_AFTER = 5  # sheets in a row that a judge could not be reached for


@task(
    name="ask",
    cache_key_fn=by_fingerprint,
    persist_result=True,
    result_serializer="json",
    retries=len(ASK_AGAIN_AFTER),
    retry_delay_seconds=ASK_AGAIN_AFTER,
    retry_jitter_factor=0.5,
    retry_condition_fn=is_worth_waiting,
)
async def ask(sheet: str, place: int, fingerprint: str) -> dict[str, Any]:
    """Have one question answered and the answer logged; returns the receipt: model and usage."""
    table = TABLE.get()
    question = table.sheets[sheet].questions[place]
    async with table.asking.setdefault(fingerprint, asyncio.Lock()), table.calls:
        answer = await table.in_thread(table.desk.answer, question)
    table.asking.pop(fingerprint, None)
    return {"model": answer.model, "usage": answer.usage.model_dump(mode="json")}


@flow(name="judge-set", validate_parameters=False, persist_result=False)
async def judge_chunk(sheets: list[str]) -> None:
    """Fill in a chunk of sheets side by side; one that fails is left for the next run and costs the others nothing."""
    await asyncio.gather(*(_fill_in(TABLE.get(), sheet) for sheet in sheets))


async def _fill_in(table: Table, mark: str) -> None:
    sheet = table.sheets[mark]
    try:
        for place, question in enumerate(sheet.questions):
            await _answered(table, mark, place, question)
        await table.in_thread(table.desk.fill_in, sheet)
        table.failed_in_a_row = 0
    except (Stopped, JudgeHeld):
        return
    except JudgeUnavailable as error:
        table.failed_in_a_row += 1
        table.desk.unreachable = str(error)
        if table.failed_in_a_row >= GIVE_UP_AFTER:
            table.desk.stop(str(error))


async def _answered(table: Table, mark: str, place: int, question: Question) -> None:
    if question.fingerprint in table.desk.log.answers:
        return
    await ask(mark, place, question.fingerprint)
    if question.fingerprint not in table.desk.log.answers:
        await ask.with_options(refresh_cache=True)(mark, place, question.fingerprint)

"""The flow that judges again, as a draft: one run for a chunk of submissions, through the same cached tasks as ever.

What was answered before under the same fingerprint is found again, so that the same judge on the same version of the
rubric costs nothing. A version of its own makes every question of a rubric a new one.
"""

from prefect import flow

from flows.judge_submissions import judge_all
from flows.run_names import draft_name
from flows.work import CHUNK


@flow(name="rejudge", flow_run_name=draft_name, validate_parameters=False, persist_result=False)
async def rejudge(drafted_ids: list[int]) -> None:
    """Judge a chunk of submissions for their drafts, side by side; nothing that holds is touched."""
    await judge_all(CHUNK.get(), drafted_ids)

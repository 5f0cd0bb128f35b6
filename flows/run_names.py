"""What runs are called in Prefect's pages: a flow run after its lessons and jobs, a task after its criterion."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import select

from flows.work import CALIBRATING, CHUNK, SENDING
from lti_tool.db import Database
from lti_tool.jobs import Claim
from lti_tool.models import LessonVersion, Submission


def lessons_of(database: Database, submission_ids: Collection[int]) -> tuple[str, ...]:
    """The lessons that these submissions belong to."""
    if not submission_ids:
        return ()
    with database.read() as session:
        found = session.scalars(
            select(LessonVersion.slug)
            .join(Submission, Submission.lesson_version_id == LessonVersion.id)
            .where(Submission.id.in_(submission_ids))
            .distinct()
        )
        return tuple(sorted(found))


def chunk_name() -> str:
    """Such as "durable-workflows: 25 essays, jobs 120-144"."""
    chunk = CHUNK.get()
    return f"{', '.join(chunk.lessons) or 'no lesson'}: {_count(chunk.claims.values(), 'submission')}"


def draft_name() -> str:
    """Such as "durable-workflows, as a draft: 25 submissions, jobs 120-144"."""
    chunk = CHUNK.get()
    return f"{', '.join(chunk.lessons) or 'no lesson'}, as a draft: {_count(chunk.claims.values(), 'submission')}"


def calibration_name() -> str:
    """Such as "1 calibration, job 12"."""
    return _count(CALIBRATING.get().claims.values(), "calibration")


def sending_name() -> str:
    """Such as "2 messages, jobs 7-9"."""
    return _count(SENDING.get().claims.values(), "message")


def question_name(parameters: dict[str, Any]) -> str:
    """Such as "failure_story of submission 12"."""
    sheet = CHUNK.get().sheets[parameters["submission_id"]]
    criteria = sheet.part(parameters["fingerprint"]).criteria
    return f"{', '.join(criteria)} of submission {parameters['submission_id']}"


def _count(claims: Collection[Claim], what: str) -> str:
    numbers = sorted(claim.job_id for claim in claims)
    if not numbers:
        return f"no {what}"
    shown = f"job {numbers[0]}" if len(numbers) == 1 else f"jobs {numbers[0]}-{numbers[-1]}"
    return f"{len(numbers)} {what}{'' if len(numbers) == 1 else 's'}, {shown}"

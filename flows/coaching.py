"""Replying to a hot-take once it is judged: the coach is asked, and what it says goes into rows as it comes.

No Prefect here, and no lease: a reply is an extra, and a take that never gets one is judged all the same.
"""

import time
from collections.abc import Callable

import structlog

from flows import answers
from flows.answers import Bought
from flows.judging.coach import Coach, RatedTake, mark_of
from flows.judging.judge import Answer, JudgeError, JudgeHeld, JudgeUnavailable
from lti_tool import coaching
from lti_tool.coaching import Due
from lti_tool.db import Database
from lti_tool.results import judge_sheet
from rubrics.checks import form_level

AGAIN_AFTER = 2.0  # seconds; a coach that is away for longer is out
EVERY = 0.25
PIECE = 24  # characters

log = structlog.get_logger()


def coach_take(database: Database, coach: Coach, submission_id: int, budget_usd: float = 0) -> bool:
    """Have the coach reply to a hot-take; returns whether it did. Anything else that was judged is passed over."""
    with database.read() as session:
        due = coaching.due(session, submission_id)
        if due is None:
            return False
        sheet = judge_sheet(session, due.submission)
        if sheet.item.kind != "hot_take" or sheet.judgement is None:
            return False
        registration_id = due.submission.person.registration_id
        take = RatedTake(
            question=sheet.item.prompt,
            text=due.submission.text,
            rubric=sheet.rubric,
            levels={row.criterion.id: row.judge_level for row in sheet.rows},
            comments={row.criterion.id: row.rating.comment for row in sheet.rows if row.rating},
            form=form_level(due.submission.text, sheet.rubric)[1],
        )
    mark = mark_of(coach, take, f"registration:{registration_id}")
    try:
        reply = coach.read(take, _answer(database, coach, take, due, registration_id, mark, budget_usd))
    except JudgeError as error:
        log.warning("the coach is out", job=due.job_id, error=type(error).__name__)
        with database.write() as session:
            coaching.is_out(session, due.job_id)
        return False
    with database.write() as session:
        coaching.reply(session, due.job_id, reply.as_json(), mark)
    return True


def _answer(
    database: Database, coach: Coach, take: RatedTake, due: Due, registration_id: int, mark: str, budget_usd: float
) -> Answer:
    """The stored answer to this question, else a new one, stored before anyone reads it. Raises JudgeError."""
    [known] = answers.stored_answers(database, [mark])
    if known is not None:
        return known
    if coach.paid and budget_usd:
        answers.within_budget(database, budget_usd)
    try:
        answer = coach.ask(take, _Speaker(database, due.job_id).hear)
    except JudgeHeld:
        raise
    except JudgeUnavailable as error:
        if (error.retry_after or 0) > AGAIN_AFTER:
            raise
        time.sleep(error.retry_after or AGAIN_AFTER)
        answer = coach.ask(take, _Speaker(database, due.job_id).hear)
    if coach.paid:
        [answer] = answers.keep_answers(database, [Bought(registration_id, mark, answer)])
    return answer


class _Speaker:
    """Writes what the coach says into rows, a few words at a time."""

    def __init__(self, database: Database, job_id: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._job_id, self._clock = database, job_id, clock
        self._held, self._begun, self._said_at = "", False, 0.0

    def hear(self, text: str) -> None:
        self._held += text
        if len(self._held) < PIECE and self._clock() - self._said_at < EVERY:
            return
        with self._database.write() as session:
            coaching.say(session, self._job_id, self._held, begins=not self._begun)
        self._held, self._begun, self._said_at = "", True, self._clock()

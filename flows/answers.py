"""What judges answered: bought once, kept as it came before anybody reads it, and found again. No Prefect here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from flows.judging.judge import Answer, Judge, JudgeHeld, JudgeRefused, JudgeRequest, Usage
from lti_tool.db import Database, in_parts, insert_new, utc_now
from lti_tool.models import AnswerRow
from lti_tool.spending import midnight, spent_on, spent_today

REFUSED = "refused"
LOOK_AGAIN = 3600.0

_COLUMNS = (AnswerRow.fingerprint, AnswerRow.body, AnswerRow.model, AnswerRow.usage)


@dataclass(frozen=True)
class Bought:
    """An answer that has just come, and where it belongs."""

    registration_id: int
    fingerprint: str
    answer: Answer


def stored_answers(database: Database, fingerprints: Sequence[str]) -> list[Answer | None]:
    """The answers to these questions that were paid for before; None where there is none."""
    with database.read() as session:
        rows = session.execute(select(*_COLUMNS).where(AnswerRow.fingerprint.in_(fingerprints))).all()
    found = {row.fingerprint: _answer(row.body, row.model, row.usage) for row in rows}
    return [found.get(mark) for mark in fingerprints]


def known(session: Session, fingerprints: Sequence[str]) -> set[str]:
    """Which of these questions have an answer already."""
    found: set[str] = set()
    for part in in_parts(fingerprints):
        found |= set(session.scalars(select(AnswerRow.fingerprint).where(AnswerRow.fingerprint.in_(part))))
    return found


def ask_judge(judge: Judge, request: JudgeRequest) -> Answer:
    """A new answer; a refusal is one too, so that nobody buys it again. Raises JudgeUnavailable."""
    try:
        return judge.ask(request)
    except JudgeRefused as refusal:
        return Answer(body={REFUSED: refusal.reason}, model=judge.model)


def keep_answers(database: Database, bought: Sequence[Bought]) -> list[Answer]:
    """Store answers, whoever holds their jobs by now; where another one was stored meanwhile, that one stands."""
    rows = [
        {
            "fingerprint": one.fingerprint,
            "registration_id": one.registration_id,
            "body": one.answer.body,
            "model": one.answer.model,
            "usage": one.answer.usage.model_dump(mode="json"),
        }
        # In one order everywhere, so that two executors never wait for each other.
        for one in sorted(bought, key=lambda one: one.fingerprint)
    ]
    with database.write() as session:
        new = {row.fingerprint for row in insert_new(session, AnswerRow.__table__, rows, ["fingerprint"])}  # type: ignore[arg-type]
    earlier = [one.fingerprint for one in bought if one.fingerprint not in new]
    standing = dict(zip(earlier, stored_answers(database, earlier), strict=True)) if earlier else {}
    return [standing.get(one.fingerprint) or one.answer for one in bought]


def within_budget(database: Database, budget_usd: float) -> None:
    """Raises JudgeHeld when what was paid today reaches the budget."""
    now = utc_now()
    with database.read() as session:
        spent = sum(spent_today(session, now).values())
    if spent >= budget_usd:
        until_midnight = (midnight(now) + timedelta(days=1) - now).total_seconds()
        raise JudgeHeld("Today's budget for judging is spent; it goes on tomorrow.", until_midnight)


class PlacementHeld(JudgeHeld):
    """Work of one placement waits until somebody has acted there; the judge itself is well."""


def within_own_budget(database: Database, resource_link_id: int, budget_usd: float) -> None:
    """Raises PlacementHeld when what was paid for this placement reaches its own budget."""
    with database.read() as session:
        if spent_on(session, resource_link_id) >= budget_usd:
            raise PlacementHeld("The budget of this placement is spent; it can be raised in its settings.", LOOK_AGAIN)


def _answer(body: dict[str, object], model: str, usage: dict[str, object]) -> Answer:
    return Answer(body=body, model=model, usage=Usage.model_validate(usage))

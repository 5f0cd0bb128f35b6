"""Comparing the course's gradebook with what was sent: for everybody at once, when an instructor asks."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool import jobs, passback
from lti_tool.delivery import number, shows_score
from lti_tool.models import LineItem, Passback, Person, ResourceLink

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Compared:
    """How many learners' scores the gradebook shows as sent, as something else, and not at all."""

    same: int = 0
    other: int = 0
    nothing: int = 0


def column_of(session: Session, link: ResourceLink) -> str | None:
    """The address of the placement's gradebook column, if it is known."""
    known = session.get(LineItem, link.id)
    return link.line_item_url or (known.url if known is not None else None) or None


def store_shown(session: Session, link: ResourceLink, results: Iterable[Row], now: datetime) -> Compared:
    """Keep what the gradebook shows beside the newest message about each learner.

    A message that was given up and stands there after all has arrived. One that is on its way is left to its sender.
    """
    shown = {str(row.get("userId")): row for row in results}
    count = {"same": 0, "other": 0, "nothing": 0}
    for message, sub in _newest(session, link):
        row = shown.get(sub)
        is_ours = shows_score(row, message.body)
        if message.state == "refused":
            if is_ours:
                jobs.no_more(session, message.id)
                passback.settle(message, "sent", "It had arrived.")
            else:
                continue
        elif message.state != "sent":
            continue
        message.read_back = _kept(row, now)
        count["same" if is_ours else "nothing" if is_empty(message.read_back) else "other"] += 1
    return Compared(**count)


def is_empty(read_back: Row | None) -> bool:
    """Whether the gradebook was looked at and showed no score."""
    return read_back is not None and read_back.get("resultScore") is None


def is_other(message: Passback) -> bool:
    """Whether the gradebook was seen to show something else than the score that it took."""
    is_score = message.state == "sent" and "scoreGiven" in message.body
    return is_score and message.read_back is not None and not shows_score(message.read_back, message.body)


def _kept(row: Row | None, now: datetime) -> dict[str, Any]:
    score, maximum = (row.get(name) if row else None for name in ("resultScore", "resultMaximum"))
    return {"resultScore": number(score), "resultMaximum": number(maximum), "at": passback.iso(now)}


def _newest(session: Session, link: ResourceLink) -> list[tuple[Passback, str]]:
    """The newest score about each learner, with the id by which the platform knows them."""
    found = (
        select(Passback, Person.sub)
        .join(Person, Person.id == Passback.person_id)
        .where(Passback.resource_link_id == link.id, Passback.kind == "released")
        .order_by(Passback.timestamp)
    )
    newest = {message.person_id: (message, sub) for message, sub in session.execute(found)}
    return list(newest.values())

"""What was said between the tool and a judge about one sheet: every answer as it came, and what it took."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.models import AnswerRow, RatingRow
from lti_tool.results import Sheet

LONGEST = 20_000  # characters of an answer that are shown


@dataclass(frozen=True)
class Exchange:
    """One answer: on which criteria, by which model, when, for what, and its body as JSON."""

    criteria: tuple[str, ...]
    model: str
    at: datetime
    fingerprint: str
    read: int
    written: int
    cached: int
    usd: float
    seconds: float
    body: str
    cut: bool


def exchanges(session: Session, sheet: Sheet) -> list[Exchange]:
    """The answers that a judge's sheet rests on, in the order in which they came; none where a judge asked nobody."""
    if sheet.judgement is None:
        return []
    rated: dict[str, list[str]] = {}
    rows = session.execute(
        select(RatingRow.fingerprint, RatingRow.criterion)
        .where(RatingRow.id.in_(sheet.judgement.rating_ids.values()))
        .order_by(RatingRow.id)
    )
    for fingerprint, criterion in rows:
        rated.setdefault(fingerprint, []).append(criterion)
    found = session.scalars(
        select(AnswerRow).where(AnswerRow.fingerprint.in_(rated)).order_by(AnswerRow.created_at, AnswerRow.fingerprint)
    )
    titles = {criterion.id: criterion.title for criterion in sheet.rubric.criteria}
    return [_exchange(row, [titles.get(one, one) for one in rated[row.fingerprint]]) for row in found]


def _exchange(row: AnswerRow, criteria: Sequence[str]) -> Exchange:
    body = json.dumps(row.body, ensure_ascii=False, indent=1)
    used = row.usage
    return Exchange(
        criteria=tuple(criteria),
        model=row.model,
        at=row.created_at,
        fingerprint=row.fingerprint,
        read=int(used.get("input_tokens", 0)),
        written=int(used.get("output_tokens", 0)),
        cached=int(used.get("cache_read_tokens", 0)),
        usd=float(used.get("usd", 0.0)),
        seconds=float(used.get("seconds", 0.0)),
        body=body[:LONGEST],
        cut=len(body) > LONGEST,
    )

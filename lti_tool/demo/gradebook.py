"""The gradebook as people see it: one row for each learner in each column."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.demo.claims import line_item_url
from lti_tool.demo.config import PlatformConfig
from lti_tool.demo.records import LEARNER, LineItem, Person, Result, ScorePost
from lti_tool.demo.store import Store


@dataclass(frozen=True)
class Row:
    """`state` is "not sent", "submitted" (posted, no score) or "graded"; `posts` counts refused ones too.

    Names are spelled as in AGS, since the row is also answered as JSON.
    """

    person: str
    userId: str
    name: str
    state: str
    scoreGiven: float | None
    comment: str | None
    timestamp: str | None
    posts: int
    refused: int


@dataclass(frozen=True)
class Column:
    lineItem: str
    label: str
    scoreMaximum: float
    rows: tuple[Row, ...]


def read_gradebook(config: PlatformConfig, store: Store) -> list[Column]:
    with store.session() as session:
        items = session.scalars(select(LineItem).order_by(LineItem.position)).all()
        learners = session.scalars(select(Person).where(Person.role == LEARNER).order_by(Person.slug)).all()
        return [
            Column(
                lineItem=line_item_url(config, item),
                label=item.label,
                scoreMaximum=item.score_maximum,
                rows=tuple(_row(session, item, learner) for learner in learners),
            )
            for item in items
        ]


def gradebook_json(columns: list[Column]) -> dict[str, Any]:
    """The columns with a `revision` that changes whenever anything in them does."""
    listed = [asdict(column) for column in columns]
    revision = hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:16]
    return {"revision": revision, "columns": listed}


def shown_number(value: float) -> str:
    """At most two decimals, none when they are zero."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _row(session: Session, item: LineItem, learner: Person) -> Row:
    result = session.get(Result, (item.id, learner.sub))
    posts = select(func.count()).where(ScorePost.line_item_id == item.id, ScorePost.user_id == learner.sub)
    given = result.scaled(item.score_maximum) if result else None
    return Row(
        person=learner.slug,
        userId=learner.sub,
        name=learner.name,
        state="not sent" if result is None else "submitted" if given is None else "graded",
        scoreGiven=given,
        comment=result.comment if result else None,
        timestamp=result.timestamp.isoformat() if result else None,
        posts=session.scalar(posts) or 0,
        refused=session.scalar(posts.where(ScorePost.status != 200)) or 0,
    )

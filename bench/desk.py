#!/usr/bin/env python3
"""The instructor's queue with 50,000 judged submissions, on SQLite and on PostgreSQL, beside the same with 500.

Usage: python bench/desk.py [--submissions N]. A request's time is that of the whole answer, the database's included:
the 95th percentile of ROUNDS requests, each of another search, page or filter.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient
from sqlalchemy import Table, insert, select, text
from sqlalchemy.orm import Session

from bench.figures import Figure, publish
from bench.pages import INSTRUCTOR, sign_in
from bench.servers import postgres
from lti_tool.attempts import submit
from lti_tool.db import Database
from lti_tool.models import Base, GateDraw, Job, JudgementRow, Person, RatingRow, ReviewRank, Submission
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from seeds.load import bundled, read_lesson
from tests.conftest import World, populate, prepare
from tests.lti_tool.judged import all_at, judge_as

FEW, MANY = 500, 50_000
ROUNDS = 60
AT_ONCE = 5_000
WORDS = ("marmalade", "checkpoint", "ledger", "harbour", "quarterly", "walnut")
DOUBTS = (0.6, 0.7, 0.95, 1.0)  # of half of the sheets: a reason's own, so that many are equally unsure
BLIND_SHARE = 0.03
DRAW = {
    "released": False,
    "reason": "",
    "blind_probability": BLIND_SHARE,
    "audited": False,
    "audit_probability": 0.0,
    "audit_base": 0.0,
}
REASONS = ("", "|flag|", "|quote|", "|doubt|", "|doubt|flag|", "|estimate|")


def main() -> None:
    """Measure both databases and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--submissions", type=int, default=MANY, metavar="N", help=f"how many ({MANY:,})")
    many = parser.parse_args().submissions
    figures = []
    for name, opened in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
        small, large = (_on(opened, count) for count in (FEW, many))
        figures += [
            Figure(f"{name}, {many:,}: {what}", large[what], "ms, 95th percentile", small[what], f"{FEW} submissions")
            for what in large
        ]
    publish("desk", f"whole answers of the Flask test client, {ROUNDS} requests each", figures)


@contextmanager
def sqlite() -> Iterator[Database]:
    """An empty file."""
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'tool.db'}")
        yield database
        database.close()


@contextmanager
def postgresql() -> Iterator[Database]:
    """An empty database of a server of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="atelier-bench-", ignore_cleanup_errors=True) as folder,
        postgres(Path(folder)) as (address, _, _),
    ):
        database = Database(address.format("postgres"))
        yield database
        database.close()


def _on(opened, count: int) -> dict[str, float]:  # type: ignore[no-untyped-def]
    with opened() as database:
        prepare(database)
        world = populate(database)
        fill(world, count)
        app = create_app(Settings(secret_key="s" * 40, allow_http=True, rate_limits="off"), database)
        return measured(sign_in(app, database, INSTRUCTOR), world, count)


def measured(instructor: FlaskClient, world: World, count: int) -> dict[str, float]:
    """Each kind of request's 95th percentile in milliseconds."""
    draw, pages = random.Random(7), max(1, count // 50)
    with world.database.read() as session:
        some = session.scalars(select(Submission.public_id).order_by(Submission.id.desc()).limit(ROUNDS)).all()
    kinds: dict[str, Callable[[int], str]] = {
        "first page": lambda at: "queue",
        "any page": lambda at: f"queue?page={draw.randrange(1, pages + 1)}",
        "everything, any page": lambda at: f"queue?tab=all&page={draw.randrange(1, pages + 1)}",
        "one reason": lambda at: f"queue?why={draw.choice(('flag', 'quote', 'doubt'))}",
        "search for a word": lambda at: f"queue?q={draw.choice(WORDS)}",
        "search for a handle": lambda at: f"queue?q=crowd-{draw.randrange(count):05}",
        "one review": lambda at: f"review/{some[at % len(some)]}",
    }
    return {name: percentile([timed(instructor, path(at)) for at in range(ROUNDS)]) for name, path in kinds.items()}


def timed(instructor: FlaskClient, path: str) -> float:
    """Milliseconds until the whole answer is there."""
    began = time.perf_counter()
    answer = instructor.get(f"/l/{INSTRUCTOR}/{path}", base_url="https://localhost")
    spent = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return spent


def percentile(times: Sequence[float]) -> float:
    """The 95th, without the first two requests, which open connections and templates."""
    warm = sorted(times[2:])
    return warm[int(0.95 * (len(warm) - 1))]


# ---- so many submissions -------------------------------------------------------------------------------------


def fill(world: World, count: int) -> None:
    """Judged essays of so many learners, as the engine leaves them; copies of one that went the whole way."""
    draw, essay = random.Random(5), next(one for one in read_lesson(bundled()[0]).items if one.id == "essay")
    with world.database.write() as session:
        first = submit(session, world.placement(session), world.ada_id, "essay", essay.samples[0].text)
        judge_as(session, first, all_at(first, 2), comment="A comment of the judge’s.")
    for begin in range(0, count, AT_ONCE):
        with world.database.write() as session:
            _copies(session, first.id, range(begin, min(begin + AT_ONCE, count)), draw)
    with world.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _copies(session: Session, first: int, numbers: range, draw: random.Random) -> None:
    sent = _row(session, Submission, Submission.id == first)
    judged, job = (_row(session, kind, kind.submission_id == first) for kind in (JudgementRow, Job))
    ratings = [
        dict(row._mapping)
        for row in session.execute(select(RatingRow.__table__).where(RatingRow.submission_id == first))
    ]
    base = 10 + numbers.start
    ids = [base + at for at in range(len(numbers))]
    registration = session.scalars(select(Person.registration_id).limit(1)).one()
    rows: dict[type[Base], list[dict[str, object]]] = {
        kind: [] for kind in (Person, Submission, RatingRow, JudgementRow, Job, ReviewRank, GateDraw)
    }
    for number, at in zip(numbers, ids, strict=True):
        own = {"id": at, "submission_id": at}
        person = {"id": at + 100, "registration_id": registration, "sub": f"c-{number}", "handle": f"crowd-{number:05}"}
        words = f"{sent['text']} {draw.choice(WORDS)} {number}"
        rows[Person].append(person)
        rows[Submission].append(
            sent
            | {"id": at, "person_id": at + 100, "public_id": f"p{number}", "text": words, "text_hash": f"h{number}"}
        )
        own_ratings = [row | own | {"id": at * 10 + place} for place, row in enumerate(ratings)]
        rows[RatingRow] += own_ratings
        rows[JudgementRow].append(judged | own | {"rating_ids": {row["criterion"]: row["id"] for row in own_ratings}})
        rows[Job].append(job | own | {"doubt": draw.choice(DOUBTS) if draw.random() < 0.5 else draw.random()})
        blind = draw.random() < BLIND_SHARE
        why = {"points": None, "reasons": "|blind|"} if blind else {"points": 50.0, "reasons": draw.choice(REASONS)}
        rows[ReviewRank].append({"submission_id": at, "resource_link_id": sent["resource_link_id"], **why})
        rows[GateDraw].append(DRAW | own | {"judgement_id": at, "blind": blind})
    for kind, made in rows.items():
        table = kind.__table__
        assert isinstance(table, Table)
        session.execute(insert(table), made)


def _row(session: Session, kind, where) -> dict[str, object]:  # type: ignore[no-untyped-def]
    return dict(session.execute(select(kind.__table__).where(where)).one()._mapping)


if __name__ == "__main__":
    main()

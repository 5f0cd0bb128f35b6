"""What Prefect costs by itself, in each style of use and on each backend: the table that the engine's shape rests on.

Six cached tasks of half a second an essay (3 s at best), 50 essays side by side, nothing of ours around it: no ledger,
no leases. Every row prints essays a minute until Prefect had recorded them, CPU of client and server, CPU of the
database, and what was lost. Without --full only the rows that matter most.
"""

import argparse
import sys

from bench.figures import Figure, publish
from bench.servers import Backends, backends
from bench.track import Outcome, described, race

AT_ONCE = 50
# style, backend, essays, only with --full
ROWS = (
    ("one flow a chunk", "sqlite", 100, False),
    ("one flow a chunk", "postgres", 100, True),
    ("one flow a chunk", "tuned", 100, False),
    ("one flow a chunk", "redis", 100, False),
    ("one flow a chunk", "tuned", 1500, True),
    ("one flow a chunk", "redis", 1500, True),
    ("a flow an essay", "sqlite", 50, True),
    ("a flow an essay", "tuned", 50, False),
    ("a flow an essay", "redis", 50, True),
    ("bare tasks", "tuned", 50, True),
    ("a process a run", "tuned", 12, True),
)
MANY_AT_ONCE = 150


def main() -> None:
    """Each row in turn, beside the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="all rows")
    parser.add_argument("--row", type=int, action="append", help="this row alone, counted from 0; repeatable")
    asked = parser.parse_args()
    chosen = [row for at, row in enumerate(ROWS) if (at in asked.row if asked.row else asked.full or not row[3])]
    figures = []
    with backends() as servers:
        loop = race("bare_loop", 100, AT_ONCE, servers)
        for style, backend, essays, _ in chosen:
            if lacking := missing(backend, servers):
                print(f"{style}, {backend}: left out, there is no {lacking} on this machine", file=sys.stderr)
                continue
            at_once = MANY_AT_ONCE if essays > 1000 else AT_ONCE
            outcome = race("with_prefect", essays, at_once, servers, [style, backend])
            print(f"{style}, {backend}: {described(outcome)}", file=sys.stderr, flush=True)
            figures += rows(f"{style}, {backend}, {essays:,}", outcome, loop)
    publish("styles", f"{AT_ONCE} side by side, {MANY_AT_ONCE} of 1,500", figures)


def missing(backend: str, servers: Backends) -> str | None:
    """What this machine lacks for a backend."""
    if backend == "redis" and not servers.redis:
        return "redis-server"
    return None if backend == "sqlite" or servers.holds_prefect else "PostgreSQL with pg_trgm"


def rows(name: str, outcome: Outcome, loop: Outcome) -> list[Figure]:
    """The figures of one row."""
    baseline = "asyncio loop"
    return [
        Figure(f"{name}: an essay, CPU", outcome.cpu, "ms", loop.cpu, baseline),
        Figure(f"{name}: an essay, database", outcome.database, "ms", loop.database, baseline),
        Figure(f"{name}: all recorded", outcome.recorded, "s", loop.recorded, baseline),
        Figure(f"{name}: records lost", float(outcome.said["lost"]), "", float(loop.said["lost"]), baseline),
    ]


if __name__ == "__main__":
    main()

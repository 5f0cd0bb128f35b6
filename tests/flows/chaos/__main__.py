"""The long chaos run: servers killed, databases restarted, disks full, processes killed at random for minutes.

Usage: make chaos ARGS="[--only NAME] [--minutes N] [--seed N]". Prints a row for each scenario: what was struck, how
often, and whether everything held (tests/flows/chaos/invariants.py). Exits with 1 if something did not.
"""

import argparse
import logging
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import structlog

from flows.prefect_setup import API_URL, EmbeddedServer, environment
from lti_tool.settings import Settings
from tests.flows.chaos import long_runs
from tests.flows.chaos.long_runs import Seen

SCENARIOS: dict[str, tuple[str, Callable[[Path, argparse.Namespace], Seen]]] = {
    "server": ("Prefect's server is killed in the middle of a chunk", long_runs.server_killed),
    "database": (
        "PostgreSQL is stopped at once in the middle of a chunk, and started again",
        long_runs.database_restarted,
    ),
    "disk": ("the disk of the results store is full", long_runs.disk_full),
    "poison": ("a text that kills whatever judges it", long_runs.poison),
    "random": ("executors and the web are killed at random, and the gradebook fails at random", long_runs.random_kills),
}


def main() -> int:
    """One of Prefect's servers for all, then every scenario in turn; a failure of one is told, the others still run."""
    asked = arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="atelier-chaos-", ignore_cleanup_errors=True) as home:
        os.environ |= environment(Settings(result_storage=Path(home) / "results"))
        server = EmbeddedServer()
        server.start(threading.Event())
        os.environ[API_URL] = server.api_url
        try:
            return strike(asked)
        finally:
            server.stop()


def strike(asked: argparse.Namespace) -> int:
    """The scenarios that are asked for, a line each."""
    print(f"{'scenario':<9}  {'what':<81}  {'struck':>6}  {'jobs':>4}  {'s':>4}  held", flush=True)
    broken = False
    for name, (what, run) in SCENARIOS.items():
        if asked.only and name not in asked.only:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="atelier-chaos-", ignore_cleanup_errors=True) as folder:
            try:
                seen, held = run(Path(folder), asked), "yes"
            except long_runs.Lacking as lacking:
                seen, held = Seen(0, 0), f"left out: {lacking}"
            except Exception:
                traceback.print_exc()
                seen, held, broken = Seen(0, 0), "NO", True
        seconds = time.monotonic() - began
        print(f"{name:<9}  {what:<81}  {seen.struck:>6}  {seen.jobs:>4}  {seconds:>4.0f}  {held}", flush=True)
    return int(broken)


def arguments() -> argparse.Namespace:
    """The command line."""
    listed = "\n".join(f"  {name:<9} {what}" for name, (what, _) in SCENARIOS.items())
    parser = argparse.ArgumentParser(
        prog="make chaos",
        description=f"Strike the engine where it hurts, for longer than the tests do.\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", choices=list(SCENARIOS), action="append", help="this one alone; repeatable")
    parser.add_argument("--minutes", type=float, default=3, help="how long the random kills go on (default 3)")
    parser.add_argument("--seed", type=int, default=0, help="of the random kills (default 0)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

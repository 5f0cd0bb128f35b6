"""The engine beside DBOS and a bare asyncio loop: essays a minute, CPU an essay, wait for the first step.

Every contender judges the same number of essays, each in six steps of half a second, 150 of them side by side, on one
PostgreSQL server that is started here; the essays are handed in before the clock starts. DBOS is installed from the
index into an environment of its own in build/, once. With --full: 1,500 essays, too.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.figures import Figure, publish
from bench.servers import backends
from bench.track import Outcome, described, race

ROOT = Path(__file__).resolve().parent.parent
DBOS_HOME = ROOT / "build" / "dbos"
DBOS = ("dbos==3.4.0", "psycopg[binary]==3.3.9")
INSTALL_SECONDS = 600
AT_ONCE = 150
ESSAYS, MANY_ESSAYS = 100, 1500
CONTENDERS = {
    "asyncio loop": "bare_loop",
    "DBOS": "with_dbos",
    "Atelier": "with_atelier",
    "Atelier, two executors": "with_two_executors",
}
OURS = ("Atelier", "Atelier, two executors")


MEASURES: dict[str, tuple[str, Callable[[Outcome], float]]] = {
    "all recorded": ("s", lambda outcome: outcome.recorded),
    "CPU an essay": ("ms", lambda outcome: outcome.cpu),
    "the database's CPU an essay": ("ms", lambda outcome: outcome.database),
    "first step p50": ("s", lambda outcome: float(outcome.said["first_step_p50"])),
    "first step p95": ("s", lambda outcome: float(outcome.said["first_step_p95"])),
    "step records lost": ("records", lambda outcome: float(outcome.said["lost"])),
}


def main() -> None:
    """Race, then print; what each contender said goes to standard error as it comes."""
    asked = arguments()
    missing = install()
    if missing:
        print(f"DBOS is left out: {missing}", file=sys.stderr, flush=True)
    figures = []
    with backends() as servers:
        for essays in (ESSAYS, MANY_ESSAYS) if asked.full else (ESSAYS,):
            found = {}
            for name in asked.only or CONTENDERS:
                if name == "DBOS" and missing:
                    continue
                python = str(DBOS_HOME / "bin" / "python") if name == "DBOS" else sys.executable
                found[name] = race(CONTENDERS[name], essays, asked.at_once, servers, python=python)
                print(json.dumps({"contender": name, **described(found[name])}), file=sys.stderr, flush=True)
            for ours in OURS:
                if ours in found:
                    figures += compared(essays, ours, found)
    publish("durable", f"{asked.at_once} side by side, PostgreSQL; DBOS {DBOS[0].split('==')[1]}", figures)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help=f"also {MANY_ESSAYS} essays")
    parser.add_argument("--only", action="append", choices=list(CONTENDERS), help="this contender alone; repeatable")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, metavar="N", help="essays side by side")
    return parser.parse_args()


def compared(essays: int, ours: str, found: Mapping[str, Outcome]) -> list[Figure]:
    """One of ours beside each of the others."""
    figures = []
    for name, other in found.items():
        if name not in OURS:
            figures += [
                Figure(f"{ours}, {essays:,} essays: {what}", measure(found[ours]), unit, measure(other), name)
                for what, (unit, measure) in MEASURES.items()
            ]
    return figures


def install() -> str | None:
    """DBOS in build/dbos, once; why not, if it can't be."""
    done = DBOS_HOME / "installed.txt"
    if done.exists() and done.read_text() == " ".join(DBOS):
        return None
    print("installing DBOS from the package index ...", file=sys.stderr, flush=True)
    shutil.rmtree(DBOS_HOME, ignore_errors=True)
    pip = [str(DBOS_HOME / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *DBOS]
    for command in ([sys.executable, "-m", "venv", str(DBOS_HOME)], pip):
        try:
            subprocess.run(command, check=True, timeout=INSTALL_SECONDS, capture_output=True)
        except (subprocess.SubprocessError, OSError):
            return f"{DBOS[0]} can't be installed from the index here"
    done.write_text(" ".join(DBOS))
    return None


if __name__ == "__main__":
    main()

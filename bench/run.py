#!/usr/bin/env python3
"""Run the benchmarks one after the other, each in a process of its own, and print their figures in one table.

Every figure stands beside a baseline that was measured in the same run; nothing is asserted.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
# In the order in which they are run: short ones first.
BENCHMARKS = {
    "launch": "CPU of an accepted launch, beside a bare PyJWT decode",
    "ltijs": "launches over HTTP, beside a tool made with ltijs (needs Node and the npm registry the first time)",
    "desk": "the instructor’s queue with 50,000 submissions on both databases, beside 500",
    "pages": "weight of the first page, CPU of the main pages, beside a one-line view",
    "engine": "click to first stage, CPU an essay, beside a bare loop over the judge",
    "durable": "six steps of half a second, beside DBOS (from the index) and a bare loop; --full: up to 1,500 essays",
    "memory": "memory of the executor and of Prefect's server over 1,000 essays, beside the first 250; --full: 10,000",
    "deadline": "30,000 essays at a deadline, simulated with a provider's limits, beside the limit alone",
    "essays": "agreement of the checklist judge with one reader on essays of many voices, beside level 2 for all",
    "false_alarms": "flags on texts that people wrote in good faith (needs the human-scored sets)",
    "judges": "calls, tokens and cents an essay by Claude on a stub; speed and memory of the offline judges",
    "metrics": "eval metrics over 50,000 rows, beside rsmtool's rsmeval (installed from the index the first time)",
    "eval_rerun": "eval run over 10,000 essays that are judged already, beside a bare loop that reads and hashes them",
    "install": "fresh clone to a usable page and to the first judgement, beside an empty venv",
}
# What some are given for the long version.
FULL = {"durable": ["--full"], "memory": ["--full"]}
LONGEST_SECONDS = 1800
STOP_SECONDS = 60


def main() -> int:
    """Exit code 1 if a benchmark failed, or if one that was asked for by name is missing."""
    asked = arguments()
    outcomes: dict[str, Any] = {}
    broken = False
    for name in asked.only or BENCHMARKS:
        if not (BENCH / f"{name}.py").exists():
            say(f"{name}: missing, there is no bench/{name}.py")
            broken = broken or bool(asked.only)
            continue
        say(f"{name}: {BENCHMARKS[name]} ...")
        outcome = run(name, FULL.get(name, []) if asked.full else [])
        broken = broken or outcome is None
        if outcome is not None:
            outcomes[name] = outcome
            if not asked.json:
                print(table(name, outcome), flush=True)
    if asked.json:
        print(json.dumps({"machine": machine(), "benchmarks": outcomes}, ensure_ascii=False))
    return int(broken)


def arguments() -> argparse.Namespace:
    """The command line."""
    listed = "\n".join(f"  {name:<11} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description=f"Measure, each figure beside a baseline of the same run.\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", metavar="NAME", choices=list(BENCHMARKS), action="append", help="run this one; repeatable"
    )
    parser.add_argument("--full", action="store_true", help="the long version of those that have one")
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    return parser.parse_args()


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """What the figures were measured on, and how busy it was."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def run(name: str, options: Sequence[str] = ()) -> dict[str, Any] | None:
    """The JSON that a benchmark printed last; None, and a word on why, where it did not end well."""
    root = str(BENCH.parent)
    settings = {key: value for key, value in os.environ.items() if not key.startswith(("ATELIER_", "PREFECT_"))}
    process = subprocess.Popen(
        [sys.executable, str(BENCH / f"{name}.py"), *options],
        cwd=root,
        env={**settings, "PYTHONPATH": root, "DO_NOT_TRACK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        said, complained = process.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        say(f"{name}: stopped after {LONGEST_SECONDS} s")
        return None
    finally:
        stop(process)
    outcome = last_object(said)
    if process.returncode or outcome is None:
        lines = [line for line in complained.splitlines() if line and not line.startswith("{")]
        why = f"failed with code {process.returncode}" if process.returncode else "printed no JSON"
        say("\n  ".join([f"{name}: {why}", *lines[-6:]]))
        return None
    return outcome


def stop(process: subprocess.Popen[str]) -> None:
    """Ask a benchmark that still runs to stop what it started, and end it if it does not."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_object(said: str) -> dict[str, Any] | None:
    """The JSON object that the output ends with; log lines may stand before it."""
    lines = said.strip().splitlines()
    for start in (number for number, line in enumerate(lines) if line.startswith("{")):
        try:
            found = json.loads("\n".join(lines[start:]))
        except ValueError:
            continue
        if isinstance(found, dict):
            return found
    return None


# ---- table ---------------------------------------------------------------------------------------------------


def table(name: str, outcome: dict[str, Any]) -> str:
    """The figures of one benchmark, a line each."""
    rows = [row(figure) for figure in outcome.get("figures", [])] or plain_rows(outcome)
    widths = [max(len(line[column]) for line in rows) for column in range(4)]
    title = f"\n{name}" + (f"  ({outcome['conditions']})" if outcome.get("conditions") else "")
    lines = [
        f"  {label:<{widths[0]}}  {value:>{widths[1]}}  {ratio:>{widths[2]}}  {baseline}".rstrip()
        for label, value, ratio, baseline in rows
    ]
    return "\n".join([title, *lines])


def row(figure: dict[str, Any]) -> tuple[str, str, str, str]:
    """Name, value with unit, ratio, and what it is a ratio to."""
    baseline, unit = figure["baseline"], figure["unit"]
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f} x"
    return (
        figure["name"],
        f"{number(figure['value'])} {unit}",
        ratio,
        f"{baseline['name']}, {number(baseline['value'])} {unit}",
    )


def plain_rows(outcome: dict[str, Any], before: str = "") -> list[tuple[str, str, str, str]]:
    """Any other JSON, key by key."""
    rows = []
    for key, value in outcome.items():
        if isinstance(value, dict):
            rows += plain_rows(value, f"{before}{key}.")
        else:
            shown = number(value) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
            rows.append((f"{before}{key}", shown, "", ""))
    return rows or [("nothing was measured", "", "", "")]


def number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())

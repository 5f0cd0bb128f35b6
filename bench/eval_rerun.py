"""`atelier eval run` said again over 10,000 essays that are all judged: no call, and how long it takes.

The first run is made here by the checklist under its own name, with an answer that looks for nothing, since what takes
time in it is no part of this measure. The second is the command itself. The baseline reads the same table and hashes
its texts in a bare loop.
"""

import json
import random
import sys
import tempfile
from pathlib import Path

from typer.testing import CliRunner

from bench.figures import Figure, publish
from bench.metrics import timed
from flows.eval_commands import app as run_app
from flows.judging.checklist import ChecklistJudge
from flows.judging.judge import Answer, JudgeRequest

ESSAYS, WORDS = 10_000, 420
RUBRIC = "durable-workflows-essay"
SAID = "a run reads its ledger before it asks again and the worker that died left what it had paid for on disk"
BARE = """
import csv, hashlib, sys
csv.field_size_limit(1 << 27)
with open(sys.argv[1], encoding="utf-8") as file:
    print(len({hashlib.sha256(row["text"].encode()).digest() for row in csv.DictReader(file)}))
"""


def main() -> None:
    """Make the set, judge it once, say the command again, print."""
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as name:
        folder = Path(name)
        table = make_set(folder / "essays.csv")
        asked = [str(table), "--rubric", RUBRIC, "--judge", "checklist", "--out", str(folder / "run")]
        asked += ["--id", "id", "--text", "text", "--human", "claim=score", "--min", "0", "--max", "4"]
        first = judge_once(asked)
        atelier = str(Path(sys.executable).parent / "atelier")
        again = [atelier, "eval", "run", *asked]
        timed(again)
        run, bare = timed(again), timed([sys.executable, "-c", BARE, str(table)])
        calls = json.loads((folder / "run" / "run.json").read_text())["calls_of_this_run"]
    if first == 0 or calls:
        raise SystemExit(f"{first} calls in the first run, {calls} in the second")
    baseline = "a bare loop that reads and hashes"
    figures = [
        Figure(f"{ESSAYS:,} essays again, wall clock", run.wall, "s", bare.wall, baseline),
        Figure(f"{ESSAYS:,} essays again, CPU", run.cpu, "s", bare.cpu, baseline),
    ]
    publish(
        "eval_rerun", f"{WORDS} words each, 7 criteria; {first:,} calls in the first run, none in the second", figures
    )


def make_set(path: Path) -> Path:
    """Essays that differ, and a human score for each."""
    chance = random.Random(1)
    lines = ["id,score,text"]
    for number in range(ESSAYS):
        lines.append(f"r{number},{number % 5},{' '.join(chance.choices(SAID.split(), k=WORDS))} {number}.")
    path.write_text("\n".join(lines) + "\n")
    return path


def judge_once(asked: list[str]) -> int:
    """The first run, in this process; returns how often the judge was asked."""
    calls = 0

    def nothing_found(_self: ChecklistJudge, request: JudgeRequest) -> Answer:
        nonlocal calls
        calls += 1
        rows = [{"criterion": one, "level": 0, "looked_for": "nothing"} for one in request.criteria]
        return Answer(body={"ratings": rows}, model=ChecklistJudge.model)

    theirs = ChecklistJudge.ask
    ChecklistJudge.ask = nothing_found  # type: ignore[method-assign]
    try:
        said = CliRunner().invoke(run_app, asked)
    finally:
        ChecklistJudge.ask = theirs  # type: ignore[method-assign]
    if said.exit_code:
        raise SystemExit(said.output)
    return calls


if __name__ == "__main__":
    main()

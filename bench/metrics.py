"""`atelier eval metrics` over 50,000 made-up rows with 2,000 resamples, beside rsmtool's `rsmeval` on the same file.

rsmeval gives no intervals; it writes a report besides. It is installed from the index into an environment of its own in
build/, once; where that can't be done the figures stand beside a bare start of Python with numpy, and a word says why.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.figures import Figure, publish

ROOT = Path(__file__).resolve().parent.parent
INSTALLED = ROOT / "build" / "rsmtool"
RSMTOOL = "rsmtool==12.0.0"
ROWS, SMALL = 50_000, 2_000
INSTALL_SECONDS = 1200
LONGEST_SECONDS = 600


@dataclass(frozen=True)
class Run:
    """What one command took, itself and what it started."""

    cpu: float
    wall: float
    megabytes: float


def main() -> None:
    """Make the tables, run both commands on each, print."""
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as name:
        folder = Path(name)
        tables = {rows: make_table(folder / f"scores-{rows}.csv", rows) for rows in (SMALL, ROWS)}
        timed(metrics_command(tables[SMALL], folder))
        ours = {rows: timed(metrics_command(table, folder)) for rows, table in tables.items()}
        missing = install()
        if missing is None:
            timed(rsmeval_command(tables[SMALL], folder, SMALL))
            theirs = {rows: timed(rsmeval_command(table, folder, rows)) for rows, table in tables.items()}
            baseline, said = "rsmeval 12.0.0, no intervals", ""
        else:
            bare = timed([sys.executable, "-c", "import numpy"])
            theirs = dict.fromkeys(tables, bare)
            baseline, said = "python -c 'import numpy'", f"; rsmeval left out: {missing}"
    figures = []
    for rows, run in ours.items():
        other = theirs[rows]
        figures += [
            Figure(f"{rows:,} rows, CPU", run.cpu, "s", other.cpu, baseline),
            Figure(f"{rows:,} rows, wall clock", run.wall, "s", other.wall, baseline),
            Figure(f"{rows:,} rows, memory", run.megabytes, "MB", other.megabytes, baseline),
        ]
    publish("metrics", f"two humans, an unrounded judge, a group of four; 2,000 resamples{said}", figures)


def make_table(path: Path, rows: int) -> Path:
    """Two raters and a judge who share a truth, and a group that means nothing."""
    random = np.random.default_rng(rows)
    truth = random.normal(3.2, 0.9, rows)
    first, second = (np.clip(np.rint(truth + random.normal(0, 0.55, rows)), 1, 6) for _ in range(2))
    judge = 0.35 + 0.85 * truth + random.normal(0, 0.35, rows)
    group = random.choice(["de", "en", "es", "fr"], rows)
    lines = [f"r{at},{first[at]:.0f},{second[at]:.0f},{judge[at]:.6f},{group[at]}" for at in range(rows)]
    path.write_text("\n".join(["id,sc1,sc2,raw,L1", *lines]) + "\n")
    return path


def metrics_command(table: Path, folder: Path) -> list[str]:
    """Ours, as a user runs it."""
    atelier = str(Path(sys.executable).parent / "atelier")
    columns = ["--human", "sc1", "--human2", "sc2", "--system", "raw", "--group", "L1"]
    return [
        *(atelier, "eval", "metrics", str(table), *columns, "--min", "1", "--max", "6"),
        *("--replicates", "2000", "--json", str(folder / "ours.json")),
    ]


def rsmeval_command(table: Path, folder: Path, rows: int) -> list[str]:
    """The same of rsmeval: its settings are a file."""
    settings = {
        "experiment_id": "bench",
        "predictions_file": str(table),
        "id_column": "id",
        "human_score_column": "sc1",
        "second_human_score_column": "sc2",
        "system_score_column": "raw",
        "subgroups": ["L1"],
        "trim_min": 1,
        "trim_max": 6,
        "exclude_zero_scores": False,
    }
    config = folder / f"rsmeval-{rows}.json"
    config.write_text(json.dumps(settings))
    return [str(INSTALLED / "bin" / "rsmeval"), str(config), str(folder / f"rsmeval-{rows}"), "--force"]


def timed(command: list[str]) -> Run:
    """CPU, wall clock and the largest memory of one process."""
    # Compiled files are kept between runs, as they are for a user; the first run of each pays for them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    with open(os.devnull, "w") as nowhere:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=nowhere, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{Path(command[0]).name} failed with code {process.returncode}")
    return Run(used.ru_utime + used.ru_stime, time.monotonic() - started, used.ru_maxrss / 1024)


def install() -> str | None:
    """rsmtool in build/rsmtool, once; why not, if it can't be."""
    done = INSTALLED / "installed.txt"
    if done.exists() and done.read_text() == RSMTOOL:
        return None
    print("installing rsmtool from the package index ...", file=sys.stderr, flush=True)
    shutil.rmtree(INSTALLED, ignore_errors=True)
    pip = [str(INSTALLED / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", RSMTOOL]
    for command in ([sys.executable, "-m", "venv", str(INSTALLED)], pip):
        try:
            subprocess.run(command, check=True, timeout=INSTALL_SECONDS, capture_output=True)
        except (subprocess.SubprocessError, OSError):
            return f"{RSMTOOL} can't be installed from the index here"
    done.write_text(RSMTOOL)
    return None


if __name__ == "__main__":
    main()

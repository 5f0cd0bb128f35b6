"""Eval runs as the researchers' pages show them: folders that `atelier eval run` and `eval report` wrote.

They are read as what they are, files; this process neither judges nor reckons. A comparison is made by the command
`atelier eval compare`, whose answer is kept in the folder `.comparisons` beside the runs.
"""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from lti_tool.processes import OURS

RUN, SCORES, REPORT_PAGE, REPORT, FIGURES = "run.json", "scores.csv", "report.html", "report.json", "figures.csv"
FILES = {SCORES: "text/csv", FIGURES: "text/csv", REPORT: "application/json"}
COMPARISONS = ".comparisons"
SECONDS = 50
MOST_LISTED = 200
LARGEST = 20_000_000  # bytes of a JSON file that is read for a page


class NoComparison(Exception):
    """Two runs can't be compared; the message says why."""


@dataclass(frozen=True)
class EvalRun:
    """One folder. `problem` says what keeps it from being read; then nothing else of it is known."""

    name: str
    problem: str = ""
    judge: str = ""
    version: str = ""
    data: str = ""
    data_digest: str = ""
    responses: int = 0
    usd: float = 0.0
    models: tuple[str, ...] = ()
    written_at: datetime | None = None
    verdict: str = ""
    stamp: str = ""
    has_report: bool = False
    with_text: bool = False
    files: tuple[str, ...] = ()


def runs_in(folder: Path) -> list[EvalRun]:
    """Every run in a folder, the newest first; none where there is no folder."""
    if not folder.is_dir():
        return []
    names = [one for one in folder.iterdir() if not one.name.startswith(".") and (one / RUN).is_file()]
    newest = sorted(names, key=lambda one: (one / RUN).stat().st_mtime, reverse=True)
    return [read_run(one) for one in newest[:MOST_LISTED]]


def find_run(folder: Path, name: str) -> Path | None:
    """The folder of a run by its name, which is no path."""
    if not name or name.startswith(".") or Path(name).name != name:
        return None
    found = folder / name
    return found if (found / RUN).is_file() else None


def read_run(path: Path) -> EvalRun:
    """What a run's folder says of it; `problem` where that can't be read."""
    try:
        told = _json(path / RUN)
        judge, took, data = told["identity"]["judge"], told.get("took", {}), told.get("data", {})
        run = EvalRun(
            path.name,
            judge=str(judge["name"]),
            version=str(judge["version"]),
            data=str(data.get("file", "")),
            data_digest=str(data.get("sha256", ""))[:12],
            responses=int(told["judged"]["responses"]),
            usd=float(took.get("usd", 0.0)),
            models=tuple(sorted(told.get("models", {}))),
            written_at=datetime.fromisoformat(told["written_at"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return EvalRun(path.name, problem=f"{RUN} can’t be read.")
    report = _report(path)
    with_text = bool(report.get("with_text"))
    # A report made with students' words is for the one who made it, not for a page without names.
    files = tuple(name for name in FILES if (path / name).is_file() and not (name == REPORT and with_text))
    verdict: Mapping[str, Any] = report.get("verdict", {})
    return replace(
        run,
        verdict=str(verdict.get("sentence", "")),
        stamp=str(verdict.get("stamp", "")),
        has_report=(path / REPORT_PAGE).is_file(),
        with_text=with_text,
        files=files,
    )


def _report(path: Path) -> Mapping[str, Any]:
    try:
        told = _json(path / REPORT)
        return told if isinstance(told, dict) and isinstance(told.get("verdict", {}), dict) else {}
    except (OSError, ValueError):
        return {}


def _json(path: Path) -> Any:
    if path.stat().st_size > LARGEST:
        raise ValueError(f"{path.name} is too large")
    return json.loads(path.read_text("utf-8"))


# ---- two of them ---------------------------------------------------------------------------------------------


def compare(folder: Path, first: str, second: str, margin: float) -> Mapping[str, Any]:
    """The comparison of two runs, from its file if the scores are still the same. Raises NoComparison."""
    paths = [find_run(folder, name) for name in (first, second)]
    if first == second or None in paths or not all((path / SCORES).is_file() for path in paths if path):
        raise NoComparison("Choose two different runs that have scores.")
    known = folder / COMPARISONS / f"{_key([path / SCORES for path in paths if path], margin)}.json"
    if not known.is_file():
        known.parent.mkdir(exist_ok=True)
        _have_compared([str(path) for path in paths], margin, known)
    try:
        told: Mapping[str, Any] = _json(known)
    except (OSError, ValueError):
        known.unlink(missing_ok=True)
        raise NoComparison("What was kept of this comparison can’t be read. Compare again.") from None
    return told


def _have_compared(paths: list[str], margin: float, known: Path) -> None:
    beside = known.with_suffix(".new")
    asked = ["eval", "compare", *paths, "--margin", f"{margin:g}", "--json", str(beside)]
    try:
        done = subprocess.run([*OURS, *asked], capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise NoComparison(f"This takes longer than {SECONDS} seconds: atelier {' '.join(asked[:6])}") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["atelier eval compare did not answer."]
        raise NoComparison(lines[-1].removeprefix("atelier eval compare: "))
    beside.replace(known)


def _key(tables: list[Path], margin: float) -> str:
    digest = hashlib.sha256(f"{margin:g}".encode())
    for table in tables:
        digest.update(hashlib.sha256(table.read_bytes()).digest())
    return digest.hexdigest()[:24]

"""The folder of an eval run: what `atelier eval run` leaves there, and what reports are made from without any call.

    run.json          who judged what: the judge, its prompt's hash, rubrics, the data's digest, what it took
    answers.jsonl     every answer as it came, appended when it came; read again only where a sheet is missing
    batches.jsonl     batches that were sent and not yet read
    sheets.jsonl      every filled-in sheet: ratings, flags, what the answers took
    responses.jsonl   which sheets belong to which response
    scores.csv        people's scores and the judge's, as a long table

Quotes and comments in answers.jsonl and sheets.jsonl hold students' words; scores.csv and responses.jsonl do not.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eval.errors import TableError
from eval.long_table import LongTable, read_long

RUN, SCORES, RESPONSES = "run.json", "scores.csv", "responses.jsonl"
ANSWERS, SHEETS, BATCHES = "answers.jsonl", "sheets.jsonl", "batches.jsonl"


@dataclass(frozen=True)
class RunFolder:
    """A folder with a run that has scores."""

    path: Path
    manifest: Mapping[str, Any]
    table: LongTable
    responses: Mapping[str, Mapping[str, Any]]

    @cached_property
    def sheets(self) -> dict[str, dict[str, Any]]:
        """Every sheet by its fingerprint; read when first needed."""
        return {row["fingerprint"]: row for row in read_lines(self.path / SHEETS)}

    def words(self, response_id: str) -> int | None:
        """How many words a response has, if anybody counted them."""
        known = self.responses.get(response_id, {}).get("words")
        return int(known) if known is not None else None


def whole_model(models: Collection[str], parameters: Mapping[str, Any]) -> str | None:
    """The model that all sheets of a run are by, a panel's joined by "+"; None where it changed, or none was heard.

    A panel whose member declined some texts is still that panel: its sheets name some of the models, and none another.
    """
    whole = max(models, key=lambda one: (one.count("+"), one), default="")
    parts = set(whole.split("+"))
    members = {str(reader[2]) for reader in parameters.get("readers", ())}
    if not whole or any(not set(one.split("+")) <= parts for one in models):
        return None
    return whole if len(models) == 1 or len(parts) == len(members) else None


def digest_of(run: RunFolder) -> str:
    """SHA-256 (hex) of the scores as they are read."""
    file = run.path if run.path.is_file() else run.path / SCORES
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_run(path: Path) -> RunFolder:
    """The run in a folder, or a long table that has a judge's scores; TableError where there is neither."""
    if path.is_file():
        return RunFolder(path, {}, read_long(path), {})
    if not path.is_dir():
        raise TableError(f"there is no folder {path}")
    if not (path / RUN).exists():
        raise TableError(f"{path} holds no eval run: it has no {RUN}")
    if not (path / SCORES).exists():
        raise TableError(f"the run in {path} has no scores yet; say `atelier eval run` again, it goes on where it was")
    try:
        manifest = json.loads((path / RUN).read_text("utf-8"))
    except (OSError, ValueError):
        raise TableError(f"{path / RUN} can't be read") from None
    responses = {row["response_id"]: row for row in read_lines(path / RESPONSES)}
    return RunFolder(path, manifest, read_long(path / SCORES), responses)


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file; a last line that was cut off is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)

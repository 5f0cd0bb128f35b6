"""How often a gate was tried on the same question, and what each try may use of delta.

Whoever labels more and tries again until a gate opens, or tries many judges or losses, has many chances of being wrong.
So every look at human scores is written down beside them before it is taken, and the k-th may use delta × 6 / (π² k²):
over all of them together no more than delta, however many there will be. The same test of the same scores again is the
same attempt: nothing new can come of it.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eval.errors import EvalError
from eval.gate_calibration import Group, required_groups
from eval.gate_data import Declaration, Responses, samples_of
from rubrics.gate_file import Attempt, GateFileError, level_of, read_gate_file

LEDGER = "gate-attempts.jsonl"


def attempt_number(number: int, delta: float, test: str = "") -> Attempt:
    """An attempt by its number, with what it may use and what all so far have used."""
    spent = sum(level_of(delta, one) for one in range(1, number + 1))
    return Attempt(number=number, level=level_of(delta, number), spent=spent, test=test)


def next_attempt(known: Mapping[str, int], test: str, delta: float, at_least: int = 1) -> Attempt:
    """The number of a test: its own where it was made before, else the next one."""
    number = known.get(test) or max(known.values(), default=0) + 1
    return attempt_number(max(number, at_least), delta, test)


def test_of(responses: Responses, declared: Declaration, accepted: Collection[Group]) -> str:
    """SHA-256 (hex) of all that a result hangs on: scores, loss, thresholds, the groups that must pass."""
    rows = [
        [row.id, row.prompt, repr(row.confidence), row.judge, list(row.people), row.groups] for row in responses.rows
    ]
    must_pass = {
        prompt: sorted(required_groups(sample, declared.promise, accepted))
        for prompt, sample in samples_of(responses, declared).items()
    }
    fixed = {name: value for name, value in declared.as_json().items() if name != "declared_at"}
    whole = json.dumps([rows, fixed, must_pass], sort_keys=True, default=dict)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def recorded_attempt(
    table: Path,
    responses: Responses,
    declared: Declaration,
    accepted: Collection[Group],
    at_least: int = 1,
    signed: Sequence[Attempt] = (),
) -> Attempt:
    """The attempt that is about to be made, on the disk beside the table when this returns.

    `signed` are those that gate files tell of; EvalError where earlier attempts can't be read, or this one not written.
    """
    ledger = (table if table.is_dir() else table.parent) / LEDGER
    prompts = sorted({row.prompt for row in responses.rows})
    test = test_of(responses, declared, accepted)
    known = {one.test: one.number for one in signed}
    for row in _rows(ledger):
        if set(row["prompts"]) & set(prompts):
            known[row["test"]] = max(row["attempt"], known.get(row["test"], 0))
    attempt = next_attempt(known, test, declared.promise.delta, at_least)
    if known.get(test) != attempt.number:
        _write(
            ledger,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            attempt=attempt.number,
            test=test,
            prompts=prompts,
            data=responses.name,
            data_sha256=responses.digest,
            labelled=sum(bool(row.people) for row in responses.rows),
            loss=declared.loss.written,
            alpha=declared.promise.alpha,
            delta=declared.promise.delta,
            level=attempt.level,
        )
    return attempt


def signed_attempts(folder: Path, key: str, prompts: Collection[str]) -> Iterator[Attempt]:
    """The attempts of the gate files in a folder that this key (by its digest) signed for one of these questions."""
    for file in sorted(folder.glob("*.json")):
        try:
            found = read_gate_file(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, GateFileError):
            continue  # some other file
        if found.key == key and set(found.gate.prompts) & set(prompts) and found.gate.attempt is not None:
            yield found.gate.attempt


def _rows(ledger: Path) -> list[dict[str, Any]]:
    if not ledger.exists():
        return []
    try:
        rows = [json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines()]
        known = [row | {"test": str(row["test"]), "attempt": int(row["attempt"])} for row in rows]
    except OSError as error:
        raise EvalError(f"{ledger} can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise EvalError(
            f"{ledger} is damaged, so it isn't known how often a gate was tried here; mend it, or move it away and say "
            "with --attempt which one this is"
        ) from None
    return known


def _write(ledger: Path, **row: object) -> None:
    try:
        with ledger.open("ab") as file:
            file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise EvalError(
            f"the attempt can't be written to {ledger} ({error.strerror}), so no human score was compared; put the "
            "table in a folder that can be written to"
        ) from None

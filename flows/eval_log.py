"""The append-only log of an eval run: what was paid for is on disk before anybody reads it.

One process at a time writes to a folder. A line that was cut off when a process died is removed when the next one
opens the folder; everything before it stands.
"""

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from eval.errors import EvalError
from eval.run_folder import ANSWERS, SHEETS
from flows.judging.judge import Answer

START = b'{"fingerprint":"'
MARK = slice(len(START), len(START) + 64)
LOCK = ".lock"


class JsonLines:
    """A file of JSON lines that begin with a fingerprint; found again by it without reading the rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._turn = threading.Lock()
        self._file: IO[bytes] = path.open("a+b")
        self._file.seek(0)
        whole = 0
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            if line.startswith(START):
                self._places[line[MARK].decode("ascii", "replace")] = (whole, len(line))
            whole += len(line)
        self._file.truncate(whole)
        self._end = whole

    def __contains__(self, mark: str) -> bool:
        return mark in self._places

    def get(self, mark: str) -> dict[str, Any] | None:
        """The row of a fingerprint."""
        place = self._places.get(mark)
        if place is None:
            return None
        row: dict[str, Any] = json.loads(os.pread(self._file.fileno(), place[1], place[0]))
        return row

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every row, oldest first."""
        for mark in list(self._places):
            row = self.get(mark)
            if row is not None:
                yield row

    def add(self, mark: str, row: Mapping[str, Any], *, durable: bool) -> None:
        """Append a row; with `durable` it is on the disk when this returns."""
        line = json.dumps({"fingerprint": mark, **row}, separators=(",", ":")).encode() + b"\n"
        with self._turn:
            self._append(line)
            self._places[mark] = (self._end, len(line))
            self._end += len(line)
        if durable:
            os.fsync(self._file.fileno())

    def _append(self, line: bytes) -> None:
        """The whole line or none of it: half a line that a full disk left would swallow the next one."""
        left = memoryview(line)
        try:
            while left:
                left = left[os.write(self._file.fileno(), left) :]
        except OSError:
            self._file.truncate(self._end)
            raise

    def close(self) -> None:
        """Let the file go."""
        self._file.close()


class EvalLog:
    """Answers and sheets of one folder, by fingerprint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sheets = JsonLines(folder / SHEETS)
        self._answers: JsonLines | None = None

    @property
    def answers(self) -> JsonLines:
        """The answers; looked through when first needed, which a run that only repeats itself never does."""
        if self._answers is None:
            self._answers = JsonLines(self._folder / ANSWERS)
        return self._answers

    def answer(self, mark: str) -> Answer | None:
        """The answer to a question, if it was given before."""
        row = self.answers.get(mark)
        return None if row is None else Answer.model_validate({name: row[name] for name in ("body", "model", "usage")})

    def keep_answer(self, mark: str, answer: Answer, *, paid: bool) -> None:
        """Append an answer as it came."""
        self.answers.add(mark, answer.model_dump(mode="json"), durable=paid)

    def close(self) -> None:
        """Let the files go."""
        self.sheets.close()
        if self._answers is not None:
            self._answers.close()


@contextmanager
def opened(folder: Path) -> Iterator[EvalLog]:
    """The log of a folder, made if it is not there; EvalError while another process has it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("w")
    except OSError as error:
        raise EvalError(f"{folder} can't be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise EvalError(f"another run is writing to {folder}") from None
        log = EvalLog(folder)
        try:
            yield log
        finally:
            log.close()

"""Reading a table with a row per response: a human, a second human and a system score, and groups.

Blank cells are missing scores, never zero. Text is refused unless it is a declared code; codes are counted apart. Where
the comma is not what delimits the file, it may stand for the decimal point.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.delimited import BLANK, Delimited, listed, open_delimited
from eval.errors import TableError
from eval.pairs import Floats

MOST_GROUPS = 200
ID_NAMES = ("response_id", "spkitemid", "essay_id", "answer_id", "text_id", "submission_id", "id")
NO_ID = "none"
BLANK_LABEL = "(blank)"
DECIMAL_COMMA = re.compile(r"^([+-]?\d*),(\d+)$")
Texts = NDArray[np.object_]


@dataclass(frozen=True)
class Columns:
    """The names of the columns to read."""

    human: str
    system: str
    human2: str | None = None
    groups: tuple[str, ...] = ()
    id: str | None = None
    cluster: str | None = None
    prompt: str | None = None
    more: tuple[str, ...] = ()  # a third human and others

    @property
    def scores(self) -> list[str]:
        """The columns that hold scores."""
        return [name for name in (self.human, self.human2, *self.more, self.system) if name]

    @property
    def texts(self) -> list[str]:
        """The columns that hold labels or ids."""
        return list(dict.fromkeys(name for name in (*self.groups, self.id, self.cluster) if name))

    @property
    def names(self) -> list[str]:
        """Every column once."""
        return list(dict.fromkeys([*self.scores, *self.texts]))


@dataclass(frozen=True)
class WideTable:
    """Scores as floats with NaN for missing, groups as text, and what was set aside while reading."""

    human: Floats
    system: Floats
    human2: Floats | None
    groups: dict[str, Texts]
    cluster: Texts | None
    codes: dict[str, dict[str, int]] = field(default_factory=dict)
    source: dict[str, object] = field(default_factory=dict)
    zeros_excluded: int = 0
    more: dict[str, Floats] = field(default_factory=dict)

    def without_zeros(self) -> "WideTable":
        """The same with human scores of zero taken as missing, as rsmtool's `exclude_zero_scores` does."""
        zero = self.human == 0
        second = None if self.human2 is None else np.where(self.human2 == 0, np.nan, self.human2)
        more = {name: np.where(scores == 0, np.nan, scores) for name, scores in self.more.items()}
        human = np.where(zero, np.nan, self.human)
        return replace(self, human=human, human2=second, more=more, zeros_excluded=int(zero.sum()))

    def __len__(self) -> int:
        return len(self.human)


def read_wide(path: Path, columns: Columns, codes: Sequence[str] = ()) -> WideTable:
    """Read a delimited text file (comma, tab, semicolon or bar; UTF-8, else Latin-1); TableError says what is wrong."""
    file = open_delimited(path, columns.names)
    columns = replace(columns, id=_id_column(file, columns))
    file.require(columns.names)
    blocks = list(_blocks(file, columns, codes))
    if not blocks:
        raise TableError(f"{path.name} has a header and no rows")
    scores = {name: np.concatenate([block.scores[name] for block in blocks]) for name in columns.scores}
    texts = {name: np.concatenate([block.texts[name] for block in blocks]) for name in columns.texts}
    _check_ids(texts, columns, path.name)
    for name in columns.groups:
        _check_groups(texts[name], name, path.name)
    return WideTable(
        human=scores[columns.human],
        system=scores[columns.system],
        human2=scores[columns.human2] if columns.human2 else None,
        groups={name: texts[name] for name in columns.groups},
        cluster=texts[columns.cluster] if columns.cluster else None,
        codes=_total(blocks, columns),
        source=file.source(),
        more={name: scores[name] for name in columns.more},
    )


@dataclass(frozen=True)
class _Block:
    scores: dict[str, Floats]
    texts: dict[str, Texts]
    codes: dict[str, dict[str, int]]


def _blocks(file: Delimited, columns: Columns, codes: Sequence[str]) -> Iterator[_Block]:
    """The rows in blocks, so that a million of them never stand in memory as text."""
    place = {name: file.header.index(name) for name in columns.names}
    for start, rows in file.blocks():
        cells = {name: [row[at].strip() for row in rows] for name, at in place.items()}
        read = {name: _numbers(cells[name], name, codes, start, file) for name in columns.scores}
        yield _Block(
            {name: numbers for name, (numbers, _) in read.items()},
            {name: np.array([text or BLANK_LABEL for text in cells[name]], dtype=object) for name in columns.texts},
            {name: counted for name, (_, counted) in read.items()},
        )


def _numbers(
    cells: list[str], name: str, codes: Sequence[str], start: int, file: Delimited
) -> tuple[Floats, dict[str, int]]:
    """The cells as floats, missing as NaN, and how often each declared code stands among them."""
    counted = {code: count for code in codes if (count := cells.count(code))}
    if file.delimiter != ",":
        cells = [DECIMAL_COMMA.sub(r"\1.\2", cell) for cell in cells]
    numbers = None if counted else _all_floats(cells)
    wrong = np.zeros(len(cells), dtype=np.bool_)
    if numbers is None:
        set_aside = BLANK | {code.lower() for code in counted}
        read = [_number(cell, set_aside) for cell in cells]
        wrong = np.array([number is None for number in read])
        numbers = np.array([np.nan if number is None else number for number in read])
    _refuse(wrong, cells, name, "is no number; a code is named with --code", start, file.name)
    _refuse(np.isinf(numbers), cells, name, "is no finite number", start, file.name)
    return numbers, counted


def _all_floats(cells: list[str]) -> Floats | None:
    """All cells as floats at once; None where one of them is none, or has an underscore, which Python would skip."""
    if "_" in " ".join(cells):
        return None
    try:
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return None


def _number(cell: str, set_aside: frozenset[str]) -> float | None:
    if cell.lower() in set_aside:
        return float("nan")
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        return None


def _refuse(wrong: NDArray[np.bool_], cells: list[str], name: str, why: str, start: int, file: str) -> None:
    places = np.flatnonzero(wrong)
    if len(places):
        rows = listed(f"row {place + start}" for place in places)
        text = cells[places[0]]
        shown = repr(text if len(text) <= 20 else text[:20] + "…")
        raise TableError(f"{file}, column {name!r}: {shown} {why} ({rows})")


def _total(blocks: Sequence[_Block], columns: Columns) -> dict[str, dict[str, int]]:
    """How often each code stands in each score column."""
    counted = {name: Counter[str]() for name in columns.scores}
    for block in blocks:
        for name, codes in block.codes.items():
            counted[name].update(codes)
    return {name: dict(codes) for name, codes in counted.items() if codes}


def _id_column(file: Delimited, columns: Columns) -> str | None:
    """The column named as the ids; else one that is plainly meant so; none where that was asked for."""
    if columns.id is not None:
        return None if columns.id == NO_ID and NO_ID not in file.header else columns.id
    used = {*columns.scores, *columns.groups, columns.cluster}
    return next((name for name in ID_NAMES if file.header.count(name) == 1 and name not in used), None)


def _check_ids(texts: dict[str, Texts], columns: Columns, file: str) -> None:
    if columns.id is None:
        return
    ids = texts[columns.id]
    blank = np.flatnonzero(ids == BLANK_LABEL)
    if len(blank):
        raise TableError(f"{file}, column {columns.id!r}: no id in {listed(f'row {at + 2}' for at in blank)}")
    twice = [known for known, count in Counter(ids.tolist()).items() if count > 1]
    if twice:
        rows = {text: at + 2 for at, text in enumerate(ids.tolist())}
        told = listed(f"{text} (again in row {rows[text]})" for text in twice)
        raise TableError(
            f"{file}, column {columns.id!r}: more than one row for {told}; where these are answers of one person, "
            f"say --cluster {columns.id}, and where the column holds no ids, --id {NO_ID}"
        )


def _check_groups(labels: Texts, name: str, file: str) -> None:
    count = len(set(labels.tolist()))
    if count > MOST_GROUPS:
        raise TableError(f"{file}, column {name!r} has {count:,} values; a group column has at most {MOST_GROUPS}")

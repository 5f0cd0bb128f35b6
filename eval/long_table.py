"""The long table of scores: one row for what one rater said of one criterion of one response, once.

A row has a score or a code (why there is none): a refusal, a blank or an off-topic answer is counted apart and is never
zero. Columns beyond those named here are groups of the response.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from eval.delimited import BLANK, LISTED, listed, open_delimited
from eval.errors import TableError

KEY = ("response_id", "criterion", "rater_id", "repeat")
TEXTS = (
    *("response_id", "prompt_id", "criterion", "rater_id", "rater_kind", "code", "judge_version", "prompt_hash"),
    "comment",
)
NUMBERS = ("score", "scale_min", "scale_max", "step", "confidence", "repeat", "cost", "latency")
FLAGS = ("blind",)
COLUMNS = (*TEXTS, *NUMBERS, *FLAGS)
REQUIRED = ("response_id", "criterion", "rater_id", "rater_kind", "score", "scale_min", "scale_max")
KINDS = ("human", "judge", "adjudicated")
DEFAULTS: Mapping[str, object] = {
    "prompt_id": "",
    "code": "",
    "judge_version": "",
    "prompt_hash": "",
    "comment": "",
    "blind": False,
}
NUMBER_DEFAULTS: Mapping[str, float] = {"step": 1.0, "repeat": 0.0}
TRUE, FALSE = frozenset({"1", "true", "yes"}), frozenset({"", "0", "false", "no"})
UNSCORED = "unscored"


@dataclass(frozen=True)
class Fault:
    """What is wrong in one cell."""

    row: int
    column: str
    says: str

    def __str__(self) -> str:
        return f"row {self.row}, column {self.column}: {self.says}"


class FaultyTable(TableError):
    """A long table with faults; `faults` has them all, the message the first ten."""

    def __init__(self, name: str, faults: Sequence[Fault]) -> None:
        more = len(faults) - LISTED
        told = "; ".join(str(fault) for fault in faults[:LISTED]) + (f"; and {more:,} more" if more > 0 else "")
        super().__init__(f"{name}: {told}")
        self.faults = list(faults)


@dataclass(frozen=True)
class LongTable:
    """A checked table: `frame` has every column of `COLUMNS`, then the groups."""

    frame: pd.DataFrame
    source: dict[str, object] = field(default_factory=dict)

    @property
    def groups(self) -> list[str]:
        """The columns that say something of the response."""
        return [str(name) for name in self.frame.columns if name not in COLUMNS]

    def of(self, **values: object) -> pd.DataFrame:
        """The rows in which each column named has the value given."""
        chosen = np.ones(len(self.frame), dtype=np.bool_)
        for name, value in values.items():
            chosen &= (self.frame[name] == value).to_numpy()
        return self.frame[chosen]

    def write(self, path: Path) -> None:
        """Save as CSV in UTF-8, so that `read_long` gives the same table."""
        self.frame.to_csv(path, index=False)


def read_long(path: Path) -> LongTable:
    """Read and check a long table; FaultyTable names row and column of what is wrong."""
    file = open_delimited(path, REQUIRED)
    file.require(REQUIRED)
    rows = [row for _, block in file.blocks() for row in block]
    if not rows:
        raise TableError(f"{path.name} has a header and no rows")
    return checked(pd.DataFrame(rows, columns=file.header, dtype=str), path.name, file.source())


def checked(
    frame: pd.DataFrame, name: str, source: Mapping[str, object] | None = None, rows: Sequence[int] | None = None
) -> LongTable:
    """Fill in defaults, turn text into numbers, and check; FaultyTable has every fault found.

    `rows` numbers the frame's rows as a reader knows them; else they count from 2, after a header.
    """
    missing = [column for column in REQUIRED if column not in frame.columns]
    if missing:
        raise TableError(f"{name} has no columns {listed(missing)}")
    faults: list[Fault] = []
    whole = {column: _texts(frame, column) for column in TEXTS}
    whole |= {column: _numbers(frame, column, faults) for column in NUMBERS}
    whole |= {column: _flags(frame, column, faults) for column in FLAGS}
    whole |= {str(column): frame[column].astype(str) for column in frame.columns if column not in COLUMNS}
    table = pd.DataFrame({column: series.reset_index(drop=True) for column, series in whole.items()})
    # A judge that gave no score and no reason still has an outcome.
    silent = (table["rater_kind"] == "judge") & table["score"].isna() & (table["code"] == "")
    table.loc[silent, "code"] = UNSCORED
    for check in (_check_words, _check_scores, _check_scales, _check_duplicates):
        faults += check(table)
    if faults:
        known = faults if rows is None else [replace(fault, row=rows[fault.row - 2]) for fault in faults]
        raise FaultyTable(name, sorted(known, key=lambda fault: fault.row))
    return LongTable(table, dict(source or {}))


def _texts(frame: pd.DataFrame, column: str) -> "pd.Series[str]":
    if column not in frame.columns:
        return pd.Series([str(DEFAULTS[column])] * len(frame), dtype=str)
    return frame[column].astype("object").where(frame[column].notna(), "").astype(str).str.strip()


def _numbers(frame: pd.DataFrame, column: str, faults: list[Fault]) -> "pd.Series[float]":
    default = NUMBER_DEFAULTS.get(column, np.nan)
    if column not in frame.columns:
        return pd.Series(np.full(len(frame), default))
    text = frame[column].astype("object").where(frame[column].notna(), "").astype(str).str.strip()
    blank = text.str.lower().isin(BLANK).to_numpy()
    numbers = pd.to_numeric(text.mask(blank, None), errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~blank & ~np.isfinite(numbers)
    faults += [Fault(int(at) + 2, column, f"{text.iloc[at][:20]!r} is no number") for at in np.flatnonzero(wrong)]
    return pd.Series(np.where(blank, default, numbers))


def _flags(frame: pd.DataFrame, column: str, faults: list[Fault]) -> "pd.Series[bool]":
    if column not in frame.columns:
        return pd.Series(np.zeros(len(frame), dtype=np.bool_))
    text = frame[column].astype("object").where(frame[column].notna(), "").astype(str).str.strip().str.lower()
    wrong = ~text.isin(TRUE | FALSE).to_numpy()
    faults += [
        Fault(int(at) + 2, column, f"{text.iloc[at][:20]!r} is neither yes nor no") for at in np.flatnonzero(wrong)
    ]
    return text.isin(TRUE)


def _faults(chosen: "pd.Series[bool]", column: str, says: str) -> list[Fault]:
    return [Fault(int(at) + 2, column, says) for at in np.flatnonzero(chosen.to_numpy())]


def _check_words(table: pd.DataFrame) -> list[Fault]:
    faults = []
    for column in ("response_id", "criterion", "rater_id"):
        faults += _faults(table[column] == "", column, "is empty")
    return faults + _faults(~table["rater_kind"].isin(KINDS), "rater_kind", f"is not one of {', '.join(KINDS)}")


def _check_scores(table: pd.DataFrame) -> list[Fault]:
    scored = table["score"].notna()
    faults = _faults(~scored & (table["code"] == ""), "score", "neither a score nor a code that says why")
    faults += _faults(scored & (table["code"] != ""), "code", "both a score and a code")
    # A judge's unrounded score may leave the scale a little: it is trimmed, and the report counts it.
    outside = scored & ((table["score"] < table["scale_min"] - 1e-9) | (table["score"] > table["scale_max"] + 1e-9))
    for at in np.flatnonzero((outside & (table["rater_kind"] != "judge")).to_numpy()):
        row = table.iloc[at]
        says = f"{row['score']:g} lies outside {row['scale_min']:g} to {row['scale_max']:g}"
        faults.append(Fault(int(at) + 2, "score", says))
    away = scored & (table["confidence"].notna()) & ~table["confidence"].between(0, 1)
    return faults + _faults(away, "confidence", "lies outside 0 to 1")


def _check_scales(table: pd.DataFrame) -> list[Fault]:
    faults = _faults(table["scale_min"].isna(), "scale_min", "is empty")
    faults += _faults(~(table["scale_max"] > table["scale_min"]), "scale_max", "is not above scale_min")
    faults += _faults(~(table["step"] > 0), "step", "is not above zero")
    scales = table[["prompt_id", "criterion", "scale_min", "scale_max", "step"]].drop_duplicates()
    for (prompt, criterion), found in scales.groupby(["prompt_id", "criterion"], sort=False):
        if len(found) > 1:
            of_prompt = f" of prompt {prompt}" if prompt else ""
            faults.append(Fault(int(found.index[1]) + 2, "scale_min", f"a second scale for {criterion}{of_prompt}"))
    return faults


def _check_duplicates(table: pd.DataFrame) -> list[Fault]:
    key = list(KEY)
    again = table.duplicated(key)
    return [
        Fault(int(at) + 2, "response_id", "again " + ", ".join(f"{name} {table.at[at, name]}" for name in key))
        for at in np.flatnonzero(again.to_numpy())
    ]

"""From a long table to scores side by side: a declared reference, a judge, a second human, on the same rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eval.delimited import listed
from eval.errors import TableError
from eval.long_table import LongTable
from eval.metrics import Scores
from eval.scale import Rounding, Scale

MEAN, ADJUDICATED = "mean", "adjudicated"


@dataclass(frozen=True)
class Matched:
    """Scores of one criterion, row by row with the responses and their groups."""

    scores: Scores
    response_ids: NDArray[np.object_]
    groups: dict[str, NDArray[np.object_]]
    codes: dict[str, int]
    blind: NDArray[np.bool_]


def match(
    table: LongTable,
    criterion: str,
    judge: str,
    reference: str,
    second: str | None = None,
    repeat: int = 0,
    allow_unmatched: bool = False,
) -> Matched:
    """Put a judge beside its reference: a human rater's id, "mean" of the humans, or "adjudicated".

    Responses that only one side has are refused with a list, unless allowed. Codes become missing scores and are
    counted by rater and code.
    """
    rows = table.of(criterion=criterion)
    if rows.empty:
        known = listed(sorted(table.frame["criterion"].unique()))
        raise TableError(f"there is no criterion {criterion!r}; the table has {known}")
    judged = _one_rater(rows[(rows["rater_kind"] == "judge") & (rows["repeat"] == repeat)], judge)
    rated = _reference(rows, reference)
    if not allow_unmatched:
        _refuse_unmatched(judged, rated, judge, reference)
    ids = judged.index.union(rated.index)
    other = _one_rater(rows[rows["rater_kind"] == "human"], second).reindex(ids) if second else None
    facts = rows.drop_duplicates("response_id").set_index("response_id").reindex(ids)
    humans = rows[rows["rater_kind"] != "judge"]
    blind = humans.groupby("response_id")["blind"].all().reindex(ids).fillna(False)
    coded = rows[rows["code"] != ""]
    return Matched(
        Scores(_floats(rated.reindex(ids)), _floats(judged.reindex(ids)), None if other is None else _floats(other)),
        np.asarray(ids, dtype=object),
        {name: np.asarray(facts[name].astype(str), dtype=object) for name in ["prompt_id", *table.groups]},
        {f"{rater}: {code}": int(n) for (rater, code), n in coded.groupby(["rater_id", "code"]).size().items()},
        np.asarray(blind, dtype=np.bool_),
    )


def scale_of_criterion(table: LongTable, criterion: str, rounding: Rounding = "half-even") -> Scale:
    """The one scale of a criterion; TableError if its prompts have different ones, since those are never pooled."""
    rows = table.of(criterion=criterion)
    scales = rows[["scale_min", "scale_max", "step"]].drop_duplicates()
    if len(scales) != 1:
        raise TableError(f"criterion {criterion!r} has {len(scales)} scales; choose one prompt")
    low, high, step = (float(value) for value in scales.iloc[0])
    return Scale(low, high, step, rounding)


def _one_rater(rows: pd.DataFrame, rater: str) -> "pd.Series[float]":
    own = rows[rows["rater_id"] == rater]
    if own.empty:
        known = listed(sorted(rows["rater_id"].unique())) or "none"
        raise TableError(f"there is no rater {rater!r} here; there are: {known}")
    return own.drop_duplicates("response_id").set_index("response_id")["score"]


def _reference(rows: pd.DataFrame, reference: str) -> "pd.Series[float]":
    if reference == MEAN:
        humans = rows[rows["rater_kind"] == "human"]
        if humans.empty:
            raise TableError("there is no human score to take the mean of")
        return humans.groupby("response_id")["score"].mean()
    if reference == ADJUDICATED:
        decided = rows[rows["rater_kind"] == "adjudicated"]
        if decided.empty:
            raise TableError("there is no adjudicated score")
        return decided.drop_duplicates("response_id").set_index("response_id")["score"]
    return _one_rater(rows[rows["rater_kind"] == "human"], reference)


def _refuse_unmatched(judged: "pd.Series[float]", rated: "pd.Series[float]", judge: str, reference: str) -> None:
    told = [
        f"{len(only):,} only from {who} ({listed(only)})"
        for who, only in (
            (judge, judged.index.difference(rated.index)),
            (reference, rated.index.difference(judged.index)),
        )
        if len(only)
    ]
    if told:
        raise TableError("responses without a counterpart: " + "; ".join(told))


def _floats(series: "pd.Series[float]") -> NDArray[np.float64]:
    return np.asarray(series, dtype=np.float64)

"""Labelled responses for a gate from a long table: whole sheets, or one criterion's scores; only blind people count."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eval.delimited import listed, open_delimited
from eval.errors import TableError
from eval.gate_data import NO_CONFIDENCE, Response, Responses, Rule
from eval.long_table import REQUIRED, LongTable, read_long
from rubrics.losses import POINTS, ScoreScale
from rubrics.model import Rubric
from rubrics.scoring import item_points


def is_long(path: Path) -> bool:
    """Whether a file has the columns of a long table."""
    return set(REQUIRED) <= set(open_delimited(path, REQUIRED).header)


def read_sheets(
    path: Path,
    rubric: Rubric,
    rater: str,
    rule: Rule,
    groups: Sequence[str] = (),
    *,
    sheets: bool = False,
    blind: bool = False,
) -> Responses:
    """A long table as responses with an item's points, or with whole sheets.

    A response that the judge did not score on every criterion has no confidence; one whose human sheet is not complete
    is unlabelled. Only people marked as blind count, unless all are known to be; TableError where none is.
    """
    table = read_long(path)
    judged, human = _raters(table, path.name, rater, groups, blind)
    people: dict[str, dict[str, Any]] = {}
    for (response, who), rows in human.groupby(["response_id", "rater_id"], sort=True):
        people.setdefault(str(response), {})[str(who)] = rows
    found = []
    for response, rows in judged.groupby("response_id", sort=True):
        found.append(_sheet_response(str(response), rows, people.get(str(response), {}), rubric, rule, groups, sheets))
    digest = str(table.source.get("sha256", ""))
    return Responses(found, POINTS, rule, path.name, digest, "blind sheets", tuple(groups))


def read_criterion(
    path: Path, criterion: str, rater: str, groups: Sequence[str] = (), *, blind: bool = False
) -> Responses:
    """One criterion of a long table on its own scale: the judge beside the first person, and beside a second."""
    table = read_long(path)
    own = replace(table, frame=table.frame[table.frame["criterion"] == criterion])
    if own.frame.empty:
        known = listed(sorted(table.frame["criterion"].unique()))
        raise TableError(f"{path.name} has no criterion {criterion!r}; it has {known}")
    judged, human = _raters(own, path.name, rater, groups, blind)
    scales = own.frame[["scale_min", "scale_max", "step"]].drop_duplicates()
    if len(scales) > 1:
        raise TableError(f"{path.name}: criterion {criterion!r} has {len(scales)} scales; choose one prompt")
    low, high, step = (float(value) for value in scales.iloc[0])
    scored = human[human["score"].notna()]
    people = {str(response): rows["score"].tolist() for response, rows in scored.groupby("response_id")}
    found = [_one_score(row, people.get(str(row["response_id"]), []), groups) for _, row in judged.iterrows()]
    raters = " and ".join(human["rater_id"].unique()[:2])
    digest = str(table.source.get("sha256", ""))
    scale = ScoreScale(minimum=low, maximum=high, step=step)
    return Responses(found, scale, "least", path.name, digest, f"{criterion} by {raters}", tuple(groups))


def _one_score(row: Any, people: list[float], groups: Sequence[str]) -> Response:
    scored = not np.isnan(row["score"])
    return Response(
        id=str(row["response_id"]),
        prompt=str(row["prompt_id"]),
        confidence=float(row["confidence"]) if scored else float("nan"),
        judge=float(row["score"]) if scored else None,
        people=people,
        groups={name: str(row[name]) for name in groups},
    )


def _raters(
    table: LongTable, name: str, rater: str, groups: Sequence[str], blind: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The judge's rows and the people's; the adjudicated score stands for people where there is no other."""
    frame = table.frame[table.frame["repeat"] == 0]
    missing = [one for one in groups if one not in table.groups]
    if missing:
        has = listed(table.groups) or "none"
        raise TableError(f"{name} has no columns {listed(missing)}; its groups are {has}")
    judged = frame[(frame["rater_kind"] == "judge") & (frame["rater_id"] == rater)]
    if judged.empty:
        known = listed(sorted(frame[frame["rater_kind"] == "judge"]["rater_id"].unique())) or "none"
        raise TableError(f"{name} has no judge {rater!r}; its judges are: {known}")
    human = frame[frame["rater_kind"] == "human"]
    human = human if len(human) else frame[frame["rater_kind"] == "adjudicated"]
    if blind:
        return judged, human
    if len(human) and not human["blind"].any():
        raise TableError(
            f"{name} does not say of anybody that they scored without seeing the judge's scores; only such scores "
            "count. If they did, say --blind"
        )
    return judged, human[human["blind"]]


def _sheet_response(
    response: str,
    rows: Any,
    people: Mapping[str, Any],
    rubric: Rubric,
    rule: Rule,
    groups: Sequence[str],
    sheets: bool,
) -> Response:
    judge = _score(rows, rubric, sheets)
    told = rows[rows["criterion"].isin([criterion.id for criterion in rubric.judged])]["confidence"]
    confidence = NO_CONFIDENCE if rule == "none" else float(told.min() if rule == "least" else told.mean())
    if judge is None or (rule != "none" and told.isna().any()):
        confidence = float("nan")
    scored = [_score(own, rubric, sheets) for own in people.values()]
    first = rows.iloc[0]
    return Response(
        id=response,
        prompt=str(first["prompt_id"]),
        confidence=confidence,
        judge=judge,
        people=[one for one in scored if one is not None],
        groups={name: str(first[name]) for name in groups},
    )


def _score(rows: Any, rubric: Rubric, sheet: bool) -> float | dict[str, int] | None:
    """One rater's whole sheet, or what it is worth; None where a criterion has no level."""
    levels: dict[str, int] = {}
    for criterion, score in zip(rows["criterion"], rows["score"], strict=True):
        if not np.isnan(score):
            levels[str(criterion)] = round(float(score))
    if {criterion.id for criterion in rubric.criteria} - set(levels):
        return None
    known = {criterion.id: levels[criterion.id] for criterion in rubric.criteria}
    # Judge and person have the same points for a drawing's graph, so that any number says how far they are apart.
    graph = 0 if rubric.graph_points else None
    try:
        return known if sheet else item_points(rubric, known, graph)
    except ValueError as error:
        raise TableError(f"the sheets don't fit the rubric: {error}") from None

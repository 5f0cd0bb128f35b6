"""The JSON of `atelier eval metrics`: a table's figures, its groups, fairness, and where all of it comes from."""

import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from eval.agreement import exact, quadratic_kappa
from eval.criteria import OF_GROUP, finding, findings, holm, p_of
from eval.delimited import listed
from eval.errors import ScaleError, TableError
from eval.fairness import FLOOR, MODELS, dsm, error_models
from eval.figure import Figure, rows_of
from eval.intervals import BLOCKS, CONFIDENCE, MOST_ROWS, wilson
from eval.metrics import AGREEMENT, SECOND, Figures, Scores, Settings, human_figures, judge_figures, missing
from eval.pairs import Floats, Pairs, places_of
from eval.prompts import crosses_prompts, mean_of_prompts
from eval.raters import Ratings, figures_of_raters
from eval.scale import TRIM, Scale, rounding_named
from eval.wide_table import Columns, WideTable, read_wide


@dataclass(frozen=True)
class Request:
    """What a user asks of a file of scores."""

    file: Path
    columns: Columns
    minimum: float | None = None
    maximum: float | None = None
    step: float = 1.0
    rounding: str = "half-even"
    codes: tuple[str, ...] = ()
    exclude_zero: bool = False
    replicates: int = 2000
    seed: int = 0


def report_of_file(request: Request) -> dict[str, Any]:
    """Read the file and report; TableError or ScaleError says what is wrong."""
    table = read_wide(request.file, request.columns, request.codes)
    if request.exclude_zero:
        table = table.without_zeros()
    scale = scale_of(table, request.minimum, request.maximum, request.step, request.rounding)
    refuse_off_scale(table, request.columns, scale)
    declared = request.minimum is not None and request.maximum is not None
    return report(table, request.columns, Settings(scale, request.replicates, request.seed), declared)


def report(table: WideTable, columns: Columns, settings: Settings, declared: bool) -> dict[str, Any]:
    """Figures for the whole table, for the two humans and for each group, each as JSON, and their provenance."""
    scores = scores_of(table, columns.prompt)
    overall = judge_figures(scores, settings) | coverage_figures(scores, settings.scale)
    found: dict[str, Any] = {
        "human_human": as_json(human_figures(scores, settings)),
        "groups": {},
        "human_human_groups": {},
        "fairness": {},
        "prompts": {},
        "raters": {},
    }
    if columns.more:
        found["raters"] = figures_of_raters(ratings_of(table, columns, scores), settings)
    found = {"overall": as_json(overall), "criteria": [one.as_json() for one in findings(overall)]} | found
    for name in columns.groups:
        judged, rated = groups_of(scores, table.groups[name], settings)
        found["groups"][name] = {value: as_json(figures) for value, figures in judged.items()}
        found["human_human_groups"][name] = {value: as_json(figures) for value, figures in rated.items()}
        found["fairness"][name] = fairness_of(scores, table.groups[name], settings)
        apart = {value: figures["dsm"] for value, figures in judged.items()}
        found["fairness"][name]["groups"] = {value: group_verdict(figure) for value, figure in apart.items()}
        if name == columns.prompt:
            shared = crosses_prompts(scores.cluster, scores.stratum)
            means = mean_of_prompts(judged, shared=shared)
            found["prompts"] = {
                "column": name,
                "overall": as_json(means),
                "human_human": as_json(mean_of_prompts(rated, shared=shared)),
            }
            found["criteria"] = [one.as_json() for one in findings(counted_in_rows(means, overall))]
    adjust(found["fairness"])
    return found | {"provenance": provenance(table, columns, settings, declared)}


def counted_in_rows(means: Figures, overall: Figures) -> Figures:
    """Means over prompts with the number of rows that they rest on."""
    return {name: replace(figure, n=overall[name].n) for name, figure in means.items() if name in overall}


def as_json(figures: Figures) -> dict[str, Any]:
    """Each figure by its name."""
    return {name: figure.as_json() for name, figure in figures.items()}


def scores_of(table: WideTable, prompt: str | None = None) -> Scores:
    """The table's scores, its clusters and prompts numbered."""
    cluster = None if table.cluster is None else np.unique(table.cluster, return_inverse=True)[1]
    stratum = None if prompt is None else np.unique(table.groups[prompt], return_inverse=True)[1]
    return Scores(table.human, table.system, table.human2, cluster, stratum)


def ratings_of(table: WideTable, columns: Columns, scores: Scores) -> Ratings:
    """All human columns side by side."""
    known = [(columns.human, table.human), (columns.human2, table.human2), *table.more.items()]
    named = [(name, column) for name, column in known if name is not None and column is not None]
    names, ratings = zip(*named, strict=True)
    return Ratings(tuple(names), np.column_stack(ratings), table.system, scores.cluster, scores.stratum)


def groups_of(
    scores: Scores, labels: np.ndarray[Any, np.dtype[Any]], settings: Settings
) -> tuple[dict[str, Figures], dict[str, Figures]]:
    """Judge-human and human-human figures of every value; of a group below 30 rows only the number of rows."""
    apart = group_dsm(scores, labels, settings)
    judged, rated = {}, {}
    values, place = places_of(labels)
    for at, value in enumerate(values):
        part = scores.chosen(place == at)
        n, double = len(part.both().human), len(part.humans().both().human)
        figures = judge_figures(part, settings) if n >= FLOOR else _hidden((*AGREEMENT, *SECOND), n)
        judged[str(value)] = figures | {"dsm": apart.get(str(value), Figure.missing(n, "no row with both scores"))}
        rated[str(value)] = (
            human_figures(part, settings) if double >= FLOOR or scores.human2 is None else _hidden(AGREEMENT, double)
        )
    return judged, rated


def group_dsm(scores: Scores, labels: np.ndarray[Any, np.dtype[Any]], settings: Settings) -> Figures:
    """DSM of each value of a group column, on trimmed scores."""
    known = ~(np.isnan(scores.human) | np.isnan(scores.system))
    return dsm(scores.human[known], settings.scale.trim(scores.system[known]), labels[known])


def fairness_of(scores: Scores, labels: np.ndarray[Any, np.dtype[Any]], settings: Settings) -> dict[str, Any]:
    """OSA, OSD and CSD of a group column, on trimmed scores."""
    known = ~(np.isnan(scores.human) | np.isnan(scores.system))
    return error_models(scores.human[known], settings.scale.trim(scores.system[known]), labels[known])


def group_verdict(apart: Figure) -> dict[str, Any]:
    """A group's DSM with its p against none, and whether it lies within the bound."""
    verdict = finding(OF_GROUP, apart)
    return {"dsm": apart.as_json(), "p": p_of(apart), "verdict": verdict.verdict, "reason": verdict.reason}


def adjust(fairness: dict[str, Any]) -> None:
    """Give every p of the groups, and every p of the regressions, a `p_holm` for how many of its kind there are."""
    regressions = [column[model] for column in fairness.values() for model in MODELS]
    groups = [group for column in fairness.values() for group in column["groups"].values()]
    for family in (regressions, groups):
        for one, adjusted in zip(family, holm([one["p"] for one in family]), strict=True):
            one["p_holm"] = adjusted


def _hidden(names: tuple[str, ...], n: int) -> Figures:
    return {"n": Figure.count(n)} | missing(names, f"{rows_of(n)}: no figure of a group below {FLOOR}", n)


def coverage_figures(scores: Scores, scale: Scale) -> Figures:
    """How often the judge gave a score at all, and agreement if every score it did not give were as wrong as can be."""
    human = scores.human[~np.isnan(scores.human)]
    system = scores.system[~np.isnan(scores.human)]
    n, absent = len(human), np.isnan(system)
    figures = {"dsm": Figure.missing(n, "a figure of a group")}
    if n == 0:
        return figures | missing(("scored_share", "exact_worst", "qwk_worst"), "no row has a human score", 0)
    share = float(1 - absent.mean())
    figures["scored_share"] = Figure.of(share, *wilson(share, n), n)
    if n < FLOOR:
        return figures | missing(("exact_worst", "qwk_worst"), f"{rows_of(n)}: below {FLOOR}", n)
    farthest = np.where(human - scale.minimum > scale.maximum - human, scale.minimum, scale.maximum)
    pairs = Pairs.of(scale.round(human), scale.round(np.where(absent, farthest, system)))
    why = "no interval: a bound"
    for name, value in (("exact_worst", exact(pairs)), ("qwk_worst", quadratic_kappa(pairs))):
        figures[name] = Figure.of(float(value[0]), np.nan, np.nan, n, why)
    return figures


def scale_of(table: WideTable, minimum: float | None, maximum: float | None, step: float, rounding: str) -> Scale:
    """The scale with its declared ends, else from the lowest to the highest human score; TableError without any."""
    human = [scores for scores in (table.human, table.human2, *table.more.values()) if scores is not None]
    known = np.concatenate([scores[~np.isnan(scores)] for scores in human])
    if not len(known):
        raise TableError("there is no human score in the table")
    if step <= 0:
        raise ScaleError("the step of a scale is above zero")
    if minimum is None:
        minimum = float(np.floor(known.min() / step + 1e-9) * step)
    if maximum is None:
        maximum = float(minimum + max(0.0, np.ceil((known.max() - minimum) / step - 1e-9)) * step)
    return Scale(minimum, maximum, step, rounding_named(rounding))


def refuse_off_scale(table: WideTable, columns: Columns, scale: Scale) -> None:
    """TableError naming the rows whose human scores lie outside the scale; the system's are trimmed instead."""
    for name, scores in ((columns.human, table.human), (columns.human2, table.human2), *table.more.items()):
        if scores is None:
            continue
        outside = np.flatnonzero(~np.isnan(scores) & ~scale.contains(scores))
        if len(outside):
            rows = listed(f"row {place + 2} ({scores[place]:g})" for place in outside)
            raise TableError(f"column {name!r} leaves the scale {scale.minimum:g} to {scale.maximum:g} in {rows}")


def provenance(table: WideTable, columns: Columns, settings: Settings, declared: bool) -> dict[str, Any]:
    """Where the figures come from and by which rules they were made; the same input gives the same bytes."""
    scale = settings.scale
    return {
        "source": table.source,
        "columns": {
            "human": columns.human,
            "human2": columns.human2,
            "more_humans": list(columns.more),
            "system": columns.system,
            "groups": list(columns.groups),
            "prompt": columns.prompt,
            "cluster": columns.cluster,
        },
        "rows": row_counts(table, scale),
        "codes": table.codes,
        "scale": {"minimum": scale.minimum, "maximum": scale.maximum, "step": scale.step, "declared": declared},
        "rules": {
            "reference": "the human column as it stands",
            "trim": f"{TRIM} of a step beyond the ends",
            "rounding": scale.rounding,
            "standard_deviations": "n - 1",
        },
        "intervals": {
            "confidence": CONFIDENCE,
            "replicates": settings.replicates,
            "seed": settings.seed,
            "exact, adjacent, scored_share": "Wilson" if columns.cluster is None else "as the others",
            "spearman": "Bonett and Wright" if columns.cluster is None else "percentiles, ranks held",
            "ceilings": "the interval of icc21, transformed",
            "dsm": "delta method",
            "osa, osd": "noncentral F; groups: t",
            "others": f"percentiles; drawn with replacement: {drawn_units(table, columns)}",
        },
        "versions": {
            "atelier": version("atelier"),
            "numpy": version("numpy"),
            "python": platform.python_version(),
        },
    }


def drawn_units(table: WideTable, columns: Columns) -> str:
    """What a resample draws, in words."""
    if columns.cluster is not None:
        return f"clusters of column {columns.cluster!r}"
    if len(table) <= MOST_ROWS:
        return "rows"
    return f"rows, or {BLOCKS:,} random blocks of rows where more than {MOST_ROWS:,} rows are mostly unlike"


def row_counts(table: WideTable, scale: Scale) -> dict[str, int]:
    """How many rows there are, and how many of them have which score."""

    def missing(scores: Floats) -> int:
        return int(np.isnan(scores).sum())

    scored = ~(np.isnan(table.human) | np.isnan(table.system))
    return {
        "total": len(table),
        "scored": int(scored.sum()),
        "human_missing": missing(table.human),
        "system_missing": missing(table.system),
        "system_trimmed": int((scale.trim(table.system) != table.system)[~np.isnan(table.system)].sum()),
        "zeros_excluded": table.zeros_excluded,
        "double_scored": 0 if table.human2 is None else int((~(np.isnan(table.human) | np.isnan(table.human2))).sum()),
    }

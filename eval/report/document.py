"""A report as JSON: fifteen sections' worth of figures, made from a run's folder alone."""

import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from eval.errors import TableError
from eval.halo import halo
from eval.metrics_report import adjust, as_json
from eval.report.criterion import criterion_of
from eval.report.subjects import Choice, Subject, chosen_judge, judges_of, subjects_of, total_of
from eval.report.verdict import verdict_of
from eval.run_folder import RunFolder, digest_of

BESIDE = {"gate": "gate.json", "simulation": "simulation.json", "drift": "drift.json", "probes": "probes.json"}


def document(run: RunFolder, choice: Choice, comparison: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Everything that a report says; the same folder and choice give the same document."""
    judge = chosen_judge(run, choice)
    subjects = subjects_of(run, choice)
    total = total_of(subjects, run.manifest, choice)
    criteria = [criterion_of(one, choice) for one in subjects]
    summed = criterion_of(total, choice) if total is not None else None
    # One family of tests: every criterion by every group.
    adjust({f"{one['name']} {column}": f for one in _all(criteria, summed) for column, f in one["fairness"].items()})
    beside = {name: _beside(run.path, file) for name, file in BESIDE.items()}
    return {
        "title": f"{judge} on {_set_name(run)}",
        "judge": judge,
        "other_judges": [name for name in judges_of(run) if name != judge],
        "label": run.manifest.get("label", ""),
        "verdict": verdict_of(judge, criteria, beside["gate"]),
        "data": _data(run, subjects),
        "criteria": criteria,
        "total": summed,
        "halo": as_json(_halo(subjects, choice)) if len(subjects) > 1 else None,
        "gallery": gallery(run, subjects, choice),
        "with_text": choice.with_text,
        "cost": _cost(run, judge),
        "comparison": comparison,
        **beside,
        "provenance": _provenance(run, choice, subjects),
    }


def _all(criteria: Sequence[dict[str, Any]], total: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [*criteria, *([total] if total is not None else [])]


def _set_name(run: RunFolder) -> str:
    return str(run.manifest.get("data", {}).get("file") or run.path.name)


def _beside(folder: Path, name: str) -> dict[str, Any] | None:
    """A JSON file of another command that lies in the folder."""
    path = folder / name
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        raise TableError(f"{path} can't be read as JSON") from None
    if not isinstance(found, dict):
        raise TableError(f"{path} holds no JSON object")
    return found


def _data(run: RunFolder, subjects: Sequence[Subject]) -> dict[str, Any]:
    judged = run.manifest.get("judged", {})
    first = subjects[0]
    words = first.words[~np.isnan(first.words)]
    flags = Counter(flag for row in run.responses.values() for flag in row.get("flags", []))
    return {
        "responses": len(first),
        "prompts": len(first.prompt_names),
        "left_out_as_short": judged.get("left_out_as_short", 0),
        "asked": run.manifest.get("asked", {}),
        "words": None if not len(words) else [float(np.quantile(words, at)) for at in (0.0, 0.25, 0.5, 0.75, 1.0)],
        "flags": dict(flags),
        "raters": _raters(run),
        "groups": {column: dict(Counter(labels.tolist())) for column, labels in first.groups.items()},
        "clusters": None if first.cluster is None else int(first.cluster.max()) + 1,
    }


def _raters(run: RunFolder) -> list[dict[str, Any]]:
    """How much each rater did, and how often they gave no score, by kind."""
    frame = run.table.frame[run.table.frame["repeat"] == 0]
    found = []
    for (kind, rater), rows in frame.groupby(["rater_kind", "rater_id"], sort=True):
        codes = Counter(rows[rows["code"] != ""]["code"].tolist())
        found.append(
            {
                "kind": str(kind),
                "rater": str(rater),
                "scores": int(rows["score"].notna().sum()),
                "criteria": int(rows["criterion"].nunique()),
                "codes": dict(codes),
                "blind": int(rows["blind"].sum()),
            }
        )
    return found


def _halo(subjects: Sequence[Subject], choice: Choice) -> Any:
    ids = sorted(set.intersection(*(set(one.ids.tolist()) for one in subjects)))
    names = np.array(ids, dtype=str)
    places = [np.searchsorted(one.ids.astype(str), names) for one in subjects]
    human = np.column_stack([one.human[place] for one, place in zip(subjects, places, strict=True)])
    system = np.column_stack([one.system[place] for one, place in zip(subjects, places, strict=True)])
    return halo(human, system, replicates=min(500, choice.replicates), seed=choice.seed)


def gallery(run: RunFolder, subjects: Sequence[Subject], choice: Choice) -> list[dict[str, Any]]:
    """The largest disagreements, as shares of their scales; without a word of a student's unless asked for."""
    found = []
    for subject in subjects:
        scores, _ = subject.shares()
        apart = np.abs(scores.system - scores.human)
        for at in np.argsort(-np.nan_to_num(apart, nan=-1.0), kind="stable")[: choice.gallery]:
            if not np.isnan(apart[at]) and apart[at] > 0:
                found.append(_disagreement(run, subject, int(at), float(apart[at]), choice.with_text))
    found.sort(key=lambda one: (-one["apart"], one["response_id"], one["criterion"]))
    return found[: choice.gallery]


def _disagreement(run: RunFolder, subject: Subject, at: int, apart: float, with_text: bool) -> dict[str, Any]:
    response = str(subject.ids[at])
    known = run.responses.get(response, {})
    told: dict[str, Any] = {
        "response_id": response,
        "prompt": str(subject.prompts[at]),
        "criterion": subject.name,
        "ratings": {
            rater: None if np.isnan(score) else float(score)
            for rater, score in zip(subject.raters, subject.ratings[at], strict=True)
        },
        "judge": float(subject.system[at]),
        "apart": apart,
        "words": run.words(response),
        "flags": list(known.get("flags", [])),
    }
    if with_text:
        told |= _rationales(run, subject, response, known)
    return told


def _rationales(run: RunFolder, subject: Subject, response: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """What the judge rests on, and what a person said: both may hold the student's words."""
    pairings = run.manifest.get("pairings", {})
    prompt = str(subject.prompts[subject.ids.tolist().index(response)])
    ours = {theirs: ours for ours, theirs in pairings.get(prompt, {}).get("criteria", {}).items()}
    sheet = run.sheets.get(next(iter(known.get("sheets", [])), ""), {})
    rating: dict[str, Any] = next(
        (one for one in sheet.get("ratings", []) if one["criterion"] == ours.get(subject.name)), {}
    )
    rows = run.table.of(response_id=response, criterion=subject.name)
    comments = [str(one) for one in rows[(rows["rater_kind"] != "judge") & (rows["comment"] != "")]["comment"]]
    return {"quotes": rating.get("quotes", []), "comment": rating.get("comment", ""), "people_say": comments}


def _cost(run: RunFolder, judge: str) -> dict[str, Any]:
    rows = run.table.of(rater_kind="judge", rater_id=judge)
    per_sheet = rows.drop_duplicates(["response_id", "repeat"])
    latency = per_sheet["latency"].dropna().to_numpy()
    unscored = Counter(rows[rows["code"] != ""]["code"].tolist())
    took = run.manifest.get("took", {})
    sheets = run.manifest.get("judged", {}).get("sheets") or len(per_sheet)
    read = took.get("tokens_read") or 0
    return {
        "sheets": sheets,
        "ratings": len(rows),
        "unscored": dict(unscored),
        "took": took,
        "usd_per_response": took["usd"] / sheets if took.get("usd") and sheets else None,
        "cached_share": took["tokens_cached"] / read if read else None,
        "latency": None
        if not len(latency) or latency.max() <= 0
        else {name: float(np.quantile(latency, at)) for name, at in (("median", 0.5), ("p95", 0.95), ("most", 1.0))},
    }


def _provenance(run: RunFolder, choice: Choice, subjects: Sequence[Subject]) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "data": manifest.get("data") or run.table.source,
        "scores_sha256": digest_of(run),
        "rows_sha256": {one.name: one.digest for one in subjects},
        "judge": manifest.get("identity", {}).get("judge", {}),
        "rubrics": manifest.get("identity", {}).get("rubrics", {}),
        "scope": manifest.get("identity", {}).get("scope", ""),
        "models": manifest.get("models", {}),
        "judged_at": manifest.get("written_at"),
        "choice": {
            "reference": choice.reference,
            "cluster": choice.cluster,
            "replicates": choice.replicates,
            "seed": choice.seed,
            "rounding": choice.rounding,
            "total_step": choice.total_step,
        },
        "versions": {
            "atelier": version("atelier"),
            "numpy": version("numpy"),
            "scipy": version("scipy"),
            "scikit-learn": version("scikit-learn"),
            "python": platform.python_version(),
        },
    }


def flat_rows(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every figure as a row: where it stands, its name, value, interval, n, reason."""
    rows: list[dict[str, Any]] = []
    for one in _all(told["criteria"], told["total"]):
        for part in ("headline", "headline_human", "pooled", "pooled_human", "within", "within_human"):
            rows += _rows(one["name"], part, "", one.get(part) or {})
        for prompt, figures in one["prompts"].items():
            rows += _rows(one["name"], "prompt, judge", prompt, figures["judge"])
            rows += _rows(one["name"], "prompt, people", prompt, figures["human"])
        for column, fairness in one["fairness"].items():
            for value, figures in fairness["judge"].items():
                rows += _rows(one["name"], "group, judge", f"{column}={value}", figures)
    return rows


def _rows(criterion: str, part: str, where: str, figures: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"criterion": criterion, "part": part, "where": where, "figure": name, **figure}
        for name, figure in figures.items()
    ]

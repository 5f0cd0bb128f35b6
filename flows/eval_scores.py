"""What a run leaves for its reports: the scores as a long table, the responses' sheets, and the run's own facts."""

import json
import platform
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from eval.errors import EvalError
from eval.levels import score_of, unrounded
from eval.long_table import COLUMNS, checked
from eval.run_folder import RESPONSES, RUN, SCORES, whole_model
from flows.eval_sets import ReadySet
from flows.judging.judge import Judge
from flows.run_eval import GAVE_UP, Desk, Plan, Wanted
from rubrics.drawing import graph_points
from rubrics.model import Rubric
from rubrics.scoring import item_points


def identity(plan: Plan, judge_name: str, ready: ReadySet) -> dict[str, Any]:
    """What makes two runs the same run: they may share a folder."""
    judge = plan.judge
    return {
        "judge": {
            "name": judge_name,
            "version": judge.version,
            "model": judge.model,
            "parameters": dict(judge.parameters),
            "prompt_hash": judge.prompt_hash,
        },
        "rubrics": {
            prompt: {"id": rubric.id, "version": rubric.version, "content_hash": rubric.content_hash}
            for prompt, rubric in ready.rubrics.items()
        },
        "scope": plan.scope,
    }


def refuse_other_run(folder: Path, ours: Mapping[str, Any]) -> None:
    """EvalError if the folder holds a run of another judge, prompt or rubric."""
    if not (folder / RUN).exists():
        return
    theirs = json.loads((folder / RUN).read_text("utf-8"))["identity"]
    differ = [name for name in ("judge", "scope") if theirs[name] != ours[name]]
    shared = set(theirs["rubrics"]) & set(ours["rubrics"])
    differ += ["rubric"] if any(theirs["rubrics"][one] != ours["rubrics"][one] for one in shared) else []
    if differ:
        raise EvalError(f"{folder} holds a run with another {' and '.join(differ)}; choose another folder with --out")


def write_run(folder: Path, desk: Desk, ready: ReadySet, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write scores.csv, responses.jsonl and run.json from the log; returns the manifest."""
    plan, rows = desk.plan, list[dict[str, Any]]()
    responses: dict[str, dict[str, Any]] = {}
    models: Counter[str] = Counter()
    told = _Told()
    for wanted in plan.sheets:
        sheet = desk.log.sheets.get(wanted.fingerprint)
        if sheet is None:
            continue
        told.add(wanted.fingerprint, sheet)
        models.update(model for model in sheet["models"].values() if model)
        response = responses.setdefault(
            wanted.entry.response_id,
            {"response_id": wanted.entry.response_id, "words": sheet["words"], "flags": sheet["flags"], "sheets": []},
        )
        response["sheets"].append(wanted.fingerprint)
        rows += list(_judge_rows(wanted, sheet, ready, plan.judge, facts["identity"]["judge"]["name"]))
    manifest = dict(facts) | {
        "judged": {
            "responses": len(responses),
            "sheets": told.sheets,
            "left_out_as_short": ready.short,
            "given_up": told.given_up,
        },
        "models": dict(models),
        "took": told.totals(),
        "weights": {prompt: _weights(rubric) for prompt, rubric in ready.rubrics.items()},
        "tops": {prompt: {one.id: one.top for one in rubric.criteria} for prompt, rubric in ready.rubrics.items()},
        "pairings": {
            prompt: {"criteria": dict(pairing.criteria), "whole": pairing.whole}
            for prompt, pairing in ready.pairings.items()
        },
        "data": ready.data.table.source | {"kind": ready.data.kind},
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"atelier": version("atelier"), "python": platform.python_version()},
    }
    whole = whole_model(models, plan.judge.parameters) is not None
    _write(folder / SCORES, _table(rows, ready, set(responses), whole=whole))
    _write(folder / RESPONSES, "".join(json.dumps(row) + "\n" for row in responses.values()))
    _write(folder / RUN, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    return manifest


def _write(path: Path, text: str) -> None:
    """The whole file or none of it."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text, "utf-8")
    beside.replace(path)


class _Told:
    """What the sheets of a run took, each once however many responses share it."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self.sheets = 0
        self._usd = self._seconds = 0.0
        self._tokens = [0, 0, 0]
        self.given_up = 0

    def add(self, mark: str, sheet: Mapping[str, Any]) -> None:
        """Count a sheet unless it was counted."""
        if mark in self._seen:
            return
        self._seen.add(mark)
        self.sheets += 1
        self.given_up += any(one.get("reason") == GAVE_UP for one in sheet["ratings"])
        self._usd += sheet["usd"]
        self._seconds += sheet["seconds"]
        self._tokens = [
            self._tokens[0] + sheet["tokens"][0],
            self._tokens[1] + sheet["tokens"][1],
            self._tokens[2] + sheet["cached_tokens"],
        ]

    def totals(self) -> dict[str, float]:
        """The sums."""
        read, written, cached = self._tokens
        return {
            "usd": round(self._usd, 6),
            "seconds": round(self._seconds, 3),
            "tokens_read": read,
            "tokens_written": written,
            "tokens_cached": cached,
        }


def _weights(rubric: Rubric) -> dict[str, float]:
    return {criterion.id: criterion.weight for criterion in rubric.criteria}


def _judge_rows(
    wanted: Wanted, sheet: Mapping[str, Any], ready: ReadySet, judge: Judge, name: str
) -> Iterator[dict[str, Any]]:
    """The sheet's ratings on the table's scales."""
    pairing = ready.pairings[wanted.entry.prompt_id]
    ratings = {rating["criterion"]: rating for rating in sheet["ratings"]}
    shared = {
        "response_id": wanted.entry.response_id,
        "prompt_id": wanted.entry.prompt_id,
        "rater_kind": "judge",
        "rater_id": name,
        "judge_version": judge.version,
        "repeat": wanted.repeat,
        "prompt_hash": judge.prompt_hash[:16],
        "cost": sheet["usd"] / max(1, len(ratings)),
        "latency": sheet["seconds"],
    }
    for ours, theirs in pairing.criteria.items():
        rating = ratings[ours]
        yield shared | {
            "criterion": theirs,
            "model": sheet["models"].get(ours, ""),
            "share": _share(rating, wanted.rubric.criterion(ours).top),
            "code": "" if rating["level"] is not None else str(rating.get("reason") or "unscored"),
            "confidence": rating.get("confidence"),
        }
    if pairing.whole is not None:
        levels = {one: rating["level"] for one, rating in ratings.items()}
        points = item_points(wanted.rubric, levels, graph_points(wanted.rubric, wanted.entry.text))
        models = "+".join(sorted({model for model in sheet["models"].values() if model}))
        reasons = sorted({str(rating.get("reason")) for rating in ratings.values() if rating["level"] is None})
        yield shared | {
            "criterion": pairing.whole,
            "model": models,
            "share": None if points is None else points / 100,
            "code": "" if points is not None else next(iter(reasons), "unscored"),
            "confidence": None,
        }


def _share(rating: Mapping[str, Any], top: int) -> float | None:
    """Where a rating lies between the lowest and the highest level."""
    if rating["level"] is None:
        return None
    return score_of(unrounded(rating["level"], rating.get("estimate")), top, 0.0, 1.0)


def _table(rows: list[dict[str, Any]], ready: ReadySet, responses: set[str], *, whole: bool) -> str:
    """People's rows of the responses judged, and the judge's on the same scales, checked as any long table is."""
    people = ready.data.table.frame
    people = people[people["response_id"].isin(responses) & (people["rater_kind"] != "judge")]
    if ready.data.kind != "long":
        people = people.assign(blind=True)  # a set scored before there was this judge
    scales = people.drop_duplicates(["prompt_id", "criterion"])[
        ["prompt_id", "criterion", "scale_min", "scale_max", "step"]
    ]
    groups = people.drop_duplicates("response_id")[["response_id", *ready.data.table.groups]]
    judged = pd.DataFrame(rows).merge(scales, on=["prompt_id", "criterion"], how="inner")
    judged = judged.merge(groups, on="response_id", how="left")
    judged["score"] = judged["scale_min"] + (judged["scale_max"] - judged["scale_min"]) * judged["share"]
    judged["judge_version"] = (judged["judge_version"] + " " + judged["model"]).str.strip()
    judged = (judged if whole else split_by_model(judged)).drop(columns=["share", "model"])
    both = pd.concat([people.astype(object), judged.astype(object)], ignore_index=True)
    both = both[[*COLUMNS, *ready.data.table.groups]]
    return str(checked(both, "the run's scores").frame.to_csv(index=False))


def split_by_model(judged: pd.DataFrame) -> pd.DataFrame:
    """A judge whose model's id changed during the run becomes two raters, told apart by it.

    Where no model was heard (the text was declined, or empty) there is nothing that could have changed.
    """
    ids = judged[judged["score"].notna() & (judged["model"] != "")].groupby("rater_id")["judge_version"].nunique()
    several = judged["rater_id"].map(ids).fillna(1) > 1
    renamed = judged["rater_id"] + " (" + judged["judge_version"] + ")"
    return judged.assign(rater_id=judged["rater_id"].where(~several, renamed))

"""A gate from the folder of an eval run, which says who judged, by which rubric, how sure, and what was flagged."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.delimited import listed
from eval.errors import EvalError, TableError
from eval.gate_data import NO_CONFIDENCE, Response, Responses, Rule
from eval.gate_sheets import read_criterion, read_sheets
from eval.run_folder import SCORES, RunFolder, digest_of, read_run, whole_model
from rubrics.gate_file import JudgeIdentity
from rubrics.model import Rubric


def read_folder(
    folder: Path,
    rubric: Rubric | None,
    criterion: str | None,
    rule: Rule,
    groups: Sequence[str],
    *,
    sheets: bool,
    blind: bool,
) -> Responses:
    """The responses of a run's folder; EvalError where it can't be one judge's, by one rubric.

    What the judging flagged is never released by a gate, so it has no confidence here either. Nor has a sheet that not
    every member of a panel answered for: it is not by the judge that is measured, so that a person decides about it.
    """
    run = read_run(folder)
    judge, found = judge_of(run), rubric_of_run(run)
    if rubric is not None and rubric.content_hash != found[1]:
        raise EvalError(f"the run judged by another version of {found[0]} than this one")
    rater = run.manifest["identity"]["judge"]["name"]
    path = folder / SCORES
    if criterion is not None:
        responses = read_criterion(path, criterion, rater, groups, blind=blind)
    elif rubric is not None:
        responses = read_sheets(path, rubric, rater, rule, groups, sheets=sheets, blind=blind)
    else:
        raise EvalError("say what is released: --rubric for whole sheets, or --criterion for one score of the table")
    sure = {one: _confidence(run, row, rule) for one, row in run.responses.items()}
    whole = set(judge.model.split("+"))
    by_all = {one for one, row in run.responses.items() if _heard(run, row) in (whole, set())}
    rows = [_with_facts(row, run, sure.get(row.id) if row.id in by_all else None) for row in responses.rows]
    return replace(responses, rows=rows, rule=rule, digest=digest_of(run), judge=judge, rubric=found)


def judge_of(run: RunFolder) -> JudgeIdentity:
    """The judge of a run, with the model that answered; EvalError where the model changed on the way."""
    said = run.manifest["identity"]["judge"]
    models = sorted(run.manifest["models"]) or [said["model"]]
    if (model := whole_model(models, said["parameters"])) is None:
        raise EvalError(f"the model changed during the run ({listed(models)}); a gate is for one")
    parameters = json.dumps(said["parameters"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return JudgeIdentity(
        name=str(said["name"]).partition(":")[0],
        version=said["version"],
        model=model,
        prompt_hash=said["prompt_hash"],
        parameters=hashlib.sha256(parameters.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def rubric_of_run(run: RunFolder) -> tuple[str, str]:
    """The id and digest of the rubric that a run judged by; EvalError where each prompt had its own."""
    rubrics = {(one["id"], one["content_hash"]) for one in run.manifest["identity"]["rubrics"].values()}
    if len(rubrics) != 1:
        raise EvalError(f"the run judged by {len(rubrics)} rubrics; a gate is for one")
    return rubrics.pop()


def _confidence(run: RunFolder, row: Mapping[str, Any], rule: Rule) -> float | None:
    """The confidence of a response's first sheet, over the rows that a judge rated; None where one has none."""
    if rule == "none":
        return NO_CONFIDENCE
    if not row["sheets"]:
        raise TableError(f"the run has no sheet of {row['response_id']}")
    ratings = run.sheets[row["sheets"][0]]["ratings"]
    told = [one.get("confidence") for one in ratings if one.get("confidence") is not None]
    if not told:
        return None
    return float(min(told) if rule == "least" else sum(told) / len(told))


def _heard(run: RunFolder, row: Mapping[str, Any]) -> set[str]:
    """The models that answered for a response's first sheet; none where all of it is by code, or declined."""
    if not row["sheets"]:
        return set()
    models = run.sheets[row["sheets"][0]].get("models", {})
    return {part for model in models.values() for part in str(model).split("+") if part}


def _with_facts(row: Response, run: RunFolder, sure: float | None) -> Response:
    flagged = bool(run.responses.get(row.id, {}).get("flags"))
    scored = row.judge is not None and sure is not None and not flagged
    confidence = sure if scored and sure is not None else float("nan")
    return replace(row, confidence=confidence, words=run.words(row.id))

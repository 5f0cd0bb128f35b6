"""What a judge fitted on a course's blind sheets would be worth, and what a gate would let it release; pure.

Both judges are compared with the same people on the same texts: the one that the course has, as it judged them, and
the trained one, where every text is judged by a fit that had not seen it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from eval.errors import EvalError
from eval.gate_attempts import next_attempt
from eval.gate_chain import LEAST_LABELS, Promise
from eval.gate_data import NO_CONFIDENCE, Response, Responses, declare
from eval.gate_run import calibrated
from flows.judging.judge import judge_text
from flows.judging.trained import TrainedJudge
from flows.judging.training import Scale, Trained, TrainingProblem, check_labels, train
from lti_tool.calibration_runs import BlindRow, Task
from rubrics.drawing import graph_points
from rubrics.gate_file import Attempt
from rubrics.losses import POINTS, Loss
from rubrics.model import Rubric
from rubrics.scoring import item_points

LOSS = "off:10"  # released points that lie more than ten from the person's
ALPHA, DELTA = 0.1, 0.1
FOLDS = 5
JUDGES = 2  # the one that the course has, and the trained one

Levels = Mapping[str, int | None]
Told = tuple[Levels, Mapping[str, float | None]]  # levels and confidences


def report_on(work: Task) -> dict[str, Any]:
    """The report of a run, as it is kept and shown. Raises TrainingProblem or EvalError."""
    fitted, left_out = _fit(work)
    unseen = _judged_unseen(work, list(fitted.models))
    kappas = {
        work.rubric.criterion(name).title: dict(zip(("value", "low", "high"), model.kappa, strict=True))
        for name, model in fitted.models.items()
        if model.kappa is not None
    }
    now = [(row.judged, row.confidence) for row in work.rows]
    label = work.rows[-1].judge
    attempt = next_attempt(work.tried, _test_of(work), DELTA)
    return {
        "texts": len(work.rows),
        "sheets": sum(len(row.people) for row in work.rows),
        "loss": Loss.named(LOSS).words,
        "alpha": ALPHA,
        "delta": DELTA,
        "enough": LEAST_LABELS,
        "data": _digest(work),
        "attempt": attempt.model_dump(mode="json"),
        "left_out": {work.rubric.criterion(name).title: why for name, why in left_out.items()},
        "judges": [
            {"name": label, "trained": False, "kappas": {}, "gate": _gate(work, now, attempt)},
            {
                "name": "trained on these sheets",
                "trained": True,
                "kappas": kappas,
                "gate": _gate(work, unseen, attempt),
            },
        ],
    }


def _columns(rubric: Rubric, rows: Sequence[BlindRow]) -> dict[str, list[float | None]]:
    """The people's levels by criterion, the mean where several scored a text."""

    def of(row: BlindRow, name: str) -> float | None:
        given = [sheet[name] for sheet in row.people if name in sheet]
        return fmean(given) if given else None

    return {one.id: [of(row, one.id) for row in rows] for one in rubric.judged}


def _fit(work: Task) -> tuple[Trained, dict[str, str]]:
    """A judge on every sheet, and why a criterion is left out of it."""
    texts, columns = [row.text for row in work.rows], _columns(work.rubric, work.rows)
    scales, left_out = _scales(work.rubric, columns), {}
    for name, column in columns.items():
        try:
            check_labels(name, column, scales[name])
        except TrainingProblem as problem:
            left_out[name] = str(problem).partition(": ")[2]
    learned = {name: column for name, column in columns.items() if name not in left_out}
    if not learned:
        raise TrainingProblem(next(iter(left_out.values())))
    return train(texts, learned, scales), left_out


def _scales(rubric: Rubric, names: Any) -> dict[str, Scale]:
    return {name: Scale(0, rubric.criterion(name).top, declared=True) for name in names}


def _judged_unseen(work: Task, names: Sequence[str]) -> list[Told]:
    """What a judge that had not seen it says of each text."""
    order = np.random.default_rng(0).permutation(len(work.rows))
    told: list[Told] = [({}, {})] * len(work.rows)
    for number in range(FOLDS):
        held = set(order[number::FOLDS].tolist())
        kept = [row for place, row in enumerate(work.rows) if place not in held]
        judge = _judge(work, kept, names)
        for place in held:
            told[place] = ({}, {}) if judge is None else _told(judge, work.rubric, work.rows[place].text)
    return told


def _judge(work: Task, kept: Sequence[BlindRow], names: Sequence[str]) -> TrainedJudge | None:
    columns = _columns(work.rubric, kept)
    try:
        fitted = train(
            [row.text for row in kept],
            {name: columns[name] for name in names},
            _scales(work.rubric, names),
            cross_validate=False,
        )
    except TrainingProblem:
        return None  # without this fifth there is nothing to learn from: its texts stay unscored
    return TrainedJudge(fitted, fitted.data_digest)


def _told(judge: TrainedJudge, rubric: Rubric, text: str) -> Told:
    ratings = judge_text(judge, rubric, text).ratings
    return {one.criterion: one.level for one in ratings}, {one.criterion: one.confidence for one in ratings}


# ---- the gate ------------------------------------------------------------------------------------------------


def _gate(work: Task, told: Sequence[Told], attempt: Attempt) -> dict[str, Any]:
    """What of these sheets a gate would release, at which risk; closed with its reason where nothing.

    Two judges are looked at in one attempt, so each has half of what it may use of delta.
    """
    judged = {one.id for one in work.rubric.judged}
    confidences = [value for _, sure in told for name, value in sure.items() if name in judged]
    speaks = any(value is not None for value in confidences)
    rows = [_response(work, row, one, speaks) for row, one in zip(work.rows, told, strict=True)]
    responses = Responses(rows, POINTS, "least" if speaks else "none", "blind sheets", _digest(work), "blind sheets")
    try:
        declared = declare(responses, Loss.named(LOSS), Promise(ALPHA, DELTA))
        found = calibrated(responses, declared, {}, attempt.model_copy(update={"level": attempt.level / JUDGES}))
    except EvalError as problem:
        return {"releases": False, "lines": [str(problem)], "prompt": None}
    prompt = next(iter(found.prompts.values()))
    _promise, how_often, *verdict = (line for line in found.lines() if line)
    return {
        "releases": found.releases,
        "lines": [*verdict, how_often],
        "prompt": prompt.model_dump(mode="json"),
    }


def _response(work: Task, row: BlindRow, told: Told, speaks: bool) -> Response:
    levels, confidence = told
    # What code rates is nobody's opinion: people's sheets take it from the judge's.
    coded = {
        one.id: levels.get(one.id, row.judged.get(one.id)) for one in work.rubric.criteria if one.rated_by == "code"
    }
    graph = graph_points(work.rubric, row.text)
    points = item_points(work.rubric, {**levels, **coded}, graph)
    people = [item_points(work.rubric, {**coded, **sheet}, graph) for sheet in row.people]
    sure = [confidence.get(one.id) for one in work.rubric.judged]
    known = [value for value in sure if value is not None]
    least = min(known) if len(known) == len(sure) and known else None
    return Response(
        id=row.submission,
        prompt=work.item_id,
        confidence=float("nan") if points is None else (least if speaks and least is not None else _unsaid(speaks)),
        judge=points,
        people=[value for value in people if value is not None],
    )


def _unsaid(speaks: bool) -> float:
    """The confidence of a sheet that says none: nothing where others do, all alike where none does."""
    return float("nan") if speaks else NO_CONFIDENCE


def _test_of(work: Task) -> str:
    """SHA-256 (hex) of what is tested: people's sheets and what the judge of that time said of the same texts."""
    rows = [[dict(row.judged), dict(row.confidence), row.judge] for row in work.rows]
    said = json.dumps([_digest(work), work.item_id, work.rubric.content_hash, rows], sort_keys=True)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


def _digest(work: Task) -> str:
    rows = [[row.submission, [dict(sorted(sheet.items())) for sheet in row.people]] for row in work.rows]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

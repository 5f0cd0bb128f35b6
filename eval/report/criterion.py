"""Everything a report says of one criterion, as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from eval.alternative_annotator import alt_test
from eval.class_mean import class_mean
from eval.confidence import bins, confidence_figures, risk_coverage
from eval.conformal import conformal
from eval.criteria import CRITERIA, findings
from eval.figure import NO_INTERVAL_BELOW, Figure
from eval.length import PER, length_slope
from eval.metrics import Figures, Settings, human_figures, judge_figures
from eval.metrics_report import as_json, coverage_figures, fairness_of, group_verdict, groups_of
from eval.prompts import crosses_prompts, mean_of_prompts, within_prompts
from eval.raters import Ratings, figures_of_raters
from eval.recalibration import recalibrated
from eval.report.subjects import Choice, Subject
from eval.retest import retest

MOST_LEVELS = 13
CURVE_POINTS = 60
CLASS_LABELS = (50, 100, 200)


def criterion_of(subject: Subject, choice: Choice) -> dict[str, Any]:
    """Figures of a criterion: by prompt first, then pooled; people beside; and what there is to trust."""
    scores, shared = subject.scores(), subject.common_scale
    prompts = _prompts(subject, choice)
    found: dict[str, Any] = {
        "name": subject.name,
        "reference": subject.reference,
        "second": subject.second,
        "raters": list(subject.raters),
        "scales": {name: asdict(scale) for name, scale in subject.scales.items()},
        "rows": _rows(subject),
        "codes": dict(subject.codes),
        "prompts": {
            name: {"judge": as_json(judge), "human": as_json(human), "findings": _findings(judge)}
            for name, (judge, human) in prompts.items()
        },
    }
    if shared is not None:
        settings = Settings(shared, choice.replicates, choice.seed)
        judge, human = judge_figures(scores, settings), human_figures(scores, settings)
        found["pooled"] = as_json(judge | coverage_figures(scores, shared))
        found["pooled_human"] = as_json(human)
        if len(prompts) > 1:
            found["within"] = as_json(within_prompts(scores, settings))
            found["within_human"] = as_json(within_prompts(scores.humans(), settings))
        found["confusion"] = _confusion(subject)
    found |= _headline(subject, prompts, found)
    found["fairness"] = _fairness(subject, choice)
    found["length"] = _length(subject)
    found["retest"] = _retest(subject, choice)
    found["confidence"] = _confidence(subject, choice)
    found["recalibration"] = _recalibration(subject, choice)
    found["conformal"] = {
        name: {"half_width": one.half_width.as_json(), "coverage": one.coverage.as_json()}
        for name, one in conformal(subject.human, subject.system, subject.prompts, seed=choice.seed).items()
    }
    found["class_mean"] = _class_means(subject, choice)
    found["alt_test"] = alt_test(
        subject.rounded(subject.ratings), subject.rounded(subject.system), subject.raters
    ).as_json()
    if len(subject.raters) > 2 and shared is not None:
        ratings = Ratings(subject.raters, subject.ratings, subject.system, scores.cluster, scores.stratum)
        found["group_of_raters"] = figures_of_raters(ratings, Settings(shared, choice.replicates, choice.seed))
    return found


def _prompts(subject: Subject, choice: Choice) -> dict[str, tuple[Figures, Figures]]:
    found = {}
    for name in subject.prompt_names:
        part = subject.scores().chosen(subject.prompts == name)
        settings = Settings(subject.scales[name], choice.replicates, choice.seed)
        found[name] = judge_figures(part, settings), human_figures(part, settings)
    return found


def _findings(figures: Mapping[str, Figure]) -> list[dict[str, Any]]:
    return [one.as_json() for one in findings(figures)]


def _headline(
    subject: Subject, prompts: Mapping[str, tuple[Figures, Figures]], found: Mapping[str, Any]
) -> dict[str, Any]:
    """The figures that stand for the criterion, and which they are: means over prompts where prompts have figures."""
    n = int((~np.isnan(subject.human) & ~np.isnan(subject.system)).sum())
    figured = [judge for judge, _ in prompts.values() if judge["qwk"].value is not None]
    if len(prompts) == 1:
        judge, human = next(iter(prompts.values()))
        return {"headline": as_json(judge), "headline_human": as_json(human), "of": "all", "findings": _findings(judge)}
    if figured:
        scores = subject.scores()
        shared = crosses_prompts(scores.cluster, scores.stratum)
        judge = mean_of_prompts({name: one for name, (one, _) in prompts.items()}, shared=shared)
        human = mean_of_prompts({name: one for name, (_, one) in prompts.items()}, shared=shared)
        counted = {name: replace(figure, n=n) for name, figure in judge.items()}
        of, shown = f"mean of {len(figured)} prompts", as_json(judge)
        return {"headline": shown, "headline_human": as_json(human), "of": of, "findings": _findings(counted)}
    if "pooled" not in found:
        missing = {one.name: Figure.missing(n, "prompts too small, and of different scales") for one in CRITERIA}
        return {"headline": as_json(missing), "headline_human": {}, "of": "nothing", "findings": _findings(missing)}
    within = {"qwk": found["within"]["qwk_within"], "pearson": found["within"]["pearson_within"]}
    judge = {name: Figure(**figure) for name, figure in (found["pooled"] | within).items()}
    people = found["pooled_human"]
    if "qwk_within" in found["within_human"]:
        beside = found["within_human"]
        people = people | {"qwk": beside["qwk_within"], "pearson": beside["pearson_within"]}
    judge["degradation"] = Figure.missing(n, "no prompt is large enough for a difference on its own rows")
    of = f"within {len(prompts)} prompts, each too small for figures of its own"
    return {"headline": as_json(judge), "headline_human": people, "of": of, "findings": _findings(judge)}


def _rows(subject: Subject) -> dict[str, int]:
    human, system = ~np.isnan(subject.human), ~np.isnan(subject.system)
    double = human & ~np.isnan(subject.human2) if subject.human2 is not None else np.zeros(len(subject), dtype=np.bool_)
    return {
        "responses": len(subject),
        "human": int(human.sum()),
        "judge": int(system.sum()),
        "both": int((human & system).sum()),
        "double_scored": int(double.sum()),
        "blind": int(subject.blind.sum()),
    }


def _confusion(subject: Subject) -> dict[str, Any] | None:
    """How often each pair of rounded scores occurs: rows are the reference's."""
    scale = subject.common_scale
    if scale is None or len(scale.levels) > MOST_LEVELS:
        return None
    known = ~(np.isnan(subject.human) | np.isnan(subject.system))
    human, system = scale.round(subject.human[known]), scale.round(subject.system[known])
    table = [[int(((human == row) & (system == column)).sum()) for column in scale.levels] for row in scale.levels]
    return {"levels": scale.levels.tolist(), "table": table}


def _fairness(subject: Subject, choice: Choice) -> dict[str, Any]:
    scores, scale = subject.shares()
    if subject.common_scale is not None:
        scores, scale = subject.scores(), subject.common_scale
    settings = Settings(scale, choice.replicates, choice.seed)
    found: dict[str, Any] = {}
    for column, labels in subject.groups.items():
        if not 2 <= len(set(labels.tolist())) <= 20:
            continue
        judged, rated = groups_of(scores, labels, settings)
        found[column] = fairness_of(scores, labels, settings)
        found[column]["groups"] = {value: group_verdict(figures["dsm"]) for value, figures in judged.items()}
        found[column]["judge"] = {value: as_json(figures) for value, figures in judged.items()}
        found[column]["human"] = {value: as_json(figures) for value, figures in rated.items()}
    return found


def _length(subject: Subject) -> dict[str, Any]:
    scores, _ = subject.shares()
    if subject.common_scale is not None:
        scores = subject.scores()
    # Scores of two prompts are different scores: each prompt's are held for themselves.
    held = np.unique([f"{p}\0{h}" for p, h in zip(subject.prompts, scores.human, strict=True)], return_inverse=True)[1]
    slope, p = length_slope(scores.human, scores.system, subject.words, held)
    return {"slope": slope.as_json(), "p": p, "says": PER}


def _retest(subject: Subject, choice: Choice) -> dict[str, Any] | None:
    if subject.repeats.shape[1] < 2:
        return None
    repeats, scale = subject.repeats, subject.common_scale
    if scale is None:
        low = np.array([subject.scales[prompt].minimum for prompt in subject.prompts])
        wide = np.array([subject.scales[prompt].maximum for prompt in subject.prompts]) - low
        repeats, scale = (repeats - low[:, None]) / wide[:, None], subject.shares()[1]
    figures = retest(repeats, scale, line=choice.line, replicates=choice.replicates // 2, seed=choice.seed)
    line = (scale.minimum + scale.maximum) / 2 if choice.line is None else choice.line
    return {"figures": as_json(figures), "repeats": subject.repeats.shape[1], "line": line}


def _confidence(subject: Subject, choice: Choice) -> dict[str, Any] | None:
    """Calibration of the judge's confidence, right being the same rounded level as the reference."""
    apart = np.abs(subject.rounded(subject.system) - subject.rounded(subject.human))
    right = np.where(np.isnan(apart), np.nan, apart < 1e-9)
    known = ~(np.isnan(right) | np.isnan(subject.confidence))
    if known.sum() < NO_INTERVAL_BELOW:
        return None
    sure, good = subject.confidence[known], right[known]
    curve = risk_coverage(sure, good)
    every = max(1, len(curve) // CURVE_POINTS)
    figures = confidence_figures(sure, good, replicates=min(500, choice.replicates), seed=choice.seed)
    return {
        "figures": as_json(figures),
        "bins": [asdict(one) for one in bins(sure, good)],
        "curve": [asdict(one) for one in [*curve[::every], curve[-1]]],
    }


def _recalibration(subject: Subject, choice: Choice) -> dict[str, Any] | None:
    scale = subject.common_scale
    if scale is None:
        return None
    known = subject.human, subject.system
    found = recalibrated(*known, scale, replicates=min(500, choice.replicates), seed=choice.seed)
    return {kind: as_json(figures) for kind, figures in found.items()}


def _class_means(subject: Subject, choice: Choice) -> list[dict[str, Any]]:
    """What the mean human score would look like from few labels drawn at random, beside the mean of all of them."""
    known = np.flatnonzero(~(np.isnan(subject.human) | np.isnan(subject.system)))
    if subject.common_scale is None:
        return []
    order = np.random.default_rng(choice.seed).permutation(known)
    found = []
    for labels in CLASS_LABELS:
        if len(order) < 2 * labels:
            continue
        some, others = order[:labels], order[labels:]
        mean = class_mean(subject.human[some], subject.system[some], subject.system[others])
        told = {name: getattr(mean, name).as_json() for name in ("both", "people", "judge")}
        found.append({"labels": labels, "truth": float(subject.human[known].mean()), "weight": mean.weight} | told)
    return found

#!/usr/bin/env python3
"""How far the offline judges agree with people on real, human-scored sets; prints the tables of docs/eval-results.md.

Usage: python bench/real_sets.py --data FOLDER [--only SET] [--judge trained|checklist] [--curve] [--most N]. FOLDER
holds a folder a set, as named below; none of them comes with the project. Tables of scores, without a word of
anybody's, go to --out: scores.csv for `atelier eval report`, wide.csv for `atelier eval gate`.

The trained judge scores every response by a model fitted on the other four of five folds. With --curve it is fitted on
10, 25, 50 and 100 labels drawn at random, and looked at on 250 others. The checklist has look-fors only where a set has
reference answers: the answer's own words, which nobody chose.
"""

import argparse
import csv
import gzip
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.reference_rubrics import write_rubric
from eval.adapters import DataSet, Named, read_columns, read_data
from eval.long_table import LongTable, checked
from eval.report.document import document
from eval.report.subjects import Choice
from eval.run_folder import RunFolder
from eval.scale import Scale
from flows.judging.kernel_ridge import Array, quadratic_kappa, rounded
from flows.judging.training import Scale as TrainedScale
from flows.judging.training import TrainingProblem, make_prior, scores, train
from rubrics.text import word_count

FOLDS, LABELS, TESTED, DRAWS = 5, (10, 25, 50, 100), 250, 4
CONFIDENCE_NEIGHBOURS = 50


@dataclass(frozen=True)
class Set:
    """One set: where it lies, how it is read, and how its rows make folds."""

    name: str
    file: str
    read: Callable[[Path], DataSet]
    least_words: int = 0
    by_prompt: bool = True  # else one model for all prompts
    question: str = ""
    answer: str = ""
    top: int = 0


def _saf(path: Path) -> DataSet:
    humans = {"overall": ["score"]}
    named = Named("answer_id", humans, Scale(0, 1, 0.125), "answer", "question_id")
    return read_columns(path, named)


def _mohler(path: Path) -> DataSet:
    named = Named("answer_id", {"overall": ["rater1", "rater2"]}, Scale(0, 5), "answer", "question_id")
    return read_columns(path, named)


SETS = (
    Set("asap_aes", "asap_aes.csv.gz", read_data),
    Set("ellipse_test", "ellipse_test.csv.gz", read_data, by_prompt=False),
    Set("saf_english", "saf_english.csv.gz", _saf, 5, True, "question_id", "reference_answer", 8),
    Set("mohler_cs", "mohler_cs.csv.gz", _mohler, 0, True, "question_id", "reference_answer", 5),
)


def main() -> int:
    """Measure and print; exit code 1 where there is no data."""
    asked = arguments()
    found = False
    for one in SETS:
        file = asked.data / one.name / one.file
        if asked.only not in (None, one.name) or not file.exists():
            continue
        found = True
        data = taken(one, file, asked.most)
        print(f"\n## {one.name}: {len(data.texts):,} responses\n", flush=True)
        if asked.curve:
            curve(one, data)
            continue
        for judge in ("trained", "checklist"):
            if asked.judge in (None, judge):
                told(one, file, data, judge, asked)
    if not found:
        print(f"None of the sets lies in {asked.data}.", file=sys.stderr)
    return 0 if found else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the sets")
    parser.add_argument("--out", type=Path, default=Path("build/real-sets"), help="where tables of scores go")
    parser.add_argument("--only", choices=[one.name for one in SETS])
    parser.add_argument("--judge", choices=["trained", "checklist"])
    parser.add_argument("--curve", action="store_true", help="the learning curve instead")
    parser.add_argument("--most", type=int, default=0, metavar="N", help="at most N responses of each prompt")
    parser.add_argument("--replicates", type=int, default=1000, help="resamples behind each interval (1000)")
    return parser.parse_args()


def taken(one: Set, file: Path, most: int) -> DataSet:
    """The set without what is too short to be an answer, and with at most so many of each prompt."""
    data = one.read(file)
    long_enough = {response for response, text in data.texts.items() if word_count(text) >= one.least_words}
    frame = data.table.frame
    firsts = frame.drop_duplicates("response_id")
    firsts = firsts[firsts["response_id"].isin(long_enough)]
    chosen = set(firsts.groupby("prompt_id", sort=False).head(most)["response_id"] if most else firsts["response_id"])
    # A resolved score is made of the raters' own, and a second domain has scales of its own.
    rows = frame[frame["response_id"].isin(chosen) & (frame["rater_kind"] == "human")]
    if one.name == "asap_aes":
        rows = rows[(rows["criterion"] == "overall") & rows["rater_id"].isin(["rater1", "rater2"])]
    # Published sets were scored before there was this judge.
    table = LongTable(rows.assign(blind=True).reset_index(drop=True), data.table.source)
    return DataSet(data.kind, table, {name: text for name, text in data.texts.items() if name in chosen})


def told(one: Set, file: Path, data: DataSet, judge: str, asked: argparse.Namespace) -> None:
    """Judge a set, keep the table of scores, print what the report says."""
    folder = asked.out / f"{one.name}-{judge}"
    folder.mkdir(parents=True, exist_ok=True)
    if judge == "trained":
        judged = trained_rows(one, data)
    elif one.answer:
        judged = checklist_rows(one, file, data, folder)
    else:
        print("checklist: the set has no look-fors and no reference answers; it leaves every response unscored.\n")
        return
    both = pd.concat([data.table.frame.astype(object), pd.DataFrame(judged).astype(object)], ignore_index=True)
    table = checked(both, one.name, data.table.source)
    table.write(folder / "scores.csv")
    wide(table).to_csv(folder / "wide.csv", index=False)
    words = {response: {"words": word_count(text)} for response, text in data.texts.items()}
    run = RunFolder(folder / "scores.csv", {"data": {"file": file.name}}, table, words)
    print_report(document(run, Choice(replicates=asked.replicates)), judge)


def wide(table: LongTable) -> pd.DataFrame:
    """The first criterion with a row per response, for the gate."""
    frame = table.frame[table.frame["criterion"] == table.frame["criterion"].iloc[0]]
    people = frame[frame["rater_kind"] == "human"].pivot(index="response_id", columns="rater_id", values="score")
    judged = frame[frame["rater_kind"] == "judge"].set_index("response_id")[["prompt_id", "score", "confidence"]]
    return people.join(judged.rename(columns={"score": "judge"})).reset_index()


def print_report(found: Mapping[str, Any], judge: str) -> None:
    """The verdict, and a table a criterion: per prompt first."""
    verdict = found["verdict"]
    print(f"**{judge}**: {verdict['sentence']}\n")
    for one in found["criteria"]:
        print(f"{one['name']}: {one['rows']['judge']} of {one['rows']['responses']} scored\n")
        print("| prompt | n | QWK | people | judge minus people | exact | people | SMD |")
        print("|---|---|---|---|---|---|---|---|")
        for name, both in one["prompts"].items():
            if both["judge"]["qwk"]["value"] is not None and len(one["prompts"]) <= 10:
                print(f"| {name} | {row(both['judge'], both['human'])} |")
        n = one["rows"]["both"]
        print(f"| **{one['of']}** | {row(one['headline'], one['headline_human'], n)} |")
        if one.get("within") and len(one["prompts"]) > 1:
            within, people = (one[part].get("qwk_within") for part in ("within", "within_human"))
            print(f"| within prompts | {n} | {shown(within)} | {shown(people)} | | | | |")
        if one.get("pooled") and len(one["prompts"]) > 1:
            print(f"| pooled, for comparison | {row(one['pooled'], one['pooled_human'])} |")
        print(flush=True)


def row(judge: Mapping[str, Any], people: Mapping[str, Any], rows: int | None = None) -> str:
    """The cells of one row."""
    cells = [
        f"{rows or judge['n']['value']:,}",
        shown(judge["qwk"]),
        shown(people.get("qwk")),
        shown(judge.get("degradation"), sign=True),
    ]
    return " | ".join(
        [*cells, shown(judge.get("exact")), shown(people.get("exact")), shown(judge.get("smd"), sign=True)]
    )


def shown(figure: Mapping[str, Any] | None, *, sign: bool = False) -> str:
    """A figure with its interval."""
    if figure is None or figure["value"] is None:
        return "-"
    mark = "+" if sign else ""
    interval = "" if figure["low"] is None else f" ({figure['low']:{mark}.2f} to {figure['high']:{mark}.2f})"
    return f"{figure['value']:{mark}.3f}{interval}"


# ---- the trained judge -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """Texts that one model is fitted on and looked at: of a prompt, or of all."""

    prompt: str
    ids: list[str]
    texts: list[str]
    targets: dict[str, Array]
    scales: dict[str, TrainedScale]


def parts_of(one: Set, data: DataSet) -> Iterator[Part]:
    """The set's parts, with the mean of the raters as what is learnt."""
    frame = data.table.frame
    groups = frame.groupby("prompt_id", sort=False) if one.by_prompt else [("", frame)]
    for prompt, rows in groups:
        means = rows.groupby(["response_id", "criterion"], sort=False)["score"].mean().unstack()
        ends = rows.drop_duplicates("criterion").set_index("criterion")[["scale_min", "scale_max", "step"]]
        scales = {str(name): TrainedScale(*map(float, ends.loc[name])) for name in means.columns}
        ids = [str(response) for response in means.index]
        targets = {str(name): means[name].to_numpy(dtype=np.float64) for name in means.columns}
        yield Part(str(prompt), ids, [data.texts[response] for response in ids], targets, scales)


def trained_rows(one: Set, data: DataSet) -> list[dict[str, Any]]:
    """Scores of every response by a model that has not seen it, with the chance that its rounded level is right."""
    found = []
    prompts = dict(zip(data.table.frame["response_id"], data.table.frame["prompt_id"], strict=True))
    for part in parts_of(one, data):
        fold = np.random.default_rng(0).permutation(len(part.ids)) % FOLDS
        for number in range(FOLDS):
            held = np.flatnonzero(fold == number)
            found += _predicted(part, np.flatnonzero(fold != number), held, prompts)
        print(f"  {part.prompt or one.name}: {len(part.ids)}", file=sys.stderr, flush=True)
    return found


def _predicted(part: Part, kept: Any, held: Any, prompts: Mapping[str, str]) -> list[dict[str, Any]]:
    columns = {name: [float(target[at]) for at in kept] for name, target in part.targets.items()}
    try:
        fitted = train([part.texts[at] for at in kept], columns, part.scales, cross_validate=False)
        predicted = scores(fitted, [part.texts[at] for at in held])
    except TrainingProblem as problem:
        return [_judge_row(part, at, name, prompts, "", code=str(problem)[:60]) for at in held for name in part.targets]
    rows = []
    for name, values in predicted.items():
        model, scale = fitted.models[name], part.scales[name]
        for at, value in zip(held, np.clip(values, scale.low, scale.high), strict=True):
            sure = confidence(float(value), model.predictions, model.residuals, scale)
            rows.append(_judge_row(part, at, name, prompts, f"{value:.4f}", confidence=f"{sure:.4f}"))
    return rows


def confidence(value: float, predictions: Array, residuals: Array, scale: TrainedScale) -> float:
    """Share of a normal error, as wide as the errors of like predictions, that stays on the rounded level."""
    near = np.argsort(np.abs(predictions - value), kind="stable")[:CONFIDENCE_NEIGHBOURS]
    spread = max(float(np.sqrt((residuals[near] ** 2).mean())), 1e-6)
    level = float(rounded(np.array([value]), scale.low, scale.high, scale.step)[0])
    ends = [(level + side * scale.step / 2 - value) / spread for side in (-1, 1)]
    low, high = (0.5 * (1 + math.erf(end / math.sqrt(2))) for end in ends)
    return high - low


def _judge_row(
    part: Part, at: Any, criterion: str, prompts: Mapping[str, str], score: str, **more: str
) -> dict[str, Any]:
    scale = part.scales[criterion]
    return {
        "response_id": part.ids[at],
        "prompt_id": prompts[part.ids[at]],
        "criterion": criterion,
        "rater_id": "trained",
        "rater_kind": "judge",
        "score": score,
        "scale_min": scale.low,
        "scale_max": scale.high,
        "step": scale.step,
        **more,
    }


def curve(one: Set, data: DataSet) -> None:
    """Mean QWK over prompts, against the mean of the raters, by the number of labels."""
    parts = [part for part in parts_of(one, data) if len(part.ids) >= LABELS[-1] + 50]
    if not parts:
        print("no prompt has enough responses for a curve")
        return
    print("| labels | mean QWK | worst of four draws | with the other prompts as prior |\n|---|---|---|---|")
    for labels in LABELS:
        plain = np.array([[_few(part, labels, draw, None) for draw in range(DRAWS)] for part in parts])
        others = np.full((len(parts), DRAWS), np.nan)
        if len(parts) > 1:
            for place, part in enumerate(parts):
                beside = [(other.texts, list(_first(other))) for other in parts if other is not part]
                prior = make_prior(beside)
                others[place] = [_few(part, labels, draw, prior) for draw in range(DRAWS)]
        known = "" if np.isnan(others).all() else f"{others.mean():.3f}"
        print(f"| {labels} | {plain.mean():.3f} | {plain.mean(axis=0).min():.3f} | {known} |", flush=True)


def _first(part: Part) -> Array:
    return next(iter(part.targets.values()))


def _few(part: Part, labels: int, draw: int, prior: Any) -> float:
    """QWK of the first criterion on texts that were not labelled; 0 where the labels are all the same."""
    order = np.random.default_rng(draw).permutation(len(part.ids))
    kept, held = order[:labels], order[labels : labels + TESTED]
    name, target = next(iter(part.targets.items()))
    scale = part.scales[name]
    columns = {name: [float(target[at]) for at in kept]}
    more = [part.texts[at] for at in order[labels + TESTED :]] if prior is not None else ()
    try:
        fitted = train(
            [part.texts[at] for at in kept], columns, {name: scale}, prior=prior, more_texts=more, cross_validate=False
        )
    except TrainingProblem:
        return 0.0
    values = scores(fitted, [part.texts[at] for at in held])[name]
    people = rounded(target[held], scale.low, scale.high, scale.step)
    return quadratic_kappa(rounded(values, scale.low, scale.high, scale.step), people)


# ---- the checklist -----------------------------------------------------------------------------------------------


def checklist_rows(one: Set, file: Path, data: DataSet, folder: Path) -> list[dict[str, Any]]:
    """The checklist on look-fors made of each question's reference answer, as `atelier judge` would use them."""
    from flows.judging.checklist import ChecklistJudge
    from flows.judging.judge import judge_text
    from rubrics.model import load_rubric

    answers = reference_answers(one, file)
    prompts = data.table.frame.drop_duplicates("response_id").set_index("response_id")["prompt_id"]
    scale = data.table.frame.iloc[0]
    rubrics = {}
    for prompt in sorted(set(prompts)):
        path = folder / f"{prompt}.yaml"
        write_rubric(path, one.name, one.top, prompt, answers[prompt])
        rubrics[prompt] = load_rubric(str(path))
    judge, found = ChecklistJudge(), []
    for response, text in data.texts.items():
        prompt = str(prompts[response])
        rating = judge_text(judge, rubrics[prompt], text).ratings[0]
        share = None if rating.level is None else rating.level / one.top
        found.append(
            {
                "response_id": response,
                "prompt_id": prompt,
                "criterion": "overall",
                "rater_id": "checklist",
                "rater_kind": "judge",
                "score": ""
                if share is None
                else scale["scale_min"] + share * (scale["scale_max"] - scale["scale_min"]),
                "code": rating.reason if share is None else "",
                **{name: scale[name] for name in ("scale_min", "scale_max", "step")},
            }
        )
    return found


def reference_answers(one: Set, file: Path) -> dict[str, str]:
    """The reference answer of each question."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        return {row[one.question]: row[one.answer] for row in csv.DictReader(text)}


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""How far the trained judge agrees with people on the essays of ASAP-AES, prompt by prompt.

Usage: python bench/asap.py --data FOLDER [--few N[,N…]] [--draws K] [--sets 1,3]. FOLDER holds asap_aes.csv.gz. Nothing
of it is kept. Supervised: each of the five folds of the file is predicted by a judge fitted on the other four. With
--few, N essays drawn at random are labelled, the other seven prompts are the prior, and 300 others are predicted; the
rest of the prompt's essays go in without labels. Kappa is quadratically weighted, on the prompt's own scale.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flows.judging.kernel_ridge import quadratic_kappa, rounded
from flows.judging.training import Prior, Scale, prior_from, scores, standardised, train

SETS = range(1, 9)
TESTED = 300


def main() -> int:
    """Measure and print; exit code 1 where there is no data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="the folder with asap_aes.csv.gz")
    parser.add_argument("--few", metavar="N[,N…]", help="N labels instead of four folds of them")
    parser.add_argument("--draws", type=int, default=4, help="random draws of the N labels (4)")
    parser.add_argument("--sets", default=",".join(map(str, SETS)), help="the prompts, such as 1,3")
    parser.add_argument("--no-prior", action="store_true", help="with --few: without the other prompts' sheets")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    file = asked.data / "asap_aes.csv.gz"
    if not file.exists():
        print(f"There is no {file}.", file=sys.stderr)
        return 1
    table = pd.read_csv(file)
    numbers = [int(number) for number in asked.sets.split(",")]
    if not asked.few:
        folds = {number: told(number, supervised(table[table.essay_set == number])) for number in numbers}
        print_mean("supervised", folds, asked.json)
        return 0
    priors = {} if asked.no_prior else priors_of(table, numbers)
    for labels in map(int, asked.few.split(",")):
        found = {}
        for number in numbers:
            essays = table[table.essay_set == number].reset_index(drop=True)
            kappas = [few(essays, priors.get(number), labels, draw) for draw in range(asked.draws)]
            found[number] = told(number, kappas)
        print_mean(f"{labels} labels", found, asked.json)
    return 0


def told(number: int, kappas: list[float]) -> list[float]:
    """A prompt's line, as soon as it is known."""
    print(f"prompt {number}: {np.mean(kappas):.3f}  (lowest {min(kappas):.3f})", flush=True)
    return kappas


def print_mean(name: str, found: dict[int, list[float]], as_json: bool) -> None:
    """The mean over prompts, and that of the worst draw."""
    mean = float(np.mean([np.mean(kappas) for kappas in found.values()]))
    lowest = min(float(np.mean(draw)) for draw in zip(*found.values(), strict=True))
    print(
        f"mean, {name}: {mean:.3f}  (lowest fold or draw {lowest:.3f}; {time.process_time():.0f} s CPU)\n", flush=True
    )
    if as_json:
        print(json.dumps({"name": name, "mean": mean, "prompts": found}))


def scale_of(essays: pd.DataFrame) -> Scale:
    """The scores that the prompt's essays have."""
    return Scale(float(essays.domain1_score.min()), float(essays.domain1_score.max()))


def priors_of(table: pd.DataFrame, numbers: list[int]) -> dict[int, Prior]:
    """For each prompt what the sheets of all the others say."""
    sheets = {}
    for other, rows in table.groupby("essay_set"):
        sheets[other] = standardised(list(rows.essay), [float(score) for score in rows.domain1_score])
    return {
        number: prior_from([found for other, found in sheets.items() if found and other != number])
        for number in numbers
    }


def supervised(essays: pd.DataFrame) -> list[float]:
    """Kappa on each fold, fitted on the other four."""
    essays = essays.reset_index(drop=True)
    return [
        kappa(essays, essays[essays.fold != number], essays[essays.fold == number], None, ())
        for number in sorted(essays.fold.unique())
    ]


def few(essays: pd.DataFrame, prior: Prior | None, labels: int, draw: int) -> float:
    """Kappa with few labels; the texts of the others are known, their scores are not."""
    order = np.random.default_rng(draw).permutation(len(essays))
    labelled, rest = essays.iloc[order[:labels]], essays.iloc[order[labels:]]
    return kappa(essays, labelled, rest.iloc[:TESTED], prior, list(rest.essay))


def kappa(essays: pd.DataFrame, labelled: pd.DataFrame, tested: pd.DataFrame, prior: Any, more: Any) -> float:
    """Fit, predict, compare."""
    scale = scale_of(essays)
    labels = [float(score) for score in labelled.domain1_score]
    fitted = train(
        list(labelled.essay), {"score": labels}, {"score": scale}, prior=prior, more_texts=more, cross_validate=False
    )
    predicted = rounded(scores(fitted, list(tested.essay))["score"], scale.low, scale.high)
    return quadratic_kappa(predicted, tested.domain1_score.to_numpy(float))


if __name__ == "__main__":
    sys.exit(main())

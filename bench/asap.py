#!/usr/bin/env python3
"""How far the trained judge agrees with people on the essays of ASAP-AES, prompt by prompt.

Usage: python bench/asap.py --data FOLDER [--few N] [--draws K] [--sets 1,3]. FOLDER holds asap_aes.csv.gz. Nothing of
it is kept. Supervised: each of the five folds of the file is predicted by a judge fitted on the other four. With --few,
N essays drawn at random are labelled, the other seven prompts are the prior, and 300 others are predicted; the rest of
the prompt's essays go in without labels. Kappa is quadratically weighted, on the prompt's own scale.
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
from flows.judging.training import Prior, Scale, make_prior, scores, train

SETS = range(1, 9)
TESTED = 300


def main() -> int:
    """Measure and print; exit code 1 where there is no data."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="the folder with asap_aes.csv.gz")
    parser.add_argument("--few", type=int, metavar="N", help="N labels instead of four folds of them")
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
    began = time.process_time()
    found = {}
    for number in map(int, asked.sets.split(",")):
        essays = table[table.essay_set == number].reset_index(drop=True)
        if asked.few:
            prior = None if asked.no_prior else prior_of(table[table.essay_set != number])
            kappas = [few(essays, prior, asked.few, draw) for draw in range(asked.draws)]
        else:
            kappas = [fold(essays, number_of_fold) for number_of_fold in sorted(essays.fold.unique())]
        found[number] = kappas
        print(f"prompt {number}: {np.mean(kappas):.3f}  ({len(essays)} essays, lowest {min(kappas):.3f})", flush=True)
    mean = float(np.mean([np.mean(kappas) for kappas in found.values()]))
    print(f"mean:     {mean:.3f}  ({time.process_time() - began:.0f} s CPU)")
    if asked.json:
        print(json.dumps({"mean": mean, "prompts": found}))
    return 0


def scale_of(essays: pd.DataFrame) -> Scale:
    """The scores that the prompt's essays have."""
    return Scale(float(essays.domain1_score.min()), float(essays.domain1_score.max()))


def prior_of(others: pd.DataFrame) -> Prior:
    """What the other prompts' sheets say."""
    return make_prior(
        [(list(rows.essay), [float(score) for score in rows.domain1_score]) for _, rows in others.groupby("essay_set")]
    )


def fold(essays: pd.DataFrame, number: int) -> float:
    """Kappa on one fold, fitted on the other four."""
    tested = essays.fold == number
    return kappa(essays, essays[~tested], essays[tested], None, ())


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

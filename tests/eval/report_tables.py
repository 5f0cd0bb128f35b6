"""Long tables for tests of reports: two people and a judge who share a truth."""

import csv
from pathlib import Path

import numpy as np

HEADER = (
    *("response_id", "prompt_id", "criterion", "rater_id", "rater_kind", "score", "scale_min", "scale_max", "step"),
    *("code", "repeat", "confidence", "blind", "judge_version", "comment", "student", "language"),
)


def long_table(
    path: Path,
    *,
    rows: int = 240,
    prompts: int = 2,
    criteria: tuple[str, ...] = ("claim", "evidence"),
    second: bool = True,
    repeats: int = 2,
    judge: str = "judge",
    noise: float = 0.4,
    shift: float = 0.0,
    seed: int = 1,
) -> Path:
    """Write a table; students write two responses each, the language is any of two."""
    random = np.random.default_rng(seed)
    truth = random.normal(2, 1, (rows, len(criteria)))
    people = np.clip(np.rint(truth[..., None] + random.normal(0, 0.5, (rows, len(criteria), 2))), 0, 4)
    own = np.random.default_rng(seed + 100)
    judged = np.clip(truth + shift + own.normal(0, noise, truth.shape), 0, 4)
    sure = np.clip(1 - np.abs(judged - np.rint(judged)), 0, 1)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for at in range(rows):
            facts = ["", f"student {at // 2}", "de" if at % 3 else "en"]
            for place, criterion in enumerate(criteria):
                key = [f"r{at:03d}", f"prompt {at % prompts}", criterion]
                for rater in range(1 + second):
                    score = int(people[at, place, rater])
                    writer.writerow([*key, f"rater {rater}", "human", score, 0, 4, 1, "", 0, "", "yes", "", *facts])
                for repeat in range(repeats):
                    score = f"{np.clip(judged[at, place] + own.normal(0, 0.1), 0, 4):.3f}"
                    confidence = f"{sure[at, place]:.2f}"
                    told = [judge, "judge", score, 0, 4, 1, "", repeat, confidence, "", f"1 {judge}"]
                    writer.writerow([*key, *told, *facts])
    return path

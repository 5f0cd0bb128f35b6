"""How often the facts about a text raise an alarm on texts that people wrote in good faith.

Reads the human-scored sets beside the repository (../shared/data or ATELIER_DATA), which hold no text that speaks to a
grader; every flag is a false one. Baseline: the share of texts that merely hold the words "grader", "score" or "marks".
"""

import csv
import gzip
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, publish
from rubrics.addressing import addresses_judge
from rubrics.checks import find_facts
from rubrics.model import load_rubric

DATA = Path(os.environ.get("ATELIER_DATA", Path(__file__).resolve().parent.parent.parent / "shared/data"))
SETS = {
    "asap_aes": ("essay",),
    "ellipse_test": ("full_text",),
    "saf_english": ("answer",),
    "mohler_cs": ("answer",),
    "semeval2013_3way": ("answer",),
}
NAIVE = re.compile(r"\b(?:grader|score|marks|instructions)\b", re.IGNORECASE)


def main() -> None:
    """Count, print, and with `--show` write the flagged places to standard error."""
    figures = []
    for name, columns in SETS.items():
        texts = list(read(DATA / name / f"{name}.csv.gz", columns))
        if texts:
            figures += measured(name, texts)
    publish("false_alarms", "texts by people, every flag a false one", figures)


def read(path: Path, columns: tuple[str, ...]) -> Iterator[str]:
    """The texts of a set; none where it is not there."""
    if not path.exists():
        return
    csv.field_size_limit(10_000_000)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        column = next((one for one in columns if one in (rows.fieldnames or ())), None)
        if column is not None:
            yield from (row[column] for row in rows if row[column])


def measured(name: str, texts: list[str]) -> list[Figure]:
    """The share of flagged texts, and of those that repeat themselves."""
    flagged = [(text, spans) for text in texts if (spans := addresses_judge(text))]
    if "--show" in sys.argv:
        for text, spans in flagged:
            print(name, [text[start:end] for start, end in spans], file=sys.stderr)
    rubric = load_rubric("durable-workflows-essay")
    repeating = sum("repetition" in find_facts(text, rubric).flags for text in texts)
    naive = 100 * sum(NAIVE.search(text) is not None for text in texts) / len(texts)
    share = 100 / len(texts)
    return [
        Figure(f"{name}, {len(texts):,} texts: addresses_judge", len(flagged) * share, "%", naive, "names marks"),
        Figure(f"{name}, {len(texts):,} texts: repetition", repeating * share, "%", naive, "names marks"),
    ]


if __name__ == "__main__":
    main()

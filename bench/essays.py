"""Agreement of the checklist judge with one reader's levels on essays of many voices, English and German.

The essays and their levels are in tests/flows/judging/essays; `dev` ones were looked at while the look-fors were
written, `held` ones were not, and `fresh` ones were written afterwards; `late` ones were written to be hard, and faults
that they showed were mended; `last` ones were written after that. Baseline: level 2 for everything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.figures import Figure, publish
from flows.judging.checklist import ChecklistJudge
from flows.judging.judge import JudgeRequest, settle
from rubrics.checks import find_facts
from rubrics.model import Rubric, load_rubric

ESSAYS = Path(__file__).resolve().parent.parent / "tests/flows/judging/essays"
MIDDLE = 2
ENGLISH = ("dev", "held", "fresh", "late", "last")
GERMAN = ("dev", "held", "late", "last")
SETS = (*((half, "en") for half in ENGLISH), *((half, "de") for half in GERMAN))


@dataclass(frozen=True)
class Pair:
    """A level and the reader's."""

    judge: int | None
    reader: int

    @property
    def apart(self) -> int:
        """How many levels they differ; an unscored one is as far as can be."""
        return 4 if self.judge is None else abs(self.judge - self.reader)


def main() -> None:
    """Judge every essay and print the shares."""
    rubric = load_rubric("durable-workflows-essay")
    table: dict[str, dict[str, Any]] = yaml.safe_load((ESSAYS / "levels.yaml").read_text())
    figures: list[Figure] = []
    for half, lang in SETS:
        rows = {name: row for name, row in table.items() if (row["half"], row["lang"]) == (half, lang)}
        if rows:
            figures += agreement(f"{half} {lang}, {len(rows)} essays", rubric, rows)
    publish("essays", "seven criteria an essay, levels 0 to 4, one reader", figures)


def agreement(name: str, rubric: Rubric, rows: dict[str, dict[str, Any]]) -> list[Figure]:
    """Shares that lower is better for, beside those of a judge that always says 2."""
    pairs = [pair for essay, row in rows.items() for pair in judged(rubric, essay, row["levels"])]
    middle = [Pair(MIDDLE, pair.reader) for pair in pairs]
    return [
        Figure(f"{name}: {what}", share(pairs, least), "%", share(middle, least), "always level 2")
        for what, least in (("not exact", 1), ("more than one level apart", 2))
    ]


def judged(rubric: Rubric, essay: str, reader: list[int]) -> list[Pair]:
    """The judge's level beside the reader's, for each criterion; also of a text that is too short to be sent."""
    text = (ESSAYS / f"{essay}.md").read_text()
    judge, criteria = ChecklistJudge(), tuple(criterion.id for criterion in rubric.criteria)
    request = JudgeRequest(rubric, criteria, text, find_facts(text, rubric).model_dump(mode="json"))
    ratings = settle(judge, request, judge.read(request, judge.ask(request)))
    return [Pair(rating.level, level) for rating, level in zip(ratings, reader, strict=True)]


def share(pairs: list[Pair], least: int) -> float:
    """Percent of pairs that are at least so many levels apart."""
    return 100 * sum(pair.apart >= least for pair in pairs) / len(pairs)


if __name__ == "__main__":
    main()

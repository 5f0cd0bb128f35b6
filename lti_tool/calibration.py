"""How far the judge agrees with this course's people: from sheets that were committed blind, and from nothing else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, contains_eager

from lti_tool.blind_draws import is_pending
from lti_tool.lessons import lesson_here, rubric_for
from lti_tool.models import BlindSheet, JudgementRow, RatingRow, ResourceLink, Submission
from rubrics.agreement import ENOUGH, FEW, Agreement, agreement
from rubrics.model import Criterion, Rubric

LEAST = 0.70  # the weighted kappa that the lower end of an interval has to reach (Williamson, Xi & Breyer 2012)


@dataclass(frozen=True)
class Pair:
    """One criterion of one submission: the person's level, the judge's (None where it gave none), and who and when."""

    submission: Submission
    criterion: str
    person: int
    judge: int | None
    judge_name: str
    judge_version: str
    committed_at: datetime
    reader_id: int
    rubric_version_id: int


@dataclass(frozen=True)
class CriterionRow:
    """One criterion of one rubric: judge and people, people among themselves, and how often the judge gave no level."""

    criterion: Criterion
    judge: Agreement
    people: Agreement
    unscored: int

    @property
    def is_thin(self) -> bool:
        """Whether there are too few pairs to lean on."""
        return self.judge.n < ENOUGH

    @property
    def is_below(self) -> bool:
        """Whether the interval starts below what a judge must reach to decide alone."""
        qwk = self.judge.qwk
        return qwk is not None and (qwk.low is None or qwk.low < LEAST)


@dataclass(frozen=True)
class Spell:
    """A week, or a version of the judge: pairs, mean difference and the share that is exact, over every criterion."""

    name: str
    n: int
    difference: float
    exact: float


@dataclass(frozen=True)
class Calibration:
    """A placement's pairs on one question's rubric, as it is now; `older` counts those of its earlier versions."""

    item_id: str
    title: str
    rubric: Rubric
    pairs: tuple[Pair, ...]
    rows: tuple[CriterionRow, ...]
    sheets: int
    weeks: tuple[Spell, ...]
    judges: tuple[Spell, ...]
    older: int

    @property
    def worst(self) -> CriterionRow | None:
        """The criterion on which the judge is shown to differ most from people, if it is on any."""
        shown = [row for row in self.rows if _is_shown(row)]
        return max(shown, key=lambda row: abs(_difference(row)), default=None)

    @property
    def furthest_apart(self) -> CriterionRow | None:
        """The criterion with the lowest agreement, if on any it is shown to be below what a judge must reach."""
        shown = {row.judge.qwk.value: row for row in self.rows if row.judge.qwk and _is_shown_below(row)}
        return shown[min(shown)] if shown else None

    def in_cell(self, criterion: str, person: int, judge: int) -> list[Pair]:
        """The pairs behind one cell of a criterion's table."""
        cell = (criterion, person, judge)
        return [pair for pair in self.pairs if (pair.criterion, pair.person, pair.judge) == cell]


def _is_shown(row: CriterionRow) -> bool:
    found = row.judge.difference
    return found is not None and found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def _is_shown_below(row: CriterionRow) -> bool:
    qwk = row.judge.qwk
    return not row.is_thin and qwk is not None and qwk.high is not None and qwk.high < LEAST


def _difference(row: CriterionRow) -> float:
    return row.judge.difference.value if row.judge.difference else 0.0


def calibrations(session: Session, link: ResourceLink) -> list[Calibration]:
    """Every question of the placement with its pairs, in the order of the lesson."""
    published = lesson_here(session, link)
    pairs = pairs_of(session, link)
    found = []
    for item in published.lesson.items:
        version, rubric = rubric_for(session, published.version, item.rubric)
        here = [pair for pair in pairs if pair.submission.item_id == item.id]
        now = [pair for pair in here if pair.rubric_version_id == version.id]
        found.append(_calibration(item.id, item.title, rubric, now, len(here) - len(now)))
    return found


def _calibration(item_id: str, title: str, rubric: Rubric, pairs: Sequence[Pair], older: int) -> Calibration:
    return Calibration(
        item_id=item_id,
        title=title,
        rubric=rubric,
        pairs=tuple(pairs),
        rows=tuple(_row(one, [pair for pair in pairs if pair.criterion == one.id]) for one in rubric.judged),
        sheets=len({(pair.submission.id, pair.reader_id) for pair in pairs}),
        weeks=_spells(pairs, lambda pair: f"{pair.committed_at:%G-W%V}"),
        judges=_spells(pairs, lambda pair: f"{pair.judge_name} {pair.judge_version}".strip()),
        older=older,
    )


def _row(criterion: Criterion, pairs: Sequence[Pair]) -> CriterionRow:
    scored = [(pair.person, pair.judge) for pair in pairs if pair.judge is not None]
    by_submission: dict[int, list[int]] = {}
    for pair in pairs:
        by_submission.setdefault(pair.submission.id, []).append(pair.person)
    people = [two for levels in by_submission.values() for two in combinations(levels, 2)]
    return CriterionRow(
        criterion=criterion,
        judge=agreement(scored, criterion.top),
        people=agreement(people, criterion.top),
        unscored=len(pairs) - len(scored),
    )


def _spells(pairs: Iterable[Pair], name_of: Callable[[Pair], str]) -> tuple[Spell, ...]:
    named: dict[str, list[int]] = {}
    for pair in pairs:
        if pair.judge is not None:
            named.setdefault(name_of(pair), []).append(pair.judge - pair.person)
    return tuple(
        Spell(name, len(gaps), sum(gaps) / len(gaps), sum(gap == 0 for gap in gaps) / len(gaps))
        for name, gaps in sorted(named.items())
        if len(gaps) >= FEW
    )


def pairs_of(session: Session, link: ResourceLink) -> list[Pair]:
    """Every criterion that a person scored blind in this placement, beside the judge's level, oldest first.

    What another reader is still to score blind is left out: its pairs would tell them the judge's levels.
    """
    submission = contains_eager(BlindSheet.submission)
    found = session.execute(
        select(BlindSheet, JudgementRow)
        .join(JudgementRow, JudgementRow.id == BlindSheet.judgement_id)
        .join(BlindSheet.submission)
        .where(Submission.resource_link_id == link.id, ~is_pending())
        .options(submission.defer(Submission.text), submission.joinedload(Submission.person))
        .order_by(BlindSheet.id)
    ).all()
    levels = _levels(session, [judgement for _, judgement in found])
    return [
        Pair(
            submission=sheet.submission,
            criterion=criterion,
            person=level,
            judge=levels.get((judgement.id, criterion)),
            judge_name=judgement.judge,
            judge_version=judgement.judge_version,
            committed_at=sheet.committed_at,
            reader_id=sheet.reader_id,
            rubric_version_id=judgement.rubric_version_id or sheet.submission.rubric_version_id,
        )
        for sheet, judgement in found
        for criterion, level in sheet.levels.items()
    ]


def _levels(session: Session, judgements: Sequence[JudgementRow]) -> Mapping[tuple[int, str], int | None]:
    of_rating = {rating_id: one.id for one in judgements for rating_id in one.rating_ids.values()}
    ids = list(of_rating)
    rows: list[Row[int, str, int | None]] = []
    for at in range(0, len(ids), 500):
        part = select(RatingRow.id, RatingRow.criterion, RatingRow.level).where(RatingRow.id.in_(ids[at : at + 500]))
        rows += session.execute(part).all()
    return {(of_rating[row.id], row.criterion): row.level for row in rows}

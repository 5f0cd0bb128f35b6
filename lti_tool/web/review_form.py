"""The form of one review: how it opens, what was posted, and what is wrong with it, criterion by criterion."""

from collections.abc import Mapping
from dataclasses import dataclass

from lti_tool.models import HumanScoreRow
from lti_tool.results import REASONS, Row, Sheet
from lti_tool.reviews import Decision, level_problem
from rubrics.scoring import criterion_points, item_points

TINTS = 7
REASON_CHARACTERS = 600


@dataclass(frozen=True)
class FormRow:
    """One criterion as the form shows it; `number` counts from 1, `problem` stands beside the field."""

    row: Row
    number: int
    chosen: int | None
    reason_code: str = ""
    reason: str = ""
    problem: str | None = None

    @property
    def tint(self) -> int:
        """Which of the highlight tints marks this criterion."""
        return (self.number - 1) % TINTS + 1

    @property
    def differs(self) -> bool:
        """Whether the chosen level is not the judge's, where the judge gave one."""
        return self.row.judge_level is not None and self.chosen not in (None, self.row.judge_level)

    @property
    def decision(self) -> Decision | None:
        """The person's decision, or None while no level is chosen."""
        if self.chosen is None:
            return None
        return Decision(self.chosen, self.reason_code or None, self.reason.strip() or None)

    def points(self, level: int) -> float:
        """What a level is worth, for the running total."""
        return criterion_points(self.row.criterion, level)


@dataclass(frozen=True)
class ReviewForm:
    """The whole form; `seen` is the judgement it was filled in from, `reason` that of a later correction."""

    sheet: Sheet
    rows: tuple[FormRow, ...]
    seen: int | None
    reason: str = ""

    @property
    def total(self) -> float | None:
        """The points (0 to 100) of the chosen levels, None while one is missing."""
        chosen = {row.row.criterion.id: row.chosen for row in self.rows}
        return item_points(self.sheet.rubric, chosen, self.graph_points)

    @property
    def graph_points(self) -> float | None:
        """What the drawing's checks give, None for a text."""
        return float(self.sheet.graph_checks["points"]) if self.sheet.graph_checks else None

    @property
    def changed(self) -> int:
        """How many levels differ from the judge's."""
        return sum(row.differs for row in self.rows)

    @property
    def empty(self) -> int:
        """How many criteria have no level yet."""
        return sum(row.chosen is None for row in self.rows)

    @property
    def problems(self) -> tuple[FormRow, ...]:
        """The rows with something wrong."""
        return tuple(row for row in self.rows if row.problem)

    @property
    def decisions(self) -> dict[str, Decision]:
        """Criterion id to decision, for every criterion with a level."""
        return {row.row.criterion.id: row.decision for row in self.rows if row.decision}


def first_form(sheet: Sheet) -> ReviewForm:
    """The form as it opens: the levels that stand, with the reasons given for them so far."""
    given = _reasons_given(sheet)
    rows = []
    for number, row in enumerate(sheet.rows, start=1):
        score = given.get(row.criterion.id)
        code = (score.reason_code or "") if score else ""
        words = (score.reason or "") if score else ""
        rows.append(FormRow(row, number, row.level, code, words))
    return ReviewForm(sheet, tuple(rows), sheet.judgement.id if sheet.judgement else None)


def posted_form(sheet: Sheet, posted: Mapping[str, str]) -> ReviewForm:
    """The form as it was sent, each row with the sentence that says what is wrong with it."""
    rows = tuple(_posted_row(number, row, posted) for number, row in enumerate(sheet.rows, start=1))
    return ReviewForm(sheet, rows, _whole(posted.get("seen", "")), posted.get("reason", "")[:REASON_CHARACTERS])


def _posted_row(number: int, row: Row, posted: Mapping[str, str]) -> FormRow:
    key = row.criterion.id
    code = posted.get(f"why-{key}", "")
    filled = FormRow(
        row,
        number,
        _whole(posted.get(f"level-{key}", "")),
        code if code in REASONS else "",
        posted.get(f"words-{key}", "")[:REASON_CHARACTERS],
    )
    problem = level_problem(row, filled.decision)
    return FormRow(row, number, filled.chosen, filled.reason_code, filled.reason, problem)


def _reasons_given(sheet: Sheet) -> dict[str, HumanScoreRow]:
    if sheet.release is None or sheet.release.review is None:
        return {}
    return {score.criterion: score for score in sheet.release.review.scores}


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None

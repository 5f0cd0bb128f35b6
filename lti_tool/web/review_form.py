"""The form of one review: how it opens, what was posted, and what is wrong with it, criterion by criterion."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lti_tool import blind
from lti_tool.language import gettext as _
from lti_tool.models import HumanScoreRow
from lti_tool.results import REASONS, Row, Sheet
from lti_tool.reviews import Decision, level_problem
from lti_tool.web.whole import whole
from rubrics.scoring import criterion_points, item_points
from rubrics.text import find_quote, normalise

TINTS = 7
REASON_CHARACTERS = 600
QUOTES = 3
QUOTE_CHARACTERS = 2000


@dataclass(frozen=True)
class FormRow:
    """One criterion as the form shows it; `number` counts from 1, `problem` stands beside the field.

    `own` is the level this person committed blind; `quotes` what they quote, a line each, `spans` where it stands.
    """

    row: Row
    number: int
    chosen: int | None
    reason_code: str = ""
    reason: str = ""
    problem: str | None = None
    own: int | None = None
    quotes: str = ""
    spans: tuple[tuple[int, int], ...] = ()

    @property
    def tint(self) -> int:
        """Which of the highlight tints marks this criterion."""
        return (self.number - 1) % TINTS + 1

    @property
    def differs(self) -> bool:
        """Whether the chosen level is not the one that needs no reason: one's own, or else the judge's."""
        stands = self.row.judge_level if self.own is None else self.own
        return stands is not None and self.chosen not in (None, stands)

    @property
    def decision(self) -> Decision | None:
        """The person's decision, or None while no level is chosen."""
        if self.chosen is None:
            return None
        return Decision(self.chosen, self.reason_code or None, self.reason.strip() or None, self.spans)

    def points(self, level: int) -> float:
        """What a level is worth, for the running total."""
        return criterion_points(self.row.criterion, level)


@dataclass(frozen=True)
class ReviewForm:
    """The whole form; `seen` is the judgement it was filled in from, `standing` the release that it corrects.

    `reason` is that of a correction.
    """

    sheet: Sheet
    rows: tuple[FormRow, ...]
    seen: int | None
    reason: str = ""
    standing: int | None = None

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


def first_form(
    sheet: Sheet, own: Mapping[str, int] | None = None, quotes: Mapping[str, Any] | None = None
) -> ReviewForm:
    """The form as it opens: one's own levels where they were committed blind, else those that stand, with reasons.

    What was released stands, also for whoever committed something else.
    """
    given, own = _reasons_given(sheet), own or {}
    rows = []
    for number, row in enumerate(sheet.rows, start=1):
        key, score = row.criterion.id, given.get(row.criterion.id)
        quoted = (quotes or {}).get(key) or (score.quotes if score else [])
        rows.append(
            FormRow(
                row,
                number,
                row.level if sheet.release else own.get(key, row.level),
                (score.reason_code or "") if score else "",
                (score.reason or "") if score else "",
                own=own.get(key),
                quotes="\n".join(quote["text"] for quote in quoted),
            )
        )
    seen, standing = sheet.judgement, sheet.release
    return ReviewForm(sheet, tuple(rows), seen.id if seen else None, standing=standing.id if standing else None)


def posted_form(sheet: Sheet, posted: Mapping[str, str], own: Mapping[str, int] | None = None) -> ReviewForm:
    """The form as it was sent, each row with the sentence that says what is wrong with it."""
    reader = _Quotes(sheet.submission.text, sheet.item.kind == "drawing")
    rows = tuple(
        _posted_row(number, row, posted, (own or {}).get(row.criterion.id), reader)
        for number, row in enumerate(sheet.rows, start=1)
    )
    seen, standing = whole(posted.get("seen", "")), whole(posted.get("standing", ""))
    return ReviewForm(sheet, rows, seen, posted.get("reason", "")[:REASON_CHARACTERS], standing)


def blind_form(sheet: Sheet, posted: Mapping[str, str]) -> ReviewForm:
    """A sheet that is filled in before any other is shown, as it was sent."""
    reader = _Quotes(sheet.submission.text, sheet.item.kind == "drawing")
    wrong = blind.problems(sheet.rubric, {row.criterion.id: _level(row, posted) for row in sheet.rows})
    rows = []
    for number, row in enumerate(sheet.rows, start=1):
        typed, spans, lost = reader.read(row, posted)
        problem = wrong.get(row.criterion.id) or lost
        rows.append(FormRow(row, number, _level(row, posted), problem=problem, quotes=typed, spans=spans))
    return ReviewForm(sheet, tuple(rows), None)


def judged_form(sheet: Sheet, posted: Mapping[str, str], own: Mapping[str, int]) -> ReviewForm:
    """The judge's levels taken over one's own, with the one reason that was given for all of them."""
    reason = posted.get("reason", "").strip()[:REASON_CHARACTERS]
    taken = {f"level-{row.criterion.id}": str(row.judge_level) for row in sheet.rows if row.judge_level is not None}
    said = {f"words-{row.criterion.id}": reason for row in sheet.rows if own.get(row.criterion.id) != row.judge_level}
    return posted_form(sheet, {**posted, **taken, **said}, own)


class _Quotes:
    """Finds the quotes that a person typed or selected in the text; it is read once for all of them."""

    def __init__(self, text: str, is_drawing: bool) -> None:
        self._text = text
        self._normalised = None if is_drawing else normalise(text)

    def read(self, row: Row, posted: Mapping[str, str]) -> tuple[str, tuple[tuple[int, int], ...], str | None]:
        """What was typed, where it stands in the text, and what is wrong with it."""
        typed = posted.get(f"quotes-{row.criterion.id}", "")[:QUOTE_CHARACTERS]
        lines = [line.strip() for line in typed.splitlines() if line.strip()][:QUOTES]
        if self._normalised is None or not lines:
            return typed, (), None
        found = [find_quote(self._normalised, self._text, line) for line in lines]
        spans = tuple((quote.start, quote.end) for quote in found if quote is not None)
        lost = [line for line, quote in zip(lines, found, strict=True) if quote is None]
        if not lost:
            return typed, spans, None
        words = {"criterion": row.criterion.title, "quote": lost[0][:60]}
        return typed, spans, _("%(criterion)s: “%(quote)s” does not stand in the text.", **words)


def _posted_row(number: int, row: Row, posted: Mapping[str, str], own: int | None, reader: _Quotes) -> FormRow:
    key = row.criterion.id
    code = posted.get(f"why-{key}", "")
    typed, spans, lost = reader.read(row, posted)
    filled = FormRow(
        row,
        number,
        _level(row, posted),
        code if code in REASONS else "",
        posted.get(f"words-{key}", "")[:REASON_CHARACTERS],
        own=own,
        quotes=typed,
        spans=spans,
    )
    return replace(filled, problem=level_problem(row, filled.decision, own) or lost)


def _level(row: Row, posted: Mapping[str, str]) -> int | None:
    return whole(posted.get(f"level-{row.criterion.id}", ""))


def _reasons_given(sheet: Sheet) -> dict[str, HumanScoreRow]:
    if sheet.release is None or sheet.release.review is None:
        return {}
    return {score.criterion: score for score in sheet.release.review.scores}

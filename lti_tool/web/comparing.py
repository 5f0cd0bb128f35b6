"""A learner's attempts at one item side by side, as far as they may see them."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from lti_tool.models import Submission
from lti_tool.results import Row, Sheet, student_sheet
from lti_tool.web.languages import content
from lti_tool.web.visit import Visit
from rubrics.model import Criterion


@dataclass(frozen=True)
class Other:
    """Another attempt at the same item; `moved` says which levels differ between it and this one."""

    submission: Submission
    points: float | None
    moved: tuple[Markup, ...]


@dataclass(frozen=True)
class ComparedRow:
    """One criterion: the level in each compared attempt, None where it has none."""

    criterion: Criterion
    levels: tuple[int | None, ...]


@dataclass(frozen=True)
class Comparison:
    """The attempts that can be compared, first to last, and their levels by criterion."""

    sheets: tuple[Sheet, ...]
    rows: tuple[ComparedRow, ...]


def other_attempts(visit: Visit, sheet: Sheet, used: Sequence[Submission]) -> list[Other]:
    """The other attempts, newest first."""
    found = []
    for other in reversed(used):
        if other.id == sheet.submission.id:
            continue
        theirs = student_sheet(visit.session, other)
        moved = _moved(theirs, sheet) if theirs and other.attempt < sheet.submission.attempt else ()
        found.append(Other(other, theirs.points if theirs else None, moved))
    return found


def _moved(before: Sheet, now: Sheet) -> tuple[Markup, ...]:
    old = {row.criterion.id: row.level for row in before.rows}
    return tuple(
        Markup("{} {} → {}").format(content(short_title(row), now.rubric.language), old[row.criterion.id], row.level)
        for row in now.rows
        if row.level is not None and old.get(row.criterion.id) not in (None, row.level)
    )


def short_title(row: Row) -> str:
    """A criterion's title up to its colon."""
    return row.criterion.title.partition(":")[0]


def compared(visit: Visit, sheet: Sheet, used: Sequence[Submission]) -> Comparison | None:
    """The attempts judged by a rubric with the same criteria, side by side; None where there is but one."""
    criteria = [row.criterion for row in sheet.rows]
    ids = [criterion.id for criterion in criteria]
    seen = [found for one in used if (found := student_sheet(visit.session, one))]
    sheets = [one for one in seen if [row.criterion.id for row in one.rows] == ids]
    if len(sheets) < 2:
        return None
    levels = [[row.level for row in one.rows] for one in sheets]
    rows = tuple(map(ComparedRow, criteria, zip(*levels, strict=True)))
    return Comparison(tuple(sheets), rows)

"""The warm-up: each hot-take with its box, its last answer and the practice reply."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from lti_tool.attempts import Desk, desk
from lti_tool.coaching import Coaching, coaching_of, is_practice
from lti_tool.lesson import HotTakesStep
from lti_tool.models import Submission
from lti_tool.results import Row, Sheet, State, state_of, student_sheet
from lti_tool.web.languages import points
from lti_tool.web.visit import Visit, page

TENTHS = 10


@dataclass(frozen=True)
class Mark:
    """One criterion of a reply, short: `hit 3/4`."""

    word: str
    level: int | None
    top: int
    reason: str


@dataclass(frozen=True)
class Reply:
    """The judge's practice reply; `total` is out of ten, None while a row has no level.

    `why` is a comment; where there is none, `needs` has a level and what it takes.
    """

    total: str | None
    marks: tuple[Mark, ...]
    why: str
    needs: tuple[int, str] | None
    judge: str
    provisional: bool
    released: bool


@dataclass(frozen=True)
class Change:
    """Words of a rewrite: kept, new, or the learner's that are gone."""

    kind: Literal["kept", "new", "gone"]
    words: str


@dataclass(frozen=True)
class Take:
    """One question: what is in its box, what was sent last, and what came back."""

    desk: Desk
    text: str
    problem: str | None
    latest: Submission | None
    state: State | None
    reply: Reply | None
    coaching: Coaching | None
    practice: bool

    @property
    def waiting(self) -> bool:
        """Whether the reply is still to come."""
        return self.reply is None and self.state in ("queued", "judging")

    @property
    def changes(self) -> tuple[Change, ...]:
        """The coach's rewrite beside what was sent."""
        if self.latest is None or self.coaching is None:
            return ()
        return changes(self.latest.text, self.coaching.rewrite)


@dataclass(frozen=True)
class Problem:
    """Why a text was not taken, and the text."""

    text: str
    sentence: str


def takes_page(visit: Visit, step: HotTakesStep, problems: Mapping[str, Problem] | None = None) -> str:
    """Every hot-take of the step."""
    takes = [_take(visit, item_id, (problems or {}).get(item_id)) for item_id in step.items]
    counts = visit.link.settings.get("counts", "best")
    return page("student/warm_up.html", visit, step.id, step=step, takes=takes, counts=counts)


def _take(visit: Visit, item_id: str, problem: Problem | None) -> Take:
    found = desk(visit.session, visit.link, visit.person_id, visit.published, item_id)
    latest = found.submissions[-1] if found.submissions else None
    sheet = student_sheet(visit.session, latest) if latest else None
    return Take(
        desk=found,
        text=problem.text if problem else found.text,
        problem=problem.sentence if problem else None,
        latest=latest,
        state=state_of(visit.session, latest) if latest else None,
        reply=reply_of(sheet) if sheet else None,
        coaching=coaching_of(visit.session, latest) if latest and sheet else None,
        practice=latest is not None and is_practice(visit.session, latest),
    )


def changes(before: str, after: str) -> tuple[Change, ...]:
    """A rewrite word by word beside what it was made from."""
    old, new = before.split(), after.split()
    found: list[Change] = []
    for kind, begin, end, start, stop in SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(Change("kept", " ".join(new[start:stop])))
            continue
        if end > begin:
            found.append(Change("gone", " ".join(old[begin:end])))
        if stop > start:
            found.append(Change("new", " ".join(new[start:stop])))
    return tuple(found)


def reply_of(sheet: Sheet) -> Reply:
    """A sheet in short, with the comment on its weakest row."""
    return Reply(
        total=None if sheet.points is None else points(sheet.points / TENTHS),
        marks=tuple(
            Mark(
                word=row.criterion.id.replace("_", " "),
                level=row.level,
                top=row.criterion.top,
                reason=row.rating.reason or "" if row.rating else "",
            )
            for row in sheet.rows
        ),
        why=_why(sheet.rows),
        needs=_needs(sheet.rows),
        judge=sheet.judgement.judge_label if sheet.judgement else "",
        provisional=bool(sheet.judgement and sheet.judgement.provisional),
        released=sheet.release is not None,
    )


def _weakest_first(rows: tuple[Row, ...]) -> list[Row]:
    scored = [row for row in rows if row.level is not None and row.criterion.rated_by == "judge"]
    return sorted(scored, key=lambda row: (row.level or 0) / row.criterion.top)


def _why(rows: tuple[Row, ...]) -> str:
    """The comment on the weakest row that has one."""
    return next((row.rating.comment for row in _weakest_first(rows) if row.rating and row.rating.comment), "")


def _needs(rows: tuple[Row, ...]) -> tuple[int, str] | None:
    """The next level of the weakest row that has one, and what it takes."""
    return next((((row.level or 0) + 1, row.next_needs) for row in _weakest_first(rows) if row.next_needs), None)

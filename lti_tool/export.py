"""De-identified sheets for evaluation: what people and judges said, as the long table that the eval commands read.

Nobody is named: responses, students, raters and courses get names made with a secret that is thrown away, so that two
exports can't be joined. No text leaves unless it is asked for. Whoever has not gone on from the course's notice is left
out; a course with fewer than thirty responses to a question is not told apart from others.
"""

import hashlib
import hmac
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from lti_tool.lessons import rubric_of
from lti_tool.models import (
    BlindReading,
    BlindSheet,
    GateDraw,
    JudgementRow,
    NoticeAcceptance,
    RatingRow,
    ResourceLink,
    Review,
    Submission,
)
from rubrics.model import Rubric

COLUMNS = (
    *("response_id", "prompt_id", "criterion", "rater_id", "rater_kind", "score", "scale_min", "scale_max", "step"),
    *("code", "confidence", "repeat", "blind", "judge_version", "prompt_hash", "student", "course", "rubric"),
)
FLOOR = 30
SMALL = "(few responses)"
AT_ONCE = 500
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which submissions are asked for."""

    lesson: str | None = None
    item: str | None = None
    blind_only: bool = False


@dataclass
class Exported:
    """The rows, and what was left out; `names` leads from a response back to the submission's public id."""

    rows: list[Row] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    without_notice: int = 0
    without_people: int = 0

    @property
    def learners(self) -> int:
        """Of how many learners there is something in the table."""
        return len({row["student"] for row in self.rows})


class Pseudonyms:
    """Names that say nothing: the same thing has the same one within an export, and no other export has it."""

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def __call__(self, kind: str, key: object) -> str:
        """A name for one thing of a kind."""
        digest = hmac.new(self._secret, f"{kind}\0{key}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:10]}"


def export_reviews(session: Session, wanted: Wanted, pseudonym: Pseudonyms) -> Exported:
    """Every submission that a person scored, with the judge's sheet beside it where there is one."""
    found = Exported()
    courses: Counter[tuple[str, str]] = Counter()
    accepted = _accepted(session)
    for submission in _submissions(session, wanted):
        if (submission.resource_link.context_id, submission.person_id) not in accepted:
            found.without_notice += 1
            continue
        people = _people(session, submission, wanted, pseudonym)
        if not people:
            found.without_people += 1
            continue
        facts = _facts(submission, pseudonym)
        courses[facts["prompt_id"], facts["course"]] += 1
        found.names[facts["response_id"]] = submission.public_id
        found.texts[facts["response_id"]] = submission.text
        rubric = rubric_of(submission)
        judged = _judge(session, submission)
        found.rows += [facts | row for row in _rows(rubric, [*people, *judged])]
    for row in found.rows:
        if courses[row["prompt_id"], row["course"]] < FLOOR:
            row["course"] = SMALL
    return found


def _accepted(session: Session) -> set[tuple[int, int]]:
    rows = session.execute(select(NoticeAcceptance.context_id, NoticeAcceptance.person_id))
    return {(context, person) for context, person in rows}


def _submissions(session: Session, wanted: Wanted) -> Iterator[Submission]:
    query = select(Submission).join(ResourceLink, ResourceLink.id == Submission.resource_link_id)
    if wanted.lesson is not None:
        query = query.where(ResourceLink.lesson_slug == wanted.lesson)
    if wanted.item is not None:
        query = query.where(Submission.item_id == wanted.item)
    loaded = query.options(joinedload(Submission.resource_link), selectinload(Submission.rubric_version))
    yield from session.scalars(loaded.order_by(Submission.id).execution_options(yield_per=AT_ONCE))


def _facts(submission: Submission, pseudonym: Pseudonyms) -> Row:
    return {
        "response_id": pseudonym("response", submission.public_id),
        "prompt_id": submission.item_id,
        "student": pseudonym("student", submission.person_id),
        "course": pseudonym("course", submission.resource_link.context_id),
        "rubric": f"{submission.rubric_version.rubric_id} {submission.rubric_version.content_hash[:12]}",
    }


@dataclass(frozen=True)
class _Sheet:
    """One rater's levels, or reasons for none, by criterion."""

    rater: str
    kind: str
    levels: Mapping[str, int | None]
    blind: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)
    confidence: Mapping[str, float | None] = field(default_factory=dict)
    version: Mapping[str, str] = field(default_factory=dict)
    prompt_hash: str = ""


def _people(session: Session, submission: Submission, wanted: Wanted, pseudonym: Pseudonyms) -> list[_Sheet]:
    """Each person's sheet: their blind reading, else the newest review; blind if they had no judge's sheet to see."""
    sheets: dict[int, _Sheet] = {}
    here = Review.submission_id == submission.id
    reviews = select(Review).where(here, ~on_another_rubric(Review.judgement_id)).order_by(Review.id)
    for review in session.scalars(reviews.options(selectinload(Review.scores))):
        levels = {score.criterion: score.level for score in review.scores}
        name = pseudonym("person", review.reviewer_id)
        before = sheets.get(review.reviewer_id)
        if before is not None and before.blind:
            continue  # once they have seen the judge's sheet, a correction is not blind any more
        sheets[review.reviewer_id] = _Sheet(name, "human", levels, blind=review.judgement_id is None)
    readings = (
        select(BlindReading)
        .join(GateDraw, GateDraw.id == BlindReading.gate_draw_id)
        .where(GateDraw.submission_id == submission.id, ~on_another_rubric(GateDraw.judgement_id))
        .order_by(BlindReading.id)
    )
    for reading in session.scalars(readings):
        name = pseudonym("person", reading.reader_id)
        sheets[reading.reader_id] = _Sheet(name, "human", reading.levels, blind=True)
    committed = select(BlindSheet).where(
        BlindSheet.submission_id == submission.id, ~on_another_rubric(BlindSheet.judgement_id)
    )
    for sheet in session.scalars(committed.order_by(BlindSheet.id)):
        name = pseudonym("person", sheet.reader_id)
        sheets[sheet.reader_id] = _Sheet(name, "human", sheet.levels, blind=True)
    return [sheet for sheet in sheets.values() if sheet.blind or not wanted.blind_only]


def on_another_rubric(judgement_id: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """SQL: whether what a person scored was judged on another version of the rubric than its submission has.

    Read beside the submission's own version it would be taken for other levels.
    """
    found = select(JudgementRow.id).where(JudgementRow.id == judgement_id, JudgementRow.rubric_version_id.is_not(None))
    return found.exists()


def _judge(session: Session, submission: Submission) -> list[_Sheet]:
    """The newest sheet of each judge."""
    newest: dict[str, JudgementRow] = {}
    rows = select(JudgementRow).where(
        JudgementRow.submission_id == submission.id, JudgementRow.rubric_version_id.is_(None)
    )
    for row in session.scalars(rows.order_by(JudgementRow.id)):
        newest[row.judge] = row
    return [_judged(session, row) for row in newest.values()]


def _judged(session: Session, judgement: JudgementRow) -> _Sheet:
    ratings = {
        row.criterion: row
        for row in session.scalars(select(RatingRow).where(RatingRow.id.in_(judgement.rating_ids.values())))
    }
    identity = judgement.identity or {}
    return _Sheet(
        judgement.judge,
        "judge",
        {name: row.level for name, row in ratings.items()},
        codes={name: row.reason or "unscored" for name, row in ratings.items() if row.level is None},
        confidence={name: row.confidence for name, row in ratings.items()},
        version={name: f"{judgement.judge_version} {row.model}".strip() for name, row in ratings.items()},
        prompt_hash=str(identity.get("prompt_hash", ""))[:16],
    )


def _rows(rubric: Rubric, sheets: Sequence[_Sheet]) -> Iterator[Row]:
    for sheet in sheets:
        for criterion in rubric.criteria:
            if criterion.id not in sheet.levels:
                continue
            level = sheet.levels[criterion.id]
            confidence = sheet.confidence.get(criterion.id)
            yield {
                "criterion": criterion.id,
                "rater_id": sheet.rater,
                "rater_kind": sheet.kind,
                "score": "" if level is None else level,
                "scale_min": 0,
                "scale_max": criterion.top,
                "step": 1,
                "code": sheet.codes.get(criterion.id, ""),
                "confidence": "" if confidence is None else f"{confidence:.6g}",
                "repeat": 0,
                "blind": "yes" if sheet.blind else "no",
                "judge_version": sheet.version.get(criterion.id, ""),
                "prompt_hash": sheet.prompt_hash,
            }

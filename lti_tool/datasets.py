"""What people scored here, question by question, as the researchers' pages offer it: counted, and without names.

Only answers of learners who went on from the course's notice count. A question that fewer than ten learners answered is
not offered, so that nobody can be picked out of its table.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, distinct, func, or_, select
from sqlalchemy.orm import Session

from lti_tool.export import on_another_rubric
from lti_tool.models import (
    BlindReading,
    BlindSheet,
    GateDraw,
    NoticeAcceptance,
    ResourceLink,
    Review,
    Submission,
)

FEWEST_LEARNERS = 10


@dataclass(frozen=True)
class DataSet:
    """One question of a lesson; the counts are of answers that a person scored."""

    lesson: str
    item: str
    responses: int
    blind: int
    learners: int
    blind_learners: int
    courses: int

    @property
    def is_offered(self) -> bool:
        """Whether its table may leave."""
        return self.learners >= FEWEST_LEARNERS

    @property
    def is_offered_blind(self) -> bool:
        """Whether the table of what was scored blind may leave."""
        return self.blind_learners >= FEWEST_LEARNERS


def datasets(session: Session) -> list[DataSet]:
    """Every question that people scored answers to."""
    accepted = and_(
        NoticeAcceptance.context_id == ResourceLink.context_id, NoticeAcceptance.person_id == Submission.person_id
    )
    blind = _is_blind()
    rows = session.execute(
        select(
            ResourceLink.lesson_slug,
            Submission.item_id,
            func.count(distinct(Submission.id)),
            func.count(distinct(Submission.id)).filter(blind),
            func.count(distinct(Submission.person_id)),
            func.count(distinct(Submission.person_id)).filter(blind),
            func.count(distinct(ResourceLink.context_id)),
        )
        .join(ResourceLink, ResourceLink.id == Submission.resource_link_id)
        .where(select(NoticeAcceptance.person_id).where(accepted).exists(), or_(blind, _is_reviewed()))
        .group_by(ResourceLink.lesson_slug, Submission.item_id)
        .order_by(ResourceLink.lesson_slug, Submission.item_id)
    )
    return [DataSet(*row) for row in rows]


def find_dataset(session: Session, lesson: str, item: str) -> DataSet | None:
    """One question, if its table may leave."""
    found = (one for one in datasets(session) if (one.lesson, one.item) == (lesson, item))
    return next((one for one in found if one.is_offered), None)


def _is_reviewed() -> ColumnElement[bool]:
    reviewed = select(Review.id).where(Review.submission_id == Submission.id, ~on_another_rubric(Review.judgement_id))
    return reviewed.exists()


def _is_blind() -> ColumnElement[bool]:
    """Somebody scored it who had not seen the judge's sheet."""
    sheet = select(BlindSheet.id).where(
        BlindSheet.submission_id == Submission.id, ~on_another_rubric(BlindSheet.judgement_id)
    )
    unseen = select(Review.id).where(Review.submission_id == Submission.id, Review.judgement_id.is_(None))
    drawn = select(BlindReading.id).join(GateDraw, GateDraw.id == BlindReading.gate_draw_id)
    read = drawn.where(GateDraw.submission_id == Submission.id, ~on_another_rubric(GateDraw.judgement_id))
    return or_(sheet.exists(), unseen.exists(), read.exists())

"""What became of a placement's appeals, by criterion: where levels do not stand, the rubric may be unclear."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import fmean, median

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from lti_tool.appeals import rubric_of_appeal
from lti_tool.lessons import lesson_of
from lti_tool.models import Appeal, ResourceLink, Submission


@dataclass(frozen=True)
class AppealCount:
    """One criterion of one question; `change` is the mean of the levels that changed, in levels, up is positive."""

    item: str
    criterion: str
    sent: int
    answered: int
    raised: int
    lowered: int
    change: float | None
    took: timedelta | None

    @property
    def stood(self) -> int:
        """How many answers left the level as it was."""
        return self.answered - self.raised - self.lowered


def appeal_counts(session: Session, link: ResourceLink) -> list[AppealCount]:
    """The criteria that somebody appealed against, those whose levels changed most often first."""
    found = session.scalars(
        select(Appeal)
        .join(Submission, Submission.id == Appeal.submission_id)
        .where(Submission.resource_link_id == link.id)
        .options(selectinload(Appeal.answer), selectinload(Appeal.submission))
    )
    by_criterion: dict[tuple[str, str], list[Appeal]] = defaultdict(list)
    for appeal in found:
        by_criterion[appeal.submission.item_id, appeal.criterion].append(appeal)
    counts = [_count(appeals) for appeals in by_criterion.values()]
    return sorted(counts, key=lambda one: (-(one.raised + one.lowered), -one.sent, one.item, one.criterion))


def _count(appeals: Sequence[Appeal]) -> AppealCount:
    first = appeals[0]
    answers = [(appeal, appeal.answer) for appeal in appeals if appeal.answer is not None]
    changes = [answer.level - answer.before for _, answer in answers if answer.accepted]
    hours = [(answer.answered_at - appeal.sent_at).total_seconds() for appeal, answer in answers]
    return AppealCount(
        item=lesson_of(first.submission).item(first.submission.item_id).title,
        criterion=rubric_of_appeal(first).criterion(first.criterion).title,
        sent=len(appeals),
        answered=len(answers),
        raised=sum(change > 0 for change in changes),
        lowered=sum(change < 0 for change in changes),
        change=fmean(changes) if changes else None,
        took=timedelta(seconds=median(hours)) if hours else None,
    )

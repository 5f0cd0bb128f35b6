"""Appeals: a learner names one criterion of a released sheet and one sentence, and somebody else answers, blind.

The one who answers sees the question, the text and the appeal, and commits a level before any other level is shown to
them. Only then are the standing level and the judge's revealed, and the answer given. An appeal takes one of the
learner's tokens, which comes back when the level changes.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool import reviews
from lti_tool.db import utc_now
from lti_tool.language import gettext as _
from lti_tool.lessons import lesson_of, rubric_of
from lti_tool.locks import lock_learner
from lti_tool.models import (
    Appeal,
    AppealAnswer,
    AppealScore,
    HumanScoreRow,
    Launch,
    Release,
    ResourceLink,
    Review,
    Submission,
)
from lti_tool.results import Row, Sheet, newest_release, student_sheet
from lti_tool.reviews import AlreadyReleased, Decision
from rubrics.model import Criterion, Rubric
from rubrics.text import sentence_spans

TOKENS = 2
DAYS = 7
MAX_WHY = 600
MAX_WORDS = 600

State = Literal["sent", "being answered", "answered"]


class AppealProblem(ValueError):
    """The appeal, or the answer, cannot be taken as it is; the message is shown and nothing is lost."""


class NotForYou(AppealProblem):
    """This person may not answer this appeal."""


@dataclass(frozen=True)
class Terms:
    """How many appeals a learner has at once in a placement, and for how many days after a release."""

    tokens: int
    days: float


@dataclass(frozen=True)
class Chance:
    """Whether a learner may appeal against a sheet now: what is left, until when, and what stands against it."""

    tokens: int
    left: int
    until: datetime | None
    open_criteria: tuple[Criterion, ...]
    problem: str | None

    @property
    def may(self) -> bool:
        """Whether an appeal can be sent."""
        return self.problem is None


@dataclass(frozen=True)
class Blind:
    """Everything that may be seen before a level is committed: no level, no quote, no name."""

    appeal: Appeal
    criterion: Criterion
    question: str
    text: str
    sentence: str
    is_drawing: bool


@dataclass(frozen=True)
class Revealed:
    """What is shown after the commit: one's own level, the one that stands, and the judge's row."""

    own: int
    row: Row


# ---- the learner ---------------------------------------------------------------------------------------------


def terms_of(link: ResourceLink) -> Terms:
    """The placement's settings `appeal_tokens` and `appeal_days`; 0 tokens closes appeals."""
    return Terms(int(link.settings.get("appeal_tokens", TOKENS)), float(link.settings.get("appeal_days", DAYS)))


def appeals_on(session: Session, submission: Submission) -> dict[str, Appeal]:
    """The appeals against a submission's sheet, by criterion."""
    found = session.scalars(select(Appeal).where(Appeal.submission_id == submission.id).order_by(Appeal.id))
    return {appeal.criterion: appeal for appeal in found}


def tokens_left(session: Session, link: ResourceLink, person_id: int) -> int:
    """How many more appeals a learner may send: those that changed nothing, or are not answered, are spent."""
    spent = session.scalar(
        select(func.count())
        .select_from(Appeal)
        .join(Submission, Submission.id == Appeal.submission_id)
        .outerjoin(AppealAnswer, AppealAnswer.appeal_id == Appeal.id)
        .where(
            Submission.resource_link_id == link.id,
            Submission.person_id == person_id,
            (AppealAnswer.id.is_(None)) | (AppealAnswer.level == AppealAnswer.before),
        )
    )
    return max(0, terms_of(link).tokens - (spent or 0))


def chance(session: Session, link: ResourceLink, submission: Submission) -> Chance:
    """Whether the learner may appeal against this submission's sheet now."""
    terms, left = terms_of(link), tokens_left(session, link, submission.person_id)
    released = newest_release(session, submission)
    until = released.released_at + timedelta(days=terms.days) if released else None
    known = appeals_on(session, submission)
    rubric = rubric_of(submission, released.judgement if released else None)
    criteria = tuple(c for c in rubric.criteria if c.rated_by == "judge" and c.id not in known)
    return Chance(terms.tokens, left, until, criteria, _why_not(terms, left, until, criteria))


def _why_not(terms: Terms, left: int, until: datetime | None, criteria: tuple[Criterion, ...]) -> str | None:
    if not terms.tokens:
        return _("This course takes no appeals here. Ask your instructor.")
    if until is None:
        return _("Nothing is released yet, so there is nothing to appeal against.")
    if utc_now() > until:
        return _("The time to appeal is over.")
    if not criteria:
        return _("You have appealed against every criterion.")
    if not left:
        return _("Every appeal is used. One comes back when it is accepted.")
    return None


def sentences(submission: Submission) -> list[tuple[int, int]]:
    """The sentences a learner may point at; none in a drawing."""
    is_drawing = lesson_of(submission).item(submission.item_id).kind == "drawing"
    return [] if is_drawing else sentence_spans(submission.text)


def send_appeal(
    session: Session, link: ResourceLink, submission: Submission, criterion: str, sentence: int | None, why: str
) -> Appeal:
    """Send an appeal; `sentence` is the place of a sentence in `sentences`. Raises AppealProblem."""
    lock_learner(session, link.id, submission.person_id)
    here = chance(session, link, submission)
    if here.problem is not None:
        raise AppealProblem(here.problem)
    why = why.replace("\r\n", "\n").strip()
    if criterion not in {known.id for known in here.open_criteria}:
        raise AppealProblem(_("Choose the criterion."))
    span = _chosen(submission, sentence)
    if not why:
        raise AppealProblem(_("Say why. A person reads it."))
    if len(why) > MAX_WHY:
        raise AppealProblem(_("%(over)d over. Why holds %(most)d characters.", over=len(why) - MAX_WHY, most=MAX_WHY))
    released = newest_release(session, submission)
    assert released is not None
    appeal = Appeal(
        public_id=secrets.token_urlsafe(12),
        submission_id=submission.id,
        release_id=released.id,
        criterion=criterion,
        start=span[0] if span else None,
        end=span[1] if span else None,
        why=why,
    )
    session.add(appeal)
    session.flush()
    return appeal


def _chosen(submission: Submission, sentence: int | None) -> tuple[int, int] | None:
    spans = sentences(submission)
    if not spans:
        return None
    if sentence is None or not 0 <= sentence < len(spans):
        raise AppealProblem(_("Choose the sentence."))
    return spans[sentence]


def state_of(session: Session, appeal: Appeal) -> State:
    """Where an appeal stands."""
    if appeal.answer is not None:
        return "answered"
    committed = session.scalar(select(AppealScore.id).where(AppealScore.appeal_id == appeal.id).limit(1))
    return "sent" if committed is None else "being answered"


def sentence_of(appeal: Appeal) -> str:
    """The sentence an appeal points at."""
    return "" if appeal.start is None or appeal.end is None else appeal.submission.text[appeal.start : appeal.end]


# ---- the one who answers -------------------------------------------------------------------------------------


def waiting(session: Session, link: ResourceLink) -> list[Appeal]:
    """The appeals in a placement that nobody has answered, oldest first."""
    found = (
        select(Appeal)
        .join(Submission, Submission.id == Appeal.submission_id)
        .outerjoin(AppealAnswer, AppealAnswer.appeal_id == Appeal.id)
        .where(Submission.resource_link_id == link.id, AppealAnswer.id.is_(None))
        .order_by(Appeal.id)
    )
    return list(session.scalars(found))


def find_appeal(session: Session, link: ResourceLink, public_id: str) -> Appeal | None:
    """An appeal in this placement by its public id."""
    found = select(Appeal).join(Submission, Submission.id == Appeal.submission_id)
    return session.scalar(found.where(Appeal.public_id == public_id, Submission.resource_link_id == link.id))


def why_not_you(session: Session, appeal: Appeal, reviewer_id: int) -> str | None:
    """Why this person may not answer, in a sentence: they scored the work, and somebody else could answer."""
    scored = _scorers(session, appeal)
    if reviewer_id not in scored or _nobody_else(session, appeal, scored):
        return None
    return _("You scored this work, so somebody else answers.")


def _scorers(session: Session, appeal: Appeal) -> frozenset[int]:
    found = select(Review.reviewer_id).where(Review.submission_id == appeal.submission_id)
    return frozenset(session.scalars(found))


def _nobody_else(session: Session, appeal: Appeal, scored: frozenset[int]) -> bool:
    """Whether everybody who ever came to this course as an instructor has scored the work."""
    context_id = appeal.submission.resource_link.context_id
    teaching = (
        select(Launch.person_id)
        .join(ResourceLink, ResourceLink.id == Launch.resource_link_id)
        .where(ResourceLink.context_id == context_id, Launch.role == "instructor", Launch.person_id.not_in(scored))
    )
    return session.scalar(teaching.limit(1)) is None


def read_blind(session: Session, appeal: Appeal) -> Blind:
    """What may be seen before the commit."""
    sent = appeal.submission
    item = lesson_of(sent).item(sent.item_id)
    return Blind(
        appeal=appeal,
        criterion=_criterion(appeal),
        question=item.prompt,
        text=sent.text,
        sentence=sentence_of(appeal),
        is_drawing=item.kind == "drawing",
    )


def _criterion(appeal: Appeal) -> Criterion:
    return rubric_of_appeal(appeal).criterion(appeal.criterion)


def rubric_of_appeal(appeal: Appeal) -> Rubric:
    """The rubric that the appealed release is about."""
    return rubric_of(appeal.submission, appeal.release.judgement)


def own_score(session: Session, appeal: Appeal, reviewer_id: int) -> AppealScore | None:
    """The level this person committed, if they did."""
    found = select(AppealScore).where(AppealScore.appeal_id == appeal.id, AppealScore.reviewer_id == reviewer_id)
    return session.scalar(found)


def commit_level(session: Session, appeal: Appeal, reviewer_id: int, level: int) -> AppealScore:
    """Commit a level, blind; a second time the first one stands. Raises AppealProblem."""
    _must_be_open(session, appeal, reviewer_id)
    known = own_score(session, appeal, reviewer_id)
    if known is not None:
        return known
    criterion = _criterion(appeal)
    if not 0 <= level <= criterion.top:
        raise AppealProblem(_("Choose a level from 0 to %(top)d.", top=criterion.top))
    score = AppealScore(appeal_id=appeal.id, reviewer_id=reviewer_id, level=level)
    session.add(score)
    session.flush()
    return score


def reveal(session: Session, appeal: Appeal, reviewer_id: int) -> Revealed | None:
    """The other levels, once this person has committed theirs; None before."""
    own = own_score(session, appeal, reviewer_id)
    sheet = student_sheet(session, appeal.submission)
    row = _row(sheet, appeal.criterion) if sheet is not None else None
    return Revealed(own.level, row) if own is not None and row is not None else None


def _row(sheet: Sheet, criterion: str) -> Row | None:
    """A row of the sheet; None where a newer version of the rubric has it no more."""
    return next((row for row in sheet.rows if row.criterion.id == criterion), None)


def answer(
    session: Session, link: ResourceLink, appeal: Appeal, reviewer_id: int, level: int, words: str
) -> AppealAnswer:
    """End an appeal: `level` stands from now on, by a new release where it differs. Raises AppealProblem."""
    _must_be_open(session, appeal, reviewer_id)
    if own_score(session, appeal, reviewer_id) is None:
        raise AppealProblem(_("Score it first. The other levels appear after you commit."))
    words = words.replace("\r\n", "\n").strip()
    if not words:
        raise AppealProblem(_("Say why; the learner reads it."))
    if len(words) > MAX_WORDS:
        over = len(words) - MAX_WORDS
        raise AppealProblem(_("%(over)d over. An answer holds %(most)d characters.", over=over, most=MAX_WORDS))
    if not 0 <= level <= _criterion(appeal).top:
        raise AppealProblem(_("Choose a level from 0 to %(top)d.", top=_criterion(appeal).top))
    standing = newest_release(session, appeal.submission)
    assert standing is not None
    before = int(standing.levels[appeal.criterion])
    ended = AppealAnswer(
        appeal_id=appeal.id,
        reviewer_id=reviewer_id,
        before=before,
        level=level,
        words=words,
        by_the_scorer=reviewer_id in _scorers(session, appeal),
    )
    try:
        with session.begin_nested():
            session.add(ended)
    except IntegrityError:
        raise AppealProblem(_("Someone else answered this. See theirs.")) from None
    if ended.accepted:
        decisions = _standing(session, standing) | {appeal.criterion: Decision(level, "other", words)}
        try:
            reviews.change(session, link, appeal.submission, reviewer_id, decisions, words, seen_release_id=standing.id)
        except AlreadyReleased:
            raise AppealProblem(_("Someone changed this sheet just now. Answer once more.")) from None
    session.expire(appeal, ["answer"])
    return ended


def _standing(session: Session, release: Release) -> dict[str, Decision]:
    """The sheet as it stands, each level with the reason it was changed for."""
    found = select(HumanScoreRow).where(HumanScoreRow.review_id == release.review_id)
    said = {row.criterion: row for row in session.scalars(found)} if release.review_id is not None else {}
    return {
        criterion: Decision(
            level,
            said[criterion].reason_code if criterion in said else None,
            said[criterion].reason if criterion in said else None,
        )
        for criterion, level in release.levels.items()
    }


def _must_be_open(session: Session, appeal: Appeal, reviewer_id: int) -> None:
    if appeal.answer is not None:
        raise AppealProblem(_("Someone else answered this. See theirs."))
    if problem := why_not_you(session, appeal, reviewer_id):
        raise NotForYou(problem)

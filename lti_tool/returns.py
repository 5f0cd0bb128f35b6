"""Judged work that goes back to its learner: by a person with a sentence, or because nobody got to it in time.

It uses no attempt, nothing is scored, and its text is a draft again. An instructor can take it back to the queue, until
the learner has sent something else.
"""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.attempts import save_draft
from lti_tool.blind_draws import pending
from lti_tool.coaching import first_rewrites
from lti_tool.db import utc_now
from lti_tool.deadlines import deadlines_for
from lti_tool.lessons import lesson_of
from lti_tool.locks import lock_learner
from lti_tool.models import Job, PendingRelease, ResourceLink, ReturnedWork, Submission
from lti_tool.results import state_of
from lti_tool.review_rank import rank_all
from lti_tool.reviews import ReviewProblem, taken_by_another

LONGEST_WORDS = 2000


def return_work(
    session: Session, link: ResourceLink, submission: Submission, reviewer_id: int, words: str
) -> ReturnedWork:
    """Send work back for a new attempt, with a sentence to its learner.

    ReviewProblem where it cannot be; AlreadyReleased when somebody else released it first.
    """
    words = words.replace("\r\n", "\n").strip()
    if not words:
        raise ReviewProblem("Say what is to be done; the learner reads it.")
    if len(words) > LONGEST_WORDS:
        raise ReviewProblem(f"At most {LONGEST_WORDS} characters.")
    if pending(session, [submission.id]):
        raise ReviewProblem("This one is to be scored blind first.")
    jobs.hold_gate(session, submission.id)
    # Told now, and not while the gate is held and its learner waited for: whoever has them may want the gate next.
    if state_of(session, submission) not in ("awaiting_review", "needs_person"):
        raise taken_by_another(session, submission)
    decided = session.get(PendingRelease, submission.id, populate_existing=True)
    if decided is not None and decided.problem is None:
        raise ReviewProblem(f"{decided.reviewer.handle} decided this already. It can be taken back until it goes out.")
    return _give_back(session, link, submission, reviewer_id, words)


def expire(session: Session, submission: Submission) -> ReturnedWork:
    """Send work back that nobody got to; no score comes of it. Raises as `return_work`.

    Where the course is closed it waits on for a person: its learner could not send another attempt.
    """
    return _give_back(session, submission.resource_link, submission, None, "")


def _give_back(
    session: Session, link: ResourceLink, submission: Submission, reviewer_id: int | None, words: str
) -> ReturnedWork:
    lock_learner(session, link.id, submission.person_id)
    if deadlines_for(session, link, submission.person_id).stage(utc_now()) == "closed":
        raise ReviewProblem(
            "The course takes no work of this learner's any more. Grant them days in the settings first, or score it."
        )
    if (submission.person_id, submission.item_id) in first_rewrites(session, link, [submission.person_id]):
        # Nothing that is sent from here on counts, so the score would wait for an attempt that never comes.
        raise ReviewProblem("Its learner was shown a rewrite, so another take would be practice. Score this one.")
    if not jobs.return_judged(session, submission.id):
        raise taken_by_another(session, submission)
    row = ReturnedWork(submission_id=submission.id, reviewer_id=reviewer_id, words=words)
    session.add(row)
    session.flush()
    item = lesson_of(submission).item(submission.item_id)
    save_draft(session, link, submission.person_id, item, submission.text)
    return row


def take_again(session: Session, link: ResourceLink, submission: Submission) -> None:
    """Have returned work reviewed after all. ReviewProblem when its learner has sent another, or it is back already."""
    lock_learner(session, link.id, submission.person_id)
    if sent_since(session, submission):
        raise ReviewProblem("Its learner has sent another attempt since; that one is in the queue.")
    if not jobs.review_after_all(session, submission.id):
        raise ReviewProblem("It is in the queue already.")
    rank_all(session, [submission.id])


def returns_of(session: Session, submission: Submission) -> list[ReturnedWork]:
    """Every time this went back, the first one first."""
    found = select(ReturnedWork).where(ReturnedWork.submission_id == submission.id)
    return list(session.scalars(found.order_by(ReturnedWork.id)))


def sent_since(session: Session, submission: Submission) -> bool:
    """Whether the learner has sent a later attempt at the same question, and not taken it back."""
    later = (
        select(Submission.id)
        .outerjoin(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(
            Submission.resource_link_id == submission.resource_link_id,
            Submission.person_id == submission.person_id,
            Submission.item_id == submission.item_id,
            Submission.attempt > submission.attempt,
            jobs.is_handed_in(),
        )
    )
    return session.scalar(later.limit(1)) is not None


def came_back(session: Session, link: ResourceLink, person_id: int) -> Mapping[str, ReturnedWork]:
    """By question, what came back to a learner and was not answered by another attempt yet."""
    found = session.execute(
        select(Submission, ReturnedWork)
        .join(ReturnedWork, ReturnedWork.submission_id == Submission.id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(Submission.resource_link_id == link.id, Submission.person_id == person_id, Job.state == "returned")
        .order_by(ReturnedWork.id)
    ).all()
    return {sent.item_id: row for sent, row in found if not sent_since(session, sent)}

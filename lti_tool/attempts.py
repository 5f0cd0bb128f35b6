"""What a learner writes and sends: drafts, and submissions that are frozen and judged."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, defer

from lti_tool import jobs
from lti_tool.db import in_parts, utc_now
from lti_tool.deadlines import Deadlines, Stage, deadlines_for, granted_to
from lti_tool.language import gettext as _
from lti_tool.language import translated
from lti_tool.lesson import Item, Lesson
from lti_tool.lessons import Published, lesson_here, lesson_of, rubric_for
from lti_tool.locks import lock_learner
from lti_tool.models import Draft, Job, PendingRelease, Person, ResourceLink, Review, Submission
from rubrics.checks import send_problem
from rubrics.drawing import DrawingError, parse_drawing
from rubrics.model import Rubric

MAX_CHARACTERS = 40_000
GRACE_MINUTES = 10


class SendProblem(ValueError):
    """The text cannot be sent as it is; the message is shown beside the field, and the text is kept."""


class NoAttemptsLeft(SendProblem):
    """Every attempt at this item has been used."""


class NotOpen(SendProblem):
    """The course does not take this work yet, or no longer."""


@dataclass(frozen=True)
class Desk:
    """What a learner has before them at one item; `submissions` are those that stand."""

    item: Item
    rubric: Rubric
    text: str
    saved_at: datetime | None
    draft_id: int | None
    submissions: tuple[Submission, ...]
    attempts: int
    deadlines: Deadlines
    stage: Stage

    @property
    def attempts_left(self) -> int:
        """How many more times this item can be sent."""
        return max(0, self.attempts - len(self.submissions))

    @property
    def may_send(self) -> bool:
        """Whether it can be sent now: an attempt is left, and the course takes work."""
        return self.attempts_left > 0 and self.stage in ("open", "late")


def clean_text(text: str) -> str:
    """A text as it is stored: line ends as one newline each; nothing else is touched."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def text_hash(text: str) -> str:
    """SHA-256 (hex) of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def save_draft(session: Session, resource_link: ResourceLink, person_id: int, item: Item, text: str) -> Draft:
    """Keep a text as it stands; unchanged text is not kept twice. SendProblem if it is far too long."""
    text = clean_text(text)
    if len(text) > MAX_CHARACTERS:
        raise SendProblem(
            _(
                "%(number)d characters. The desk holds %(most)d. Copy your text, then cut.",
                number=len(text),
                most=MAX_CHARACTERS,
            )
        )
    if "\x00" in text:
        raise SendProblem(_("This holds bytes that are not text. Paste it as plain text."))
    latest = latest_draft(session, resource_link, person_id, item.id)
    if latest is not None and latest.text == text:
        return latest
    draft = Draft(resource_link_id=resource_link.id, person_id=person_id, item_id=item.id, text=text)
    session.add(draft)
    session.flush()
    return draft


def saved_elsewhere(
    session: Session, resource_link: ResourceLink, person_id: int, item_id: str, base: int | None, text: str
) -> Draft | None:
    """The newest draft where another window saved it since draft `base`, with other words than these."""
    latest = latest_draft(session, resource_link, person_id, item_id)
    if latest is None or base is None or latest.id <= base or latest.text == clean_text(text):
        return None
    return latest


def latest_draft(session: Session, resource_link: ResourceLink, person_id: int, item_id: str) -> Draft | None:
    """The newest draft of an item, if any."""
    return session.scalar(_drafts_of(resource_link, person_id, item_id).order_by(Draft.id.desc()).limit(1))


def drafts(session: Session, resource_link: ResourceLink, person_id: int, item_id: str, limit: int = 20) -> list[Draft]:
    """The newest drafts of an item, newest first."""
    found = _drafts_of(resource_link, person_id, item_id).order_by(Draft.id.desc()).limit(limit)
    return list(session.scalars(found))


def _drafts_of(resource_link: ResourceLink, person_id: int, item_id: str) -> Select[Draft]:
    return select(Draft).where(
        Draft.resource_link_id == resource_link.id, Draft.person_id == person_id, Draft.item_id == item_id
    )


def submissions(session: Session, resource_link: ResourceLink, person_id: int, item_id: str) -> tuple[Submission, ...]:
    """A learner's submissions to an item, first to last; one that was taken back is left out."""
    return tuple(sent for sent, withdrawn in _ever_sent(session, resource_link, person_id, item_id) if not withdrawn)


def _ever_sent(
    session: Session, resource_link: ResourceLink, person_id: int, item_id: str
) -> list[tuple[Submission, bool]]:
    found = (
        select(Submission, Job.state)
        .outerjoin(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(
            Submission.resource_link_id == resource_link.id,
            Submission.person_id == person_id,
            Submission.item_id == item_id,
        )
    )
    return [(sent, state in jobs.GONE) for sent, state in session.execute(found.order_by(Submission.attempt))]


def find_submission(
    session: Session, resource_link: ResourceLink, public_id: str, *, person_id: int | None = None
) -> Submission | None:
    """A submission of this placement by its public id; only the person's own where one is given."""
    found = select(Submission).where(Submission.public_id == public_id, Submission.resource_link_id == resource_link.id)
    if person_id is not None:
        found = found.where(Submission.person_id == person_id)
    return session.scalar(found)


def find_submissions(session: Session, resource_link: ResourceLink, public_ids: Sequence[str]) -> list[Submission]:
    """The submissions of this placement by their public ids, in this order; what is not of it is left out."""
    here = Submission.resource_link_id == resource_link.id
    found: dict[str, Submission] = {}
    for part in in_parts(public_ids):
        some = select(Submission).where(here, Submission.public_id.in_(part))
        found |= {sent.public_id: sent for sent in session.scalars(some.options(defer(Submission.text)))}
    return [found[one] for one in dict.fromkeys(public_ids) if one in found]


def attempts_allowed(session: Session, resource_link: ResourceLink, person_id: int, item: Item) -> int:
    """How often a learner may send an item: the placement's setting, else the lesson's, and what they were granted."""
    setting = resource_link.settings.get("attempts", {}).get(item.id)
    allowed = int(setting) if setting else item.attempts
    if not resource_link.settings.get("accommodations"):
        return allowed
    return allowed + granted_to(resource_link, session.get_one(Person, person_id).handle).extra_attempts


def desk(session: Session, resource_link: ResourceLink, person_id: int, published: Published, item_id: str) -> Desk:
    """What a learner has before them: the item, its rubric, the newest text, what was sent. KeyError: no such item."""
    item = published.lesson.item(item_id)
    _, rubric = rubric_for(session, published.version, item.rubric)
    draft = latest_draft(session, resource_link, person_id, item_id)
    sent = submissions(session, resource_link, person_id, item_id)
    text = draft.text if draft else (sent[-1].text if sent else "")
    deadlines = deadlines_for(session, resource_link, person_id)
    return Desk(
        item=item,
        rubric=rubric,
        text=text,
        saved_at=draft.saved_at if draft else None,
        draft_id=draft.id if draft else None,
        submissions=sent,
        attempts=attempts_allowed(session, resource_link, person_id, item),
        deadlines=deadlines,
        stage=deadlines.stage(utc_now()),
    )


def submit(session: Session, resource_link: ResourceLink, person_id: int, item_id: str, text: str) -> Submission:
    """Freeze a learner's text and enqueue its judging, in the caller's one transaction.

    The same text again returns the same submission. Raises SendProblem with the sentence to show.
    """
    published = lesson_here(session, resource_link)
    item = published.lesson.item(item_id)
    rubric_version, rubric = rubric_for(session, published.version, item.rubric)
    text = _sendable(item, rubric, clean_text(text))
    digest = text_hash(text.strip())  # blanks at the ends make no other text
    lock_learner(session, resource_link.id, person_id)
    sent = _ever_sent(session, resource_link, person_id, item_id)
    same = (digest, rubric_version.id)
    known = next((one for one in sent if (one[0].text_hash, one[0].rubric_version_id) == same), None)
    if known is not None and not known[1]:
        return known[0]
    due = _open_until(deadlines_for(session, resource_link, person_id))
    used = sum(1 for _, withdrawn in sent if not withdrawn)
    if used >= attempts_allowed(session, resource_link, person_id, item):
        raise NoAttemptsLeft(_("Every attempt is used. Your text is kept as a draft."))
    if known is not None:
        jobs.send_after_all(session, known[0])
        return known[0]
    submission = Submission(
        public_id=secrets.token_urlsafe(12),
        resource_link_id=resource_link.id,
        person_id=person_id,
        item_id=item_id,
        attempt=len(sent) + 1,
        text=text,
        text_hash=digest,
        lesson_version_id=published.version.id,
        rubric_version_id=rubric_version.id,
        due_at=due,
    )
    session.add(submission)
    session.flush()
    jobs.enqueue_judging(session, submission)
    return submission


def _open_until(deadlines: Deadlines) -> datetime | None:
    """When the work is due, if the course takes it now. Raises NotOpen."""
    stage = deadlines.stage(utc_now())
    if stage == "closed":
        raise NotOpen(_("This is closed. Your text is kept as a draft, to read and to take with you."))
    if stage == "before":
        raise NotOpen(_("This is not open yet. Your text is kept as a draft."))
    return deadlines.due


def withdraw_until(resource_link: ResourceLink, submission: Submission) -> datetime:
    """Until when a learner may take a submission back: the placement's minutes of grace after sending."""
    minutes = resource_link.settings.get("grace_minutes", GRACE_MINUTES)
    return submission.sent_at + timedelta(minutes=float(minutes))


def withdraw(session: Session, resource_link: ResourceLink, submission: Submission) -> None:
    """Take a submission back, so that it uses no attempt; its text becomes a draft again. Raises SendProblem.

    Only in the minutes of grace, and only before a person has decided about it.
    """
    if utc_now() > withdraw_until(resource_link, submission):
        raise SendProblem(_("Too late to take it back; the judge keeps it."))
    jobs.hold_gate(session, submission.id)
    if _is_decided(session, submission) or not jobs.withdraw_judging(session, submission.id):
        raise SendProblem(_("Somebody has opened it already. It stays sent."))
    item = lesson_of(submission).item(submission.item_id)
    save_draft(session, resource_link, submission.person_id, item, submission.text)


def _is_decided(session: Session, submission: Submission) -> bool:
    """Whether a person has decided about a submission, also where that takes effect later."""
    of_it = [
        select(Review.id).where(Review.submission_id == submission.id),
        # One that could not be carried out is no decision any more: the submission is back in the queue.
        select(PendingRelease.submission_id).where(
            PendingRelease.submission_id == submission.id, PendingRelease.problem.is_(None)
        ),
    ]
    return session.scalars(select(or_(*(found.exists() for found in of_it)))).one()


def _sendable(item: Item, rubric: Rubric, text: str) -> str:
    if item.kind == "hot_take":
        text = " ".join(text.split("\n")).strip()  # a newline is accepted as a space
    if item.kind == "drawing":
        try:
            drawing = parse_drawing(text)
        except DrawingError as error:
            raise SendProblem(translated(error)) from error
        if not drawing.nodes:
            raise SendProblem(_("There is no part yet. Add the first; most start with the runtime."))
        return text
    problem = send_problem(text, rubric)
    if problem:
        raise SendProblem(translated(problem))
    return text


def sent_items(session: Session, resource_link: ResourceLink, person_id: int, lesson: Lesson) -> dict[str, int]:
    """Item id to how many times the learner sent it, for every item of the lesson."""
    counts = session.execute(
        select(Submission.item_id, func.count().label("sent"))
        .outerjoin(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .where(
            Submission.resource_link_id == resource_link.id,
            Submission.person_id == person_id,
            jobs.is_handed_in(),
        )
        .group_by(Submission.item_id)
    )
    found = {row.item_id: row.sent for row in counts}
    return {item.id: found.get(item.id, 0) for item in lesson.items}

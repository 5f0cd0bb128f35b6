"""What a learner writes and sends: drafts, and submissions that are frozen and judged."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.lesson import Item, Lesson
from lti_tool.lessons import Published, current_lesson, rubric_for
from lti_tool.models import Draft, ResourceLink, Submission
from rubrics.checks import send_problem
from rubrics.drawing import DrawingError, parse_drawing
from rubrics.model import Rubric

MAX_CHARACTERS = 40_000
CLICK_PRIORITY = 10


class SendProblem(ValueError):
    """The text cannot be sent as it is; the message is shown beside the field, and the text is kept."""


class NoAttemptsLeft(SendProblem):
    """Every attempt at this item has been used."""


@dataclass(frozen=True)
class Desk:
    """What a learner has before them at one item."""

    item: Item
    rubric: Rubric
    text: str
    saved_at: datetime | None
    submissions: tuple[Submission, ...]
    attempts: int

    @property
    def attempts_left(self) -> int:
        """How many more times this item can be sent."""
        return max(0, self.attempts - len(self.submissions))


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
        raise SendProblem(f"{len(text)} characters. The desk holds {MAX_CHARACTERS}. Copy your text, then cut.")
    if "\x00" in text:
        raise SendProblem("This holds bytes that are not text. Paste it as plain text.")
    latest = latest_draft(session, resource_link, person_id, item.id)
    if latest is not None and latest.text == text:
        return latest
    draft = Draft(resource_link_id=resource_link.id, person_id=person_id, item_id=item.id, text=text)
    session.add(draft)
    session.flush()
    return draft


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
    """A learner's submissions to an item, first to last."""
    found = select(Submission).where(
        Submission.resource_link_id == resource_link.id,
        Submission.person_id == person_id,
        Submission.item_id == item_id,
    )
    return tuple(session.scalars(found.order_by(Submission.attempt)))


def find_submission(
    session: Session, resource_link: ResourceLink, public_id: str, *, person_id: int | None = None
) -> Submission | None:
    """A submission of this placement by its public id; only the person's own where one is given."""
    found = select(Submission).where(Submission.public_id == public_id, Submission.resource_link_id == resource_link.id)
    if person_id is not None:
        found = found.where(Submission.person_id == person_id)
    return session.scalar(found)


def attempts_allowed(resource_link: ResourceLink, item: Item) -> int:
    """How often an item may be sent: the placement's setting, else the lesson's."""
    setting = resource_link.settings.get("attempts", {}).get(item.id)
    return int(setting) if setting else item.attempts


def desk(session: Session, resource_link: ResourceLink, person_id: int, published: Published, item_id: str) -> Desk:
    """What a learner has before them: the item, its rubric, the newest text, what was sent. KeyError: no such item."""
    item = published.lesson.item(item_id)
    _, rubric = rubric_for(session, published.version, item.rubric)
    draft = latest_draft(session, resource_link, person_id, item_id)
    sent = submissions(session, resource_link, person_id, item_id)
    text = draft.text if draft else (sent[-1].text if sent else "")
    return Desk(item, rubric, text, draft.saved_at if draft else None, sent, attempts_allowed(resource_link, item))


def submit(session: Session, resource_link: ResourceLink, person_id: int, item_id: str, text: str) -> Submission:
    """Freeze a learner's text and enqueue its judging, in the caller's one transaction.

    The same text again returns the same submission. Raises SendProblem with the sentence to show.
    """
    published = current_lesson(session, resource_link.lesson_slug)
    item = published.lesson.item(item_id)
    rubric_version, rubric = rubric_for(session, published.version, item.rubric)
    text = _sendable(item, rubric, clean_text(text))
    digest = text_hash(text.strip())  # blanks at the ends make no other text
    _lock_learner(session, resource_link, person_id)
    sent = submissions(session, resource_link, person_id, item_id)
    for earlier in sent:
        if earlier.text_hash == digest and earlier.rubric_version_id == rubric_version.id:
            return earlier
    if len(sent) >= attempts_allowed(resource_link, item):
        raise NoAttemptsLeft("Every attempt is used. Your text is kept as a draft.")
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
    )
    session.add(submission)
    session.flush()
    jobs.enqueue_judging(session, submission, priority=CLICK_PRIORITY)
    return submission


def _sendable(item: Item, rubric: Rubric, text: str) -> str:
    if item.kind == "hot_take":
        text = " ".join(text.split("\n")).strip()  # a newline is accepted as a space
    if item.kind == "drawing":
        try:
            drawing = parse_drawing(text)
        except DrawingError as error:
            raise SendProblem(str(error)) from error
        if not drawing.nodes:
            raise SendProblem("There is no part yet. Add the first; most start with the runtime.")
        return text
    problem = send_problem(text, rubric)
    if problem:
        raise SendProblem(problem)
    return text


def _lock_learner(session: Session, resource_link: ResourceLink, person_id: int) -> None:
    # Two tabs that send at once must not take the same attempt number; SQLite writers are alone anyway.
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(resource_link.id, person_id)))


def sent_items(session: Session, resource_link: ResourceLink, person_id: int, lesson: Lesson) -> dict[str, int]:
    """Item id to how many times the learner sent it, for every item of the lesson."""
    counts = session.execute(
        select(Submission.item_id, func.count().label("sent"))
        .where(Submission.resource_link_id == resource_link.id, Submission.person_id == person_id)
        .group_by(Submission.item_id)
    )
    found = {row.item_id: row.sent for row in counts}
    return {item.id: found.get(item.id, 0) for item in lesson.items}

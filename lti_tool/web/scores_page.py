"""The scores of a placement, learner by learner: ours, the message to the course, and what the course said back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.blind_draws import is_pending
from lti_tool.jobs import GONE, JUDGE, MAX_TRIES
from lti_tool.lesson import Lesson
from lti_tool.lessons import lesson_here
from lti_tool.models import Job, LessonScore, Passback, Person, ResourceLink, Submission
from lti_tool.platforms import rules_for
from lti_tool.reconcile import is_empty, is_other
from lti_tool.review_queue import count_to_review
from lti_tool.roster import RosterRow, roster_of
from lti_tool.scores import Standing, lesson_standings
from lti_tool.web.queue_page import learner
from rubrics.scoring import display

ANSWER_CHARACTERS = 200
_WAITS: Mapping[str, str] = {
    "awaiting_review": "with you",
    "needs_person": "with you",
    "queued": "with the judge",
    "running": "with the judge",
    "withdrawn": "withdrawn",
    "returned": "sent back",
}
_WAITS_ORDER = ("with you", "with the judge", "not sent", "sent back", "withdrawn")
_NEAREST = ("awaiting_review", "needs_person", "running", "queued", "returned", "withdrawn")


@dataclass(frozen=True)
class Message:
    """A message's state as the table says it."""

    words: str
    mark: str
    tone: str = ""


@dataclass(frozen=True)
class ScoreRow:
    """One learner: our score, what still waits, the newest message and what the course answered.

    `blind` is whether something of theirs is still to be scored blind; then no points are told, ours or the course's.
    """

    handle: str
    learner: str
    score: float | None
    before: float | None
    scored_at: datetime | None
    waits: Mapping[str, list[str]]
    message: str
    mark: str
    tone: str
    course: str
    course_tone: str
    trouble: str
    next_try: datetime | None
    at: datetime | None
    passback_id: int | None
    state: str
    blind: bool = False

    @property
    def needs_somebody(self) -> bool:
        """Whether the course refused the score, or shows something else."""
        return bool(self.trouble)


@dataclass(frozen=True)
class ScoresPage:
    """Everything the page of scores shows."""

    rows: tuple[ScoreRow, ...]
    waiting: int
    compared_at: datetime | None = None

    @property
    def sent(self) -> int:
        """How many learners' scores the course has."""
        return sum(row.state == "sent" and (row.score is not None or row.blind) for row in self.rows)

    @property
    def on_the_way(self) -> int:
        """How many messages are not settled yet."""
        return sum(row.state in ("waiting", "unknown") for row in self.rows)

    @property
    def refused(self) -> tuple[ScoreRow, ...]:
        """The rows whose message the course did not take."""
        return tuple(row for row in self.rows if row.state == "refused")

    @property
    def differing(self) -> tuple[ScoreRow, ...]:
        """The rows whose score the course took, and does not show."""
        return tuple(row for row in self.rows if row.trouble and row.state == "sent")

    @property
    def troubles(self) -> tuple[ScoreRow, ...]:
        """The rows that somebody should look at."""
        return (*self.refused, *self.differing)


def scores_page(session: Session, resource_link: ResourceLink, names: bool) -> ScoresPage:
    """Every learner of the course: those who have sent anything, then those on the roster who have not."""
    lesson = lesson_here(session, resource_link).lesson
    states = _states(session, resource_link)
    people = session.scalars(select(Person).where(Person.id.in_(states)).order_by(Person.handle))
    messages, scores = _newest_messages(session, resource_link), _scores(session, resource_link)
    standings = lesson_standings(session, resource_link, states)
    stays, blind = rules_for(resource_link.platform_family).override_stays, _blind(session, resource_link)
    rows = []
    for person in people:
        waits = _waits(lesson, standings[person.id], states[person.id])
        own = scores.get(person.id, [])
        row = _row(learner(person, names), person.handle, own, waits, messages.get(person.id), stays)
        rows.append(_without_points(row) if person.id in blind else row)
    rows += [
        _nothing_sent(row.name or row.handle if names else row.handle, row.handle)
        for row in _silent(session, resource_link)
    ]
    return ScoresPage(tuple(rows), count_to_review(session, resource_link), _compared_at(messages))


def _blind(session: Session, resource_link: ResourceLink) -> set[int]:
    """Ids of the people of whom something is still to be scored blind."""
    found = (
        select(Submission.person_id)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == JUDGE))
        .where(Submission.resource_link_id == resource_link.id, is_pending(), Job.state.not_in(GONE))
    )
    return set(session.scalars(found))


def _without_points(row: ScoreRow) -> ScoreRow:
    """The same row, with every word and number taken out that tells how the work was scored."""
    told = row.course if row.course in ("", "no score", "unknown", "submitted", "accepted") else "accepted"
    trouble = "" if row.state == "sent" else row.trouble
    return replace(row, score=None, before=None, course=told, course_tone="", trouble=trouble, blind=True)


def _silent(session: Session, resource_link: ResourceLink) -> list[RosterRow]:
    """The learners whom the course lists and who have sent nothing here."""
    return [row for row in roster_of(session, resource_link).rows if row.is_missing]


def _nothing_sent(shown: str, handle: str) -> ScoreRow:
    return ScoreRow(
        handle=handle,
        learner=shown,
        score=None,
        before=None,
        scored_at=None,
        waits={},
        message="has sent nothing",
        mark="[ ]",
        tone="",
        course="",
        course_tone="",
        trouble="",
        next_try=None,
        at=None,
        passback_id=None,
        state="",
    )


def _compared_at(messages: Mapping[int, tuple[Passback, Job | None]]) -> datetime | None:
    """When an instructor last had the gradebook compared."""
    times = [
        message.read_back["at"] for message, _ in messages.values() if message.read_back and "at" in message.read_back
    ]
    return datetime.fromisoformat(max(times)) if times else None


def _row(
    shown: str,
    handle: str,
    scores: list[LessonScore],
    waits: Mapping[str, list[str]],
    sending: tuple[Passback, Job | None] | None,
    override_stays: bool,
) -> ScoreRow:
    passback, job = sending or (None, None)
    newest = scores[-1] if scores else None
    message = _message(passback, job) if passback else _no_message(newest, waits)
    return ScoreRow(
        handle=handle,
        learner=shown,
        score=newest.given if newest else None,
        before=scores[-2].given if len(scores) > 1 else None,
        scored_at=newest.scored_at if newest else None,
        waits=waits,
        message=message.words,
        mark=message.mark,
        tone=message.tone,
        course=_course(passback),
        course_tone="warn" if passback and is_other(passback) else "",
        trouble=_trouble(passback, override_stays) if passback else "",
        next_try=_next_try(passback, job),
        at=(passback.settled_at or passback.created_at) if passback else None,
        passback_id=passback.id if passback else None,
        state=passback.state if passback else "",
    )


def _trouble(passback: Passback, override_stays: bool) -> str:
    """Why a score does not stand in the course's gradebook, in words; "" where it does, or may."""
    if passback.state == "refused":
        said = (passback.answer or "")[:ANSWER_CHARACTERS].rstrip(".")
        why = f"did not reach the gradebook{f': {said}' if said else ''}"
        return f"{why}. Nothing is lost; the score is kept here."
    if not is_other(passback):
        return ""
    if is_empty(passback.read_back):
        return (
            "has no score in the course, although it took one. Somebody cleared it there, or the column was made anew."
        )
    shows = f"stands at {_course(passback)} in the course, not at what was sent. Somebody typed that in there"
    return f"{shows}; it stays until they clear it." if override_stays else f"{shows}; sending again may replace it."


def _message(passback: Passback, job: Job | None) -> Message:
    tries = job.tries if job else 0
    if passback.state == "waiting":
        return (
            Message(f"sending, try {tries} of {MAX_TRIES}", "[>]", "st-now")
            if tries
            else Message("waits to be sent", "[ ]")
        )
    told = "handed-in work told" if passback.kind == "submitted" else "sent again" if passback.sequence > 1 else "sent"
    known = {
        "sent": Message(told, "[x]", "st-x"),
        "unknown": Message("no answer: comparing", "[!]", "st-warn"),
        "overtaken": Message("overtaken by a newer message", "[x]", "st-x"),
        "refused": Message("given up" if tries >= MAX_TRIES else "the course refused", "[!]", "st-bad"),
    }
    return known[passback.state]


def _no_message(score: LessonScore | None, waits: Mapping[str, list[str]]) -> Message:
    if score is not None:
        return Message("no message yet", "[ ]")
    if "with you" in waits:
        return Message("waits for you", "[ ]")
    return Message("waits for the judge" if "with the judge" in waits else "not complete", "[ ]")


def _course(passback: Passback | None) -> str:
    if passback is None:
        return ""
    back: Mapping[str, Any] = passback.read_back or {}
    if passback.state == "sent" and passback.kind == "released" and is_empty(passback.read_back):
        return "no score"
    if back.get("resultScore") is not None:
        return f"{display(float(back['resultScore']))} / {display(float(back.get('resultMaximum') or 1))}"
    if passback.state == "unknown":
        return "unknown"
    if passback.state != "sent":
        return ""
    return "submitted" if passback.kind == "submitted" else "accepted"


def _next_try(passback: Passback | None, job: Job | None) -> datetime | None:
    return job.next_try_at if passback and job and passback.state == "waiting" and job.tries else None


def _newest_messages(session: Session, resource_link: ResourceLink) -> dict[int, tuple[Passback, Job | None]]:
    """Person id to the newest message about them, with the job that sends it."""
    found = session.execute(
        select(Passback, Job)
        .outerjoin(Job, (Job.passback_id == Passback.id) & (Job.kind == "send_score"))
        .where(Passback.resource_link_id == resource_link.id)
        .order_by(Passback.timestamp)
    )
    return {passback.person_id: (passback, job) for passback, job in found}


def _scores(session: Session, resource_link: ResourceLink) -> dict[int, list[LessonScore]]:
    """Person id to their lesson scores, oldest first."""
    found = select(LessonScore).where(LessonScore.resource_link_id == resource_link.id)
    scores: dict[int, list[LessonScore]] = {}
    for score in session.scalars(found.order_by(LessonScore.sequence)):
        scores.setdefault(score.person_id, []).append(score)
    return scores


def _states(session: Session, resource_link: ResourceLink) -> dict[int, dict[str, str]]:
    """Person id to item id to the judging state nearest to the instructor, over every attempt."""
    found = session.execute(
        select(Submission.person_id, Submission.item_id, Job.state)
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == "judge"))
        .where(Submission.resource_link_id == resource_link.id)
    )
    states: dict[int, dict[str, str]] = {}
    for person_id, item_id, state in found:
        items = states.setdefault(person_id, {})
        items[item_id] = _nearest({state, items.get(item_id, state)})
    return states


def _nearest(states: Iterable[str]) -> str:
    known = set(states)
    return next((state for state in _NEAREST if state in known), "done")


def _waits(lesson: Lesson, standing: Standing, states: Mapping[str, str]) -> dict[str, list[str]]:
    """What the lesson score still waits for: {"with you": ["The pitch"], "not sent": ["Q1", "Q2"]}."""
    waits: dict[str, list[str]] = {}
    for item in lesson.items:
        if standing.weights.get(item.id) and standing.parts.get(item.id) is None:
            waits.setdefault(_WAITS.get(states.get(item.id, ""), "not sent"), []).append(item.title)
    return {words: waits[words] for words in _WAITS_ORDER if words in waits}

"""The coach's reply to a hot-take: rows that the executor appends to the take's job, and that the page reads.

`coach` rows hold pieces of the first line as they come; one last row ends it: `rewrote` (a rewrite was shown),
`coached` (none was), or `coach_out`. Whatever happens here, the take is judged and counts as before.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.db import utc_now
from lti_tool.models import Job, JobEvent, ResourceLink, Submission
from lti_tool.results import newest_judgement

PIECE = "coach"
COACHED = "coached"
REWROTE = "rewrote"
OUT = "coach_out"
ENDS = (COACHED, REWROTE, OUT)
STAGES = (PIECE, *ENDS)
PATIENCE = timedelta(seconds=60)  # after the sheet; a coach that is not done by then is out

State = Literal["waiting", "speaking", "done", "out"]


@dataclass(frozen=True)
class Coaching:
    """How far the coach is with a take."""

    state: State
    why: str = ""
    rewrite: str = ""
    question: str = ""
    withheld: str = ""
    missed: tuple[str, ...] = ()
    model: str = ""

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return self.state in ("waiting", "speaking")


def coaching_of(session: Session, submission: Submission) -> Coaching:
    """The coach's reply to a take as far as it has come."""
    rows = list(
        session.scalars(
            select(JobEvent)
            .join(Job, Job.id == JobEvent.job_id)
            .where(Job.kind == jobs.JUDGE, Job.submission_id == submission.id, JobEvent.stage.in_(STAGES))
            .order_by(JobEvent.id)
        )
    )
    end = next((row for row in rows if row.stage in ENDS), None)
    if end is not None:
        return _ended(end)
    pieces = _newest_pieces(rows)
    if _given_up(session, submission):
        return Coaching("out")
    return Coaching("speaking", why="".join(pieces)) if pieces else Coaching("waiting")


def _ended(row: JobEvent) -> Coaching:
    if row.stage == OUT:
        return Coaching("out")
    said = row.detail
    return Coaching(
        "done",
        why=str(said.get("why", "")),
        rewrite=str(said.get("rewrite", "")),
        question=str(said.get("question", "")),
        withheld=str(said.get("withheld", "")),
        missed=tuple(map(str, said.get("missed", ()))),
        model=str(said.get("model", "")),
    )


def _newest_pieces(rows: Collection[JobEvent]) -> list[str]:
    """What was said since the coach last began: a try that broke off said its pieces for nothing."""
    pieces: list[str] = []
    for row in rows:
        if row.detail.get("begins"):
            pieces = []
        pieces.append(str(row.detail.get("text", "")))
    return pieces


def _given_up(session: Session, submission: Submission) -> bool:
    judgement = newest_judgement(session, submission)
    return judgement is not None and utc_now() - judgement.created_at > PATIENCE


# ---- what the executor writes ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """A take that the coach has not replied to, and the job its rows belong to."""

    job_id: int
    submission: Submission = field(compare=False)


def due(session: Session, submission_id: int) -> Due | None:
    """The take with this id if the coach still has to reply to it."""
    job = session.scalar(select(Job).where(Job.kind == jobs.JUDGE, Job.submission_id == submission_id))
    if job is None or job.submission is None:
        return None
    ended = select(JobEvent.id).where(JobEvent.job_id == job.id, JobEvent.stage.in_(ENDS)).limit(1)
    return None if session.scalar(ended) is not None else Due(job.id, job.submission)


def say(session: Session, job_id: int, text: str, *, begins: bool) -> None:
    """A piece of the reply's first line."""
    jobs.add_event(session, job_id, PIECE, text=text, **({"begins": True} if begins else {}))


def reply(session: Session, job_id: int, said: Mapping[str, Any], mark: str = "") -> None:
    """The whole reply; from here on, further takes are practice if a rewrite is in it.

    `mark` is the fingerprint of the answer that it was read from, so that the answer is erased with the take.
    """
    jobs.add_event(session, job_id, REWROTE if said.get("rewrite") else COACHED, **said, mark=mark)


def marks_of(session: Session, resource_link_id: int, person_id: int) -> set[str]:
    """The fingerprints of the answers that the coach's replies to a learner in a placement were read from."""
    mark = JobEvent.detail["mark"].as_string()
    found = (
        select(mark)
        .join(Job, Job.id == JobEvent.job_id)
        .join(Submission, Submission.id == Job.submission_id)
        .where(
            JobEvent.stage.in_((COACHED, REWROTE)),
            Submission.resource_link_id == resource_link_id,
            Submission.person_id == person_id,
        )
    )
    return {one for one in session.scalars(found) if one}


def is_out(session: Session, job_id: int) -> None:
    """The coach cannot reply; the take is judged all the same."""
    jobs.add_event(session, job_id, OUT)


# ---- what counts -----------------------------------------------------------------------------------------------


def first_rewrites(
    session: Session, resource_link: ResourceLink, person_ids: Collection[int]
) -> dict[tuple[int, str], datetime]:
    """(Person id, item id) to when a rewrite was first shown there, also of a take that was taken back."""
    rows = session.execute(
        select(Submission.person_id, Submission.item_id, func.min(JobEvent.at))
        .join(Job, (Job.submission_id == Submission.id) & (Job.kind == jobs.JUDGE))
        .join(JobEvent, (JobEvent.job_id == Job.id) & (JobEvent.stage == REWROTE))
        .where(Submission.resource_link_id == resource_link.id, Submission.person_id.in_(person_ids))
        .group_by(Submission.person_id, Submission.item_id)
    )
    return {(person_id, item_id): at for person_id, item_id, at in rows}


def is_practice(session: Session, submission: Submission) -> bool:
    """Whether a take was sent after a rewrite was shown, so that it does not count."""
    shown = first_rewrites(session, submission.resource_link, [submission.person_id])
    at = shown.get((submission.person_id, submission.item_id))
    return at is not None and submission.sent_at > at

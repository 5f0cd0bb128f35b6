"""Reading again what was drawn: a person's sheet without the judge's, and what all readings say of a gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.lessons import rubric_of
from lti_tool.models import BlindReading, GateDraw, InstalledGate, Release, Review, Submission
from lti_tool.reviews import ReviewProblem
from rubrics.gate_file import Gate, read_gate_file
from rubrics.model import Rubric
from rubrics.scoring import item_points


@dataclass(frozen=True)
class Audited:
    """One sheet that a gate released: how likely it was to be read again, and what the reading said."""

    submission: Submission
    confidence: float | None
    probability: float
    base: float
    drawn: bool
    lost: bool | None
    overridden: bool
    released_at: datetime
    read_at: datetime | None


def read_blind(session: Session, submission: Submission, reader_id: int, levels: Mapping[str, int]) -> BlindReading:
    """Keep a person's sheet on a drawn submission, given without the judge's; the first one stands.

    ReviewProblem where it was not drawn, was read before, has a level missing, or the reader has decided about it.
    """
    drawn = session.scalar(
        select(GateDraw)
        .where(GateDraw.submission_id == submission.id, GateDraw.blind.is_(True) | GateDraw.audited.is_(True))
        .order_by(GateDraw.id.desc())
        .limit(1)
    )
    if drawn is None:
        raise ReviewProblem("This was not drawn for a blind reading.")
    decided = select(Review.id).where(Review.submission_id == submission.id, Review.reviewer_id == reader_id)
    if session.scalar(decided.limit(1)) is not None:
        raise ReviewProblem("You have seen the judge's sheet on this one. Somebody else reads it.")
    for criterion in rubric_of(submission).criteria:
        level = levels.get(criterion.id)
        if level is None:
            raise ReviewProblem(f"{criterion.title} has no level yet.")
        if not 0 <= level <= criterion.top:
            raise ReviewProblem(f"{criterion.title} goes from 0 to {criterion.top}.")
    known = {criterion.id: levels[criterion.id] for criterion in rubric_of(submission).criteria}
    reading = BlindReading(gate_draw_id=drawn.id, reader_id=reader_id, levels=known)
    try:
        with session.begin_nested():
            session.add(reading)
    except IntegrityError:
        raise ReviewProblem("Somebody has read this one already.") from None
    return reading


def audit_of(session: Session, row: InstalledGate) -> list[Audited]:
    """Everything that a gate released, in order, with what was read again and what people changed."""
    gate = read_gate_file(row.file).gate
    found = session.execute(
        select(GateDraw, Submission)
        .join(Submission, Submission.id == GateDraw.submission_id)
        .where(GateDraw.gate_id == row.id, GateDraw.released.is_(True))
        .order_by(GateDraw.id)
    ).all()
    drawn = select(GateDraw.id).where(GateDraw.gate_id == row.id)
    of_gate = select(GateDraw.submission_id).where(GateDraw.gate_id == row.id, GateDraw.released.is_(True))
    readings = {
        one.gate_draw_id: one
        for one in session.scalars(select(BlindReading).where(BlindReading.gate_draw_id.in_(drawn)))
    }
    releases: dict[int, list[Release]] = {}
    for release in session.scalars(
        select(Release).where(Release.submission_id.in_(of_gate)).order_by(Release.sequence)
    ):
        releases.setdefault(release.submission_id, []).append(release)
    return [
        _audited(gate, draw, submission, releases.get(submission.id, []), readings.get(draw.id))
        for draw, submission in found
    ]


def _audited(
    gate: Gate, draw: GateDraw, submission: Submission, releases: Sequence[Release], reading: BlindReading | None
) -> Audited:
    rubric = rubric_of(submission)
    own = next((one for one in releases if one.review_id is None), None)
    # A sheet that was judged again is another one: what it says is nobody's word on this one.
    of_this = [one for one in releases if own is not None and one.judgement_id == own.judgement_id]
    newest = of_this[-1] if of_this else None

    def lost(levels: Mapping[str, int]) -> bool:
        return own is not None and is_loss(gate, rubric, own.levels, levels, own.graph_points)

    changed = newest is not None and newest is not own and lost(newest.levels)
    return Audited(
        submission=submission,
        confidence=draw.confidence,
        probability=draw.audit_probability,
        base=draw.audit_base,
        drawn=draw.audited,
        lost=lost(reading.levels) if reading is not None and draw.audited else None,
        overridden=changed,
        released_at=draw.at,
        read_at=reading.read_at if reading is not None else None,
    )


def is_loss(
    gate: Gate,
    rubric: Rubric,
    judge: Mapping[str, int],
    person: Mapping[str, int],
    graph_points: float | None,
) -> bool:
    """Whether the judge's sheet is a loss beside a person's, by the gate's own declaration."""
    if gate.loss.kind == "criteria":
        return gate.loss.of_sheets(judge, person)
    given, meant = (item_points(rubric, levels, graph_points) for levels in (judge, person))
    if given is None or meant is None:
        return False
    return gate.loss.of_scores(given, [meant], gate.scale)

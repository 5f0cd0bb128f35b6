"""Gate files on placements: installed once, checked on every use, closed by whatever differs.

Nothing here decides about one sheet; `lti_tool/gate_release.py` does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.calibration_runs import tried
from lti_tool.db import utc_now
from lti_tool.gate_keys import public_key
from lti_tool.lessons import UnknownLesson, lesson_here, rubric_for
from lti_tool.models import Audit, GateEvent, InstalledGate, JudgementRow, ResourceLink, Submission
from rubrics.gate_file import (
    Gate,
    GateFileError,
    JudgeIdentity,
    SignedGate,
    file_digest,
    placement_digest,
    read_gate_file,
    verify,
)
from rubrics.losses import POINTS

POLICY = "gate"  # the value of the placement's setting `release`
NONE_INSTALLED = "No gate is installed for this question."


class GateProblem(ValueError):
    """A gate file that can't be installed, in one sentence."""


@dataclass(frozen=True)
class GateStatus:
    """How one question of a placement stands: whether a gate releases its sheets, and a sentence that says it."""

    item_id: str
    title: str
    open: bool
    sentence: str
    gate_id: int | None = None
    gate: Gate | None = None
    installed_at: datetime | None = None
    by: str = ""


def placement_of(link: ResourceLink) -> str:
    """The name of a placement in gate files; it does not change while the course keeps it."""
    registration = link.deployment.registration
    return placement_digest(registration.issuer, registration.client_id, link.deployment.lms_id, link.lms_id)


# ---- installing --------------------------------------------------------------------------------------------------


def install(
    session: Session, link: ResourceLink, text: str, by: str = "", now: datetime | None = None
) -> InstalledGate:
    """Put a signed gate file on a placement; the same file again changes nothing.

    GateProblem says why it would not release anything there.
    """
    try:
        signed = read_gate_file(text)
        _check_file(session, link, signed, now or utc_now())
    except GateFileError as error:
        raise GateProblem(str(error)) from None
    if not signed.gate.releases:
        first = next(iter(signed.gate.prompts.values()), None)
        raise GateProblem(f"This gate releases nothing. {first.why if first else ''}".strip())
    if why := _unusable(session, link, signed.gate):
        raise GateProblem(why)
    digest = file_digest(text)
    _refuse_before_alarm(session, link, signed.gate)
    _refuse_attempt_made_before(session, link, signed.gate, digest)
    newest = newest_gate(session, link, signed.gate.rubric_id)
    known = select(InstalledGate).where(InstalledGate.resource_link_id == link.id, InstalledGate.file_digest == digest)
    for same in session.scalars(known):
        if closed := closing(session, same):
            raise GateProblem(f"This gate was closed and stays so: {closed.sentence} Calibrate anew.")
        if newest is not None and same.id == newest.id:
            return same
    row = InstalledGate(resource_link_id=link.id, rubric_id=signed.gate.rubric_id, file=text, file_digest=digest, by=by)
    session.add(row)
    session.add(Audit(kind="gate", code="installed", detail={"digest": digest, "by": by, "placement": link.id}))
    session.flush()
    return row


def _refuse_before_alarm(session: Session, link: ResourceLink, gate: Gate) -> None:
    """What was calibrated before an alarm can't answer it, whatever it says."""
    newest = newest_gate(session, link, gate.rubric_id)
    event = closing(session, newest) if newest is not None else None
    if event is not None and event.kind == "alarm" and gate.issued_at <= event.at:
        raise GateProblem(f"This gate was calibrated before the alarm of {event.at:%Y-%m-%d}. Calibrate anew.")


def _refuse_attempt_made_before(session: Session, link: ResourceLink, gate: Gate, digest: str) -> None:
    """Whoever tries until a gate opens pays for each try: its number lies above all that are known here."""
    known = tried(session, link.id, [name for name, one in gate.prompts.items() if one.threshold is not None])
    installed = select(InstalledGate).where(
        InstalledGate.resource_link_id == link.id, InstalledGate.rubric_id == gate.rubric_id
    )
    for row in session.scalars(installed):
        earlier = read_gate_file(row.file).gate
        if row.file_digest != digest and earlier.attempt and set(earlier.prompts) & set(gate.prompts):
            known[earlier.attempt.test] = earlier.attempt.number
    ours = gate.attempt
    if ours is None or known.get(ours.test) == ours.number:
        return
    if known and ours.number <= max(known.values()):
        most = max(known.values())
        raise GateProblem(
            f"This gate is signed as attempt {ours.number}, but {most} {'is' if most == 1 else 'are'} known here for "
            f"its questions. Calibrate with --attempt {most + 1}."
        )


def close_gate(
    session: Session,
    gate: InstalledGate,
    sentence: str,
    *,
    alarm: bool = False,
    by: str = "",
    detail: Mapping[str, Any] | None = None,
) -> GateEvent:
    """Close an installed gate for good; a second closing changes nothing. Only another calibration opens it again."""
    known = closing(session, gate)
    if known is not None:
        return known
    event = GateEvent(
        gate_id=gate.id, kind="alarm" if alarm else "closed", sentence=sentence, detail=dict(detail or {}), by=by
    )
    session.add(event)
    session.add(Audit(kind="gate", code=event.kind, detail={"gate": gate.id, "by": by}))
    session.flush()
    return event


def newest_gate(session: Session, link: ResourceLink, rubric_id: str) -> InstalledGate | None:
    """The gate that counts for a rubric on a placement, open or not."""
    found = select(InstalledGate).where(InstalledGate.resource_link_id == link.id, InstalledGate.rubric_id == rubric_id)
    return session.scalar(found.order_by(InstalledGate.id.desc()).limit(1))


def newest_gates(session: Session) -> list[InstalledGate]:
    """The gate that counts, for every placement and rubric that has one."""
    rows = session.scalars(select(InstalledGate).order_by(InstalledGate.id))
    return list({(row.resource_link_id, row.rubric_id): row for row in rows}.values())


def closing(session: Session, gate: InstalledGate) -> GateEvent | None:
    """What closed a gate, if anything did."""
    return session.scalar(select(GateEvent).where(GateEvent.gate_id == gate.id).order_by(GateEvent.id).limit(1))


# ---- checking ----------------------------------------------------------------------------------------------------


def believed(session: Session, row: InstalledGate, now: datetime | None = None) -> Gate:
    """What an installed file says, after everything about it was checked once more; GateProblem says what closes it.

    The file is read from its row each time: signature, key, placement and expiry are not taken from a former look.
    """
    if event := closing(session, row):
        raise GateProblem(f"The gate is closed. {event.sentence}")
    try:
        signed = read_gate_file(row.file)
        _check_file(session, row.resource_link, signed, now or utc_now())
    except GateFileError as error:
        raise GateProblem(str(error)) from None
    return signed.gate


def judge_problem(gate: Gate, judgement: JudgementRow) -> str | None:
    """Why a sheet is not by the judge that was measured, or None."""
    if judgement.identity is None:
        return "It is not known which judge filled in this sheet."
    differs = gate.judge.difference(JudgeIdentity.model_validate(judgement.identity))
    return None if differs is None else f"The gate is for another judge: {differs}."


def rubric_problem(gate: Gate, digest: str) -> str | None:
    """Why a sheet is not on the rubric that was measured, or None."""
    return None if gate.rubric_digest == digest else "The rubric has changed since the gate was calibrated."


def _check_file(session: Session, link: ResourceLink, signed: SignedGate, now: datetime) -> None:
    """GateFileError unless a registered key signed this for this placement, and it has not expired."""
    public = public_key(session, signed.key)
    if public is None:
        raise GateFileError("No admin has registered the key that signed this gate, or it was removed.")
    verify(signed, public)
    gate = signed.gate
    if placement_of(link) not in gate.placements:
        raise GateFileError("The gate was calibrated for another placement.")
    if now >= gate.expires_at:
        raise GateFileError(f"The gate expired on {gate.expires_at:%Y-%m-%d}; calibrate anew.")
    if why := gate.attempt_problem:
        raise GateFileError(why)
    if gate.issued_at > now:
        raise GateFileError("The gate is from the future; a clock is wrong.")


def _unusable(session: Session, link: ResourceLink, gate: Gate) -> str | None:
    """Why this lesson has nothing that the gate speaks of, or None."""
    digests = _digests(session, link)
    if gate.rubric_id not in digests:
        return f"This lesson has no rubric {gate.rubric_id}."
    if why := rubric_problem(gate, digests[gate.rubric_id]):
        return why
    items = {item.id for item in lesson_here(session, link).lesson.items if item.rubric == gate.rubric_id}
    if not items & set(gate.prompts):
        return (
            f"The gate speaks of {', '.join(gate.prompts) or 'nothing'}; this lesson asks {', '.join(sorted(items))}."
        )
    if gate.loss.kind != "criteria" and (gate.scale.minimum, gate.scale.maximum) != (POINTS.minimum, POINTS.maximum):
        return f"The gate speaks of scores from {gate.scale.minimum:g} to {gate.scale.maximum:g}, not of points to 100."
    if gate.loss.kind == "outside":
        return "The gate's loss compares with two people; here one person reads again. Declare another loss."
    return None


def _digests(session: Session, link: ResourceLink) -> Mapping[str, str]:
    """The digest of each rubric of the lesson as the placement shows it; none without a lesson."""
    try:
        published = lesson_here(session, link)
    except UnknownLesson:
        return {}
    return {
        rubric_id: rubric_for(session, published.version, rubric_id)[0].content_hash
        for rubric_id in published.lesson.rubric_ids
    }


# ---- telling -----------------------------------------------------------------------------------------------------


def gate_status(session: Session, link: ResourceLink, now: datetime | None = None) -> list[GateStatus]:
    """Every question of a placement, and how its gate stands, in a sentence for the instructor."""
    digests = _digests(session, link)
    return [
        _status(session, link, item.id, item.title, item.rubric, digests, now or utc_now())
        for item in lesson_here(session, link).lesson.items
    ]


def _status(
    session: Session,
    link: ResourceLink,
    item_id: str,
    title: str,
    rubric_id: str,
    digests: Mapping[str, str],
    now: datetime,
) -> GateStatus:
    row = newest_gate(session, link, rubric_id)
    if row is None:
        return GateStatus(item_id, title, False, NONE_INSTALLED)
    gate: Gate | None = None
    try:
        gate = believed(session, row, now)
        why = rubric_problem(gate, digests[rubric_id]) or prompt_problem(gate, item_id)
        why = why or _newest_judge_problem(session, link, item_id, gate)
        sentence = why or promise_of(gate, item_id)
    except GateProblem as problem:
        why = sentence = str(problem)
    return GateStatus(item_id, title, why is None, sentence, row.id, gate, row.installed_at, row.by)


def promise_of(gate: Gate, item_id: str) -> str:
    """What an open gate does, in a sentence an instructor can act on."""
    one = gate.prompts[item_id]
    return (
        f"Releases about {one.share:.0%} of sheets unseen, those at confidence {one.threshold:g} or above. Of these at "
        f"most {gate.alpha:.0%} are {gate.loss.words}; that is {1 - gate.delta:.0%} sure. "
        f"Holds until {gate.expires_at:%Y-%m-%d}."
    )


def prompt_problem(gate: Gate, item_id: str) -> str | None:
    """Why the gate releases nothing of this question, or None."""
    one = gate.prompts.get(item_id)
    if one is None:
        return "This question was not among those that were calibrated."
    if one.threshold is None:
        return one.why or "The gate releases nothing of this question."
    unsigned = [held for held in gate.held if not held.accepted_by]
    return (
        f"Nothing was shown for {unsigned[0].column} {unsigned[0].value}, and nobody signed for it."
        if unsigned
        else None
    )


def _newest_judge_problem(session: Session, link: ResourceLink, item_id: str, gate: Gate) -> str | None:
    """Whether the last sheet on this question was by another judge than the measured one."""
    found = (
        select(JudgementRow)
        .join(Submission, Submission.id == JudgementRow.submission_id)
        .where(Submission.resource_link_id == link.id, Submission.item_id == item_id)
    )
    newest = session.scalar(found.order_by(JudgementRow.id.desc()).limit(1))
    return None if newest is None else judge_problem(gate, newest)

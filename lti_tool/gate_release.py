"""What a gate does with one judged sheet: release it, hold it, draw it for a blind reading.

The draws are the system's own. Each is written down with its probability, also where it did not fall on the sheet, so
that what is read later can be weighted by how likely it was to be read.
"""

import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.blind_draws import share_of
from lti_tool.gates import (
    NONE_INSTALLED,
    POLICY,
    GateProblem,
    believed,
    judge_problem,
    newest_gate,
    prompt_problem,
    rubric_problem,
)
from lti_tool.lessons import rubric_of, rubric_version_of
from lti_tool.models import (
    GateDraw,
    InstalledGate,
    JudgementRow,
    RatingRow,
    ResourceLink,
    Submission,
)
from rubrics.gate_file import Gate, GateFileError, read_gate_file
from rubrics.model import Rubric
from rubrics.scoring import item_points

BLIND = "Chosen at random to be scored blind."
NEAR_TIMES, EARLY_TIMES = 3, 4
"""How many times more often is audited what lies near the threshold, and what is among a question's first releases."""
EARLY = 100

Draw = Callable[[], float]
_RANDOM = secrets.SystemRandom()


@dataclass(frozen=True)
class JudgedSheet:
    """What a gate looks at: a judgement, its levels and its confidence in them."""

    submission: Submission
    judgement: JudgementRow
    rubric: Rubric
    levels: Mapping[str, int | None]
    confidences: Mapping[str, float | None]

    @property
    def graph_points(self) -> float | None:
        """A drawing's points by code."""
        return float(self.judgement.graph_checks["points"]) if self.judgement.graph_checks else None

    def confidence(self, rule: str) -> float | None:
        """The sheet's confidence by the gate's rule; None where the judge did not tell one for every row it rated."""
        if rule == "none":
            return 1.0
        told = [self.confidences.get(criterion.id) for criterion in self.rubric.judged]
        known = [one for one in told if one is not None]
        if not known or len(known) < len(told):
            return None
        return min(known) if rule == "least" else sum(known) / len(known)


@dataclass(frozen=True)
class Preview:
    """What a gate would have done with the sheets that are judged already: how many, and why the rest is held."""

    judged: int
    released: int
    held: Mapping[str, int]

    @property
    def sentence(self) -> str:
        """The preview for the instructor."""
        if not self.judged:
            return "Nothing has been judged here yet, so there is nothing to show."
        return f"Of {self.judged} sheets judged so far it would have released {self.released}."


# ---- deciding ----------------------------------------------------------------------------------------------------


def decide(
    session: Session,
    submission: Submission,
    judgement: JudgementRow,
    held: Sequence[str] = (),
    draw: Draw | None = None,
) -> str | None:
    """Why a person decides about a sheet that was just judged, or None if the gate releases it unseen.

    `held` are reasons of the judging itself, such as a flag or an unscored row: they go before any draw. A second call
    for the same sheet draws nothing again.
    """
    if held:
        return " ".join(held)
    link = submission.resource_link
    if link.settings.get("release") != POLICY:
        return "This placement no longer releases by gate."
    sheet = _sheet(session, submission, judgement)
    row = newest_gate(session, link, sheet.rubric.id)
    why, gate = NONE_INSTALLED, None
    if row is not None:
        try:
            gate = believed(session, row)
            why = hold_reason(gate, sheet) or ""
        except GateProblem as problem:
            why = str(problem)
    known = session.scalar(
        select(GateDraw).where(GateDraw.submission_id == submission.id, GateDraw.judgement_id == judgement.id)
    )
    if known is not None:
        return known.reason or why or None
    drawn = _drawn(session, sheet, row, gate, why, draw or _RANDOM.random)
    session.add(drawn)
    session.flush()
    return drawn.reason or None


def hold_reason(gate: Gate, sheet: JudgedSheet) -> str | None:
    """Why this gate would not release this sheet, or None: everything but the draws."""
    item_id = sheet.submission.item_id
    why = (
        rubric_problem(gate, rubric_version_of(sheet.submission, sheet.judgement).content_hash)
        or judge_problem(gate, sheet.judgement)
        or prompt_problem(gate, item_id)
    )
    if why is not None:
        return why
    one, confidence = gate.prompts[item_id], sheet.confidence(gate.confidence)
    points = item_points(sheet.rubric, sheet.levels, sheet.graph_points)
    if points is None:
        return "Not every row is scored."
    if confidence is None:
        return "The judge did not say how confident it is."
    if one.threshold is None or confidence < one.threshold:
        return f"The judge is not confident enough: {confidence:.2f}, released from {one.threshold or 1:.2f} on."
    if not _within(one.words, sheet.judgement.facts.get("words")):
        return "The length is outside what the gate was calibrated on."
    near = [line for line in gate.boundaries if abs(points - line) <= gate.margin]
    return f"{points:g} points are near the boundary of {near[0]:g}." if near else None


def _within(words: tuple[int, int] | None, count: Any) -> bool:
    return words is None or (isinstance(count, int) and words[0] <= count <= words[1])


def _drawn(
    session: Session, sheet: JudgedSheet, row: InstalledGate | None, gate: Gate | None, why: str, draw: Draw
) -> GateDraw:
    share = share_of(sheet.submission.resource_link.settings, "blind_share", POLICY)
    blind = draw() < share
    released = not blind and not why
    one = gate.prompts.get(sheet.submission.item_id) if gate else None
    confidence = sheet.confidence(gate.confidence) if gate else None
    base = probability = 0.0
    if released and row is not None and gate is not None and one is not None:
        base = _audit_base(session, sheet, row, gate)
        near = one.near is not None and confidence is not None and confidence < one.near
        probability = min(1.0, base * NEAR_TIMES) if near else base
    return GateDraw(
        gate_id=row.id if row else None,
        submission_id=sheet.submission.id,
        judgement_id=sheet.judgement.id,
        confidence=confidence,
        threshold=one.threshold if one else None,
        released=released,
        reason=BLIND if blind else why,
        blind=blind,
        blind_probability=share,
        audited=released and draw() < probability,
        audit_probability=probability,
        audit_base=base,
    )


def _audit_base(session: Session, sheet: JudgedSheet, row: InstalledGate, gate: Gate) -> float:
    """What any sheet of this question is audited with now: the gate's share or more; more while there are few releases.

    Nothing about the sheet itself is in it, which is what makes readings comparable.
    """
    least = max(gate.audit_share, share_of(sheet.submission.resource_link.settings, "audit_share", POLICY))
    before = session.scalar(
        select(func.count())
        .select_from(GateDraw)
        .join(Submission, Submission.id == GateDraw.submission_id)
        .where(GateDraw.gate_id == row.id, GateDraw.released.is_(True), Submission.item_id == sheet.submission.item_id)
    )
    return min(1.0, least * EARLY_TIMES if (before or 0) < EARLY else least)


def _sheet(session: Session, submission: Submission, judgement: JudgementRow) -> JudgedSheet:
    rows = session.scalars(select(RatingRow).where(RatingRow.id.in_(judgement.rating_ids.values()))).all()
    return JudgedSheet(
        submission,
        judgement,
        rubric_of(submission, judgement),
        {row.criterion: row.level for row in rows},
        {row.criterion: row.confidence for row in rows},
    )


def preview(session: Session, link: ResourceLink, text: str) -> Preview:
    """What a gate file would have done with what was judged on this placement, without draws; nothing is installed.

    GateProblem where the text is no gate file.
    """
    try:
        gate = read_gate_file(text).gate
    except GateFileError as error:
        raise GateProblem(str(error)) from None
    found = (
        select(JudgementRow, Submission)
        .join(Submission, Submission.id == JudgementRow.submission_id)
        .where(Submission.resource_link_id == link.id, Submission.item_id.in_(gate.prompts))
        .order_by(JudgementRow.id)
    )
    newest = {submission.id: (submission, judgement) for judgement, submission in session.execute(found)}
    reasons = Counter[str]()
    for submission, judgement in newest.values():
        flagged = "Something was flagged." if judgement.flags else None
        reasons[flagged or hold_reason(gate, _sheet(session, submission, judgement)) or ""] += 1
    released = reasons.pop("", 0)
    return Preview(len(newest), released, dict(reasons))

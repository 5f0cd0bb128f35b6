"""Which submissions are to be scored without the judge's sheet: drawn as they were judged, audited, or picked.

Until somebody has, such a submission shows no points, reasons or levels in any list.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import CompoundSelect, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from lti_tool.db import insert_new
from lti_tool.models import BlindPick, BlindSheet, GateDraw, Submission

HELD = "Blind."
_USUAL = {("gate", "blind_share"): 0.1, ("auto", "audit_share"): 0.1}
Source = Literal["draw", "audit", "pick"]
Share = Literal["blind_share", "audit_share"]
Draw = Callable[[], float]
_RANDOM = secrets.SystemRandom()
_IS_DRAWN = or_(GateDraw.blind.is_(True), GateDraw.audited.is_(True))


@dataclass(frozen=True)
class Drawable:
    """A sheet that was just judged, and what its placement's policy does with it: None where it is released."""

    submission_id: int
    judgement_id: int
    settings: Mapping[str, Any]
    reason: str | None


def draw_all(session: Session, sheets: Sequence[Drawable], draw: Draw = _RANDOM.random) -> set[int]:
    """Draw for sheets that no gate decides about; returns the submissions that are to be scored blind first.

    Each draw is kept with its probability, also where it did not fall on a sheet. A second call draws nothing again.
    """
    rows = [row for sheet in sheets if (row := _drawn(sheet, draw)) is not None]
    if not rows:
        return set()
    insert_new(session, GateDraw.__table__, rows, ["id"])  # type: ignore[arg-type]
    known = select(GateDraw.submission_id).where(
        GateDraw.judgement_id.in_([sheet.judgement_id for sheet in sheets]), GateDraw.blind.is_(True)
    )
    return set(session.scalars(known))


def _drawn(sheet: Drawable, draw: Draw) -> dict[str, Any] | None:
    # What was released had a policy that does so, whatever the placement says since.
    policy = "auto" if sheet.reason is None else "review"
    blind_share = share_of(sheet.settings, "blind_share", policy)
    audit_share = share_of(sheet.settings, "audit_share", policy) if sheet.reason is None else 0.0
    if not blind_share and not audit_share:
        return None
    blind = draw() < blind_share
    released = not blind and sheet.reason is None
    return {
        "gate_id": None,
        "submission_id": sheet.submission_id,
        "judgement_id": sheet.judgement_id,
        "confidence": None,
        "threshold": None,
        "released": released,
        "reason": HELD if blind else sheet.reason or "",
        "blind": blind,
        "blind_probability": blind_share,
        "audited": released and draw() < audit_share,
        "audit_probability": audit_share if released else 0.0,
        "audit_base": audit_share if released else 0.0,
    }


def usual_share(release: object, name: Share) -> float:
    """What the system draws under a policy of release where nobody set a share."""
    return _USUAL.get((str(release), name), 0.0)


def share_of(settings: Mapping[str, Any], name: Share, release: object) -> float:
    """A share as a placement's settings have it; the usual one of a policy where they say nothing that makes sense."""
    said = settings.get(name)
    usable = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said <= 1
    return float(said) if usable else usual_share(release, name)  # type: ignore[arg-type]


# ---- what waits for it ---------------------------------------------------------------------------------------


def _sheets_so_far() -> Any:
    return (
        select(func.count())
        .select_from(BlindSheet)
        .where(BlindSheet.submission_id == Submission.id)
        .correlate(Submission)
        .scalar_subquery()
    )


def marked() -> CompoundSelect[int]:
    """The submissions that were ever drawn or picked to be scored blind; few, where is_pending asks about each."""
    drawn = select(GateDraw.submission_id).where(_IS_DRAWN)
    return drawn.union(select(BlindPick.submission_id))


def is_pending() -> Any:
    """SQL: whether a submission is to be scored blind and nobody, or not enough people, have."""
    drawn = exists().where(GateDraw.submission_id == Submission.id, _IS_DRAWN)
    picked = exists().where(BlindPick.submission_id == Submission.id, BlindPick.readers > _sheets_so_far())
    return or_(and_(drawn.correlate(Submission), _sheets_so_far() == 0), picked.correlate(Submission))


def pending(session: Session, submission_ids: Collection[int]) -> set[int]:
    """Those of the submissions that are to be scored blind first."""
    return set(session.scalars(select(Submission.id).where(Submission.id.in_(submission_ids), is_pending())))


def source_of(session: Session, submission_id: int) -> Source | None:
    """Why a submission is to be scored blind, if it is at all."""
    drawn = session.scalar(
        select(GateDraw).where(GateDraw.submission_id == submission_id, _IS_DRAWN).order_by(GateDraw.id.desc()).limit(1)
    )
    if drawn is not None:
        return "draw" if drawn.blind else "audit"
    return "pick" if session.get(BlindPick, submission_id) is not None else None

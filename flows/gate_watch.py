"""Watches gates in use: when what was read again no longer fits the promise, the gate closes.

The executor looks once a minute; `atelier gate-watch` looks when asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from eval.drift import Drift, Released, drift_of
from lti_tool.db import Database
from lti_tool.gate_audit import Audited, audit_of
from lti_tool.gates import close_gate, closing, newest_gates
from lti_tool.models import InstalledGate
from rubrics.gate_file import read_gate_file


@dataclass(frozen=True)
class Watched:
    """One gate as it was found, and whether this look closed it."""

    gate_id: int
    resource_link_id: int
    rubric_id: str
    drift: dict[str, Drift]
    was_closed: bool
    closed_now: bool

    @property
    def alarms(self) -> list[str]:
        """Why it must close, each in a sentence that names the question; empty while nothing speaks against it."""
        return [f"{item_id}: {sentence}" for item_id, one in self.drift.items() for sentence in one.alarms]


def watch_gates(database: Database) -> list[Watched]:
    """Look at every gate that counts and close those whose alarm rings; returns what was found."""
    with database.read() as session:
        rows = newest_gates(session)
        found = [_look(session, row) for row in rows]
    for row, one in zip(rows, found, strict=True):
        if one.closed_now:
            with database.write() as session:
                _close(session, session.get_one(InstalledGate, row.id), one)
    return found


def _look(session: Session, row: InstalledGate) -> Watched:
    gate = read_gate_file(row.file).gate
    audited = audit_of(session, row)
    items = sorted({one.submission.item_id for one in audited})
    drift = {
        item_id: drift_of(
            released_of([one for one in audited if one.submission.item_id == item_id]), gate.alpha, gate.delta
        )
        for item_id in items
    }
    was_closed = closing(session, row) is not None
    rings = any(one.alarms for one in drift.values())
    return Watched(row.id, row.resource_link_id, row.rubric_id, drift, was_closed, rings and not was_closed)


def released_of(audited: Sequence[Audited]) -> list[Released]:
    """What a gate released, as the measurement of its risk takes it."""
    return [
        Released(
            id=one.submission.public_id,
            probability=one.probability,
            base=one.base,
            drawn=one.drawn,
            lost=one.lost,
            overridden=one.overridden,
            read_at=one.read_at.isoformat() if one.read_at else "",
        )
        for one in audited
    ]


def _close(session: Session, row: InstalledGate, found: Watched) -> None:
    detail = {
        item_id: {
            "released": one.released,
            "readings": one.audit.readings,
            "losses": one.audit.losses,
            "evidence": one.audit.highest,
            "changed": one.overrides.losses,
        }
        for item_id, one in found.drift.items()
    }
    close_gate(session, row, " ".join(found.alarms), alarm=True, detail=detail)

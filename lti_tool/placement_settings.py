"""What an instructor sets for one placement, and what its course or the tool's operator decides.

Everything is kept in the placement's `settings`, read where it matters; a setting that was never touched is not there,
and the lesson's or the tool's own value holds. What a link brings along from choosing content (`placed`) gives way to
what an instructor set here (`chosen`).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool import jobs
from lti_tool.attempts import GRACE_MINUTES
from lti_tool.blind_draws import share_of
from lti_tool.gate_deadlines import REMIND
from lti_tool.lesson import Lesson
from lti_tool.lessons import weights_here
from lti_tool.models import Audit, Person, ResourceLink
from lti_tool.pending_releases import follow_date

Release = Literal["review", "auto", "gate", "date"]
RELEASES: tuple[Release, ...] = ("review", "auto", "gate", "date")
COUNTS = ("best", "last")
LATE = ("marked", "refused")
MAX_ACCOMMODATIONS = 500


@dataclass(frozen=True)
class Chosen:
    """Every setting of a placement with the value that holds; None where nothing limits it."""

    release: Release = "review"
    release_on: str = ""
    audit_share: float = 0.0
    blind_share: float = 0.0
    show_judged: bool = False
    attempts: Mapping[str, int] = field(default_factory=dict)
    counts: str = "best"
    late: str = "marked"
    grace_minutes: int = GRACE_MINUTES
    weights: Mapping[str, float] = field(default_factory=dict)
    judge: str = ""
    budget_usd: float | None = None
    language: str = ""
    notice: str = ""
    appeal_tokens: int = 2
    appeal_days: float = 7
    accommodations: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    retention_days: int | None = None
    wait_days: int | None = None
    wait_then: str = REMIND


class SettingsRefused(ValueError):
    """What was typed cannot be kept; `faults` says for each field what to change."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = faults


class SettingsMoved(Exception):
    """Somebody saved other settings since the form was opened."""


def chosen_of(link: ResourceLink, lesson: Lesson) -> Chosen:
    """The settings of a placement as they hold now."""
    said, usual = link.settings, Chosen()
    known = {name: said[name] for name in _PLAIN if name in said}
    attempts = {item.id: int(said.get("attempts", {}).get(item.id) or item.attempts) for item in lesson.items}
    return Chosen(
        **{**{name: getattr(usual, name) for name in _PLAIN}, **known},
        audit_share=share_of(said, "audit_share", known.get("release")),
        blind_share=share_of(said, "blind_share", known.get("release")),
        attempts=attempts,
        weights=weights_here(link, lesson),
        accommodations=dict(said.get("accommodations", {})),
    )


_PLAIN = (
    *("release", "release_on", "show_judged", "counts", "late", "grace_minutes"),
    *("judge", "budget_usd", "language", "notice", "appeal_tokens", "appeal_days", "retention_days"),
    *("wait_days", "wait_then"),
)


def version_of(link: ResourceLink) -> str:
    """What the settings are now, as one word: a form that was opened before another change is told so."""
    return hashlib.sha256(json.dumps(link.settings, sort_keys=True, default=str).encode()).hexdigest()[:16]


def hold_settings(session: Session, link: ResourceLink) -> None:
    """Read a placement's settings as they are now, and let nobody else change them before this transaction ends."""
    # With key_share: work that is sent meanwhile points at the placement and does not wait for this.
    session.refresh(link, ["settings"], with_for_update={"key_share": True})


def save(
    session: Session, link: ResourceLink, lesson: Lesson, wanted: Chosen, *, seen: str, person_id: int
) -> tuple[str, ...]:
    """Keep what differs from what holds; returns the names of what changed. Raises SettingsMoved.

    A value that is the usual one again is taken out, so that it follows the lesson and the tool; a share stays.
    """
    hold_settings(session, link)
    if version_of(link) != seen:
        raise SettingsMoved()
    before = chosen_of(link, lesson)
    changed = tuple(name for name in Chosen.__dataclass_fields__ if getattr(before, name) != getattr(wanted, name))
    if not changed:
        return ()
    settings = dict(link.settings)
    for name in changed:
        value = _kept(name, wanted, lesson)
        settings.pop(name, None)
        if value is not None:
            settings[name] = value
    settings["chosen"] = sorted({*link.settings.get("chosen", ()), *changed})
    link.settings = settings
    session.add(
        Audit(
            kind="settings",
            code="changed",
            registration_id=link.deployment.registration_id,
            detail={"resource_link": link.id, "by": person_id, "names": list(changed)},
        )
    )
    if {"release", "release_on"} & set(changed):
        follow_date(session, link)
    if {"budget_usd", "judge"} & set(changed):
        jobs.wake_held(session)
    return changed


def _kept(name: str, wanted: Chosen, lesson: Lesson) -> Any:
    value = getattr(wanted, name)
    if name == "attempts":
        return {item.id: value[item.id] for item in lesson.items if value[item.id] != item.attempts} or None
    if name == "weights":
        return dict(value) if dict(value) != dict(lesson.weights) else None
    if name == "accommodations":
        return {handle: dict(granted) for handle, granted in value.items()} or None
    if name in ("audit_share", "blind_share"):
        return value  # what is usual depends on the policy, so what somebody chose is kept, none also
    return None if value == getattr(Chosen(), name) else value


# ---- what single learners are granted ------------------------------------------------------------------------


def grant(
    session: Session, link: ResourceLink, handle: str, *, extra_days: float, extra_attempts: int, person_id: int
) -> None:
    """Give one learner more time or attempts; nothing of both takes it back. Raises SettingsRefused."""
    registration_id = link.deployment.registration_id
    known = select(Person.id).where(Person.registration_id == registration_id, Person.handle == handle)
    hold_settings(session, link)
    granted = dict(link.settings.get("accommodations", {}))
    if handle not in granted and session.scalar(known) is None:
        raise SettingsRefused({"handle": "Nobody of this handle has opened the tool yet."})
    granted.pop(handle, None)
    if extra_days or extra_attempts:
        granted[handle] = {"extra_days": extra_days, "extra_attempts": extra_attempts}
    if len(granted) > MAX_ACCOMMODATIONS:
        raise SettingsRefused({"handle": f"At most {MAX_ACCOMMODATIONS} learners can be granted something."})
    settings = {name: value for name, value in link.settings.items() if name != "accommodations"}
    link.settings = {**settings, "accommodations": granted} if granted else settings
    detail = {"resource_link": link.id, "by": person_id, "names": ["accommodations"]}
    session.add(Audit(kind="settings", code="granted", registration_id=registration_id, detail=detail))


def retention_ends(link: ResourceLink, last: datetime) -> datetime | None:
    """Until when work is kept that was last touched at `last`; None where the placement keeps it for good."""
    days = link.settings.get("retention_days")
    return last + timedelta(days=days) if isinstance(days, int) and days > 0 else None

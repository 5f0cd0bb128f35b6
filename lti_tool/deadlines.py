"""When work may be sent: the dates that the LMS owns, as each launch brings them, and what a learner was granted.

Dates come as custom parameters that the platform fills in (LTI 1.3 core, appendix C, "LTI resource variables"):
https://www.imsglobal.org/spec/lti/v1p3#customproperty. A platform that does not know a variable sends it back as it
is; that counts as no date.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.models import Launch, Person, ResourceLink

# Our custom parameter to the platform's variable. What is said of this one learner goes before what is said of all.
# The time zone is the one that the learner chose in the course, in which its own pages show these dates.
VARIABLES = {
    "opens": "$ResourceLink.available.startDateTime",
    "due": "$ResourceLink.submission.endDateTime",
    "closes": "$ResourceLink.available.endDateTime",
    "own_opens": "$ResourceLink.available.user.startDateTime",
    "own_due": "$ResourceLink.submission.user.endDateTime",
    "own_closes": "$ResourceLink.available.user.endDateTime",
    "time_zone": "$Person.address.timezone",
}
DATES = ("opens", "due", "closes")
# Units as people say them, the largest first.
SPANS = (
    (timedelta(days=1), later("%(number)d d")),
    (timedelta(hours=1), later("%(number)d h")),
    (timedelta(minutes=1), later("%(number)d min")),
)
MAX_EXTRA_DAYS = 365
MAX_EXTRA_ATTEMPTS = 20

Stage = Literal["before", "open", "late", "closed"]


@dataclass(frozen=True)
class Deadlines:
    """From when, until when, and until when at the very last; None where the course sets no such date."""

    opens: datetime | None = None
    due: datetime | None = None
    closes: datetime | None = None

    def stage(self, now: datetime) -> Stage:
        """Where `now` falls: before it opens, open, late (sent work is marked), or closed."""
        if self.closes is not None and now > self.closes:
            return "closed"
        if self.opens is not None and now < self.opens:
            return "before"
        return "late" if self.due is not None and now > self.due else "open"


@dataclass(frozen=True)
class Granted:
    """What one learner was granted beyond the others, on one placement."""

    extra_days: float = 0
    extra_attempts: int = 0


def read_date(value: str) -> datetime | None:
    """An ISO 8601 date and time as UTC; one without a zone is taken for UTC, anything else is no date."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        return None


def dates_of(custom: Mapping[str, str]) -> dict[str, str]:
    """The dates among a launch's custom parameters, as ISO 8601 in UTC: {"due": ...}; what is none is left out."""
    found = {}
    for name in DATES:
        moment = read_date(custom.get(f"own_{name}", "")) or read_date(custom.get(name, ""))
        if moment is not None:
            found[name] = moment.isoformat()
    return found


def granted_to(link: ResourceLink, handle: str) -> Granted:
    """What the placement's settings grant this learner; nothing where they say nothing that makes sense."""
    said: Any = link.settings.get("accommodations", {}).get(handle)
    if not isinstance(said, Mapping):
        return Granted()
    return Granted(
        extra_days=_between(said.get("extra_days"), MAX_EXTRA_DAYS),
        extra_attempts=int(_between(said.get("extra_attempts"), MAX_EXTRA_ATTEMPTS)),
    )


def _between(value: Any, most: float) -> float:
    return min(max(float(value), 0.0), most) if isinstance(value, int | float) and value == value else 0.0


def deadlines_for(session: Session, link: ResourceLink, person_id: int) -> Deadlines:
    """A learner's dates: from their newest launch of this placement, later by what they were granted."""
    detail = session.scalar(
        select(Launch.detail)
        .where(
            Launch.resource_link_id == link.id,
            Launch.person_id == person_id,
            Launch.detail["dates"].as_string().is_not(None),
        )
        .order_by(Launch.launched_at.desc())
        .limit(1)
    )
    dates = (detail or {}).get("dates", {})
    extra = timedelta()
    if dates and link.settings.get("accommodations"):
        handle = session.get_one(Person, person_id).handle
        extra = timedelta(days=granted_to(link, handle).extra_days)
    due, closes = (None if (found := _date(link, dates, name)) is None else found + extra for name in DATES[1:])
    return Deadlines(read_date(dates.get("opens", "")), due, closes)


def _date(link: ResourceLink, dates: Mapping[str, str], name: str) -> datetime | None:
    """A date of the course; where the placement takes nothing late, it closes when work is due."""
    found = read_date(dates.get(name, ""))
    if name != "closes" or link.settings.get("late") != "refused":
        return found
    due = read_date(dates.get("due", ""))
    return min((one for one in (found, due) if one is not None), default=None)


def closed_for(session: Session, link: ResourceLink, people: Collection[int], now: datetime) -> frozenset[int]:
    """Which of these learners can send no more.

    The close in a learner's own newest launch may have been moved since, so the newest launch of anybody is heard
    as well, and the later of the two holds.
    """
    launches = session.execute(
        select(Launch.person_id, Person.handle, Launch.detail)
        .join(Person, Person.id == Launch.person_id)
        .where(Launch.resource_link_id == link.id, Launch.detail["dates"].as_string().is_not(None))
        .order_by(Launch.launched_at)
    ).all()
    if not launches:
        return frozenset()
    newest = _date(link, launches[-1].detail["dates"], "closes")
    own = {launch.person_id: (_date(link, launch.detail["dates"], "closes"), launch.handle) for launch in launches}
    closed = set()
    for person_id in set(people) & own.keys():
        closes, handle = own[person_id]
        if closes is None or newest is None:
            continue
        if now > max(closes, newest) + timedelta(days=granted_to(link, handle).extra_days):
            closed.add(person_id)
    return frozenset(closed)


def span(length: timedelta) -> str:
    """A length of time as people say it, in its largest unit: `2 h`, `3 d`; under a minute is `1 min`."""
    for unit, name in SPANS:
        if length >= unit:
            return _(name, number=length // unit)
    return _(SPANS[-1][1], number=1)


def late_by(due: datetime | None, at: datetime) -> str | None:
    """How late something at `at` is, as `2 h`; None if it is in time or nothing is due."""
    return span(at - due) if due is not None and at > due else None

"""Who is in a course, as its platform last listed them, and who of them has sent nothing."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import delete, distinct, func, select
from sqlalchemy.orm import Session

from lti_tool.handles import handles
from lti_tool.models import Deployment, Launch, Person, ResourceLink, RosterMember, Submission
from lti_tool.roles import principal_role, role_of

MAX_MEMBERS = 5000
MAX_TEXT = 255
MAX_STATUS = 20
MAX_GROUPS = 20
CUSTOM = "https://purl.imsglobal.org/spec/lti/claim/custom"
SECTIONS = "sections"


@dataclass(frozen=True)
class RosterRow:
    """A learner of the course: what they sent here, and whether the course lists them (still)."""

    handle: str
    name: str | None
    status: str
    items_sent: int
    listed: bool
    groups: tuple[str, ...] = ()

    @property
    def is_missing(self) -> bool:
        """Whether they are an active learner of the course who has sent nothing here."""
        return self.listed and self.items_sent == 0 and self.status == "active"


@dataclass(frozen=True)
class Roster:
    """The learners of a course, the missing ones first; `read_at` is None while no list was read."""

    rows: tuple[RosterRow, ...]
    read_at: datetime | None
    instructors: int
    is_cut: bool

    @property
    def groups(self) -> tuple[str, ...]:
        """Every group and section that somebody is in, by name."""
        return tuple(sorted({group for row in self.rows for group in row.groups}))

    def only(self, group: str) -> "Roster":
        """The same roster with the learners of one group alone."""
        return replace(self, rows=tuple(row for row in self.rows if group in row.groups))

    @property
    def missing(self) -> int:
        """How many have sent nothing."""
        return sum(row.is_missing for row in self.rows)


def store_members(
    session: Session,
    context_id: int,
    listed: Iterable[Mapping[str, Any]],
    now: datetime,
    group_names: Mapping[str, str] | None = None,
) -> int:
    """Replace what was known of a course's members by this list; returns how many there are now.

    `group_names` are those of the course's groups by id; a group without a name is called by its id.

    What cannot be stored is left out: an id that is not text of 1 to 255 characters, a member without an id.
    """
    members = {row["user_id"]: row for row in listed if _is_id(row.get("user_id"))}
    session.execute(delete(RosterMember).where(RosterMember.context_id == context_id))
    for sub, row in list(members.items())[:MAX_MEMBERS]:
        roles = [role for role in _list(row.get("roles")) if isinstance(role, str)]
        session.add(
            RosterMember(
                context_id=context_id,
                sub=sub,
                name=_name(row),
                role=_role(roles),
                status=(_text(row.get("status")) or "Active").lower()[:MAX_STATUS],
                groups=list(_groups(row, group_names or {})),
                read_at=now,
            )
        )
    session.flush()
    return min(len(members), MAX_MEMBERS)


def roster_of(session: Session, resource_link: ResourceLink) -> Roster:
    """The roster of the placement's course beside what was sent in the placement."""
    listed = session.scalars(select(RosterMember).where(RosterMember.context_id == resource_link.context_id)).all()
    registration_id = session.get_one(Deployment, resource_link.deployment_id).registration_id
    people = {
        person.sub: person
        for person in session.scalars(select(Person).where(Person.registration_id == registration_id))
    }
    sent, teachers = _items_sent(session, resource_link), _teachers(session, resource_link)
    taken = {person.handle for person in people.values()}
    rows = []
    for member in listed:
        person = people.get(member.sub)
        # The launch knows better than the list: Moodle lists a non-editing teacher as a learner (seen on 4.5.6).
        if member.role != "student" or (person is not None and person.id in teachers):
            continue
        handle = person.handle if person else _handle_to_come(registration_id, member.sub, taken)
        count = sent.get(person.id, 0) if person else 0
        rows.append(RosterRow(handle, member.name, member.status, count, True, tuple(member.groups)))
    names = {member.sub for member in listed}
    for person in people.values():
        if person.id in sent and person.sub not in names and person.id not in teachers:
            rows.append(RosterRow(person.handle, person.name, "", sent[person.id], False))
    return Roster(
        rows=tuple(sorted(rows, key=lambda row: (not row.is_missing, row.handle))),
        read_at=max((member.read_at for member in listed), default=None),
        instructors=sum(member.role == "instructor" for member in listed),
        is_cut=len(listed) >= MAX_MEMBERS,
    )


def _items_sent(session: Session, resource_link: ResourceLink) -> dict[int, int]:
    """Person id to how many questions they have sent at least once."""
    found = (
        select(Submission.person_id, func.count(distinct(Submission.item_id)))
        .where(Submission.resource_link_id == resource_link.id)
        .group_by(Submission.person_id)
    )
    return {row[0]: row[1] for row in session.execute(found)}


def _teachers(session: Session, resource_link: ResourceLink) -> set[int]:
    """Who has been in the course as an instructor."""
    found = (
        select(Launch.person_id)
        .distinct()
        .join(ResourceLink, ResourceLink.id == Launch.resource_link_id)
        .where(ResourceLink.context_id == resource_link.context_id, Launch.role == "instructor")
    )
    return set(session.scalars(found))


def _handle_to_come(registration_id: int, sub: str, taken: set[str]) -> str:
    """The handle that somebody who has not come yet would get now; taken from the others in the list."""
    handle = next(handle for handle in handles(registration_id, sub) if handle not in taken)
    taken.add(handle)
    return handle


def _role(roles: list[str]) -> str:
    if role_of(roles) == "instructor":
        return "instructor"
    return "student" if any(principal_role(role) == "Learner" for role in roles) else "other"


def _name(row: Mapping[str, Any]) -> str | None:
    parts = [_text(row.get("given_name")), _text(row.get("family_name"))]
    return (_text(row.get("name")) or " ".join(filter(None, parts)))[:MAX_TEXT] or None


def _groups(row: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, ...]:
    """The groups a member is enrolled in (lti-gs), and the sections among its custom parameters.

    Canvas fills in a member's custom parameters where the list is asked for by resource link; a variable that it
    does not know comes back as it was sent.
    """
    found = [
        _text(names.get(group_id, group_id))
        for enrolled in _list(row.get("group_enrollments"))
        if isinstance(enrolled, dict) and (group_id := _text(enrolled.get("group_id")))
    ]
    for message in _list(row.get("message")):
        custom = message.get(CUSTOM) if isinstance(message, dict) else None
        sections = _text(custom.get(SECTIONS)) if isinstance(custom, dict) else ""
        if sections and not sections.startswith("$"):
            found += _section_names(sections)
    return tuple(dict.fromkeys(name[:MAX_TEXT] for name in found if name))[:MAX_GROUPS]


def _section_names(text: str) -> list[str]:
    """The names in a JSON list (Canvas), or in a text with commas."""
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        listed = text.split(",")
    return [_text(name) for name in _list(listed)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) and _is_storable(value) else ""


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and _is_storable(value)


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)

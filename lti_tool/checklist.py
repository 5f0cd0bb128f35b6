"""What has been seen of a platform so far, step by step: the list on the admin's page that turns green by itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from lti_tool.models import (
    Audit,
    Context,
    Deployment,
    Launch,
    Passback,
    Person,
    PlatformKeySet,
    Registration,
    RosterMember,
)
from lti_tool.registrations import is_pending

TOKEN_GIVEN = "token_given"


@dataclass(frozen=True)
class Step:
    """One line of the list; `at` is when it was seen, None while it is open."""

    id: str
    title: str
    words: str
    at: datetime | None

    @property
    def done(self) -> bool:
        """Whether it was seen."""
        return self.at is not None


def checklist(session: Session, registration: Registration) -> tuple[Step, ...]:
    """Every step, in the order in which a registration usually goes through them."""
    keys = session.get(PlatformKeySet, registration.id)
    taught, studied = (_first_launch(session, registration, role) for role in ("instructor", "student"))
    people, read_at = _roster(session, registration)
    sent, sent_at = _sent(session, registration)
    return (
        _registered(registration),
        Step(
            "keys",
            "Keys reachable",
            _key_words(keys, reads_ours=bool(read_at or sent_at or _gave_token(session, registration))),
            keys.fetched_at if keys else None,
        ),
        Step("launch", "First launch", "As instructor." if taught else "Open it in a course as its teacher.", taught),
        Step(
            "roster",
            "Roster",
            f"{people} people read." if read_at else "Open the page “Roster” in a course and read it.",
            read_at,
        ),
        Step(
            "student",
            "First launch as a student",
            "Somebody learns with it." if studied else "Use student view, or ask one person to open it.",
            studied,
        ),
        Step(
            "score",
            "A score sent",
            f"{sent} sent and taken." if sent_at else "Release one answer in a course; the course says what it took.",
            sent_at,
        ),
    )


def _registered(registration: Registration) -> Step:
    if is_pending(registration):
        return Step("registered", "Registered", "It registered itself and waits for your approval.", None)
    if not registration.enabled:
        return Step("registered", "Registered", "Disabled: it opens nothing and spends nothing.", None)
    words = f"Issuer {registration.issuer}, client {registration.client_id}."
    return Step("registered", "Registered", words, registration.approved_at or registration.created_at)


def _key_words(keys: PlatformKeySet | None, *, reads_ours: bool) -> str:
    if keys is None:
        return "Read at the first launch, or when you try it."
    count = len(keys.jwks["keys"])
    words = f"{count} public {'key' if count == 1 else 'keys'} of the platform read"
    # A token is given only to an assertion that was checked against our own set.
    return f"{words}, and it reads ours." if reads_ours else f"{words}."


def _gave_token(session: Session, registration: Registration) -> bool:
    query = select(Audit.id).where(Audit.registration_id == registration.id, Audit.code == TOKEN_GIVEN).limit(1)
    return session.scalar(query) is not None


def _first_launch(session: Session, registration: Registration, role: str) -> datetime | None:
    query = select(func.min(Launch.launched_at)).where(Launch.registration_id == registration.id, Launch.role == role)
    return session.scalar(query)


def _roster(session: Session, registration: Registration) -> tuple[int, datetime | None]:
    query = (
        select(func.count(RosterMember.id), func.max(RosterMember.read_at))
        .join(Context, Context.id == RosterMember.context_id)
        .join(Deployment, Deployment.id == Context.deployment_id)
        .where(Deployment.registration_id == registration.id)
    )
    count, latest = session.execute(query).one()
    return count, latest


def _sent(session: Session, registration: Registration) -> tuple[int, datetime | None]:
    query = (
        select(func.count(Passback.id), func.min(Passback.settled_at))
        .join(Person, Person.id == Passback.person_id)
        .where(Person.registration_id == registration.id, Passback.state == "sent", Passback.kind == "released")
    )
    count, first = session.execute(query).one()
    return count, first

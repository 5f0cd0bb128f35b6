"""The platform's memory: people, course, gradebook, keys and what was used up, all surviving a restart."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, CursorResult, Engine, create_engine, delete, event, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from lti_tool.demo.config import PlatformConfig, Tool
from lti_tool.demo.keys import new_private_pem, public_jwk
from lti_tool.demo.records import (
    ADMINISTRATOR,
    ASSISTANT,
    INSTRUCTOR,
    LEARNER,
    RESEARCHER,
    AccessToken,
    AddedLink,
    Course,
    LaunchDetail,
    LaunchHint,
    LineItem,
    Person,
    Record,
    RegisteredTool,
    ResourceLink,
    SigningKey,
    UsedJti,
)

COURSE_ID = "agents-201"
RESOURCE_LINK_ID = "agents-201-durable-workflows"
HINT_LIFETIME = timedelta(minutes=10)
TOKEN_LIFETIME = timedelta(hours=1)

_PEOPLE = (
    ("ada", "Ada", "Osei", LEARNER),
    ("bo", "Bo", "Åberg Lindqvist", LEARNER),
    ("ines", "Ines", "Duarte", INSTRUCTOR),
    ("tom", "Tom", "Brandt", ASSISTANT),
    ("rana", "Rana", "Haddad", RESEARCHER),
    ("uma", "Uma", "Nair", ADMINISTRATOR),
)


class Store:
    """Opens the database file, fills it on first use, and hands out one-transaction sessions."""

    def __init__(self, config: PlatformConfig) -> None:
        self._clock = config.clock
        self._first_tool = config.tool
        self._engine = _engine(config.database)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        with self.session() as session:
            Record.metadata.create_all(session.connection())
            if session.scalar(select(Course).limit(1)) is None:
                _seed(session, self._clock())
            _add_people(session, config.issuer)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One transaction, committed when the block ends well."""
        with self._sessions.begin() as session:
            yield session

    def close(self) -> None:
        self._engine.dispose()

    # -- keys ---------------------------------------------------------------------------------

    def signing_key(self) -> SigningKey:
        """The newest private key."""
        with self.session() as session:
            newest = select(SigningKey).order_by(SigningKey.created_at.desc()).limit(1)
            return session.scalars(newest).one()

    def public_jwks(self) -> dict[str, Any]:
        with self.session() as session:
            keys = session.scalars(select(SigningKey).order_by(SigningKey.created_at)).all()
        return {"keys": [public_jwk(key.private_pem) for key in keys]}

    # -- tools --------------------------------------------------------------------------------

    def tool(self) -> Tool:
        """The tool that courses open: the one chosen last, else the one known from the start."""
        chosen = select(RegisteredTool).where(RegisteredTool.chosen_at.is_not(None), RegisteredTool.active)
        with self.session() as session:
            row = session.scalar(chosen.order_by(RegisteredTool.chosen_at.desc()).limit(1))
            return row.as_tool() if row else self._first_tool

    def tool_of(self, client_id: str) -> Tool | None:
        """The tool of a client id, unless it waits to be activated."""
        if client_id == self._first_tool.client_id:
            return self._first_tool
        with self.session() as session:
            row = session.get(RegisteredTool, client_id)
            return row.as_tool() if row is not None and row.active else None

    def tool_origins(self) -> tuple[str, ...]:
        """Every origin that a tool of ours has."""
        with self.session() as session:
            rows = session.scalars(select(RegisteredTool)).all()
        tools = (self._first_tool, *(row.as_tool() for row in rows))
        return tuple(dict.fromkeys(origin for tool in tools for origin in tool.origins))

    # -- people and launches ------------------------------------------------------------------

    def people(self) -> list[Person]:
        with self.session() as session:
            known = {person.slug: person for person in session.scalars(select(Person))}
        return [known[slug] for slug, *_ in _PEOPLE]

    def person(self, slug: str) -> Person | None:
        with self.session() as session:
            return session.get(Person, slug)

    def course(self) -> Course:
        with self.session() as session:
            return session.get_one(Course, COURSE_ID)

    def resource_link(self, link_id: str = RESOURCE_LINK_ID) -> ResourceLink | None:
        with self.session() as session:
            return session.get(ResourceLink, link_id)

    def added_links(self) -> list[ResourceLink]:
        """The activities that instructors added, oldest first."""
        query = select(ResourceLink).join(AddedLink).order_by(AddedLink.added_at, ResourceLink.id)
        with self.session() as session:
            return list(session.scalars(query))

    def added_link(self, link_id: str) -> AddedLink | None:
        """What the tool said about an added activity; None for the course's first one."""
        with self.session() as session:
            return session.get(AddedLink, link_id)

    def begin_launch(self, person: Person, *, link_id: str | None = None, state: str | None = None) -> str:
        """A new one-time launch id for this person: of the course's first activity unless another one is named.

        With `state` it is a launch to choose content.
        """
        now = self._clock()
        hint_id = secrets.token_urlsafe(24)
        with self.session() as session:
            session.execute(delete(LaunchHint).where(LaunchHint.created_at < now - timedelta(days=1)))
            session.add(LaunchHint(id=hint_id, person_slug=person.slug, created_at=now))
            session.flush()
            if link_id is not None or state is not None:
                session.add(LaunchDetail(hint_id=hint_id, resource_link_id=link_id, state=state))
        return hint_id

    def launching_person(self, hint_id: str) -> Person | None:
        """Whose launch this is, while the hint is neither used nor old."""
        with self.session() as session:
            hint = session.get(LaunchHint, hint_id)
            if hint is None or hint.used_at or hint.created_at <= self._clock() - HINT_LIFETIME:
                return None
            return session.get(Person, hint.person_slug)

    def launch_detail(self, hint_id: str) -> LaunchDetail | None:
        """What a launch is about, where that is not the course's first activity."""
        with self.session() as session:
            return session.get(LaunchDetail, hint_id)

    def use_state(self, state: str) -> bool:
        """Take the one answer to a Deep Linking request; of two at once only one is told True."""
        statement = update(LaunchDetail).where(LaunchDetail.state == state, LaunchDetail.answered_at.is_(None))
        with self.session() as session:
            outcome = session.execute(statement.values(answered_at=self._clock()))
            return cast("CursorResult[Any]", outcome).rowcount == 1

    def use_hint(self, hint_id: str) -> bool:
        """Use the launch up; of two at once only one is told True."""
        statement = update(LaunchHint).where(LaunchHint.id == hint_id, LaunchHint.used_at.is_(None))
        with self.session() as session:
            outcome = session.execute(statement.values(used_at=self._clock()))
            return cast("CursorResult[Any]", outcome).rowcount == 1

    # -- tokens -------------------------------------------------------------------------------

    def use_jti(self, jti: str, expires_at: datetime) -> bool:
        """Remember an assertion's id until it expires; False when it was seen before."""
        try:
            with self.session() as session:
                session.execute(delete(UsedJti).where(UsedJti.expires_at < self._clock()))
                session.add(UsedJti(jti_hash=_sha256(jti), expires_at=expires_at))
        except IntegrityError:
            return False
        return True

    def issue_token(self, scopes: list[str]) -> str:
        """An opaque bearer token; only its hash is kept."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self.session() as session:
            session.execute(delete(AccessToken).where(AccessToken.expires_at < now))
            session.add(AccessToken(token_hash=_sha256(token), scope=" ".join(scopes), expires_at=now + TOKEN_LIFETIME))
        return token

    def token_scopes(self, token: str) -> frozenset[str] | None:
        """What a live token may do; None for an unknown or expired one."""
        with self.session() as session:
            row = session.get(AccessToken, _sha256(token))
            if row is None or row.expires_at <= self._clock():
                return None
            return frozenset(row.scope.split())


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _engine(database: Path) -> Engine:
    database.parent.mkdir(parents=True, exist_ok=True)
    database.touch(mode=0o600)  # it holds a private key
    engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": 10})

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own late BEGIN lets two writers deadlock
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _add_people(session: Session, issuer: str) -> None:
    """Whoever is not there yet: a file from before may lack some."""
    known = set(session.scalars(select(Person.slug)))
    for slug, given, family, role in _PEOPLE:
        if slug in known:
            continue
        session.add(
            Person(
                slug=slug,
                sub=str(uuid5(NAMESPACE_URL, f"{issuer}/people/{slug}")),
                given_name=given,
                family_name=family,
                email=f"{slug}@example.edu",
                sourced_id=f"sis-{slug}",
                role=role,
            )
        )


def _seed(session: Session, now: datetime) -> None:
    pem = new_private_pem()
    session.add(SigningKey(kid=public_jwk(pem)["kid"], private_pem=pem, created_at=now))
    session.add(Course(id=COURSE_ID, label="AG-201", title="Agents 201"))
    session.flush()
    session.add(
        ResourceLink(
            id=RESOURCE_LINK_ID,
            course_id=COURSE_ID,
            title="Durable Workflows",
            description="Read, practise, write and draw: what makes a workflow durable.",
        )
    )
    session.flush()
    session.add(
        LineItem(
            id="1",
            position=1,
            course_id=COURSE_ID,
            resource_link_id=RESOURCE_LINK_ID,
            from_activity=True,
            label="Durable Workflows",
            score_maximum=100.0,
        )
    )

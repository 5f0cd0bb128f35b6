"""Checks of everything outside the process: each says in a sentence what it found, and what to do about it.

A check that rests on one that failed is not made. Nothing here writes to the database or shows a secret.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import fsspec
import requests
from alembic.runtime.migration import MigrationContext
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import and_, func, or_, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session, aliased

from flows.judging.catalog import get_judge
from flows.judging.judge import JudgeError
from lti_tool import schema
from lti_tool.db import Database, DatabaseUrlError, utc_now
from lti_tool.jobs import UNFINISHED
from lti_tool.keys import KeySealProblem, current_key
from lti_tool.lessons import UnknownLesson, current_lesson
from lti_tool.models import Job, Registration, ToolKey
from lti_tool.outbound import AddressRefused, Outbound, OutboundError, parse_networks
from lti_tool.registrations import list_registrations
from lti_tool.settings import Settings, SettingsProblem, get_settings, is_loopback, require_secret

State = Literal["ok", "failed", "not_checked"]

# An executor looks for work every second or so; Prefect's first start takes some 20 seconds.
OVERDUE = timedelta(seconds=60)
PREFECT_SECONDS = 5
AT_ONCE = 8
DATABASE_CHECKS = ("schema", "default lesson", "signing key", "registrations", "waiting for a person", "executor")


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    state: State
    says: str


def ok(name: str, says: str) -> Check:
    return Check(name, "ok", says)


def failed(name: str, says: str) -> Check:
    return Check(name, "failed", says)


def examine() -> Iterator[Check]:
    """Every check, in the order in which a fault would be mended."""
    try:
        settings = get_settings()
        parse_networks(settings.platform_networks)
    except (SettingsProblem, AddressRefused) as problem:
        yield failed("settings", str(problem))
        return
    yield ok("settings", "readable")
    yield check_secret(settings)
    yield check_base_url(settings)
    yield check_judge(settings)
    yield check_storage(settings)
    yield check_prefect()
    yield check_broker(settings)
    yield from check_database(settings)


# ---- without the database ------------------------------------------------------------------------------------


def check_secret(settings: Settings) -> Check:
    """There is a secret key, and it is long enough."""
    try:
        require_secret(settings)
    except SettingsProblem as problem:
        return failed("secret key", f"{problem}")
    return ok("secret key", "long enough")


def check_base_url(settings: Settings) -> Check:
    """Platforms ask for https; http is for this machine alone."""
    if settings.is_secure:
        return ok("base URL", settings.base_url)
    if not is_loopback(urlsplit(settings.base_url).hostname or ""):
        return failed("base URL", f"{settings.base_url} is plain http; set ATELIER_BASE_URL to an https address.")
    if not settings.allow_http:
        return failed(
            "base URL", f"{settings.base_url} is plain http; for this machine alone set ATELIER_ALLOW_HTTP=1."
        )
    return ok("base URL", f"{settings.base_url}, for this machine alone")


def check_judge(settings: Settings) -> Check:
    """The judge that rates new submissions can be had."""
    try:
        judge = get_judge(settings.judge)
    except JudgeError as problem:
        return failed("judge", f"{problem} Change ATELIER_JUDGE.")
    unreachable = getattr(judge, "unreachable", None)
    why = unreachable() if unreachable is not None else None
    if why is not None:
        return failed("judge", f"{why} Until then work waits; nothing is lost.")
    return ok("judge", judge.name)


def check_storage(settings: Settings) -> Check:
    """A file can be written where results are kept."""
    if "://" in settings.result_storage:
        return _check_shared_storage(settings.result_storage_address)
    try:
        settings.result_folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.result_folder) as probe:
            probe.write(b"probe")
    except OSError as problem:
        reason = (problem.strerror or "no reason given").lower()
        return failed("result storage", f"ATELIER_RESULT_STORAGE cannot be written: {reason}.")
    return ok("result storage", "writable")


def _check_shared_storage(address: str) -> Check:
    scheme = address.partition("://")[0]
    try:
        system, folder = fsspec.url_to_fs(address)
        probe = f"{folder.rstrip('/')}/atelier-probe"
        system.makedirs(folder, exist_ok=True)
        system.pipe_file(probe, b"probe")
        system.rm_file(probe)
    except ImportError as problem:
        return failed("result storage", f"ATELIER_RESULT_STORAGE is {scheme}://, and for that: {problem}.")
    except ValueError:
        return failed("result storage", f"ATELIER_RESULT_STORAGE begins with {scheme}://, which nothing here knows.")
    except Exception as problem:  # each kind of storage has errors of its own
        return failed("result storage", f"ATELIER_RESULT_STORAGE cannot be written ({type(problem).__name__}).")
    return ok("result storage", f"writable, shared ({scheme})")


def check_prefect() -> Check:
    """Prefect is installed, and its server answers where one is named. Prefect is not imported: that takes seconds."""
    try:
        number = version("prefect")
    except PackageNotFoundError:
        return failed("Prefect", "not installed; run: make setup")
    server = os.environ.get("PREFECT_API_URL")
    if not server:
        return ok("Prefect", f"{number}, embedded in each executor")
    try:
        status = requests.get(f"{server.rstrip('/')}/health", timeout=PREFECT_SECONDS).status_code
    except (requests.RequestException, ValueError):
        return failed("Prefect", "the server at PREFECT_API_URL does not answer; start it, or unset the variable.")
    if status != 200:
        return failed("Prefect", f"/health at PREFECT_API_URL answered {status}; the address should end in /api.")
    return ok("Prefect", f"{number}, its server answers")


def check_broker(settings: Settings) -> Check:
    """What carries Prefect's records to its database, and how many machines and essays that is good for."""
    if not settings.redis_url:
        return ok(
            "broker",
            "in memory: fine for one server of Prefect's; one that runs apart from its executor drops records (never "
            "scores) above some 1,000 essays a minute. For more set ATELIER_REDIS_URL",
        )
    try:
        Redis.from_url(settings.redis_url, socket_connect_timeout=PREFECT_SECONDS).ping()
    except (RedisError, ValueError) as problem:
        return failed(
            "broker",
            f"Redis at ATELIER_REDIS_URL does not answer ({type(problem).__name__}); judging goes on, but Prefect "
            "records nothing of it.",
        )
    return ok("broker", "Redis answers: any number of servers and executors")


# ---- with the database ---------------------------------------------------------------------------------------


def check_database(settings: Settings) -> Iterator[Check]:
    """The database, and all that is kept in it."""
    try:
        database = Database(settings.database_url)
    except DatabaseUrlError as problem:
        yield failed("database", str(problem))
        yield from not_checked(DATABASE_CHECKS, "the database cannot be opened")
        return
    try:
        yield from _examine_database(database, settings)
    finally:
        database.close()


def _examine_database(database: Database, settings: Settings) -> Iterator[Check]:
    answers = check_answer(database, settings)
    yield answers
    if answers.state != "ok":
        yield from not_checked(DATABASE_CHECKS, "the database does not answer")
        return
    current = check_schema(database)
    yield current
    if current.state != "ok":
        yield from not_checked(DATABASE_CHECKS[1:], "the schema is not up to date")
        return
    with database.read() as session:
        yield check_lesson(session, settings)
        yield check_signing_key(session, settings)
        registrations = [row for row in list_registrations(session) if row.enabled]
    yield from check_registrations(registrations, settings)
    # A session of its own: asking platforms may have taken a while.
    with database.read() as session:
        yield check_waiting(session)
        yield check_executor(session, utc_now())


def not_checked(names: tuple[str, ...], because: str) -> Iterator[Check]:
    """A line for each check that could not be made."""
    for name in names:
        yield Check(name, "not_checked", f"not checked: {because}")


def check_answer(database: Database, settings: Settings) -> Check:
    """The database answers; a SQLite file that is not there yet is not made."""
    url = make_url(settings.database_url)
    kind = url.get_backend_name()
    if kind == "sqlite" and url.database not in (None, "", ":memory:") and not Path(str(url.database)).exists():
        return failed("database", "the SQLite file is not there yet. Run: atelier db upgrade")
    try:
        with database.read() as session:
            session.execute(select(1))
    except DBAPIError as problem:
        line = (str(problem.orig).strip().splitlines() or ["no reason given"])[0].rstrip(".")
        # Drivers name the user and the host, never the password; an odd address may hold it elsewhere.
        shown = line.replace(url.password, "***") if url.password else line
        return failed("database", f"it does not answer: {shown}. Check ATELIER_DATABASE_URL.")
    except SQLAlchemyError:
        return failed("database", "it does not answer. Check ATELIER_DATABASE_URL.")
    return ok("database", f"{kind} answers")


def check_schema(database: Database) -> Check:
    """The tables are those this code was written for. A reading session: it never waits for a writer."""
    with database.read() as session:
        present = MigrationContext.configure(session.connection()).get_current_revision()
    if present != schema.newest_revision():
        return failed("schema", "it is not up to date. Run: atelier db upgrade")
    return ok("schema", f"up to date ({present})")


def check_lesson(session: Session, settings: Settings) -> Check:
    """The lesson of a launch that names none is published."""
    try:
        found = current_lesson(session, settings.default_lesson)
    except UnknownLesson:
        return failed(
            "default lesson",
            f"{settings.default_lesson!r} is not published. Run: atelier db upgrade, or change ATELIER_DEFAULT_LESSON.",
        )
    return ok("default lesson", found.version.slug)


def check_signing_key(session: Session, settings: Settings) -> Check:
    """The private key that signs for us can be opened with the secret key."""
    if session.scalar(select(ToolKey.id).where(ToolKey.retired_at.is_(None)).limit(1)) is None:
        return ok("signing key", "none yet; the first is made when a platform is registered or asks for it")
    try:
        kid = current_key(session, settings).kid
    except KeySealProblem as problem:
        return failed("signing key", str(problem))
    return ok("signing key", f"opens ({kid})")


# ---- platforms -----------------------------------------------------------------------------------------------


def check_registrations(registrations: list[Registration], settings: Settings) -> Iterator[Check]:
    """A line for each platform; several are asked at once, since a silent one takes its time."""
    if not registrations:
        yield ok("registrations", "none yet; add one with: atelier lms add")
        return
    outbound = Outbound(settings)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(lambda row: check_key_set(row, outbound.get), registrations)


def check_key_set(registration: Registration, get: Callable[..., Any]) -> Check:
    """The platform's key set answers and holds a key that can sign launches."""
    name = f"registration {registration.id} {registration.name}"
    try:
        reply = get(registration.jwks_url, headers={"Accept": "application/json"})
        rows = reply.json() if reply.ok else None
    except OutboundError as problem:
        return failed(name, f"its key set cannot be had. {problem}")
    if not reply.ok:
        return failed(name, f"its key set answered {reply.status}; check the address with: atelier lms list")
    listed = rows.get("keys") if isinstance(rows, dict) else None
    count = sum(map(_is_rsa, listed)) if isinstance(listed, list) else 0
    if not count:
        return failed(name, "its key set holds no RSA key; check the address with: atelier lms list")
    return ok(name, f"key set answers, {count} RSA key{'' if count == 1 else 's'}")


def _is_rsa(row: object) -> bool:
    return isinstance(row, dict) and row.get("kty") == "RSA" and bool(row.get("kid") and row.get("n") and row.get("e"))


# ---- work ----------------------------------------------------------------------------------------------------


def check_waiting(session: Session) -> Check:
    """Nothing was given up that only a person can go on with; reviews that wait are as they should be."""
    counts = dict(session.execute(select(Job.state, func.count()).group_by(Job.state)).all())
    stuck, reviews = counts.get("needs_person", 0), counts.get("awaiting_review", 0)
    if stuck:
        return failed(
            "waiting for a person",
            f"{stuck} message{'' if stuck == 1 else 's'} to a gradebook could not be sent; an instructor sends again "
            "on the page Scores, where the reason stands.",
        )
    return ok("waiting for a person", f"{reviews} review{'' if reviews == 1 else 's'}, nothing stuck")


def check_executor(session: Session, now: datetime) -> Check:
    """Whether somebody does the work. There is no heartbeat: due work that nobody takes tells."""
    queued = session.scalar(select(func.count()).where(Job.state == "queued"))
    oldest = session.scalar(select(func.min(Job.created_at)).where(Job.state == "queued"))
    waits = f"{queued} queued" + (f", the oldest for {_age(now - oldest)}" if oldest else "")
    held = session.scalar(select(func.count()).where(Job.state == "running", Job.lease_until > now))
    due = _oldest_due(session, now)
    if held:
        return ok("executor", f"at work on {held} job{'' if held == 1 else 's'}; {waits}")
    if due is not None and now - due > OVERDUE:
        return failed("executor", f"work has been due for {_age(now - due)} and nobody took it. Start: atelier worker")
    return ok("executor", f"{waits}; nothing is overdue")


def _oldest_due(session: Session, now: datetime) -> datetime | None:
    """Since when the oldest job could have been taken; one behind another of its lane could not."""
    older = aliased(Job)
    blocked = select(older.id).where(older.lane == Job.lane, older.id < Job.id, older.state.in_(UNFINISHED))
    ready = or_(
        and_(Job.state == "queued", Job.next_try_at <= now),
        and_(Job.state == "running", Job.lease_until <= now),
    )
    since = func.coalesce(Job.lease_until, Job.next_try_at, type_=Job.next_try_at.type)
    return session.scalar(select(func.min(since)).where(ready, or_(Job.lane.is_(None), ~blocked.exists())))


def _age(passed: timedelta) -> str:
    seconds = max(0, int(passed.total_seconds()))
    for length, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            number = seconds // length
            return f"{number} {word}{'' if number == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"

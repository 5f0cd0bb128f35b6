"""What runs in a process of its own: an executor or the web, with a window armed in which it is struck.

The processes are forked from one that has loaded everything, because loading Prefect takes longer than any test here.
"""

import multiprocessing
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import Signals
from typing import Any

from sqlalchemy import select, update

from flows.executor import Executor
from flows.judging.judge import JudgeRequest
from lti_tool import db, jobs, outbound
from lti_tool.db import Database
from lti_tool.jobs import UNFINISHED
from lti_tool.models import Job
from lti_tool.settings import Settings
from tests.flows.chaos.windows import DIE, arm
from tests.flows.counting_judge import CountingJudge, rate_everything

SECRET = "not a secret " * 4
ROUNDS = 20
PATIENCE_SECONDS = 0.5  # with a platform that does not answer
POISON = "poison"  # a text that ends on it kills whoever judges it
LOADED = ["flows.executor", "flows.prefect_ready", "lti_tool.web.app", "tests.flows.chaos.child"]


@dataclass(frozen=True)
class Errand:
    """One process: which database, where its files are, which window and how it is struck there."""

    url: str
    folder: Path
    hit: Path
    window: str = ""
    strike: Signals = DIE
    lease: float = 30
    patience: float = PATIENCE_SECONDS
    clock: float = 0.0
    until_done: bool = False
    notes: str = "questions"
    answer_seconds: float = 0.0
    pause: float | None = None
    variables: tuple[tuple[str, str], ...] = ()

    @property
    def settings(self) -> Settings:
        """The tool's settings, the same in every process of a site."""
        return Settings(
            database_url=self.url,
            result_storage=self.folder / "results",
            secret_key=SECRET,
            allow_http=True,
            rate_limits="off",
        )


def answer(request: JudgeRequest) -> dict[str, Any]:
    """What the judge says, a level more for a second attempt; the window inside a call stands before it."""
    said = rate_everything(request)
    better = request.text.endswith("again.")
    return {"ratings": [{**rating, "level": rating["level"] + better} for rating in said["ratings"]]}


class NotingJudge(CountingJudge):
    """Notes each question in a file before it answers, and in the answer itself."""

    def __init__(self, errand: Errand) -> None:
        super().__init__(self._note)
        self._errand = errand

    def _note(self, request: JudgeRequest) -> dict[str, Any]:
        question = f"{request.text.split()[-1]}/{','.join(request.criteria)}"
        with (self._errand.folder / self._errand.notes).open("a") as file:
            file.write(f"{question}\n")
        time.sleep(self._errand.answer_seconds)
        if request.text.endswith(POISON):
            os.kill(os.getpid(), DIE)
        return answer(request) | {"question": question}


def work(errand: Errand) -> None:
    """An executor until nothing is left to do."""
    _begin(errand)
    database = Database(errand.url)
    judge = NotingJudge(errand)
    executor = Executor(
        errand.settings,
        database,
        judge_factory=lambda _: judge,
        lease_seconds=errand.lease,
        criteria_at_once=1,
    )
    executor.run_until_idle(100)
    for _ in range(ROUNDS if errand.until_done else 0):
        if unfinished(database):
            pass_time(database)
            executor.run_until_idle(100)
    executor.close()
    database.close()


def pass_time(database: Database) -> None:
    """Let leases run out and next tries be due."""
    past = db.utc_now() - timedelta(seconds=1)
    with database.write() as session:
        session.execute(update(Job).where(Job.state == "running").values(lease_until=past))
        session.execute(update(Job).where(Job.state == "queued").values(next_try_at=past))


def unfinished(database: Database) -> bool:
    """Whether anything is queued or held."""
    with database.read() as session:
        return session.scalar(select(Job.id).where(Job.state.in_(UNFINISHED)).limit(1)) is not None


def web(errand: Errand, said: Any) -> None:
    """The web process; says through the pipe where it is served, and ends when the pipe is closed."""
    _begin(errand)
    from lti_tool.web.app import create_app
    from tests.lti_tool.door import serving

    database = Database(errand.url)
    with serving(create_app(errand.settings, database)) as address:
        said.send(address)
        said.poll(60)


def _begin(errand: Errand) -> None:
    os.environ.update(errand.variables)
    outbound.READ_SECONDS = errand.patience
    set_clock(errand.clock)
    jobs._FIRST_PAUSE = errand.pause or jobs._FIRST_PAUSE
    if errand.window:
        arm(errand.window, errand.hit, errand.strike)


def set_clock(seconds: float) -> None:
    """Set this process's clock forward or back, as far as the tool reads it."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=seconds)

    db.datetime = Clock if seconds else datetime


def start(target: Any, *arguments: Any) -> BaseProcess:
    """One of the functions above in a process of its own."""
    process = _forks().Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def start_anew(target: Any, *arguments: Any) -> BaseProcess:
    """As `start`, in a process that loads everything itself: one with a Prefect server of its own has to."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    return process


def _forks() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context

"""What runs in a process of its own: an executor or the web, with a window armed in which it is struck.

The processes are forked from one that has loaded everything, because loading Prefect takes longer than any test here.
"""

import multiprocessing
import os
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from signal import Signals
from typing import Any

from flows.executor import Executor
from flows.judging.judge import JudgeRequest
from lti_tool import outbound
from lti_tool.db import Database
from lti_tool.settings import Settings
from tests.flows.chaos.windows import DIE, arm
from tests.flows.counting_judge import CountingJudge, rate_everything

SECRET = "not a secret " * 4
PATIENCE_SECONDS = 0.5  # with a platform that does not answer
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
    """What the judge says; the window inside a call stands before it."""
    return rate_everything(request)


class NotingJudge(CountingJudge):
    """Notes each question in a file before it answers, and in the answer itself."""

    def __init__(self, notes: Path) -> None:
        super().__init__(self._note)
        self._notes = notes

    def _note(self, request: JudgeRequest) -> dict[str, Any]:
        question = f"{request.text.split()[-1]}/{','.join(request.criteria)}"
        with self._notes.open("a") as file:
            file.write(f"{question}\n")
        return answer(request) | {"question": question}


def work(errand: Errand) -> None:
    """An executor until nothing is left to do."""
    _begin(errand)
    database = Database(errand.url)
    judge = NotingJudge(errand.folder / "questions")
    executor = Executor(
        errand.settings,
        database,
        judge_factory=lambda _: judge,
        lease_seconds=errand.lease,
        criteria_at_once=1,
    )
    executor.run_until_idle(60)
    executor.close()
    database.close()


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
    outbound.READ_SECONDS = PATIENCE_SECONDS
    if errand.window:
        arm(errand.window, errand.hit, errand.strike)


def start(target: Any, *arguments: Any) -> BaseProcess:
    """One of the functions above in a process of its own."""
    process = _forks().Process(target=target, args=arguments, daemon=True)
    process.start()
    return process


def _forks() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context

"""One site to be struck: its database, its gradebook, the processes that work on it, and what they were asked."""

import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select, update

from lti_tool.ags import SCOPES
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.jobs import UNFINISHED
from lti_tool.models import AnswerRow, Job, Passback, Registration, ResourceLink
from tests.conftest import World
from tests.flows.chaos.chaos_lms import ChaosLms
from tests.flows.chaos.child import Errand, start, work
from tests.flows.chaos.invariants import assert_all_hold
from tests.flows.chaos.windows import DIE, STALL

TEXTS = {
    "ada": "A fresh copy may be served without asking; when it is stale the cache asks the origin whether it still "
    "holds, and the origin says not modified or sends a new one, says ada.",
    "bo": "While its lifetime lasts a cache answers by itself; afterwards it validates with the origin, which either "
    "confirms the copy it has or replaces it by another, says bo.",
    "ada again": "Freshness is the time in which nobody has to be asked; after it the cache validates its copy with "
    "the origin, by a tag or a date, and goes on with what it is told, says ada again.",
}
WAIT_SECONDS = 60.0


class Site:
    """`lost` are the calls whose answer a kill took with it: those alone may be made again."""

    def __init__(self, world: World, lms: ChaosLms, folder: Path, variables: Mapping[str, str]) -> None:
        self.world, self.lms, self.folder = world, lms, folder
        self.url = world.database.engine.url.render_as_string(hide_password=False)
        self.variables = tuple(variables.items())
        self.lost: list[str] = []
        self.processes: list[BaseProcess] = []
        lms.approved = self._is_approved
        lms.columns["1"] = {"label": "HTTP Caching", "scoreMaximum": 100, "resourceLinkId": "link-two-step"}

    def open(self, release: Literal["auto", "review"]) -> None:
        """Point the placement at the gradebook; scores are released by policy, or by a person."""
        with self.world.database.write() as session:
            session.execute(update(Registration).values(auth_token_url=f"{self.lms.url}/token"))
            link = session.get_one(ResourceLink, self.world.tiny_link_id)
            link.platform_family, link.scopes = self.lms.family, list(SCOPES)
            link.line_items_url, link.line_item_url = f"{self.lms.url}/items?type_id=3", self.lms.column_url("1")
            link.settings = {"release": release}

    def send(self, whose: str) -> str:
        """Hand in a learner's text; returns the public id."""
        person_id = self.world.bo_id if whose == "bo" else self.world.ada_id
        with self.world.database.write() as session:
            return submit(session, self.world.tiny(session), person_id, "answer", TEXTS[whose]).public_id

    # ---- processes -------------------------------------------------------------------------------------------

    def errand(self, window: str = "", strike: signal.Signals = DIE, **more: Any) -> Errand:
        """What a process of this site is told."""
        hit = self.folder / f"hit-{len(self.processes)}"
        return Errand(self.url, self.folder, hit, window=window, strike=strike, variables=self.variables, **more)

    def start(self, errand: Errand, target: Callable[..., None] = work, *arguments: Any) -> BaseProcess:
        """Start a process."""
        process = start(target, errand, *arguments)
        self.processes.append(process)
        return process

    def kill(self, window: str) -> None:
        """An executor that is killed in this window; fails where it was not."""
        errand = self.errand(window)
        process = self.start(errand)
        process.join(WAIT_SECONDS)
        self.note_kill(process, errand)

    def note_kill(self, process: BaseProcess, errand: Errand) -> None:
        """Assert that the window was hit, and count the calls that were in flight."""
        process.join(WAIT_SECONDS)
        assert process.exitcode == -signal.SIGKILL
        assert errand.hit.read_text() == errand.window
        in_flight = self.questions()
        with self.world.database.read() as session:
            stored = {row["question"] for row in session.scalars(select(AnswerRow.body))}
        for known in stored:
            in_flight = [question for question in in_flight if question != known]
        new = in_flight[len([one for one in self.lost if one in in_flight]) :]
        assert len(new) <= 1, "one call is in flight at a time"
        self.lost += new

    def stall(self, window: str, lease: float = 1) -> BaseProcess:
        """An executor that stops dead in this window, as a machine does that is suspended, and can be woken."""
        errand = self.errand(window, STALL, lease=lease)
        process = self.start(errand)
        assert process.pid is not None
        wait_until(lambda: errand.hit.exists() and state_of(process) == "T")
        return process

    def recover(self) -> None:
        """Executors, one after the other, each when what waits is due, until all is done that can be done."""
        for _ in range(10):
            self.pass_time()
            process = self.start(self.errand())
            process.join(WAIT_SECONDS)
            assert process.exitcode == 0
            if not self.unfinished():
                return
        raise AssertionError("it goes on for ever")

    def pass_time(self) -> None:
        """Let leases run out and next tries be due."""
        past = utc_now() - timedelta(seconds=1)
        with self.world.database.write() as session:
            session.execute(update(Job).where(Job.state == "running").values(lease_until=past))
            session.execute(update(Job).where(Job.state == "queued").values(next_try_at=past))

    def end(self) -> None:
        """End what still runs."""
        for process in self.processes:
            if process.is_alive() and process.pid is not None:
                process.kill()
                process.join(10)

    # ---- what is so ------------------------------------------------------------------------------------------

    def questions(self) -> list[str]:
        """What judges were asked, one entry a call."""
        with suppress(FileNotFoundError):
            return (self.folder / "questions").read_text().splitlines()
        return []

    def rows(self, kind: Any) -> list[Any]:
        """Every row of a table."""
        with self.world.database.read() as session:
            return list(session.scalars(select(kind).order_by(*kind.__table__.primary_key)))

    def unfinished(self) -> bool:
        """Whether anything is queued or held."""
        return any(job.state in UNFINISHED for job in self.rows(Job))

    def check(self) -> None:
        """Everything that must hold at the end."""
        assert_all_hold(self.world.database, self.lms, self.questions(), self.lost)

    def _is_approved(self, body: dict[str, Any]) -> bool:
        return any(message.body == body for message in self.rows(Passback))


def wait_until(so: Callable[[], bool], seconds: float = WAIT_SECONDS) -> None:
    """Return once it is so."""
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def state_of(process: BaseProcess) -> str:
    """The kernel's letter for what a process does: T is stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

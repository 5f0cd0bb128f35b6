"""One site to be struck: its database, its gradebook, the processes that work on it, and what they were asked."""

import secrets
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import select, update

from lti_tool.ags import SCOPES
from lti_tool.attempts import submit
from lti_tool.jobs import clock
from lti_tool.models import AnswerRow, Job, Passback, Registration, ResourceLink
from tests.conftest import World
from tests.flows.chaos.chaos_lms import ChaosLms
from tests.flows.chaos.child import Errand, pass_time, set_clock, start, start_anew, unfinished, work
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
WAIT_SECONDS = 120.0


class Site:
    """`lost` are the calls whose answer a kill took with it: those alone may be made again."""

    def __init__(self, world: World, lms: ChaosLms, folder: Path, variables: Mapping[str, str]) -> None:
        self.world, self.lms, self.folder = world, lms, folder
        self.url = world.database.engine.url.render_as_string(hide_password=False)
        self.variables = tuple(variables.items())
        self.clock = 0.0
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
        notes = f"questions-{len(self.processes)}-{secrets.token_hex(2)}"
        told = {"variables": self.variables, "clock": self.clock, "notes": notes, **more}
        return Errand(self.url, self.folder, hit, window=window, strike=strike, **told)

    def start(
        self, errand: Errand, target: Callable[..., None] = work, *arguments: Any, anew: bool = False
    ) -> BaseProcess:
        """Start a process; one that loads everything anew takes longer."""
        process = (start_anew if anew else start)(target, errand, *arguments)
        self.processes.append(process)
        return process

    def kill(self, window: str, most: int = 1) -> None:
        """An executor that is killed in this window; fails where it was not."""
        errand = self.errand(window)
        self.note_kill(self.start(errand), errand, most)

    def note_kill(self, process: BaseProcess, errand: Errand, most: int = 1) -> None:
        """Assert that the window was hit, and count the calls that were in flight."""
        process.join(WAIT_SECONDS)
        assert process.exitcode == -signal.SIGKILL
        assert errand.hit.read_text() == errand.window
        self.note_lost(most)

    def note_lost(self, most: int = 1, of: Errand | None = None) -> None:
        """Count the calls in flight (at most so many; of one process) whose answer nobody will store.

        Those alone may be made again.
        """
        with self.world.database.read() as session:
            stored = {row["question"] for row in session.scalars(select(AnswerRow.body))}
        asked = Counter(one for one in self.questions(of.notes if of else "questions*") if one not in stored)
        new = asked if of else asked - Counter(self.lost)
        assert new.total() <= most, "so many calls are not in flight at a time"
        self.lost += new.elements()

    def stall(self, window: str, lease: float = 2) -> BaseProcess:
        """An executor that stops dead in this window until its lease is over, as a machine does that is suspended."""
        errand = self.errand(window, STALL, lease=lease)
        process = self.start(errand)
        wait_until(lambda: errand.hit.exists() and state_of(process) == "T")
        assert errand.hit.read_text() == window
        wait_until(self._is_lease_over)
        self.note_lost()
        return process

    def _is_lease_over(self) -> bool:
        with self.world.database.read() as session:
            late = select(Job.id).where(Job.state == "running", Job.lease_until < clock(session))
            return session.scalar(late) is not None

    def run(self, until_done: bool = False) -> None:
        """One executor until nothing is due, or until nothing waits."""
        process = self.start(self.errand(until_done=until_done))
        process.join(WAIT_SECONDS)
        assert process.exitcode == 0

    def set_clock(self, seconds: float) -> None:
        """Set the clock of the machine forward or back, for what runs from now on."""
        self.clock = seconds
        set_clock(seconds)

    def recover(self) -> None:
        """An executor that works until all is done that can be done, each time when what waits has become due."""
        self.pass_time()
        self.run(until_done=True)
        assert not self.unfinished(), "it goes on for ever"

    def pass_time(self) -> None:
        """Let leases run out and next tries be due."""
        pass_time(self.world.database)

    def end(self) -> None:
        """End what still runs, and set the clock right."""
        set_clock(0)
        for process in self.processes:
            if process.is_alive() and process.pid is not None:
                process.kill()
                process.join(10)

    # ---- what is so ------------------------------------------------------------------------------------------

    def questions(self, files: str = "questions*") -> list[str]:
        """What judges were asked, one entry a call."""
        return [line for file in sorted(self.folder.glob(files)) for line in file.read_text().splitlines()]

    def rows(self, kind: Any) -> list[Any]:
        """Every row of a table."""
        with self.world.database.read() as session:
            return list(session.scalars(select(kind).order_by(*kind.__table__.primary_key)))

    def unfinished(self) -> bool:
        """Whether anything is queued or held."""
        return unfinished(self.world.database)

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

"""The scenarios of the long chaos run; each returns what it struck, and raises where something did not hold."""

import argparse
import os
import random
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.servers import system_postgres, wait_until_it_answers
from lti_tool.attempts import submit
from lti_tool.claims import BROKE_TOO_OFTEN
from lti_tool.db import Database
from lti_tool.models import Job, Person
from lti_tool.ports import free_port
from tests.conftest import populate, prepare
from tests.flows.chaos.chaos_lms import ChaosLms
from tests.flows.chaos.child import POISON
from tests.flows.chaos.site import Site, wait_until

ESSAYS = 30
ANSWER_SECONDS = 0.2
MISHAPS = ("500", "409", "takes it, then 500", "takes it, then silence")
LEASE_SECONDS = 6
PATIENCE_SECONDS = 600  # a busy machine takes minutes to start Prefect's server
TEXT = "A fresh copy is served without asking; when it is stale the cache asks the origin whether it still holds, by "


class Lacking(Exception):
    """This machine lacks what the scenario needs; the message says what."""


@dataclass(frozen=True)
class Seen:
    """How often something was struck, and how many jobs there were."""

    struck: int
    jobs: int


@contextmanager
def site_on(url: str, folder: Path, **variables: str) -> Iterator[Site]:
    """A site with the schema, two lessons, people and a gradebook; scores are released by policy."""
    database = Database(url)
    prepare(database)
    lms = ChaosLms("moodle")
    with lms.served():
        site = Site(populate(database), lms, folder, variables)
        site.open("auto")
        try:
            yield site
        finally:
            lms.patience.set()
            site.end()
            database.close()


def hand_in(site: Site, essays: int, first: int = 0) -> None:
    """Texts of so many new learners."""
    with site.world.database.write() as session:
        for number in range(first, first + essays):
            person = Person(registration_id=site.world.registration_id, sub=f"sub-{number}", handle=f"no-{number}")
            session.add(person)
            session.flush()
            site.lms.learners.add(person.sub)
            submit(session, site.world.tiny(session), person.id, "answer", f"{TEXT}no-{number}")


def end_well(site: Site, struck: int) -> Seen:
    """Work until nothing waits, then look whether everything holds."""
    site.recover()
    site.check()
    return Seen(struck, len(site.rows(Job)))


# ---- servers -------------------------------------------------------------------------------------------------


def server_killed(folder: Path, _asked: argparse.Namespace) -> Seen:
    """The executor's own Prefect server, twice; the executor goes on by itself."""
    own = {"PREFECT_API_URL": "", "PREFECT_HOME": str(folder / "prefect")}
    with site_on(f"sqlite:///{folder / 'tool.db'}", folder, **own) as site:
        hand_in(site, ESSAYS)
        process = site.start(site.errand(until_done=True, answer_seconds=ANSWER_SECONDS), anew=True)
        killed: set[int] = set()
        for questions in (ESSAYS // 3, ESSAYS):
            wait_until(lambda enough=questions: len(site.questions()) >= enough, PATIENCE_SECONDS)
            # The one that was killed before is started again a moment later; judging goes on meanwhile.
            wait_until(lambda: _servers_of(process.pid or 0) - killed, PATIENCE_SECONDS)
            [server] = _servers_of(process.pid or 0) - killed
            os.kill(server, signal.SIGKILL)
            killed.add(server)
            site.note_lost(most=ESSAYS)
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == 0
        assert not site.unfinished()
        site.check()
        return Seen(len(killed), len(site.rows(Job)))


def _servers_of(executor: int) -> set[int]:
    found = subprocess.run(
        ["ps", "--ppid", str(executor), "-o", "pid=,args="], capture_output=True, text=True, check=False
    )
    return {int(line.split()[0]) for line in found.stdout.splitlines() if "prefect_setup" in line}


class Postgres:
    """A PostgreSQL server of our own that can be stopped at once and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        programs = system_postgres()
        if programs is None:
            raise Lacking("PostgreSQL (apt-get install postgresql)")
        self._user = "postgres" if os.getuid() == 0 else None
        self._folder, self._port = folder / "postgres", free_port()
        self._folder.mkdir()
        folder.chmod(0o755)
        if self._user:
            shutil.chown(self._folder, self._user)
        cluster = str(self._folder / "cluster")
        self._run(
            [str(programs / "initdb"), "-D", cluster, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        )
        options = [f"port={self._port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self._folder}"]
        self._command = [str(programs / "postgres"), "-D", cluster, *(part for one in options for part in ("-c", one))]
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{self._port}/postgres"
        self.start()

    def _run(self, command: list[str]) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, user=self._user, cwd=self._folder)

    def start(self) -> None:
        """Start, and wait until it answers."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._server = subprocess.Popen(self._command, user=self._user, cwd=self._folder, **quiet)  # type: ignore[call-overload]
        wait_until_it_answers(self.url)

    def stop_at_once(self) -> None:
        """As in a power cut: what was not committed is gone, and recovery runs at the next start."""
        self._server.send_signal(signal.SIGQUIT)
        self._server.wait(30)


def database_restarted(folder: Path, _asked: argparse.Namespace) -> Seen:
    """Twice, in the middle of judging; the executor is not restarted."""
    postgres, struck = Postgres(folder), 0
    try:
        with site_on(postgres.url, folder) as site:
            hand_in(site, ESSAYS)
            process = site.start(site.errand(until_done=True, answer_seconds=ANSWER_SECONDS, lease=LEASE_SECONDS))
            for questions in (ESSAYS // 3, ESSAYS):
                wait_until(lambda enough=questions: len(site.questions()) >= enough, PATIENCE_SECONDS)
                postgres.stop_at_once()
                struck += 1
                assert process.exitcode is None
                postgres.start()
                site.note_lost(most=ESSAYS)
            process.join(PATIENCE_SECONDS)
            assert process.exitcode == 0
            return end_well(site, struck)
    finally:
        postgres.stop_at_once()


def disk_full(folder: Path, _asked: argparse.Namespace) -> Seen:
    """No receipt can be kept; everything is judged, and nothing is asked twice although an executor is killed."""
    store = folder / "results"
    store.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(store)], capture_output=True)
    if mounted.returncode:
        raise Lacking("the right to mount a small disk")
    try:
        _fill(store)
        with site_on(f"sqlite:///{folder / 'tool.db'}", folder) as site:
            hand_in(site, ESSAYS)
            site.kill("after the record, before the ledger", most=ESSAYS)
            seen = end_well(site, 1)
        assert sorted(file.name for file in store.iterdir() if file.stat().st_size) == ["filler"]
        return seen
    finally:
        subprocess.run(["umount", "-l", str(store)], check=False)


def _fill(store: Path) -> None:
    with (store / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(b"x" * 4096)
    assert os.statvfs(store).f_bavail == 0


# ---- work that kills, and kills at random --------------------------------------------------------------------


def poison(folder: Path, _asked: argparse.Namespace) -> Seen:
    """It ends with a person, with its history; what stood beside it in the queue is judged all the same."""
    struck = 0
    with site_on(f"sqlite:///{folder / 'tool.db'}", folder) as site:
        hand_in(site, ESSAYS // 3)
        with site.world.database.write() as session:
            submit(session, site.world.tiny(session), site.world.ada_id, "answer", f"{TEXT}{POISON}")
        for _ in range(40):
            site.pass_time()
            process = site.start(site.errand(answer_seconds=ANSWER_SECONDS))
            process.join(PATIENCE_SECONDS)
            site.note_lost(most=ESSAYS)
            if process.exitcode == 0:
                break
            assert process.exitcode == -signal.SIGKILL
            struck += 1
        seen = end_well(site, struck)
        found = {job.submission_id: job for job in site.rows(Job) if job.kind == "judge"}
        poisoned = found.pop(max(found))
        assert (poisoned.state, poisoned.gate_reason) == ("awaiting_review", BROKE_TOO_OFTEN)
        assert {job.state for job in found.values()} == {"done"}
        return seen


def random_kills(folder: Path, asked: argparse.Namespace) -> Seen:
    """Two executors on PostgreSQL that are started again whenever they are killed, for minutes."""
    chance, postgres, struck, essays = random.Random(asked.seed), Postgres(folder), 0, 0
    try:
        with site_on(postgres.url, folder) as site:
            options = {"lease": LEASE_SECONDS, "answer_seconds": ANSWER_SECONDS, "until_done": True, "pause": 0.5}
            errands = [site.errand(**options) for _ in range(2)]
            running = [site.start(errand) for errand in errands]
            ends = time.monotonic() + asked.minutes * 60
            while time.monotonic() < ends:
                hand_in(site, 3, essays)
                essays += 3
                if chance.random() < 0.5:
                    site.lms.mishaps.append(chance.choice(MISHAPS))
                time.sleep(chance.uniform(0.5, 3))
                one = chance.randrange(2)
                running[one].kill()
                running[one].join()
                struck += running[one].exitcode == -signal.SIGKILL
                site.note_lost(most=ESSAYS, of=errands[one])
                errands[one] = site.errand(**options)
                running[one] = site.start(errands[one])
            for process in running:
                process.join(PATIENCE_SECONDS)
            states = Counter(job.state for job in site.rows(Job))
            assert states["done"] > essays, states  # it got on under all this
            return end_well(site, struck)
    finally:
        postgres.stop_at_once()

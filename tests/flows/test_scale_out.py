"""Two executors, two of Prefect's API servers and a recorder on PostgreSQL and Redis; one executor is killed midway."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from sqlalchemy import select

from bench.servers import Backends, backends, run_sql, system_postgres
from flows import upkeep
from flows.prefect_setup import environment
from flows.upkeep import Upkeep
from lti_tool.attempts import submit
from lti_tool.db import Database
from lti_tool.models import AnswerRow, Job, Person, RatingRow
from lti_tool.ports import free_port
from lti_tool.settings import Settings
from tests.conftest import World, populate, prepare

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
LEARNERS = 60
LEASE = "3"
TEXT = "A fresh response is served without asking the origin; when it is stale the cache asks again, by number {}"


@pytest.fixture(scope="module")
def servers() -> Iterator[Backends]:
    """PostgreSQL that can hold Prefect's tables, and Redis."""
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on this machine (apt-get install redis-server)")
    if system_postgres() is None:
        pytest.skip("no PostgreSQL with pg_trgm on this machine (apt-get install postgresql)")
    with backends() as found:
        yield found


@dataclass
class Site:
    """Many learners' answers in the ledger, Prefect's servers, and how to start an executor."""

    world: World
    folder: Path
    variables: dict[str, str]
    stack: ExitStack

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start an executor that writes its questions to the file of that name."""
        url = self.world.database.engine.url.render_as_string(hide_password=False)
        arguments = [url, str(self.folder / "results"), str(self.folder / name), LEASE]
        command = [sys.executable, "-m", "tests.flows.run_one_of_many", *arguments]
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **self.variables})
        self.stack.callback(process.kill)
        return process

    def questions(self, name: str) -> list[str]:
        """What that executor's judge was asked so far."""
        file = self.folder / name
        return file.read_text().split() if file.exists() else []


@pytest.fixture
def site(servers: Backends, tmp_path: Path) -> Iterator[Site]:
    """Sixty answers that wait, and two API servers with a recorder, as `atelier prefect` starts them."""
    run_sql(servers.address.format("postgres"), "CREATE DATABASE site")
    database = Database(servers.address.format("site"))
    prepare(database)
    world = populate(database)
    with database.write() as session:
        for number in range(LEARNERS):
            person = Person(registration_id=world.registration_id, sub=f"sub-{number}", handle=f"handle-{number}")
            session.add(person)
            session.flush()
            submit(session, world.tiny(session), person.id, "answer", TEXT.format(number))
    settings = {
        "ATELIER_DATABASE_URL": servers.address.format("site"),
        "ATELIER_REDIS_URL": servers.redis_url,
        "ATELIER_RESULT_STORAGE": str(tmp_path / "results"),
        "ATELIER_SECRET_KEY": "s" * 40,
    }
    port = free_port()
    atelier = [str(Path(sys.executable).parent / "atelier"), "prefect"]
    with ExitStack() as stack:
        for options in (["--port", str(port), "--workers", "2"], ["--recorder"]):
            process = subprocess.Popen([*atelier, *options], env={**os.environ, **settings}, start_new_session=True)
            stack.callback(process.wait)
            stack.callback(os.killpg, process.pid, signal.SIGTERM)
            if "--port" in options:
                wait_for(lambda: answers(f"http://127.0.0.1:{port}/api/health"))
        variables = environment(Settings(redis_url=servers.redis_url, result_storage=tmp_path / "results"))
        variables["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
        yield Site(world, tmp_path, variables, stack)
    database.close()


def wait_for(what: Callable[[], bool], seconds: float = 240, of: Sequence[subprocess.Popen[bytes]] = ()) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert [process.poll() for process in of] == [None] * len(of), "an executor ended early"
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return response.status == 200
    except (URLError, OSError):
        return False


def test_one_of_two_executors_is_killed_and_nothing_is_lost_or_paid_twice(site: Site, monkeypatch) -> None:
    killed, other = site.start("killed"), site.start("other")
    wait_for(lambda: (site.folder / "killed").exists() and (site.folder / "other").exists(), of=(killed, other))
    (site.folder / "go").touch()
    wait_for(lambda: len(site.questions("killed")) >= 12 and len(site.questions("other")) >= 12)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(10) == -signal.SIGKILL
    with site.world.database.read() as session:
        left = list(session.scalars(select(Job).where(Job.state == "running")))
        paid = len(list(session.scalars(select(AnswerRow.fingerprint))))
    assert len({job.owner for job in left}) == 2, "both were at work when one was killed"
    assert 0 < paid < LEARNERS * 2
    assert other.wait(150) == 0

    with site.world.database.read() as session:
        assert set(session.scalars(select(Job.state))) == {"awaiting_review"}
        rated = Counter(tuple(row) for row in session.execute(select(RatingRow.submission_id, RatingRow.criterion)))
        assert len(list(session.scalars(select(AnswerRow.fingerprint)))) == LEARNERS * 2
    assert len(rated) == LEARNERS * 2
    assert set(rated.values()) == {1}
    asked = Counter(site.questions("killed") + site.questions("other"))
    twice = {question for question, times in asked.items() if times > 1}
    assert len(asked) == LEARNERS * 2
    assert max(asked.values()) <= 2
    # Only what was in flight when it was killed: four calls at most, and four answers on their way to the ledger.
    assert twice <= set(site.questions("killed")[-8:])

    closed_by_the_ledger(site, monkeypatch)


def closed_by_the_ledger(site: Site, monkeypatch) -> None:
    """Prefect still calls the killed runs Running; two looks close them, and then every run has ended."""
    monkeypatch.setattr(upkeep, "YOUNG", timedelta(0))
    from prefect.client.orchestration import get_client
    from prefect.context import SettingsContext, get_settings_context
    from prefect.settings import Settings as PrefectSettings

    for name, value in site.variables.items():
        monkeypatch.setenv(name, value)
    with SettingsContext(profile=get_settings_context().profile, settings=PrefectSettings()):
        looks = Upkeep(site.world.database, days=14)
        assert looks.look() == (0, 0)
        closed, _ = looks.look()
        with get_client(sync_client=True) as client:
            runs = client.read_flow_runs(flow_filter=upkeep.ours())
    states = Counter(run.state.name for run in runs)
    # The killed executor had one run, or two: of what somebody waits for, and of the rush behind it.
    assert states.pop("Crashed") == closed
    assert closed in {1, 2}
    assert set(states) == {"Completed"}

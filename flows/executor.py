"""The long-lived process that does the work: it claims jobs, runs them in chunks as flow runs, and keeps its leases.

Threads: the caller's polls and claims; one runs the event loop that the flows live in; one renews leases; a pool runs
what waits (judges, platforms, the database). Prefect starts beside them, and nothing is claimed until it answers.
"""

import asyncio
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from flows.gate_watch import watch_gates
from flows.judge_watch import ILL_SECONDS, WELL_SECONDS, look
from flows.judging.catalog import get_coach, get_judge
from flows.judging.coach import Coach
from flows.judging.judge import Judge
from flows.prefect_setup import API_URL, EmbeddedServer, prepare
from flows.run_names import lessons_of
from flows.upkeep import Upkeep
from flows.work import CHUNK, SENDING, Bench, Chunk, Sending
from lti_tool import jobs, pending_releases, scores
from lti_tool.ags import AgsClient
from lti_tool.db import Database
from lti_tool.delivery import Gradebook, GradebookOf
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.keys import current_key
from lti_tool.models import Job, Passback, Person, ResourceLink
from lti_tool.outbound import Outbound
from lti_tool.settings import Settings

POLL_SECONDS = 0.15
LEASE_SECONDS = 30.0
CHUNK_SIZE = 25
CHUNKS_AT_ONCE = 4
SENDING_AT_ONCE = 2
CALLS_AT_ONCE = 16
GRACE_SECONDS = 7.0  # to finish what runs when asked to stop; the rest is given back
RECOVERY_SECONDS = 3.0
WATCH_SECONDS = 1.0
CLOSING_SECONDS = 60.0
RELEASE_SECONDS = 5.0

if TYPE_CHECKING:
    from flows.prefect_ready import Ready

log = structlog.get_logger()


class Executor:
    """Claims and does jobs until it is stopped; `owner` is the name its leases carry."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        owner: str | None = None,
        judge_factory: Callable[[str], Judge] = get_judge,
        coach_factory: Callable[[str], Coach] = get_coach,
        gradebook_of: GradebookOf | None = None,
        lease_seconds: float = LEASE_SECONDS,
        criteria_at_once: int = 3,
        calls_at_once: int = CALLS_AT_ONCE,
        chunks_at_once: int = CHUNKS_AT_ONCE,
    ) -> None:
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._settings = settings
        self._database = database
        self._judge = judge_factory(settings.judge)
        self._coach = coach_factory(settings.coach or settings.judge)
        self._gradebook_of = gradebook_of or platform_gradebooks(settings)
        self._lease_seconds = lease_seconds
        self._runs_at_once = {jobs.JUDGE: chunks_at_once, jobs.SEND_SCORE: SENDING_AT_ONCE}
        self._bench = Bench(
            database,
            criteria_at_once=criteria_at_once,
            calls_at_once=calls_at_once,
            budget_usd=settings.judge_budget_usd,
            judge_name=settings.judge,
        )
        self._loop = asyncio.new_event_loop()
        self._server: EmbeddedServer | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[int, Claim] = {}
        self._runs: dict[Future[None], str] = {}
        self._prefect: Ready | None = None
        self._started = False

    # ---- life ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work until `stop`; then finish what runs, or give it back."""
        self.start()
        try:
            while not self._stopping.is_set():
                if not self._turn():
                    self._stopping.wait(POLL_SECONDS)
        finally:
            self.close()

    def run_until_idle(self, seconds: float = 60) -> None:
        """Work until nothing is due and nothing runs. TimeoutError after `seconds`, Prefect's start included."""
        self.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self._turn():
                if self._ready.is_set() and not self._runs and self._is_idle():
                    return
                self._stopping.wait(POLL_SECONDS)
        raise TimeoutError(f"jobs were still waiting after {seconds:.0f} s")

    def start(self) -> None:
        """Start the threads and Prefect; returns at once. A second call does nothing."""
        if self._started:
            return
        self._started = True
        prepare(self._settings)
        if not os.environ.get(API_URL):
            self._server = EmbeddedServer()
            os.environ[API_URL] = self._server.api_url
        threads = {"loop": self._loop.run_forever, "leases": self._keep_leases, "start": self._warm_up}
        threads |= {"closing": self._settle_closed, "judge": self._watch_judge, "releases": self._release_due}
        upkeep = Upkeep(self._database, self._settings.prefect_days)
        threads["upkeep"] = lambda: upkeep.run(self._stopping)
        for name, target in threads.items():
            threading.Thread(target=target, name=name, daemon=True).start()

    def wait_until_ready(self, seconds: float) -> bool:
        """Wait for Prefect; False if it does not answer in time."""
        return self._ready.wait(seconds)

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping.set()

    def close(self) -> None:
        """Let what runs finish for a moment, give the rest back, and end the threads and Prefect's server."""
        self._stopping.set()
        deadline = time.monotonic() + GRACE_SECONDS
        while self._forget_finished() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS / 3)
        for run in list(self._runs):
            run.cancel()
        self._give_back()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._bench.close()
        if self._prefect is not None:
            self._prefect.events.close()
        if self._server is not None:
            self._server.stop()
            os.environ.pop(API_URL, None)

    def _warm_up(self) -> None:
        """Wait for Prefect and run an empty flow, so that the first click does not pay for the first run."""
        log.info("judging starts when Prefect is ready")
        began = time.monotonic()
        while not self._stopping.is_set():
            try:
                if self._server is not None:
                    self._server.start(self._stopping)
                # Prefect reads its environment when it is imported, and that takes seconds.
                from flows.prefect_ready import make_ready

                self._prefect = self._prefect or make_ready(self._settings)
                asyncio.run_coroutine_threadsafe(self._judge_chunk([]), self._loop).result()
            except Exception as error:
                if not self._stopping.is_set():
                    log.error("Prefect is not ready", error=type(error).__name__)
                self._stopping.wait(RECOVERY_SECONDS)
            else:
                log.info("ready", seconds=round(time.monotonic() - began, 1))
                self._ready.set()
                self._watch_server()

    def _watch_server(self) -> None:
        """Start Prefect's server again if it ends."""
        while not self._stopping.wait(WATCH_SECONDS):
            if self._server is not None and self._server.revive():
                log.error("Prefect's server ended and was started again")

    # ---- claiming --------------------------------------------------------------------------------------------

    def _turn(self) -> bool:
        """Claim what is due and start it; returns whether anything was started."""
        self._forget_finished()
        if not self._ready.is_set():
            return False
        try:
            started = [self._claim_and_run(kind) for kind in jobs.KINDS]
            return any(started)
        except SQLAlchemyError as error:
            log.error("the database did not answer", error=type(error).__name__)
            self._stopping.wait(RECOVERY_SECONDS)
            return False

    def _forget_finished(self) -> bool:
        """Drop the runs that are over; returns whether any goes on."""
        self._runs = {run: kind for run, kind in self._runs.items() if not run.done()}
        return bool(self._runs)

    def _claim_and_run(self, kind: str) -> bool:
        if list(self._runs.values()).count(kind) >= self._runs_at_once[kind]:
            return False
        with self._database.read() as session:
            if not jobs.anything_due(session, [kind]):
                return False
        with self._database.write() as session:
            claims = jobs.claim(
                session, owner=self.owner, limit=CHUNK_SIZE, lease_seconds=self._lease_seconds, kinds=[kind]
            )
        if not claims:
            return False
        with self._lock:
            self._held |= {claim.job_id: claim for claim in claims}
        self._runs[asyncio.run_coroutine_threadsafe(self._run(kind, claims), self._loop)] = kind
        return True

    def _is_idle(self) -> bool:
        with self._database.read() as session:
            running = session.scalar(select(Job.id).where(Job.state == "running").limit(1))
            return running is None and not jobs.anything_due(session)

    # ---- running ---------------------------------------------------------------------------------------------

    async def _run(self, kind: str, claims: Sequence[Claim]) -> None:
        """One flow run for one chunk; where Prefect itself fails, the jobs are tried again later."""
        structlog.contextvars.bind_contextvars(run=secrets.token_hex(4))
        log.info("run begins", kind=kind, jobs=[claim.job_id for claim in claims])
        began = time.monotonic()
        try:
            await (self._judge_chunk(claims) if kind == jobs.JUDGE else self._send_chunk(claims))
        except Exception as error:
            log.error("flow run failed", kind=kind, jobs=len(claims), error=type(error).__name__)
            await self._bench.in_thread(self._put_back, claims, type(error).__name__)
        finally:
            log.info("run over", kind=kind, jobs=len(claims), seconds=round(time.monotonic() - began, 2))
            with self._lock:
                for claim in claims:
                    # A job that was lost and claimed again meanwhile is held by its newer claim.
                    if self._held.get(claim.job_id) == claim:
                        del self._held[claim.job_id]

    async def _judge_chunk(self, claims: Sequence[Claim]) -> None:
        held = {claim.submission_id: claim for claim in claims if claim.submission_id is not None}
        lessons = await self._bench.in_thread(lessons_of, self._database, held)
        CHUNK.set(Chunk(self._bench, self._judge, held, lessons, coach=self._coach))
        assert self._prefect is not None
        await self._prefect.flows[jobs.JUDGE](list(held))

    async def _send_chunk(self, claims: Sequence[Claim]) -> None:
        held = {claim.passback_id: claim for claim in claims if claim.passback_id is not None}
        registrations = await self._bench.in_thread(self._registrations, list(held))
        SENDING.set(Sending(self._bench, self._gradebook_of, held, registrations))
        assert self._prefect is not None
        await self._prefect.flows[jobs.SEND_SCORE](list(held))

    def _registrations(self, passback_ids: Sequence[int]) -> dict[int, int]:
        with self._database.read() as session:
            found = session.execute(
                select(Passback.id, Person.registration_id)
                .join(Person, Person.id == Passback.person_id)
                .where(Passback.id.in_(passback_ids))
            )
            return {row[0]: row[1] for row in found}

    def _put_back(self, claims: Sequence[Claim], error: str) -> None:
        for claim in claims:
            try:
                with self._database.write() as session:
                    jobs.fail(session, claim, f"The work could not be run ({error}).")
            except LeaseLost:
                continue  # finished before the run failed

    # ---- leases ----------------------------------------------------------------------------------------------

    def _keep_leases(self) -> None:
        while not self._stopping.wait(self._lease_seconds / 3):
            self._renew()

    def _renew(self) -> None:
        with self._lock:
            held = set(self._held)
        if not held:
            return
        try:
            with self._database.write() as session:
                jobs.renew(session, self.owner, held, self._lease_seconds)
        except SQLAlchemyError as error:
            log.error("leases could not be renewed", jobs=len(held), error=type(error).__name__)

    def _settle_closed(self) -> None:
        """Once a minute: what has closed meanwhile is scored, and the gates in use are looked at."""
        while not self._stopping.wait(CLOSING_SECONDS):
            try:
                if settled := scores.settle_closed(self._database):
                    log.info("scored at the close", learners=settled)
            except SQLAlchemyError as error:
                log.error("what has closed could not be scored", error=type(error).__name__)
            self._watch_gates()

    def _watch_gates(self) -> None:
        """A gate whose alarm rings closes; whatever keeps us from looking must not stop the other watches."""
        try:
            for one in watch_gates(self._database):
                if one.closed_now:
                    log.warning("a gate was closed by its alarm", gate=one.gate_id, placement=one.resource_link_id)
        except Exception as error:
            log.error("the gates could not be looked at", error=type(error).__name__)

    def _release_due(self) -> None:
        """Every few seconds: decisions whose time has come are released."""
        while not self._stopping.wait(RELEASE_SECONDS):
            try:
                if made := pending_releases.carry_out_due(self._database):
                    log.info("released as decided", sheets=made)
            except SQLAlchemyError as error:
                log.error("what is decided could not be released", error=type(error).__name__)

    def _watch_judge(self) -> None:
        """Look at the judge now and then: what is wrong is written down for the admin, and held work is woken."""
        ill, seconds = True, 0.0  # held work is woken by the first look too: whatever was wrong, we were restarted
        while not self._stopping.wait(seconds):
            try:
                ill = look(self._bench, self._judge, was_ill=ill)
            except Exception as error:  # a judge's own client may fail in any way
                log.error("the judge could not be looked at", error=type(error).__name__)
            seconds = ILL_SECONDS if ill else WELL_SECONDS

    def _give_back(self) -> None:
        with self._lock:
            held = list(self._held.values())
        for claim in held:
            try:
                with self._database.write() as session:
                    jobs.give_back(session, claim)
            except (LeaseLost, SQLAlchemyError):
                continue  # finished, somebody else's, or claimed again when its lease runs out


def platform_gradebooks(settings: Settings) -> GradebookOf:
    """Gradebooks as platforms offer them over AGS."""
    outbound = Outbound(settings)

    def gradebook_of(session: Session, link: ResourceLink) -> Gradebook:
        registration = link.deployment.registration
        return AgsClient(outbound, registration, current_key(session, settings), scopes=link.scopes or None)

    return gradebook_of

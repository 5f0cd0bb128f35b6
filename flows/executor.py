"""The long-lived process that does the work: it claims jobs, runs them in chunks as flow runs, and keeps its leases.

Threads: the caller's claims; one runs the event loop that the flows live in; one renews leases; one is told of new
work; pools run what waits (judges, platforms, the database); watches look after the rest. Prefect starts beside them,
and nothing is claimed until it answers.
"""

import asyncio
import os
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from flows import heap
from flows.chunks import Chunks
from flows.judging.catalog import get_coach, get_judge
from flows.judging.coach import Coach
from flows.judging.judge import Judge
from flows.pace import Pace
from flows.portions import BULK, SUSPECT, URGENT, InHand, Places, essays_in_hand, portion
from flows.prefect_setup import API_URL, EmbeddedServer, prepare
from flows.upkeep import Upkeep
from flows.wakeup import wake_on_work
from flows.watches import watches
from flows.work import Bench, Retaining
from lti_tool import claims, jobs
from lti_tool.db import Database
from lti_tool.delivery import GradebookOf
from lti_tool.gradebooks import platform_gradebooks
from lti_tool.jobs import Claim, LeaseLost
from lti_tool.models import Job
from lti_tool.settings import Settings

LOOK_SECONDS = 1.0  # for what has become due, or was missed
BREATH_SECONDS = 0.05  # between two looks, however much there is to hear of
LEASE_SECONDS = 30.0
SENDING_AT_ONCE = 50
CALIBRATING_AT_ONCE = 2
GRACE_SECONDS = 7.0  # to finish what runs when asked to stop; the rest is given back
RECOVERY_SECONDS = 3.0
WATCH_SECONDS = 1.0

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
        calls_at_once: int | None = None,
        judging_at_once: int | None = None,
    ) -> None:
        self.owner = owner or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._settings = settings
        self._database = database
        self._judge = judge_factory(settings.judge)
        self._lease_seconds = lease_seconds
        calls_at_once = calls_at_once or settings.judge_calls
        self._places = {
            jobs.JUDGE: judging_at_once or essays_in_hand(calls_at_once),
            jobs.SEND_SCORE: SENDING_AT_ONCE,
            jobs.CALIBRATE: CALIBRATING_AT_ONCE,
            jobs.REJUDGE: judging_at_once or essays_in_hand(calls_at_once),
        }
        self._bench = Bench(
            database,
            criteria_at_once=criteria_at_once,
            calls_at_once=calls_at_once,
            budget_usd=settings.judge_budget_usd,
            judge_name=settings.judge,
            offered={name: judge_factory(name) for name in settings.offered_judges},
            pace=Pace(database, settings.provider_limits, self.owner),
        )
        coach = coach_factory(settings.coach or settings.judge)
        self._chunks = Chunks(self._bench, self._judge, coach, gradebook_of or platform_gradebooks(settings))
        self._loop = asyncio.new_event_loop()
        self._server: EmbeddedServer | None = None
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[int, Claim] = {}
        self._runs: dict[Future[None], InHand] = {}
        self._prefect: Ready | None = None
        self._started = False
        self._own_process = False

    # ---- life ------------------------------------------------------------------------------------------------

    def run(self, *, own_process: bool = False) -> None:
        """Work until `stop`; then finish what runs, or give it back.

        `own_process`: nothing else runs in this process, so that its garbage collector may be set.
        """
        self._own_process = own_process
        self.start()
        try:
            while not self._stopping.is_set():
                self._take_turn()
        finally:
            self.close()

    def run_until_idle(self, seconds: float = 60) -> None:
        """Work until nothing is due and nothing runs. TimeoutError after `seconds`, Prefect's start included."""
        self.start()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self._take_turn() and self._ready.is_set() and not self._runs and self._is_idle():
                return
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
        threads: dict[str, Callable[[], None]] = {
            "loop": self._loop.run_forever,
            "leases": self._keep_leases,
            "start": self._warm_up,
            "wake-up": self._listen,
        }
        upkeep = Upkeep(self._database, self._settings.prefect_days)
        threads["upkeep"] = lambda: upkeep.run(self._stopping)
        for watch in watches(self._database, self._bench, self._judge, self._retain):
            threads[watch.name] = lambda watch=watch: watch.keep(self._stopping)  # type: ignore[misc]
        for name, target in threads.items():
            threading.Thread(target=target, name=name, daemon=True).start()

    def wait_until_ready(self, seconds: float) -> bool:
        """Wait for Prefect; False if it does not answer in time."""
        return self._ready.wait(seconds)

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler."""
        self._stopping.set()
        self._woken.set()

    def close(self) -> None:
        """Let what runs finish for a moment, give the rest back, and end the threads and Prefect's server."""
        self.stop()
        deadline = time.monotonic() + GRACE_SECONDS
        while self._forget_finished() and time.monotonic() < deadline:
            time.sleep(BREATH_SECONDS)
        # Given back first: a run that is cancelled lets go of what it holds, and that would wait for its lease.
        self._give_back()
        for run in list(self._runs):
            run.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._bench.close()
        if self._prefect is not None:
            self._prefect.close()
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
                from flows.prefect_ready import Ready

                self._prefect = self._prefect or Ready(self._settings, self._loop)
                warming = self._chunks.run(self._prefect, InHand(jobs.JUDGE, URGENT, 0), [])
                asyncio.run_coroutine_threadsafe(warming, self._loop).result()
            except Exception as error:
                if not self._stopping.is_set():
                    log.error("Prefect is not ready", error=type(error).__name__)
                self._stopping.wait(RECOVERY_SECONDS)
            else:
                if self._own_process:
                    heap.settle()
                log.info("ready", seconds=round(time.monotonic() - began, 1))
                self._ready.set()
                self._woken.set()
                self._watch_server()

    def _watch_server(self) -> None:
        """Start Prefect's server again if it ends."""
        while not self._stopping.wait(WATCH_SECONDS):
            if self._server is not None and self._server.revive():
                log.error("Prefect's server ended and was started again")

    def _retain(self) -> bool:
        """Run the flow `retention`, and wait for its end; False if Prefect is not there yet."""
        if not self._ready.is_set() or self._prefect is None:
            return False
        work = Retaining(self._bench, self._settings)
        asyncio.run_coroutine_threadsafe(self._prefect.retain(work), self._loop).result()
        return True

    def _listen(self) -> None:
        url = self._database.engine.url.render_as_string(hide_password=False)
        wake_on_work(url, self._woken.set, self._stopping)

    # ---- claiming --------------------------------------------------------------------------------------------

    def _take_turn(self) -> bool:
        """Start what is due and there is room for; if that is nothing, wait for news. Whether anything was started."""
        self._woken.clear()
        if self._start_due():
            return True
        self._woken.wait(LOOK_SECONDS)
        self._stopping.wait(BREATH_SECONDS if self._runs else 0)
        return False

    def _start_due(self) -> bool:
        self._forget_finished()
        if not self._ready.is_set():
            return False
        try:
            with self._database.read() as session:
                due = claims.look(session)
            # What ended its executor again and again may be another that stood beside it: run by itself each shows
            # what it does.
            if due.suspects or any(run.of_class == SUSPECT for run in self._runs.values()):
                return not self._runs and any(self._start_suspect(kind) for kind in jobs.KINDS)
            started = [self._start_kind(kind, due.counts[kind]) for kind in jobs.KINDS]  # each kind has its turn
            return any(started)
        except SQLAlchemyError as error:
            log.error("the database did not answer", error=type(error).__name__)
            self._stopping.wait(RECOVERY_SECONDS)
            return False

    def _forget_finished(self) -> bool:
        """Drop the runs that are over; returns whether any goes on."""
        self._runs = {run: what for run, what in self._runs.items() if not run.done()}
        return bool(self._runs)

    def _start_kind(self, kind: str, due: Mapping[bool, int]) -> bool:
        taken: Counter[str] = Counter()
        for run in self._runs.values():
            if run.kind == kind:
                taken[run.of_class] += run.left
        started = False
        for of_class, waiting in ((URGENT, due[True]), (BULK, due[False])):
            places = Places(self._places[kind], taken)
            limit = portion(waiting, places.free(of_class), taken[of_class], places.chunk)
            held = self._claim(kind, of_class, limit) if limit else []
            if held:
                taken[of_class] += len(held)
                self._start_run(kind, of_class, held)
                started = True
        return started

    def _start_run(self, kind: str, of_class: str, held: Sequence[Claim]) -> None:
        in_hand = InHand(kind, of_class, len(held))
        run = asyncio.run_coroutine_threadsafe(self._run(in_hand, held), self._loop)
        self._runs[run] = in_hand
        run.add_done_callback(lambda _: self._woken.set())

    def _start_suspect(self, kind: str) -> bool:
        held = self._claim(kind, SUSPECT, 1)
        if held:
            self._start_run(kind, SUSPECT, held)
        return bool(held)

    def _claim(self, kind: str, of_class: str, limit: int) -> Sequence[Claim]:
        with self._database.write() as session:
            held = claims.claim(
                session,
                owner=self.owner,
                limit=limit,
                lease_seconds=self._lease_seconds,
                kinds=[kind],
                urgent=None if of_class == SUSPECT else of_class == URGENT,
                suspects=of_class == SUSPECT,
            )
        with self._lock:
            self._held |= {claim.job_id: claim for claim in held}
        return held

    def _is_idle(self) -> bool:
        with self._database.read() as session:
            running = session.scalar(select(Job.id).where(Job.state == "running").limit(1))
            return running is None and not claims.look(session)

    # ---- running ---------------------------------------------------------------------------------------------

    async def _run(self, in_hand: InHand, held: Sequence[Claim]) -> None:
        """One flow run for one chunk; where Prefect itself fails, the jobs are tried again later."""
        structlog.contextvars.bind_contextvars(run=secrets.token_hex(4))
        log.info("run begins", kind=in_hand.kind, jobs=[claim.job_id for claim in held])
        began = time.monotonic()
        try:
            assert self._prefect is not None
            await self._chunks.run(self._prefect, in_hand, held)
        except Exception as error:
            log.error("flow run failed", kind=in_hand.kind, jobs=len(held), error=type(error).__name__)
            await self._bench.in_thread(self._put_back, held, type(error).__name__)
        finally:
            log.info("run over", kind=in_hand.kind, jobs=len(held), seconds=round(time.monotonic() - began, 2))
            with self._lock:
                for claim in held:
                    if self._is_ours(claim):
                        del self._held[claim.job_id]

    def _is_ours(self, claim: Claim) -> bool:
        """Whether this is our newest claim on its job.

        A job that was taken back and sent again counts its tries anew, so that a newer claim may equal an older one.
        """
        return self._held.get(claim.job_id) is claim

    def _put_back(self, held: Sequence[Claim], error: str) -> None:
        for claim in filter(self._is_ours, held):
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
        try:
            self._bench.pace.renew()
        except SQLAlchemyError as error:
            log.error("places at providers could not be renewed", error=type(error).__name__)
        if not held:
            return
        try:
            with self._database.write() as session:
                claims.renew(session, self.owner, held, self._lease_seconds)
        except SQLAlchemyError as error:
            log.error("leases could not be renewed", jobs=len(held), error=type(error).__name__)

    def _give_back(self) -> None:
        with self._lock:
            held = list(self._held.values())
        for claim in held:
            try:
                with self._database.write() as session:
                    jobs.give_back(session, claim)
            except (LeaseLost, SQLAlchemyError):
                continue  # finished, somebody else's, or claimed again when its lease runs out

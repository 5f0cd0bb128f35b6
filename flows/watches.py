"""What an executor looks after now and then, beside its jobs: each in a thread of its own, and none stops another."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from flows import retention
from flows.gate_watch import watch_gates
from flows.judge_watch import ILL_SECONDS, WELL_SECONDS, look
from flows.judging.judge import Judge
from flows.work import Bench
from lti_tool import gate_deadlines, pending_releases, rejudge_decisions, scores
from lti_tool.db import Database

CLOSING_SECONDS = 60.0
RELEASE_SECONDS = 5.0
WAITING_SECONDS = 600.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Watch:
    """Something to look at; `look` returns after how many seconds to look again."""

    name: str
    look: Callable[[], float]
    at_once: bool = False

    def keep(self, stopping: threading.Event) -> None:
        """Look until stopped; a look that fails is logged, and taken again later."""
        seconds = 0.0 if self.at_once else min(CLOSING_SECONDS, RELEASE_SECONDS)
        while not stopping.wait(seconds):
            try:
                seconds = self.look()
            except Exception as error:  # a database that is away, a judge's own client
                log.error("a watch could not look", watch=self.name, error=type(error).__name__)
                seconds = CLOSING_SECONDS


def watches(database: Database, bench: Bench, judge: Judge, retain: Callable[[], bool]) -> list[Watch]:
    """All of them; `retain` runs the flow `retention`, and says whether it could."""
    return [
        Watch("retention", lambda: retention.look(database, retain)),
        Watch("closing", lambda: _settle_closed(database)),
        Watch("gates", lambda: _look_at_gates(database)),
        Watch("waiting", lambda: _settle_overdue(database)),
        Watch("releases", lambda: _release_due(database)),
        Watch("judge", _JudgeWatch(bench, judge).look, at_once=True),
    ]


def _settle_closed(database: Database) -> float:
    """What has closed meanwhile is scored."""
    if settled := scores.settle_closed(database):
        log.info("scored at the close", learners=settled)
    return CLOSING_SECONDS


def _settle_overdue(database: Database) -> float:
    """What has waited too long for a person is released or returned, where its placement says so."""
    if settled := gate_deadlines.carry_out(database):
        log.info("settled what had waited too long", sheets=settled)
    return WAITING_SECONDS


def _look_at_gates(database: Database) -> float:
    """A gate whose alarm rings closes."""
    for one in watch_gates(database):
        if one.closed_now:
            log.warning("a gate was closed by its alarm", gate=one.gate_id, placement=one.resource_link_id)
    return CLOSING_SECONDS


def _release_due(database: Database) -> float:
    """Decisions whose time has come are released."""
    if made := pending_releases.carry_out_due(database):
        log.info("released as decided", sheets=made)
    if made := rejudge_decisions.carry_out_due(database):
        log.info("judged again and applied", sheets=made)
    return RELEASE_SECONDS


class _JudgeWatch:
    """What is wrong with the judge is written down for the admin, and held work is woken when it is mended."""

    def __init__(self, bench: Bench, judge: Judge) -> None:
        self._bench, self._judge = bench, judge
        self._ill = True  # held work is woken by the first look too: whatever was wrong, we were restarted

    def look(self) -> float:
        """Look once."""
        self._ill = look(self._bench, self._judge, was_ill=self._ill)
        return ILL_SECONDS if self._ill else WELL_SECONDS

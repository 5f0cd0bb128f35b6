"""What executors take away when its time is over: learners' work, old sign-ins, and the receipts of erased answers.

Every executor looks every hour, the first time soon after its start, so that none has to run for a whole day; where
something is due it runs the flow `retention` (`flows.retention_flow`). Prefect's own records of runs, which name
submissions by their numbers and hold nothing of a learner, go by age (`flows.upkeep`).
"""

from collections.abc import Callable

import structlog
from sqlalchemy import delete, select

from lti_tool.db import Database
from lti_tool.models import ForgottenReceipt
from lti_tool.purging import anything_due, purge
from lti_tool.settings import Settings

EVERY_SECONDS = 3600.0
SOON_SECONDS = 5.0
AT_ONCE = 1000

Forget = Callable[[str], None]

log = structlog.get_logger()


def look(database: Database, run: Callable[[], bool]) -> float:
    """Run the flow if something is due; returns after how many seconds to look again.

    `run` waits for the flow's end; False if it cannot be run yet.
    """
    if not is_due(database) or run():
        return EVERY_SECONDS
    return SOON_SECONDS


def is_due(database: Database) -> bool:
    """Whether there is anything to take away."""
    with database.read() as session:
        if session.scalars(select(ForgottenReceipt.fingerprint).limit(1)).first() is not None:
            return True
    return anything_due(database)


def erase(database: Database) -> int:
    """Take away learners' work and sign-ins whose time is over; returns of how many learners."""
    done = purge(database)
    if done.erased:
        log.info("erased what was kept long enough", learners=done.erased)
    return done.erased


def forget(database: Database, settings: Settings) -> int:
    """Take the receipts of erased answers out of the store of results, all of them; returns how many."""
    gone = 0
    while now := forget_receipts(database, lambda: _store(settings)):
        gone += now
    if gone:
        log.info("receipts of erased answers are gone", receipts=gone)
    return gone


def _store(settings: Settings) -> Forget:
    # Prefect takes seconds to be imported, and there is rarely anything to forget.
    from flows.records import SealedRecords

    return SealedRecords.of(settings).forget


def forget_receipts(database: Database, store: Callable[[], Forget]) -> int:
    """The same for the first thousand of them.

    One that cannot be taken out now (shared storage that is away) is named still, and tried again at the next look.
    """
    with database.read() as session:
        named = session.scalars(select(ForgottenReceipt.fingerprint).limit(AT_ONCE)).all()
    if not named:
        return 0
    forget = store()
    for fingerprint in named:
        forget(fingerprint)
    with database.write() as session:
        session.execute(delete(ForgottenReceipt).where(ForgottenReceipt.fingerprint.in_(named)))
    return len(named)

"""What executors take away when its time is over: learners' work, old sign-ins, and the receipts of erased answers.

Every executor looks every hour, the first time soon after its start, so that none has to run for a whole day. Prefect's
own records of runs, which name submissions by their numbers and hold nothing of a learner, go by age (`flows.upkeep`).
"""

from collections.abc import Callable

import structlog
from sqlalchemy import delete, select

from lti_tool.db import Database
from lti_tool.models import ForgottenReceipt
from lti_tool.purging import purge
from lti_tool.settings import Settings

EVERY_SECONDS = 3600.0
AT_ONCE = 1000

Forget = Callable[[str], None]

log = structlog.get_logger()


def look(database: Database, settings: Settings) -> float:
    """Take away what is due; returns after how many seconds to look again."""
    done = purge(database)
    if done.erased:
        log.info("erased what was kept long enough", learners=done.erased)
    gone = forget_receipts(database, lambda: _store(settings))
    if gone:
        log.info("receipts of erased answers are gone", receipts=gone)
    return EVERY_SECONDS


def _store(settings: Settings) -> Forget:
    # Prefect takes seconds to be imported, and there is rarely anything to forget.
    from flows.records import SealedRecords

    return SealedRecords.of(settings).forget


def forget_receipts(database: Database, store: Callable[[], Forget]) -> int:
    """Take the receipts of erased answers out of the store of results; returns how many were named.

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

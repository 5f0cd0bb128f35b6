"""Whether the judge can be asked, as an executor last found: for pages of a process that knows no judge itself."""

from sqlalchemy.orm import Session

from lti_tool.db import Database, insert_new, upsert, utc_now
from lti_tool.models import JudgeErrorCount, JudgeHealth


def report(session: Session, judge: str, trouble: str) -> bool:
    """Record what was found, "" for nothing wrong; returns whether that is news."""
    first = {"judge": judge, "trouble": trouble}
    if insert_new(session, JudgeHealth.__table__, [first], ["judge"]):  # type: ignore[arg-type]
        return True
    row = session.get_one(JudgeHealth, judge)
    changed = row.trouble != trouble
    if changed:
        row.trouble, row.since = trouble, utc_now()
    row.looked_at = utc_now()
    return changed


def health_of(session: Session, judge: str) -> JudgeHealth | None:
    """What was last found about a judge; None where no executor has looked at it."""
    return session.get(JudgeHealth, judge)


def count_error(database: Database, judge: str, kind: str) -> None:
    """One more failed question; `kind` is one of a few words."""
    with database.write() as session:
        now = utc_now()
        first = {"judge": judge, "kind": kind, "count": 1, "last_at": now}
        again = {"count": JudgeErrorCount.count + 1, "last_at": now}
        upsert(session, JudgeErrorCount.__table__, [first], ["judge", "kind"], again)  # type: ignore[arg-type]

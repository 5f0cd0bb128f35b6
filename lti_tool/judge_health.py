"""Whether the judge can be asked, as an executor last found: for pages of a process that knows no judge itself."""

from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import JudgeHealth


def report(session: Session, judge: str, trouble: str) -> bool:
    """Record what was found, "" for nothing wrong; returns whether that is news."""
    row = session.get(JudgeHealth, judge)
    if row is None:
        session.add(JudgeHealth(judge=judge, trouble=trouble))
        return True
    changed = row.trouble != trouble
    if changed:
        row.trouble, row.since = trouble, utc_now()
    row.looked_at = utc_now()
    return changed


def health_of(session: Session, judge: str) -> JudgeHealth | None:
    """What was last found about a judge; None where no executor has looked at it."""
    return session.get(JudgeHealth, judge)

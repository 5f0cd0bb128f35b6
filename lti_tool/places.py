"""Where a learner was last in a placement, so that they find it again."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.db import utc_now
from lti_tool.models import LastPlace, ResourceLink

# Looking at the same page again within minutes is no news, so that reading does not write.
NEWS_AFTER = timedelta(minutes=5)


def last_place(session: Session, link: ResourceLink, person_id: int) -> LastPlace | None:
    """The place, if the learner was ever here."""
    here = (LastPlace.resource_link_id == link.id, LastPlace.person_id == person_id)
    return session.scalar(select(LastPlace).where(*here))


def is_news(known: LastPlace | None, step_id: str, item_id: str | None, term_id: str | None) -> bool:
    """Whether this place says more than the one that is known."""
    if known is None or (known.step_id, known.item_id, known.term_id) != (step_id, item_id, term_id):
        return True
    return utc_now() - known.seen_at > NEWS_AFTER


def remember_place(
    session: Session, link: ResourceLink, person_id: int, step_id: str, item_id: str | None, term_id: str | None
) -> None:
    """The learner is here now."""
    known = last_place(session, link, person_id)
    if known is None:
        known = LastPlace(resource_link_id=link.id, person_id=person_id, step_id=step_id)
        try:
            with session.begin_nested():
                session.add(known)
        except IntegrityError:
            return  # another tab was first
    known.step_id, known.item_id, known.term_id, known.seen_at = step_id, item_id, term_id, utc_now()
    session.flush()

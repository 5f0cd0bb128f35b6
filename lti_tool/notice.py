"""What a learner is told before anything of theirs is judged, and that they were told: once a course and version."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool.models import NoticeAcceptance, ResourceLink

WORDING = 1  # raise it when the page's words come to mean something else; everybody is then asked again


@dataclass(frozen=True)
class Notice:
    """What the page says: the families of judges (checklist, trained, claude), and the course's own words."""

    judges: tuple[str, ...]
    own_words: str
    released_by_rule: bool

    @property
    def leaves_the_server(self) -> bool:
        """Whether what is sent goes to somebody else's model."""
        return "claude" in self.judges

    @property
    def version(self) -> str:
        """SHA-256 (hex) of what was said; whoever accepted this is not asked again."""
        said: list[Any] = [WORDING, sorted(self.judges), self.own_words, self.released_by_rule]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def notice_of(judge: str, link: ResourceLink) -> Notice:
    """The notice of a placement that this judge reads for; `judge` as in the settings, such as `panel:A+B`."""
    parts = judge.removeprefix("panel:").split("+")
    families = tuple(dict.fromkeys(part.partition(":")[0] for part in parts))
    own = link.settings.get("notice")
    return Notice(
        families, own.strip() if isinstance(own, str) else "", link.settings.get("release") in ("auto", "gate")
    )


def is_accepted(session: Session, link: ResourceLink, person_id: int, notice: Notice) -> bool:
    """Whether this learner has gone on from these words in this course."""
    found = select(NoticeAcceptance.id).where(
        NoticeAcceptance.context_id == link.context_id,
        NoticeAcceptance.person_id == person_id,
        NoticeAcceptance.version == notice.version,
    )
    return session.scalar(found) is not None


def accept(session: Session, link: ResourceLink, person_id: int, version: str) -> None:
    """Record that a learner went on; a second time changes nothing."""
    try:
        with session.begin_nested():
            session.add(NoticeAcceptance(context_id=link.context_id, person_id=person_id, version=version))
    except IntegrityError:
        pass  # another tab was first, or it was said before

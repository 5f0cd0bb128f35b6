"""The queue as one page shows it: the rows that match, the counts, what comes after a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from lti_tool.lesson import Item
from lti_tool.lessons import lesson_here
from lti_tool.models import JudgementRow, Person, ResourceLink, Submission
from lti_tool.review_queue import WAITING, QueueRow, Tab, counts, queue

SEARCH_CHARACTERS = 100


@dataclass(frozen=True)
class View:
    """What the instructor asked to see; rides along in every link, so that a review leads back to it."""

    tab: Tab = "to_review"
    item: str = ""
    search: str = ""
    names: bool = False

    @property
    def parts(self) -> dict[str, str]:
        """The view as query parameters; what is as usual is left out."""
        tab = "" if self.tab == "to_review" else self.tab
        asked = {"tab": tab, "item": self.item, "q": self.search, "names": "1" if self.names else ""}
        return {key: value for key, value in asked.items() if value}

    def query(self, **changes: str) -> str:
        """The view as a query string ("" or "?…"), with some of its parameters changed ("" takes one out)."""
        parts = {key: value for key, value in {**self.parts, **changes}.items() if value}
        return f"?{urlencode(parts)}" if parts else ""


@dataclass(frozen=True)
class QueuePage:
    """Everything the queue's page shows."""

    view: View
    rows: tuple[QueueRow, ...]
    counts: dict[Tab, int]
    items: tuple[Item, ...]
    judged: int

    @property
    def selectable(self) -> int:
        """How many rows can be released from here."""
        return sum(waits(row) for row in self.rows)


def read_view(asked: Mapping[str, str]) -> View:
    """The view a query string or a form asks for; anything unknown is left out."""
    tab: Tab = "all" if asked.get("tab") == "all" else "to_review"
    search = asked.get("q", "").strip()[:SEARCH_CHARACTERS]
    return View(tab, asked.get("item", "")[:64], search, asked.get("names") == "1")


def queue_page(session: Session, resource_link: ResourceLink, view: View) -> QueuePage:
    """The queue of a placement, as the view asks for it."""
    return QueuePage(
        view=view,
        rows=tuple(matching_rows(session, resource_link, view)),
        counts=counts(session, resource_link),
        items=lesson_here(session, resource_link).lesson.items,
        judged=_judged(session, resource_link),
    )


def matching_rows(session: Session, resource_link: ResourceLink, view: View) -> list[QueueRow]:
    """The rows of a tab that match the question and the search."""
    rows = queue(session, resource_link, view.tab)
    return [row for row in rows if _matches(row, view)]


def _matches(row: QueueRow, view: View) -> bool:
    if view.item and row.submission.item_id != view.item:
        return False
    shown = learner(row.submission.person, view.names)
    said = f"{row.handle} {shown} {row.why} {row.detail} {row.item.title}"
    return view.search.casefold() in said.casefold()


def waits(row: QueueRow) -> bool:
    """Whether a row waits for a person."""
    return row.state in WAITING


def learner(person: Person, names: bool) -> str:
    """How a learner is called here: by handle, or by the name the platform sent where names are shown."""
    return person.name or f"{person.handle} (no name sent)" if names else person.handle


def following(rows: list[QueueRow], submission: Submission) -> tuple[int | None, QueueRow | None]:
    """A submission's place in the queue (from 1) and the row after it; the first one after the last."""
    places = [row.submission.id for row in rows]
    others = [row for row in rows if row.submission.id != submission.id]
    if submission.id not in places:
        return None, others[0] if others else None
    at = places.index(submission.id)
    after = others[at:] or others
    return at + 1, after[0] if after else None


def _judged(session: Session, resource_link: ResourceLink) -> int:
    found = (
        select(func.count(distinct(JudgementRow.submission_id)))
        .join(Submission, Submission.id == JudgementRow.submission_id)
        .where(Submission.resource_link_id == resource_link.id)
    )
    return session.scalar(found) or 0

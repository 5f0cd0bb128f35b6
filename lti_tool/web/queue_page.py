"""The queue as one page shows it: the rows that match, the counts, the pages there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy import distinct, func, select
from sqlalchemy.orm import Session

from lti_tool.gate_deadlines import count_overdue
from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.lesson import Item
from lti_tool.lessons import lesson_here
from lti_tool.models import JudgementRow, Person, ResourceLink, Submission
from lti_tool.review_queue import WAITING, QueueRow, Tab, Wanted, counts, matching, queue, rows_of
from lti_tool.web.whole import whole

SEARCH_CHARACTERS = 100
PAGE_ROWS = 50
TABS: Mapping[Tab, str] = {
    "to_review": later("to review"),
    "blind": later("to score blind"),
    "going_out": later("going out"),
    "all": later("all"),
}
FILTERS: Mapping[str, str] = {
    "blind": later("blind"),
    "doubt": later("judgings differ, or near a boundary"),
    "quote": later("a quote failed"),
    "unscored": later("not scored"),
    "flag": later("a flag"),
    "estimate": later("an estimate without quotes"),
    "late": later("sent late"),
    "mine": later("with me"),
}


@dataclass(frozen=True)
class View:
    """What the instructor asked to see; rides along in every link, so that a review leads back to it."""

    tab: Tab = "to_review"
    item: str = ""
    search: str = ""
    names: bool = False
    reason: str = ""
    page: int = 1

    @property
    def parts(self) -> dict[str, str]:
        """The view as query parameters; what is as usual is left out."""
        asked = {
            "tab": "" if self.tab == "to_review" else self.tab,
            "item": self.item,
            "why": self.reason,
            "q": self.search,
            "names": "1" if self.names else "",
            "page": str(self.page) if self.page > 1 else "",
        }
        return {key: value for key, value in asked.items() if value}

    def query(self, **changes: str) -> str:
        """The view as a query string ("" or "?…"), with some of its parameters changed ("" takes one out)."""
        parts = {key: value for key, value in {**self.parts, **changes}.items() if value}
        return f"?{urlencode(parts)}" if parts else ""

    def wanted(self, grader_id: int) -> Wanted:
        """The rows that this view asks for, in this grader's order."""
        return Wanted(self.tab, self.item, self.reason, self.search, self.names, grader_id)


@dataclass(frozen=True)
class QueuePage:
    """Everything the queue's page shows; `matching` counts the rows of every page.

    `judged`: how many submissions the judge has a sheet on, asked for only where nothing waits.
    """

    view: View
    rows: tuple[QueueRow, ...]
    counts: dict[Tab, int]
    matching: int
    items: tuple[Item, ...]
    judged: int
    overdue: int = 0

    @property
    def selectable(self) -> int:
        """How many rows on this page wait for a person."""
        return sum(waits(row) for row in self.rows)

    @property
    def first(self) -> int:
        """The number of the first row shown, counted from 1."""
        return (self.view.page - 1) * PAGE_ROWS + 1

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.matching // PAGE_ROWS))


def read_view(asked: Mapping[str, str]) -> View:
    """The view a query string or a form asks for; anything unknown is left out."""
    tab: Tab = next((name for name in TABS if name == asked.get("tab")), "to_review")
    reason = asked.get("why", "")
    return View(
        tab=tab,
        item=asked.get("item", "")[:64],
        search=asked.get("q", "").strip()[:SEARCH_CHARACTERS].replace("\x00", ""),
        names=asked.get("names") == "1",
        reason=reason if reason in FILTERS else "",
        page=whole(asked.get("page", ""), 6) or 1,
    )


def queue_page(session: Session, resource_link: ResourceLink, view: View, grader_id: int) -> QueuePage:
    """One page of the queue of a placement, as the view asks for it."""
    wanted, begin = view.wanted(grader_id), (view.page - 1) * PAGE_ROWS
    found = counts(session, resource_link)
    if view.item or view.reason or view.search:
        # Every row has to be looked at to find those that match: once, for the page and for their number.
        ids = matching(session, resource_link, wanted)
        rows, of = rows_of(session, resource_link, ids[begin : begin + PAGE_ROWS]), len(ids)
    else:
        rows, of = queue(session, resource_link, wanted, limit=PAGE_ROWS, offset=begin), found[view.tab]
    return QueuePage(
        view=view,
        rows=tuple(rows),
        counts=found,
        matching=of,
        items=lesson_here(session, resource_link).lesson.items,
        judged=0 if found["to_review"] else _judged(session, resource_link),
        overdue=count_overdue(session, resource_link),
    )


def waits(row: QueueRow) -> bool:
    """Whether a row waits for a person."""
    return row.state in WAITING and row.pending is None


def learner(person: Person, names: bool) -> str:
    """How a learner is called here: by handle, or by the name the platform sent where names are shown."""
    if not names:
        return person.handle
    return person.name or _("%(handle)s (no name sent)", handle=person.handle)


def _judged(session: Session, resource_link: ResourceLink) -> int:
    found = (
        select(func.count(distinct(JudgementRow.submission_id)))
        .join(Submission, Submission.id == JudgementRow.submission_id)
        .where(Submission.resource_link_id == resource_link.id)
    )
    return session.scalar(found) or 0

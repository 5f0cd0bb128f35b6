"""Delivering one message of the outbox to a platform's gradebook (Assignment and Grade Services 2.0).

What a platform answers is read by what it means. A timeout, a server error or a conflict says nothing about whether
the score is there, so the gradebook is read and compared before the same body is sent again. A message is marked
"unknown" before it goes out, so that a sender that dies after the request compares first when it comes back.

Sources: Canvas scores_controller.rb, Moodle mod/lti/service/gradebookservices, and a running Moodle 4.5.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lti_tool import jobs, passback
from lti_tool.ags import Answer
from lti_tool.db import Database, utc_now
from lti_tool.deep_linking import TAG
from lti_tool.jobs import Claim
from lti_tool.line_items import MADE
from lti_tool.models import LineItem, Passback, ResourceLink
from lti_tool.outbound import AddressRefused, OutboundError, PlatformRefused, PlatformUnreachable, TokenNotGiven
from lti_tool.platforms import PlatformRules, rules_for
from lti_tool.services import ScopeMissing
from lti_tool.shelf import is_on_shelf

GRADING_OFF = "Grading is off for this activity."
COLUMN_GONE = "The gradebook column is gone."
CREATING = "creating"
MARK = ""  # the address of a column that is being looked for or made
CREATING_SECONDS = 120
PAGE = re.compile(r"(?:^|: )<(?:!doctype\s+html|html)\b", re.IGNORECASE)  # after the reason phrase

Outcome = Literal["sent", "overtaken", "refused", "later"]
Row = Mapping[str, Any]
T = TypeVar("T")


class Gradebook(Protocol):
    """What delivery needs of a platform; `AgsClient` is one."""

    def find_line_items(self, url: str, *, resource_link_id: str | None = None) -> list[dict[str, Any]]: ...
    def create_line_item(self, url: str, body: Mapping[str, Any]) -> dict[str, Any]: ...
    def post_score(self, line_item_url: str, body: Mapping[str, Any]) -> Answer: ...
    def results(self, line_item_url: str, user_id: str) -> list[dict[str, Any]]: ...


GradebookOf = Callable[[Session, ResourceLink], Gradebook]


class _Later(Exception):
    """Not settled; the same body goes out again. `unknown`: it may have arrived."""

    def __init__(self, sentence: str, *, unknown: bool) -> None:
        super().__init__(sentence)
        self.unknown = unknown


class _Never(Exception):
    """This message is not taken, however often it is sent."""


@dataclass(frozen=True)
class _Delivery:
    """One message with all that is needed to send it, read once."""

    database: Database
    claim: Claim
    message: Passback
    link: ResourceLink
    gradebook: Gradebook

    @property
    def body(self) -> Row:
        return self.message.body

    def record(self, action: str, status: int | None, answer: str) -> None:
        """Keep one exchange."""
        with self.database.write() as session:
            jobs.hold(session, self.claim)
            passback.record_try(session, self.message.id, action, status, answer)


def deliver(database: Database, claim: Claim, gradebook_of: GradebookOf) -> Outcome:
    """Bring one message as far as it goes, and write down what came of it. Raises LeaseLost."""
    with database.write() as session:
        jobs.hold(session, claim)
        message = session.get_one(Passback, claim.passback_id)
        if passback.overtaken_by(session, message) is not None:
            passback.settle(message, "overtaken", "A newer message has arrived.")
            jobs.finish(session, claim)
            return "overtaken"
        link = message.resource_link
        delivery = _Delivery(database, claim, message, link, gradebook_of(session, link))
    try:
        answer, shown = _send(delivery)
    except _Later as later:
        return _put_off(delivery, later)
    except _Never as never:
        return _refuse(delivery, str(never))
    with database.write() as session:
        jobs.finish(session, claim)
        passback.settle(session.get_one(Passback, message.id), "sent", answer, shown)
    return "sent"


def _send(delivery: _Delivery) -> tuple[str, Row | None]:
    """What the platform said and what its gradebook shows, once the message is in it. Raises _Later or _Never."""
    was_unknown = delivery.message.state == "unknown"
    column = _asking(delivery, "find column", lambda: _column(delivery))
    if was_unknown and _has_score(delivery.body):
        shown = _shown(delivery, column)
        if shows_score(shown, delivery.body):
            return "It had arrived.", shown
    answer = _post(delivery, column)
    meaning = meaning_of(answer.status, answer.text)
    if meaning == "taken":
        return answer.text, _shown(delivery, column)
    if meaning == "unknown":
        shown = _shown(delivery, column)
        if _has_score(delivery.body) and shows_score(shown, delivery.body):
            return f"Answered {answer.status}, and the gradebook shows it.", shown
        if answer.status == 409 and shown is not None and _rules(delivery).conflict_means_newer:
            raise _Never(_words(delivery, answer))
        raise _Later(_words(delivery, answer), unknown=True)
    if meaning == "later":
        raise _Later(_words(delivery, answer), unknown=False)
    if answer.status == 404 and _rules(delivery).why(answer.status, answer.text) is None:
        _forget_column(delivery, column)
        raise _Never(COLUMN_GONE)
    raise _Never(_words(delivery, answer))


def meaning_of(status: int, text: str) -> Literal["taken", "unknown", "later", "never"]:
    """What an answer to a score says: it is there, nobody knows, ask later, or it will never be taken.

    Canvas throttles with 403 "Rate Limit Exceeded"; Moodle answers 409 also to a score that it has already. A page is
    no service's answer: something in between may have shown it, such as a portal that wants somebody to sign in.
    """
    if 200 <= status < 300:
        return "unknown" if PAGE.search(text) else "taken"
    if status in (408, 409) or status >= 500:
        return "unknown"
    if status in (401, 425, 429) or (status == 403 and "rate limit" in text.lower()):
        return "later"
    return "never"


def _rules(delivery: _Delivery) -> PlatformRules:
    return rules_for(delivery.link.platform_family)


def _words(delivery: _Delivery, answer: Answer) -> str:
    known = _rules(delivery).why(answer.status, answer.text)
    if known is not None:
        return f"{known} The course answered {answer.status}."
    said = f"The course answered {answer.status}{f': {answer.text}' if answer.text else ''}"
    locked = answer.status >= 500 and _rules(delivery).server_error_may_mean_locked
    return f"{said.rstrip('.')}. {'The grade may be locked there.' if locked else ''}".strip()


def _post(delivery: _Delivery, column: str) -> Answer:
    with delivery.database.write() as session:
        jobs.hold(session, delivery.claim)
        passback.settle(session.get_one(Passback, delivery.message.id), "unknown", "Sent, no answer yet.")
    answer = _asking(delivery, "post", lambda: delivery.gradebook.post_score(column, delivery.body))
    delivery.record("post", answer.status, answer.text)
    return answer


def _asking(delivery: _Delivery, action: str, ask: Callable[[], T]) -> T:
    """Ask the platform, and turn what went wrong on the way into _Later or _Never."""
    try:
        return ask()
    except (ScopeMissing, AddressRefused) as error:
        delivery.record(action, None, str(error))
        raise _Never(str(error)) from error
    except PlatformUnreachable as error:
        delivery.record(action, None, str(error))
        raise _Later(str(error), unknown=action == "post" and error.may_have_arrived) from error
    except TokenNotGiven as error:
        # It says nothing about the score; Moodle answers 404 as long as it cannot reach our keys (seen on 4.5.6).
        delivery.record("token", error.status, str(error))
        raise _Later(str(error), unknown=False) from error
    except PlatformRefused as error:
        delivery.record(action, error.status, str(error))
        meaning = meaning_of(error.status, error.reason)
        if meaning == "never":
            raise _Never(str(error)) from error
        # An answer that cannot be read, such as one without end, may say that the score was taken.
        raise _Later(str(error), unknown=action == "post" and meaning in ("taken", "unknown")) from error
    except OutboundError as error:
        delivery.record(action, None, str(error))
        raise _Later(str(error), unknown=False) from error


def _put_off(delivery: _Delivery, later: _Later) -> Outcome:
    # What was unknown before stays so: that this try did not arrive says nothing about an earlier one.
    unknown = later.unknown or delivery.message.state == "unknown"
    return _try_later(delivery.database, delivery.claim, str(later), "unknown" if unknown else "waiting")


def break_off(database: Database, claim: Claim, sentence: str) -> Outcome:
    """Something unforeseen happened on the way: try later, from the state that the message is in. Raises LeaseLost."""
    return _try_later(database, claim, sentence, None)


def _try_later(database: Database, claim: Claim, sentence: str, state: str | None) -> Outcome:
    with database.write() as session:
        again = jobs.fail(session, claim, sentence)
        message = session.get_one(Passback, claim.passback_id)
        if again:
            passback.settle(message, state or message.state, sentence)
            return "later"
        passback.settle(message, "refused", f"Given up after {jobs.MAX_TRIES} tries. {sentence}")
        return "refused"


def _refuse(delivery: _Delivery, sentence: str) -> Outcome:
    with delivery.database.write() as session:
        jobs.to_person(session, delivery.claim, sentence)
        passback.settle(session.get_one(Passback, delivery.message.id), "refused", sentence)
    return "refused"


# ---- reading back --------------------------------------------------------------------------------------------


def _shown(delivery: _Delivery, column: str) -> Row | None:
    """What the gradebook shows for the learner; None where it shows nothing or can't be read."""
    try:
        rows = delivery.gradebook.results(column, str(delivery.body["userId"]))
    except OutboundError as error:
        delivery.record("read", getattr(error, "status", None), str(error))
        return None
    delivery.record("read", 200, f"{len(rows)} rows")
    return {key: number(rows[0].get(key)) for key in ("resultScore", "resultMaximum")} if rows else None


def _has_score(body: Row) -> bool:
    return "scoreGiven" in body


def shows_score(shown: Row | None, body: Row) -> bool:
    """Whether a gradebook row is our score, on whatever scale the column has; a missing maximum is 1 (AGS 2.0).

    Gradebooks round to two decimals or finer, which on a short scale is a wide step.
    """
    score = number(shown.get("resultScore")) if shown else None
    if shown is None or score is None:
        return False
    maximum = number(shown.get("resultMaximum")) or 1.0
    given = float(body["scoreGiven"]) / float(body["scoreMaximum"])
    return math.isclose(score / maximum, given, rel_tol=0, abs_tol=max(1e-4, 0.0051 / maximum))


def number(value: Any) -> float | None:
    """A number that a platform sent; None for whatever else stands in its place, NaN and what is too large among it."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


# ---- the column ----------------------------------------------------------------------------------------------


def _column(delivery: _Delivery) -> str:
    """The address of the placement's gradebook column: named by the newest launch, known, found, or made once."""
    link = delivery.link
    known = _known_column(delivery)
    if known is not None:
        return known
    assert link.line_items_url is not None
    try:
        url, source, maximum = _find_or_make(delivery, link.line_items_url)
    except Exception:
        _forget_column(delivery, MARK)
        raise
    with delivery.database.write() as session:
        row = session.get_one(LineItem, link.id)
        row.url, row.source, row.maximum = url, source, maximum
    return url


def _known_column(delivery: _Delivery) -> str | None:
    """The column's address; None after putting down a mark that we look for it now, so that nobody else makes one."""
    link = delivery.link
    try:
        with delivery.database.write() as session:
            jobs.hold(session, delivery.claim)
            row = session.get(LineItem, link.id, with_for_update=True)
            named = link.line_item_url
            if row is not None and row.source != CREATING and named in (None, "", row.url):
                return row.url
            if named:
                # Also in the place of one that we know: the column was made anew, or the platform moved.
                session.merge(LineItem(resource_link_id=link.id, url=named, maximum=None, source="launch"))
                return named
            if not link.line_items_url:
                raise _Never(GRADING_OFF)
            if row is not None and utc_now() - row.found_at < timedelta(seconds=CREATING_SECONDS):
                raise _Later("The gradebook column is just being made.", unknown=False)
            session.merge(LineItem(resource_link_id=link.id, url=MARK, source=CREATING, found_at=utc_now()))
    except IntegrityError as error:
        raise _Later("The gradebook column is just being made.", unknown=False) from error
    return None


def _find_or_make(delivery: _Delivery, line_items_url: str) -> tuple[str, str, float | None]:
    link = delivery.link
    found = _columns(delivery, line_items_url)
    found.sort(key=lambda item: item.get("tag") != TAG)
    source = "found"
    if not found:
        body = {
            "label": link.title or link.lesson_slug,
            "scoreMaximum": delivery.body.get("scoreMaximum", 100),
            "tag": TAG,
            **({"resourceId": link.lms_id} if is_on_shelf(link) else {"resourceLinkId": link.lms_id}),
        }
        found, source = [delivery.gradebook.create_line_item(line_items_url, body)], MADE
        delivery.record("make column", 201, "")
    url, maximum = found[0].get("id"), found[0].get("scoreMaximum")
    if not isinstance(url, str) or not url:
        raise _Later("The course named a gradebook column without its address.", unknown=False)
    return url, source, float(maximum) if isinstance(maximum, int | float) else None


def _columns(delivery: _Delivery, line_items_url: str) -> list[dict[str, Any]]:
    """The columns that may be this placement's; of a lesson on a shelf the platform knows nothing but our own id."""
    link = delivery.link
    if not is_on_shelf(link):
        return delivery.gradebook.find_line_items(line_items_url, resource_link_id=link.lms_id)
    every = delivery.gradebook.find_line_items(line_items_url)
    return [column for column in every if column.get("resourceId") == link.lms_id]


def _forget_column(delivery: _Delivery, url: str) -> None:
    """So that the next try looks for it afresh, and not where a launch once said that it was."""
    with delivery.database.write() as session:
        link = session.get_one(ResourceLink, delivery.link.id)
        if url and link.line_item_url == url:
            link.line_item_url = None  # the next launch names it again if it is there
        row = session.get(LineItem, delivery.link.id, with_for_update=True)
        if row is not None and row.url == url:  # else another sender has found or made it meanwhile
            session.delete(row)

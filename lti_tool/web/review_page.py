"""One review as a page: the sheet, the form where one is open, the text or drawing, history, facts."""

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup
from sqlalchemy.orm import Session

from lti_tool.blind import own_sheet, sheets_on, why_not_you
from lti_tool.blind_draws import pending
from lti_tool.deadlines import late_by
from lti_tool.language import gettext as _
from lti_tool.language import ngettext
from lti_tool.models import BlindSheet, PendingRelease, ResourceLink, Submission
from lti_tool.results import Sheet, bare_sheet, judge_sheet, judging_job, state_of
from lti_tool.review_queue import WAITING, count_to_review, same_text
from lti_tool.reviews import own_levels
from lti_tool.web.drawing_page import DrawingPage, drawing_page
from lti_tool.web.instructor_words import STATES, Moment, fact_words, history
from lti_tool.web.markup import Passage, highlight, markdown, passages
from lti_tool.web.queue_page import View, learner
from lti_tool.web.review_exchange import Exchange, exchanges
from lti_tool.web.review_form import ReviewForm, first_form
from rubrics.text import word_count

Mode = Literal[
    "blind", "reveal", "assisted", "change", "released", "going out", "with the judge", "withdrawn", "returned"
]


@dataclass(frozen=True)
class ReviewPage:
    """Everything the page of one submission shows; `form` is None where there is nothing to decide."""

    submission: Submission
    sheet: Sheet
    form: ReviewForm | None
    mode: Mode
    lead: str
    learner: str
    view: View
    waiting: int
    pending: PendingRelease | None
    text: Markup
    quoted: frozenset[int]
    drawing: DrawingPage | None
    prompt: Markup
    judge: str
    history: tuple[Moment, ...]
    facts: tuple[str, ...]
    readings: tuple[BlindSheet, ...]
    exchanges: tuple[Exchange, ...]


def review_page(
    session: Session,
    resource_link: ResourceLink,
    submission: Submission,
    view: View,
    person_id: int,
    *,
    change: bool = False,
    form: ReviewForm | None = None,
) -> ReviewPage:
    """The page of one submission for one person; with `form`, as it was sent and refused."""
    if pending(session, [submission.id]):
        return _blind_page(session, resource_link, submission, view, person_id, form)
    sheet, decided = judge_sheet(session, submission), session.get(PendingRelease, submission.id)
    own = own_sheet(session, submission.id, person_id) if own_levels(session, submission.id, person_id) else None
    mode = _mode(session, sheet, change, decided, own is not None)
    open_form = None
    if mode in ("assisted", "reveal", "change"):
        open_form = form or first_form(sheet, own.levels if own else None, own.quotes if own else None)
    marked = _passages(sheet)
    return ReviewPage(
        submission=submission,
        sheet=sheet,
        form=open_form,
        mode=mode,
        lead=_lead(session, sheet, mode),
        learner=learner(submission.person, view.names),
        view=view,
        waiting=count_to_review(session, resource_link),
        pending=decided,
        text=highlight(submission.text, marked),
        quoted=frozenset(passage.number for passage in marked),
        drawing=drawing_page(submission.text, sheet.lesson) if sheet.item.kind == "drawing" else None,
        prompt=markdown(sheet.item.prompt),
        judge=_judge(sheet),
        history=tuple(history(session, submission)),
        facts=(*fact_words(sheet), *_twin(session, resource_link, submission)),
        readings=tuple(sheets_on(session, submission.id)),
        exchanges=tuple(exchanges(session, sheet)),
    )


def _blind_page(
    session: Session,
    resource_link: ResourceLink,
    submission: Submission,
    view: View,
    person_id: int,
    form: ReviewForm | None,
) -> ReviewPage:
    """A page with nothing of the judge's in it, or derived from it: the question, the text, and an empty sheet."""
    sheet, why_not = bare_sheet(session, submission), why_not_you(session, submission, person_id)
    late = late_by(submission.due_at, submission.sent_at)
    sent = _("sent, attempt %(number)d", number=submission.attempt)
    return ReviewPage(
        submission=submission,
        sheet=sheet,
        form=None if why_not else form or first_form(sheet),
        mode="blind",
        lead=why_not or _("Score first. The judge’s levels appear after you commit."),
        learner=learner(submission.person, view.names),
        view=view,
        waiting=count_to_review(session, resource_link),
        pending=None,
        text=highlight(submission.text, ()),
        quoted=frozenset(),
        drawing=drawing_page(submission.text, sheet.lesson) if sheet.item.kind == "drawing" else None,
        prompt=markdown(sheet.item.prompt),
        judge="",
        history=(Moment(submission.sent_at, sent, _("%(span)s after it was due", span=late) if late else ""),),
        facts=() if sheet.item.kind == "drawing" else (_words(submission.text),),
        readings=(),
        exchanges=(),
    )


def _words(text: str) -> str:
    count = word_count(text)
    return ngettext("%(num)d word", "%(num)d words", count)


def _twin(session: Session, resource_link: ResourceLink, submission: Submission) -> list[str]:
    return [f"{handle} sent the same text" for handle in same_text(session, resource_link, [submission]).values()]


def _mode(session: Session, sheet: Sheet, change: bool, decided: PendingRelease | None, is_own: bool) -> Mode:
    if sheet.release is not None:
        return "change" if change else "released"
    if decided is not None and decided.problem is None:
        return "going out"
    state = state_of(session, sheet.submission)
    if state in WAITING:
        return "reveal" if is_own else "assisted"
    return state if state in ("withdrawn", "returned") else "with the judge"


def _lead(session: Session, sheet: Sheet, mode: Mode) -> str:
    if mode == "change":
        return "Released already. A change is a new release, with its reason."
    if mode == "released":
        return "The student sees this sheet."
    if mode == "reveal":
        return _("Your levels stand as you committed them. Keep them, take the judge’s, or split, with a reason.")
    if mode == "returned":
        return "With its learner again, unscored."
    if mode == "going out":
        return "Decided. Nobody sees it before it goes out."
    if mode != "assisted":
        return f"Nothing to decide: {STATES[state_of(session, sheet.submission)]}."
    job = judging_job(session, sheet.submission)
    why = ((job.gate_reason or job.last_error) if job else None) or ""
    here = f"Here because {_in_a_sentence(why, sheet)}. " if why else ""
    todo = "Fill in every level." if sheet.judgement is None else "Confirm, or change with a reason."
    return here + todo


def _in_a_sentence(why: str, sheet: Sheet) -> str:
    """A reason to stand after "because": a small first letter, unless a criterion's title begins it."""
    titled = any(why.startswith(row.criterion.title) for row in sheet.rows)
    return (why if titled else why[:1].lower() + why[1:]).rstrip(".")


def _passages(sheet: Sheet) -> list[Passage]:
    found: list[Passage] = []
    if sheet.item.kind == "drawing":
        return found
    for number, row in enumerate(sheet.rows, start=1):
        if row.rating:
            found += passages(sheet.submission.text, row.rating.quotes, number, row.criterion.title)
    return found


def _judge(sheet: Sheet) -> str:
    if sheet.judgement is None:
        return ""
    label = sheet.judgement.judge_label or sheet.judgement.judge
    said = "provisional" in label.casefold()
    return f"{label}, provisional" if sheet.judgement.provisional and not said else label

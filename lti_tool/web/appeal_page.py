"""What a student does with a released sheet: appeal against one level of it, and pin one sentence of their own."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from flask import abort, redirect, request, url_for
from werkzeug.wrappers import Response

from lti_tool import appeals
from lti_tool.appeals import MAX_WHY, AppealProblem, chance, sentences
from lti_tool.lessons import lesson_of
from lti_tool.models import Submission
from lti_tool.pins import pin, pinned_line
from lti_tool.results import student_sheet
from lti_tool.web.sessions import signed_in
from lti_tool.web.visit import Visit, bp, own_submission, page, reading, submission_url, writing
from lti_tool.web.watching import UNPROCESSABLE, step_id_of
from lti_tool.web.whole import whole

Answer = str | Response | tuple[str, int]


@dataclass(frozen=True)
class Choice:
    """A sentence that can be chosen; `at` is its place among all of them."""

    at: int
    words: str


@dataclass(frozen=True)
class Paragraph:
    """The sentences of one paragraph."""

    number: int
    choices: tuple[Choice, ...]


def paragraphs(sent: Submission) -> list[Paragraph]:
    """A text's sentences, by paragraph."""
    found = groupby(_places(sent), key=lambda place: place[0])
    return [
        Paragraph(number, tuple(choice for _number, choice in places)) for number, (_key, places) in enumerate(found, 1)
    ]


def _places(sent: Submission) -> Iterator[tuple[int, Choice]]:
    """Each sentence with where its paragraph begins."""
    for at, (start, end) in enumerate(sentences(sent)):
        begins = sent.text.rfind("\n\n", 0, start)
        yield begins, Choice(at, sent.text[start:end])


@bp.get("/submissions/<public_id>/appeal")
@signed_in("student")
def appeal(launch_id: str, public_id: str) -> Answer:
    """The form; `criterion` names what the learner came from."""
    with reading() as visit:
        return _form(visit, public_id)


@bp.post("/submissions/<public_id>/appeal")
@signed_in("student")
def send_appeal(launch_id: str, public_id: str) -> Answer:
    """Send it; what was typed comes back where it cannot be taken."""
    try:
        with writing() as visit:
            sent = own_submission(visit, public_id)
            chosen = whole(request.form.get("sentence", ""))
            said = request.form.get("reason", "")
            made = appeals.send_appeal(visit.session, visit.link, sent, request.form.get("criterion", ""), chosen, said)
            where = f"{submission_url(sent)}#appeal-{made.criterion}"
    except AppealProblem as problem:
        with reading() as visit:
            return _form(visit, public_id, str(problem)), UNPROCESSABLE
    return redirect(where, code=303)


def _form(visit: Visit, public_id: str, problem: str | None = None) -> str:
    sent = own_submission(visit, public_id)
    sheet = student_sheet(visit.session, sent)
    if sheet is None or sheet.release is None:
        abort(404)
    known = appeals.appeals_on(visit.session, sent)
    return page(
        "student/appeal.html",
        visit,
        step_id_of(visit, sent),
        sent=sent,
        sheet=sheet,
        item=sheet.item,
        rows=[row for row in sheet.rows if row.criterion.rated_by == "judge"],
        known=known,
        chance=chance(visit.session, visit.link, sent),
        paragraphs=paragraphs(sent),
        chosen=whole(request.form.get("sentence", "")),
        criterion=request.values.get("criterion", ""),
        why=request.form.get("reason", ""),
        most=MAX_WHY,
        problem=problem,
    )


@bp.get("/submissions/<public_id>/pin")
@signed_in("student")
def choose_line(launch_id: str, public_id: str) -> Answer:
    """Choose the sentence that heads the result."""
    with reading() as visit:
        sent = _readable(visit, public_id)
        line = pinned_line(visit.session, sent)
        return page(
            "student/pin.html",
            visit,
            step_id_of(visit, sent),
            sent=sent,
            item=lesson_of(sent).item(sent.item_id),
            paragraphs=paragraphs(sent),
            line=line,
        )


@bp.post("/submissions/<public_id>/pin")
@signed_in("student")
def pin_line(launch_id: str, public_id: str) -> Answer:
    """Pin it; choosing nothing takes the pin out."""
    with writing() as visit:
        sent = _readable(visit, public_id)
        spans, at = sentences(sent), whole(request.form.get("sentence", ""))
        pin(visit.session, sent, spans[at] if at is not None and at < len(spans) else None)
    return redirect(url_for("student.submission", public_id=public_id), code=303)


def _readable(visit: Visit, public_id: str) -> Submission:
    """A judged essay that its learner may see the sheet of, or 404."""
    sent = own_submission(visit, public_id)
    sheet = student_sheet(visit.session, sent)
    if sheet is None or sheet.item.kind != "essay":
        abort(404)
    return sent

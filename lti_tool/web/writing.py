"""What a student writes and draws: saving, restoring, the step before judging, and sending."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from flask import abort, jsonify, redirect, request, url_for
from werkzeug.wrappers import Response

from lti_tool.attempts import (
    GRACE_MINUTES,
    Desk,
    SendProblem,
    desk,
    drafts,
    latest_draft,
    save_draft,
    saved_elsewhere,
    submit,
)
from lti_tool.language import gettext as _
from lti_tool.language import translated
from lti_tool.lesson import DrillStep, HotTakesStep, Item
from lti_tool.lessons import weights_here
from lti_tool.models import Draft, Submission
from lti_tool.passback import enqueue_submitted
from lti_tool.web import bench
from lti_tool.web.bench import Bench, BenchProblem, read_bench
from lti_tool.web.bench_page import bench_page
from lti_tool.web.context import current
from lti_tool.web.notice_page import is_told
from lti_tool.web.sessions import signed_in
from lti_tool.web.takes import Problem, takes_page
from lti_tool.web.visit import Visit, bp, find_item, item_url, opened, page, reading, step_url, submission_url, writing
from lti_tool.web.whole import whole
from lti_tool.web.words import word_line
from rubrics.diagram import DrawingError, parse_drawing
from rubrics.text import word_count

Answer = str | Response | tuple[str, int]
UNPROCESSABLE = 422


@bp.get("/items/<item_id>")
@signed_in("student")
def item(launch_id: str, item_id: str) -> Answer:
    """Where an item is written; a hot-take is on its step's page."""
    with reading() as visit:
        find_item(visit, item_id)
        step = visit.lesson.step_of(item_id)
        if isinstance(step, HotTakesStep):
            return redirect(f"{step_url(step)}#{item_id}")
    opened(step.id, item_id=item_id)
    with reading() as visit:
        return item_page(visit, item_id)


def item_page(visit: Visit, item_id: str, problem: Problem | None = None) -> str:
    """The page an item is written on, with what is wrong beside the field and the text kept in it."""
    step = visit.lesson.step_of(item_id)
    if isinstance(step, HotTakesStep):
        return takes_page(visit, step, {item_id: problem} if problem else None)
    found = desk(visit.session, visit.link, visit.person_id, visit.published, item_id)
    if found.item.kind == "drawing":
        shown = read_bench(problem.text if problem else found.text)
        sentence = problem.sentence if problem else None
        return bench_page(visit, step, found, shown, send_problem=sentence, other=_other(visit, found.item))
    return _pitch_page(visit, step, found, problem)


@dataclass(frozen=True)
class DraftLine:
    """A saved draft in the list."""

    id: int
    saved_at: datetime
    words: int
    beginning: str


def draft_lines(visit: Visit, item_id: str) -> list[DraftLine]:
    """The drafts of a text, newest first."""
    kept = drafts(visit.session, visit.link, visit.person_id, item_id)
    return [DraftLine(d.id, d.saved_at, word_count(d.text), " ".join(d.text[:120].split())) for d in kept]


def _pitch_page(visit: Visit, step: DrillStep, found: Desk, problem: Problem | None) -> str:
    text = problem.text if problem else found.text
    return page(
        "student/pitch.html",
        visit,
        step.id,
        step=step,
        desk=found,
        item=found.item,
        rubric=found.rubric,
        text=text,
        problem=problem.sentence if problem else None,
        line=word_line(word_count(text), found.rubric.words),
        drafts=draft_lines(visit, found.item.id),
        other=_other(visit, found.item),
        weights=weights_here(visit.link, visit.lesson),
        grace=_grace(visit),
    )


def _grace(visit: Visit) -> int:
    """Minutes in which what was sent can be taken back."""
    return int(visit.link.settings.get("grace_minutes", GRACE_MINUTES))


def _other(visit: Visit, item: Item) -> Draft | None:
    """The draft of another window that a save without script has just passed over."""
    named = request.args.get("other", "")
    return _own_draft(visit, item, named) if named else None


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


@dataclass(frozen=True)
class Kept:
    """A text that was saved, and the draft that another window had saved meanwhile."""

    draft: Draft
    other: Draft | None


def _keep(item_id: str, text: str) -> Kept:
    """Save the text as a draft, in a transaction of its own: it is safe whatever comes next."""
    with writing() as visit:
        found = find_item(visit, item_id)
        if found.kind == "drawing":
            _check_drawing(text)
        where = (visit.session, visit.link, visit.person_id)
        other = saved_elsewhere(*where, item_id, _base(), text)
        return Kept(save_draft(*where, found, text), other)


def _base() -> int | None:
    """The draft that the page showed, or saved, last."""
    return whole(request.form.get("base", ""))


def _kept_json(kept: Kept) -> Response:
    return jsonify(
        saved_at=kept.draft.saved_at.isoformat(),
        draft=kept.draft.id,
        other_saved_at=kept.other.saved_at.isoformat() if kept.other else None,
    )


def _check_drawing(text: str) -> None:
    try:
        parse_drawing(text)
    except DrawingError as error:
        raise SendProblem(translated(error)) from error


def _typed() -> str:
    """The text of the form; a form without the field is not taken for an empty text."""
    if "text" not in request.form:
        abort(400)
    return request.form["text"]


def _refused(item_id: str, text: str, sentence: str) -> Answer:
    if _wants_json():
        answer = jsonify(problem=sentence)
        answer.status_code = UNPROCESSABLE
        return answer
    with reading() as visit:
        find_item(visit, item_id)
        return item_page(visit, item_id, Problem(text, sentence)), UNPROCESSABLE


@bp.post("/items/<item_id>/draft")
@signed_in("student")
def save(launch_id: str, item_id: str) -> Answer:
    """Keep the text as it stands; scripts get the time as JSON."""
    text = _typed()
    try:
        kept = _keep(item_id, text)
    except SendProblem as problem:
        return _refused(item_id, text, str(problem))
    if _wants_json():
        return _kept_json(kept)
    return redirect(_home(item_id, other=kept.other.id if kept.other else None), code=303)


def _home(item_id: str, other: int | None = None) -> str:
    with reading() as visit:
        step = visit.lesson.step_of(item_id)
        return f"{step_url(step)}#{item_id}" if isinstance(step, HotTakesStep) else item_url(item_id, other=other)


@bp.get("/items/<item_id>/draft")
@signed_in("student")
def draft_file(launch_id: str, item_id: str) -> Answer:
    """The newest text of an item as a file to keep."""
    with reading() as visit:
        found = desk(visit.session, visit.link, visit.person_id, visit.published, find_item(visit, item_id).id)
    ending, kind = ("json", "application/json") if found.item.kind == "drawing" else ("txt", "text/plain")
    answer = Response(found.text, content_type=f"{kind}; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="atelier-{item_id}-draft.{ending}"'
    return answer


@bp.post("/items/<item_id>/restore")
@signed_in("student")
def restore(launch_id: str, item_id: str) -> Answer:
    """An older draft comes back as a new one; nothing is overwritten."""
    with writing() as visit:
        found = find_item(visit, item_id)
        text = _own_draft(visit, found, request.form.get("draft", "")).text
        save_draft(visit.session, visit.link, visit.person_id, found, text)
    return redirect(_home(item_id), code=303)


def _own_draft(visit: Visit, item: Item, draft_id: str) -> Draft:
    """A draft of this learner, placement and item, or 404."""
    number = whole(draft_id)
    draft = visit.session.get(Draft, number) if number is not None else None
    here = (visit.link.id, visit.person_id, item.id)
    if draft is None or (draft.resource_link_id, draft.person_id, draft.item_id) != here:
        abort(404)
    return draft


@bp.post("/items/<item_id>/confirm")
@signed_in("student")
def ask(launch_id: str, item_id: str) -> Answer:
    """Keep the text, then ask before an attempt is used."""
    text = _typed()
    try:
        _keep(item_id, text)
    except SendProblem as problem:
        return _refused(item_id, text, str(problem))
    return redirect(url_for("student.confirm", item_id=item_id), code=303)


@bp.get("/items/<item_id>/confirm")
@signed_in("student")
def confirm(launch_id: str, item_id: str) -> Answer:
    """What sending will do, as a page of its own."""
    with reading() as visit:
        found = find_item(visit, item_id)
        draft = latest_draft(visit.session, visit.link, visit.person_id, item_id)
        if draft is None:
            return redirect(_home(item_id))
        here = desk(visit.session, visit.link, visit.person_id, visit.published, item_id)
        step = visit.lesson.step_of(item_id)
        line = word_line(word_count(draft.text), here.rubric.words) if found.kind != "drawing" else None
        drawn = read_bench(draft.text) if found.kind == "drawing" else None
        return page(
            "student/confirm.html",
            visit,
            step.id,
            desk=here,
            item=found,
            draft=draft,
            line=line,
            drawn=drawn,
            lint=bench.lint(drawn) if drawn else [],
            grace=_grace(visit),
        )


@bp.post("/items/<item_id>/send")
@signed_in("student")
def send(launch_id: str, item_id: str) -> Answer:
    """Freeze the text and have it judged; the text is kept as a draft first, so that a refusal loses nothing."""
    with reading() as visit:
        found, told = find_item(visit, item_id), is_told(visit)
        named = request.form.get("draft")
        text = _typed() if named is None else _own_draft(visit, found, named).text
    try:
        _keep(item_id, text)
        if found.kind == "drawing" and not read_bench(text).nodes:
            raise SendProblem(_("Nothing drawn yet."))
        if not told and not _wants_json():
            return redirect(url_for("student.notice", item=item_id), code=303)
        if not told:
            raise SendProblem(_("Read the notice first: what happens with your work. Your text is kept."))
        with writing() as visit:
            sent = submit(visit.session, visit.link, visit.person_id, item_id, text)
            if weights_here(visit.link, visit.lesson).get(item_id):  # practice is no handed-in work
                enqueue_submitted(visit.session, sent, _work_address(sent))
            home = _take_url(visit, found) if found.kind == "hot_take" else submission_url(sent)
    except SendProblem as problem:
        return _refused(item_id, text, str(problem))
    return redirect(home, code=303)


def _work_address(sent: Submission) -> str:
    """Where a gradebook opens this work: our launch address, for whoever the platform then vouches for."""
    return f"{current().settings.base_url}/lti/launch?submission={sent.public_id}"


def _take_url(visit: Visit, item: Item) -> str:
    return f"{step_url(visit.lesson.step_of(item.id))}#{item.id}"


# The drawing: every operation is one plain form


Operation = Callable[[Bench, str, Visit], Bench]


def _connect(drawn: Bench, name: str, visit: Visit) -> Bench:
    said = request.form.get("says", "")
    return bench.connect(drawn, request.form.get("from", ""), request.form.get("to", ""), said)


def _add(drawn: Bench, name: str, visit: Visit) -> Bench:
    reference = visit.lesson.reference
    return bench.add_part(drawn, request.form.get("part", ""), reference.palette if reference else ())


def _keep_only(drawn: Bench, name: str, visit: Visit) -> Bench:
    return drawn


def _enter(drawn: Bench, name: str, visit: Visit) -> Bench:
    """Enter in a field: connect where something was said, else only keep."""
    return _connect(drawn, name, visit) if request.form.get("says", "").strip() else drawn


OPERATIONS: dict[str, Operation] = {
    "add": _add,
    "connect": _connect,
    "enter": _enter,
    "save": _keep_only,
    "remove-part": lambda drawn, name, _visit: bench.remove_part(drawn, name),
    "remove-edge": lambda drawn, name, _visit: bench.remove_edge(drawn, name),
    "recover": lambda drawn, _name, _visit: bench.add_recovery(drawn, request.form.get("recovers", "")),
    "drop": lambda drawn, name, _visit: bench.drop_recovery(drawn, name),
    "earlier": lambda drawn, name, _visit: bench.earlier(drawn, name),
}
ANCHORS = {"connect": "connect", "enter": "connect", "recover": "pin", "drop": "pin", "earlier": "pin", "add": "add"}


@bp.post("/items/<item_id>/draw")
@signed_in("student")
def draw(launch_id: str, item_id: str) -> Answer:
    """One operation on the drawing, or judging it; whatever else the form holds is kept with it."""
    operation, _colon, name = request.form.get("do", "save").partition(":")
    if operation not in OPERATIONS and operation != "judge":
        abort(404)
    with reading() as visit:
        if find_item(visit, item_id).kind != "drawing":
            abort(404)
        drawn = _drawn(visit, item_id)
        try:
            drawn = _with_pin(drawn)
            drawn = OPERATIONS.get(operation, _keep_only)(drawn, name, visit)
        except BenchProblem as problem:
            return _bench_refused(visit, item_id, drawn, operation, str(problem))
    _keep(item_id, drawn.as_text())
    if operation == "judge":
        return redirect(url_for("student.confirm", item_id=item_id), code=303)
    return redirect(item_url(item_id, _anchor=ANCHORS.get(operation)), code=303)


def _drawn(visit: Visit, item_id: str) -> Bench:
    """The drawing to work on: the one a script sends along, else the one that is kept."""
    sent = request.form.get("drawing", "")
    try:
        if sent:
            _check_drawing(sent)
            return read_bench(sent)
    except SendProblem:
        pass  # what no script of ours made is not taken; the kept one is
    return read_bench(desk(visit.session, visit.link, visit.person_id, visit.published, item_id).text)


def _with_pin(drawn: Bench) -> Bench:
    """The pin and the note as the form has them; a form without them leaves them alone."""
    if "dies" in request.form:
        drawn = bench.set_crash(drawn, request.form["dies"])
    return bench.set_note(drawn, request.form["note"]) if "note" in request.form else drawn


def _bench_refused(visit: Visit, item_id: str, drawn: Bench, operation: str, sentence: str) -> Answer:
    step = visit.lesson.step_of(item_id)
    assert isinstance(step, DrillStep)
    found = desk(visit.session, visit.link, visit.person_id, visit.published, item_id)
    typed = replace(drawn, note=request.form.get("note", drawn.note))
    return bench_page(visit, step, found, typed, problem=sentence, operation=operation), UNPROCESSABLE

"""Trying a lesson out before students see it: as a student in two widths, and one answer against the rubric."""

from dataclasses import dataclass

from flask import Blueprint, abort, g, redirect, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool import editions
from lti_tool.attempts import SendProblem, find_submission, submit
from lti_tool.editions import Edition, NotPublishable
from lti_tool.lesson import Item, Lesson
from lti_tool.lessons import UnknownLesson
from lti_tool.models import Launch, LessonVersion, Person, ResourceLink, Submission
from lti_tool.rehearsals import find_rehearsal, is_stand_in, open_rehearsal, rehearsal, stand_in
from lti_tool.results import Sheet, judge_sheet
from lti_tool.web.context import current
from lti_tool.web.judging_log import log_of
from lti_tool.web.sessions import open_session, set_session_cookie, signed_in
from lti_tool.web.teaching import placement_here, teachers_page

bp = Blueprint("rehearsing", __name__, url_prefix="/l/<launch_id>/lessons/<slug>")

Answer = str | Response | tuple[str, int]
WIDTHS = (320, 760)


@bp.post("/preview")
@signed_in("instructor")
def open_preview(launch_id: str, slug: str) -> Answer:
    """Open the lesson, drafts and all, as a student would."""
    atelier = current()
    try:
        with atelier.database.write() as session:
            link, person = _stage(session, slug)
            opened = open_rehearsal(session, _launch(session), link, person)
            token = open_session(session, opened.id, atelier.settings.session_minutes)
    except NotPublishable:
        return _to_lesson(slug)
    answer = redirect(url_for("rehearsing.preview", launch_id=launch_id, slug=slug, shown=opened.id), code=303)
    set_session_cookie(answer, opened.id, token)
    return answer


@bp.get("/preview")
@signed_in("instructor")
def preview(launch_id: str, slug: str) -> Answer:
    """The rehearsal in frames as wide as a phone and as a course's page."""
    with current().database.read() as session:
        shown = session.get(Launch, request.args.get("shown", ""))
        if shown is None or not _is_own(session, shown):
            abort(404)
        g.frames_itself = True
        return teachers_page(session, "preview.html", "authoring.lessons", slug=slug, shown=shown, widths=WIDTHS)


def _is_own(session: Session, shown: Launch) -> bool:
    """Whether a launch is a rehearsal that this instructor opened in this course."""
    link = placement_here(session)
    there = shown.resource_link
    return there.rehearsal and there.context_id == link.context_id and is_stand_in(shown.person, g.person_id)


# ---- one answer ----------------------------------------------------------------------------------------------


@bp.get("/try")
@signed_in("instructor")
def bench(launch_id: str, slug: str) -> Answer:
    """Paste an answer, or pick one of the lesson's samples."""
    with current().database.read() as session:
        found = _edition(session, slug)
        try:
            lesson = _draft_lesson(found)
        except NotPublishable:
            return _to_lesson(slug)
        item = _asked_item(lesson, request.args.get("item", ""))
        sample = next((one for one in item.samples if one.id == request.args.get("sample")), None)
        text = sample.text if sample else ""
        return _bench(session, slug, lesson, item, text)


@bp.post("/try")
@signed_in("instructor")
def try_answer(launch_id: str, slug: str) -> Answer:
    """Have one answer judged by the drafts; it is kept with the rehearsal and counts for nobody."""
    item_id, text = request.form.get("item", ""), request.form.get("text", "")
    try:
        with current().database.write() as session:
            link, person = _stage(session, slug)
            _asked_item(_draft_lesson(_edition(session, slug)), item_id, strict=True)
            sent = submit(session, link, person.id, item_id, text)
    except NotPublishable:
        return _to_lesson(slug)
    except SendProblem as problem:
        with current().database.read() as session:
            lesson = _draft_lesson(_edition(session, slug))
            item = _asked_item(lesson, item_id)
            return _bench(session, slug, lesson, item, text, problem=str(problem)), 422
    there = url_for("rehearsing.tried", launch_id=launch_id, slug=slug, public_id=sent.public_id)
    return redirect(there, code=303)


@dataclass(frozen=True)
class Tried:
    """One answer that was tried: how far judging is, its sheet, and the levels its sample expects."""

    sent: Submission
    sheet: Sheet
    log: object
    expected: dict[str, int]
    running: bool


@bp.get("/try/<public_id>")
@signed_in("instructor")
def tried(launch_id: str, slug: str, public_id: str) -> Answer:
    """The levels of an answer that was tried, beside those its author expected."""
    with current().database.read() as session:
        link = placement_here(session)
        sent = _own_trial(session, link, slug, public_id)
        sheet = judge_sheet(session, sent)
        log = log_of(session, sent)
        sample = next((one for one in sheet.item.samples if one.text.strip() == sent.text.strip()), None)
        found = Tried(sent, sheet, log, dict(sample.expected or {}) if sample else {}, log.running)
        return _bench(session, slug, sheet.lesson, sheet.item, sent.text, tried=found)


def _bench(
    session: Session, slug: str, lesson: Lesson, item: Item, text: str, *, problem: str = "", tried: Tried | None = None
) -> str:
    shown = {"slug": slug, "lesson": lesson, "item": item, "text": text, "problem": problem, "tried": tried}
    return teachers_page(session, "try.html", "authoring.lessons", **shown)


def _own_trial(session: Session, link: ResourceLink, slug: str, public_id: str) -> Submission:
    stage = find_rehearsal(session, link, g.person_id, slug)
    found = find_submission(session, stage, public_id) if stage is not None else None
    return found if found is not None else abort(404)


# ---- shared --------------------------------------------------------------------------------------------------


def _stage(session: Session, slug: str) -> tuple[ResourceLink, Person]:
    """The rehearsal with the drafts as they are now, and whom the instructor plays in it. NotPublishable."""
    version: LessonVersion = editions.draft_version(session, _edition(session, slug))
    launch = _launch(session)
    link = rehearsal(session, launch, version)
    return link, stand_in(session, launch, current().settings.judge, link)


def _launch(session: Session) -> Launch:
    return session.get_one(Launch, g.launch.id)


def _edition(session: Session, slug: str) -> Edition:
    link = placement_here(session)
    try:
        return editions.edition(session, slug, link.context_id)
    except UnknownLesson:
        abort(404)


def _draft_lesson(found: Edition) -> Lesson:
    if faults := editions.draft_faults(found):
        raise NotPublishable(faults)
    return Lesson.from_json(found.drafts[editions.LESSON].content)


def _asked_item(lesson: Lesson, item_id: str, *, strict: bool = False) -> Item:
    for item in lesson.items:
        if item.id == item_id:
            return item
    if strict:
        abort(404)
    return next((item for item in lesson.items if item.kind == "essay"), lesson.items[0])


def _to_lesson(slug: str) -> Response:
    """Drafts with faults cannot be tried; the lesson's page names them."""
    return redirect(url_for("authoring.lesson", launch_id=g.launch.id, slug=slug) + "#drafts", code=303)

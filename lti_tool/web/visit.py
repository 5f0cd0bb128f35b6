"""A learner's visit to their placement: the lesson as they may see it, how far they are, and the page's frame."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, current_app, g, render_template, request, url_for
from sqlalchemy.orm import Session

from lti_tool import returns
from lti_tool.attempts import find_submission
from lti_tool.db import utc_now
from lti_tool.deadlines import deadlines_for, late_by
from lti_tool.lesson import BriefStep, DrillStep, HotTakesStep, Item, Lesson, ReferenceStep, VocabularyStep
from lti_tool.lessons import Progress, Published, lesson_here, progress, see_step
from lti_tool.models import ResourceLink, ReturnedWork, Submission
from lti_tool.places import is_news, last_place, remember_place
from lti_tool.web.context import current
from lti_tool.web.instructor_words import unscored_words
from lti_tool.web.languages import content_in
from lti_tool.web.markup import inline_markdown, markdown

bp = Blueprint("student", __name__, url_prefix="/l/<launch_id>")
for word in (markdown, inline_markdown, unscored_words):
    bp.add_app_template_filter(word)
MAX_TYPED = 4 * 1024 * 1024

AnyStep = BriefStep | ReferenceStep | VocabularyStep | HotTakesStep | DrillStep


@bp.before_request
def _room_to_type() -> None:
    # Far more than can be sent, so that whoever pastes too much gets it back with a sentence beside the field.
    request.max_content_length = request.max_form_memory_size = MAX_TYPED


@bp.app_url_defaults
def _same_launch(endpoint: str, values: dict[str, Any]) -> None:
    """Links on a page of a launch stay in that launch."""
    if "launch_id" in values or not request.view_args or "launch_id" not in request.view_args:
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "launch_id"):
        values["launch_id"] = request.view_args["launch_id"]


@dataclass(frozen=True)
class Visit:
    """One request of one learner; `lesson` holds nothing a student may not see."""

    session: Session
    link: ResourceLink
    person_id: int
    published: Published
    lesson: Lesson
    progress: Progress


@dataclass(frozen=True)
class StepMark:
    """A step in the bar and on the path: its state is done, now or open."""

    step: AnyStep
    state: str
    url: str
    current: bool


@contextmanager
def reading() -> Iterator[Visit]:
    """A visit that only reads."""
    with current().database.read() as session:
        yield _visit(session)


@contextmanager
def writing() -> Iterator[Visit]:
    """A visit that may write; everything is kept at the end or nothing is."""
    with current().database.write() as session:
        yield _visit(session)


def _visit(session: Session) -> Visit:
    link = session.get_one(ResourceLink, g.resource_link_id)
    published = lesson_here(session, link)
    lesson = published.lesson.student_view()
    return Visit(session, link, g.person_id, published, lesson, progress(session, link, g.person_id, lesson))


def opened(step_id: str, *, item_id: str | None = None, term_id: str | None = None) -> None:
    """Remember that the learner opened a step and where they are; a page only looked at again writes nothing."""
    with reading() as visit:
        known = last_place(visit.session, visit.link, visit.person_id)
        if step_id in visit.progress.opened and not is_news(known, step_id, item_id, term_id):
            return
    with writing() as visit:
        see_step(visit.session, visit.link, visit.person_id, step_id)
        remember_place(visit.session, visit.link, visit.person_id, step_id, item_id, term_id)


def find_step(visit: Visit, step_id: str) -> AnyStep:
    """The step, or 404."""
    try:
        return visit.lesson.step(step_id)
    except KeyError:
        abort(404)


def find_item(visit: Visit, item_id: str) -> Item:
    """The item, or 404."""
    try:
        return visit.lesson.item(item_id)
    except KeyError:
        abort(404)


def step_url(step: AnyStep) -> str:
    """Where a step is: a drill is at its first item."""
    if isinstance(step, DrillStep):
        return item_url(step.items[0])
    return url_for("student.step", step_id=step.id)


def item_url(item_id: str, **more: Any) -> str:
    """Where an item is written."""
    return url_for("student.item", item_id=item_id, **more)


def submission_url(submission: Submission) -> str:
    """Where a submission is watched and, once it may be seen, read."""
    return url_for("student.submission", public_id=submission.public_id)


def own_submission(visit: Visit, public_id: str) -> Submission:
    """A submission of this learner in this placement, or 404: another's is as unknown as none."""
    found = find_submission(visit.session, visit.link, public_id, person_id=visit.person_id)
    if found is None:
        abort(404)
    return found


def marks(visit: Visit, current_step: str | None) -> list[StepMark]:
    """Every step with its state; the current one is `now` until it is done."""
    return [
        StepMark(step, _state(visit, step, step.id == current_step), step_url(step), step.id == current_step)
        for step in visit.lesson.steps
    ]


def _state(visit: Visit, step: AnyStep, is_current: bool) -> str:
    if step.id in visit.progress.done:
        return "done"
    return "now" if is_current else "open"


def index_address() -> str | None:
    """Where the index of lessons is that this launch came from, if it came from one."""
    shelf = g.launch.detail.get("shelf")
    return url_for("shelf.index", launch_id=shelf) if isinstance(shelf, str) else None


def _came_back(visit: Visit) -> list[tuple[str, str, ReturnedWork]]:
    """Title and id of each question that came back to the learner, and the row that says why."""
    titles = {item.id: item.title for item in visit.lesson.items}
    found = returns.came_back(visit.session, visit.link, visit.person_id)
    return [(titles[item_id], item_id, row) for item_id, row in found.items() if item_id in titles]


def page(template: str, visit: Visit, current_step: str | None, **context: Any) -> str:
    """A student's page in its frame: the steps in the bar, back and next at the foot."""
    g.content_language = visit.lesson.language
    steps = marks(visit, current_step)
    deadlines = deadlines_for(visit.session, visit.link, visit.person_id)
    now = utc_now()
    at = next((place for place, mark in enumerate(steps) if mark.current), None)
    return render_template(
        template,
        lesson=visit.lesson,
        lang=content_in(visit.lesson.language),
        index=index_address(),
        progress=visit.progress,
        marks=steps,
        mark=None if at is None else steps[at],
        before=steps[at - 1] if at else None,
        after=steps[at + 1] if at is not None and at + 1 < len(steps) else None,
        deadlines=deadlines,
        stage=deadlines.stage(now),
        late_by=late_by(deadlines.due, now),
        came_back=_came_back(visit),
        step_url=step_url,
        item_url=item_url,
        submission_url=submission_url,
        **context,
    )

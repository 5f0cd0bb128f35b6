"""What a student reads: the path and the brief, the reference, the vocabulary; and help."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import abort, jsonify, redirect, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response

from lti_tool.attempts import sent_items
from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.lesson import BriefStep, DrillStep, HotTakesStep, Plot, ReferenceStep, Term, VocabularyStep
from lti_tool.lessons import Progress, answer_term, weights_here
from lti_tool.places import remember_place
from lti_tool.scores import lesson_standing
from lti_tool.web import takes
from lti_tool.web.diagram import reference_picture
from lti_tool.web.languages import content, inner_case, points
from lti_tool.web.last_here import Place, place_of
from lti_tool.web.sessions import signed_in
from lti_tool.web.visit import (
    AnyStep,
    StepMark,
    Visit,
    bp,
    find_step,
    marks,
    opened,
    page,
    reading,
    step_url,
    writing,
)


@bp.get("/path")
@signed_in("student")
def path(launch_id: str) -> str:
    """The path, with the brief on it where the lesson begins with one."""
    with reading() as visit:
        first = visit.lesson.steps[0]
        last = place_of(visit)
    brief = first if isinstance(first, BriefStep) else None
    if brief and last is None:
        opened(brief.id)
    with reading() as visit:
        return _path_page(visit, brief, last)


def _path_page(visit: Visit, brief: BriefStep | None, last: Place | None) -> str:
    sent = sent_items(visit.session, visit.link, visit.person_id, visit.lesson)
    return page(
        "student/brief.html",
        visit,
        brief.id if brief else None,
        step=brief,
        path=_path_lines(visit, sent),
        level=_(LEVELS[visit.lesson.level]),
        plot=plot_lines(brief.plot) if brief and brief.plot else None,
        last=last,
        standing=lesson_standing(visit.session, visit.link, visit.person_id),
    )


LEVELS = {
    "introductory": later("introductory"),
    "intermediate": later("intermediate"),
    "advanced": later("advanced"),
}


@dataclass(frozen=True)
class PathLine:
    """A step on the path and a word on how far it is."""

    mark: StepMark
    state: str
    note: str


def _path_lines(visit: Visit, sent: dict[str, int]) -> list[PathLine]:
    """The first step that is not done is where the learner is now."""
    found, here = [], False
    for mark in marks(visit, None):
        is_now = mark.state != "done" and not here
        here = here or is_now
        found.append(PathLine(mark, "now" if is_now else mark.state, _note(visit, mark.step, sent)))
    return found


def _note(visit: Visit, step: AnyStep, sent: dict[str, int]) -> str:
    if isinstance(step, VocabularyStep):
        mastered = sum(term.id in visit.progress.mastered for term in step.terms)
        warm = sum(term.id in visit.progress.due for term in step.terms)
        words = _("%(number)d of %(all)d mastered", number=mastered, all=len(step.terms))
        again = _("%(number)d to warm again", number=warm)
        return f"{words} · {again}" if warm else words
    if isinstance(step, HotTakesStep | DrillStep):
        weights = weights_here(visit.link, visit.lesson)
        share = _("%(share)s %%", share=points(sum(weights[item_id] for item_id in step.items)))
        done = sum(bool(sent[item_id]) for item_id in step.items)
        if done:
            sent_words = _("%(number)d of %(all)d sent", number=done, all=len(step.items))
            return f"{sent_words} · {share}"
        titles = ", ".join(inner_case(visit.lesson.item(item_id).title) for item_id in step.items)
        return Markup("{} · {}").format(content(titles), share)
    return _("read")


@bp.get("/steps/<step_id>")
@signed_in("student")
def step(launch_id: str, step_id: str) -> str | Response:
    """One step's page, by its kind."""
    with reading() as visit:
        found = find_step(visit, step_id)
        first = visit.lesson.steps[0]
        if isinstance(found, DrillStep):
            return redirect(step_url(found))
        if isinstance(found, BriefStep) and found.id == first.id:
            return redirect(url_for("student.path"))
    opened(step_id, term_id=request.args.get("card") if isinstance(found, VocabularyStep) else None)
    with reading() as visit:
        if isinstance(found, ReferenceStep):
            return _reference(visit, found)
        if isinstance(found, VocabularyStep):
            return _vocabulary(visit, found)
        if isinstance(found, HotTakesStep):
            return takes.takes_page(visit, found)
        assert isinstance(found, BriefStep)
        plot = plot_lines(found.plot) if found.plot else None
        return page("student/brief.html", visit, step_id, step=found, path=None, plot=plot)


@bp.get("/go")
@signed_in("student")
def go(launch_id: str) -> Response:
    """The step menu of narrow screens, without script."""
    with reading() as visit:
        return redirect(step_url(find_step(visit, request.args.get("step", ""))))


@bp.get("/help")
@signed_in("student")
def help_page(launch_id: str) -> str:
    """What happens with what is written here, and the keys."""
    with reading() as visit:
        return page("student/help.html", visit, None)


# The brief


@dataclass(frozen=True)
class PlotLine:
    """One series as an SVG path; `label_y` keeps labels off each other."""

    d: str
    words: str
    label_y: float


PLOT_LEFT, PLOT_RIGHT, PLOT_TOP, PLOT_BOTTOM = 40.0, 244.0, 18.0, 128.0
LABEL_APART = 15.0


def plot_lines(plot: Plot) -> list[PlotLine]:
    """The plot's series from the first step to the last, with the share that finishes in percent."""
    lines: list[PlotLine] = []
    taken: list[float] = []
    for series in plot.series:
        width, height = PLOT_RIGHT - PLOT_LEFT, PLOT_BOTTOM - PLOT_TOP
        points = [
            (PLOT_LEFT + width * at / series.steps, PLOT_BOTTOM - height * share)
            for at, share in enumerate(series.points)
        ]
        label = points[-1][1] + 4.5
        while any(abs(label - other) < LABEL_APART for other in taken):
            label += 1
        taken.append(label)
        d = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        lines.append(PlotLine(d, f"{series.finished * 100:.0f} %", round(label, 1)))
    return lines


# The reference


def _reference(visit: Visit, step: ReferenceStep) -> str:
    return page("student/reference.html", visit, step.id, step=step, picture=reference_picture(step.diagram))


# The vocabulary

FIRST = datetime.min.replace(tzinfo=UTC)


def _vocabulary(visit: Visit, step: VocabularyStep) -> str:
    """One card; `card` names it, else the first that is not mastered; `face` opens it without script."""
    mastered = visit.progress.mastered
    at = _place(step, request.args.get("card", ""))
    if at is None:
        at = _first_card(step, mastered, visit.progress.due)
    return page(
        "student/vocabulary.html",
        visit,
        step.id,
        step=step,
        term=step.terms[at],
        at=at,
        is_open=request.args.get("face") == "definition",
        mastered=mastered,
        due=[term for term in step.terms if term.id in visit.progress.due],
        mastered_here=sum(term.id in mastered for term in step.terms),
        previous=step.terms[at - 1],
        following=step.terms[(at + 1) % len(step.terms)],
    )


def _first_card(step: VocabularyStep, mastered: frozenset[str], due: tuple[str, ...]) -> int:
    """The first card that is not mastered; where all are, the first to warm again."""
    new = next((at for at, term in enumerate(step.terms) if term.id not in mastered), None)
    return new if new is not None else next((at for at, term in enumerate(step.terms) if term.id in due), 0)


def _place(step: VocabularyStep, term_id: str) -> int | None:
    return next((at for at, term in enumerate(step.terms) if term.id == term_id), None)


@bp.post("/steps/<step_id>/answers")
@signed_in("student")
def answer(launch_id: str, step_id: str) -> Response:
    """ "again" or "got it" on a card, then the next card that is not mastered."""
    with writing() as visit:
        found = find_step(visit, step_id)
        at = _place(found, request.form.get("term", "")) if isinstance(found, VocabularyStep) else None
        said = request.form.get("said")
        if at is None or said not in ("again", "got-it"):
            abort(404)
        assert isinstance(found, VocabularyStep)
        term = found.terms[at]
        answer_term(visit.session, visit.link, visit.person_id, term.id, got_it=said == "got-it")
        remember_place(visit.session, visit.link, visit.person_id, found.id, None, term.id)
    with reading() as visit:
        if request.accept_mimetypes.best == "application/json":
            return jsonify(mastered=sorted(visit.progress.mastered), due=visit.progress.due)
        following = _next_card(found, at, visit.progress)
    return redirect(url_for("student.step", step_id=step_id, card=following.id), code=303)


def _next_card(step: VocabularyStep, at: int, progress: Progress) -> Term:
    """The next card round that is not mastered, else one to warm again, else simply the next one."""
    later = [step.terms[(at + ahead) % len(step.terms)] for ahead in range(1, len(step.terms) + 1)]
    new = next((term for term in later if term.id not in progress.mastered), None)
    return new or next((term for term in later if term.id in progress.due), later[0])


@bp.get("/steps/<step_id>/cards")
@signed_in("student")
def cards_json(launch_id: str, step_id: str) -> Response:
    """Every card with how far it is, for the script that turns them without asking."""
    with reading() as visit:
        found = find_step(visit, step_id)
        if not isinstance(found, VocabularyStep):
            abort(404)
        known = visit.progress.cards
        answer = [
            {
                "id": term.id,
                "number": term.number,
                "term": term.term,
                "definition": term.definition,
                "wild": term.in_the_wild,
                "not": term.not_,
                "passes": known[term.id].passes if term.id in known else 0,
                "mastered": term.id in visit.progress.mastered,
                "due": term.id in visit.progress.due,
            }
            for term in found.terms
        ]
        latest = max(known, key=lambda term_id: known[term_id].seen_at or FIRST, default="")
        return jsonify(cards=answer, previous=latest)

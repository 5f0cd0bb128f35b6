"""The instructor's pages about the lesson itself: its texts, its rubrics, versions, files, and trying it out."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

from flask import Blueprint, abort, g, redirect, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool import editions, rejudging
from lti_tool.editions import LESSON, DraftMoved, Edition, NotPublishable
from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.lessons import UnknownLesson, course_lessons
from lti_tool.web.context import current
from lti_tool.web.lesson_form import lesson_form, typed_part
from lti_tool.web.rubric_form import rubric_form, typed_rubric
from lti_tool.web.sessions import signed_in
from lti_tool.web.teaching import own_handle, placement_here, teachers_page
from lti_tool.web.whole import whole
from rubrics.model import listed_levels
from rubrics.yaml_file import YamlFault, parse_yaml, write_yaml

bp = Blueprint("authoring", __name__, url_prefix="/l/<launch_id>/lessons")

SECTION = "authoring.lessons"
Answer = str | Response | tuple[str, int]
Faults = list[tuple[str, str, str]]


@bp.get("")
@signed_in("instructor")
def lessons(launch_id: str) -> Answer:
    """The lessons this course can show, the one of this placement first."""
    with current().database.read() as session:
        link = placement_here(session)
        listed = course_lessons(session, link.context_id)
        if len(listed) == 1:
            return redirect(_url("lesson", slug=listed[0].lesson.slug), code=303)
        listed.sort(key=lambda one: (one.lesson.slug != link.lesson_slug, one.lesson.title.casefold()))
        return teachers_page(session, "lessons.html", SECTION, listed=listed, here=link.lesson_slug)


@bp.get("/<slug>")
@signed_in("instructor")
def lesson(launch_id: str, slug: str) -> Answer:
    """One lesson: what the course shows, what is being written, what it would change."""
    with current().database.read() as session:
        return _overview(session, slug, _said())


_SAID = {
    "published": later("Published. Students see it from now on."),
    "saved": later("Saved as a draft. Nobody sees it before you publish."),
    "discarded": later("The draft is gone; what is published stays."),
    "shared": later("The course shows the shared version again."),
    "nothing": later("There was nothing to publish."),
    "copied": later("A lesson of this course’s own. It can be placed like any other."),
}


def _said() -> str:
    words = _SAID.get(request.args.get("said", ""))
    return _(words) if words else ""


@bp.post("/<slug>/publish")
@signed_in("instructor")
def publish(launch_id: str, slug: str) -> Answer:
    """Show the course what the drafts say; faults are named and nothing is published."""
    try:
        with current().database.write() as session:
            found = _edition(session, slug)
            if not _seen(found):
                raise DraftMoved("", None)
            editions.publish(session, found, placement_here(session).context_id, own_handle(session))
    except (NotPublishable, DraftMoved) as problem:
        with current().database.read() as session:
            return _overview(session, slug, problem=_moved_words(problem)), 422
    return _back(slug, "published" if found.unpublished else "nothing")


def _seen(found: Edition) -> bool:
    """Whether the drafts are still those that the page showed when its button was pressed."""
    return request.form.get("drafts", "") == drafts_mark(found)


def drafts_mark(found: Edition) -> str:
    """The drafts and their revisions in one string, for the form that publishes them."""
    return ",".join(f"{name}:{found.drafts[name].revision}" for name in found.unpublished)


def _moved_words(problem: Exception) -> str:
    if isinstance(problem, DraftMoved):
        return _("The drafts changed meanwhile. Look at them once more before they are published.")
    return _("There is something to mend first.")


@bp.post("/<slug>/discard")
@signed_in("instructor")
def discard(launch_id: str, slug: str) -> Answer:
    """Forget one draft."""
    with current().database.write() as session:
        found = _edition(session, slug)
        name = request.form.get("draft", "")
        if name not in found.drafts:
            abort(404)
        editions.discard_draft(session, slug, placement_here(session).context_id, name)
    return _back(slug, "discarded")


@bp.post("/<slug>/shared")
@signed_in("instructor")
def shared(launch_id: str, slug: str) -> Answer:
    """Go back to the version for everybody."""
    with current().database.write() as session:
        _edition(session, slug)
        editions.follow_shared(session, slug, placement_here(session).context_id, own_handle(session))
    return _back(slug, "shared")


@bp.post("/<slug>/copy")
@signed_in("instructor")
def copy(launch_id: str, slug: str) -> Answer:
    """A new lesson of this course's own that begins as this one."""
    name = " ".join(request.form.get("title", "").split())[:200]
    try:
        with current().database.write() as session:
            found = _edition(session, slug)
            new = editions.copy_lesson(session, found, placement_here(session).context_id, name, own_handle(session))
    except editions.CopyProblem as problem:
        with current().database.read() as session:
            return _overview(session, slug, problem=str(problem)), 422
    return _back(new, "copied")


# ---- a rubric ------------------------------------------------------------------------------------------------


@bp.get("/<slug>/rubrics/<rubric_id>")
@signed_in("instructor")
def rubric(launch_id: str, slug: str, rubric_id: str) -> Answer:
    """The grid of one rubric."""
    with current().database.read() as session:
        return _rubric(session, slug, rubric_id, said=_said())


@bp.post("/<slug>/rubrics/<rubric_id>")
@signed_in("instructor")
def save_rubric(launch_id: str, slug: str, rubric_id: str) -> Answer:
    """Keep what was typed as the draft, faults and all; they are named beside the rows."""
    with current().database.read() as session:
        shown = _rubric_draft(_edition(session, slug), rubric_id)
    written = typed_rubric(shown.content, request.form)
    problem = _save(slug, rubric_id, written)
    if problem is None:
        return redirect(_url("rubric", slug=slug, rubric_id=rubric_id, said="saved") + _anchor(), code=303)
    with current().database.read() as session:
        return _rubric(session, slug, rubric_id, content=written, moved=problem), 409


def _anchor() -> str:
    what, _, said = request.form.get("do", "").partition(":")
    at = whole(said)
    places = {"add": "#end", "up": f"#c{max(0, (at or 0) - 1)}"}
    return places.get(what, "" if at is None else f"#c{at}")


def _rubric(
    session: Session,
    slug: str,
    rubric_id: str,
    *,
    content: Mapping[str, Any] | None = None,
    moved: DraftMoved | None = None,
    said: str = "",
) -> str:
    found = _edition(session, slug)
    draft = _rubric_draft(found, rubric_id)
    shown = content or draft.content
    faults = [(key, message) for name, key, message in editions.draft_faults(found) if name == rubric_id]
    return teachers_page(
        session,
        "rubric_editor.html",
        SECTION,
        slug=slug,
        rubric_id=rubric_id,
        draft=draft,
        form=rubric_form(shown, faults if content is None else []),
        changes=editions.rubric_changes(found).get(rubric_id, ()),
        version=found.rubrics[rubric_id].version if rubric_id in found.rubrics else 0,
        moved=moved,
        said=said,
    )


def _rubric_draft(found: Edition, rubric_id: str) -> editions.Draft:
    draft = found.drafts.get(rubric_id) if rubric_id != LESSON else None
    return draft if draft is not None else abort(404)


# ---- a step or a question ------------------------------------------------------------------------------------


@bp.get("/<slug>/parts/<kind>/<part_id>")
@signed_in("instructor")
def part(launch_id: str, slug: str, kind: str, part_id: str) -> Answer:
    """The texts of one step or one question."""
    with current().database.read() as session:
        return _part(session, slug, kind, part_id, said=_said())


@bp.post("/<slug>/parts/<kind>/<part_id>")
@signed_in("instructor")
def save_part(launch_id: str, slug: str, kind: str, part_id: str) -> Answer:
    """Keep what was typed as the lesson's draft."""
    with current().database.read() as session:
        content = _edition(session, slug).drafts[LESSON].content
    at = _at(content, kind, part_id)
    content[kind][at] = typed_part(content[kind][at], kind == "items", request.form)
    problem = _save(slug, LESSON, content)
    if problem is None:
        return redirect(_url("part", slug=slug, kind=kind, part_id=part_id, said="saved"), code=303)
    with current().database.read() as session:
        return _part(session, slug, kind, part_id, content=content, moved=problem), 409


def _part(
    session: Session,
    slug: str,
    kind: str,
    part_id: str,
    *,
    content: Mapping[str, Any] | None = None,
    moved: DraftMoved | None = None,
    said: str = "",
) -> str:
    found = _edition(session, slug)
    draft = found.drafts[LESSON]
    shown = content or draft.content
    at = _at(shown, kind, part_id)
    here = f"{kind}[{at}]"
    faults = {
        key.removeprefix(here).removeprefix("."): message
        for name, key, message in editions.draft_faults(found)
        if name == LESSON and (key == here or key.startswith((f"{here}.", f"{here}[")))
    }
    return teachers_page(
        session,
        "part_editor.html",
        SECTION,
        slug=slug,
        kind=kind,
        part=shown[kind][at],
        draft=draft,
        form=lesson_form(shown[kind][at], kind == "items", faults if content is None else {}),
        moved=moved,
        said=said,
    )


def _at(content: Mapping[str, Any], kind: str, part_id: str) -> int:
    rows = content.get(kind) if kind in ("steps", "items") else None
    ids = [row.get("id") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return ids.index(part_id) if part_id in ids else abort(404)


# ---- files ---------------------------------------------------------------------------------------------------


@bp.get("/<slug>/lesson.yaml")
@signed_in("instructor")
def lesson_file(launch_id: str, slug: str) -> Answer:
    """The lesson as its file, the draft where there is one."""
    with current().database.read() as session:
        return _file("lesson.yaml", _edition(session, slug).drafts[LESSON].content)


@bp.get("/<slug>/rubrics/<rubric_id>.yaml")
@signed_in("instructor")
def rubric_file(launch_id: str, slug: str, rubric_id: str) -> Answer:
    """A rubric as its file, the draft where there is one."""
    with current().database.read() as session:
        content = _rubric_draft(_edition(session, slug), rubric_id).content
    return _file(f"{rubric_id}.yaml", editions.rubric_file(content))


def _file(name: str, content: Mapping[str, Any]) -> Response:
    return send_file(
        BytesIO(write_yaml(content).encode()), mimetype="application/yaml", as_attachment=True, download_name=name
    )


@bp.post("/<slug>/import")
@signed_in("instructor")
def read_file(launch_id: str, slug: str) -> Answer:
    """Take a file, or pasted text, as the draft of the lesson or of the rubric that it is."""
    upload = request.files.get("file")
    text = upload.read().decode("utf-8-sig", "replace") if upload else ""
    text = text or request.form.get("text", "")
    try:
        content = listed_levels(parse_yaml(text))
        with current().database.read() as session:
            name = editions.name_of_file(_edition(session, slug), content)
    except (YamlFault, editions.UnknownFile) as problem:
        with current().database.read() as session:
            return _overview(session, slug, problem=f"The file {problem}", typed=text), 422
    assert isinstance(content, Mapping)
    with current().database.read() as session:
        seen = _edition(session, slug).drafts[name].revision
    moved = _save(slug, name, content, seen)
    return _back(slug, "saved" if moved is None else "")


# ---- shared --------------------------------------------------------------------------------------------------


def _save(slug: str, name: str, content: Mapping[str, Any], seen: int | None = None) -> DraftMoved | None:
    revision = seen if seen is not None else whole(request.form.get("seen", "")) or 0
    try:
        with current().database.write() as session:
            _edition(session, slug)
            editions.save_draft(
                session, slug, placement_here(session).context_id, name, content, seen=revision, by=own_handle(session)
            )
    except DraftMoved as problem:
        return problem
    return None


def _edition(session: Session, slug: str) -> Edition:
    try:
        return editions.edition(session, slug, placement_here(session).context_id)
    except UnknownLesson:
        abort(404)


def _overview(session: Session, slug: str, said: str = "", *, problem: str = "", typed: str = "") -> str:
    found, link = _edition(session, slug), placement_here(session)
    return teachers_page(
        session,
        "lesson.html",
        SECTION,
        slug=slug,
        found=found,
        content=found.drafts[LESSON].content,
        faults=editions.draft_faults(found),
        changes=editions.rubric_changes(found),
        judged=editions.judged_under(session, link.context_id, found),
        history=editions.history(session, slug, link.context_id),
        mark=drafts_mark(found),
        behind=rejudging.behind(session, link) if slug == link.lesson_slug else {},
        names={LESSON: _("the lesson’s texts"), **{name: rubric.title for name, rubric in found.rubrics.items()}},
        said=said,
        problem=problem,
        typed=typed,
    )


def _url(view: str, **values: Any) -> str:
    return url_for(f"authoring.{view}", launch_id=g.launch.id, **values)


def _back(slug: str, said: str) -> Response:
    return redirect(_url("lesson", slug=slug, said=said), code=303)

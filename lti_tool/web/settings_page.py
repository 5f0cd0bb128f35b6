"""A placement's settings: what an instructor decides here, beside what the course and the operator decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, g, redirect, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from lti_tool.deadlines import Deadlines, deadlines_for
from lti_tool.erasing import erase_work
from lti_tool.language import available
from lti_tool.lesson import Lesson
from lti_tool.lessons import lesson_here
from lti_tool.models import Launch, LineItem, Person, ResourceLink, Submission
from lti_tool.placement_settings import (
    Chosen,
    SettingsMoved,
    SettingsRefused,
    chosen_of,
    grant,
    save,
    version_of,
)
from lti_tool.spending import spent_on
from lti_tool.web.context import current
from lti_tool.web.sessions import signed_in
from lti_tool.web.settings_form import read_form, read_grant
from lti_tool.web.teaching import placement_here, teachers_page

bp = Blueprint("placement", __name__, url_prefix="/l/<launch_id>/settings")

Answer = str | Response | tuple[str, int]

WORDS = {
    "release": "release",
    "release_on": "the day of release",
    "audit_share": "the random share",
    "blind_share": "the blind share",
    "show_judged": "what students see before release",
    "attempts": "attempts",
    "counts": "which attempt counts",
    "late": "late work",
    "grace_minutes": "the time to take back",
    "weights": "weights",
    "judge": "the judge",
    "budget_usd": "the budget",
    "language": "the language",
    "notice": "the notice",
    "appeal_tokens": "appeals",
    "appeal_days": "the days to appeal",
    "accommodations": "accommodations",
    "retention_days": "how long work is kept",
    "wait_days": "how long work may wait",
    "wait_then": "what happens then",
}
_DONE = {
    "granted": "The accommodation is kept.",
    "erased": "The work was deleted here. What the course’s gradebook was sent stays there.",
    "same": "Nothing had changed.",
}
MOVED = (
    "Somebody saved other settings since you opened this page. What you typed is below, over theirs: "
    "look at it and save."
)


@dataclass(frozen=True)
class Theirs:
    """What the course and the operator decide; shown, never changed here."""

    dates: Deadlines
    points: float | None
    item: str | None
    daily_budget: float
    spent: float


@bp.get("")
@signed_in("instructor")
def settings(launch_id: str) -> Answer:
    """Every setting of this placement."""
    with current().database.read() as session:
        link, lesson = _here(session)
        return _page(session, link, lesson, chosen_of(link, lesson), notice=_notice(request.args.get("done", "")))


@bp.post("")
@signed_in("instructor")
def keep(launch_id: str) -> Answer:
    """Save what was typed; a fault keeps everything on the page and changes nothing."""
    form, database = request.form, current().database
    with database.read() as session:
        link, lesson = _here(session)
        before = chosen_of(link, lesson)
        try:
            wanted = read_form(form, before, lesson, judges=current().settings.offered_judges)
        except SettingsRefused as refused:
            return _page(session, link, lesson, before, typed=form, faults=refused.faults), 422
    try:
        with database.write() as session:
            link, lesson = _here(session)
            changed = save(session, link, lesson, wanted, seen=form.get("seen", ""), person_id=g.person_id)
    except SettingsMoved:
        with database.read() as session:
            link, lesson = _here(session)
            return _page(session, link, lesson, chosen_of(link, lesson), typed=form, problem=MOVED), 409
    return redirect(url_for("placement.settings", launch_id=launch_id, done=",".join(changed) or "same"), code=303)


@bp.post("/granted")
@signed_in("instructor")
def grant_one(launch_id: str) -> Answer:
    """Give one learner more time or attempts, or take it back."""
    handle, database = request.form.get("handle", "").strip(), current().database
    try:
        days, attempts = read_grant(request.form)
        with database.write() as session:
            link, _ = _here(session)
            grant(session, link, handle, extra_days=days, extra_attempts=attempts, person_id=g.person_id)
    except SettingsRefused as refused:
        with database.read() as session:
            link, lesson = _here(session)
            sentence = " ".join(refused.faults.values())
            return _page(session, link, lesson, chosen_of(link, lesson), granting=request.form, problem=sentence), 422
    return redirect(url_for("placement.settings", launch_id=launch_id, done="granted") + "#students", code=303)


@bp.post("/erased")
@signed_in("instructor")
def erase(launch_id: str) -> Answer:
    """Delete one student's work on this placement, after the handle was typed once more."""
    handle, database = request.form.get("handle", "").strip(), current().database
    with database.write() as session:
        link, lesson = _here(session)
        person = _learner(session, link, handle)
        if person is None or request.form.get("again", "").strip() != handle:
            sentence = "Nothing was deleted: choose a student of this placement, and type the same handle twice."
            return _page(session, link, lesson, chosen_of(link, lesson), problem=sentence), 422
        erase_work(session, link, person.id, by=g.person_id)
    return redirect(url_for("placement.settings", launch_id=launch_id, done="erased"), code=303)


def _learner(session: Session, link: ResourceLink, handle: str) -> Person | None:
    """Somebody who only learns on this placement."""
    here = (Launch.resource_link_id == link.id, Launch.person_id == Person.id)
    taught = select(Launch.id).where(*here, Launch.role != "student").exists()
    registration_id = link.deployment.registration_id
    query = select(Person).where(Person.registration_id == registration_id, Person.handle == handle, ~taught)
    return session.scalar(query.where(select(Launch.id).where(*here).exists() | _sent(link)))


def _sent(link: ResourceLink) -> Any:
    here = (Submission.resource_link_id == link.id, Submission.person_id == Person.id)
    return select(Submission.id).where(*here).exists()


def _here(session: Session) -> tuple[ResourceLink, Lesson]:
    link = placement_here(session)
    return link, lesson_here(session, link).lesson


def _notice(done: str) -> str:
    if done in _DONE:
        return _DONE[done]
    names = [WORDS[name] for name in done.split(",") if name in WORDS]
    return f"Saved: {', '.join(names)}." if names else ""


def _theirs(session: Session, link: ResourceLink) -> Theirs:
    column = session.get(LineItem, link.id)
    return Theirs(
        dates=deadlines_for(session, link, g.person_id),
        points=column.maximum if column is not None else None,
        item=link.settings.get("item"),
        daily_budget=current().settings.judge_budget_usd,
        spent=spent_on(session, link.id),
    )


def _page(
    session: Session,
    link: ResourceLink,
    lesson: Lesson,
    chosen: Chosen,
    *,
    typed: Mapping[str, str] | None = None,
    granting: Mapping[str, str] | None = None,
    faults: Mapping[str, str] | None = None,
    problem: str = "",
    notice: str = "",
) -> str:
    ours = current().settings
    return teachers_page(
        session,
        "settings.html",
        "placement.settings",
        placement=link.title or lesson.title,
        lesson=lesson,
        chosen=chosen,
        theirs=_theirs(session, link),
        usual_judge=ours.judge,
        judges=ours.offered_judges,
        languages=available(),
        typed=typed,
        granting=granting or {},
        faults=faults or {},
        problem=problem,
        notice=notice,
        seen=version_of(link),
    )

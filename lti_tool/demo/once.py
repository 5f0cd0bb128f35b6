"""The whole path without a browser: launch, answers, judging, review, release, gradebook, and reading it back."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.db import Database
from lti_tool.demo.robot import Page, Stuck, Visitor
from lti_tool.gradebooks import platform_gradebooks
from lti_tool.lesson import Item, Lesson
from lti_tool.lessons import current_lesson
from lti_tool.models import LessonScore, LineItem, Person, ResourceLink, Submission
from lti_tool.results import newest_release
from lti_tool.settings import Settings

JUDGED_WITHIN = 150
SENT_WITHIN = 60
POLL_SECONDS = 0.3
STUDENT, INSTRUCTOR = "ada", "ines"
Say = Callable[[str], None]


def play_through(platform_url: str, settings: Settings, say: Say) -> dict[str, Any]:
    """Go the whole path as a student and an instructor; returns what was released and what the gradebook shows.

    Everything a person would do goes over HTTP. Raises Stuck where the path ends early.
    """
    database = Database(settings.database_url)
    try:
        with database.read() as session:
            lesson = current_lesson(session, settings.default_lesson).lesson
        say("a student opens the lesson and answers everything")
        student = Visitor(platform_url, STUDENT)
        home = _past_the_notice(student, student.launch())
        for item in lesson.items:
            _answer(student, home, lesson, item)
        say("the executor judges; the instructor waits")
        instructor = Visitor(platform_url, INSTRUCTOR)
        reviews = _wait_for_reviews(instructor, instructor.launch(), len(lesson.items))
        say("the instructor reviews and releases")
        for link in reviews:
            page = instructor.get(link)
            instructor.send(page.form(link.rpartition("/")[2]))
        say("the score goes to the gradebook")
        _wait_for_grade(student, platform_url)
        return _outcome(database, settings)
    finally:
        database.close()


def _past_the_notice(student: Visitor, page: Page) -> Page:
    """Whoever comes for the first time is told what happens with their work, and goes on."""
    return student.send(page.form("/notice")) if urlsplit(page.url).path.endswith("/notice") else page


def _answer(student: Visitor, home: Page, lesson: Lesson, item: Item) -> None:
    """Write the item's first sample answer, and have it judged, by the forms of the page."""
    text = item.samples[0].text
    page = student.get(urljoin(home.url, f"items/{item.id}"))
    if item.kind == "hot_take":
        form = page.form(f"/items/{item.id}/send")
        student.send(form, form.filled(text=text))
        return
    if item.kind == "drawing":
        # The outline's own forms build a drawing part by part; its draft is the same JSON at once.
        token = next(value for name, value in page.forms[-1].fields if name == "form_token")
        form = page.form(f"/items/{item.id}/draw")
        form.action = form.action.removesuffix("/draw") + "/draft"
        student.send(form, [("form_token", token), ("text", text)])
        confirm = student.get(form.action.removesuffix("/draft") + "/confirm")
    else:
        form = page.form(f"/items/{item.id}/confirm")
        confirm = student.send(form, form.filled(text=text))
    student.send(confirm.form(f"/items/{item.id}/send"))


def _wait_for_reviews(instructor: Visitor, queue: Page, count: int) -> list[str]:
    """The addresses of the reviews that wait, once everything has been judged."""
    deadline = time.monotonic() + JUDGED_WITHIN
    while len(links := queue.links("/review/")) < count:
        if time.monotonic() > deadline:
            raise Stuck(f"after {JUDGED_WITHIN} s only {len(links)} of {count} answers were judged")
        time.sleep(POLL_SECONDS)
        queue = instructor.get(queue.url)
    return links


def _wait_for_grade(visitor: Visitor, platform_url: str) -> None:
    """Look at the course's own gradebook until a score stands there."""
    deadline = time.monotonic() + SENT_WITHIN
    while time.monotonic() < deadline:
        columns = visitor.session.get(f"{platform_url}/gradebook.json", timeout=30).json()["columns"]
        if any(row["scoreGiven"] is not None for column in columns for row in column["rows"]):
            return
        time.sleep(POLL_SECONDS)
    raise Stuck(f"no score stood in the gradebook after {SENT_WITHIN} s")


def _outcome(database: Database, settings: Settings) -> dict[str, Any]:
    with database.write() as session:
        score = session.scalars(select(LessonScore).order_by(LessonScore.id.desc())).first()
        if score is None:
            raise Stuck("nothing was released")
        return {
            "released": {"given": score.given, "maximum": score.maximum},
            "gradebook": _read_back(session, settings, score),
            "levels": _levels(session, score),
        }


def _read_back(session: Session, settings: Settings, score: LessonScore) -> dict[str, float | None]:
    """The learner's row as AGS Results gives it."""
    placement = session.get_one(ResourceLink, score.resource_link_id)
    column = session.get_one(LineItem, placement.id).url
    gradebook = platform_gradebooks(settings)(session, placement)
    rows = gradebook.results(column, session.get_one(Person, score.person_id).sub)
    row = rows[0] if rows else {}
    return {"scoreGiven": row.get("resultScore"), "scoreMaximum": row.get("resultMaximum")}


def _levels(session: Session, score: LessonScore) -> dict[str, dict[str, int]]:
    sent = select(Submission).where(
        Submission.resource_link_id == score.resource_link_id, Submission.person_id == score.person_id
    )
    releases = {one.item_id: newest_release(session, one) for one in session.scalars(sent)}
    return {item_id: dict(release.levels) for item_id, release in releases.items() if release}

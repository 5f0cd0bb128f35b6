"""Weight of the first lesson page, and CPU of the main pages, beside a view that renders one line."""

import gzip
import re
import tempfile
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from statistics import median
from urllib.parse import urljoin

from flask import Flask, render_template
from flask.testing import FlaskClient
from jinja2 import DictLoader

from bench.figures import Figure, cpu_milliseconds, publish
from lti_tool.attempts import submit
from lti_tool.db import Database
from lti_tool.lesson import Lesson
from lti_tool.models import Person
from lti_tool.settings import Settings
from lti_tool.web.app import create_app
from lti_tool.web.sessions import COOKIE, open_session
from rubrics.model import load_rubric
from seeds.load import bundled, read_lesson
from tests.conftest import World, populate, prepare
from tests.lti_tool.judged import judge_as

BUDGET = 40 * 1024
ROUNDS = 20
WARM_UP = 3
LEARNERS = 25
STUDENT, INSTRUCTOR = "launch-ada-01", "launch-ines-01"
# Levels that the samples deserve do not matter here: a page costs the same with others.
LEVEL = 2
IMPORT = re.compile(r"""^\s*(?:import|export)\b[^;]*?["'](\.[^"']+)["']""", re.MULTILINE)


def main() -> None:
    """Weigh and time the pages of a course in which one learner has sent everything."""
    with tempfile.TemporaryDirectory(prefix="atelier-bench-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'tool.db'}")
        try:
            figures = measure(database)
        finally:
            database.close()
    publish(
        "pages",
        f"Flask test client, SQLite file, median of {ROUNDS} warm requests a page; the lesson's own sample answers",
        figures,
    )


def measure(database: Database) -> list[Figure]:
    """The weight, every page's CPU, and how the instructor's pages grow with the course."""
    prepare(database)
    world = populate(database)
    app = create_app(Settings(secret_key="s" * 40, allow_http=True, rate_limits="off"), database)
    student, instructor = sign_in(app, database, STUDENT), sign_in(app, database, INSTRUCTOR)
    weight = sum(len(gzip.compress(body)) for body in page_files(student, f"/l/{STUDENT}/path"))
    lesson = read_lesson(bundled()[0])
    essay = send_everything(world, world.ada_id, lesson)
    learner = cost(student, STUDENT, student_pages(lesson, essay))
    small = cost(instructor, INSTRUCTOR, instructor_pages(essay))
    for person_id in add_learners(world, LEARNERS - 1):
        send_everything(world, person_id, lesson)
    large = cost(instructor, INSTRUCTOR, instructor_pages(essay))
    plain, per_learner = timed(one_line_app().test_client(), "/"), len(lesson.items)
    return [
        Figure("first lesson page with css and js, gzip", weight / 1024, "KB", BUDGET / 1024, "budget"),
        *(Figure(f"student: {name}", spent, "ms CPU", plain, "one-line view") for name, spent in learner.items()),
        *(Figure(f"instructor: {name}", spent, "ms CPU", plain, "one-line view") for name, spent in small.items()),
        *(
            Figure(
                f"instructor, {LEARNERS * per_learner} answers: {name}",
                spent,
                "ms CPU",
                small[name],
                f"{per_learner} answers",
            )
            for name, spent in large.items()
        ),
    ]


def cost(client: FlaskClient, launch_id: str, pages: Iterable[tuple[str, str]]) -> dict[str, float]:
    """CPU milliseconds of each page of a launch, by its name."""
    return {name: timed(client, f"/l/{launch_id}/{path}") for name, path in pages}


def student_pages(lesson: Lesson, essay: str) -> Iterator[tuple[str, str]]:
    """The lesson page by page, and a result."""
    yield "path and brief", "path"
    for step in lesson.steps[1:]:
        yield f"step {step.id}", f"steps/{step.id}"
    yield "essay", "items/essay"
    yield "result of the essay", f"submissions/{essay}"


def instructor_pages(essay: str) -> Iterator[tuple[str, str]]:
    """Queue, review and scores."""
    yield "queue", "queue"
    yield "review of the essay", f"review/{essay}"
    yield "scores", "scores"


def sign_in(app: Flask, database: Database, launch_id: str) -> FlaskClient:
    """A browser with the session of a launch."""
    with database.write() as session:
        token = open_session(session, launch_id, minutes=60)
    client = app.test_client()
    client.set_cookie(COOKIE, token, path=f"/l/{launch_id}/")
    return client


def add_learners(world: World, count: int) -> list[int]:
    """More learners of the same course."""
    people = [
        Person(registration_id=world.registration_id, sub=f"sub-{number}", handle=f"crowd-{number:02}", name="Someone")
        for number in range(count)
    ]
    with world.database.write() as session:
        session.add_all(people)
    return [person.id for person in people]


def send_everything(world: World, person_id: int, lesson: Lesson) -> str:
    """A learner's answers, sent and judged; returns the essay's public id."""
    public_ids = {}
    for item in lesson.items:
        with world.database.write() as session:
            sent = submit(session, world.placement(session), person_id, item.id, item.samples[0].text)
            criteria = [criterion.id for criterion in load_rubric(item.rubric).judged]
            quotes = {} if item.kind == "drawing" else dict.fromkeys(criteria, first_sentence(sent.text))
            judge_as(session, sent, dict.fromkeys(criteria, LEVEL), quotes=quotes)
            public_ids[item.id] = sent.public_id
    return public_ids["essay"]


def first_sentence(text: str) -> str:
    """Something that stands in the text, to be marked on the pages."""
    return text.partition(".")[0]


def one_line_app() -> Flask:
    """The least that Flask can do with a template."""
    app = Flask("one_line")
    app.jinja_loader = DictLoader({"line.html": "<p>Hello {{ name }}</p>"})

    @app.get("/")
    def line() -> str:
        return render_template("line.html", name="Ada")

    return app


def timed(client: FlaskClient, url: str) -> float:
    """Median CPU milliseconds of a warm GET that answers 200."""
    spent = [cpu_milliseconds(lambda: fetch(client, url)) for _ in range(WARM_UP + ROUNDS)]
    return median(spent[WARM_UP:])


def fetch(client: FlaskClient, url: str) -> bytes:
    """The body of a page that answers 200."""
    answer = client.get(url, follow_redirects=True)
    if answer.status_code != 200:
        raise SystemExit(f"{url} answered {answer.status_code}")
    return answer.get_data()


# ---- weight --------------------------------------------------------------------------------------------------


class Linked(HTMLParser):
    """Collects the addresses of a page's scripts, style sheets, icons and pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {"link": "href", "script": "src", "img": "src"}.get(tag)
        address = dict(attrs).get(named) if named else None
        if address:
            self.addresses.append(address)


def page_files(client: FlaskClient, url: str) -> Iterator[bytes]:
    """The page and each file that a browser loads for it, also what scripts import, once each."""
    body = fetch(client, url)
    yield body
    reader = Linked()
    reader.feed(body.decode())
    waiting, seen = [urljoin(url, address) for address in reader.addresses], set()
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        body = fetch(client, address)
        yield body
        if address.partition("?")[0].endswith(".js"):
            waiting += [urljoin(address, name) for name in IMPORT.findall(body.decode())]


if __name__ == "__main__":
    main()

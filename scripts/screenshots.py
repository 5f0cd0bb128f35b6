"""Pictures of every page and state, for looking at: `make screenshots`, or `make screenshots ARGS="result draw"`.

The pages are real, the people and their work made up (tests/lti_tool/web/stages.py and course.py). Written to
build/screenshots; `ARGS=--keep` takes the few that the README shows, into docs/images.
"""

import logging
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402
from sqlalchemy import select  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from lti_tool.db import Database, utc_now  # noqa: E402
from lti_tool.demo import commands as demo  # noqa: E402
from lti_tool.demo.faults import Faults  # noqa: E402
from lti_tool.models import Launch, ResourceLink  # noqa: E402
from lti_tool.pseudo import LONGER, RIGHT_TO_LEFT  # noqa: E402
from lti_tool.settings import Settings  # noqa: E402
from lti_tool.web import picker  # noqa: E402
from lti_tool.web.app import create_app  # noqa: E402
from lti_tool.web.sessions import COOKIE, open_session  # noqa: E402
from seeds.load import bundled, read_lesson  # noqa: E402
from tests.conftest import CHROMIUM, World, chromium_path, populate, prepare  # noqa: E402
from tests.lti_tool.web.course import PICKER_TOKEN, course  # noqa: E402
from tests.lti_tool.web.stages import everything, sent_back  # noqa: E402

OUT = ROOT / "build" / "screenshots"
KEPT, KEEP = ROOT / "docs" / "images", ("result", "draw", "judging", "review-assisted")
ADA, INES = "launch-ada-01", "launch-ines-01"
HOUR = timedelta(hours=1)
DEMO_PATIENCE = 180_000  # milliseconds; Prefect's first start is in it
DEMO_PORT = demo.PORT + 50
PICKER = {"name": picker.COOKIE, "value": PICKER_TOKEN, "domain": "127.0.0.1", "path": "/dl/request-1/"}


def _nothing(page: Page) -> None:
    pass


@dataclass(frozen=True)
class Shot:
    """One picture: the state it shows (a key of `everything` or `course`), the frame, and what is done before."""

    name: str
    state: str
    width: int = 1280
    height: int = 900
    scheme: str = "light"
    language: str = ""
    whole: bool = True
    media: str = "screen"
    told: bool = True
    settings: dict[str, Any] = field(default_factory=dict)
    dates: dict[str, timedelta] = field(default_factory=dict)
    do: Callable[[Page], None] = _nothing


def worker_dies(page: Page) -> None:
    """The player at step 2 of 5."""
    page.click("[data-plays=worker-dies]")
    page.click("[data-move='1']")


def pick_a_part(page: Page) -> None:
    """A part of the drawing picked by keyboard, so that its focus shows."""
    page.focus('[data-key="part:n4"]')
    page.keyboard.press("Enter")


def open_rubric(page: Page) -> None:
    """The rubric beside the text."""
    page.eval_on_selector(".desk-side > details", "rubric => { rubric.open = true; }")


def choose_a_sentence(page: Page) -> None:
    """An appeal half written."""
    page.click("form details:nth-of-type(5) summary")
    page.click("form details:nth-of-type(5) label:nth-of-type(2)")
    page.fill("#why", "The run is parked, so silence means that nothing is sent; paragraph five says so.")


def lose_the_network(page: Page) -> None:
    """A sentence more, typed without network."""
    page.context.set_offline(True)
    page.focus("#text")
    page.keyboard.press("Control+End")
    page.keyboard.type(" More.")
    page.wait_for_selector("#kept-note:not([hidden])")


def change_a_level(page: Page) -> None:
    """A level is changed, and the reason is asked for."""
    page.get_by_role("group", name="Level for Claim").get_by_role("radio", checked=True).focus()
    page.keyboard.press("1")


def open_the_admins_pages(page: Page) -> None:
    """The one-time link is used."""
    page.get_by_role("button", name="open", exact=True).click()
    page.wait_for_selector("text=2 platforms")


LEARNER = (
    Shot("notice", "notice", 760, 500, told=False),
    Shot("brief", "path"),
    Shot("brief-320-dark", "path", 320, scheme="dark"),
    Shot("brief-german", "path", language="de"),
    Shot("brief-longer", "path", 760, language=LONGER),
    Shot("brief-right-to-left", "path", language=RIGHT_TO_LEFT),
    Shot("reference-worker-dies", "reference", do=worker_dies),
    Shot("reference-320", "reference", 320),
    Shot("vocabulary-open", "vocabulary-open"),
    Shot("vocabulary-320-dark", "vocabulary", 320, scheme="dark"),
    Shot("warm-up", "warm-up"),
    Shot("warm-up-320", "warm-up", 320),
    Shot("pitch", "pitch", do=open_rubric),
    Shot("pitch-320-dark", "pitch", 320, scheme="dark"),
    Shot("draw", "draw", do=pick_a_part),
    Shot("draw-320", "draw", 320),
    Shot("draw-dark", "draw", scheme="dark", do=pick_a_part),
    Shot("confirm", "confirm", 760, 500),
    Shot("judging", "judging"),
    Shot("judging-320", "judging", 320, 568),
    Shot("result", "result"),
    Shot("result-320", "result", 320),
    Shot("result-dark", "result", scheme="dark"),
    Shot("result-printed", "result", 794, 1123, media="print"),
    Shot("result-right-to-left", "result", language=RIGHT_TO_LEFT),
    Shot("result-drawing", "result-drawing"),
    Shot("appeal", "appeal", do=choose_a_sentence),
    Shot("appeal-320", "appeal", 320),
    Shot("pin", "pin", 760),
    Shot("help", "help", 760),
    Shot("nothing-here", "nothing-here", 760, 500),
    Shot("pitch-offline", "pitch", do=lose_the_network),
    Shot("pitch-late", "pitch", dates={"due": -2 * HOUR}),
    Shot("pitch-closed", "pitch", 760, dates={"closes": -HOUR}),
    Shot("index", "index", 760, 500, settings={"lessons": ["durable-workflows", "two-step"]}),
)
COURSE = (
    Shot("queue", "queue"),
    Shot("queue-320", "queue", 320),
    Shot("review-assisted", "review-assisted"),
    Shot("review-override", "review-assisted", do=change_a_level),
    Shot("review-blind", "review-blind"),
    Shot("review-reveal", "review-reveal"),
    Shot("calibration", "calibration"),
    Shot("settings", "settings"),
    Shot("lesson", "lesson"),
    Shot("rubric", "rubric"),
    Shot("scores", "scores"),
    Shot("picker", "picker", 800, 340, whole=False),
    Shot("picker-120-high", "picker", 320, 120, whole=False),
    Shot("registration", "registration", do=open_the_admins_pages),
    Shot("error-refused", "error-refused", 760, 500),
)
SENT_BACK = (Shot("sent-back", "sent-back"), Shot("sent-back-320-dark", "sent-back-log", 320, scheme="dark"))
Stage = Callable[[World, dict[str, str]], dict[str, str]]
ROOMS: tuple[tuple[str, Stage, tuple[Shot, ...]], ...] = (
    (ADA, everything, LEARNER),
    (ADA, sent_back, SENT_BACK),
    (INES, course, COURSE),
)


def main(wanted: list[str]) -> int:
    """Take the wanted pictures, or all of them."""
    logging.disable(logging.INFO)
    keep = "--keep" in wanted
    out = KEPT if keep else OUT
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM)
        for launch, stage, shots in ROOMS:
            chosen = [shot for shot in shots if not wanted or any(shot.name.startswith(name) for name in wanted)]
            if keep:
                chosen = [replace(shot, whole=False, height=820) for shot in shots if shot.name in KEEP]
            if chosen:
                take_all(browser, launch, stage, chosen, out)
        if not keep and (not wanted or any("demo-both".startswith(name) for name in wanted)):
            take_the_demo(browser, out)
        browser.close()
    return 0


def take_the_demo(browser: Browser, out: Path) -> None:
    """The demo with Ada and Ines side by side: the log while it runs, then both sides and the gradebook."""
    with tempfile.TemporaryDirectory(prefix="atelier-demo-") as folder:
        stage = demo.Stage(Path(folder), DEMO_PORT)
        with demo.running(stage) as faults:
            page = browser.new_page(viewport={"width": 1920, "height": 1080}, reduced_motion="reduce", locale="en-GB")
            page.set_default_timeout(DEMO_PATIENCE)
            page.goto(f"{stage.platform_url}/both")
            two_people(page, stage, faults, out)


def two_people(page: Page, stage: demo.Stage, faults: Faults, out: Path) -> None:
    """Ada sends her essay, which waits for a frozen executor; then Ines confirms it, and the gradebook has it."""
    ada, ines = page.frame(name="contentframe"), page.frame(name="secondframe")
    assert ada is not None
    assert ines is not None
    ines.wait_for_selector('main[data-page="queue"]')
    the_essay_alone_counts(stage)
    ada.get_by_role("button", name="start").click()
    ada.wait_for_selector('main[data-page="lesson-brief"]')
    faults.press("freeze")
    ada.goto(ada.url.rsplit("/", 1)[0] + "/items/essay")
    ada.fill("#text", texts()["essay"])
    ada.click("#judge")
    ada.click("text=judge it")
    ada.wait_for_selector('main[data-page="lesson-judging"]')
    picture(page, out / "demo-both-sent.png")
    faults.press("thaw")
    ada.get_by_text("A person looks at it next.").first.wait_for()
    ines.goto(ines.url)
    picture(page, out / "demo-both-judged.png")
    ines.locator("tbody a").first.click()
    ines.get_by_role("button", name=re.compile("confirm")).click()
    page.get_by_role("cell", name=re.compile("^.*graded")).wait_for()
    ada.goto(ada.url.removesuffix("/judging"))
    ada.wait_for_selector('main[data-page="lesson-result"]')
    picture(page, out / "demo-both.png")


def the_essay_alone_counts(stage: demo.Stage) -> None:
    """One released essay is a whole score."""
    database = Database(stage.settings.database_url)
    with database.write() as session:
        link = session.scalars(select(ResourceLink)).one()
        link.settings = {**link.settings, "weights": {**dict.fromkeys(texts(), 0.0), "essay": 100.0}}
    database.close()


def picture(page: Page, file: Path) -> None:
    """The page as it is in its window."""
    page.screenshot(path=file)
    print(file)


def take_all(browser: Browser, launch: str, stage: Stage, shots: list[Shot], out: Path) -> None:
    """Pictures of one person's pages, each in a fresh profile."""
    with served() as (world, address):
        paths = stage(world, texts())
        for shot in shots:
            set_up(world, shot)
            here = at_these_dates(world, launch, shot) if shot.dates else launch
            context = browser.new_context(viewport={"width": shot.width, "height": shot.height}, locale="en-GB")
            context.add_cookies([PICKER, sign_in(world, here)])  # type: ignore[list-item]
            path = paths[shot.state]
            take(context.new_page(), address + (path if path.startswith("/") else f"/l/{here}/{path}"), shot, out)
            context.close()
            print(out / f"{shot.name}.png")


def take(page: Page, url: str, shot: Shot, out: Path) -> None:
    """One picture."""
    page.emulate_media(color_scheme=shot.scheme, media=shot.media, reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto(url)
    page.wait_for_load_state("load")
    shot.do(page)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=out / f"{shot.name}.png", full_page=shot.whole)


def texts() -> dict[str, str]:
    """The bundled lesson's first sample for every item."""
    return {item.id: item.samples[0].text for item in read_lesson(bundled()[0]).items}


def set_up(world: World, shot: Shot) -> None:
    """What the placement speaks from now on, and whether it has words of its own that nobody was told yet."""
    own = "" if shot.told else "Your teaching assistants read along."
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {**link.settings, "language": shot.language, "notice": own, **shot.settings}


def sign_in(world: World, launch: str) -> dict[str, str]:
    """The cookie of a fresh session of a launch."""
    with world.database.write() as session:
        token = open_session(session, launch, minutes=60)
    return {"name": COOKIE, "value": token, "domain": "127.0.0.1", "path": f"/l/{launch}/"}


def at_these_dates(world: World, launch: str, shot: Shot) -> str:
    """The same launch from a course with the shot's dates."""
    dates = {name: (utc_now() + away).isoformat() for name, away in shot.dates.items()}
    with world.database.write() as session:
        first = session.get_one(Launch, launch)
        again = Launch(
            id=f"launch-{shot.name}",
            registration_id=first.registration_id,
            resource_link_id=first.resource_link_id,
            person_id=first.person_id,
            role=first.role,
            detail={"dates": dates},
        )
        session.add(again)
        return again.id


@contextmanager
def served() -> Iterator[tuple[World, str]]:
    """The tool on a fresh database and a free port."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/tool.db")
        prepare(database)
        world = populate(database)
        settings = Settings(secret_key="s" * 40, allow_http=True, rate_limits="off", log_level="ERROR")
        server: Any = make_server("127.0.0.1", 0, create_app(settings, database), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield world, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        database.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

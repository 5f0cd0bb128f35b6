"""From the course to the gradebook in a real browser, with the LMS and the tool on two sites."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page, expect

from seeds.load import bundled, read_lesson
from tests.conftest import PATIENCE
from tests.end_to_end.frames import open_course

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LESSON = read_lesson(bundled()[0])
JUDGED = 180_000  # ms; Prefect's first start is in it
SENT = 120_000
SAVED = re.compile(r"^\[x\] saved")  # "nothing saved yet" and "Not saved." are something else


class Visit:
    """A person in the course: the platform's page around, the tool in its frame."""

    def __init__(self, page: Page, demo: str, person: str) -> None:
        self.page = page
        open_course(page, f"{demo}/enter/{person}", "main[data-page]", 2 * PATIENCE)

    @property
    def frame(self) -> Frame:
        """The tool's frame; it is another site than the page around it."""
        frame = self.page.frame(name="contentframe")
        assert frame is not None
        return frame

    def arrive(self, data_page: str) -> None:
        """Wait for a page of the tool, then look at it: no accessibility violation, no sideways scroll."""
        self.frame.wait_for_selector(f'main[data-page="{data_page}"]')
        found = Axe().run(self.frame)  # type: ignore[arg-type]
        assert found.violations_count == 0, f"{data_page}: {found.generate_report()}"
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not self.frame.evaluate(wider), f"{data_page} scrolls sideways"
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{data_page}.png")

    def open(self, path: str) -> None:
        """Open a page of this launch by its address."""
        launch = re.match(r"(.*/l/[^/]+/)", self.frame.url)
        assert launch is not None
        self.frame.goto(launch[1] + path)

    def go(self, name: str) -> None:
        """Follow a link of the tool's page by its words."""
        self.frame.get_by_role("link", name=re.compile(name)).last.click()


@pytest.fixture(scope="module")
def errors() -> list[str]:
    """What the browser's console complained about, over the whole test."""
    return []


def test_a_student_reads_writes_draws_is_judged_and_the_grade_arrives(page: Page, demo: str, errors: list[str]) -> None:
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(demo)
    page.get_by_role("link", name="Ada Osei").click()
    ada = Visit(page, demo, "ada")
    read_the_steps(ada)
    fire_the_hot_takes(ada)
    write_the_pitch(ada)
    draw_the_system(ada)
    forget_a_reason(page.context.new_page(), demo)
    confirm_everything(Visit(page, demo, "ines"))
    row = page.get_by_role("row", name=re.compile("Ada Osei")).first
    expect(row).to_contain_text(re.compile(r"\b\d{2,3}\b"), timeout=SENT)
    read_the_result(Visit(page, demo, "ada"))
    assert errors == []


def read_the_steps(ada: Visit) -> None:
    ada.arrive("lesson-notice")
    ada.frame.get_by_role("button", name="start").click()
    ada.arrive("lesson-brief")
    ada.go("next: 02")
    ada.arrive("lesson-reference")
    ada.frame.get_by_role("button", name="worker dies").click()
    ada.frame.get_by_text("replay after a crash").first.wait_for()
    ada.go("next: 03")
    ada.arrive("lesson-vocabulary")
    flip, meaning = ada.frame.get_by_role("button", name="flip"), ada.frame.locator("#def")
    expect(meaning).to_be_hidden()
    flip.press("Space")
    expect(meaning).to_be_visible()
    expect(meaning).to_contain_text(LESSON.terms[0].definition)
    ada.arrive("lesson-vocabulary")
    ada.frame.get_by_role("button", name="got it").click()
    expect(ada.frame.locator("h2.term")).to_have_text(LESSON.terms[1].term)
    ada.go("next: 04")


def fire_the_hot_takes(ada: Visit) -> None:
    ada.arrive("lesson-warm-up")
    for item in (LESSON.item("q1"), LESSON.item("q2")):
        take = ada.frame.locator(f"#{item.id}")
        take.get_by_role("textbox").fill(item.samples[0].text)
        take.get_by_role("button", name="send").click()
        expect(ada.frame.locator(f"#{item.id} .reply")).to_contain_text(re.compile(r"hit \d/4"), timeout=JUDGED)
        # The coach's reply moves what is below it, so that a press might miss.
        expect(ada.frame.locator(f"#{item.id} [data-coach]")).to_have_count(0, timeout=JUDGED)
    expect(ada.frame.locator("#q1 .reply")).to_contain_text("Provisional")
    ada.arrive("lesson-warm-up")
    ada.go("next: 05")


def write_the_pitch(ada: Visit) -> None:
    ada.arrive("lesson-pitch")
    box = ada.frame.locator("textarea#text")
    box.fill("Too short to send.")
    expect(ada.frame.locator("#count")).to_contain_text("4 / 500")
    box.fill(LESSON.item("essay").samples[0].text)
    expect(ada.frame.locator("#count")).to_contain_text("512 / 500")
    expect(ada.frame.locator("[data-save]").last).to_have_text(SAVED)
    ada.frame.locator("#judge").click()
    ada.frame.get_by_role("button", name="judge it").click()
    ada.arrive("lesson-judging")
    expect(ada.frame.locator("main")).to_contain_text("A person looks at it next", timeout=JUDGED)
    expect(ada.frame.locator("main")).not_to_contain_text(re.compile(r"\b\d+ / 100"))


def draw_the_system(ada: Visit) -> None:
    """By the selects and the outline alone: every part and edge of the reference that a drawing needs."""
    ada.open("items/drawing")
    ada.arrive("lesson-draw")
    sample = json.loads(LESSON.item("drawing").sample("minimal").text)
    for node in sample["nodes"]:
        ada.frame.select_option("#part", node["kind"])
        ada.frame.get_by_role("button", name="add part").click()
        ada.frame.locator(".outline .part").nth(sample["nodes"].index(node)).wait_for()
    names = {node["id"]: place for place, node in enumerate(sample["nodes"])}
    for count, edge in enumerate(sample["edges"], start=1):
        ada.frame.select_option("#from", index=names[edge["from"]])
        ada.frame.select_option("#to", index=names[edge["to"]])
        ada.frame.fill("#says", edge["label"])
        ada.frame.get_by_role("button", name="connect").click()
        expect(ada.frame.locator(".outline ul li")).to_have_count(count)
    ada.frame.select_option("#dies", index=names[sample["crash"]["at"]] + 1)
    for edge in sample["crash"]["recovery"]:
        ada.frame.check(f'[data-key="recovers:{edge}"]')
    expect(ada.frame.locator(".recovery :checked")).to_have_count(len(sample["crash"]["recovery"]))
    ada.frame.fill("#note", sample["note"])
    expect(ada.frame.locator("[data-save]").last).to_have_text(SAVED)
    ada.arrive("lesson-draw")
    ada.frame.locator('button[value="judge"]').click()
    ada.frame.get_by_role("button", name="judge it").click()
    ada.frame.wait_for_selector('main[data-page="lesson-judging"]')
    expect(ada.frame.locator("main")).to_contain_text("A person looks at it next", timeout=JUDGED)


def forget_a_reason(page: Page, demo: str) -> None:
    """The frame is as tall as its page, so that the course's page is what scrolls."""
    page.set_viewport_size({"width": 1280, "height": 500})
    ines = Visit(page, demo, "ines")
    ines.frame.locator("#queue a").first.click()
    ines.frame.wait_for_selector('main[data-page="queue-review"]')
    row, problems = ines.frame.locator(".rate").last, ines.frame.locator("#problems")
    row.locator("input:not(:checked)").first.press("Space")
    ines.frame.get_by_role("button", name=re.compile("confirm")).click()
    expect(problems).to_be_in_viewport()
    expect(problems).to_be_focused()
    expect(row).not_to_be_in_viewport()
    problems.get_by_role("link").click()
    expect(row).to_be_in_viewport()
    page.close()


def confirm_everything(ines: Visit) -> None:
    ines.arrive("queue")
    expect(ines.frame.locator("h1")).to_contain_text("4 wait for you")
    ines.frame.locator("#queue a").first.click()
    for left in (3, 2, 1, 0):
        ines.arrive("queue-review")
        before = ines.frame.url
        ines.frame.get_by_role("button", name=re.compile("confirm")).click()
        ines.frame.wait_for_function("before => location.href !== before", arg=before)
        if not left:
            break
        expect(ines.frame.locator("h1")).to_be_in_viewport()
    ines.arrive("queue")
    expect(ines.frame.locator("h1")).to_contain_text("Nothing waits for you")
    ines.go("Scores sent")
    ines.arrive("queue-scores")
    expect(ines.frame.locator("main")).to_contain_text(re.compile(r"\d+(\.\d+)? / 100"), timeout=SENT)


def read_the_result(ada: Visit) -> None:
    ada.open("items/essay")
    ada.frame.wait_for_selector('main[data-page="lesson-pitch"]')
    ada.frame.locator('a[href*="/submissions/"]').first.click()
    ada.arrive("lesson-result")
    expect(ada.frame.locator("main")).to_contain_text("100 / 100")
    expect(ada.frame.locator("main")).to_contain_text("onfirmed")
    marks = ada.frame.locator("mark")
    assert marks.count() >= 6
    assert marks.first.inner_text().strip()


def test_a_frame_without_cookies_leads_to_a_tab_of_its_own(page: Page, demo: str) -> None:
    page.goto(f"{demo}/enter/bo?frame=apart")
    frame = page.frame_locator('iframe[name="contentframe"]')
    expect(frame.get_by_role("heading", name="Your browser keeps this frame apart")).to_be_visible()
    with page.context.expect_page() as opened:
        frame.get_by_role("button", name="open in its own tab").click()
    expect(opened.value.locator("main[data-page^=lesson]")).to_be_visible()


def test_hidden_things_are_hidden_whatever_the_sheets_say(page: Page, demo: str) -> None:
    """A display rule defeats the hidden attribute, and no accessibility checker notices."""
    bo = Visit(page, demo, "bo")
    for step in LESSON.steps[:4]:
        bo.open(f"steps/{step.id}")
        shown = "[...document.querySelectorAll('[hidden]')].filter(e => getComputedStyle(e).display !== 'none').length"
        assert bo.frame.evaluate(shown) == 0

"""The student pages in Chromium: what the scripts add, and that everybody can read and use every page."""

import re

import pytest
from sqlalchemy import select, update

from lti_tool import jobs
from lti_tool.attempts import drafts, submit
from lti_tool.db import utc_now
from lti_tool.models import Job, Submission, TermAnswer, WebSession
from rubrics.text import word_count
from tests.lti_tool.judged import judge_as

QUOTE = "Take one run."
LEVELS = {"claim": 2, "failure_story": 3, "retry": 4, "checkpoint": 1, "human_gate": 0, "tradeoffs": 3, "economy": 3}
TEXTS = (
    "don't re-run 3.14 1,000 e.g. U.S.A. a–b x—y",
    "日本語のテキスト です カタカナ",
    "naïve café 1st ½ x²",
    "- bullet\n- two",
    "a\u200bb c\u00adD ‘quoted’ it’s",
    "한국어 ไทย עברית 𝔘𝔫𝔦 ١٢٣ a,b 1,a",
    "",
)

pytestmark = pytest.mark.slow


@pytest.fixture
def sent(world, sample_texts) -> dict[str, str]:
    """A judged and shown essay, one that is being judged, and a drawing: their public ids."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"show_judged": True}
        essay = submit(session, link, world.ada_id, "essay", sample_texts["essay"])
        judge_as(session, essay, LEVELS, quotes={"failure_story": QUOTE}, comment="What did it cost?")
        drawing = submit(session, link, world.ada_id, "drawing", sample_texts["drawing"])
        running = submit(session, link, world.ada_id, "essay", f"{sample_texts['essay']} More.")
        session.scalars(select(Job).where(Job.submission_id == running.id)).one().state = "running"
        return {"essay": essay.public_id, "drawing": drawing.public_id, "running": running.public_id}


def event(world, public_id: str, stage: str, **detail) -> None:
    with world.database.write() as session:
        found = select(Job.id).join(Submission).where(Submission.public_id == public_id)
        jobs.add_event(session, session.scalars(found).one(), stage, **detail)


def test_script_and_server_count_the_same_words(open_page, sample_texts) -> None:
    page = open_page("items/essay")
    texts = [*TEXTS, sample_texts["essay"]]
    counted = page.evaluate("async texts => texts.map((await import('/static/count.js')).words)", texts)
    assert counted == [word_count(text) for text in texts]


def test_what_is_typed_is_saved_when_it_goes_quiet(open_page, world) -> None:
    page = open_page("items/essay")
    page.fill("#text", "Three short words")
    assert page.inner_text("#count") == "3 / 500 · 397 to the floor."
    page.wait_for_selector(".sheet-end [data-save] .st-x")
    with world.database.read() as session:
        kept = drafts(session, world.placement(session), world.ada_id, "essay")
    assert [draft.text for draft in kept] == ["Three short words"]


def test_one_question_before_an_attempt_is_used(open_page, world, sample_texts) -> None:
    page = open_page("items/essay")
    page.fill("#text", sample_texts["essay"])
    page.keyboard.press("Control+Enter")
    assert page.is_visible("#ask")
    assert "This uses attempt 1 of 3. The judge reads it once. You can take it back for 10 minutes." in page.inner_text(
        "#ask"
    )
    page.keyboard.press("Escape")
    assert not page.is_visible("#ask")
    page.click("#judge")
    page.click("text=judge it")
    page.wait_for_url("**/judging")
    with world.database.read() as session:
        assert session.scalars(select(Submission.item_id)).all() == ["essay"]


@pytest.fixture
def open_cards(open_page):
    """The vocabulary, once its cards have come: before, a key press leads to another page."""

    def open_them(**options):
        page = open_page("steps/vocabulary", **options)
        page.wait_for_selector("#gym[data-ready]")
        return page

    return open_them


def test_a_card_by_keyboard_alone(open_cards) -> None:
    page = open_cards()
    first = page.inner_text("h2.term")
    page.focus("#flip button")
    page.keyboard.press("2")  # face down, the key rates nothing
    page.keyboard.press("Space")
    assert page.is_visible("#def")
    page.keyboard.press("2")
    page.wait_for_function("first => document.querySelector('h2.term').textContent !== first", arg=first)
    page.wait_for_selector("[data-save] .st-x")
    assert not page.is_visible("#def")
    assert page.inner_text("#said") == f"{page.inner_text('h2.term')}: 0 of 8 mastered."
    assert page.evaluate("document.activeElement.closest('#flip') !== null")


def answers(world) -> list[tuple[str, bool]]:
    with world.database.read() as session:
        found = session.execute(select(TermAnswer.term_id, TermAnswer.got_it).order_by(TermAnswer.id))
        return [(row.term_id, row.got_it) for row in found]


def test_cards_turn_without_network_and_their_ratings_are_saved_in_order_later(open_cards, world) -> None:
    page = open_cards(quiet=True)
    page.context.set_offline(True)
    for said in ("2", "1", "2"):
        page.focus("#flip button")
        page.keyboard.press("Space")
        page.keyboard.press(said)
    assert page.inner_text("h2.term") == "Deterministic replay"
    assert "Offline. Answers are kept here" in page.inner_text("[data-save]")
    assert answers(world) == []
    page.context.set_offline(False)
    page.wait_for_selector("[data-save] .st-x")
    assert answers(world) == [("idempotent-step", True), ("idempotency-ledger", False), ("checkpoint", True)]


def test_the_script_masters_cards_as_the_server_does(open_cards, ada) -> None:
    page = open_cards()
    for said in "2222222222121222":
        page.focus("#flip button")
        page.keyboard.press("Space")
        page.keyboard.press(said)
    page.wait_for_selector("[data-save] .st-x")
    by_script = page.inner_text("#mastered")
    page.goto(page.url)
    assert page.inner_text("#mastered") == by_script
    assert by_script != "0 mastered"


def test_a_failure_is_played_step_by_step(open_page) -> None:
    page = open_page("steps/reference")
    page.click("[data-plays=worker-dies]")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#player [role=status]") == "worker dies · step 2 of 5"
    assert page.get_attribute(".dg .now", "data-edge") == "4"
    assert page.get_attribute(".dg .lit", "data-edge") == "3"


def test_the_log_speaks_only_of_stages_and_leads_to_the_result(open_page, world, sent) -> None:
    page = open_page(f"submissions/{sent['running']}/judging")
    for done in (1, 2):
        event(world, sent["running"], "judging", criterion=list(LEVELS)[done - 1], title="", done=done, of=7)
        page.wait_for_selector(f"#head:text-is('Judging {done + 1} of 7')")
        assert page.inner_text("#said") == "Judging"
    assert page.get_attribute("#log", "aria-hidden") == "true"
    with world.database.write() as session:
        running = session.scalars(select(Submission).where(Submission.public_id == sent["running"])).one()
        judge_as(session, running, LEVELS)
    event(world, sent["running"], "scoring")
    page.wait_for_url(re.compile(rf"submissions/{sent['running']}$"))
    assert page.is_visible(".score")


def test_where_no_stream_comes_through_the_log_is_asked_for(open_page, world, sent) -> None:
    page = open_page("help", quiet=True)
    refused = []
    page.route("**/stream?*", lambda route: (refused.append(route.request.url), route.abort()))
    page.goto(page.url.replace("help", f"submissions/{sent['running']}/judging"))
    event(world, sent["running"], "judging", criterion="claim", title="", done=1, of=7)
    page.wait_for_selector("#head:text-is('Judging 2 of 7')")
    with world.database.write() as session:
        running = session.scalars(select(Submission).where(Submission.public_id == sent["running"])).one()
        judge_as(session, running, LEVELS)
    event(world, sent["running"], "scoring")
    page.wait_for_url(re.compile(rf"submissions/{sent['running']}$"))
    assert len(refused) == 1


def test_a_log_that_lost_its_server_says_so_until_it_is_back_and_is_read_when_it_ends(open_page, world, sent) -> None:
    page = open_page("help", quiet=True)
    asked = []
    page.route("**/stream?*", lambda route: route.abort())
    page.route("**/stages?*", lambda route: (asked.append(route.request.url), route.abort()))
    page.goto(page.url.replace("help", f"submissions/{sent['running']}/judging"))
    page.wait_for_selector("#lede:has-text('Offline.')")
    assert "stale" in page.get_attribute("#log", "class")
    assert len(asked) >= 2
    page.unroute("**/stages?*")
    page.wait_for_selector("#lede:text-is('Close this if you like; it keeps going.')")
    assert "stale" not in page.get_attribute("#log", "class")
    assert page.get_attribute("#log", "aria-hidden") == "true"
    with world.database.write() as session:
        session.execute(update(WebSession).values(expires_at=utc_now()))
    page.wait_for_selector("#lede:has-text('opened too long ago')")
    assert page.get_attribute("#log", "aria-hidden") is None


def test_the_reply_to_a_take_arrives_by_itself(open_page, world) -> None:
    page = open_page("steps/warm-up")
    page.fill("#text-q2", "x" * 330)
    assert page.inner_text("#count-q2") == "330 / 320 · 10 over. Cut the hedge."
    page.fill("#text-q2", "Put a unique row in front of it.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#q2 .reading")
    with world.database.write() as session:
        take = session.scalars(select(Submission).where(Submission.item_id == "q2")).one()
        judge_as(session, take, {"hit": 3, "edge": 4, "form": 2})
    page.wait_for_selector("#q2 .big")
    assert page.inner_text("#said") == "Reply: 9/10"


def test_a_criterion_brings_its_quote_into_view_and_a_quote_its_criterion(open_page, sent) -> None:
    page = open_page(f"submissions/{sent['essay']}")
    page.set_viewport_size({"width": 1280, "height": 500})
    page.locator("#own-text").evaluate("text => { text.scrollTop = text.scrollHeight; }")
    page.focus("#c2 a.tag")
    box, mark = page.locator("#own-text").bounding_box(), page.locator("mark.on-it").bounding_box()
    assert box["y"] <= mark["y"] < box["y"] + box["height"]
    page.locator("mark.on-it").click(position={"x": mark["width"] - 5, "y": 5})
    page.wait_for_url("**#c2")


def test_the_printed_page_has_the_marks_and_nothing_to_press(open_page, sent) -> None:
    page = open_page(f"submissions/{sent['essay']}")
    page.emulate_media(media="print")
    assert page.locator("button:visible, .bar:visible, .btn:visible").count() == 0
    tint, line = page.eval_on_selector(
        "mark", "m => [getComputedStyle(m).backgroundColor, getComputedStyle(m).textDecorationLine]"
    )
    assert (tint, line) == ("rgba(0, 0, 0, 0)", "underline")
    assert page.locator("mark .tag").first.inner_text() == "2"

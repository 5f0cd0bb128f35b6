"""What is typed is never lost: two windows, no network, a session that ended."""

import pytest
from sqlalchemy import select, update

from lti_tool import coaching
from lti_tool.attempts import drafts, submit
from lti_tool.db import utc_now
from lti_tool.models import Job, Submission, WebSession
from tests.lti_tool.judged import judge_as

pytestmark = pytest.mark.slow
NOTE = "#kept-note"


def kept(world, item_id: str = "essay") -> list[str]:
    """An item's drafts, newest first."""
    with world.database.read() as session:
        return [draft.text for draft in drafts(session, world.placement(session), world.ada_id, item_id)]


def sent(world) -> list[str]:
    with world.database.read() as session:
        return list(session.scalars(select(Submission.text)))


def coach(world, **said: str) -> None:
    """What the coach has said of the only take: a piece of its first line, or the whole reply."""
    with world.database.write() as session:
        job = session.scalars(select(Job.id)).one()
        if said.keys() == {"piece"}:
            coaching.say(session, job, said["piece"], begins=True)
        else:
            coaching.reply(session, job, said)


def saved(page) -> None:
    page.wait_for_selector(".sheet-end [data-save] .st-x")


def test_two_windows_lose_nothing_and_say_so(open_page, world) -> None:
    first, second = open_page("items/essay"), open_page("items/essay")
    first.fill("#text", "From the first window.")
    saved(first)
    second.fill("#text", "From the second window.")
    second.wait_for_selector(f"{NOTE}:not([hidden])")
    assert "Another window saved this at" in second.inner_text(NOTE)
    assert not second.is_visible("#kept-copy")
    assert kept(world) == ["From the second window.", "From the first window."]
    second.fill("#text", "From the second window, further.")
    second.wait_for_selector(NOTE, state="hidden")


def test_typing_without_network_is_said_to_be_safe_and_syncs(open_page, world) -> None:
    page = open_page("items/essay", quiet=True)
    page.context.set_offline(True)
    page.fill("#text", "Written on a train.")
    page.wait_for_selector(f"{NOTE}:not([hidden])")
    assert page.inner_text(f"{NOTE} p") == "Offline. Typing is safe here; it syncs when you’re back."
    assert page.inner_text("#said") == "Offline. Typing is safe here; it syncs when you’re back."
    assert kept(world) == []
    page.context.set_offline(False)
    saved(page)
    assert page.is_hidden(NOTE)
    assert kept(world) == ["Written on a train."]


def test_a_network_that_comes_back_ends_the_note_where_nothing_waits(open_page) -> None:
    page = open_page("items/essay", quiet=True)
    state = "[data-save] >> nth=0"
    before = page.inner_text(state)
    for typed in ("", "Three short words"):
        if typed:
            page.fill("#text", typed)
            saved(page)
            before = page.inner_text(state)
        page.context.set_offline(True)
        page.wait_for_selector(f"{NOTE}:not([hidden])")
        assert "Offline." in page.inner_text(state)
        page.context.set_offline(False)
        page.wait_for_selector(NOTE, state="hidden")
        assert page.inner_text(state) == before
        assert page.inner_text("#said") == ""


def test_an_ended_session_keeps_the_text_and_offers_a_copy(open_page, world) -> None:
    page = open_page("items/essay", quiet=True)
    with world.database.write() as session:
        session.execute(update(WebSession).values(expires_at=utc_now()))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.fill("#text", "Typed too late.")
    page.wait_for_selector(f"{NOTE}:not([hidden])")
    said = page.inner_text(f"{NOTE} p")
    assert "Not saved." in said
    assert "This page was opened too long ago. Open it again from your course." in said
    page.click("#kept-copy")
    page.wait_for_selector("#kept-copy:text-is('Copied.')")
    assert page.evaluate("navigator.clipboard.readText()") == "Typed too late."
    assert page.input_value("#text") == "Typed too late."
    page.evaluate("dispatchEvent(new Event('offline'))")  # no promise that it will be saved after all
    assert page.inner_text(f"{NOTE} p") == said


def test_where_the_clipboard_is_closed_the_text_is_selected(open_page, world) -> None:
    page = open_page("items/essay", quiet=True)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    with world.database.write() as session:
        session.execute(update(WebSession).values(expires_at=utc_now()))
    page.fill("#text", "Typed in a frame.")
    page.click("#kept-copy")
    page.wait_for_selector("#kept-copy:text-is('Selected. Copy it with your keyboard or menu.')")
    assert page.evaluate("getSelection().toString() || document.activeElement.value") == "Typed in a frame."


def test_saving_by_keyboard_saves_now(open_page, world) -> None:
    page = open_page("items/essay")
    page.fill("#text", "Three short words")
    page.keyboard.press("Control+s")
    saved(page)
    assert kept(world) == ["Three short words"]


def test_drafts_are_listed_and_one_comes_back_as_a_new_one(open_page, world) -> None:
    page = open_page("items/essay")
    for text in ("The first.", "The second."):
        page.fill("#text", text)
        page.keyboard.press("Control+s")
        saved(page)
    page = open_page("items/essay")
    page.click("#drafts summary")
    page.click("#drafts li:last-child button")
    page.wait_for_selector("#drafts summary:has-text('3 drafts')")
    assert page.input_value("#text") == "The first."
    assert kept(world) == ["The first.", "The second.", "The first."]


def test_without_network_nothing_is_sent_and_the_page_stays(open_page, world, sample_texts) -> None:
    takes, pitch = open_page("steps/warm-up", quiet=True), open_page("items/essay", quiet=True)
    pitch.fill("#text", sample_texts["essay"])
    saved(pitch)
    pitch.context.set_offline(True)
    takes.fill("#text-q1", "A take on a train.")
    assert takes.is_visible("#q1 .without")
    takes.click("#q1 .btn-go")
    assert takes.inner_text("#q1 .btn-go") == "send"
    pitch.click("#judge")
    pitch.click("text=judge it")
    pitch.wait_for_selector(f"{NOTE}:not([hidden])")
    assert not pitch.is_visible("#ask")
    assert pitch.input_value("#text") == sample_texts["essay"]
    assert sent(world) == []
    pitch.context.set_offline(False)
    takes.wait_for_selector("#q1 .without", state="hidden")
    takes.click("#q1 .btn-go")
    takes.wait_for_selector("#q1 .reading")
    assert sent(world) == ["A take on a train."]


def test_a_server_that_is_away_gets_the_text_first_and_the_form_once_it_is_back(open_page, world) -> None:
    page = open_page("steps/warm-up", quiet=True)
    asked = []
    page.route("**/items/q1/draft", lambda route: (asked.append(route.request.url), route.abort()))
    page.fill("#text-q1", "A take.")
    page.click("#q1 .btn-go")
    page.wait_for_selector("[data-save] .st-bad")
    assert (page.inner_text("#q1 .btn-go"), page.input_value("#text-q1")) == ("send", "A take.")
    assert asked
    assert sent(world) == []
    page.unroute("**/items/q1/draft")
    page.click("#q1 .btn-go")
    page.wait_for_selector("#q1 .reading")
    assert sent(world) == ["A take."]


def test_the_next_take_may_be_typed_while_the_coach_speaks(open_page, world) -> None:
    with world.database.write() as session:
        take = submit(session, world.placement(session), world.ada_id, "q1", "The run is lost.")
        judge_as(session, take, {"hit": 3, "edge": 2, "form": 2})
    page = open_page("steps/warm-up")
    page.click("#q1 summary")
    page.fill("#text-q1", "A second take.")
    coach(world, piece="Right cause. Where ")
    page.wait_for_selector("#coach-q1 .coach-why:text-is('Right cause. Where')")
    page.keyboard.type(" Still typing.")
    coach(world, why="Right cause. Where does it live?", rewrite="The run dies.")
    page.wait_for_selector("#coach-q1 ins:has-text('dies.')")
    assert page.inner_text("#said") == "The coach has replied."
    assert "further takes are practice" in page.inner_text("#coach-q1")
    page.keyboard.type(" And on.")
    assert page.input_value("#text-q1") == "A second take. Still typing. And on."
    page.wait_for_selector("[data-save] .st-x")
    assert kept(world, "q1")[0] == "A second take. Still typing. And on."

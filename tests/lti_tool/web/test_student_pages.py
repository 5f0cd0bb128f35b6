"""What a student sees and does, page by page, without script."""

import re
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select

from lti_tool import coaching
from lti_tool.attempts import drafts, save_draft
from lti_tool.db import utc_now
from lti_tool.lessons import current_lesson, progress, store_lesson
from lti_tool.models import Draft, Job, Launch, Submission, TermAnswer
from seeds.load import read_lesson, read_rubrics
from tests.conftest import TINY_LESSON
from tests.lti_tool.web.ada import NASTY, TAKE, judged, page_name, send, text_box
from tests.lti_tool.web.conftest import Browser

BO, INES, TINY = "launch-bo-01", "launch-ines-01", "launch-tiny"


@pytest.fixture
def tiny(sign_in, world) -> Browser:
    """Ada in the tiny lesson, which has two terms, one question and no diagram."""
    with world.database.write() as session:
        launch = {"registration_id": world.registration_id, "person_id": world.ada_id, "role": "student"}
        session.add(Launch(id=TINY, resource_link_id=world.tiny_link_id, locale="ar", **launch))
    return sign_in(TINY)


# ---- the steps -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("path", "lesson-brief"),
        ("steps/reference", "lesson-reference"),
        ("steps/vocabulary", "lesson-vocabulary"),
        ("steps/warm-up", "lesson-warm-up"),
        ("items/essay", "lesson-pitch"),
        ("items/drawing", "lesson-draw"),
        ("help", "lesson-help"),
    ],
)
def test_every_page_opens_and_says_which_it_is(ada, path: str, page: str) -> None:
    answer = ada.get(path)
    assert (answer.status_code, page_name(answer)) == (200, page)
    assert answer.text.count("<h1") == 1
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bstyle=|\bon\w+=", answer.text)
    assert "reload" not in answer.text.lower()


@pytest.mark.parametrize(
    ("path", "page"), [("path", "lesson-brief"), ("steps/words", "lesson-vocabulary"), ("items/answer", "lesson-pitch")]
)
def test_another_lesson_needs_nothing_of_this_one(tiny, path: str, page: str) -> None:
    answer = tiny.get(path)
    assert (answer.status_code, page_name(answer)) == (200, page)
    assert "Durable" not in answer.text
    assert '<html lang="en" dir="ltr" data-locale="en"' in answer.text  # there are no Arabic words yet


def test_a_lesson_may_begin_with_any_step(tiny, world) -> None:
    lesson = read_lesson(TINY_LESSON)
    brief, words, write = lesson.steps
    with world.database.write() as session:
        turned = lesson.model_copy(update={"steps": (words, brief, write)})
        store_lesson(session, turned, read_rubrics(TINY_LESSON, lesson))
    path, read = tiny.get("path").text, tiny.get("steps/start").text
    assert "next: 02 Words" in path
    assert brief.heading not in path
    assert f'<h1 id="s1">{brief.heading}</h1>' in read
    assert "the path ·" not in read


def test_no_page_shows_a_model_answer_or_a_sample(ada, sample_texts) -> None:
    pages = " ".join(unescape(ada.get(f"items/{item}").text) for item in ("essay", "drawing"))
    pages += unescape(ada.get("steps/warm-up").text)
    for text in sample_texts.values():
        assert text[:80] not in pages


def test_opening_a_step_marks_it_and_the_path_leads_back(ada) -> None:
    assert "Last here" not in ada.get("path").text
    ada.get("steps/reference")
    page = ada.get("path").text
    assert re.search(r"Last here <time[^>]*>[^<]+</time>, 02 Reference\.", page)
    assert page.count("done: ") == 4  # two steps, in the bar and on the path


def test_the_step_menu_of_narrow_screens_is_a_plain_form(ada) -> None:
    assert ada.get("go?step=vocabulary").location.endswith("/steps/vocabulary")
    assert ada.get("go?step=nowhere").status_code == 404


def test_an_instructor_is_refused(sign_in) -> None:
    assert sign_in(INES).get("path").status_code == 403


def test_the_reference_lists_every_edge_and_trace(ada) -> None:
    page = unescape(ada.get("steps/reference").text)
    assert page.count('<path class="line"') == page.count('<span class="no">') - 1 == 16
    assert "Run history → Durable runtime: replay after a crash" in page
    assert "New process. History replays." in page
    assert "The runtime emits a trace of all of it." in page


# ---- the vocabulary ------------------------------------------------------------------------------------------


def test_a_card_is_face_down_until_it_is_flipped(ada) -> None:
    down, up = ada.get("steps/vocabulary").text, ada.get("steps/vocabulary?face=definition").text
    assert '<div id="def" hidden>' in down
    assert 'aria-expanded="false" aria-controls="def"' in down
    assert '<div id="def">' in up
    assert 'aria-expanded="true" aria-controls="def"' in up


def test_got_it_on_two_passes_masters_a_term(tiny, world) -> None:
    for term in ("freshness", "validation", "freshness", "validation"):
        answer = tiny.post("steps/words/answers", {"term": term, "said": "got-it"})
        assert answer.status_code == 303
    with world.database.read() as session:
        link = world.tiny(session)
        lesson = current_lesson(session, link.lesson_slug).lesson
        assert progress(session, link, world.ada_id, lesson).mastered == {"freshness", "validation"}
    page = tiny.get("steps/words").text
    assert "/ 02 · " in page
    assert "2 mastered" in page
    cards = tiny.get("steps/words/cards").json
    assert [(card["id"], card["mastered"]) for card in cards["cards"]] == [("freshness", True), ("validation", True)]
    assert cards["previous"] == "validation"


def test_mastered_cards_come_back_on_a_later_day_and_block_nothing(ada, world) -> None:
    with world.database.write() as session:
        ago = utc_now() - timedelta(days=3)
        for minute, term in enumerate(("checkpoint", "human-gate", "checkpoint")):
            said = {"resource_link_id": world.resource_link_id, "person_id": world.ada_id, "term_id": term}
            session.add(TermAnswer(**said, got_it=True, answered_at=ago + timedelta(minutes=minute)))
    assert "1 of 8 mastered · 1 to warm again" in ada.get("path").text
    page = ada.get("steps/vocabulary").text
    assert "Warm again:" in page
    assert '<h2 class="term">Idempotent step' in page  # what is new comes first
    ada.post("steps/vocabulary/answers", {"term": "checkpoint", "said": "again"})
    assert "Warm again:" not in ada.get("steps/vocabulary").text
    assert "1 of 8 mastered" in ada.get("path").text


def test_again_leads_to_the_next_card_that_is_not_mastered(tiny) -> None:
    answer = tiny.post("steps/words/answers", {"term": "freshness", "said": "again"})
    assert answer.location.endswith("card=validation")


def test_an_answer_without_the_seal_is_refused(tiny) -> None:
    answer = tiny.client.post(tiny.url("steps/words/answers"), data={"term": "freshness", "said": "got-it"})
    assert answer.status_code == 403


@pytest.mark.parametrize("form", [{"term": "nothing", "said": "again"}, {"term": "freshness", "said": "maybe"}])
def test_an_answer_that_means_nothing_is_not_found(tiny, form: dict[str, str]) -> None:
    assert tiny.post("steps/words/answers", form).status_code == 404


# ---- hot-takes -----------------------------------------------------------------------------------------------


def test_a_take_is_sent_and_waits_for_its_reply(ada, world) -> None:
    answer = ada.post("items/q1/send", {"text": f"{TAKE[:40]}\r\n{TAKE[40:]}"})
    assert answer.status_code == 303
    assert answer.location.endswith("/steps/warm-up#q1")
    page = ada.get("steps/warm-up").text
    assert "reading" in page
    assert "take 1 of 3" in page
    with world.database.read() as session:
        assert "\n" not in session.scalars(select(Submission.text)).one()


def coach_says(world, **said: object) -> None:
    with world.database.write() as session:
        coaching.reply(session, session.scalars(select(Job.id)).one(), said)


def test_the_reply_shows_marks_total_one_line_and_whose_it_is(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2}, comment="Where does the state live?")
    coach_says(world, withheld="offline", missed=["where the state lives"])
    page = " ".join(ada.get("steps/warm-up").text.split())
    assert '<p class="big">7<span>/10</span>' in page
    for mark in (
        "hit 3/4",
        "edge 2/4",
        "form 2/2",
        "Where does the state live?",
        "Rewriting needs a model.",
        "where the state lives",
        "2 left",
    ):
        assert mark in page
    assert "Checklist" in page
    assert "Provisional." in page


def test_the_coach_is_heard_while_it_speaks(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2})
    with world.database.write() as session:
        coaching.say(session, session.scalars(select(Job.id)).one(), "Right cause. Where ", begins=True)
    page = ada.get("steps/warm-up").text
    address = re.search(r'data-coach="([^"]+)"', page)
    assert address is not None
    assert "Right cause. Where " in page
    assert ada.client.get(address.group(1)).json == {"why": "Right cause. Where ", "running": True}


def test_a_rewrite_is_shown_beside_what_was_sent_and_what_follows_is_practice(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2})
    coach_says(world, why="Right cause.", rewrite=TAKE.replace("The ", "A "))
    page = " ".join(ada.get("steps/warm-up").text.split())
    assert "Right cause." in page
    assert re.search(r"<del>.*?The.*?</del> <ins>.*?A.*?</ins>", page)
    assert "You have seen a rewrite: further takes are practice." in page
    assert "data-coach" not in page


def test_on_a_miss_there_is_a_question_and_no_rewrite(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": 1, "edge": 1, "form": 2})
    coach_says(world, why="Only a symptom.", question="What was lost with it?", withheld="idea")
    page = ada.get("steps/warm-up").text
    assert "What was lost with it?" in page
    assert "<ins>" not in page


def test_a_coach_that_is_out_costs_no_answer(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2})
    with world.database.write() as session:
        coaching.is_out(session, session.scalars(select(Job.id)).one())
    page = ada.get("steps/warm-up").text
    assert "The coach is out. Your answer is saved and will be scored." in page
    assert '<p class="big">7<span>/10</span>' in " ".join(page.split())


def test_the_coach_of_another_learner_is_not_found(ada, world, sign_in) -> None:
    judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2})
    page = ada.get("steps/warm-up").text
    public_id = re.search(r"submissions/([\w-]+)/coach", page).group(1)
    assert ada.get(f"submissions/{public_id}/coach").status_code == 200
    assert sign_in(BO).get(f"submissions/{public_id}/coach").status_code == 404


def test_a_take_without_a_level_is_not_a_zero(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": None, "edge": 2, "form": 2})
    page = ada.get("steps/warm-up").text
    assert "Hit is not scored: its quote does not stand in the text." in page
    assert "/10" not in page


def test_a_take_that_is_too_long_is_kept_in_its_box(ada) -> None:
    long = "word " * 70
    answer = ada.post("items/q1/send", {"text": long})
    assert answer.status_code == 422
    assert "Cut the hedge." in answer.text
    assert long.strip() in answer.text


# ---- the pitch -----------------------------------------------------------------------------------------------


def test_a_draft_is_saved_for_a_script_and_for_a_form(ada, world) -> None:
    headers = {"Accept": "application/json", "X-Form-Token": ada.seal()}
    saved = ada.client.post(ada.url("items/essay/draft"), data={"text": "One."}, headers=headers)
    assert set(saved.json) == {"saved_at", "draft", "other_saved_at"}
    assert ada.post("items/essay/draft", {"text": "One. Two."}).status_code == 303
    page = ada.get("items/essay")
    assert text_box(page) == "One. Two."
    assert "2 / 500" in page.text
    assert "398 to the floor." in page.text


def test_an_older_draft_comes_back_as_a_new_one(ada, world) -> None:
    with world.database.write() as session:
        link, essay = world.placement(session), current_lesson(session, "durable-workflows").lesson.item("essay")
        first = save_draft(session, link, world.ada_id, essay, "The first.").id
        save_draft(session, link, world.ada_id, essay, "The second.")
    ada.post("items/essay/restore", {"draft": str(first)})
    with world.database.read() as session:
        kept = drafts(session, world.placement(session), world.ada_id, "essay")
        assert [draft.text for draft in kept] == ["The first.", "The second.", "The first."]


@pytest.mark.parametrize("path", ["items/essay/restore", "items/essay/send"])
def test_another_learners_draft_is_unknown(sign_in, ada, world, path: str) -> None:
    ada.post("items/essay/draft", {"text": "Mine."})
    with world.database.read() as session:
        mine = session.scalars(select(Draft.id)).one()
    assert sign_in(BO).post(path, {"draft": str(mine)}).status_code == 404


@pytest.mark.parametrize("number", ["9" * 30, "-1", "x", ""])
def test_a_draft_that_cannot_be_is_unknown(ada, number: str) -> None:
    ada.post("items/essay/draft", {"text": "Mine."})
    assert ada.post("items/essay/restore", {"draft": number}).status_code == 404


def test_judging_is_asked_about_first_and_then_uses_an_attempt(ada, world, sample_texts) -> None:
    asked = ada.post("items/essay/confirm", {"text": sample_texts["essay"]})
    assert asked.location.endswith("/items/essay/confirm")
    page = ada.get("items/essay/confirm").text
    assert "This uses attempt 1 of 3. The judge reads it once." in page
    draft = re.search(r'name="draft" value="(\d+)"', page)
    assert draft
    sent = ada.post("items/essay/send", {"draft": draft.group(1)})
    assert sent.status_code == 303
    with world.database.read() as session:
        row = session.scalars(select(Submission)).one()
        assert (row.text, row.attempt) == (sample_texts["essay"].replace("\r\n", "\n"), 1)
    assert "This uses attempt 2 of 3." in ada.get("items/essay").text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Far too short.", "short of the 250"),
        ("word " * 900, "over the 800"),
        ("x" * 60_000, "The desk holds"),
        ("x" * 1_500_000, "The desk holds"),
        ("bytes \x00 here", "not text"),
    ],
)
def test_a_text_that_cannot_be_sent_stays_in_the_box(ada, text: str, sentence: str) -> None:
    answer = ada.post("items/essay/send", {"text": text})
    assert answer.status_code == 422
    assert sentence in answer.text
    assert text_box(answer) == text
    assert 'aria-invalid="true"' in answer.text


def test_with_every_attempt_used_the_text_is_still_saved(ada, world, sample_texts) -> None:
    for end in ("One.", "Two.", "Three."):
        send(world, "essay", f"{sample_texts['essay']} {end}")
    assert "judge</button>" not in ada.get("items/essay").text
    answer = ada.post("items/essay/send", {"text": f"{sample_texts['essay']} Four."})
    assert answer.status_code == 422
    assert "Every attempt is used." in answer.text
    assert text_box(ada.get("items/essay")).endswith("Four.")


def test_what_is_written_is_never_obeyed(ada, sample_texts) -> None:
    text = f"</textarea>{NASTY} {sample_texts['essay']}"
    ada.post("items/essay/draft", {"text": text})
    for path in ("items/essay", "items/essay/confirm"):
        assert NASTY not in ada.get(path).text
    assert text_box(ada.get("items/essay")) == text


def test_a_save_over_another_windows_draft_says_so_and_loses_neither(ada, world) -> None:
    first = ada.post("items/essay/draft", {"text": "From the first window.", "base": ""})
    seen = ada.client.post(
        ada.url("items/essay/draft"),
        data={"form_token": ada.seal(), "text": "From the first window, more."},
        headers={"Accept": "application/json"},
    ).json["draft"]
    over = ada.post("items/essay/draft", {"text": "From the second window.", "base": str(seen - 1)})
    assert f"other={seen}" in over.location
    page = ada.client.get(over.location).text
    assert "Another window saved this at" in page
    assert text_box(ada.get("items/essay")) == "From the second window."
    assert "From the first window, more." in page
    assert "other=" not in first.location


def test_the_path_says_how_far_one_was(ada) -> None:
    ada.get("items/essay")
    ada.post("items/essay/draft", {"text": "Four words of it."})
    page = ada.get("path").text
    assert re.search(r"Last here <time[^>]*>[^<]+</time>, 05 The drill, 4 words\.", page)
    ada.get("steps/vocabulary?card=checkpoint")
    assert "03 Vocabulary, card 3." in ada.get("path").text

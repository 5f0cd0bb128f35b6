"""What a student sees and does, page by page, without script."""

import json
import re
from html import unescape

import pytest
from sqlalchemy import select

from lti_tool import jobs
from lti_tool.attempts import drafts, save_draft, submit
from lti_tool.lessons import current_lesson, progress, rubric_of, store_lesson
from lti_tool.models import Draft, Job, Launch, Passback, Submission
from lti_tool.results import newest_judgement
from lti_tool.reviews import Decision, release
from rubrics.drawing import check_drawing, parse_drawing
from seeds.load import read_lesson, read_rubrics
from tests.conftest import TINY_LESSON
from tests.lti_tool.judged import judge_as
from tests.lti_tool.web.conftest import Browser

ADA, BO, INES, TINY = "launch-ada-01", "launch-bo-01", "launch-ines-01", "launch-tiny"
NASTY = "<script>alert(1)</script>"
LEVELS = {"claim": 2, "failure_story": 3, "retry": 4, "checkpoint": 1, "human_gate": 0, "tradeoffs": 3, "economy": 3}
TAKE = "The function times out mid-run and all in-memory state is lost, so you have to start over."


@pytest.fixture
def ada(sign_in) -> Browser:
    return sign_in(ADA)


@pytest.fixture
def tiny(sign_in, world) -> Browser:
    """Ada in the tiny lesson, which has two terms, one question and no diagram."""
    with world.database.write() as session:
        launch = {"registration_id": world.registration_id, "person_id": world.ada_id, "role": "student"}
        session.add(Launch(id=TINY, resource_link_id=world.tiny_link_id, locale="ar", **launch))
    return sign_in(TINY)


def send(world, item_id: str, text: str) -> str:
    with world.database.write() as session:
        return submit(session, world.placement(session), world.ada_id, item_id, text).public_id


def judged(world, item_id: str, text: str, levels: dict[str, int | None], **said) -> str:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, item_id, text)
        judge_as(session, sent, levels, **said)
        return sent.public_id


def released(world, public_id: str, **changed: Decision) -> None:
    with world.database.write() as session:
        sent = session.scalars(select(Submission).where(Submission.public_id == public_id)).one()
        levels = {criterion.id: 3 for criterion in rubric_of(sent).criteria}
        decisions = {key: Decision(level, "other", "as read") for key, level in levels.items()} | changed
        seen = judge_seen(session, sent)
        release(session, world.placement(session), sent, world.ines_id, decisions, seen)


def judge_seen(session, sent: Submission) -> int | None:
    judgement = newest_judgement(session, sent)
    return judgement.id if judgement else None


def page_name(answer) -> str | None:
    found = re.search(r'<main[^>]* data-page="([^"]+)"', answer.text)
    return found.group(1) if found else None


def text_box(answer) -> str:
    """What stands in the page's box, as a browser reads it."""
    found = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", answer.text, re.DOTALL)
    assert found
    return unescape(found.group(1))


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
    assert 'data-locale="ar"' in answer.text


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
    assert "Last here: 02 Reference." in page
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
    assert "02 · 2 mastered" in tiny.get("steps/words").text


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


def test_the_reply_shows_marks_total_one_line_and_whose_it_is(ada, world) -> None:
    judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2}, comment="Where does the state live?")
    page = " ".join(ada.get("steps/warm-up").text.split())
    assert '<p class="big">7<span>/10</span>' in page
    for mark in ("hit 3/4", "edge 2/4", "form 2/2", "Where does the state live?", "Rewriting needs a model.", "2 left"):
        assert mark in page
    assert "Checklist" in page
    assert "Provisional." in page


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
    assert set(saved.json) == {"saved_at"}
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


# ---- the drawing ---------------------------------------------------------------------------------------------


def draw(browser: Browser, do: str, **form: str):
    return browser.post("items/drawing/draw", {"do": do, **form})


def drawn(world) -> dict:
    with world.database.read() as session:
        kept = drafts(session, world.placement(session), world.ada_id, "drawing", limit=1)
        return json.loads(kept[0].text)


def test_a_drawing_is_built_by_plain_forms_alone(ada, world) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": "append event"})
    draw(ada, "connect", **{"from": "n2", "to": "n1", "says": ""})
    draw(ada, "save", dies="n1", note="Steps 1 to 13.")
    draw(ada, "recover", dies="n1", note="Steps 1 to 13.", recovers="e1")
    draw(ada, "recover", recovers="e2")
    draw(ada, "earlier:e2")
    assert drawn(world) == {
        "schema": "atelier.diagram/1",
        "nodes": [
            {"id": "n1", "kind": "runtime", "label": "Durable runtime"},
            {"id": "n2", "kind": "history", "label": "Run history"},
        ],
        "edges": [
            {"id": "e1", "from": "n1", "to": "n2", "label": "append event"},
            {"id": "e2", "from": "n2", "to": "n1", "label": ""},
        ],
        "crash": {"at": "n1", "recovery": ["e2", "e1"]},
        "note": "Steps 1 to 13.",
    }
    page = unescape(ada.get("items/drawing").text)
    assert "Edge 2 says nothing yet." in page
    assert "Remove edge 1, Durable runtime to Run history" in page


def test_removing_a_part_takes_its_edges_and_the_pin_along(ada, world) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": "append"})
    draw(ada, "recover", dies="n2", recovers="e1")
    draw(ada, "remove-part:n2", note="kept")
    left = drawn(world)
    assert [node["id"] for node in left["nodes"]] == ["n1"]
    assert (left["edges"], left.get("crash"), left["note"]) == ([], None, "kept")


def test_enter_in_the_label_connects(ada, world) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "enter", **{"from": "n1", "to": "n2", "says": "append"})
    assert [edge["label"] for edge in drawn(world)["edges"]] == ["append"]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"do": "connect", "from": "n1", "to": "n1", "says": "x"}, "two different parts"),
        ({"do": "connect", "from": "n1", "to": "n2", "says": NASTY * 2}, "at most 40 characters"),
        ({"do": "connect", "from": "n1", "to": "n77", "says": "x"}, "not in the drawing"),
        ({"do": "save", "note": "long " * 60}, "The note holds 280"),
        ({"do": "recover", "recovers": "e1"}, "Place the crash pin first"),
        ({"do": "add", "part": "teapot"}, "not in the list"),
    ],
)
def test_what_cannot_be_drawn_is_said_beside_the_form(ada, world, form: dict[str, str], sentence: str) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": "append"})
    before = drawn(world)
    answer = ada.post("items/drawing/draw", form)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert NASTY not in answer.text
    assert unescape(answer.text).count(form.get("says", form.get("note", "")).strip()) >= 1
    assert drawn(world) == before


def test_a_label_is_never_obeyed(ada) -> None:
    for kind in ("runtime", "history"):
        draw(ada, "add", part=kind)
    draw(ada, "connect", **{"from": "n1", "to": "n2", "says": NASTY})
    page = ada.get("items/drawing").text
    assert NASTY not in page
    assert NASTY in unescape(page)


def test_an_empty_drawing_is_not_sent(ada) -> None:
    answer = ada.post("items/drawing/send", {"text": '{"schema": "atelier.diagram/1"}'})
    assert answer.status_code == 422
    assert "Nothing drawn yet." in answer.text


def test_what_is_no_drawing_is_not_kept_over_one(ada, world) -> None:
    draw(ada, "add", part="runtime")
    assert ada.post("items/drawing/draft", {"text": "prose"}).status_code == 422
    assert len(drawn(world)["nodes"]) == 1


@pytest.mark.parametrize("path", ["draft", "confirm", "send"])
def test_a_form_without_its_text_changes_nothing(ada, world, path: str) -> None:
    ada.post("items/essay/draft", {"text": "Kept."})
    assert ada.post(f"items/essay/{path}").status_code == 400
    assert text_box(ada.get("items/essay")) == "Kept."


def test_a_drawing_is_sent_as_it_stands(ada, world) -> None:
    draw(ada, "add", part="runtime")
    assert draw(ada, "judge").location.endswith("/items/drawing/confirm")
    page = ada.get("items/drawing/confirm").text
    assert "Durable runtime is loose." in page
    draft = re.search(r'name="draft" value="(\d+)"', page)
    assert draft
    assert ada.post("items/drawing/send", {"draft": draft.group(1)}).status_code == 303
    with world.database.read() as session:
        assert parse_drawing(session.scalars(select(Submission.text)).one()).nodes[0].kind == "runtime"


def test_a_drawings_result_tells_ticks_and_gaps_in_words(ada, world, sample_texts) -> None:
    stored = json.loads(sample_texts["drawing"])
    stored["edges"] = [edge for edge in stored["edges"] if edge["id"] != "e3"]
    stored["crash"] = {"at": "n5", "recovery": ["e4"]}
    text = json.dumps(stored)
    checks = check_drawing(parse_drawing(text)).model_dump(mode="json")
    public_id = judged(world, "drawing", text, {"labels": 3, "crash": 2, "economy": 4}, graph_checks=checks)
    released(world, public_id)
    page = unescape(ada.get(f"submissions/{public_id}").text)
    assert "no Run history → Durable runtime" in page
    assert "0 of 5" in page
    assert "gap: " in page
    assert page.index("gap: ") < page.index("met: ")


# ---- judging -------------------------------------------------------------------------------------------------


@pytest.fixture
def running(world, sample_texts) -> tuple[str, int]:
    """Ada's essay on the judge's desk: its public id and its job."""
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        job = session.scalars(select(Job).where(Job.submission_id == sent.id)).one()
        job.state = "running"
        jobs.add_event(session, job.id, "reading", words=512)
        for done, criterion in enumerate(("claim", "failure_story"), 1):
            jobs.add_event(session, job.id, "judging", criterion=criterion, title=criterion, done=done, of=7)
        return sent.public_id, job.id


def test_the_log_tells_how_far_judging_is(ada, running) -> None:
    public_id, _ = running
    answer = ada.client.get(ada.url(f"submissions/{public_id}"), follow_redirects=True)
    assert page_name(answer) == "lesson-judging"
    page = " ".join(unescape(answer.text).split())
    for words in ("Judging 3 of 7", "512 words, in range", "Close this if you like; it keeps going.", "look again"):
        assert words in page
    assert page.count('[x]</span><span class="vh">done: </span><span>') == 2


def test_a_break_is_told_and_costs_nothing(ada, world, running) -> None:
    public_id, job_id = running
    with world.database.write() as session:
        jobs.add_event(session, job_id, "resumed", at="judging 2 of 7")
    page = unescape(ada.get(f"submissions/{public_id}/judging").text)
    assert "It broke at “judging 2 of 7” and resumed there. Nothing lost, no attempt used." in page


def test_a_script_asks_only_for_what_is_new(ada, world, running) -> None:
    public_id, job_id = running
    first = ada.get(f"submissions/{public_id}/stages").json
    assert [stage["stage"] for stage in first["stages"]] == ["received", "reading", "judging", "judging"]
    assert (first["running"], first["result"], first["say"]) == (True, None, "Judging")
    quiet = ada.get(f"submissions/{public_id}/stages?after={first['last']}").json
    assert quiet["stages"] == []
    assert "html" not in quiet
    with world.database.write() as session:
        jobs.add_event(session, job_id, "scoring", levels={"claim": 4}, points=100)
    news = ada.get(f"submissions/{public_id}/stages?after={first['last']}").json
    assert [stage["stage"] for stage in news["stages"]] == ["scoring"]
    assert news["stages"][0]["detail"] == {}


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "%00"])
def test_a_strange_place_in_the_log_is_the_beginning(ada, running, after: str) -> None:
    answer = ada.get(f"submissions/{running[0]}/stages?after={after}")
    assert answer.status_code == 200
    assert len(answer.json["stages"]) == 4


def test_judged_and_held_shows_no_number_anywhere(ada, world, sample_texts) -> None:
    public_id = judged(world, "essay", sample_texts["essay"], LEVELS, comment="A comment nobody sees yet")
    answer = ada.get(f"submissions/{public_id}")
    assert answer.location.endswith("/judging")
    stages = ada.get(f"submissions/{public_id}/stages")
    exported = ada.get(f"submissions/{public_id}/export.json")
    page = ada.get(f"submissions/{public_id}/judging")
    assert "Judged. A person looks at it next." in page.text
    assert (stages.json["running"], stages.json["result"], exported.json["sheet"]) == (False, None, None)
    for said in (page.text, stages.text, exported.text):
        assert "/ 100" not in said
        assert "A comment nobody sees yet" not in said


@pytest.mark.parametrize("path", ["", "/judging", "/stages", "/export.json"])
def test_another_learners_submission_is_unknown(sign_in, running, path: str) -> None:
    assert sign_in(BO).get(f"submissions/{running[0]}{path}").status_code == 404


# ---- the result ----------------------------------------------------------------------------------------------


def test_a_released_sheet_shows_the_weakest_row_first_with_its_quote(ada, world, sample_texts) -> None:
    quote = "Take one run."
    public_id = judged(
        world, "essay", sample_texts["essay"], LEVELS, quotes={"failure_story": quote}, flags=("same_text",)
    )
    released(world, public_id, human_gate=Decision(1, "missed_evidence", f"It is there. {NASTY}"))
    page = unescape(ada.get(f"submissions/{public_id}").text)
    order = re.findall(r'<article class="crit" id="c(\d)"', page)
    assert order[0] == "5"
    assert '<mark class="h2" id="q2"><a class="tag h2" href="#c2" aria-label="Highlight 2: Failure story">2</a>' in page
    assert 'href="#q2" aria-label="See highlight 2 in your text"' in page
    assert "changed 0 → 1" in page
    assert "It is there." in page
    assert "a 2 needs" in page
    assert "Confirmed by your instructor" in page
    assert "same_text" not in page
    assert NASTY not in ada.get(f"submissions/{public_id}").text
    in_order = ada.get(f"submissions/{public_id}?order=rubric").text
    assert re.findall(r'<article class="crit" id="c(\d)"', in_order) == list("1234567")


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        (Decision(1, "missed_evidence"), "missed evidence"),
        (Decision(1, "missed_evidence", "See line two."), "missed evidence: See line two."),
        (Decision(1, "other", "See line two."), "See line two."),
        (Decision(1, None, "See line two."), "See line two."),
    ],
)
def test_a_changed_level_says_why_in_words(ada, world, sample_texts, decision: Decision, said: str) -> None:
    public_id = judged(world, "essay", sample_texts["essay"], LEVELS)
    released(world, public_id, human_gate=decision)
    page = unescape(ada.get(f"submissions/{public_id}").text)
    assert f"<strong>Your instructor changed 0 → 1</strong>: {said}</p>" in page
    assert "missed_evidence" not in page


def test_the_number_is_the_sheets_own(ada, world, sample_texts) -> None:
    public_id = judged(world, "essay", sample_texts["essay"], LEVELS)
    released(world, public_id)
    assert '<p class="score">75<span> / 100</span></p>' in ada.get(f"submissions/{public_id}").text


def test_an_unscored_row_says_why_and_is_no_zero(ada, world) -> None:
    public_id = judged(world, "q1", TAKE, {"hit": None, "edge": 2, "form": 2})
    page = unescape(ada.get(f"submissions/{public_id}").text)
    assert "1 of 3 rows not scored yet." in page
    assert "Not scored: its quote does not stand in the text." in page
    assert "/ 100" not in page


def test_a_practice_sheet_says_that_it_is_practice(ada, world) -> None:
    public_id = judged(world, "q1", TAKE, {"hit": 3, "edge": 2, "form": 2})
    page = ada.get(f"submissions/{public_id}").text
    assert "Scored by a checklist, rubric v1. Not yet seen by your instructor. Practice until it is released." in page


def test_attempts_are_compared(ada, world, sample_texts) -> None:
    first = judged(world, "essay", sample_texts["essay"], LEVELS)
    second = judged(world, "essay", sample_texts["essay"] + " More.", LEVELS)
    released(world, first)
    released(world, second, claim=Decision(4, "other", "better"))
    page = unescape(ada.get(f"submissions/{second}").text)
    assert "75 / 100 · since then Claim 3 → 4" in page


def test_the_export_holds_ones_own_text_and_sheet_and_no_flags(ada, world, sample_texts) -> None:
    public_id = judged(world, "essay", sample_texts["essay"], LEVELS, flags=("same_text", "addresses_judge"))
    released(world, public_id)
    answer = ada.get(f"submissions/{public_id}/export.json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.json["text"] == sample_texts["essay"]
    assert answer.json["sheet"]["points"] == 75
    assert "same_text" not in answer.text


@pytest.mark.parametrize(("family", "told"), [("canvas", 1), ("moodle", 0), (None, 0)])
def test_handed_in_work_is_told_only_where_that_erases_no_grade(ada, world, sample_texts, family, told) -> None:
    with world.database.write() as session:
        world.placement(session).platform_family = family
    for text in (sample_texts["q1"], sample_texts["q1"] + " Twice."):
        ada.post("items/q1/send", {"text": text[:320]})
    with world.database.read() as session:
        messages = session.scalars(select(Passback)).all()
        assert [message.kind for message in messages] == ["submitted"] * told
        assert all("scoreGiven" not in message.body for message in messages)

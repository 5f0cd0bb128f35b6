"""The instructor writes: the grid of a rubric, the texts of a lesson, files, publishing, and trying it out."""

import re
from html import unescape
from io import BytesIO

import pytest
from sqlalchemy import select

from lti_tool import editions
from lti_tool.lessons import lesson_here, rubric_for
from lti_tool.models import CourseEdition, EditionDraft, ResourceLink, Submission
from lti_tool.review_queue import queue
from rubrics.model import load_rubric
from tests.lti_tool.door import error_code
from tests.lti_tool.judged import all_at, judge_as
from tests.lti_tool.web.ada import page_name

SLUG = "durable-workflows"
ESSAY = "durable-workflows-essay"
EDITOR = f"lessons/{SLUG}/rubrics/{ESSAY}"


def fields(page: str) -> dict[str, str]:
    """The form's fields as a browser would send them back unchanged."""
    found = dict(re.findall(r'<input type="(?:text|number|hidden)"[^>]*? name="([^"]+)"[^>]*? value="([^"]*)"', page))
    for name, text in re.findall(r'<textarea[^>]*? name="([^"]+)"[^>]*>(.*?)</textarea>', page, re.S):
        found[name] = text
    found.pop("form_token", None)
    return {name: unescape(value) for name, value in found.items()}


def essay_rubric(world):
    with world.database.read() as session:
        return rubric_for(session, lesson_here(session, world.placement(session)).version, ESSAY)[1]


def draft_of(world, name: str = ESSAY):
    with world.database.read() as session:
        return session.scalar(select(EditionDraft).where(EditionDraft.rubric_id == name))


def test_a_form_sent_back_unchanged_is_the_same_rubric(world, ines) -> None:
    form = fields(ines.get(EDITOR).text)
    assert ines.post(EDITOR, {**form, "do": "save"}).status_code == 303
    with world.database.read() as session:
        found = editions.edition(session, SLUG, world.placement(session).context_id)
        assert editions.draft_faults(found) == []
        assert editions.rubric_changes(found) == {}


def test_changed_words_are_shown_before_they_are_published_and_after_to_students(world, ines, ada) -> None:
    form = fields(ines.get(EDITOR).text)
    ines.post(EDITOR, {**form, "c0-title": "Thesis & <b>aim</b>", "do": "save"})
    overview = ines.get(f"lessons/{SLUG}")
    assert "<del>Claim</del>" in overview.text
    assert "<ins>Thesis &amp; &lt;b&gt;aim&lt;/b&gt;</ins>" in overview.text
    assert "Thesis" not in ada.get("items/essay").text

    mark = re.search(r'name="drafts" value="([^"]+)"', overview.text)[1]
    assert ines.post(f"lessons/{SLUG}/publish", {"drafts": mark}).status_code == 303

    assert essay_rubric(world).criteria[0].title == "Thesis & <b>aim</b>"
    assert "Thesis &amp; &lt;b&gt;aim&lt;/b&gt;" in ada.get("items/essay").text


def test_what_the_page_did_not_show_is_not_published(world, ines, sign_in) -> None:
    form = fields(ines.get(EDITOR).text)
    ines.post(EDITOR, {**form, "title": "One", "do": "save"})
    mark = re.search(r'name="drafts" value="([^"]+)"', ines.get(f"lessons/{SLUG}").text)[1]
    tom = sign_in("launch-tom-01")
    tom.post(EDITOR, {**fields(tom.get(EDITOR).text), "title": "Two", "do": "save"})

    answer = ines.post(f"lessons/{SLUG}/publish", {"drafts": mark})

    assert answer.status_code == 422
    assert "The drafts changed meanwhile" in answer.text
    assert essay_rubric(world).title == "The pitch"


def test_weights_that_do_not_sum_are_kept_and_told_and_not_published(world, ines) -> None:
    form = fields(ines.get(EDITOR).text)
    ines.post(EDITOR, {**form, "c0-weight": "ten", "c1-weight": "21", "do": "save"})
    page = ines.get(EDITOR).text
    assert 'value="ten"' in page
    assert "weight: " in page
    overview = ines.get(f"lessons/{SLUG}").text
    assert "to mend before it can be published" in overview
    assert ines.post(f"lessons/{SLUG}/publish", {"drafts": f"{ESSAY}:1"}).status_code == 422


@pytest.mark.parametrize(
    ("do", "ids", "levels"),
    [
        (
            "add",
            ["claim", "failure_story", "retry", "checkpoint", "human_gate", "tradeoffs", "economy", "criterion_1"],
            5,
        ),
        ("remove:0", ["failure_story", "retry", "checkpoint", "human_gate", "tradeoffs", "economy"], 5),
        ("up:1", ["failure_story", "claim", "retry", "checkpoint", "human_gate", "tradeoffs", "economy"], 5),
        ("more:0", ["claim", "failure_story", "retry", "checkpoint", "human_gate", "tradeoffs", "economy"], 6),
        ("fewer:0", ["claim", "failure_story", "retry", "checkpoint", "human_gate", "tradeoffs", "economy"], 4),
        ("remove:99", ["claim", "failure_story", "retry", "checkpoint", "human_gate", "tradeoffs", "economy"], 5),
    ],
)
def test_rows_and_levels_come_and_go(world, ines, do, ids, levels) -> None:
    form = fields(ines.get(EDITOR).text)
    assert ines.post(EDITOR, {**form, "do": do}).status_code == 303
    content = draft_of(world).content
    assert [row["id"] for row in content["criteria"]] == ids
    assert len(content["criteria"][0]["levels"]) == levels
    assert ines.get(EDITOR).status_code == 200


def test_two_who_write_at_once_lose_nothing(world, ines, sign_in) -> None:
    form, tom = fields(ines.get(EDITOR).text), sign_in("launch-tom-01")
    tom.post(EDITOR, {**form, "title": "Theirs", "do": "save"})

    answer = ines.post(EDITOR, {**form, "title": "Mine <i>", "do": "save"})

    assert answer.status_code == 409
    assert 'value="Mine &lt;i&gt;"' in answer.text
    assert draft_of(world).content["title"] == "Theirs"
    again = fields(answer.text)
    assert ines.post(EDITOR, {**again, "do": "save"}).status_code == 303
    assert draft_of(world).content["title"] == "Mine <i>"


def test_texts_of_a_step_and_a_question(world, ines, ada) -> None:
    for path, name, words in (
        (f"lessons/{SLUG}/parts/steps/vocabulary", "terms[0].definition", "A thing done once."),
        (f"lessons/{SLUG}/parts/items/essay", "prompt", "Write it.\n\nIn *two* paragraphs."),
    ):
        form = fields(ines.get(path).text)
        assert name in form
        assert ines.post(path, {**form, name: words, "do": "save"}).status_code == 303
    ines.post(f"lessons/{SLUG}/publish", {"drafts": ":2"})
    assert "A thing done once." in ada.get("steps/vocabulary").text
    assert (
        "In <em>two</em> paragraphs." in ada.get("items/essay").text
        or "In *two* paragraphs." in ada.get("items/essay").text
    )


def test_terms_come_and_go(world, ines) -> None:
    path = f"lessons/{SLUG}/parts/steps/vocabulary"
    ines.post(path, {**fields(ines.get(path).text), "do": "add:terms"})
    assert "is empty" in ines.get(path).text or "should have at least" in ines.get(path).text
    ines.post(path, {**fields(ines.get(path).text), "do": "remove:terms[8]"})
    ines.post(path, {**fields(ines.get(path).text), "do": "remove:terms[0]"})
    steps = draft_of(world, "").content["steps"]
    terms = next(step for step in steps if step["id"] == "vocabulary")["terms"]
    assert len(terms) == 7


def test_a_file_comes_back_as_it_went(world, ines) -> None:
    for name in ("lesson.yaml", f"rubrics/{ESSAY}.yaml"):
        file = ines.get(f"lessons/{SLUG}/{name}")
        assert "attachment" in file.headers["Content-Disposition"]
        form = {"form_token": ines.seal(), "file": (BytesIO(file.data), "sent.yaml")}
        sent = ines.client.post(ines.url(f"lessons/{SLUG}/import"), data=form, content_type="multipart/form-data")
        assert sent.location.endswith("said=saved")
    with world.database.read() as session:
        found = editions.edition(session, SLUG, world.placement(session).context_id)
        assert editions.draft_faults(found) == []
        rubrics, _ = editions.draft_rubrics(found)
        assert rubrics[ESSAY].content_hash == load_rubric(ESSAY).content_hash
        assert editions.draft_version(session, found).id == found.published.version.id


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("a: [", "is not YAML"),
        ("- 1", "has no keys"),
        ("slug: other", "is the lesson"),
        ("id: other-rubric", "is neither this lesson"),
        ("id: &a x\nb: *a", "aliases are not allowed"),
    ],
)
def test_a_file_that_cannot_be_used_gets_a_sentence_and_is_kept(ines, text, says) -> None:
    answer = ines.post(f"lessons/{SLUG}/import", {"text": text})
    assert answer.status_code == 422
    assert says in answer.text.replace("&#39;", "'")
    assert draft_text(answer.text) == text


def draft_text(page: str) -> str:
    return re.search(r'<textarea class="mono" id="text"[^>]*>(.*?)</textarea>', page, re.S)[1].replace("&amp;", "&")


def test_back_to_the_shared_version(world, ines) -> None:
    form = fields(ines.get(EDITOR).text)
    ines.post(EDITOR, {**form, "title": "One", "do": "save"})
    ines.post(f"lessons/{SLUG}/publish", {"drafts": f"{ESSAY}:1"})
    assert "show the shared version again" in ines.get(f"lessons/{SLUG}").text
    ines.post(f"lessons/{SLUG}/shared")
    assert essay_rubric(world).title == "The pitch"


def test_a_copy_is_a_lesson_of_this_course(world, ines) -> None:
    answer = ines.post(f"lessons/{SLUG}/copy", {"title": "Durable Workflows, for nurses"})
    assert answer.location.endswith("durable-workflows-for-nurses?said=copied")
    assert "for nurses" in ines.get("lessons").text
    assert ines.post(f"lessons/{SLUG}/copy", {"title": "Durable workflows"}).status_code == 422
    assert ines.post(f"lessons/{SLUG}/copy", {"title": "!!"}).status_code == 422


@pytest.mark.parametrize(
    "path",
    ["lessons/no-such", f"lessons/{SLUG}/rubrics/x", f"lessons/{SLUG}/parts/steps/x", f"lessons/{SLUG}/parts/slug/x"],
)
def test_what_is_not_there_is_not_found(ines, path) -> None:
    assert ines.get(path).status_code == 404


# ---- trying it out -------------------------------------------------------------------------------------------


def rehearsal_of(world) -> ResourceLink:
    with world.database.read() as session:
        return session.scalars(select(ResourceLink).where(ResourceLink.rehearsal)).one()


def test_the_draft_is_seen_as_a_student_and_by_nobody_else(world, ines, sign_in) -> None:
    form = fields(ines.get(EDITOR).text)
    ines.post(EDITOR, {**form, "c0-title": "Thesis", "do": "save"})

    answer = ines.post(f"lessons/{SLUG}/preview")
    page = ines.client.get(answer.location)
    shown = re.search(r'src="(/l/[^"]+/)"', page.text)[1]
    essay = ines.client.get(f"{shown}items/essay")

    assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    assert page_name(essay).startswith("lesson")
    assert "Thesis" in essay.text
    assert (
        sign_in("launch-tom-01").client.get(answer.location.replace("launch-ines-01", "launch-tom-01")).status_code
        == 404
    )
    assert error_code(sign_in("launch-tom-01").client.get(f"{shown}items/essay")) == "launch_expired"


def test_a_tried_answer_shows_its_levels_beside_those_expected_and_counts_for_nobody(world, ines, sample_texts) -> None:
    answer = ines.post(f"lessons/{SLUG}/try", {"item": "essay", "text": sample_texts["essay"]})
    assert 'data-running="1"' in ines.client.get(answer.location).text
    with world.database.write() as session:
        sent = session.scalars(select(Submission)).one()
        judge_as(session, sent, all_at(sent, 3))
        assert queue(session, world.placement(session)) == []

    page = ines.client.get(answer.location).text

    assert "data-running" not in page
    assert page.count("3 / 4") >= 7
    assert rehearsal_of(world).line_items_url is None


def test_an_answer_that_cannot_be_sent_gets_its_sentence_and_stays(ines) -> None:
    answer = ines.post(f"lessons/{SLUG}/try", {"item": "essay", "text": "Too short."})
    assert answer.status_code == 422
    assert "Too short." in answer.text
    assert ines.post(f"lessons/{SLUG}/try", {"item": "no-such", "text": "x"}).status_code == 404


def test_a_rehearsal_never_shows_another_instructors_trial(ines, sign_in, sample_texts) -> None:
    answer = ines.post(f"lessons/{SLUG}/try", {"item": "essay", "text": sample_texts["essay"]})
    theirs = answer.location.replace("launch-ines-01", "launch-tom-01")
    assert sign_in("launch-tom-01").client.get(theirs).status_code == 404


def test_pages_are_for_instructors_and_forms_are_sealed(world, ines, ada) -> None:
    for path in ("lessons", f"lessons/{SLUG}", EDITOR, f"lessons/{SLUG}/try", f"lessons/{SLUG}/lesson.yaml"):
        assert ada.get(path).status_code == 403, path
    for path in (EDITOR, f"lessons/{SLUG}/publish", f"lessons/{SLUG}/shared", f"lessons/{SLUG}/preview"):
        assert ines.client.post(ines.url(path)).status_code == 403, path
    with world.database.read() as session:
        assert session.scalars(select(CourseEdition)).all() == []

"""What an instructor sees and decides, page by page."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from sqlalchemy import select, update

from lti_tool.attempts import submit
from lti_tool.lessons import rubric_of
from lti_tool.models import Person, Submission
from tests.lti_tool.judged import judge_as, releases

INES, TOM, ADA = "launch-ines-01", "launch-tom-01", "launch-ada-01"
NASTY = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Sent:
    """A judged submission as a test speaks of it: where it is, its sheet's id, every criterion at 3 (or its top)."""

    id: int
    public_id: str
    seen: int
    levels: dict[str, int]

    @property
    def page(self) -> str:
        """The path of its review."""
        return f"review/{self.public_id}"

    def form(self, **changed: int | str | None) -> dict[str, str]:
        """The form with every criterion at 3, some levels changed or (None) left out, and further fields."""
        chosen = {**self.levels, **{key: value for key, value in changed.items() if key in self.levels}}
        fields = {key.replace("__", "-"): str(value) for key, value in changed.items() if key not in self.levels}
        levels = {f"level-{key}": str(level) for key, level in chosen.items() if level is not None}
        return {"seen": str(self.seen), **levels, **fields}


def levels_of(submission: Submission, level: int) -> dict[str, int]:
    return {criterion.id: min(level, criterion.top) for criterion in rubric_of(submission).criteria}


def send(
    world, person_id: int, item_id: str, text: str, levels: Mapping[str, int | None] | None = None, **said
) -> Sent:
    """Send a text and have it judged: every criterion at 3, except those that `levels` names."""
    with world.database.write() as session:
        sent = submit(session, world.placement(session), person_id, item_id, text)
        at_three = levels_of(sent, 3)
        judgement = judge_as(session, sent, {**at_three, **(levels or {})}, **said)
        return Sent(sent.id, sent.public_id, judgement.id, at_three)


@pytest.fixture
def essay(world, sample_texts) -> Sent:
    """Ada's essay with every criterion at 3, waiting for a person."""
    return send(world, world.ada_id, "essay", sample_texts["essay"])


# ---- who may open them ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["queue", "scores", "scores/table", "queue/help", "review/anything"])
def test_a_students_session_is_refused(sign_in, path: str) -> None:
    page = sign_in(ADA).get(path)
    assert page.status_code == 403
    assert 'data-error-code="wrong_role"' in page.text


def test_a_student_cannot_release_anything(sign_in, world, essay) -> None:
    refused = sign_in(ADA).post(essay.page, essay.form())
    assert refused.status_code == 403
    assert releases(world) == []


def test_a_form_without_its_seal_changes_nothing(sign_in, world, essay) -> None:
    browser = sign_in(INES)
    refused = browser.client.post(browser.url(essay.page), data=essay.form())
    assert refused.status_code == 403
    assert releases(world) == []


def test_another_placements_submission_is_not_here(sign_in, world) -> None:
    with world.database.write() as session:
        text = "A stored response may answer while it is fresh; then the cache must ask the origin whether " * 2
        other = submit(session, world.tiny(session), world.ada_id, "answer", text)
        judge_as(session, other, levels_of(other, 2))
    browser = sign_in(INES)
    assert browser.get(f"review/{other.public_id}").status_code == 404
    form = {"level-rule": "2", "level-question": "2"}
    assert browser.post(f"review/{other.public_id}", form).status_code == 404
    assert browser.post(f"review/{other.public_id}/change", {**form, "reason": "why"}).status_code == 404
    assert other.public_id not in browser.get("queue?tab=all").text
    assert "problem=none" in browser.post("queue/bulk", {"action": "release", "pick": f"{other.public_id}:1"}).location
    browser.post("queue/bulk/release", {"picks": f"{other.public_id}:1"})
    assert releases(world) == []


# ---- the queue -----------------------------------------------------------------------------------------------


def test_an_empty_queue_says_true_numbers(sign_in, world, essay) -> None:
    browser = sign_in(INES)
    browser.post(essay.page, essay.form())
    page = browser.get("queue").text
    assert "Nothing waits for you" in page
    assert "1 judged, 0 unsure." in page


def test_the_queue_says_who_waits_and_why(sign_in, essay) -> None:
    page = sign_in(INES).get("queue").text
    assert 'data-page="queue"' in page
    assert "1 waits for you" in page
    assert "ada-01" in page
    assert "provisional judge" in page
    assert ">75<" in page


def test_both_learners_with_the_same_text_are_named_in_the_queue_and_in_each_review(sign_in, world, essay) -> None:
    with world.database.write() as session:
        mine = session.scalars(select(Submission).where(Submission.item_id == "essay")).one()
        copied = submit(session, world.placement(session), world.bo_id, "essay", mine.text)
        judge_as(session, copied, levels_of(copied, 3), flags=("same_text",))
        theirs = copied.public_id
    browser = sign_in(INES)
    queue = browser.get("queue").text
    assert "ada-01 sent the same text" in queue
    assert "bo-01 sent the same text" in queue
    assert "<li>bo-01 sent the same text</li>" in browser.get(essay.page).text
    review = browser.get(f"review/{theirs}").text
    assert "<li>ada-01 sent the same text</li>" in review
    assert "another learner sent the same text" not in review
    assert "same text" not in sign_in("launch-bo-01").get(f"submissions/{theirs}").text


def test_names_are_shown_only_when_asked_for(sign_in, essay) -> None:
    browser = sign_in(INES)
    assert ">Ada<" not in browser.get("queue").text
    assert ">Ada<" in browser.get("queue?names=1").text


def test_the_queue_is_narrowed_by_question_and_words(sign_in, world, essay, sample_texts) -> None:
    send(world, world.bo_id, "q1", sample_texts["q1"])
    browser = sign_in(INES)
    both = browser.get("queue").text
    assert "ada-01" in both
    assert "bo-01" in both
    only_q1 = browser.get("queue?item=q1").text
    assert "ada-01" not in only_q1
    assert "bo-01" in only_q1
    assert "bo-01" not in browser.get("queue?q=ADA").text
    assert "Nothing matches" in browser.get("queue?q=nobody").text


# ---- one review ----------------------------------------------------------------------------------------------


def test_the_judges_levels_are_chosen_and_quotes_marked(sign_in, world, sample_texts) -> None:
    quote = sample_texts["essay"].split(". ")[1]
    essay = send(world, world.ada_id, "essay", sample_texts["essay"], {"claim": None}, quotes={"retry": quote})
    page = sign_in(INES).get(essay.page).text
    assert 'data-page="queue-review"' in page
    assert 'name="level-retry" value="3"' in page
    assert page.count("checked>") == 6  # seven criteria, one of them unscored
    assert "Not scored: its quote does not stand in the text." in page
    assert 'id="q3"' in page
    assert "Checklist, provisional" in page


def test_confirming_as_it_is_releases_and_opens_the_next(sign_in, world, essay, sample_texts) -> None:
    following = send(world, world.bo_id, "q1", sample_texts["q1"])
    browser = sign_in(INES)
    answer = browser.post(essay.page, essay.form())
    assert answer.status_code == 302
    assert following.page in answer.location
    assert releases(world)[0].points == 75.0
    page = browser.client.get(answer.location).text
    assert "ada-01, The pitch: released, 75 / 100." in page


def test_the_last_confirm_leads_back_to_the_queue(sign_in, world, essay) -> None:
    answer = sign_in(INES).post(essay.page, essay.form())
    assert answer.location.split("?")[0].endswith("/queue")


def test_a_change_without_a_reason_is_kept_and_told_beside_the_field(sign_in, world, essay) -> None:
    form = essay.form(checkpoint=4)
    page = sign_in(INES).post(essay.page, form)
    assert page.status_code == 422
    assert 'id="p-checkpoint">You 4, judge 3 on Checkpoint layer. Say why it changes.' in page.text
    radio = page.text.split('name="level-checkpoint" value="4"')[1].split(">")[0]
    assert "checked" in radio
    assert releases(world) == []


def test_a_change_with_a_reason_is_released_with_it(sign_in, world, essay) -> None:
    form = essay.form(checkpoint=4, why__checkpoint="missed_evidence", words__checkpoint="Replay is named.")
    browser = sign_in(INES)
    assert browser.post(essay.page, form).status_code == 302
    assert releases(world)[0].points == 80.0
    page = browser.get(essay.page).text
    assert "Changed from the judge’s 3 to 4: missed evidence: Replay is named." in page
    assert '<form id="review"' not in page


def test_a_criterion_without_a_level_must_be_filled(sign_in, world, sample_texts) -> None:
    essay = send(world, world.ada_id, "essay", sample_texts["essay"], {"claim": None})
    browser = sign_in(INES)
    page = browser.post(essay.page, essay.form(claim=None))
    assert page.status_code == 422
    assert 'id="p-claim">Claim has no level yet.' in page.text
    assert releases(world) == []
    assert browser.post(essay.page, essay.form(claim=2)).status_code == 302
    assert releases(world)[0].levels["claim"] == 2


def test_the_second_of_two_instructors_sees_the_first_ones_sheet(sign_in, world, essay) -> None:
    sign_in(INES).post(essay.page, essay.form(claim=1, why__claim="wrong_level"))
    second = sign_in(TOM).post(essay.page, essay.form())
    assert second.status_code == 409
    assert "Someone else confirmed this at" in second.text
    assert "See theirs." in second.text
    assert "Changed from the judge’s 3 to 1: wrong level" in second.text
    assert len(releases(world)) == 1


def test_pressing_confirm_twice_does_not_blame_somebody_else(sign_in, world, essay) -> None:
    browser, form = sign_in(INES), essay.form()
    browser.post(essay.page, form)
    again = browser.post(essay.page, form)
    assert again.status_code == 409
    assert "You confirmed this at" in again.text


def test_a_sheet_that_was_judged_anew_is_looked_at_once_more(sign_in, world, essay) -> None:
    page = sign_in(INES).post(essay.page, essay.form(seen=999))
    assert page.status_code == 422
    assert "changed while you read it" in page.text
    assert f'name="seen" value="{essay.seen}"' in page.text
    assert releases(world) == []


def test_a_released_sheet_is_corrected_with_a_reason(sign_in, world, essay) -> None:
    browser = sign_in(INES)
    browser.post(essay.page, essay.form())
    opened = browser.get(f"{essay.page}?change=1").text
    assert 'name="reason"' in opened
    [first] = releases(world)
    assert f'name="standing" value="{first.id}"' in opened
    form = essay.form(claim=4, why__claim="wrong_level", standing=first.id)
    unsaid = browser.post(f"{essay.page}/change", form)
    assert unsaid.status_code == 422
    assert "Say why it changes; the learner reads it." in unsaid.text
    told = browser.post(f"{essay.page}/change", {**form, "reason": "The claim names whom it holds for."})
    assert told.status_code == 302
    assert [row.points for row in releases(world)] == [75.0, 77.5]
    page = browser.client.get(told.location).text
    assert "changed and released again, 77.5 / 100." in page
    assert "The claim names whom it holds for." in page


def test_the_second_of_two_who_correct_a_sheet_sees_the_first_ones(sign_in, world, essay) -> None:
    sign_in(INES).post(essay.page, essay.form())
    opened = releases(world)[0].id
    for browser, claim, status in ((sign_in(INES), 4, 302), (sign_in(TOM), 2, 409)):
        form = essay.form(claim=claim, why__claim="wrong_level", standing=opened, reason="It was read again.")
        answer = browser.post(f"{essay.page}/change", form)
        assert answer.status_code == status
    assert "Changed from the judge’s 3 to 4: wrong level" in answer.text
    assert [row.levels["claim"] for row in releases(world)] == [3, 4]


def test_a_text_still_with_the_judge_has_no_form(sign_in, submission) -> None:
    page = sign_in(INES).get(f"review/{submission.public_id}").text
    assert "Nothing to decide: waits for the judge." in page
    assert '<form id="review"' not in page


def test_what_people_wrote_is_shown_and_never_obeyed(sign_in, world, sample_texts) -> None:
    with world.database.write() as session:
        session.execute(update(Person).where(Person.id == world.ada_id).values(name=NASTY))
    quote = f"{NASTY} said the agent."
    text = f"{sample_texts['essay']}\n\n{quote}"
    essay = send(world, world.ada_id, "essay", text, quotes={"claim": quote}, comment=NASTY)
    browser = sign_in(INES)
    for path in ("queue?names=1", f"{essay.page}?names=1", "scores?names=1", "scores/table?names=1"):
        page = browser.get(path).text
        assert NASTY not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    searched = browser.get("queue?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert NASTY not in searched


# ---- the drawing ---------------------------------------------------------------------------------------------


def test_a_drawing_is_shown_in_words_and_its_checks_count(sign_in, world, sample_texts) -> None:
    checks = {"points": 48}
    drawing = send(world, world.ada_id, "drawing", sample_texts["drawing"], graph_checks=checks)
    page = sign_in(INES).get(drawing.page).text
    assert "Durable runtime → " in page
    assert "dies. Lines" in page
    assert 'data-graph-points="48.0"' in page
    assert "<b>78</b> / 100" in page

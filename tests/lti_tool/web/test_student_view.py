"""What a reviewer sees beside the sheet: the learner's own view of it, and the judge's answers as they came."""

import pytest

from lti_tool import blind
from lti_tool.attempts import submit
from lti_tool.models import AnswerRow, Submission
from lti_tool.reviews import Decision, change, release
from tests.lti_tool.judged import all_at, decisions, standing
from tests.lti_tool.web.test_instructor_pages import ADA, INES, NASTY, Sent, send

BODY = {"levels": {"claim": 3}, "comment": "The judge’s own words <b>as they came</b>."}


@pytest.fixture
def essay(world, sample_texts) -> Sent:
    return send(world, world.ada_id, "essay", sample_texts["essay"], comment="Held by the judge.")


@pytest.fixture
def answered(world, essay) -> Sent:
    """With the answer that the rating of Claim rests on."""
    with world.database.write() as session:
        usage = {"input_tokens": 1200, "output_tokens": 80, "cache_read_tokens": 900, "usd": 0.0123, "seconds": 2.5}
        row = AnswerRow(
            fingerprint="f-claim", registration_id=world.registration_id, body=BODY, model="model-7", usage=usage
        )
        session.add(row)
    return essay


def let_out(world, essay: Sent, *, changed: bool = False) -> None:
    with world.database.write() as session:
        sent, link = session.get_one(Submission, essay.id), world.placement(session)
        release(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), essay.seen)
        if changed:
            lower = decisions(all_at(sent, 3), claim=Decision(2, "missed_evidence", "Ada never says it."))
            change(session, link, sent, world.ines_id, lower, "Read again.", seen_release_id=standing(session, sent))


def test_before_release_the_reviewer_sees_that_the_learner_sees_no_level(sign_in, essay) -> None:
    page = sign_in(INES).get(f"{essay.page}/as-student").text
    assert "Judged. A person looks at it next." in page
    assert 'class="score"' not in page
    assert ">75<" not in page
    assert "Held by the judge." not in page


def test_after_release_it_is_what_the_learner_reads(world, sign_in, essay) -> None:
    let_out(world, essay, changed=True)
    page, theirs = (
        sign_in(INES).get(f"{essay.page}/as-student").text,
        sign_in(ADA).get(f"submissions/{essay.public_id}").text,
    )
    shown = ('<p class="score">72.5<', "Read again.", "Ada never says it.", "Your instructor changed 3 → 2")
    for words in (*shown, "Held by the judge."):
        assert words in page
        assert words in theirs, words


def test_text_of_a_learner_stays_text(world, sign_in, sample_texts) -> None:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.bo_id, "essay", NASTY + sample_texts["essay"])
        there = f"review/{sent.public_id}/as-student"
    assert NASTY not in sign_in(INES).get(there).text


def test_the_answer_is_shown_as_it_came_with_what_it_took(sign_in, answered) -> None:
    page = sign_in(INES).get(answered.page).text
    assert "model-7" in page
    assert "1200 tokens read, 900 of them cached, 80 written" in page
    assert "$0.0123" in page
    assert "The judge’s own words &lt;b&gt;as they came&lt;/b&gt;." in page


def test_whoever_scores_blind_gets_neither(world, sign_in, answered) -> None:
    with world.database.write() as session:
        blind.pick(session, world.placement(session), 10, "ines-01")
    ines = sign_in(INES)
    page = ines.get(answered.page).text
    assert "model-7" not in page
    assert "as they came" not in page
    assert "student view" not in page
    answer = ines.get(f"{answered.page}/as-student")
    assert (answer.status_code, answer.headers["Location"].endswith(answered.page)) == (302, True)


def test_another_placements_work_is_not_here(world, sign_in, essay) -> None:
    assert sign_in(INES).get("review/nothing/as-student").status_code == 404
    assert sign_in(ADA).get(f"{essay.page}/as-student").status_code == 403

"""Scoring blind: before the commit nothing of the judge's is anywhere; the commit stands; then both are shown."""

import json
import re

import pytest
from sqlalchemy import delete, select

from lti_tool import blind
from lti_tool.attempts import submit
from lti_tool.blind_draws import Drawable, draw_all
from lti_tool.db import utc_now
from lti_tool.models import (
    BlindSheet,
    HumanScoreRow,
    Job,
    JudgementRow,
    LessonScore,
    Passback,
    RatingRow,
    ReviewClaim,
    ReviewRank,
    Submission,
)
from lti_tool.review_queue import Wanted, queue
from lti_tool.reviews import ReviewProblem, release, release_by_policy
from lti_tool.scores import settle
from tests.lti_tool.judged import all_at, decisions, judge_as, releases
from tests.lti_tool.web.test_instructor_pages import TOM, Sent, send

QUOTE = "the marmalade clause"
COMMENT = "a comment of the judge alone"
LEVELS = {"claim": 4, "failure_story": 1, "retry": 2, "checkpoint": 0, "human_gate": 1, "tradeoffs": 4, "economy": 2}
MINE = {"claim": 3, "failure_story": 3, "retry": 2, "checkpoint": 1, "human_gate": 1, "tradeoffs": 4, "economy": 2}


@pytest.fixture
def essay(world, sample_texts) -> Sent:
    """An essay with a sheet that would be known anywhere, picked to be scored blind."""
    text = f"{sample_texts['essay']} And {QUOTE} ends it."
    sent = send(
        world, world.ada_id, "essay", text, LEVELS, quotes={"retry": QUOTE}, comment=COMMENT, flags=("repetition",)
    )
    with world.database.write() as session:
        assert blind.pick(session, world.placement(session), 10, "ines-01") == [sent.id]
    return sent


def levels(**changed: int) -> dict[str, str]:
    return {f"level-{key}": str(level) for key, level in {**MINE, **changed}.items()}


def sheets(world) -> list[BlindSheet]:
    with world.database.read() as session:
        return list(session.scalars(select(BlindSheet)))


TRACES = (
    COMMENT,
    'id="q3"',
    "<mark",
    "repeats itself",
    "checklist",
    "Checklist",
    "provisional",
    "not scored",
    "checked>",
)


def test_nothing_of_the_judges_is_in_any_page_before_the_commit(world, ines, essay) -> None:
    review = ines.get(essay.page).text
    assert ">blind<" in review
    assert QUOTE in review  # it is the learner's own text
    for trace in TRACES:
        assert trace not in review, trace
    assert 'data-judge=""' in review
    assert re.search(r'data-judge="\d', review) is None
    for path in ("queue", "queue?tab=all", "queue?tab=blind", "queue?why=blind"):
        page = ines.get(path).text
        assert "Blind." in page
        for trace in (COMMENT, "repeats itself", "provisional judge", f'value="{essay.public_id}:{essay.seen}"'):
            assert trace not in page, trace
    for path in ("queue?q=provisional", "queue?why=flag", "queue?why=doubt"):
        assert essay.public_id not in ines.get(path).text
    told = json.loads(ines.post("queue/bulk", {"action": "jsonl", "every": "1", "tab": "all"}).text)
    assert told["points"] is None
    assert {value for key, value in told.items() if key.startswith(("judge_", "level_"))} == {None}
    assert "scored blind first" in ines.post("queue/bulk", {"action": "release", "every": "1"}).text


PLACES = (
    "queue",
    "queue?tab=all",
    "queue?tab=blind",
    "scores",
    "roster",
    "queue?why=flag",
    "queue?q=repeats",
    "queue/help",
    "calibration?item=essay",
    "calibration/pairs.csv",
    "again",
    "lessons/durable-workflows",
    "lessons/durable-workflows/rubrics/durable-workflows-essay",
    "settings",
)


def pages(ines, essay: Sent) -> list[str]:
    """Every page that says something of this essay, without what differs from request to request."""
    found = [ines.get(path).text for path in (*PLACES, essay.page, f"{essay.page}/as-student")]
    found += [ines.post("queue/bulk", {"action": action, "every": "1"}).text for action in ("release", "assign", "csv")]
    changing = r'(name="form_token" value="|name="form-token" content="|data-seal="|data-left=")[^"]*'
    return [re.sub(changing, r"\1", page) for page in found]


def test_pages_are_the_same_to_the_letter_whatever_the_judge_said(world, ines, essay) -> None:
    before = pages(ines, essay)
    with world.database.write() as session:
        sent = session.get_one(Submission, essay.id)
        session.execute(delete(JudgementRow))
        session.execute(delete(RatingRow))
        judge_as(session, sent, {**all_at(sent, 1), "economy": None})
        assert blind.pick(session, world.placement(session), 10, "ines-01") == []  # she has opened it by now
        session.execute(delete(ReviewClaim))
        assert blind.pick(session, world.placement(session), 10, "ines-01") == [sent.id]
    assert pages(ines, essay) == before


def test_no_way_leads_around_the_commit(world, ines, essay) -> None:
    refused = ines.post(essay.page, {**levels(), "seen": str(essay.seen)})
    assert refused.status_code == 422
    assert COMMENT not in refused.text
    ines.post("queue/bulk/release", {"picks": f"{essay.public_id}:{essay.seen}"})
    with world.database.write() as session:
        sent, link = session.get_one(Submission, essay.id), world.placement(session)
        with pytest.raises(ReviewProblem):
            release(session, link, sent, world.tom_id, decisions(LEVELS), essay.seen)
    assert releases(world) == []


def test_where_it_stands_in_the_queue_says_nothing(world, essay) -> None:
    with world.database.read() as session:
        drawn = session.get_one(ReviewRank, essay.id)
        assert drawn.reasons == "|blind|"
        assert 0 <= session.scalars(select(Job.doubt).where(Job.submission_id == essay.id)).one() < 1


def test_an_unfinished_sheet_is_kept_and_not_committed(world, ines, essay) -> None:
    form = {key: value for key, value in levels().items() if key != "level-retry"}
    refused = ines.post(f"{essay.page}/blind", {**form, "quotes-claim": "words that are not there"})
    assert refused.status_code == 422
    assert "Retry layer has no level yet." in refused.text
    assert "does not stand in the text" in refused.text
    assert refused.text.count("checked>") == 6
    assert COMMENT not in refused.text
    assert sheets(world) == []


def test_the_commit_stands_and_then_both_are_side_by_side(world, ines, essay) -> None:
    answer = ines.post(f"{essay.page}/blind", {**levels(), "quotes-retry": f"  “{QUOTE}”  "})
    page = ines.client.get(answer.location).text
    assert ">reveal<" in page
    assert "you 3 · judge 4: they differ" in page
    assert "you 2 · judge 2" in page
    assert COMMENT in page
    (sheet,) = sheets(world)
    assert (sheet.levels, sheet.source, sheet.quotes["retry"][0]["text"]) == (MINE, "pick", QUOTE)

    again = ines.post(f"{essay.page}/blind", levels(claim=0))

    assert again.status_code == 422
    assert sheets(world)[0].levels == MINE


def test_ones_own_levels_are_kept_without_a_reason_and_split_with_one(world, ines, essay) -> None:
    ines.post(f"{essay.page}/blind", levels())
    refused = ines.post(essay.page, {**levels(claim=4), "seen": str(essay.seen)})
    assert refused.status_code == 422
    assert "You committed 3 on Claim. Say why it changes." in refused.text
    ines.post(essay.page, {**levels(claim=4), "why-claim": "missed_evidence", "seen": str(essay.seen)})
    (made,) = releases(world)
    assert made.levels == {**MINE, "claim": 4}
    assert sheets(world)[0].levels == MINE


def test_the_judges_sheet_is_taken_with_one_reason(world, ines, essay) -> None:
    ines.post(f"{essay.page}/blind", levels())
    assert ines.post(essay.page, {**levels(), "take": "judge", "seen": str(essay.seen)}).status_code == 422
    ines.post(essay.page, {**levels(), "take": "judge", "reason": "Read again.", "seen": str(essay.seen)})
    (made,) = releases(world)
    assert made.levels == LEVELS
    with world.database.read() as session:
        said = {row.criterion: row.reason for row in session.scalars(select(HumanScoreRow))}
    assert said["claim"] == "Read again."
    assert said["retry"] is None


def test_whoever_comes_after_the_commit_sees_both(world, ines, essay, sign_in) -> None:
    ines.post(f"{essay.page}/blind", levels())
    tom = sign_in(TOM).get(essay.page).text
    assert ">assisted<" in tom
    assert "Scored blind" in tom


def test_quotes_of_a_person_are_kept_with_their_level(world, ines, sample_texts) -> None:
    text = f"{sample_texts['essay']} And {QUOTE} ends it."
    sent = send(world, world.bo_id, "essay", text)
    refused = ines.post(sent.page, sent.form(quotes__claim="nowhere to be found"))
    assert refused.status_code == 422
    assert "does not stand in the text" in refused.text
    ines.post(sent.page, sent.form(quotes__claim=QUOTE))
    with world.database.read() as session:
        quoted = {row.criterion: row.quotes for row in session.scalars(select(HumanScoreRow)) if row.quotes}
    assert [quote["text"] for quote in quoted["claim"]] == [QUOTE]


def test_the_tab_lists_what_is_to_be_scored_blind_until_it_is(world, ines, essay) -> None:
    def listed() -> list[int]:
        with world.database.read() as session:
            return [row.submission.id for row in queue(session, world.placement(session), Wanted(tab="blind"))]

    assert listed() == [essay.id]
    ines.post(f"{essay.page}/blind", levels())
    assert listed() == []


def cells_of(page: str) -> dict[str, str]:
    """The cells of the one row: heading to words, but for the times, whose digits could be any."""
    row = re.search(r"<tbody.*?</tbody>", page, re.DOTALL).group()
    cells = re.findall(r'<td[^>]* data-k="([^"]+)"[^>]*>(.*?)</td>', row, re.DOTALL)
    return {
        heading: " ".join(re.sub(r"<time.*?</time>|<[^>]+>", " ", said, flags=re.DOTALL).split())
        for heading, said in cells
    }


@pytest.mark.parametrize("level", [1, 4])
def test_scores_sent_tells_no_points_of_what_is_still_to_be_scored_blind(world, ines, sample_texts, level: int) -> None:
    """Released by policy and drawn for an audit: the page of scores is the same whatever the judge said."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = {"weights": {**dict.fromkeys(sample_texts, 0.0), "essay": 100.0}}
        sent = submit(session, link, world.ada_id, "essay", sample_texts["essay"])
        judged = judge_as(session, sent, all_at(sent, level))
        release_by_policy(session, sent)
        draw_all(session, [Drawable(sent.id, judged.id, {"audit_share": 1.0}, None)], draw=lambda: 0.5)
        settle(session, link, world.ada_id)
        score = session.scalars(select(LessonScore).order_by(LessonScore.sequence.desc())).first()
        message = session.scalars(select(Passback).order_by(Passback.timestamp.desc())).first()
        message.state, message.settled_at = "sent", utc_now()
        message.read_back = {"resultScore": score.given, "resultMaximum": 100.0}
        given, public_id = f"{score.given:g}", sent.public_id
    cells = cells_of(ines.get("scores").text)
    assert cells["our score"] == "blind"
    assert not re.search(rf"(?<![\d.]){re.escape(given)}(?![\d.])", " ".join(cells.values()))
    assert "/ 100." not in ines.get(f"queue?done={public_id}").text


@pytest.mark.parametrize("state", ["withdrawn", "returned"])
def test_what_is_gone_and_nobody_will_score_blind_any_more_hides_no_points(world, ines, sample_texts, state) -> None:
    with world.database.write() as session:
        link = world.placement(session)
        for number, policy in enumerate(({"blind_share": 1.0}, {})):
            sent = submit(session, link, world.ada_id, "essay", f"{sample_texts['essay']} {number}")
            judged = judge_as(session, sent, all_at(sent, 3))
            draw_all(session, [Drawable(sent.id, judged.id, policy, "provisional")], draw=lambda: 0.5)
            if policy:
                session.scalars(select(Job).where(Job.submission_id == sent.id)).one().state = state
    assert '<span class="quiet">blind</span>' not in ines.get("scores").text

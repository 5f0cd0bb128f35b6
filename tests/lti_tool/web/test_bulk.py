"""Many rows at once: shown before it happens, undone for a while, exported, given to somebody."""

import csv
import json
import re
from io import StringIO

import pytest
from sqlalchemy import select

from lti_tool import blind
from lti_tool.attempts import find_submissions
from lti_tool.db import utc_now
from lti_tool.models import PendingRelease, Submission
from lti_tool.pending_releases import GRACE, carry_out_due
from tests.lti_tool.judged import judged_levels, releases
from tests.lti_tool.web.test_instructor_pages import NASTY, TOM, Sent, essay, send

__all__ = ["essay"]


@pytest.fixture
def gap(world, sample_texts) -> Sent:
    return send(world, world.bo_id, "essay", sample_texts["essay"] + " More.", {"claim": None})


def pick(*sent: Sent) -> list[str]:
    return [f"{one.public_id}:{one.seen}" for one in sent]


def picks_of(page: str) -> str:
    return re.search(r'name="picks" value="([^"]*)"', page)[1]


def pending(world) -> list[PendingRelease]:
    with world.database.read() as session:
        return list(session.scalars(select(PendingRelease)))


def test_what_would_happen_is_shown_and_nothing_happens_yet(world, ines, essay, gap) -> None:
    page = ines.post("queue/bulk", {"action": "release", "pick": pick(essay, gap)}).text
    assert "1 sheet would be released" in page
    assert "1: Not every criterion has a level." in page
    assert (pending(world), releases(world)) == ([], [])


def test_it_goes_out_after_the_grace_time_and_can_be_undone_before(world, ines, essay) -> None:
    shown = ines.post("queue/bulk", {"action": "release", "pick": pick(essay)}).text
    answer = ines.post("queue/bulk/release", {"picks": picks_of(shown)})
    queue = ines.client.get(answer.location).text
    assert "1 goes out at" in queue
    batch = re.search(r'name="batch" value="([^"]+)"', queue)[1]

    undone = ines.post("queue/bulk/undo", {"batch": batch})

    assert "1 taken back." in ines.client.get(undone.location).text
    assert carry_out_due(world.database, utc_now() + GRACE * 2) == 0
    ines.post("queue/bulk/release", {"picks": picks_of(shown)})
    assert carry_out_due(world.database, utc_now() + GRACE * 2) == 1
    (made,) = releases(world)
    assert made.points == 75.0


def test_a_row_that_changed_since_it_was_shown_stays(world, ines, essay, sign_in) -> None:
    shown = ines.post("queue/bulk", {"action": "release", "pick": pick(essay)}).text
    sign_in(TOM).post(essay.page, essay.form(claim=2, why__claim="wrong_level"))
    ines.post("queue/bulk/release", {"picks": picks_of(shown)})
    assert pending(world) == []
    assert [one.levels["claim"] for one in releases(world)] == [2]


def test_who_scored_blind_and_otherwise_is_asked_which_levels_hold(world, ines, essay) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, essay.id)
        blind.pick(session, world.placement(session), 10, "ines-01")
        judged = judged_levels(session, sent)
        blind.commit(session, sent, world.ines_id, {**judged, "claim": 0, "retry": 0})
    page = ines.post("queue/bulk", {"action": "release", "every": "1"}).text
    assert "You committed other levels before you saw the judge’s. Open it, and say which hold." in page
    assert "on Claim" not in page


def test_every_row_that_matches_can_be_picked_at_once(world, ines, essay, gap, sample_texts) -> None:
    send(world, world.ada_id, "q1", sample_texts["q1"])
    page = ines.post("queue/bulk", {"action": "release", "every": "1", "item": "essay"}).text
    assert "1 sheet would be released" in page
    assert "1: Not every criterion has a level." in page


def test_rows_are_given_to_somebody_and_taken_from_them(world, ines, essay, sign_in) -> None:
    shown = ines.post("queue/bulk", {"action": "assign", "pick": pick(essay)}).text
    assert "tom-01" in shown or ">Tom<" in shown
    ines.post("queue/bulk/assign", {"picks": picks_of(shown), "to": "tom-01"})
    assert "with tom-01" in ines.get("queue").text
    assert "with you" in sign_in(TOM).get("queue?why=mine").text
    assert "given to tom-01" in ines.get(essay.page).text
    ines.post("queue/bulk/assign", {"picks": picks_of(shown), "to": ""})
    assert "with tom-01" not in ines.get("queue").text
    assert ines.post("queue/bulk/assign", {"picks": picks_of(shown), "to": "ada-01"}).status_code == 404


def test_rows_are_taken_away_as_tables_without_names_or_texts(world, ines, essay, gap) -> None:
    lines = ines.post("queue/bulk", {"action": "jsonl", "every": "1"})
    told = [json.loads(line) for line in lines.text.splitlines()]
    assert [(one["learner"], one["level_claim"], one["judge_claim"]) for one in told] == [
        ("bo-01", None, None),
        ("ada-01", 3, 3),
    ]
    assert "Ada" not in lines.text
    sheet = ines.post("queue/bulk", {"action": "csv", "pick": pick(essay)})
    (row,) = csv.DictReader(StringIO(sheet.text))
    assert (row["learner"], row["points"], row["level_retry"]) == ("ada-01", "75.0", "3")
    assert "attachment" in sheet.headers["Content-Disposition"]


def test_nothing_picked_is_said(ines, essay) -> None:
    answer = ines.post("queue/bulk", {"action": "release"})
    assert "Tick some rows first." in ines.client.get(answer.location).text
    assert ines.post("queue/bulk", {"action": "no-such", "pick": pick(essay)}).status_code == 404


def test_who_opens_first_has_it_and_the_other_is_told(world, ines, essay, sign_in) -> None:
    assert "is on this until" not in ines.get(essay.page).text
    tom = sign_in(TOM)
    assert "ines-01 is on this until" in tom.get(essay.page).text
    ines.post(f"{essay.page}/hold")
    assert "is on this until" not in tom.get(essay.page).text


def test_a_decision_that_waits_for_its_date_can_be_recalled(world, ines, essay) -> None:
    with world.database.write() as session:
        world.placement(session).settings = {"release": "date", "release_on": "2999-01-01T00:00:00Z"}
    ines.post(essay.page, essay.form())
    page = ines.get(essay.page).text
    assert "Decided by ines-01. It goes out on" in page
    assert ">going out <" in ines.get("queue").text
    ines.post(f"{essay.page}/recall")
    assert pending(world) == []
    assert 'name="level-claim"' in ines.get(essay.page).text


def test_words_of_a_filter_are_not_obeyed(world, ines, essay) -> None:
    page = ines.get(f"queue?q={NASTY}&why=%7C&page=-1&item={NASTY}").text
    assert NASTY not in page
    assert "Nothing matches." in page


def test_a_long_queue_comes_in_pages(world, ines, sample_texts, monkeypatch) -> None:
    monkeypatch.setattr("lti_tool.web.queue_page.PAGE_ROWS", 2)
    for person, item in ((world.ada_id, "q1"), (world.bo_id, "q1"), (world.ada_id, "q2")):
        send(world, person, item, sample_texts[item])
    first, second = ines.get("queue").text, ines.get("queue?page=2").text
    assert (first.count('name="pick"'), second.count('name="pick"')) == (2, 1)
    assert "1 to 2 of 3" in first
    assert "3 to 3 of 3" in second


def test_rows_are_found_in_their_order_and_none_of_another_placement(world, essay, gap) -> None:
    names = [gap.public_id, "nothing", essay.public_id, gap.public_id]
    with world.database.read() as session:
        found = find_submissions(session, world.placement(session), names)
        assert [one.public_id for one in found] == [gap.public_id, essay.public_id]
        assert find_submissions(session, world.tiny(session), names) == []

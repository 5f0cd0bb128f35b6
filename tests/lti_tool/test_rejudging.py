"""A draft of judging again: what it shows, what it keeps to itself, and what becomes of what is applied from it."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select, update

from lti_tool import blind, editions, rejudging
from lti_tool.appeals import send_appeal
from lti_tool.attempts import submit
from lti_tool.db import utc_now
from lti_tool.models import (
    BlindPick,
    Job,
    JudgementRow,
    Passback,
    RatingRow,
    RejudgedSheet,
    Release,
    ResourceLink,
    Submission,
)
from lti_tool.pending_releases import postpone
from lti_tool.rejudge_decisions import carry_out_due, choose, count_open, take_back
from lti_tool.rejudging import RejudgeProblem, begin, moves, progress
from lti_tool.results import judge_sheet, newest_judgement, newest_release, student_sheet
from lti_tool.reviews import CHANGED, Decision, ReviewProblem, release
from rubrics.scoring import item_points
from tests.lti_tool.judged import all_at, decisions, judge_as

SLUG, ESSAY = "durable-workflows", "durable-workflows-essay"


def send_judged(world, person_id: int, text: str, level: int) -> int:
    with world.database.write() as session:
        sent = submit(session, world.placement(session), person_id, "essay", text)
        judge_as(session, sent, all_at(sent, level))
        return sent.id


@pytest.fixture
def two(either_world, sample_texts) -> Iterator[tuple[int, int]]:
    """Two judged essays at the gate, Ada's and Bo's, both at level 2, and a newer version of their rubric."""
    world = either_world
    ids = tuple(
        send_judged(world, person_id, f"{sample_texts['essay']} {person_id}", 2)
        for person_id in (world.ada_id, world.bo_id)
    )
    with world.database.write() as session:
        link = world.placement(session)
        content = deepcopy(editions.edition(session, SLUG, link.context_id).drafts[ESSAY].content)
        content["criteria"][0]["levels"][-1]["descriptor"] = "Takes a side at once, and stays there."
        editions.save_draft(session, SLUG, link.context_id, ESSAY, content, seen=0, by="ines-01")
        editions.publish(session, editions.edition(session, SLUG, link.context_id), link.context_id, "ines-01")
    return ids


def drafted(world, levels: Mapping[int, int]) -> rejudging.RejudgeDraft:
    """A draft in which the judge now gives each submission this level throughout."""
    with world.database.write() as session:
        draft = begin(session, world.placement(session), "essay", by="ines-01")
        for sheet in session.scalars(select(RejudgedSheet).where(RejudgedSheet.draft_id == draft.id)):
            if sheet.submission_id in levels:
                judge_again(session, draft, sheet, levels[sheet.submission_id])
        return draft


def judge_again(session, draft, sheet: RejudgedSheet, level: int) -> None:
    """What the engine would have kept."""
    sent, before = sheet.submission, judge_sheet(session, sheet.submission)
    given = all_at(sent, level)
    ids = {}
    for criterion in given:
        row = RatingRow(
            submission_id=sent.id, criterion=criterion, fingerprint=f"again-{level}", level=given[criterion]
        )
        session.add(row)
        session.flush()
        ids[criterion] = row.id
    sheet.before_judgement_id = session.scalar(
        select(func.max(JudgementRow.id)).where(JudgementRow.submission_id == sent.id)
    )
    sheet.before_release_id = before.release.id if before.release else None
    sheet.before_levels = {row.criterion.id: row.level for row in before.rows}
    sheet.before_points = before.points
    sheet.by_person = before.release is not None and any(row.changed for row in before.rows)
    sheet.judgement = {
        "submission_id": sent.id,
        "fingerprint": f"sheet-again-{level}",
        "judge": "checklist",
        "judge_version": "2",
        "judge_label": "Checklist",
        "evidence": "quotes",
        "provisional": True,
        "rating_ids": ids,
        "flags": [],
        "facts": {},
        "graph_checks": None,
        "identity": None,
        "rubric_version_id": draft.rubric_version_id,
    }
    sheet.levels, sheet.points = given, item_points(before.rubric, given)
    sheet.moved = abs(sheet.points - (before.points or 0))
    sheet.changed = sum(sheet.before_levels[one] != given[one] for one in given)
    sheet.gate_reason, sheet.judged_at = "The judge is provisional.", utc_now()
    session.flush()


def apply(world, draft, *, only=None, reason: str = "", by: int | None = None) -> int:
    with world.database.write() as session:
        choose(session, draft, by=by or world.ines_id, reason=reason, due_at=utc_now(), batch="b", only=only)
    return carry_out_due(world.database, utc_now() + timedelta(seconds=1))


def sheet_of(world, draft, submission_id: int) -> RejudgedSheet:
    with world.database.read() as session:
        return session.scalars(
            select(RejudgedSheet).where(
                RejudgedSheet.draft_id == draft.id, RejudgedSheet.submission_id == submission_id
            )
        ).one()


def confirm(world, submission_id: int, changed: Mapping[str, Decision] | None = None) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission_id)
        judgement = newest_judgement(session, sent)
        given = decisions(all_at(sent, 2), **(changed or {}))
        release(session, world.placement(session), sent, world.ines_id, given, judgement.id)


def test_a_draft_moves_nothing_by_itself(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3, two[1]: 1})
    assert carry_out_due(either_world.database) == 0
    with either_world.database.read() as session:
        assert {judge_sheet(session, session.get_one(Submission, one)).rubric.version for one in two} == {1}
        found = rejudging.rows(session, draft)
        assert {row.state for row in found} == {"judged"}
        told = moves(session, draft)
        assert (told.shown, told.up, told.down, told.same) == (2, 1, 1, 0)


def test_what_moves_most_comes_first_and_can_be_turned_round(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3, two[1]: 0})
    with either_world.database.read() as session:
        most = [row.sheet.submission_id for row in rejudging.rows(session, draft, "moved")]
        least = [row.sheet.submission_id for row in rejudging.rows(session, draft, "least")]
    assert most == [two[1], two[0]]
    assert least == most[::-1]


def test_applied_to_an_open_sheet_it_is_what_the_instructor_reads_next(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3})
    assert apply(either_world, draft) == 1
    with either_world.database.read() as session:
        sent = session.get_one(Submission, two[0])
        sheet = judge_sheet(session, sent)
        assert (sheet.rubric.version, sheet.release) == (2, None)
        assert {row.judge_level for row in sheet.rows if row.criterion.top >= 3} == {3}
        job = session.scalars(select(Job).where(Job.kind == "judge", Job.submission_id == sent.id)).one()
        assert (job.state, job.gate_reason) == ("awaiting_review", "The judge is provisional.")
        other = judge_sheet(session, session.get_one(Submission, two[1]))
        assert other.rubric.version == 1


def test_applied_to_a_released_sheet_it_is_a_new_release_with_the_reason_its_learner_reads(either_world, two) -> None:
    confirm(either_world, two[0])
    draft = drafted(either_world, {two[0]: 3})
    with pytest.raises(RejudgeProblem, match="Say why"):
        apply(either_world, draft)

    assert apply(either_world, draft, reason="The rubric says it better now.") == 1

    with either_world.database.read() as session:
        made = newest_release(session, session.get_one(Submission, two[0]))
        assert (made.sequence, made.reason) == (2, "The rubric says it better now.")
        shown = student_sheet(session, session.get_one(Submission, two[0]))
        assert (shown.rubric.version, shown.points) == (2, made.points)
        assert shown.points > 50


def test_what_a_person_changed_is_replaced_only_where_somebody_names_it(either_world, two) -> None:
    confirm(either_world, two[0], {"claim": Decision(3, "missed_evidence")})
    draft = drafted(either_world, {two[0]: 1})
    assert apply(either_world, draft, reason="All of them.") == 0
    named = sheet_of(either_world, draft, two[0]).id
    assert apply(either_world, draft, only=[named], reason="Read once more.") == 1


def test_what_is_to_be_scored_blind_shows_nothing_comes_last_and_cannot_be_applied(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3, two[1]: 1})
    with either_world.database.write() as session:
        sent = session.get_one(Submission, two[1])
        judged = newest_judgement(session, sent)
        session.add(BlindPick(submission_id=sent.id, judgement_id=judged.id, by="ines-01", probability=1.0))
    for order in rejudging.ORDERS:
        with either_world.database.read() as session:
            found = rejudging.rows(session, draft, order)
            assert [(row.blind, row.sheet.submission_id) for row in found] == [(False, two[0]), (True, two[1])]
            told = moves(session, draft)
            assert (told.shown, told.down, told.hidden) == (1, 0, 1)
    named = sheet_of(either_world, draft, two[1]).id
    assert apply(either_world, draft, only=[named], reason="Now.") == 0

    with either_world.database.write() as session:
        sent = session.get_one(Submission, two[1])
        blind.commit(session, sent, either_world.ines_id, all_at(sent, 2))
    assert apply(either_world, draft, only=[named]) == 1


def test_a_blind_pick_after_the_choice_is_minded_when_it_takes_effect(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3})
    with either_world.database.write() as session:
        assert choose(session, draft, by=either_world.ines_id, reason="", due_at=utc_now(), batch="b") == 1
        judged = newest_judgement(session, session.get_one(Submission, two[0]))
        session.add(BlindPick(submission_id=two[0], judgement_id=judged.id, by="ines-01", probability=1.0))
    assert carry_out_due(either_world.database) == 0
    assert sheet_of(either_world, draft, two[0]).problem == "This one is to be scored blind first."


def test_it_can_be_taken_back_until_it_takes_effect(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3, two[1]: 1})
    later = utc_now() + timedelta(minutes=2)
    with either_world.database.write() as session:
        assert choose(session, draft, by=either_world.ines_id, reason="", due_at=later, batch="b") == 2
    assert carry_out_due(either_world.database) == 0
    with either_world.database.write() as session:
        assert take_back(session, draft, "b") == 2
    assert carry_out_due(either_world.database, later + timedelta(minutes=1)) == 0
    with either_world.database.read() as session:
        assert count_open(session, draft) == 2


def test_two_who_choose_at_once_take_each_row_once(either_world, two) -> None:
    draft = drafted(either_world, {two[0]: 3, two[1]: 1})
    both, taken = Barrier(2, timeout=10), []

    def take(person_id: int, batch: str) -> None:
        both.wait()
        with either_world.database.write() as session:
            taken.append(choose(session, draft, by=person_id, reason="", due_at=utc_now(), batch=batch))

    people = ((either_world.ines_id, "one"), (either_world.tom_id, "two"))
    threads = [Thread(target=take, args=who) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [0, 2]


@pytest.mark.parametrize("meanwhile", ["released", "decided", "appealed"])
def test_what_happened_since_keeps_a_row_from_being_applied(either_world, two, meanwhile) -> None:
    if meanwhile == "appealed":
        confirm(either_world, two[0])
    draft = drafted(either_world, {two[0]: 3})
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, two[0])
        judged = newest_judgement(session, sent)
        if meanwhile == "released":
            release(session, link, sent, either_world.tom_id, decisions(all_at(sent, 2)), judged.id)
        elif meanwhile == "decided":
            later = utc_now() + timedelta(minutes=2)
            postpone(session, link, sent, either_world.tom_id, decisions(all_at(sent, 2)), judged.id, later, "x")
        else:
            send_appeal(session, link, sent, "claim", 0, "It does take a side.")
    assert apply(either_world, draft, reason="Because.") == 0
    said = {"released": "changed since", "decided": "Somebody decided", "appealed": "appeal"}
    assert said[meanwhile] in (sheet_of(either_world, draft, two[0]).problem or "")


def test_whoever_was_reading_the_replaced_sheet_is_told_when_they_release(either_world, two) -> None:
    with either_world.database.read() as session:
        seen = newest_judgement(session, session.get_one(Submission, two[0])).id
    draft = drafted(either_world, {two[0]: 3})
    apply(either_world, draft)
    with either_world.database.write() as session:
        link, sent = either_world.placement(session), session.get_one(Submission, two[0])
        given = decisions(all_at(sent, 2))
        with pytest.raises(ReviewProblem, match=CHANGED[:20]):
            release(session, link, sent, either_world.tom_id, given, seen)


def test_a_newer_draft_closes_the_older_and_takes_its_work_over(either_world, two) -> None:
    first = drafted(either_world, {})
    with either_world.database.write() as session:
        session.execute(update(Job).where(Job.kind == "rejudge").values(state="running", tries=3, owner="x"))
    second = drafted(either_world, {})
    with either_world.database.read() as session:
        closed = {draft.id: draft.closed_at for draft in rejudging.drafts_of(session, either_world.placement(session))}
        assert (closed[first.id] is not None, closed[second.id]) == (True, None)
        again = session.execute(select(Job.state, Job.tries, Job.owner).where(Job.kind == "rejudge")).all()
        # Its tries go on counting: the holder that was cut off must not pass for the next one.
        assert set(again) == {("queued", 3, None)}
        assert progress(session, second).waiting == 2


def test_there_must_be_something_to_judge(either_world) -> None:
    with either_world.database.write() as session:
        link = session.get_one(ResourceLink, either_world.resource_link_id)
        with pytest.raises(RejudgeProblem, match="Nothing of this question"):
            begin(session, link, "essay", by="ines-01")
        with pytest.raises(RejudgeProblem, match="no such question"):
            begin(session, link, "nothing", by="ines-01")


def test_only_a_release_that_moves_something_goes_to_the_gradebook(either_world, two) -> None:
    confirm(either_world, two[0])
    draft = drafted(either_world, {two[0]: 2})  # judged again, and the same
    assert apply(either_world, draft, reason="Again.") == 0
    with either_world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Release)) == 1
        assert session.scalar(select(func.count()).select_from(Passback).where(Passback.kind == "released")) <= 1


def test_what_cannot_be_applied_holds_up_nothing_else(either_world, two) -> None:
    confirm(either_world, two[0])
    draft = drafted(either_world, dict.fromkeys(two, 3))
    with either_world.database.write() as session:
        either_world.placement(session).settings = {"weights": {"essay": "many"}}  # which no form of ours writes
    assert apply(either_world, draft, reason="Because.") == 1
    assert sheet_of(either_world, draft, two[0]).problem == "It could not be applied (ValueError)."
    assert sheet_of(either_world, draft, two[1]).applied_at is not None

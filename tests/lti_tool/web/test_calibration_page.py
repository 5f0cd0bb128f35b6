"""The calibration page: only what was committed blind counts, few pairs are said to be few, cells lead to answers."""

import csv
import random
from io import StringIO

from sqlalchemy import event, select

from lti_tool import blind, calibration_runs
from lti_tool.attempts import submit
from lti_tool.calibration import calibrations, pairs_of
from lti_tool.db import utc_now
from lti_tool.models import BlindPick, CalibrationRun, JudgementRow, Person, Submission
from lti_tool.reviews import Decision, release
from tests.lti_tool.judged import all_at, judge_as


def crowd(world, text: str, count: int, level_of=None) -> list[int]:
    """So many judged essays of so many learners, every criterion at 2 or 3 by the judge, or as told; their ids."""
    draw, ids = random.Random(3), []
    with world.database.write() as session:
        for number in range(count):
            person = Person(
                registration_id=world.registration_id, sub=f"c-{count}-{number}", handle=f"crowd-{count}-{number}"
            )
            session.add(person)
            session.flush()
            sent = submit(session, world.placement(session), person.id, "essay", f"{text} {number}.")
            level = draw.choice((2, 3)) if level_of is None else level_of(number)
            judge_as(session, sent, all_at(sent, level) | {"human_gate": 4, "economy": None})
            ids.append(sent.id)
    return ids


def score(world, ids: list[int], *readers: int) -> None:
    """Score what was picked, near the judge's levels, and two below it on the human gate."""
    draw = random.Random(5)
    with world.database.write() as session:
        blind.pick(session, world.placement(session), 1000, "ines-01", readers=len(readers))
        for submission_id in ids:
            sent = session.get_one(Submission, submission_id)
            for reader in readers:
                levels = all_at(sent, draw.choice((2, 3))) | {"human_gate": draw.choice((2, 3))}
                blind.commit(session, sent, reader, levels)


def essay(world):
    with world.database.read() as session:
        return next(one for one in calibrations(session, world.placement(session)) if one.item_id == "essay")


def row(found, criterion: str):
    return next(one for one in found.rows if one.criterion.id == criterion)


def test_an_empty_page_says_how_to_start(ines) -> None:
    page = ines.get("calibration").text
    assert "Nobody has scored anything blind here yet" in page
    assert "score 10 blind to start" in page


def test_only_what_was_committed_blind_counts(world, sample_texts) -> None:
    ids = crowd(world, sample_texts["essay"], 3)
    with world.database.write() as session:
        sent = session.get_one(Submission, ids[0])
        given = all_at(sent, 2) | {"economy": 1}
        reasons = {key: Decision(level, "wrong_level") for key, level in given.items()}
        seen = session.scalars(select(JudgementRow.id).where(JudgementRow.submission_id == sent.id)).one()
        release(session, world.placement(session), sent, world.ines_id, reasons, seen)
    assert essay(world).sheets == 0
    score(world, ids[1:], world.ines_id)
    assert essay(world).sheets == 2


def test_few_pairs_are_said_to_be_few(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 12), world.ines_id)
    page = ines.get("calibration").text
    assert "n = 12. Too few to lean on." in page
    found = row(essay(world), "human_gate")
    assert (found.judge.qwk, found.judge.exact) == (None, None)
    assert found.judge.difference is not None


def test_where_the_judge_differs_is_said_first_and_people_stand_beside_it(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 32), world.ines_id, world.tom_id)
    page = ines.get("calibration").text
    assert "On Human gate the judge is 1." in page
    assert "levels kinder than you" in page
    found = essay(world)
    assert row(found, "human_gate").judge.n == 64
    assert row(found, "human_gate").people.n == 32
    assert (row(found, "economy").judge.n, row(found, "economy").unscored) == (0, 64)
    assert page.count('class="hd"') >= 6
    assert [spell.n for spell in found.judges] == [64 * 6]


def test_a_judge_that_is_as_kind_but_agrees_by_chance_is_not_called_the_same(world, ines, sample_texts) -> None:
    ids = crowd(world, sample_texts["essay"], 40, lambda number: number % 5)
    with world.database.write() as session:
        blind.pick(session, world.placement(session), 1000, "ines-01")
        for number, submission_id in enumerate(ids):
            sent = session.get_one(Submission, submission_id)
            levels = all_at(sent, number % 5) | {"retry": 4 * number % 5, "human_gate": 4}
            blind.commit(session, sent, world.ines_id, levels)
    page = ines.get("calibration?item=essay").text
    assert "<h1>On Retry layer the judge and you agree too little to lean on, though neither is kinder.</h1>" in page


def test_a_cell_leads_to_the_answers_behind_it(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 31), world.ines_id)
    table = row(essay(world), "human_gate").judge.table
    page = ines.get("calibration?item=essay&open=human_gate&you=2&judge=4").text
    assert page.count('href="/l/launch-ines-01/review/') == table[2][4] > 0
    assert "Press a number" in ines.get("calibration?item=essay&open=human_gate").text
    for odd in ("you=x&judge=4", "you=99&judge=4", "you=2", "open=none", "item=none"):
        assert ines.get(f"calibration?item=essay&open=human_gate&{odd}").status_code == 200


def test_ten_are_picked_and_the_first_opens(world, ines, sample_texts, sign_in) -> None:
    crowd(world, sample_texts["essay"], 12)
    answer = ines.post("calibration/pick", {"item": "essay", "readers": "2"})
    assert "/review/" in answer.location
    assert ">blind<" in ines.client.get(answer.location).text
    with world.database.read() as session:
        picked = session.scalars(select(BlindPick)).all()
    assert (len(picked), {one.readers for one in picked}) == (10, {2})
    assert {round(one.probability, 3) for one in picked} == {0.833}
    assert "10 wait to be scored blind" in ines.get("calibration").text
    assert ines.post("calibration/pick", {"item": "q1"}).location.endswith("picked=0")
    assert "Nothing is left to pick" in ines.get("calibration?picked=0").text


def test_pairs_are_taken_away_without_names(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 2), world.ines_id)
    rows = list(csv.DictReader(StringIO(ines.get("calibration/pairs.csv").text)))
    assert len(rows) == 2 * 7
    assert {row["judge"] for row in rows if row["criterion"] == "economy"} == {""}
    assert "ines" not in str(rows)


def test_what_a_second_reader_is_still_to_score_tells_no_levels(world, ines, sample_texts) -> None:
    ids = crowd(world, sample_texts["essay"], 2)
    with world.database.write() as session:
        blind.pick(session, world.placement(session), 2, "ines-01", readers=2)
        first, both = (session.get_one(Submission, one) for one in ids)
        blind.commit(session, first, world.ines_id, all_at(first, 2))
        for reader in (world.ines_id, world.tom_id):
            blind.commit(session, both, reader, all_at(both, 2))
        whole, half = both.public_id, first.public_id
    rows = csv.DictReader(StringIO(ines.get("calibration/pairs.csv").text))
    assert {row["submission"] for row in rows} == {whole}
    cell = ines.get("calibration?item=essay&open=human_gate&you=2&judge=4").text
    assert (whole in cell, half in cell) == (True, False)
    assert essay(world).sheets == 2


def test_another_placements_pairs_are_not_here(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 2), world.ines_id)
    with world.database.read() as session:
        assert pairs_of(session, world.tiny(session)) == []


def test_students_see_nothing_of_it(ada) -> None:
    assert ada.get("calibration").status_code == 403
    assert ada.get("calibration/pairs.csv").status_code == 403


# ---- a judge of the course's own, tried ----------------------------------------------------------------------


def test_with_few_sheets_the_page_says_how_many_it_takes(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 4), world.ines_id)
    assert "4 texts were scored blind; a judge is fitted on at least 10." in ines.get("calibration?item=essay").text
    ines.post("calibration/trial", {"item": "essay"})
    with world.database.read() as session:
        assert session.scalars(select(CalibrationRun)).all() == []


def test_one_click_begins_a_trial_and_its_result_releases_nothing(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 12), world.ines_id)
    shown = ines.client.get(ines.post("calibration/trial", {"item": "essay"}).location).text
    assert "It waits for an executor." in shown
    assert ines.get("calibration/trial?item=essay").json["running"]
    assert ines.get("calibration/trial.json?item=essay").status_code == 404

    gate = {"releases": True, "lines": ["essay: 40% may be released unseen, at a risk of at most 9%."]}
    report = {
        "texts": 12,
        "loss": "off by 10 or more",
        "alpha": 0.1,
        "left_out": {"Claim": "all alike."},
        "judges": [{"name": "x", "trained": True, "kappas": {"Retry": {"value": 0.7, "low": 0.5, "high": 0.8}}}],
    }
    report["judges"][0]["gate"] = gate
    with world.database.write() as session:
        run = session.scalars(select(CalibrationRun)).one()
        run.result, run.finished_at = report, utc_now()
    page = ines.get("calibration?item=essay").text
    assert "40% may be released unseen" in page
    assert "without a signature" in page
    assert ".70 (.50–.80)" in page
    assert ines.get("calibration/trial.json?item=essay").json["texts"] == 12


def test_what_a_judge_is_fitted_on_is_read_in_as_many_steps_for_many_texts_as_for_few(world, sample_texts) -> None:
    steps = []
    for count in (10, 22):
        score(world, crowd(world, sample_texts["essay"], 12 if steps else 10), world.ines_id)
        asked: list[str] = []
        with world.database.write() as session:
            run = calibration_runs.begin(session, world.placement(session), "essay", "ines-01")
            event.listen(world.database.engine, "before_cursor_execute", lambda *said, to=asked: to.append(said[2]))
            task = calibration_runs.task_of(session, run.job_id)
        assert len(task.rows) == count
        assert all(row.judged["human_gate"] == 4 for row in task.rows)
        steps.append(sum("FROM rating" in one for one in asked))
    assert steps == [1, 1]


def test_what_could_not_be_fitted_says_why(world, ines, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 12), world.ines_id)
    ines.post("calibration/trial", {"item": "essay"})
    with world.database.write() as session:
        run = session.scalars(select(CalibrationRun)).one()
        run.problem, run.finished_at = "Claim: every text has the same score, so there is nothing to learn.", utc_now()
    assert "so there is nothing to learn" in ines.get("calibration?item=essay").text

"""A judge of the course's own, tried: what is reported, what cannot be, and that nothing is released by it."""

import json
import random

import pytest
from sqlalchemy import func, select

from flows import calibrate, calibration_report
from flows.calibration_report import report_on
from flows.judging.training import TrainingProblem, train
from lti_tool import calibration_runs, claims, jobs
from lti_tool.calibration_runs import BlindRow, CalibrationProblem, Task, begin
from lti_tool.models import CalibrationRun, InstalledGate, Job, Release
from rubrics.model import load_rubric
from tests.lti_tool.web.test_calibration_page import crowd, score

WEAK = ("It may fail sometimes. ", "I think retries are good. ", "Things break and that is bad. ")
STRONG = (
    "Because the second call charges twice, the step carries a key that makes it idempotent. ",
    "A checkpoint after each paid call means that a crash repeats at most one of them. ",
    "The human gate holds the run for days, since no timer may decide what a person must. ",
)


def made_up(count: int, seed: int = 1) -> tuple[BlindRow, ...]:
    """Texts whose good sentences say how people score them, and a judge that gives everybody 2."""
    draw, rows = random.Random(seed), []
    rubric = essay_rubric()
    for number in range(count):
        good = draw.randint(0, 4)
        lines = [draw.choice(STRONG) for _ in range(good * 4)] + [draw.choice(WEAK) for _ in range((4 - good) * 4)]
        draw.shuffle(lines)
        levels = {one.id: min(one.top, max(0, good + draw.choice((0, 0, 0, 1, -1)))) for one in rubric.judged}
        judged = {one.id: 2 for one in rubric.criteria}
        rows.append(
            BlindRow(
                submission=f"s{number}",
                text="".join(lines) + f"Case {number}.",
                people=(levels,),
                judged=judged,
                confidence=dict.fromkeys(judged, 0.6),
                judge="Checklist",
            )
        )
    return tuple(rows)


def essay_rubric():
    return load_rubric("durable-workflows-essay")


def test_both_judges_are_compared_with_the_same_people() -> None:
    report = report_on(Task(1, "essay", essay_rubric(), made_up(60)))
    now, trained = report["judges"]
    assert (report["texts"], now["trained"], trained["trained"]) == (60, False, True)
    # Good sentences can be counted, so that a fit sees them; a judge that always says 2 is wrong more often than not.
    assert trained["kappas"]
    assert min(one["value"] for one in trained["kappas"].values()) > 0.5
    assert not now["gate"]["releases"]
    assert "nothing may be released" in " ".join(now["gate"]["lines"])
    assert "label 40 more" in " ".join(trained["gate"]["lines"])


def test_sheets_of_drawings_are_compared_by_their_points(sample_texts: dict[str, str]) -> None:
    rubric, levels = load_rubric("durable-workflows-drawing"), (0, 1, 2, 3)
    rows = tuple(
        BlindRow(
            submission=f"s{number}",
            text=json.dumps(json.loads(sample_texts["drawing"]) | {"note": f"The run goes on from step {number}."}),
            people=({one.id: levels[number % 4] for one in rubric.criteria},),
            judged={one.id: 2 for one in rubric.criteria},
            confidence={one.id: 0.6 for one in rubric.criteria},
            judge="Checklist",
        )
        for number in range(12)
    )
    now = report_on(Task(1, "drawing", rubric, rows))["judges"][0]
    assert "there are 12" in " ".join(now["gate"]["lines"])  # too few, and every one of them counted


def test_a_criterion_is_fitted_once_beside_its_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []

    def counted(texts, columns, *rest, **more):
        fitted.append((len(texts), len(columns)))
        return train(texts, columns, *rest, **more)

    monkeypatch.setattr(calibration_report, "train", counted)
    report_on(Task(1, "essay", essay_rubric(), made_up(20)))
    judged = len(essay_rubric().judged)
    assert fitted == [(20, judged), *[(16, judged)] * calibration_report.FOLDS]


def test_a_report_holds_nothing_of_a_learner() -> None:
    rows = made_up(20)
    said = str(report_on(Task(1, "essay", essay_rubric(), rows)))
    assert not any(row.text[:40] in said for row in rows)
    assert not any(f"'{row.submission}'" in said for row in rows)


def test_the_same_sheets_give_the_same_report() -> None:
    task = Task(1, "essay", essay_rubric(), made_up(15))
    assert report_on(task) == report_on(task)


def test_a_criterion_on_which_all_are_alike_is_left_out_and_named() -> None:
    rows = tuple(
        BlindRow(row.submission, row.text, ({**row.people[0], "claim": 2},), row.judged, row.confidence, row.judge)
        for row in made_up(20)
    )
    report = report_on(Task(1, "essay", essay_rubric(), rows))
    assert list(report["left_out"].values()) == ["every text has the same score, so there is nothing to learn."]


def test_sheets_that_are_all_alike_are_a_problem_in_words() -> None:
    rows = tuple(
        BlindRow(row.submission, row.text, (dict.fromkeys(row.people[0], 2),), row.judged, row.confidence, row.judge)
        for row in made_up(20)
    )
    with pytest.raises(TrainingProblem, match="nothing to learn"):
        report_on(Task(1, "essay", essay_rubric(), rows))


# ---- from the page to the row --------------------------------------------------------------------------------


@pytest.fixture
def begun(world, monkeypatch) -> int:
    """A run that was asked for, on made-up sheets; the id of its job."""
    monkeypatch.setattr(calibration_runs, "count_texts", lambda *_: 20)
    with world.database.write() as session:
        return begin(session, world.placement(session), "essay", "ines-01").job_id


def claimed(world):
    with world.database.write() as session:
        [claim] = claims.claim(session, owner="one", limit=5, lease_seconds=30, kinds=[jobs.CALIBRATE])
        return claim


def run_of(world) -> CalibrationRun:
    with world.database.read() as session:
        return calibration_runs.newest(session, world.placement(session), "essay")


def test_too_few_sheets_are_said_before_anything_is_begun(world) -> None:
    with world.database.write() as session, pytest.raises(CalibrationProblem, match="0 texts were scored blind"):
        begin(session, world.placement(session), "essay", "ines-01")
    with world.database.write() as session, pytest.raises(CalibrationProblem, match="texts only"):
        begin(session, world.placement(session), "drawing", "ines-01")


def test_a_second_click_finds_the_run_that_is_under_way(world, begun) -> None:
    with world.database.write() as session:
        assert begin(session, world.placement(session), "essay", "tom-01").job_id == begun
        assert session.scalar(select(func.count()).select_from(Job)) == 1


def test_what_came_of_it_is_kept_and_releases_nothing(world, begun, monkeypatch) -> None:
    task = Task(1, "essay", essay_rubric(), made_up(20))
    monkeypatch.setattr(calibration_runs, "task_of", lambda *_: task)
    calibrate.carry_out(world.database, claimed(world))
    run = run_of(world)
    assert (calibration_runs.state_of(run), run.result["texts"]) == ("done", 20)
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(InstalledGate)) == 0
        assert session.scalar(select(func.count()).select_from(Release)) == 0


def test_sheets_that_are_gone_meanwhile_are_a_result_in_words(world, begun) -> None:
    calibrate.carry_out(world.database, claimed(world))
    run = run_of(world)
    assert (calibration_runs.state_of(run), run.problem) == ("refused", "The sheets it was to be fitted on are gone.")


def test_a_fault_of_ours_is_tried_again_and_whoever_lost_the_lease_writes_nothing(world, begun, monkeypatch) -> None:
    def broken(*_):
        raise RuntimeError("no such matrix")

    monkeypatch.setattr(calibration_runs, "task_of", lambda *_: Task(1, "essay", essay_rubric(), made_up(20)))
    monkeypatch.setattr("flows.calibration_report.report_on", broken)
    stalled = claimed(world)
    calibrate.carry_out(world.database, stalled)
    run = run_of(world)
    assert (calibration_runs.state_of(run), run.job.state) == ("waiting", "queued")
    assert "broke off" in (run.job.last_error or "")

    monkeypatch.undo()
    calibrate.carry_out(world.database, stalled)
    assert run_of(world).finished_at is None


@pytest.mark.slow
def test_an_executor_does_it_from_the_rows_of_the_course(world, executor, sample_texts) -> None:
    score(world, crowd(world, sample_texts["essay"], 12), world.ines_id)
    with world.database.write() as session:
        begin(session, world.placement(session), "essay", "ines-01")
    executor().run_until_idle()
    run = run_of(world)
    assert (calibration_runs.state_of(run), run.problem) == ("done", None)
    assert (run.result["texts"], run.result["sheets"]) == (12, 12)
    assert "label 88 more" in str(run.result["judges"][1]["gate"]["lines"])

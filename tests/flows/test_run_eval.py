"""`atelier eval run`: nothing is asked twice, nothing is lost, and what cannot go on says why."""

import json
import math
import resource
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from eval.gate_folder import judge_of, read_folder
from eval.matching import match
from eval.run_folder import ANSWERS, BATCHES, SHEETS, read_lines, read_run, whole_model
from flows import eval_commands
from flows.eval_batches import ask_by_batch
from flows.eval_log import opened
from flows.eval_options import told_name
from flows.eval_sets import sampled
from flows.judging.claude import claude_judge
from flows.judging.judge import Answer, JudgeHeld, JudgeRefused, JudgeRequest, JudgeUnavailable, Reader, Usage
from flows.judging.panel import PanelJudge
from flows.run_eval import GAVE_UP, Desk, Entry, OpenSheet, Plan, Stopped, run
from lti_tool.jobs import MAX_TRIES
from rubrics.drawing import check_drawing, parse_drawing
from rubrics.model import load_rubric
from rubrics.scoring import item_points
from tests.flows.counting_judge import CountingJudge, rate_everything
from tests.flows.eval_judge import WrittenJudge
from tests.flows.judging.anthropic_stub import ApiStub, Raw, Says, error, overloaded
from tests.flows.judging.test_claude import MODEL, api

__all__ = ["api"]

RUBRIC = "durable-workflows-q1"
ROOT = Path(__file__).parents[2]
COLUMNS = ["--id", "id", "--text", "text", "--human", "hit=hit", "--human", "edge=edge", "--min", "0", "--max", "4"]
JUDGED = 2  # of three criteria one is rated by code


def made_set(folder: Path, rows: int = 12) -> Path:
    """Short texts, each beginning with a word of its own, scored 0 to 4 on two criteria."""
    lines = [f"r{at},word{at} the host kills the run at the timeout,{at % 5},{(at * 3) % 5}" for at in range(rows)]
    file = folder / "set.csv"
    file.write_text("\n".join(["id,text,hit,edge", *lines]) + "\n")
    return file


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> CountingJudge:
    """A judge that counts, whatever its name."""
    counting = CountingJudge()
    monkeypatch.setattr(eval_commands, "get_judge", lambda _name: counting)
    return counting


def command(data: Path, out: Path, *more: str) -> list[str]:
    return [str(data), "--rubric", RUBRIC, "--judge", "counting", "--out", str(out), *COLUMNS, *more]


def start(data: Path, out: Path, *more: str) -> Result:
    return CliRunner().invoke(eval_commands.app, command(data, out, *more))


def facts(data: Path, out: Path, *more: str) -> dict[str, Any]:
    result = start(data, out, "--json", *more)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


# ---- a whole run -------------------------------------------------------------------------------------------------


def test_scores_stand_beside_peoples(tmp_path: Path, judge: CountingJudge) -> None:
    found = facts(made_set(tmp_path), tmp_path / "run")
    assert found["judged"] == {"responses": 12, "sheets": 12, "left_out_as_short": 0, "given_up": 0}
    run_folder = read_run(tmp_path / "run")
    matched = match(run_folder.table, "hit", judge="counting", reference="hit")
    assert list(matched.scores.human) == [at % 5 for at in range(12)]
    assert set(matched.scores.system) == {1.0}
    assert run_folder.words("r3") == 9
    assert "word" not in (tmp_path / "run" / "scores.csv").read_text()


def test_said_again_it_asks_nothing(tmp_path: Path, judge: CountingJudge) -> None:
    data = made_set(tmp_path)
    assert facts(data, tmp_path / "run")["calls_of_this_run"] == 12 * JUDGED
    first = (tmp_path / "run" / "scores.csv").read_bytes()
    assert facts(data, tmp_path / "run")["calls_of_this_run"] == 0
    assert len(judge.asked) == 12 * JUDGED
    assert (tmp_path / "run" / "scores.csv").read_bytes() == first


def test_a_higher_limit_only_adds(tmp_path: Path, judge: CountingJudge) -> None:
    data = made_set(tmp_path)
    facts(data, tmp_path / "run", "--limit", "5")
    assert len(judge.asked) == 5 * JUDGED
    assert facts(data, tmp_path / "run", "--limit", "8")["calls_of_this_run"] == 3 * JUDGED
    assert set(sampled([str(at) for at in range(100)], 10, 0)) < set(sampled([str(at) for at in range(100)], 20, 0))


def test_repeats_are_asked_each_and_told_apart(tmp_path: Path, judge: CountingJudge) -> None:
    facts(made_set(tmp_path, 3), tmp_path / "run", "--repeats", "4")
    assert len(judge.asked) == 3 * 4 * JUDGED
    frame = read_run(tmp_path / "run").table.of(rater_kind="judge", criterion="hit", response_id="r1")
    assert sorted(frame["repeat"]) == [0, 1, 2, 3]


def test_the_same_text_is_asked_once(tmp_path: Path, judge: CountingJudge) -> None:
    data = tmp_path / "set.csv"
    data.write_text("id,text,hit,edge\na,one two three,1,1\nb,one two three,2,2\n")
    judged = facts(data, tmp_path / "run")["judged"]
    assert (judged["responses"], judged["sheets"]) == (2, 1)
    assert len(judge.asked) == JUDGED


def test_a_refusal_and_an_unreadable_answer_are_outcomes(tmp_path: Path, judge: CountingJudge) -> None:
    def answer(request: JudgeRequest) -> dict[str, Any]:
        if request.text.startswith("word1 "):
            raise JudgeRefused("refused")
        return {"ratings": "nonsense"} if request.text.startswith("word2 ") else rate_everything(request)

    judge.answer = answer
    data = made_set(tmp_path, 4)
    facts(data, tmp_path / "run")
    table = read_run(tmp_path / "run").table
    codes = table.of(rater_kind="judge", criterion="hit").set_index("response_id")["code"]
    assert dict(codes) == {"r0": "", "r1": "refused", "r2": "no_answer", "r3": ""}
    facts(data, tmp_path / "run")
    assert len(judge.asked) == 4 * JUDGED


def test_short_responses_are_left_out_and_counted(tmp_path: Path, judge: CountingJudge) -> None:
    data = tmp_path / "set.csv"
    data.write_text("id,text,hit,edge\na,No submission,0,0\nb,one two three four five,2,2\n")
    assert facts(data, tmp_path / "run", "--least-words", "5")["judged"] == {
        "responses": 1,
        "sheets": 1,
        "left_out_as_short": 1,
        "given_up": 0,
    }


def test_each_prompt_has_its_own_rubric(tmp_path: Path, judge: CountingJudge) -> None:
    for name in ("q1", "q2"):
        source = (ROOT / "rubrics" / f"durable-workflows-{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(source)
    data = tmp_path / "set.csv"
    data.write_text("id,q,text,hit\na,q1,one two three,1\nb,q2,one two three,2\n")
    arguments = [str(data), "--rubric", str(tmp_path / "{prompt}.yaml"), "--judge", "x", "--out", str(tmp_path / "r")]
    columns = ["--id", "id", "--prompt", "q", "--text", "text", "--human", "hit=hit", "--min", "0", "--max", "4"]
    result = CliRunner().invoke(eval_commands.app, [*arguments, *columns, "--json"])
    assert {one["id"] for one in json.loads(result.stdout)["identity"]["rubrics"].values()} == {
        "durable-workflows-q1",
        "durable-workflows-q2",
    }


def test_a_total_may_stand_for_the_overall_score(tmp_path: Path, judge: CountingJudge) -> None:
    data = tmp_path / "set.csv"
    data.write_text("id,text,mark\n" + "".join(f"r{at},word{at} two three.,{1 + at % 6}\n" for at in range(4)))
    more = ["--id", "id", "--text", "text", "--human", "mark", "--min", "1", "--max", "6", "--json"]
    arguments = [str(data), "--rubric", RUBRIC, "--judge", "x", "--out", str(tmp_path / "run"), *more]
    assert CliRunner().invoke(eval_commands.app, arguments).exit_code == 0
    # 40 of 100 for hit and edge at level 1 of 4, 20 for form at level 2 of 2: 40 of 100 on a scale of 1 to 6 is 3.
    assert set(read_run(tmp_path / "run").table.of(rater_kind="judge")["score"]) == {3.0}


def test_a_drawings_total_counts_what_code_gives_for_its_graph(
    tmp_path: Path, judge: CountingJudge, sample_texts: dict[str, str]
) -> None:
    data, drawing = tmp_path / "set.csv", sample_texts["drawing"].replace('"', '""')
    data.write_text(f'id,text,mark\na,"{drawing}",70\n')
    more = ["--id", "id", "--text", "text", "--human", "mark", "--min", "0", "--max", "100", "--json"]
    rubric = load_rubric("durable-workflows-drawing")
    arguments = [str(data), "--rubric", rubric.id, "--judge", "x", "--out", str(tmp_path / "run"), *more]
    assert CliRunner().invoke(eval_commands.app, arguments).exit_code == 0
    by_code = check_drawing(parse_drawing(sample_texts["drawing"])).points
    assert by_code > 0
    [row] = read_run(tmp_path / "run").table.of(rater_kind="judge").to_dict("records")
    assert row["score"] == item_points(rubric, {one.id: 1 for one in rubric.criteria}, by_code)


def test_a_judge_that_costs_nothing_waits_for_no_prefect() -> None:
    loaded = "import flows.eval_commands, flows.probe_command, sys; print('prefect' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


# ---- broken off ----------------------------------------------------------------------------------------------


def test_a_line_that_the_disk_had_no_room_for_swallows_no_other(tmp_path: Path) -> None:
    first, lost, second = ("a" * 64, "b" * 64, "c" * 64)
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(tmp_path) as log:
        log.answers.add(first, {"number": 1}, durable=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / ANSWERS).stat().st_size + 40, usual[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                log.answers.add(lost, {"body": "x" * 500}, durable=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        log.answers.add(second, {"number": 2}, durable=True)
        assert log.answers.get(second) == {"fingerprint": second, "number": 2}
    with opened(tmp_path) as log:
        assert [(row["fingerprint"], row["number"]) for row in log.answers.rows()] == [(first, 1), (second, 2)]


def test_killed_in_the_middle_it_goes_on_and_repeats_only_the_call_that_was_under_way(tmp_path: Path) -> None:
    data, calls = made_set(tmp_path), tmp_path / "calls"
    arguments = [sys.executable, "-m", "tests.flows.eval_judge", str(calls)]
    killed = subprocess.run([*arguments, "9", "free", *command(data, tmp_path / "run")], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(calls.read_text().splitlines()) == 9
    finished = subprocess.run([*arguments, "0", "free", *command(data, tmp_path / "run")], cwd=ROOT, check=False)
    assert finished.returncode == 0
    asked = Counter(calls.read_text().splitlines())
    assert len(asked) == 12 * JUDGED
    assert [call for call, times in asked.items() if times > 1] == [calls.read_text().splitlines()[8]]


def test_a_line_that_was_cut_off_is_asked_again_and_the_rest_stands(tmp_path: Path, judge: CountingJudge) -> None:
    data, folder = made_set(tmp_path), tmp_path / "run"
    facts(data, folder)
    for name in (ANSWERS, SHEETS):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-20])
    assert facts(data, folder)["calls_of_this_run"] == 1
    assert len(list(read_lines(folder / SHEETS))) == 12


def test_sheets_are_read_anew_from_the_answers_that_were_kept(tmp_path: Path, judge: CountingJudge) -> None:
    data = made_set(tmp_path)
    facts(data, tmp_path / "run")
    (tmp_path / "run" / SHEETS).unlink()
    assert facts(data, tmp_path / "run")["calls_of_this_run"] == 0
    assert len(list(read_lines(tmp_path / "run" / SHEETS))) == 12


def test_two_processes_do_not_share_a_folder(tmp_path: Path, judge: CountingJudge) -> None:
    with opened(tmp_path / "run"):
        result = start(made_set(tmp_path), tmp_path / "run")
    assert result.exit_code == 1
    assert "another run is writing to" in result.stderr


# ---- refusals ----------------------------------------------------------------------------------------------------


def test_another_judge_gets_another_folder(tmp_path: Path, judge: CountingJudge) -> None:
    data = made_set(tmp_path)
    facts(data, tmp_path / "run")
    judge.prompt_hash = "other words"
    result = start(data, tmp_path / "run")
    assert result.exit_code == 1
    assert "holds a run with another judge; choose another folder" in result.stderr


@pytest.mark.parametrize(
    ("content", "more", "says"),
    [
        ("id,text,hit\na,b c,1\n", [], "has no column 'edge'"),
        ("id,text,hit,edge\na,b c,9,1\n", [], "row 2, column score: 9 lies outside 0 to 4"),
        ("id,text,hit,edge\na,b c,1,1\na,d e,2,2\n", [], "again response_id a"),
        ("id,text,hit,edge\na,b c,1,1\n", ["--only", "p"], "there is no prompt 'p'"),
        ("id,text,hit,edge\na,b c,1,1\n", ["--criterion", "hit"], "--criterion takes RUBRIC=TABLE, not 'hit'"),
        (
            "id,text,hit,edge\na,b c,1,1\n",
            ["--criterion", "hit=hit", "--criterion", "hit=edge"],
            "criterion 'hit' is named twice",
        ),
        ("id,text,hit,edge\na,b c,1,1\n", ["--criterion", "x=hit"], "x=hit: the rubric has hit, edge, form"),
        ("id,text,hit,edge\na,b c,1,1\n", ["--texts", "nowhere.jsonl"], "nowhere.jsonl can't be read"),
        ("id,text,hit,edge\na,b c,1,1\n", ["--least-words", "5"], "no response is left to be judged"),
        ("", [], "is empty"),
    ],
)
def test_what_cannot_be_judged_is_said_in_one_sentence(
    tmp_path: Path, judge: CountingJudge, content: str, more: list[str], says: str
) -> None:
    data = tmp_path / "set.csv"
    data.write_text(content)
    result = start(data, tmp_path / "run", *more)
    assert result.exit_code == 1
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert judge.asked == []


def test_criteria_that_have_nothing_in_common_are_named(tmp_path: Path, judge: CountingJudge) -> None:
    data = tmp_path / "set.csv"
    data.write_text("id,text,a,b\nx,one two,1,1\n")
    columns = ["--id", "id", "--text", "text", "--human", "a=a", "--human", "b=b", "--min", "0", "--max", "4"]
    arguments = [str(data), "--rubric", RUBRIC, "--judge", "x", "--out", str(tmp_path / "run"), *columns]
    result = CliRunner().invoke(eval_commands.app, arguments)
    assert "no criterion of rubric durable-workflows-q1 (hit, edge, form) is one of the table's (a, b)" in result.stderr


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        ("checklist", "checklist"),
        ("trained:/home/somebody/course.judge", "trained:course.judge"),
        ("panel:trained:/a/b.judge+claude:claude-sonnet-5-5", "panel:trained:b.judge+claude:claude-sonnet-5-5"),
    ],
)
def test_reports_do_not_tell_where_a_file_lies(judge: str, told: str) -> None:
    assert told_name(judge) == told


# ---- what costs money --------------------------------------------------------------------------------------------


class Priced(CountingJudge):
    """A cent a call."""

    def ask(self, request: JudgeRequest) -> Answer:
        return super().ask(request).model_copy(update={"usage": Usage(usd=0.01)})


def desk_of(log: Any, judge: Any, rows: int = 6, **more: Any) -> Desk:
    rubric = load_rubric(RUBRIC)
    entries = [Entry(f"r{at}", "", f"word{at} the host kills the run") for at in range(rows)]
    return Desk(Plan(judge, {"": rubric}, entries, "eval:test"), log, **more)


def in_this_process(desk: Desk, sheets: list[OpenSheet]) -> None:
    """Asks a paid judge without Prefect."""
    for sheet in sheets:
        try:
            desk.fill_in(sheet)
        except (Stopped, JudgeHeld):
            return
        except JudgeUnavailable as error:
            desk.unreachable = str(error)


def test_the_budget_is_kept_and_what_was_bought_stands(tmp_path: Path) -> None:
    judge = Priced(paid=True)
    with opened(tmp_path) as log:
        # Before a call its likely price has to fit: 220 tokens at the dearest price a criterion.
        desk = desk_of(log, judge, budget_usd=0.05)
        with pytest.raises(Stopped, match=r"The budget of \$0\.05 would be passed"):
            run(desk, in_this_process)  # type: ignore[arg-type]
    assert desk.spent_usd <= 0.05
    assert len(judge.asked) == desk.calls == 4
    with opened(tmp_path) as log:
        run(desk_of(log, judge), in_this_process)  # type: ignore[arg-type]
    assert len(judge.asked) == 6 * JUDGED


def test_held_work_ends_the_run_with_the_judges_own_words(tmp_path: Path) -> None:
    def answer(request: JudgeRequest) -> dict[str, Any]:
        if request.text.startswith("word2"):
            raise JudgeHeld("There is no key.")
        return rate_everything(request)

    judge = CountingJudge(answer, paid=True)
    with opened(tmp_path) as log, pytest.raises(Stopped, match="There is no key"):
        run(desk_of(log, judge), in_this_process)  # type: ignore[arg-type]
    assert len(judge.asked) == 2 * JUDGED + 1


def test_a_model_that_changes_its_id_becomes_two_raters(
    tmp_path: Path, judge: CountingJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountingJudge, "ask", _by_two_models)
    found = facts(made_set(tmp_path), tmp_path / "run")
    assert found["models"] == {"model-1": 18, "model-2": 18}
    table = read_run(tmp_path / "run").table
    assert set(table.of(rater_kind="judge")["rater_id"]) == {"counting (1 model-1)", "counting (1 model-2)"}
    assert "model's id changed" in start(made_set(tmp_path), tmp_path / "run").stdout


def test_a_text_that_was_declined_makes_no_second_model(
    tmp_path: Path, judge: CountingJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(self: CountingJudge, request: JudgeRequest) -> Answer:
        if request.text.startswith("word1 "):
            raise JudgeRefused("too_long")  # nobody answered, so that only the short name is known
        return Answer(body=self.answer(request), model="model-long-name")

    monkeypatch.setattr(CountingJudge, "ask", ask)
    found = facts(made_set(tmp_path, 4), tmp_path / "run")
    assert found["models"] == {"model-long-name": 9}  # a gate may be made of this run
    codes = read_run(tmp_path / "run").table.of(rater_kind="judge", criterion="hit")["code"]
    assert sorted(codes) == ["", "", "", "too_long"]


def test_a_run_on_which_the_judge_said_nothing_says_so(
    tmp_path: Path, judge: CountingJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(self: CountingJudge, request: JudgeRequest) -> Answer:
        raise JudgeRefused("too_long")

    monkeypatch.setattr(CountingJudge, "ask", ask)
    assert "4 sheets, on which the judge said nothing; in " in start(made_set(tmp_path, 4), tmp_path / "run").stdout


def _by_two_models(self: CountingJudge, request: JudgeRequest) -> Answer:
    number = int(request.text.split()[0].removeprefix("word"))
    return Answer(body=self.answer(request), model=f"model-{1 + (number >= 6)}")


def test_a_dry_run_asks_nobody(tmp_path: Path, judge: CountingJudge) -> None:
    result = start(made_set(tmp_path), tmp_path / "run", "--dry-run")
    assert result.exit_code == 0
    assert "12 texts, 1 times each, 24 calls" in result.stdout
    assert judge.asked == []
    assert not (tmp_path / "run").exists()


# ---- batches -----------------------------------------------------------------------------------------------------


def rows_of(request: dict[str, Any], level: int = 2) -> Says:
    """Levels for whatever a question asks, on the text's first words."""
    asked = request["output_config"]["format"]["schema"]["required"]
    row = {"quotes": ["the host kills"], "looked_for": "", "comment": "Said.", "level": level}
    return Says(json.dumps(dict.fromkeys(asked, row)))


def test_a_batch_fills_in_the_sheets_at_half_the_price(api: ApiStub, tmp_path: Path) -> None:
    api.script, api.polls_until_done = rows_of, 3
    waited: list[float] = []
    with opened(tmp_path) as log:
        desk = desk_of(log, claude_judge(MODEL))
        run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets, wait=waited.append))
        assert len(list(log.sheets.rows())) == 6
    assert len(waited) == 2
    assert [row["state"] for row in read_lines(tmp_path / BATCHES)] == ["sending", "sent", "read"]
    assert len(api.asked) == 6 * JUDGED
    assert desk.spent_usd > 0


def test_a_batch_that_was_sent_is_waited_for_and_not_sent_again(api: ApiStub, tmp_path: Path) -> None:
    class Killed(BaseException):
        """As if the process had died."""

    def die(_seconds: float) -> None:
        raise Killed

    api.script, api.polls_until_done = rows_of, 2
    with opened(tmp_path) as log:
        desk = desk_of(log, claude_judge(MODEL))
        with pytest.raises(Killed):
            run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets, wait=die))
    with opened(tmp_path) as log:
        desk = desk_of(log, claude_judge(MODEL))
        run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets, wait=die))
    assert len(api.batches) == 1
    assert desk.calls == 6 * JUDGED


def test_what_failed_in_a_batch_is_asked_again_by_the_next_run(api: ApiStub, tmp_path: Path) -> None:
    failing = ["word3"]
    api.script = lambda request: (
        overloaded() if failing and failing[0] in str(request["messages"]) else rows_of(request)
    )
    with opened(tmp_path) as log, pytest.raises(Stopped, match="failed or expired"):
        run(desk_of(log, claude_judge(MODEL)), lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
    failing.clear()
    with opened(tmp_path) as log:
        desk = desk_of(log, claude_judge(MODEL))
        run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
    assert desk.calls == JUDGED


def test_what_fails_in_every_batch_is_given_up_and_goes_to_a_person(api: ApiStub, tmp_path: Path) -> None:
    api.script = lambda request: overloaded() if "word3" in str(request["messages"]) else rows_of(request)
    for _ in range(MAX_TRIES - 1):
        with opened(tmp_path) as log, pytest.raises(Stopped, match="failed or expired"):
            run(desk_of(log, claude_judge(MODEL)), lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
    with opened(tmp_path) as log:
        run(desk_of(log, claude_judge(MODEL)), lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
        reasons = [{one.get("reason") for one in row["ratings"]} for row in log.sheets.rows()]
    assert sum(GAVE_UP in one for one in reasons) == 1
    assert len(api.batches) == MAX_TRIES
    with opened(tmp_path) as log:
        run(desk_of(log, claude_judge(MODEL)), lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
    assert len(api.batches) == MAX_TRIES


def test_what_was_given_up_is_said_in_the_summary() -> None:
    manifest = {
        "judged": {"responses": 6, "sheets": 6, "given_up": 1},
        "took": {"usd": 0},
        "models": {"m": 5},
        "identity": {"judge": {"parameters": {}}},
    }
    said = eval_commands._summary(manifest, Path("runs"))
    assert "1 sheet with questions that failed 8 times: unscored (failed_every_time), a person decides" in said


# ---- a panel -----------------------------------------------------------------------------------------------------


def test_a_panel_whose_member_declined_a_text_is_still_one_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def declines(request: JudgeRequest) -> dict[str, Any]:
        if request.text.startswith("word3 "):
            raise JudgeRefused("declined")
        return rate_everything(request)

    members = [CountingJudge(name="one", model="a"), CountingJudge(name="two", model="b", answer=declines)]
    panel = PanelJudge("panel", [Reader(one) for one in members])
    monkeypatch.setattr(eval_commands, "get_judge", lambda _name: panel)
    found = facts(made_set(tmp_path), tmp_path / "run")
    assert set(found["models"]) == {"a+b", "a"}
    table = read_run(tmp_path / "run").table.of(rater_kind="judge")
    assert set(table["rater_id"]) == {"counting"}
    assert set(table[table["response_id"] == "r3"]["score"]) == {1.0}
    assert judge_of(read_run(tmp_path / "run")).model == "a+b"
    rows = read_folder(tmp_path / "run", None, "hit", "none", (), sheets=False, blind=True).rows
    assert [row.id for row in rows if math.isnan(row.confidence)] == ["r3"]


@pytest.mark.parametrize(
    ("models", "members", "whole"),
    [
        (["a"], [], "a"),
        (["a-1", "a-2"], [], None),
        (["a+b", "a", "b"], ["a", "b"], "a+b"),
        (["a+b-1", "a+b-2"], ["a", "b"], None),
        (["a-1", "a-1+a-2"], ["a", "a"], None),  # one model read twice, and it changed
        ([], ["a", "b"], None),
    ],
)
def test_which_model_a_run_was_by(models: list[str], members: list[str], whole: str | None) -> None:
    parameters = {"readers": [[f"r{at}", "1", one, {}, at] for at, one in enumerate(members)]}
    assert whole_model(models, parameters) == whole


def test_a_batch_whose_id_nobody_kept_is_not_sent_again_unasked(api: ApiStub, tmp_path: Path) -> None:
    (tmp_path / BATCHES).write_text('{"state": "sending", "questions": 12, "at": "2026-11-26T10:00:00+00:00"}\n')
    api.script = rows_of
    with opened(tmp_path) as log:
        desk = desk_of(log, claude_judge(MODEL))
        with pytest.raises(Stopped, match="was being sent at 2026-11-26T10:00:00"):
            run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
        assert api.batches == {}
        run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets, batch_id="none"))
    assert len(api.batches) == 1


@pytest.mark.parametrize(
    ("reply", "in_doubt"),
    [
        (error(401, "authentication_error"), False),
        (error(429, "rate_limit_error"), False),
        (error(413, "request_too_large"), False),
        (error(500, "api_error"), True),
    ],
)
def test_a_batch_that_was_refused_leaves_no_doubt_whether_it_was_sent(
    api: ApiStub, tmp_path: Path, reply: Raw, in_doubt: bool
) -> None:
    api.script, api.no_batch = rows_of, reply
    with opened(tmp_path) as log, pytest.raises(Stopped):
        run(desk_of(log, claude_judge(MODEL)), lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
    assert api.refused == [reply.body.decode()]
    api.no_batch = None
    with opened(tmp_path) as log:
        desk = desk_of(log, claude_judge(MODEL))
        if in_doubt:
            with pytest.raises(Stopped, match="Look it up"):
                run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
        else:
            run(desk, lambda desk, sheets: ask_by_batch(tmp_path, desk, sheets))
    assert len(api.batches) == (0 if in_doubt else 1)


# ---- Prefect -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_paid_judge_is_asked_by_cached_tasks_and_asked_again_when_it_was_busy(
    prefect_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import judge_submissions
    from flows.eval_flow import ask_by_prefect

    busy = Counter[str]()

    def answer(request: JudgeRequest) -> dict[str, Any]:
        first = request.text.split()[0]
        busy[first] += 1
        if first == "word1" and busy[first] == 1:
            raise JudgeUnavailable("busy", 0.0)
        return rate_everything(request)

    assert judge_submissions.ASK_AGAIN_AFTER[0] == 1.0
    judge = Priced(answer, paid=True)
    with opened(tmp_path / "one") as log:
        desk = desk_of(log, judge)
        run(desk, lambda desk, sheets: ask_by_prefect(tmp_path / "one", desk, sheets))
        assert len(list(log.sheets.rows())) == 6
    assert len(judge.asked) == 6 * JUDGED + 1
    # Another folder has Prefect's receipts and none of the answers: a receipt without its answer is void.
    with opened(tmp_path / "two") as log:
        desk = desk_of(log, judge)
        run(desk, lambda desk, sheets: ask_by_prefect(tmp_path / "two", desk, sheets))
    assert desk.calls == 6 * JUDGED


@pytest.mark.slow
def test_a_paid_run_that_was_killed_buys_again_only_what_was_under_way(tmp_path: Path) -> None:
    data, calls = made_set(tmp_path), tmp_path / "calls"
    arguments = [sys.executable, "-m", "tests.flows.eval_judge", str(calls)]
    killed = subprocess.run([*arguments, "9", "paid", *command(data, tmp_path / "run")], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    kept = len(list(read_lines(tmp_path / "run" / ANSWERS)))
    before = len(calls.read_text().splitlines())
    finished = subprocess.run([*arguments, "0", "paid", *command(data, tmp_path / "run")], cwd=ROOT, check=False)
    assert finished.returncode == 0
    after = calls.read_text().splitlines()
    assert len(after) - before == 12 * JUDGED - kept
    assert len(set(after)) == 12 * JUDGED


def test_a_written_judge_writes_its_calls(tmp_path: Path) -> None:
    judge = WrittenJudge(tmp_path / "calls")
    rubric = load_rubric(RUBRIC)
    judge.ask(JudgeRequest(rubric, ("hit",), "one two", {}))
    assert (tmp_path / "calls").read_text() == "one:hit:0\n"

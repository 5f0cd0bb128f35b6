"""What a student sees of judging, and of the result."""

import contextlib
import json
import re
from html import unescape
from threading import BoundedSemaphore

import pytest
from sqlalchemy import event, select

from lti_tool import jobs
from lti_tool.attempts import submit
from lti_tool.models import Job, Passback, Submission
from lti_tool.reviews import Decision
from lti_tool.web import stages_stream
from tests.lti_tool.judged import judge_as
from tests.lti_tool.web.ada import LEVELS, NASTY, TAKE, judged, page_name, released

BO = "launch-bo-01"


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


# ---- the stream ----------------------------------------------------------------------------------------------


def streamed(ada, public_id: str, *, token: bool = True, after: int = 0):
    """The answer to a script that reads the stream."""
    headers = {"X-Form-Token": ada.seal()} if token else {}
    return ada.client.get(ada.url(f"submissions/{public_id}/stream?after={after}"), headers=headers)


def test_the_stream_tells_what_happens_until_there_is_a_sheet(ada, world, running) -> None:
    public_id, job_id = running
    ada.client.get(ada.url("help"))
    with world.database.write() as session:
        world.placement(session).settings = {"show_judged": True}
    lines = iter(streamed(ada, public_id).response)
    assert next(lines) == b": open\n\n"
    first = json.loads(next(lines).decode().split("data: ")[1])
    assert [stage["stage"] for stage in first["stages"]] == ["received", "reading", "judging", "judging"]
    with world.database.write() as session:
        sent = session.scalars(select(Submission).where(Submission.public_id == public_id)).one()
        judge_as(session, sent, LEVELS)
        jobs.add_event(session, job_id, "scoring", levels={"claim": 4})
    last = json.loads(next(lines).decode().split("data: ")[1])
    assert [(stage["stage"], stage["detail"]) for stage in last["stages"]] == [("scoring", {})]
    assert last["result"].endswith(f"/submissions/{public_id}")
    assert list(lines) == []


def test_while_nothing_happens_the_stream_asks_for_the_newest_stage_and_nothing_else(
    ada, world, running, monkeypatch
) -> None:
    public_id, _ = running
    monkeypatch.setattr(stages_stream, "LOOK_EVERY", 0.001)
    monkeypatch.setattr(stages_stream, "PING_EVERY", 0.02)
    asked: list[str] = []
    with contextlib.closing(streamed(ada, public_id).response) as answer:
        lines = iter(answer)
        assert [next(lines)[:3] for _ in range(2)] == [b": o", b"id:"]
        event.listen(world.database.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
        assert next(lines) == b": still here\n\n"
    looks = [one for one in asked if one != "BEGIN"]
    assert looks
    assert [one for one in looks if "max(job_event.id)" not in one] == []


def test_the_stream_asks_for_the_pages_token_and_for_ones_own_work(ada, sign_in, running) -> None:
    public_id, _ = running
    assert streamed(ada, public_id, token=False).status_code == 403
    assert streamed(sign_in(BO), public_id).status_code == 404


def test_where_every_stream_is_taken_the_page_is_told_to_ask(ada, running, monkeypatch) -> None:
    public_id, _ = running
    monkeypatch.setattr(stages_stream, "_free", BoundedSemaphore(1))
    with contextlib.closing(streamed(ada, public_id).response) as taken:
        next(iter(taken))
        assert streamed(ada, public_id).status_code == 204
    assert streamed(ada, public_id).status_code == 200  # what was given back can be taken again


def test_a_judge_that_broke_will_resume_where_it_was(ada, world, running) -> None:
    public_id, job_id = running
    with world.database.write() as session:
        jobs.add_event(session, job_id, "waiting", reason="secret words of a fault")
        session.get_one(Job, job_id).state = "queued"
    page = unescape(ada.get(f"submissions/{public_id}/judging").text)
    assert "It broke at “judging 3 of 7” and will resume there. Nothing lost, no attempt used." in page
    assert "secret" not in page
    with world.database.write() as session:
        jobs.add_event(session, job_id, "resumed", at="judging 3 of 7")
    page = unescape(ada.get(f"submissions/{public_id}/judging").text)
    assert "will resume there" not in page
    assert "It broke at “judging 3 of 7” and resumed there." in page

"""The researchers' pages: a link of their own, nobody named, small sets kept back, runs shown and compared."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import select

from lti_tool import blind
from lti_tool.admin import make_code
from lti_tool.attempts import submit
from lti_tool.models import Audit, NoticeAcceptance, Person, ResourceLink, Submission
from lti_tool.reviews import release
from lti_tool.web.admin import COOKIE
from lti_tool.web.research import DOOR
from tests.lti_tool.door import error_code
from tests.lti_tool.judged import all_at, decisions, judge_as

HERE = {"base_url": "https://localhost"}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("ATELIER_EVAL_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def researcher(runs, app, world):
    browser = app.test_client()
    with world.database.write() as session:
        code = make_code(session, "research")
    assert browser.post("/research/enter", data={"code": code}, **HERE).status_code == 303
    return browser


def get(browser, path: str = ""):
    return browser.get(f"/research{path}", **HERE)


def ask_for(browser, **form: str):
    seal = get(browser).text.split('name="form_token" value="')[1].split('"')[0]
    return browser.post("/research/sets", data={"form_token": seal, "lesson": "durable-workflows", **form}, **HERE)


def scored(world, text: str, learners: int, *, accepted: int | None = None, blinds: int = 0) -> list[int]:
    """Essays of so many learners that Ines confirmed; the first ones she scored blind; so many accepted the notice."""
    ids = []
    with world.database.write() as session:
        link = world.placement(session)
        for number in range(learners):
            person = Person(registration_id=world.registration_id, sub=f"r-{number}", handle=f"reader-{number:02}")
            session.add(person)
            session.flush()
            if accepted is None or number < accepted:
                session.add(NoticeAcceptance(context_id=link.context_id, person_id=person.id, version="1"))
            sent = submit(session, link, person.id, "essay", f"{text} {number}.")
            seen = judge_as(session, sent, all_at(sent, 2))
            if number >= blinds:
                release(session, link, sent, world.ines_id, decisions(all_at(sent, 2)), seen.id)
            ids.append(sent.id)
        blind.pick(session, link, 1000, "ines-01")
        for submission_id in ids[:blinds]:
            sent = session.get_one(Submission, submission_id)
            blind.commit(session, sent, world.ines_id, all_at(sent, 3))
    return ids


# ---- who may ------------------------------------------------------------------------------------------------


def test_an_admins_link_and_session_open_nothing_here_nor_theirs_there(app, runs, world) -> None:
    with world.database.write() as session:
        for_admin, for_research = make_code(session), make_code(session, "research")
    browser = app.test_client()
    assert error_code(browser.post("/research/enter", data={"code": for_admin}, **HERE)) == "research_link_used"
    assert error_code(browser.post("/admin/enter", data={"code": for_research}, **HERE)) == "admin_link_used"
    answer = browser.post("/admin/enter", data={"code": for_admin}, **HERE)  # neither was used up by the wrong door
    token = answer.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    browser.set_cookie(DOOR.cookie, token, path="/research", domain="localhost")
    assert error_code(get(browser)) == "research_signed_out"
    answer = browser.post("/research/enter", data={"code": for_research}, **HERE)
    token = answer.headers["Set-Cookie"].split("=", 1)[1].split(";")[0]
    assert get(browser).status_code == 200
    browser.set_cookie(COOKIE, token, path="/admin", domain="localhost")
    assert error_code(browser.get("/admin", **HERE)) == "admin_signed_out"


@pytest.mark.parametrize("path", ["", "/runs/first/report", "/runs/first/scores.csv", "/compared?a=x&b=y"])
def test_without_a_session_nothing_opens(app, runs, sign_in, path: str) -> None:
    ines = sign_in("launch-ines-01")
    browser = app.test_client()
    browser.set_cookie(DOOR.cookie, ines.token, path="/research", domain="localhost")
    assert error_code(get(browser, path)) == "research_signed_out"


def test_a_download_needs_its_sealed_form(researcher, world, sample_texts) -> None:
    scored(world, sample_texts["essay"], 10)
    form = {"lesson": "durable-workflows", "item": "essay"}
    assert error_code(researcher.post("/research/sets", data=form, **HERE)) == "form_token_missing"
    assert error_code(researcher.post("/research/sets", data={**form, "form_token": "x"}, **HERE)) == "form_token_wrong"


# ---- sets ---------------------------------------------------------------------------------------------------


def test_a_set_leaves_without_names_or_texts_and_is_written_down(researcher, world, sample_texts) -> None:
    scored(world, sample_texts["essay"], 12, blinds=10)
    answer = ask_for(researcher, item="essay")
    rows = list(csv.DictReader(StringIO(answer.text)))
    people = [row for row in rows if row["rater_kind"] == "human" and row["criterion"] == "claim"]
    assert (len(people), sum(row["blind"] == "yes" for row in people)) == (12, 10)
    assert {row["score"] for row in people if row["blind"] == "yes"} == {"3"}
    assert "reader-0" not in answer.text
    assert "ines" not in answer.text
    assert sample_texts["essay"][:40] not in answer.text
    only = list(csv.DictReader(StringIO(ask_for(researcher, item="essay", blind="yes").text)))
    assert {row["response_id"] for row in only}.isdisjoint({row["response_id"] for row in rows})  # named anew
    assert len({row["response_id"] for row in only}) == 10
    with world.database.read() as session:
        noted = session.scalars(select(Audit).where(Audit.kind == "research", Audit.code == "downloaded")).all()
        assert [row.detail["responses"] for row in noted] == [12, 10]


@pytest.mark.parametrize(("learners", "accepted"), [(9, 9), (30, 9)])
def test_few_learners_or_few_who_accepted_are_no_set(researcher, world, sample_texts, learners, accepted) -> None:
    scored(world, sample_texts["essay"], learners, accepted=accepted)
    page = get(researcher).text
    assert "under 10 learners" in page
    assert "not offered" in page
    refused = ask_for(researcher, item="essay")
    assert refused.status_code == 422
    assert "Fewer than 10 learners" in refused.text


def test_few_learners_who_were_scored_blind_are_no_set_of_their_own(researcher, world, sample_texts) -> None:
    scored(world, sample_texts["essay"], 12, blinds=9)
    assert ">blind only<" not in get(researcher).text
    refused = ask_for(researcher, item="essay", blind="yes")
    assert (refused.status_code, refused.mimetype) == (422, "text/html")
    assert "Answers of 9 learners were scored blind; from 10 on they can leave." in refused.text
    assert ask_for(researcher, item="essay").status_code == 200


def test_a_tool_without_scores_says_what_will_appear(researcher) -> None:
    page = get(researcher).text
    assert "Nobody has scored an answer yet." in page
    assert "No runs in" in page


# ---- runs ---------------------------------------------------------------------------------------------------


def keep_run(runs: Path, name: str, judge: str, shift: int = 0) -> Path:
    folder = runs / name
    folder.mkdir(parents=True)
    rows = ["response_id,prompt_id,criterion,rater_id,rater_kind,score,scale_min,scale_max,step"]
    for number in range(120):
        human, judged = number % 5, min(4, max(0, number % 5 + (shift if number % 2 else 0)))
        rows += [f"r{number},p,claim,ann,human,{human},0,4,1", f"r{number},p,claim,{judge},judge,{judged},0,4,1"]
    (folder / "scores.csv").write_text("\n".join(rows) + "\n")
    told = {
        "identity": {"judge": {"name": judge, "version": "3"}},
        "judged": {"responses": 120},
        "took": {"usd": 1.5},
        "models": {"model-1": 120},
        "data": {"file": "set.csv", "sha256": "ab" * 32},
        "written_at": "2026-11-01T10:00:00+00:00",
    }
    (folder / "run.json").write_text(json.dumps(told))
    return folder


def test_runs_are_listed_with_what_their_reports_say(researcher, runs) -> None:
    folder = keep_run(runs, "first", "checklist")
    page = get(researcher).text
    assert "$1.50" in page
    assert "set.csv" in page
    assert "abababababab" in page
    assert "No report yet: atelier eval report" in page
    (folder / "report.html").write_text("<!doctype html><style>p{}</style><p>The report.</p>")
    (folder / "report.json").write_text(json.dumps({"verdict": {"sentence": "Agrees.", "stamp": "criteria met"}}))
    page = get(researcher).text
    assert "Agrees." in page
    assert "criteria met" in page
    assert "No report yet" not in page
    report = get(researcher, "/runs/first/report")
    assert "The report." in report.text
    policy = report.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "script" not in policy
    assert get(researcher, "/runs/first/scores.csv").text.startswith("response_id,")


def test_a_report_with_students_words_is_not_shown(researcher, runs) -> None:
    folder = keep_run(runs, "first", "checklist")
    (folder / "report.html").write_text("Ada wrote this.")
    (folder / "report.json").write_text(json.dumps({"with_text": True, "verdict": {"sentence": "Agrees."}}))
    assert "holds students’ words" in get(researcher).text
    assert get(researcher, "/runs/first/report").status_code == 404
    assert get(researcher, "/runs/first/report.json").status_code == 404


@pytest.mark.parametrize("path", ["sheets.jsonl", "answers.jsonl", "run.json", "..%2f..%2fsecret", "nothing.csv"])
def test_nothing_else_of_a_run_can_be_had(researcher, runs, path: str) -> None:
    folder = keep_run(runs, "first", "checklist")
    (folder / "sheets.jsonl").write_text('{"quote": "Ada wrote this."}\n')
    (runs.parent / "secret").write_text("secret")
    assert get(researcher, f"/runs/first/{path}").status_code == 404
    assert get(researcher, f"/runs/..%2fruns%2ffirst/{path}").status_code == 404


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"identity": 3}', '{"written_at": "x"}'])
def test_a_run_that_cannot_be_read_does_not_hide_the_others(researcher, runs, broken: str) -> None:
    keep_run(runs, "first", "checklist")
    (keep_run(runs, "torn", "checklist") / "run.json").write_text(broken)
    page = get(researcher).text
    assert "run.json can’t be read." in page
    assert "set.csv" in page
    assert get(researcher, "/runs/torn/scores.csv").status_code == 404


def test_two_runs_are_compared_once(researcher, runs) -> None:
    keep_run(runs, "good", "near")
    keep_run(runs, "worse", "far", shift=2)
    page = get(researcher, "/compared?a=good&b=worse&margin=0.05").text
    assert "<b>A is better</b>" in page
    [known] = (runs / ".comparisons").glob("*.json")
    known.write_text(known.read_text().replace('"first": "near"', '"first": "kept"'))
    assert "kept" in get(researcher, "/compared?a=good&b=worse&margin=0.05").text
    with (runs / "good" / "scores.csv").open("a") as file:
        file.write("r999,p,claim,ann,human,1,0,4,1\n")
    assert "kept" not in get(researcher, "/compared?a=good&b=worse&margin=0.05").text  # other scores: compared anew


def test_two_runs_that_share_too_few_answers_show_no_figures(researcher, runs) -> None:
    keep_run(runs, "good", "near")
    other = keep_run(runs, "other", "far")
    (other / "scores.csv").write_text((other / "scores.csv").read_text().replace("\nr", "\nq"))
    answer = get(researcher, "/compared?a=good&b=other")
    assert answer.status_code == 200
    assert "0 rows that both judges scored" in answer.text


def test_what_cannot_be_compared_is_said_in_words(researcher, runs) -> None:
    keep_run(runs, "good", "near")
    other = keep_run(runs, "other", "far")
    for query in ("a=good&b=good", "a=good&b=none", "a=good&b=..%2fgood", "a=&b="):
        answer = get(researcher, f"/compared?{query}")
        assert answer.status_code == 422
        assert "Choose two different runs" in answer.text
    table = (other / "scores.csv").read_text()
    (other / "scores.csv").write_text(table.replace(",claim,", ",retry,"))
    assert "share no criterion" in get(researcher, "/compared?a=good&b=other").text
    assert list((runs / ".comparisons").glob("*.json")) == []


def test_a_kept_comparison_that_is_torn_is_made_again(researcher, runs) -> None:
    keep_run(runs, "good", "near")
    keep_run(runs, "worse", "far", shift=2)
    get(researcher, "/compared?a=good&b=worse")
    [known] = (runs / ".comparisons").glob("*.json")
    known.write_text("{")
    assert get(researcher, "/compared?a=good&b=worse").status_code == 422
    assert get(researcher, "/compared?a=good&b=worse").status_code == 200


def test_leaving_ends_the_session(researcher, world) -> None:
    seal = get(researcher).text.split('name="form_token" value="')[1].split('"')[0]
    assert researcher.post("/research/leave", data={"form_token": seal}, **HERE).status_code == 303
    assert error_code(get(researcher)) == "research_signed_out"
    with world.database.read() as session:
        assert session.scalars(select(ResourceLink.id)).first()

"""A placement's settings: what is saved takes effect where it matters, and nothing typed is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from lti_tool import placement_settings, purging
from lti_tool.attempts import attempts_allowed, save_draft, submit
from lti_tool.db import Database, utc_now
from lti_tool.deadlines import deadlines_for
from lti_tool.erasing import due_for_erasing, erase_work
from lti_tool.lessons import current_lesson
from lti_tool.models import AnswerRow, Audit, Base, Draft, Launch, PendingRelease, Person, RatingRow, Submission
from lti_tool.pending_releases import decide
from lti_tool.placement_settings import SettingsMoved, chosen_of, grant, version_of
from lti_tool.purge_command import app as purge
from lti_tool.scores import lesson_standing
from lti_tool.settings import Settings, get_settings
from lti_tool.spending import spent_on
from lti_tool.web.app import create_app
from lti_tool.web.records import _placed
from lti_tool.web.sessions import COOKIE, open_session
from tests.conftest import World, populate
from tests.lti_tool.judged import all_at, decisions, judge_as
from tests.lti_tool.web.conftest import Browser

INES, ADA = "launch-ines-01", "launch-ada-01"


def fields(page: str) -> dict[str, str]:
    """The form of the settings as a browser would send it."""
    form = page.split('<form id="settings"')[1].split("</form>")[0]
    sent = {}
    for tag in re.findall(r"<input[^>]*>", form):
        found = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if found.get("type") not in ("radio", "checkbox") or " checked" in tag:
            sent[found["name"]] = unescape(found.get("value", ""))
    for name, inner in re.findall(r'<select[^>]*name="([^"]*)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.findall(r'<option value="([^"]*)" selected', inner)
        sent[name] = unescape(chosen[0]) if chosen else ""
    sent["notice"] = unescape(re.findall(r"<textarea[^>]*>(.*?)</textarea>", form, re.S)[0])
    return sent


def save(browser: Any, **changes: str) -> Any:
    """The form as it is, with changes to it; `...` takes a field out."""
    sent = fields(browser.get("settings").text) | changes
    return browser.post("settings", {name: value for name, value in sent.items() if value is not ...})


def settings_of(world: World) -> dict[str, Any]:
    with world.database.read() as session:
        return dict(world.placement(session).settings)


def said(answer: Any, browser: Any) -> str:
    assert answer.status_code == 303, answer.text
    return browser.client.get(answer.location).text


# ---- saving --------------------------------------------------------------------------------------------------


def test_nothing_typed_saves_nothing(sign_in, world) -> None:
    ines = sign_in(INES)
    assert "Nothing had changed." in said(save(ines), ines)
    assert settings_of(world) == {}


def test_weights_that_make_not_quite_a_hundred_are_refused(sign_in, world) -> None:
    """What is left over would leave every score unmade."""
    weights = {f"weight-{item_id}": "33.3333333" for item_id in ("q2", "essay", "drawing")}
    answer = save(sign_in(INES), **weights, **{"weight-q1": "0"})
    assert answer.status_code == 422
    assert "these sum to 99.9999999." in answer.text
    assert settings_of(world) == {}


def test_a_date_that_is_moved_moves_what_is_decided_already(sign_in, world, submission) -> None:
    """Scores are shown on the day that stands here, whenever somebody confirmed them."""
    ines, first, second = sign_in(INES), utc_now() + timedelta(days=1), utc_now() + timedelta(days=4)
    save(ines, release="date", release_on=first.isoformat())
    with world.database.write() as session:
        link, sent = world.placement(session), session.get_one(Submission, submission.id)
        judgement = judge_as(session, sent, all_at(sent, 3))
        decide(session, link, sent, world.ines_id, decisions(all_at(sent, 3)), judgement.id)
    save(ines, release_on=second.isoformat())
    with world.database.read() as session:
        assert session.scalars(select(PendingRelease.due_at)).one() == second


def test_what_is_saved_holds_where_it_matters_and_is_written_down(sign_in, world) -> None:
    ines = sign_in(INES)
    page = said(
        save(ines, **{"attempts-essay": "5", "counts": "last", "weight-essay": "60", "weight-drawing": "20"}), ines
    )
    assert "Saved: attempts, which attempt counts, weights." in page
    with world.database.read() as session:
        link = world.placement(session)
        essay = current_lesson(session, link.lesson_slug).lesson.item("essay")
        assert attempts_allowed(session, link, world.ada_id, essay) == 5
        assert lesson_standing(session, link, world.ada_id).weights["essay"] == 60
        audit = session.scalars(select(Audit).where(Audit.kind == "settings")).one()
        assert audit.detail["names"] == ["attempts", "counts", "weights"]
        assert audit.detail["by"] == world.ines_id


def test_the_usual_value_again_is_taken_out(sign_in, world) -> None:
    ines = sign_in(INES)
    save(ines, counts="last", notice="We read it together.")
    assert settings_of(world)["counts"] == "last"
    save(ines, counts="best", notice="")
    assert {name: value for name, value in settings_of(world).items() if name != "chosen"} == {}


@pytest.mark.parametrize("budget", ["1500", "1500.25", "0.125", "99999.99"])
def test_numbers_stay_what_they_are_however_often_the_page_is_saved(sign_in, world, budget: str) -> None:
    ines = sign_in(INES)
    weights = {f"weight-{item}": "33.333333" for item in ("q1", "essay")} | {"weight-drawing": "33.333334"}
    page = said(save(ines, budget_usd=budget, audit_share="12.5", **weights, **{"weight-q2": "0"}), ines)
    kept = settings_of(world)
    assert (kept["budget_usd"], kept["audit_share"]) == (float(budget), 0.125)
    assert fields(page)["budget_usd"] == budget
    assert "Nothing had changed." in said(save(ines), ines)
    assert settings_of(world) == kept


def test_a_number_that_can_be_read_in_two_ways_is_asked_about(sign_in, world) -> None:
    answer = save(sign_in(INES), budget_usd="1,500")
    assert (answer.status_code, settings_of(world)) == (422, {})
    assert "nothing between thousands" in answer.text
    assert fields(answer.text)["budget_usd"] == "1,500"
    save(sign_in(INES), budget_usd="1,5")
    assert settings_of(world)["budget_usd"] == 1.5


SHARES = {"review": ("0", "0"), "auto": ("10", "0"), "gate": ("0", "10"), "date": ("0", "0")}


@pytest.mark.parametrize(("release", "shares"), SHARES.items(), ids=SHARES)
def test_the_shares_on_the_page_are_those_that_are_drawn(sign_in, world, release: str, shares: tuple[str, str]) -> None:
    ines = sign_in(INES)
    page = said(save(ines, release=release, release_on="2030-01-01T10:00"), ines)
    shown = fields(page)
    assert (shown["audit_share"], shown["blind_share"]) == shares
    assert not {"audit_share", "blind_share"} & set(settings_of(world))


def test_a_share_that_somebody_chose_is_kept_also_where_it_is_none(sign_in, world) -> None:
    ines = sign_in(INES)
    save(ines, release="auto")
    save(ines, audit_share="0", blind_share="5")
    save(ines, blind_share="0")
    assert (settings_of(world)["audit_share"], settings_of(world)["blind_share"]) == (0, 0)
    save(ines, release="gate")
    assert fields(ines.get("settings").text)["blind_share"] == "0"


FAULTS = {
    "weights that do not sum to 100": ({"weight-essay": "10"}, "Weights must sum to 100; these sum to"),
    "a weight that is no number": ({"weight-essay": "much"}, "A number from 0 to 100."),
    "no attempts": ({"attempts-essay": "0"}, "A number from 1 to 50."),
    "half an attempt": ({"attempts-essay": "1.5"}, "A whole number from 1 to 50."),
    "a date without a date": ({"release": "date", "release_on": ""}, "Say on which day"),
    "a date that is none": ({"release": "date", "release_on": "2026-13-01T10:00"}, "That is no date and time."),
    "a share above all": ({"audit_share": "120"}, "A number from 0 to 100."),
    "a judge that is not offered": ({"judge": "claude:any"}, "Choose one of the choices."),
    "a budget below nothing": ({"budget_usd": "-1"}, "A number from 0 to 100000."),
    "kept for a day": ({"retention_days": "1"}, "A number from 30 to 3650."),
    "a notice as long as a book": ({"notice": "x" * 2001}, "At most 2000 characters."),
    "not a number at all": ({"grace_minutes": "nan"}, "A number from 0 to 1440."),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_said_at_its_field_and_keeps_what_was_typed(sign_in, world, fault: tuple[Any, str]) -> None:
    changes, sentence = fault
    answer = save(sign_in(INES), **changes, appeal_tokens="7")
    assert (answer.status_code, settings_of(world)) == (422, {})
    assert "Nothing was saved." in answer.text
    assert sentence in unescape(answer.text)
    kept = fields(answer.text)
    assert kept["appeal_tokens"] == "7"
    assert {name: kept[name] for name in changes if name not in ("release_on", "judge")} == {
        name: value for name, value in changes.items() if name not in ("release_on", "judge")
    }


def test_two_who_save_at_once_do_not_overwrite_each_other(sign_in, world) -> None:
    ines, tom = sign_in(INES), sign_in("launch-tom-01")
    opened = fields(ines.get("settings").text)
    save(tom, counts="last")
    answer = ines.post("settings", opened | {"appeal_tokens": "5"})
    assert answer.status_code == 409
    assert "Somebody saved other settings since you opened this page." in answer.text
    kept = fields(answer.text)
    assert (kept["appeal_tokens"], settings_of(world)["counts"]) == ("5", "last")
    assert ines.post("settings", kept | {"counts": "last"}).status_code == 303
    assert (settings_of(world)["appeal_tokens"], settings_of(world)["counts"]) == (5, "last")


@pytest.mark.slow
def test_changes_of_two_at_once_both_hold(postgres_url) -> None:
    """A page of settings, a grant and an erasing that all read the placement before the others wrote."""
    database = Database(postgres_url)
    world = populate(database)

    def granted(days: float, handle: str, *, first: Callable[[], None]) -> None:
        with database.write() as session:
            link = world.placement(session)
            assert link.settings is not None  # read as it was
            first()
            grant(session, link, handle, extra_days=days, extra_attempts=0, person_id=world.ines_id)

    def set_counts() -> None:
        with database.write() as session:
            link = world.placement(session)
            lesson = current_lesson(session, link.lesson_slug).lesson
            wanted = replace(chosen_of(link, lesson), counts="last")
            placement_settings.save(session, link, lesson, wanted, seen=version_of(link), person_id=world.ines_id)

    granted(1, "ada-01", first=lambda: granted(2, "bo-01", first=set_counts))
    with database.write() as session:
        link = world.placement(session)
        lesson = current_lesson(session, link.lesson_slug).lesson
        seen, wanted = version_of(link), replace(chosen_of(link, lesson), counts="best")
        granted(3, "bo-01", first=lambda: None)
        with pytest.raises(SettingsMoved):
            placement_settings.save(session, link, lesson, wanted, seen=seen, person_id=world.ines_id)
    with database.write() as session:
        link = world.placement(session)
        assert link.settings["accommodations"].keys() == {"ada-01", "bo-01"}
        granted(4, "bo-01", first=lambda: None)
        erase_work(session, link, world.ada_id, by=world.ines_id)
    with database.read() as session:
        kept = world.placement(session).settings
    database.close()
    assert (kept["counts"], kept["accommodations"]) == ("last", {"bo-01": {"extra_days": 4, "extra_attempts": 0}})


def test_what_an_instructor_set_stays_when_the_link_says_otherwise(sign_in, world) -> None:
    """The link's own custom parameters come along with every launch."""
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = _placed(session, link, {"release": "auto"})
    save(sign_in(INES), release="review")
    with world.database.write() as session:
        link = world.placement(session)
        link.settings = _placed(session, link, {"release": "auto"})
    assert "release" not in settings_of(world)


def test_students_have_no_settings(sign_in) -> None:
    assert sign_in(ADA).get("settings").status_code == 403


# ---- time and judge ------------------------------------------------------------------------------------------


def test_late_work_can_be_refused_from_when_it_is_due(sign_in, world) -> None:
    due, closes = utc_now() - timedelta(hours=1), utc_now() + timedelta(days=2)
    with world.database.write() as session:
        dates = {"due": due.isoformat(), "closes": closes.isoformat()}
        for person_id, role in ((world.ada_id, "student"), (world.ines_id, "instructor")):
            session.add(
                Launch(
                    id=f"dated-{person_id}",
                    registration_id=world.registration_id,
                    resource_link_id=world.resource_link_id,
                    person_id=person_id,
                    role=role,
                    detail={"dates": dates},
                )
            )
    ines = sign_in(INES)
    assert "Dates and points come from the course." in ines.get("settings").text
    with world.database.read() as session:
        assert deadlines_for(session, world.placement(session), world.ada_id).closes == closes
    save(ines, late="refused")
    with world.database.read() as session:
        assert deadlines_for(session, world.placement(session), world.ada_id).closes == due


def test_a_judge_that_is_offered_can_be_chosen_and_the_notice_names_it(world) -> None:
    offered = Settings(
        secret_key="s" * 40, allow_http=True, rate_limits="off", judges="claude:model-x, panel:checklist+y"
    )
    assert offered.judge_for("claude:model-x") == "claude:model-x"
    assert offered.judge_for("claude:other") == offered.judge == "checklist"
    app = create_app(offered, world.database)
    with world.database.write() as session:
        world.placement(session).settings = {"judge": "claude:model-x"}

    with world.database.write() as session:
        tokens = {launch: open_session(session, launch, minutes=60) for launch in (INES, ADA)}
    browsers = {}
    for launch, token in tokens.items():
        client = app.test_client()
        client.set_cookie(COOKIE, token, path=f"/l/{launch}/")
        browsers[launch] = Browser(client, launch, token)
    assert 'value="claude:model-x" selected' in browsers[INES].get("settings").text
    assert "a language model outside this server (Claude)" in browsers[ADA].get("notice").text


def test_what_judging_cost_here_is_counted_once_an_answer(sign_in, world, submission) -> None:
    with world.database.write() as session:
        row = session.get_one(Submission, submission.id)
        judge_as(session, row, all_at(row, 2))
        marks = set(session.scalars(select(RatingRow.fingerprint)))
        for mark in (*marks, "of somebody else"):
            session.add(
                AnswerRow(
                    fingerprint=mark,
                    registration_id=world.registration_id,
                    body={},
                    model="m",
                    usage={"usd": 0.5},
                )
            )
    with world.database.read() as session:
        assert spent_on(session, world.resource_link_id) == pytest.approx(0.5 * len(marks))
    assert f"{0.5 * len(marks):.2f} used" in sign_in(INES).get("settings").text


# ---- single learners -----------------------------------------------------------------------------------------


def test_more_days_and_attempts_for_one_learner_and_back(sign_in, world) -> None:
    ines = sign_in(INES)
    page = said(ines.post("settings/granted", {"handle": "ada-01", "extra_days": "3", "extra_attempts": "2"}), ines)
    assert "The accommodation is kept." in page
    with world.database.read() as session:
        link = world.placement(session)
        essay = current_lesson(session, link.lesson_slug).lesson.item("essay")
        assert attempts_allowed(session, link, world.ada_id, essay) == essay.attempts + 2
    ines.post("settings/granted", {"handle": "ada-01"})
    assert "accommodations" not in settings_of(world)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"handle": "nobody-99", "extra_days": "1"}, "Nobody of this handle"),
        ({"handle": "ada-01", "extra_days": "many"}, "A number from 0 to"),
        ({"handle": "ada-01", "extra_attempts": "-1"}, "A number from 0 to"),
    ],
)
def test_a_grant_that_makes_no_sense_is_said(sign_in, world, sent: dict[str, str], sentence: str) -> None:
    answer = sign_in(INES).post("settings/granted", sent)
    assert (answer.status_code, settings_of(world)) == (422, {})
    assert sentence in answer.text
    assert f'value="{sent["handle"]}"' in answer.text


def everything_of(world: World, person_id: int) -> int:
    """How many rows are somebody's on the placement, whatever they are."""
    with world.database.read() as session:
        return sum(
            session.scalar(select(func.count()).select_from(table).where(table.c.person_id == person_id)) or 0
            for table in Base.metadata.sorted_tables
            if {"resource_link_id", "person_id"} <= set(table.c.keys())
        )


@pytest.fixture
def worked(world: World, submission: Submission) -> None:
    """Ada's judged essay and a draft, and Bo's judgement that rests on the same answer."""
    with world.database.write() as session:
        link = world.placement(session)
        row = session.get_one(Submission, submission.id)
        judge_as(session, row, all_at(row, 2))
        save_draft(session, link, world.ada_id, current_lesson(session, link.lesson_slug).lesson.item("essay"), "More.")
        shared, own = sorted(set(session.scalars(select(RatingRow.fingerprint))))[:2]
        bos = submit(session, link, world.bo_id, "essay", submission.text + " And mine.")
        session.add(RatingRow(submission_id=bos.id, criterion="claim", fingerprint=shared, level=2, quotes=[]))
        for mark in (shared, own):
            answer = {"body": {"quote": "words of Ada"}, "model": "m", "usage": {}}
            session.add(AnswerRow(fingerprint=mark, registration_id=world.registration_id, **answer))


def test_deleting_a_students_work_leaves_nothing_of_it_and_everything_of_others(sign_in, world, worked) -> None:
    others = everything_of(world, world.bo_id)
    ines = sign_in(INES)
    ines.post("settings/granted", {"handle": "ada-01", "extra_days": "3"})
    page = said(ines.post("settings/erased", {"handle": "ada-01", "again": "ada-01"}), ines)
    assert "The work was deleted here." in page
    assert (everything_of(world, world.ada_id), everything_of(world, world.bo_id)) == (0, others)
    assert settings_of(world).get("accommodations", {}) == {}
    with world.database.read() as session:
        assert session.get(Person, world.ada_id) is None  # nothing of hers was left anywhere
        assert session.scalar(select(func.count()).select_from(AnswerRow)) == 1  # Bo's sheet rests on it
        assert session.scalars(select(Audit.code).where(Audit.kind == "erased")).all() == ["work"]


@pytest.mark.parametrize("sent", [("ada-01", "ada-02"), ("ada-01", ""), ("ines-01", "ines-01"), ("nobody", "nobody")])
def test_nothing_is_deleted_by_a_slip(sign_in, world, worked, sent: tuple[str, str]) -> None:
    before = everything_of(world, world.ada_id)
    answer = sign_in(INES).post("settings/erased", {"handle": sent[0], "again": sent[1]})
    assert (answer.status_code, everything_of(world, world.ada_id)) == (422, before)
    assert "Nothing was deleted" in answer.text


def test_one_learners_work_is_asked_about_alone(sign_in, world, worked) -> None:
    save(sign_in(INES), retention_days="30")
    later = utc_now() + timedelta(days=31)
    with world.database.read() as session:
        assert {one.person_id for one in due_for_erasing(session, later)} == {world.ada_id, world.bo_id}
        for person_id in (world.ada_id, world.bo_id, world.ines_id):
            found = due_for_erasing(session, later, link_id=world.resource_link_id, person_id=person_id)
            assert [one.person_id for one in found] == [person_id] * (person_id != world.ines_id)


def test_purge_erases_what_was_kept_long_enough_and_nothing_else(world, worked, sign_in, monkeypatch) -> None:
    save(sign_in(INES), retention_days="30")
    monkeypatch.setenv("ATELIER_DATABASE_URL", str(world.database.engine.url))
    get_settings.cache_clear()
    try:
        assert "0 learners" in CliRunner().invoke(purge, []).stdout
        monkeypatch.setattr(purging, "utc_now", lambda: utc_now() + timedelta(days=31))
        assert "2 learners would be" in CliRunner().invoke(purge, ["--dry-run"]).stdout
        assert everything_of(world, world.ada_id) > 0
        done = CliRunner().invoke(purge, [])
        assert "The work of 2 learners was erased." in done.stdout, done.output
    finally:
        get_settings.cache_clear()
    assert everything_of(world, world.ada_id) == everything_of(world, world.bo_id) == 0
    with world.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Draft)) == 0
        assert session.get(Person, world.ines_id) is not None

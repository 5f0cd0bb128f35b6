"""`atelier export reviews`: what people and judges said, and nobody's name."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from typer.testing import CliRunner

from eval.long_table import read_long
from eval.matching import match
from lti_tool import blind, export_commands
from lti_tool.attempts import submit
from lti_tool.datasets import datasets
from lti_tool.export import COLUMNS, SMALL, Pseudonyms, Wanted, export_reviews
from lti_tool.models import (
    BlindReading,
    GateDraw,
    HumanScoreRow,
    JudgementRow,
    NoticeAcceptance,
    Review,
    RubricVersion,
    Submission,
)
from lti_tool.reviews import Decision, change, release
from lti_tool.settings import get_settings
from tests.lti_tool.judged import all_at, decisions, judge_as, standing


@pytest.fixture
def reviewed(world, submission):
    """Ada's essay: judged at 3 with one criterion unscored, and Ines gave 2 on claim after seeing that."""
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        judged = judge_as(session, sent, {**all_at(sent, 3), "economy": None}, confidence=0.8)
        why = Decision(2, "missed_evidence", "Ada never says it.")
        release(
            session, world.placement(session), sent, world.ines_id, decisions(all_at(sent, 3), claim=why), judged.id
        )
    return submission


def exported(world, **wanted: Any):
    with world.database.read() as session:
        return export_reviews(session, Wanted(**wanted), Pseudonyms(b"secret"))


def by_rater(found, kind: str, criterion: str) -> list[dict[str, Any]]:
    return [row for row in found.rows if row["rater_kind"] == kind and row["criterion"] == criterion]


def test_people_and_judge_stand_side_by_side(world, reviewed) -> None:
    found = exported(world)
    [person], [judge] = by_rater(found, "human", "claim"), by_rater(found, "judge", "claim")
    assert (person["score"], judge["score"], person["scale_max"]) == (2, 3, 4)
    assert (person["blind"], judge["confidence"]) == ("no", "0.8")
    [unscored] = by_rater(found, "judge", "economy")
    assert (unscored["score"], unscored["code"]) == ("", "quote")
    assert {row["prompt_id"] for row in found.rows} == {"essay"}


def test_nobody_is_named_and_no_word_of_a_learner_is_in_the_table(world, reviewed) -> None:
    found = exported(world)
    told = json.dumps(found.rows)
    for name in ("ada", "Ada", "ines", "sub-", "A201", "course-1", reviewed.public_id, "never says"):
        assert name not in told
    assert reviewed.text[:40] not in told
    assert {row["course"] for row in found.rows} == {SMALL}


def test_two_exports_cannot_be_joined(world, reviewed) -> None:
    with world.database.read() as session:
        first, second = (export_reviews(session, Wanted(), Pseudonyms()) for _ in range(2))
    assert {row["response_id"] for row in first.rows} & {row["response_id"] for row in second.rows} == set()
    assert list(first.names.values()) == list(second.names.values()) == [reviewed.public_id]


def test_a_score_given_before_there_was_a_sheet_is_blind(world, submission) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        judge_as(session, sent, {})
        scores = [HumanScoreRow(criterion="claim", level=1, judge_level=None)]
        session.add(Review(submission_id=submission.id, reviewer_id=world.ines_id, kind="score", scores=scores))
    [row] = by_rater(exported(world, blind_only=True), "human", "claim")
    assert (row["score"], row["blind"]) == (1, "yes")


def test_a_blind_reading_stands_and_who_saw_the_judge_can_be_left_out(world, reviewed) -> None:
    with world.database.write() as session:
        judgement = session.query(JudgementRow).one()
        draw = GateDraw(
            submission_id=reviewed.id, judgement_id=judgement.id, released=True, blind=False, blind_probability=0,
            audited=True, audit_probability=1, audit_base=1,
        )  # fmt: skip
        session.add(draw)
        session.flush()
        levels = all_at(session.get_one(Submission, reviewed.id), 1)
        session.add(BlindReading(gate_draw_id=draw.id, reader_id=world.tom_id, levels=levels))
    assert sorted(row["blind"] for row in by_rater(exported(world), "human", "claim")) == ["no", "yes"]
    [row] = by_rater(exported(world, blind_only=True), "human", "claim")
    assert (row["score"], row["blind"]) == (1, "yes")


def test_what_was_scored_blind_on_another_version_of_the_rubric_is_left_out_and_not_counted(world, submission) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        judged, first = judge_as(session, sent, all_at(sent, 3)), sent.rubric_version
        newer = RubricVersion(rubric_id=first.rubric_id, content_hash="n" * 64, title="New", content=first.content)
        session.add(newer)
        session.flush()
        kept = {name: getattr(judged, name) for name in ("submission_id", "judge", "judge_version", "judge_label")}
        kept |= {name: getattr(judged, name) for name in ("evidence", "provisional", "rating_ids", "facts")}
        session.add(JudgementRow(fingerprint="again", flags=[], rubric_version_id=newer.id, **kept))
        blind.pick(session, world.placement(session), 1, "ines-01")
        blind.commit(session, sent, world.ines_id, all_at(sent, 1))
    assert exported(world).rows == []
    with world.database.read() as session:
        assert datasets(session) == []


def test_a_correction_replaces_the_same_persons_sheet(world, reviewed) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, reviewed.id)
        levels = decisions(
            {**all_at(sent, 3), "claim": 4, "economy": 3}, claim=Decision(4, "missed_evidence", "There.")
        )
        link, seen = world.placement(session), standing(session, sent)
        change(session, link, sent, world.ines_id, levels, "Read again.", seen_release_id=seen)
    [row] = by_rater(exported(world), "human", "claim")
    assert row["score"] == 4


def test_whoever_did_not_go_on_from_the_notice_is_left_out_and_counted(world, reviewed) -> None:
    with world.database.write() as session:
        session.execute(delete(NoticeAcceptance).where(NoticeAcceptance.person_id == world.ada_id))
    found = exported(world)
    assert (found.rows, found.without_notice) == ([], 1)


def test_what_nobody_scored_is_left_out_and_counted(world, reviewed, sample_texts) -> None:
    with world.database.write() as session:
        submit(session, world.placement(session), world.bo_id, "essay", sample_texts["essay"] + " And more.")
    found = exported(world)
    assert (len(found.names), found.without_people) == (1, 1)


def test_only_a_lesson_or_a_question(world, reviewed) -> None:
    assert exported(world, lesson="two-step").rows == []
    assert exported(world, item="pitch").rows == []
    assert exported(world, lesson="durable-workflows", item="essay").rows


# ---- the command -------------------------------------------------------------------------------------------------


@pytest.fixture
def atelier(world, monkeypatch: pytest.MonkeyPatch):
    """Runs the command on the world's database."""
    monkeypatch.setenv("ATELIER_DATABASE_URL", str(world.database.engine.url))
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(export_commands.app, list(arguments))
    get_settings.cache_clear()


def test_the_file_is_a_long_table_that_the_eval_commands_read(atelier, reviewed, tmp_path: Path) -> None:
    result = atelier("--out", str(tmp_path / "sheets.csv"))
    assert result.exit_code == 0, result.output
    assert "1 responses, 7 human scores, 0 of them blind." in result.stderr
    table = read_long(tmp_path / "sheets.csv")
    people = table.of(rater_kind="human")["rater_id"].iloc[0]
    matched = match(table, "claim", judge="checklist", reference=people)
    assert (list(matched.scores.human), list(matched.scores.system)) == ([2.0], [3.0])
    assert table.groups == ["student", "course", "rubric"]


def test_the_table_goes_to_standard_output(atelier, reviewed) -> None:
    rows = list(csv.DictReader(io.StringIO(atelier().stdout)))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 14


def test_texts_and_the_key_are_files_of_their_own_for_their_owner_alone(atelier, reviewed, tmp_path: Path) -> None:
    texts, key = tmp_path / "texts.jsonl", tmp_path / "key.csv"
    atelier("--out", str(tmp_path / "sheets.csv"), "--texts", str(texts), "--key", str(key))
    told = json.loads(texts.read_text())
    assert told["text"] == reviewed.text
    assert key.read_text() == f"{told['id']},{reviewed.public_id}\n"
    assert [stat.S_IMODE(file.stat().st_mode) for file in (texts, key)] == [0o600, 0o600]


def test_nothing_to_export_is_said(atelier) -> None:
    result = atelier()
    assert result.exit_code == 1
    assert "No submission was scored by a person yet" in result.stderr

"""What a gate does with a sheet: released, held with a reason, drawn for a blind reading; and what readings say."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from lti_tool.attempts import submit
from lti_tool.blind_draws import pending
from lti_tool.gate_audit import audit_of, read_blind
from lti_tool.gate_release import BLIND, decide, preview
from lti_tool.gates import close_gate, install
from lti_tool.models import BlindReading, GateDraw, InstalledGate, Job, Submission
from lti_tool.reviews import Decision, ReviewProblem, change, release_by_policy
from rubrics.gate_file import PromptGate
from rubrics.losses import Loss
from tests.lti_tool.gate_files import JUDGE, THRESHOLD, gate_file, register_key
from tests.lti_tool.judged import all_at, decisions, judge_as, standing


def never() -> float:
    """A draw that falls on nothing."""
    return 0.999


def always() -> float:
    """A draw that falls on everything."""
    return 0.0


def drawing(*values: float):
    """Draws one after the other: first the blind one, then the audit's."""
    left = list(values)
    return lambda: left.pop(0)


def opened(session, world, submission, **changed: Any):
    """A placement that releases by gate, with a gate, and the submission to be judged."""
    register_key(session)
    link = world.placement(session)
    link.settings = {"release": "gate"}
    install(session, link, gate_file(link, **changed))
    return session.get_one(Submission, submission.id)


def judged(session, sent: Submission, confidence: float | None = 0.9, level: int = 3, **more: Any):
    return judge_as(session, sent, all_at(sent, level), confidence=confidence, identity=JUDGE.model_dump(), **more)


def draws(session) -> list[GateDraw]:
    return list(session.scalars(select(GateDraw).order_by(GateDraw.id)))


# ---- deciding ----------------------------------------------------------------------------------------------------


def test_a_confident_sheet_is_released_and_the_draws_are_written_down(either_world, sample_texts) -> None:
    world = either_world
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        opened(session, world, sent)
        assert decide(session, sent, judged(session, sent), draw=never) is None
        [drawn] = draws(session)
        assert (drawn.released, drawn.blind, drawn.audited, drawn.reason) == (True, False, False, "")
        assert (drawn.confidence, drawn.threshold) == (0.9, THRESHOLD)
        assert (drawn.blind_probability, drawn.audit_probability) == (0.1, 0.2)


@pytest.mark.parametrize(
    ("confidence", "reason"),
    [
        (0.8, None),
        (0.79, "The judge is not confident enough: 0.79, released from 0.80 on."),
        (None, "The judge did not say how confident it is."),
    ],
)
def test_the_threshold_itself_is_released(world, submission, confidence: float | None, reason: str | None) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        assert decide(session, sent, judged(session, sent, confidence), draw=never) == reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"judge": JUDGE.model_copy(update={"name": "claude"})}, "checklist 1 judged, claude 1 was measured"),
        ({"judge": JUDGE.model_copy(update={"version": "9"})}, "checklist 1 judged, checklist 9 was measured"),
        ({"judge": JUDGE.model_copy(update={"model": "m-2"})}, "the model none answered, m-2 was measured"),
        ({"judge": JUDGE.model_copy(update={"prompt_hash": "z"})}, "the judge's prompt is another one"),
        ({"judge": JUDGE.model_copy(update={"parameters": "z"})}, "the judge's parameters are others"),
        ({"prompts": {"essay": PromptGate(threshold=0.5, labelled=9, words=(1, 20))}}, "outside what the gate was"),
        ({"boundaries": (74.0,), "margin": 2.0}, "75 points are near the boundary of 74"),
    ],
)
def test_whatever_differs_is_held(world, submission, changed: dict[str, Any], reason: str) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission, **changed)
        said = decide(session, sent, judged(session, sent), draw=never)
        assert said is not None
        assert reason in said
        assert not draws(session)[0].released


def test_points_away_from_a_boundary_are_released(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission, boundaries=(50.0,), margin=2.0)
        assert decide(session, sent, judged(session, sent), draw=never) is None


def test_a_judge_nobody_knows_is_held(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        sheet = judge_as(session, sent, all_at(sent, 3), confidence=0.9)
        assert decide(session, sent, sheet, draw=never) == "It is not known which judge filled in this sheet."


def test_without_a_gate_nothing_is_released(world, submission) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        sheet = judged(session, sent)
        assert decide(session, sent, sheet, draw=never) == "This placement no longer releases by gate."
        sent.resource_link.settings = {"release": "gate"}
        assert decide(session, sent, sheet, draw=never) == "No gate is installed for this question."


def test_a_closed_gate_releases_nothing_and_the_blind_share_goes_on(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        close_gate(session, session.scalars(select(InstalledGate)).one(), "Too many losses.", alarm=True)
        sheet = judged(session, sent)
        assert decide(session, sent, sheet, draw=always) == BLIND
        assert draws(session)[0].blind


def test_a_flag_goes_before_any_draw(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        assert (
            decide(session, sent, judged(session, sent), ["It may be off topic."], draw=always)
            == "It may be off topic."
        )
        assert draws(session) == []


def test_an_unscored_row_is_never_released(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        levels = {**all_at(sent, 3), "claim": None}
        sheet = judge_as(session, sent, levels, confidence=0.9, identity=JUDGE.model_dump())
        assert decide(session, sent, sheet, draw=never) == "Not every row is scored."


# ---- drawing -----------------------------------------------------------------------------------------------------


def test_the_blind_share_holds_what_the_gate_would_release(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        assert decide(session, sent, judged(session, sent), draw=drawing(0.0999)) == BLIND
        [drawn] = draws(session)
        assert (drawn.blind, drawn.released, drawn.audited) == (True, False, False)


def test_a_second_look_at_the_same_sheet_draws_nothing_again(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        sheet = judged(session, sent)
        assert decide(session, sent, sheet, draw=always) == BLIND
        assert decide(session, sent, sheet, draw=never) == BLIND
        assert len(draws(session)) == 1


def test_what_was_released_once_is_held_when_the_gate_closed_meanwhile(world, submission) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        sheet = judged(session, sent)
        assert decide(session, sent, sheet, draw=never) is None
        close_gate(session, session.scalars(select(InstalledGate)).one(), "Too many losses.")
        assert decide(session, sent, sheet, draw=never) == "The gate is closed. Too many losses."


@pytest.mark.parametrize(("draw", "audited"), [(0.199, True), (0.2, False)])
def test_the_audit_falls_by_its_logged_probability(world, submission, draw: float, audited: bool) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        assert decide(session, sent, judged(session, sent), draw=drawing(0.5, draw)) is None
        assert draws(session)[0].audited is audited


@pytest.mark.parametrize(
    ("settings", "shares"),
    [({"blind_share": 0.3, "audit_share": 0.1}, (0.3, 0.4)), ({"blind_share": "x", "audit_share": 0.01}, (0.1, 0.2))],
)
def test_a_placement_may_ask_for_more_audits_and_never_for_fewer(world, submission, settings, shares) -> None:
    with world.database.write() as session:
        sent = opened(session, world, submission)
        sent.resource_link.settings = {"release": "gate", **settings}
        decide(session, sent, judged(session, sent), draw=never)
        drawn = draws(session)[0]
        assert (drawn.blind_probability, drawn.audit_probability) == shares


def test_the_systems_own_draws_fall_as_often_as_they_say(world) -> None:
    from lti_tool.gate_release import _RANDOM

    share = sum(_RANDOM.random() < 0.1 for _ in range(5000)) / 5000
    assert 0.08 < share < 0.12


# ---- a preview ---------------------------------------------------------------------------------------------------


def test_a_preview_says_what_would_have_been_released(world, submission) -> None:
    with world.database.write() as session:
        register_key(session)
        link = world.placement(session)
        text = gate_file(link)
        assert preview(session, link, text).sentence == "Nothing has been judged here yet, so there is nothing to show."
        sent = session.get_one(Submission, submission.id)
        judged(session, sent)
        other = submit(session, link, world.ada_id, "essay", sent.text + " And one more sentence.")
        judged(session, other, confidence=0.5)
        found = preview(session, link, text)
        assert (found.judged, found.released) == (2, 1)
        assert found.sentence == "Of 2 sheets judged so far it would have released 1."
        assert list(found.held) == ["The judge is not confident enough: 0.50, released from 0.80 on."]
        assert draws(session) == []


# ---- reading again -----------------------------------------------------------------------------------------------


def audited(session, world, submission, draw=always, **changed: Any) -> Submission:
    """A sheet that the gate released and drew for a reading."""
    sent = opened(session, world, submission, **changed)
    assert decide(session, sent, judged(session, sent), draw=drawing(0.5, 0.0)) is None
    release_by_policy(session, sent)
    session.scalars(select(Job).where(Job.submission_id == sent.id)).one().state = "done"
    return sent


def test_a_drawn_sheet_waits_to_be_read_and_is_read_once(either_world, sample_texts) -> None:
    world = either_world
    with world.database.write() as session:
        sent = submit(session, world.placement(session), world.ada_id, "essay", sample_texts["essay"])
        audited(session, world, sent)
        assert pending(session, [sent.id]) == {sent.id}
        read_blind(session, sent, world.ines_id, all_at(sent, 3))
        with pytest.raises(ReviewProblem, match="Somebody has read this one already"):
            read_blind(session, sent, world.tom_id, all_at(sent, 2))
        assert session.scalar(select(func.count()).select_from(BlindReading)) == 1


def test_what_was_not_drawn_is_not_read(world, submission) -> None:
    with world.database.write() as session:
        sent = session.get_one(Submission, submission.id)
        with pytest.raises(ReviewProblem, match="was not drawn"):
            read_blind(session, sent, world.ines_id, all_at(sent, 3))


@pytest.mark.parametrize(
    ("change_of", "sentence"), [({"claim": None}, "has no level"), ({"claim": 9}, "goes from 0 to 4")]
)
def test_a_reading_is_a_whole_sheet(world, submission, change_of, sentence: str) -> None:
    with world.database.write() as session:
        sent = audited(session, world, submission)
        with pytest.raises(ReviewProblem, match=sentence):
            read_blind(session, sent, world.ines_id, {**all_at(sent, 3), **change_of})


def test_who_saw_the_judges_sheet_does_not_read_it_blind(world, submission) -> None:
    with world.database.write() as session:
        sent = audited(session, world, submission)
        why = Decision(4, "missed_evidence", "It is there.")
        given, seen = decisions(all_at(sent, 3), claim=why), standing(session, sent)
        change(session, world.placement(session), sent, world.ines_id, given, "Claim.", seen_release_id=seen)
        with pytest.raises(ReviewProblem, match="Somebody else reads it"):
            read_blind(session, sent, world.ines_id, all_at(sent, 3))
        assert read_blind(session, sent, world.tom_id, all_at(sent, 3))


@pytest.mark.parametrize(
    ("loss", "level", "lost"),
    [
        ("off:10", 3, False),
        ("off:10", 2, True),
        ("over:30", 2, False),
        ("criteria:1", 2, True),
        ("criteria:2", 2, False),
    ],
)
def test_a_reading_is_a_loss_by_the_gates_own_declaration(world, submission, loss: str, level: int, lost: bool) -> None:
    with world.database.write() as session:
        sent = audited(session, world, submission, loss=Loss.named(loss))
        read_blind(session, sent, world.ines_id, all_at(sent, level))
        [one] = audit_of(session, session.scalars(select(InstalledGate)).one())
        assert (one.drawn, one.lost, one.overridden, one.probability) == (True, lost, False, 0.2)


def test_a_change_by_a_person_counts_where_it_is_a_loss(world, submission) -> None:
    with world.database.write() as session:
        sent = audited(session, world, submission)
        row = session.scalars(select(InstalledGate)).one()
        link = world.placement(session)
        small = Decision(4, "missed_evidence", "It is there.")
        given, seen = decisions(all_at(sent, 3), economy=small), standing(session, sent)
        change(session, link, sent, world.tom_id, given, "Economy.", seen_release_id=seen)
        [one] = audit_of(session, row)
        assert (one.lost, one.overridden) == (None, False)
        large = {key: Decision(0, "wrong_level", "Copied.") for key in ("claim", "retry", "checkpoint")}
        given, seen = decisions(all_at(sent, 3), **large), standing(session, sent)
        change(session, link, sent, world.tom_id, given, "Copied.", seen_release_id=seen)
        [one] = audit_of(session, row)
        assert one.overridden
        assert one.released_at - draws(session)[0].at == timedelta(0)

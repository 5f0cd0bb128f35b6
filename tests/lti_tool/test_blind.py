"""Draws and picks: kept with their probabilities, made once, and only of what nobody has looked at."""

import pytest
from sqlalchemy import select

from lti_tool import blind
from lti_tool.attempts import submit
from lti_tool.blind_draws import HELD, Drawable, draw_all, pending
from lti_tool.models import BlindPick, BlindReading, GateDraw, Submission
from lti_tool.review_claims import take
from lti_tool.reviews import ReviewProblem, release_by_policy
from tests.lti_tool.judged import all_at, judge_as


@pytest.fixture
def judged(either_world, sample_texts) -> list[tuple[int, int]]:
    """Two essays at the gate: their ids and their sheets'."""
    made = []
    with either_world.database.write() as session:
        for person in (either_world.ada_id, either_world.bo_id):
            sent = submit(
                session, either_world.placement(session), person, "essay", f"{sample_texts['essay']} {person}"
            )
            made.append((sent.id, judge_as(session, sent, all_at(sent, 3)).id))
    return made


def draw(world, judged, settings, reason, *numbers: float) -> set[int]:
    following = iter(numbers)
    with world.database.write() as session:
        return draw_all(session, [Drawable(*judged[0], settings, reason)], lambda: next(following))


def draws(world) -> list[GateDraw]:
    with world.database.read() as session:
        return list(session.scalars(select(GateDraw)))


def test_where_nothing_is_to_be_drawn_no_row_is_kept(either_world, judged) -> None:
    assert draw(either_world, judged, {}, "provisional") == set()
    assert draws(either_world) == []


@pytest.mark.parametrize("number", [0.19, 0.2])
def test_a_draw_is_kept_whether_it_fell_or_not(either_world, judged, number) -> None:
    fell = draw(either_world, judged, {"blind_share": 0.2}, "provisional", number)
    (row,) = draws(either_world)
    assert (row.blind, row.blind_probability, bool(fell)) == (number < 0.2, 0.2, number < 0.2)
    assert row.reason == (HELD if number < 0.2 else "provisional")
    assert draw(either_world, judged, {"blind_share": 0.2}, "provisional", 0.0) == fell
    assert len(draws(either_world)) == 1


def test_what_is_released_unseen_is_audited_by_a_share(either_world, judged) -> None:
    assert draw(either_world, judged, {}, None, 1.0, 0.05) == set()
    (row,) = draws(either_world)
    assert (row.released, row.audited, row.audit_probability) == (True, True, 0.1)
    with either_world.database.write() as session:
        sent = session.get_one(Submission, judged[0][0])
        sent.resource_link.settings = {"release": "auto"}
        release_by_policy(session, sent)
        assert pending(session, [sent.id]) == {sent.id}
        sheet = blind.commit(session, sent, either_world.ines_id, all_at(sent, 2))
        assert sheet.source == "audit"
        assert session.scalars(select(BlindReading)).one().levels == all_at(sent, 2)
        assert pending(session, [sent.id]) == set()


@pytest.mark.parametrize("share", [-1, 2, "much", True, None])
def test_a_share_that_makes_no_sense_draws_nothing(either_world, judged, share) -> None:
    assert draw(either_world, judged, {"blind_share": share, "audit_share": share}, "provisional") == set()


def test_only_what_nobody_has_opened_is_picked_and_with_its_probability(either_world, judged) -> None:
    with either_world.database.write() as session:
        link = either_world.placement(session)
        take(session, judged[0][0], either_world.ines_id)
        assert blind.pick(session, link, 5, "ines-01") == [judged[1][0]]
        assert blind.pick(session, link, 5, "ines-01") == []
        (picked,) = session.scalars(select(BlindPick))
        assert (picked.probability, picked.judgement_id, picked.by) == (1.0, judged[1][1], "ines-01")


def test_one_of_two_is_picked_with_half_the_chance(either_world, judged) -> None:
    with either_world.database.write() as session:
        (one,) = blind.pick(session, either_world.placement(session), 1, "ines-01", item_id="essay")
        assert session.get_one(BlindPick, one).probability == 0.5
        assert blind.pick(session, either_world.placement(session), 1, "ines-01", item_id="q1") == []


def test_two_readers_each_once_and_then_it_is_done(either_world, judged) -> None:
    with either_world.database.write() as session:
        link = either_world.placement(session)
        blind.pick(session, link, 5, "ines-01", readers=2)
        sent = session.get_one(Submission, judged[0][0])
        blind.commit(session, sent, either_world.ines_id, all_at(sent, 2))
        assert pending(session, [sent.id]) == {sent.id}
        with pytest.raises(ReviewProblem):
            blind.commit(session, sent, either_world.ines_id, all_at(sent, 3))
        blind.commit(session, sent, either_world.tom_id, all_at(sent, 3))
        assert pending(session, [sent.id]) == set()
        assert len(blind.sheets_on(session, sent.id)) == 2


def test_a_level_that_is_missing_or_off_the_scale_is_named(either_world, judged) -> None:
    with either_world.database.write() as session:
        blind.pick(session, either_world.placement(session), 5, "ines-01")
        sent = session.get_one(Submission, judged[0][0])
        for levels, says in (({}, "no level yet"), ({**all_at(sent, 2), "claim": 9}, "goes from 0 to 4")):
            with pytest.raises(ReviewProblem, match=says):
                blind.commit(session, sent, either_world.ines_id, levels)

"""An appeal from the result to its answer, through the pages of both sides."""

from html import unescape

import pytest
from sqlalchemy import select

from lti_tool.models import Appeal
from lti_tool.reviews import Decision
from tests.lti_tool.web.ada import LEVELS, NASTY, judged, page_name, released

TOM, INES, BO = "launch-tom-01", "launch-ines-01", "launch-bo-01"


@pytest.fixture
def essay(world, sample_texts) -> str:
    """Ada's essay, confirmed by Ines at level 3 throughout but Claim, which she left at 2."""
    public_id = judged(world, "essay", sample_texts["essay"], LEVELS, quotes={"checkpoint": "Take one run."})
    released(world, public_id, claim=Decision(2))
    return public_id


def send(ada, essay: str, **changed):
    form = {"criterion": "claim", "sentence": "1", "reason": "It is in the second sentence."} | changed
    return ada.post(f"submissions/{essay}/appeal", form)


def the_appeal(world) -> str:
    with world.database.read() as session:
        return session.scalars(select(Appeal.public_id)).one()


def test_the_form_offers_criteria_with_levels_and_the_text_by_sentences(ada, essay) -> None:
    page = unescape(ada.get(f"submissions/{essay}/appeal?criterion=claim").text)
    assert 'value="claim" required checked' in page
    assert page.count('name="criterion"') == 7
    assert "The moment it makes its second network call it inherits the failure modes of one" in page
    assert "2 appeals left; one comes back if it is accepted." in page


def test_an_appeal_stands_beside_its_criterion(ada, essay) -> None:
    answer = send(ada, essay)
    assert (answer.status_code, answer.location.rpartition("/")[2]) == (303, f"{essay}#appeal-claim")
    page = unescape(ada.get(f"submissions/{essay}").text)
    assert "Your appeal" in page
    assert "It is in the second sentence." in page
    assert '<span class="vh">done: </span> sent' in page
    assert "1 appeal left; it comes back if it is accepted." in ada.get(f"submissions/{essay}/appeal").text


def test_what_cannot_be_taken_comes_back_as_it_was_typed(ada, world, essay) -> None:
    answer = send(ada, essay, criterion="", reason=NASTY)
    assert answer.status_code == 422
    page = answer.text
    assert "Choose the criterion." in page
    assert NASTY not in page
    assert NASTY in unescape(page)
    assert 'value="1" checked' in page
    with world.database.read() as session:
        assert session.scalars(select(Appeal)).all() == []


def test_only_ones_own_released_work_can_be_appealed_against(ada, sign_in, world, essay, sample_texts) -> None:
    assert sign_in(BO).get(f"submissions/{essay}/appeal").status_code == 404
    held = judged(world, "essay", sample_texts["essay"] + " More.", LEVELS)
    assert ada.get(f"submissions/{held}/appeal").status_code == 404


def test_the_list_says_who_may_answer(ada, sign_in, essay) -> None:
    send(ada, essay)
    assert "You scored this work, so somebody else answers." in sign_in(INES).get("appeals").text
    page = sign_in(TOM).get("appeals").text
    assert "1 appeal waits." in page
    assert "ada-01" in page


def test_the_answering_page_shows_no_level_before_the_commit(ada, sign_in, world, essay) -> None:
    send(ada, essay)
    tom, here = sign_in(TOM), f"appeals/{the_appeal(world)}"
    page = unescape(tom.get(here).text)
    assert page_name(tom.get(here)) == "queue-appeal"
    for seen in ("Score first.", "It is in the second sentence.", "The moment it makes"):
        assert seen in page
    for hidden in ("stands", "judge</dt>", "Take one run.” ", " / 4", "as read", "checked"):
        assert hidden not in page
    tom.post(f"{here}/level", {"level": "4"})
    revealed = tom.get(here).text
    assert "<dt>you</dt><dd><b" in revealed
    assert "<dt>stands</dt>" in revealed


def test_an_answer_changes_the_result_and_says_how_it_was_made(ada, sign_in, world, essay) -> None:
    send(ada, essay)
    tom, here = sign_in(TOM), f"appeals/{the_appeal(world)}"
    assert tom.post(f"{here}/answer", {"level": "3", "reason": "Early enough."}).status_code == 422
    tom.post(f"{here}/level", {"level": "3"})
    assert tom.post(f"{here}/answer", {"level": "3", "reason": "Early enough."}).status_code == 303
    page = unescape(ada.get(f"submissions/{essay}").text)
    for words in ("Changed 2 → 3.", "Early enough.", "before they saw any level", "changed since."):
        assert words in page


def test_a_person_who_scored_it_cannot_commit(ada, sign_in, world, essay) -> None:
    send(ada, essay)
    assert sign_in(INES).post(f"appeals/{the_appeal(world)}/level", {"level": "3"}).status_code == 422


def test_a_line_is_pinned_to_the_result_and_can_be_taken_out(ada, world, essay) -> None:
    assert "pin the line" in ada.get(f"submissions/{essay}").text
    assert ada.post(f"submissions/{essay}/pin", {"sentence": "0"}).status_code == 303
    page = unescape(ada.get(f"submissions/{essay}").text)
    assert "“A multi-step research agent is a distributed system that nobody agreed to build.”" in page
    assert "pinned by you" in page
    ada.post(f"submissions/{essay}/pin", {"sentence": ""})
    assert "pinned by you" not in ada.get(f"submissions/{essay}").text


def test_attempts_are_compared_row_by_row(ada, world, essay, sample_texts) -> None:
    with world.database.write() as session:
        world.placement(session).settings = {"show_judged": True}
    again = judged(world, "essay", sample_texts["essay"] + " More.", {**LEVELS, "claim": 4})
    page = " ".join(unescape(ada.get(f"submissions/{again}").text).split())
    assert "Levels by attempt" in page
    assert (
        '<th scope="row">Claim</th><td class="num">2 <span class="quiet">/ 4</span></td><td class="num"><b>4</b>'
        in page
    )
    assert "since then Claim 2 → 4" in page

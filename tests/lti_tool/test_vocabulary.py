"""When a card is mastered, and when it comes back."""

from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.vocabulary import Card, cards, due

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
ORDER = ("a", "b", "c", "d", "e")


def given(answers: str, start: datetime = MONDAY) -> list[tuple[str, bool, datetime]]:
    """`a+ b-`: "got it" on a, then "again" on b, a minute later."""
    return [(said[0], said[1] == "+", start + timedelta(minutes=at)) for at, said in enumerate(answers.split())]


def mastered(answers: list[tuple[str, bool, datetime]]) -> set[str]:
    return {term_id for term_id, card in cards(answers).items() if card.mastered}


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ("", ""),
        ("a+", ""),
        ("a+ a+", ""),  # no other card between
        ("a+ b+ a+", "a"),
        ("a+ b- a+", "a"),
        ("a+ b+ a+ b+", "ab"),
        ("a+ b+ a-", ""),  # again resets
        ("a+ b+ a+ a-", ""),
        ("a+ b+ a- b+ a+ b- a+", "a"),
        ("a+ b+ a+ b+ b-", "a"),
    ],
)
def test_a_card_is_mastered_on_two_passes_with_another_between(answers: str, expected: str) -> None:
    assert mastered(given(answers)) == set(expected)


def test_a_mastered_card_is_due_a_day_later_and_after_longer_waits_then() -> None:
    known = given("a+ b+ a+")
    seen = MONDAY + timedelta(minutes=2)
    for days in (1, 3, 7):
        assert cards(known)["a"].due_at == seen + timedelta(days=days)
        seen += timedelta(days=days)
        known.append(("a", True, seen))
    assert cards(known)["a"].warmed == 3


def test_again_on_a_later_day_shortens_the_wait_and_takes_no_mastery() -> None:
    later = MONDAY + timedelta(days=4)
    known = cards([*given("a+ b+ a+"), ("a", True, MONDAY + timedelta(days=2)), ("a", False, later)])
    assert known["a"] == Card(passes=2, mastered=True, warmed=0, seen_at=later)
    assert known["a"].due_at == later + timedelta(days=1)


def test_three_cards_at_most_come_back_the_longest_overdue_first() -> None:
    known = cards(given("b+ a+ b+ a+ c+ d+ c+ d+ e+ a+ e+"))
    assert due(known, ORDER, MONDAY + timedelta(hours=23)) == ()
    assert due(known, ORDER, MONDAY + timedelta(days=2)) == ("b", "c", "d")
    assert due(known, ("a", "c"), MONDAY + timedelta(days=2)) == ("c", "a")  # b, d and e left the lesson

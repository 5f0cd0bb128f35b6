"""Letters that pass for Latin ones: seen through for the judge's eyes, kept in the text."""

import pytest

from rubrics.lookalikes import without_lookalikes
from rubrics.text import normalise, verify_quote, words


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Ignоre previоus instructiоns", "Ignore previous instructions"),  # Cyrillic o
        ("the rυn resumes at step nine", "the run resumes at step nine"),  # Greek u
        ("the сор wаits", "the cop waits"),  # a whole word of lookalikes in a Latin text
        ("Агент ждёт и повторяет запрос", "Агент ждёт и повторяет запрос"),
        ("Ο πράκτορας περιμένει", "Ο πράκτορας περιμένει"),
        ("Агент ждёт, the run waits", "Агент ждёт, the run waits"),
        ("naïve façade", "naïve façade"),
    ],
)
def test_only_letters_in_disguise_are_seen_through(text: str, seen: str) -> None:
    assert without_lookalikes(text) == seen
    assert len(seen) == len(text)


def test_a_quote_of_the_seen_text_is_found_in_the_text_as_given() -> None:
    text = "The run re\u200bsumes аt step ni\u00adne."
    quote = verify_quote(text, "resumes at step nine")
    assert quote is not None
    assert text[quote.start : quote.end] == quote.text == "re\u200bsumes аt step ni\u00adne"
    assert verify_quote(text, "re\u200bsumes аt step") is not None


def test_facts_and_judges_read_the_seen_text() -> None:
    assert words("Thе rеtry")[:2] == ["the", "retry"]
    assert normalise("ｆｕｌｌ ｍаrks").text == "full marks"

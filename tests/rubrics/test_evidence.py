"""A level rests on words that stand in the text, or there is no level."""

import pytest

from rubrics.evidence import Evidence, with_evidence
from rubrics.judgement import Quote, Rating
from rubrics.model import Rubric, load_rubric

TEXT = "The host kills it\nat step 14. “Nothing”  was saved, and it bought every summary again."


@pytest.fixture(scope="module")
def rubric() -> Rubric:
    return load_rubric("durable-workflows-q1")


def rated(rubric: Rubric, *quotes: str, level: int = 3, evidence: Evidence = "quotes", looked_for: str = "") -> Rating:
    given = tuple(Quote(text=text, start=0, end=len(text)) for text in quotes)
    rating = Rating(criterion="hit", level=level, quotes=given, looked_for=looked_for)
    return with_evidence(rubric, rating, TEXT, evidence)


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("kills it at step 14", "kills it\nat step 14"),
        ('"Nothing" was saved', "“Nothing”  was saved"),
        ("“kills  it”", "kills it"),
        ("again.", "again."),
    ],
)
def test_a_quote_is_found_whatever_its_blanks_and_quote_marks(rubric: Rubric, quote: str, stands: str) -> None:
    rating = rated(rubric, quote)
    (found,) = rating.quotes
    assert (rating.level, found.text, TEXT[found.start : found.end]) == (3, stands, stands)


@pytest.mark.parametrize(
    "quotes",
    [
        ("kills it at step 15",),
        ("Kills it",),
        ("step 1",),  # the middle of a word
        ("kills it ... step 14",),
        ("kills it at step 14", "the database was empty"),  # one that stands does not carry one that does not
        (" ",),
        (),
        ("word " * 31,),
    ],
)
def test_a_level_whose_evidence_does_not_hold_is_none(rubric: Rubric, quotes: tuple[str, ...]) -> None:
    rating = rated(rubric, *quotes)
    assert (rating.level, rating.reason, rating.quotes) == (None, "quote", ())


def test_thirty_words_are_a_quote_and_thirty_one_are_not(rubric: Rubric) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    for words, level in ((30, 2), (31, None)):
        quote = " ".join(text.split()[:words])
        rating = Rating(criterion="hit", level=2, quotes=(Quote(text=quote, start=0, end=len(quote)),))
        assert with_evidence(rubric, rating, text, "quotes").level == level


def test_a_level_of_zero_says_what_was_looked_for(rubric: Rubric) -> None:
    assert rated(rubric, level=0, looked_for="a store").looked_for == "a store"
    assert rated(rubric, level=0).looked_for == rubric.criterion("hit").descriptor(1)
    assert rated(rubric, "never said", level=0).quotes == ()


def test_an_estimate_shows_no_words_and_keeps_its_level(rubric: Rubric) -> None:
    assert rated(rubric, evidence="none").level == 3


DRAWING = """{"schema": "atelier.diagram/1", "nodes": [{"id": "n1", "kind": "queue"}, {"id": "n2", "kind": "worker"}],
"edges": [{"id": "e1", "from": "n1", "to": "n2", "label": "lease"}]}"""


@pytest.mark.parametrize(("checks", "level"), [(("e1", "n2"), 2), (("e9",), None), ((), None)])
def test_a_level_of_a_drawing_rests_on_parts_and_edges_that_are_there(
    checks: tuple[str, ...], level: int | None
) -> None:
    rating = Rating(criterion="labels", level=2, checks=checks)
    assert with_evidence(load_rubric("durable-workflows-drawing"), rating, DRAWING, "checks").level == level

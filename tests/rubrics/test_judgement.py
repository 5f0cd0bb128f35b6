import pytest
from pydantic import ValidationError

from rubrics.judgement import HumanScore, Judgement, Quote, Rating


def test_unscored_is_told_apart_from_zero() -> None:
    sheet = Judgement(
        ratings=(
            Rating(criterion="claim", level=0, looked_for="a claim"),
            Rating(criterion="retry", level=None, reason="refused"),
        ),
        judge="someone",
        evidence="quotes",
    )
    assert sheet.levels == {"claim": 0, "retry": None}
    assert not sheet.scored
    assert sheet.unscored_reasons == {"retry": "refused"}
    assert Judgement.model_validate_json(sheet.model_dump_json()) == sheet


def test_an_empty_sheet_is_not_scored() -> None:
    assert not Judgement(ratings=(), judge="someone", evidence="none").scored
    assert Judgement(ratings=(Rating(criterion="a", level=1),), judge="someone", evidence="none").scored


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_an_unscored_rating_says_why(reason: str | None) -> None:
    with pytest.raises(ValidationError, match="says why"):
        Rating(criterion="claim", level=None, reason=reason)


@pytest.mark.parametrize("level", [-1, 1.5, "2", True])
def test_a_level_is_a_whole_number(level: object) -> None:
    with pytest.raises(ValidationError):
        Rating(criterion="claim", level=level)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        HumanScore(criterion="claim", level=level)  # type: ignore[arg-type]


def test_a_quote_spans_its_text() -> None:
    assert Quote(text="abc", start=3, end=6).text == "abc"
    with pytest.raises(ValidationError, match="exactly its text"):
        Quote(text="abc", start=3, end=7)


def test_a_criterion_is_rated_once() -> None:
    rating = Rating(criterion="claim", level=1)
    with pytest.raises(ValidationError, match="rated twice"):
        Judgement(ratings=(rating, rating), judge="someone", evidence="none")

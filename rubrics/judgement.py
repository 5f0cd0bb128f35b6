"""A filled-in sheet: what a model, a teacher or a calibration rater says about one text."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LevelNumber = Annotated[int, Field(strict=True, ge=0)]
Confidence = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quote(_Frozen):
    """Words of the text, with their place in it: text == original[start:end], in Python characters."""

    text: Annotated[str, Field(min_length=1)]
    start: Annotated[int, Field(ge=0)]
    end: int

    @model_validator(mode="after")
    def _spans_its_text(self) -> Self:
        if self.end - self.start != len(self.text):
            raise ValueError("a quote spans exactly its text")
        return self


class Rating(_Frozen):
    """One criterion's level and what it rests on; without a level, the reason why it is unscored."""

    criterion: str
    level: LevelNumber | None
    reason: str | None = None
    quotes: tuple[Quote, ...] = ()
    checks: tuple[str, ...] = ()  # facts or edge ids the level rests on
    looked_for: str = ""
    comment: str = ""
    needs: str = ""  # what the next level asks for, in the rubric's words
    confidence: Confidence | None = None
    confidence_source: str = ""  # what it was reckoned from, in words
    estimate: Annotated[float, Field(allow_inf_nan=False)] | None = None  # the level before it was rounded
    interval: tuple[float, float] | None = None  # where the level lies nine times in ten
    doubt: str = ""  # what is uncertain about it, in words; a person decides then

    @model_validator(mode="after")
    def _says_why_unscored(self) -> Self:
        if self.level is None and not (self.reason and self.reason.strip()):
            raise ValueError("an unscored rating says why")
        return self


class Judgement(_Frozen):
    """One rater's sheet for one text; `provisional` means that a person looks at it before it counts."""

    ratings: tuple[Rating, ...]
    flags: tuple[str, ...] = ()
    facts: dict[str, Any] = Field(default_factory=dict)
    judge: str
    evidence: Literal["quotes", "checks", "none"]
    provisional: bool = False
    usage: dict[str, float] = Field(default_factory=dict)  # tokens, dollars, seconds

    @model_validator(mode="after")
    def _rates_each_criterion_once(self) -> Self:
        if len(self.levels) != len(self.ratings):
            raise ValueError("a criterion is rated twice")
        return self

    @property
    def levels(self) -> dict[str, int | None]:
        """The level of each criterion, None where it is unscored."""
        return {rating.criterion: rating.level for rating in self.ratings}

    @property
    def scored(self) -> bool:
        """Whether there are ratings and every one of them has a level."""
        return bool(self.ratings) and all(rating.level is not None for rating in self.ratings)

    @property
    def unscored_reasons(self) -> dict[str, str]:
        """Why, for each criterion without a level."""
        return {rating.criterion: rating.reason or "" for rating in self.ratings if rating.level is None}


class HumanScore(_Frozen):
    """One level a person gave; a level that differs from the judge's carries its reason."""

    criterion: str
    level: LevelNumber
    reason: str = ""

"""What counts as a loss when a judge's score is released unseen: declared before anyone looks, one rule on both sides.

A loss compares the judge with one person, or with two. Scores are an item's points or a column's numbers on a scale;
`criteria` compares whole sheets, level by level.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

LossKind = Literal["any", "steps", "off", "over", "outside", "criteria"]
SIZED: tuple[LossKind, ...] = ("steps", "off", "over", "criteria")
WORDS: Mapping[LossKind, str] = {
    "any": "any difference after rounding",
    "steps": "{size} steps of the scale apart or more, after rounding",
    "off": "off by {size} or more",
    "over": "too high by {size} or more",
    "outside": "outside the range of the two people, after rounding",
    "criteria": "a criterion {size} levels apart or more",
}
NEAR = 1e-9


class LossError(ValueError):
    """A loss that can't be declared, in one sentence."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreScale(_Frozen):
    """The scale that scores are compared on; an item's points go from 0 to 100."""

    minimum: Annotated[float, Field(allow_inf_nan=False)]
    maximum: Annotated[float, Field(allow_inf_nan=False)]
    step: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _has_two_ends(self) -> Self:
        if self.maximum <= self.minimum:
            raise ValueError("a scale's maximum is above its minimum")
        return self

    def level(self, score: float) -> int:
        """The nearest level's number, from 0; a score halfway goes to the even multiple of the step."""
        inside = min(max(score, self.minimum), self.maximum)
        offset = self.minimum / self.step - round(self.minimum / self.step)
        return round(inside / self.step - offset) - round(self.minimum / self.step)


POINTS = ScoreScale(minimum=0, maximum=100, step=1)


class Loss(_Frozen):
    """One declared loss, such as `steps:2`."""

    kind: LossKind
    size: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _has_a_size_where_one_is_needed(self) -> Self:
        if (self.kind in SIZED) != (self.size is not None):
            raise ValueError(f"the loss {self.kind!r} takes {'a' if self.kind in SIZED else 'no'} size")
        if self.kind in ("steps", "criteria") and self.size is not None and self.size != int(self.size):
            raise ValueError(f"the loss {self.kind!r} takes a whole size")
        return self

    @classmethod
    def named(cls, text: str) -> "Loss":
        """The loss written as `any`, `steps:2`, `off:5`, `over:1`, `outside` or `criteria:2`; LossError if none."""
        kind, colon, size = text.strip().partition(":")
        try:
            return cls.model_validate({"kind": kind, "size": float(size) if colon else None})
        except ValueError:
            known = ", ".join(f"{name}:X" if name in SIZED else name for name in WORDS)
            raise LossError(f"{text!r} is no loss; there are: {known}") from None

    @property
    def words(self) -> str:
        """The loss as a person reads it."""
        size = self.size or 0
        said = WORDS[self.kind].format(size=f"{size:g}")
        return said.replace("1 steps", "1 step").replace("1 levels", "1 level") if size == 1 else said

    @property
    def written(self) -> str:
        """The loss as it is declared."""
        return self.kind if self.size is None else f"{self.kind}:{self.size:g}"

    def of_scores(self, judge: float, people: Sequence[float], scale: ScoreScale) -> bool:
        """Whether the judge's score is a loss beside a person's, or beside the range of two people's.

        LossError for `criteria`, which needs sheets, and for `outside` with one person.
        """
        if self.kind == "criteria":
            raise LossError("the loss 'criteria' compares whole sheets, and here are only scores")
        if self.kind == "outside" and len(people) < 2:
            raise LossError("the loss 'outside' needs two people's scores")
        if self.kind == "outside":
            levels = [scale.level(score) for score in people]
            return not min(levels) <= scale.level(judge) <= max(levels)
        return self._beside(judge, people[0], scale)

    def of_sheets(self, judge: Mapping[str, int], person: Mapping[str, int]) -> bool:
        """Whether some criterion's levels are too far apart; LossError unless the loss is `criteria`."""
        if self.kind != "criteria":
            raise LossError(f"the loss {self.kind!r} compares scores, not sheets")
        return any(abs(judge[criterion] - level) >= (self.size or 0) for criterion, level in person.items())

    def _beside(self, judge: float, person: float, scale: ScoreScale) -> bool:
        size = self.size or 0
        if self.kind == "off":
            return abs(judge - person) >= size - NEAR
        if self.kind == "over":
            return judge - person >= size - NEAR
        return abs(scale.level(judge) - scale.level(person)) >= (size if self.kind == "steps" else 1)

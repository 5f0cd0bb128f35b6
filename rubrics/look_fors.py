"""Authored look-fors: what an offline judge searches a text for, and which level each finding earns.

A criterion may carry one block for each language. Words are given in named groups of phrases, signals say
which groups stand together, levels say which signals they need, and caps say what no level survives.

A phrase is words matched by their stem; `word*` matches a beginning, `=word` the exact form, `a|b` either,
`..` up to three words in between; `@number`, `@ordinal`, `@code` (an HTTP error), `@currency` and
`@percent` match figures, `@noun` any word that is neither a figure nor a small one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

MARKERS = ("@number", "@ordinal", "@code", "@currency", "@percent", "@noun")
FLAG = "flag:"

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Note = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(strict=True, ge=1)]
Range = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


def _phrase(phrase: str) -> str:
    tokens = phrase.split()
    parts = [part for token in tokens if token != ".." for part in token.split("|")]
    if not parts or tokens[0] == ".." or tokens[-1] == "..":
        raise ValueError("a phrase begins and ends with a word")
    for part in parts:
        if part.startswith("@") and part not in MARKERS:
            raise ValueError(f"unknown marker {part}; known are {', '.join(MARKERS)}")
        if not part.strip("=*"):
            raise ValueError("a phrase holds an empty word")
    return phrase


Phrase = Annotated[str, StringConstraints(min_length=1, max_length=400)]
Words = dict[Name, tuple[Phrase, ...]]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _HasWords(_Frozen):
    words: Words = Field(default_factory=dict)

    @field_validator("words")
    @classmethod
    def _phrases_can_be_read(cls, words: Words) -> Words:
        for phrases in words.values():
            for phrase in phrases:
                _phrase(phrase)
        return words


class Vocabulary(_HasWords):
    """Groups of phrases of one language, shared by all criteria of a rubric."""

    lang: Language


class Pattern(_Frozen):
    """Groups that stand together in a window of the text; a lone name or a list of names is short for it."""

    together: Annotated[tuple[Name, ...], Field(min_length=1)]
    within: Literal["sentence", "neighbours", "paragraph", "text"] = "sentence"
    without: tuple[Name, ...] = ()  # groups that must not stand in the same window
    in_order: bool = False
    first: Share | None = None  # only in this opening share of the sentences
    last: Share | None = None  # only in this closing share
    at_least: Count = 1  # different phrases of the first group
    lists: bool = True  # False: not where a sentence only lists three or more of one group
    denied: bool = False  # True: "never X" counts as X

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, way: object) -> object:
        if isinstance(way, str):
            return {"together": [way]}
        return {"together": way} if isinstance(way, list | tuple) else way


class Shape(_Frozen):
    """The build of the whole text; every key given must hold."""

    words: Range | None = None
    paragraphs: Range | None = None
    sentence_words: Range | None = None  # mean words a sentence
    paragraph_share: Share | None = None  # the longest paragraph holds at most this share of the words
    per_hundred_words: dict[Name, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    order: tuple[Name, ...] = ()  # the paragraphs in which each group is at home come in this order
    misplaced: Annotated[int, Field(ge=0)] = 0  # pairs of that order that may be wrong

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("a shape asks at least one thing")
        return self


def _kind(way: object) -> str:
    keys = way if isinstance(way, Mapping) else Shape.model_fields if isinstance(way, Shape) else ("together",)
    return "pattern" if "together" in keys else "shape"


Way = Annotated[
    Annotated[Pattern, Tag("pattern")] | Annotated[Shape, Tag("shape")],
    Discriminator(_kind),
]


class Signal(_Frozen):
    """One thing to find, in any of several ways, and how to say that it was found or not."""

    id: Name
    any: Annotated[tuple[Way, ...], Field(min_length=1)]
    found: Note
    missing: Note | None = None


class Rule(_Frozen):
    """Signals a level needs: all of these, at least so many of those, none of the rest."""

    all: tuple[Name, ...] = ()
    any: tuple[Name, ...] = ()
    at_least: Count = 1
    none: tuple[Name, ...] = ()

    @model_validator(mode="after")
    def _rests_on_something(self) -> Self:
        if not self.all and not self.any:
            raise ValueError("a level above 0 rests on at least one signal")
        if self.any and self.at_least > len(self.any):
            raise ValueError("at_least asks for more signals than any lists")
        return self


class Cap(_Frozen):
    """A signal, or a flag of the facts as `flag:NAME`, above which no level is given."""

    when: Annotated[str, StringConstraints(pattern=r"^(flag:)?[a-z][a-z0-9_]{0,39}$")]
    at_most: Annotated[int, Field(strict=True, ge=0)]
    note: Note


class LookFors(_HasWords):
    """What to look for in one criterion, in texts of one language; a drawing names a graph reading instead."""

    lang: Language
    looked_for: Note  # said at level 0
    graph: Literal["labels", "crash", "economy"] | None = None
    signals: tuple[Signal, ...] = ()
    levels: dict[Annotated[int, Field(ge=1)], Rule] = Field(default_factory=dict)
    caps: tuple[Cap, ...] = ()

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        if self.graph is None and not (self.signals and self.levels):
            raise ValueError("needs signals and levels (or graph, for a drawing)")
        return self


_BLOCKS = TypeAdapter(tuple[LookFors, ...])
_VOCABULARIES = TypeAdapter(tuple[Vocabulary, ...])


def look_for_faults(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Names that point nowhere, as (key, message), in a rubric's content that may be wrong in other ways."""
    try:
        shared = _VOCABULARIES.validate_python(content.get("look_for_words") or ())
    except ValidationError:
        return
    taken: dict[str, set[str]] = defaultdict(set)
    for one in shared:
        taken[one.lang] |= set(one.words)
    rows = content.get("criteria")
    for place, row in enumerate(rows if isinstance(rows, list | tuple) else ()):
        if not isinstance(row, Mapping) or not row.get("look_fors"):
            continue
        try:
            blocks = _BLOCKS.validate_python(row["look_fors"])
        except ValidationError:
            continue
        for number, block in enumerate(blocks):
            key = f"criteria[{place}].look_fors[{number}]"
            for name in sorted(taken[block.lang] & set(block.words)):
                yield f"{key}.words.{name}", "another group of the rubric has this name"
            taken[block.lang] |= set(block.words)
            yield from _block_faults(key, block, shared, _level_numbers(row))


def _level_numbers(row: Mapping[str, Any]) -> set[int]:
    levels = row.get("levels")
    if isinstance(levels, Mapping):
        return {level for level in levels if isinstance(level, int)}
    return {one["level"] for one in levels or () if isinstance(one, Mapping) and "level" in one}


def _block_faults(
    key: str, block: LookFors, shared: tuple[Vocabulary, ...], levels: set[int]
) -> Iterator[tuple[str, str]]:
    groups = set(block.words).union(*(one.words for one in shared if one.lang == block.lang))
    signals = [signal.id for signal in block.signals]
    for name in sorted({name for name in signals if signals.count(name) > 1}):
        yield f"{key}.signals", f"{name} is used twice"
    for number, signal in enumerate(block.signals):
        for group in sorted(_groups_of(signal) - groups):
            yield f"{key}.signals[{number}]", f"no group of words is called {group}"
    for level, rule in block.levels.items():
        if levels and level not in levels:
            yield f"{key}.levels.{level}", "the criterion has no such level"
        for name in sorted({*rule.all, *rule.any, *rule.none} - set(signals)):
            yield f"{key}.levels.{level}", f"no signal is called {name}"
    for number, cap in enumerate(block.caps):
        if not cap.when.startswith(FLAG) and cap.when not in signals:
            yield f"{key}.caps[{number}].when", f"no signal is called {cap.when}"


def _groups_of(signal: Signal) -> set[str]:
    names: set[str] = set()
    for way in signal.any:
        if isinstance(way, Pattern):
            names.update(way.together, way.without)
        else:
            names.update(way.per_hundred_words, way.order)
    return names

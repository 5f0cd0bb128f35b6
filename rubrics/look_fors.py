"""Authored look-fors: what an offline judge searches a text for, and which level each finding earns.

A criterion may carry one block for each language. Words are given in named groups of phrases, signals say
which groups stand together, levels say which signals they need, and caps say what no level survives.

A phrase is words matched by their stem; `word*` matches a beginning, `=word` the exact form, `a|b` either,
`..` up to three words in between; a word with `@` is a marker: figures and places of a run (see
`rubrics.markers`), `@own` the words of the story that the text tells, `@place` the numbers in it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
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

TEXT_MARKERS = (
    "@number", "@ordinal", "@code", "@permanent", "@passing", "@percent", "@currency", "@clock", "@noun", "@position",
    "@series",
)  # fmt: skip
STORY_MARKERS = ("@own", "@place")
MARKERS = (*TEXT_MARKERS, *STORY_MARKERS)
FLAG = "flag:"
ABSENT = "no:"

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
        raise ValueError(f"a phrase begins and ends with a word: {phrase}")
    for part in parts:
        if part.startswith("@") and part not in MARKERS:
            raise ValueError(f"unknown marker {part}; known are {', '.join(MARKERS)}")
        if not part.strip("=*"):
            raise ValueError(f"a phrase holds an empty word: {phrase}")
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
    denied_sentences: Range | None = None  # share of sentences with a denial
    jumbled: Range | None = None  # share of articles that no noun can follow
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


class Vocabulary(_HasWords):
    """Groups of phrases and signals of one language, shared by all criteria of a rubric.

    `story` names the groups that stand together where the text tells what happened: its words and numbers are then
    what `@own` and `@place` mean, but for words of the `generic` groups. A sentence with a word of `asides` talks
    about words ("is a well-known term"), and nothing is found in it.
    """

    lang: Language
    story: tuple[Name, ...] = ()
    generic: tuple[Name, ...] = ()
    asides: tuple[Name, ...] = ()
    signals: tuple[Signal, ...] = ()

    @property
    def names(self) -> set[str]:
        """The groups that it names itself."""
        return {*self.story, *self.generic, *self.asides}.union(*(_groups_of(one) for one in self.signals))


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


def _several(rules: object) -> object:
    return [rules] if isinstance(rules, Mapping | Rule) else rules


Rules = Annotated[tuple[Rule, ...], BeforeValidator(_several), Field(min_length=1)]


class Cap(_Frozen):
    """A signal (`NAME`), one that is missing (`no:NAME`) or a fact (`flag:NAME`) that holds a level down."""

    when: Annotated[str, StringConstraints(pattern=r"^(flag:|no:)?[a-z][a-z0-9_]{0,39}$")]
    at_most: Annotated[int, Field(strict=True, ge=0)]
    note: Note


class Notes(_Frozen):
    """How a signal of another block is said in this block's language."""

    found: Note
    missing: Note | None = None


class LookFors(_HasWords):
    """What to look for in one criterion, in texts of one language; a drawing names a graph reading instead.

    A block may be `like` the one of another language: signals, levels and caps are the other's, the words of the
    groups are its own, and `notes` and `cap_notes` say in its language what was found.
    """

    lang: Language
    looked_for: Note  # said at level 0
    graph: Literal["labels", "crash", "economy"] | None = None
    like: Language | None = None
    notes: dict[Name, Notes] = Field(default_factory=dict)
    cap_notes: dict[str, Note] = Field(default_factory=dict)
    signals: tuple[Signal, ...] = ()
    levels: dict[Annotated[int, Field(ge=1)], Rules] = Field(default_factory=dict)
    caps: tuple[Cap, ...] = ()

    @model_validator(mode="after")
    def _says_how(self) -> Self:
        if self.graph is None and self.like is None and not self.levels:
            raise ValueError("needs levels with their signals (or graph, for a drawing; or like, for a language)")
        return self


def filled_in(block: LookFors, blocks: Sequence[LookFors], shared: Sequence[Vocabulary]) -> LookFors:
    """A block with everything it takes from the block it is like and from its language's vocabulary."""
    model = next((one for one in blocks if one.lang == block.like), None)
    signals = [*block.signals, *(signal for one in shared if one.lang == block.lang for signal in one.signals)]
    levels, caps = block.levels, block.caps
    if model is not None:
        model = filled_in(model.model_copy(update={"like": None}), blocks, shared)
        own = {signal.id for signal in signals}
        signals += [_said(signal, block.notes) for signal in model.signals if signal.id not in own]
        levels = levels or model.levels
        caps = caps or tuple(
            cap.model_copy(update={"note": block.cap_notes.get(cap.when, cap.note)}) for cap in model.caps
        )
    return block.model_copy(update={"signals": tuple(signals), "levels": levels, "caps": caps, "like": None})


def _said(signal: Signal, notes: Mapping[str, Notes]) -> Signal:
    note = notes.get(signal.id)
    return signal if note is None else signal.model_copy(update={"found": note.found, "missing": note.missing})


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
    told: list[tuple[str, LookFors, tuple[LookFors, ...], set[int]]] = []
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
            told.append((key, block, blocks, _level_numbers(row)))
    for number, one in enumerate(shared):
        for name in sorted(one.names - taken[one.lang]):
            yield f"look_for_words[{number}]", f"no group of words is called {name}"
        for name in (*one.story, *one.generic):
            if any(marker in phrase.split() for phrase in one.words.get(name, ()) for marker in STORY_MARKERS):
                yield (
                    f"look_for_words[{number}].words.{name}",
                    "what a story is made of cannot ask for the story's own words",
                )
    for key, block, blocks, levels in told:
        if block.like is not None and block.like not in {one.lang for one in blocks if one is not block}:
            yield f"{key}.like", f"the criterion has no look-fors in {block.like}"
            continue
        yield from _block_faults(key, filled_in(block, blocks, shared), taken[block.lang], levels)


def _level_numbers(row: Mapping[str, Any]) -> set[int]:
    levels = row.get("levels")
    if isinstance(levels, Mapping):
        return {level for level in levels if isinstance(level, int)}
    return {one["level"] for one in levels or () if isinstance(one, Mapping) and "level" in one}


def _block_faults(key: str, block: LookFors, groups: set[str], levels: set[int]) -> Iterator[tuple[str, str]]:
    signals = [signal.id for signal in block.signals]
    for name in sorted({name for name in signals if signals.count(name) > 1}):
        yield f"{key}.signals", f"{name} is used twice"
    for number, signal in enumerate(block.signals):
        for group in sorted(_groups_of(signal) - groups):
            yield f"{key}.signals[{number}]", f"no group of words is called {group}"
    for level, rules in block.levels.items():
        if levels and level not in levels:
            yield f"{key}.levels.{level}", "the criterion has no such level"
        named = {name for rule in rules for name in (*rule.all, *rule.any, *rule.none)}
        for name in sorted(named - set(signals)):
            yield f"{key}.levels.{level}", f"no signal is called {name}"
    for number, cap in enumerate(block.caps):
        if not cap.when.startswith(FLAG) and cap.when.removeprefix(ABSENT) not in signals:
            yield f"{key}.caps[{number}].when", f"no signal is called {cap.when.removeprefix(ABSENT)}"
    for name in sorted(set(block.notes) - set(signals)):
        yield f"{key}.notes.{name}", f"no signal is called {name}"


def _groups_of(signal: Signal) -> set[str]:
    names: set[str] = set()
    for way in signal.any:
        if isinstance(way, Pattern):
            names.update(way.together, way.without)
        else:
            names.update(way.per_hundred_words, way.order)
    return names

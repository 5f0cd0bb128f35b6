"""What a lesson is: steps to go through, items to answer, and nothing about who answers them.

A lesson is stored as JSON and named by the hash of its content, so the same words are the same version.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rubrics.scoring import sum_to_full

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([-_][a-z0-9]+)*$", max_length=64)]
Line = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True)]
OptionalLine = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
OptionalText = Annotated[str, StringConstraints(max_length=20_000, strip_whitespace=True)]
Number = Annotated[str, StringConstraints(pattern=r"^\d\d$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Level = Literal["introductory", "intermediate", "advanced"]
ItemKind = Literal["hot_take", "essay", "drawing"]

_Thing = TypeVar("_Thing")

WEIGHTS_SUM = 100.0


class InconsistentLesson(ValueError):
    """Parts of a lesson contradict each other; `faults` holds (key, message) pairs, all of them.

    Keys are written like those of a rubric's faults: `steps[1].diagram.edges[3].start`.
    """

    def __init__(self, faults: Iterable[tuple[str, str]]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(f"{key}: {message}" for key, message in self.faults))


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )


# The brief


class Survival(_Frozen):
    """One line of the plot: the share of runs still alive after each of `steps` steps of the same `share`."""

    label: Line
    share: float = Field(gt=0, le=1)
    steps: int = Field(ge=1, le=200)

    @property
    def points(self) -> tuple[float, ...]:
        """Shares between 0 and 1, `steps` + 1 of them, the first before any step."""
        return tuple(self.share**done for done in range(self.steps + 1))

    @property
    def finished(self) -> float:
        """The share of runs, between 0 and 1, that get through every step."""
        return self.points[-1]


class Plot(_Frozen):
    """A survival plot; `description` says in words what it shows."""

    description: Line
    series: tuple[Survival, ...] = Field(min_length=1, max_length=4)


class _Step(_Frozen):
    """What every step has: `title` is its name on the path, `heading` the head of its own page."""

    id: Id
    number: Number
    title: Line
    heading: Line


class BriefStep(_Step):
    """Something to read: Markdown, one line of arithmetic, trade-offs, and one framing sentence."""

    kind: Literal["brief"]
    markdown: Text
    arithmetic: Line | None = None
    plot: Plot | None = None
    trade_offs: tuple[Line, ...] = ()
    framing_title: OptionalLine = ""
    framing: OptionalLine = ""


# The reference


class Part(_Frozen):
    """A box of the diagram in its home cell; `required` says a drawing of the system needs it.

    Required parts that share a `one_of` stand in for each other: any one of them will do. `outside` parts
    live outside the run, the `core` part is drawn heavier.
    """

    kind: Id
    label: Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
    does: Line
    col: int = Field(ge=0, le=3)
    row: int = Field(ge=0, le=7)
    required: bool = False
    one_of: Id | None = None
    outside: bool = False
    core: bool = False


class Edge(_Frozen):
    """A numbered arrow from the part of kind `start` to the part of kind `end`."""

    number: int = Field(ge=1, le=99)
    start: Id
    end: Id
    label: Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]


class Trace(_Frozen):
    """A failure to play: the edges it lights, in order, and the line read out."""

    id: Id
    button: Line
    edges: tuple[int, ...] = Field(min_length=1)
    line: Line


class Diagram(_Frozen):
    """The reference picture as data; `long_description` says the same in words."""

    parts: tuple[Part, ...] = Field(min_length=1)
    edges: tuple[Edge, ...] = ()
    traces: tuple[Trace, ...] = ()
    long_description: Text

    def part(self, kind: str) -> Part:
        """The part of this kind. Raises KeyError."""
        return _first(self.parts, "kind", kind)

    def edge(self, number: int) -> Edge:
        """The edge with this number. Raises KeyError."""
        return _first(self.edges, "number", number)

    def trace(self, trace_id: str) -> Trace:
        """The trace with this id. Raises KeyError."""
        return _first(self.traces, "id", trace_id)

    @property
    def required_count(self) -> int:
        """How many parts a drawing needs; parts that stand in for each other count once."""
        return len({part.one_of or f"={part.kind}" for part in self.parts if part.required})


class ReferenceStep(_Step):
    """The system as a diagram; the distractors join its parts in the palette of a drawing."""

    kind: Literal["reference"]
    caption: Line
    diagram: Diagram
    distractors: tuple[Part, ...] = ()

    @property
    def palette(self) -> tuple[Part, ...]:
        """Every part a drawing may hold, distractors last."""
        return self.diagram.parts + self.distractors


# The vocabulary, the questions


class Term(_Frozen):
    """A card: the term in front, behind it the definition, an example, and what it is not (`not` in YAML)."""

    id: Id
    number: Number
    term: Line
    definition: Line
    in_the_wild: OptionalLine = ""
    not_: OptionalLine = Field(default="", alias="not")


class VocabularyStep(_Step):
    """Cards to master; `done` is the line shown when all are."""

    kind: Literal["vocabulary"]
    terms: tuple[Term, ...] = Field(min_length=1)
    done: OptionalLine = ""

    def term(self, term_id: str) -> Term:
        """The term with this id. Raises KeyError."""
        return _first(self.terms, "id", term_id)


class HotTakesStep(_Step):
    """Questions answered in one sentence; `items` are item ids, in order."""

    kind: Literal["hot_takes"]
    intro: Text
    items: tuple[Id, ...] = Field(min_length=1)


class DrillStep(_Step):
    """The long answers; `items` are item ids, in order."""

    kind: Literal["drill"]
    items: tuple[Id, ...] = Field(min_length=1)


Step = Annotated[BriefStep | ReferenceStep | VocabularyStep | HotTakesStep | DrillStep, Field(discriminator="kind")]


class Sample(_Frozen):
    """A known answer and, where someone has read it against the rubric, the level expected per criterion."""

    id: Id
    text: Text
    expected: dict[str, int] | None = None
    note: OptionalLine = ""


class Item(_Frozen):
    """A question that is judged by a rubric. A drawing's answers are JSON, all others are text.

    `placeholder` is the line in the empty box. `model_answer`, `notes` (Markdown: what to look for) and
    `samples` are for teachers, demonstrations and tests: they are never sent to a student's page, see
    `Lesson.student_view`.
    """

    id: Id
    kind: ItemKind
    title: Line
    prompt: Text
    rubric: Id
    weight: float = Field(ge=0, le=WEIGHTS_SUM)
    attempts: int = Field(ge=1, le=20)
    placeholder: OptionalLine = ""
    model_answer: OptionalText = ""
    notes: OptionalText = ""
    samples: tuple[Sample, ...] = ()

    def sample(self, sample_id: str) -> Sample:
        """The sample with this id. Raises KeyError."""
        return _first(self.samples, "id", sample_id)


class Lesson(_Frozen):
    """A whole lesson. `tagline` heads the path, `end_state` ends it.

    A brief's `markdown` and an item's `notes` are Markdown, everything else is plain. Model answers, notes
    and samples ride along for teachers; a student's page is built from `student_view` only.
    """

    slug: Id
    title: Line
    subtitle: OptionalLine = ""
    tagline: Line
    end_state: OptionalLine = ""
    level: Level
    language: Language
    steps: tuple[Step, ...] = Field(min_length=1)
    items: tuple[Item, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if faults := tuple(_faults(self)):
            raise InconsistentLesson(faults)
        return self

    def item(self, item_id: str) -> Item:
        """The item with this id. Raises KeyError."""
        return _first(self.items, "id", item_id)

    def step(self, step_id: str) -> Step:
        """The step with this id. Raises KeyError."""
        return _first(self.steps, "id", step_id)

    def step_of(self, item_id: str) -> HotTakesStep | DrillStep:
        """The step that shows this item. Raises KeyError."""
        for step in self.steps:
            if isinstance(step, HotTakesStep | DrillStep) and item_id in step.items:
                return step
        raise KeyError(item_id)

    @property
    def reference(self) -> ReferenceStep | None:
        """The first step with a diagram, or None."""
        return next((step for step in self.steps if isinstance(step, ReferenceStep)), None)

    @property
    def terms(self) -> tuple[Term, ...]:
        """Every vocabulary term of every step."""
        return tuple(term for step in self.steps if isinstance(step, VocabularyStep) for term in step.terms)

    @property
    def weights(self) -> dict[str, float]:
        """Item id to its share of the lesson score; the shares sum to 100."""
        return {item.id: item.weight for item in self.items}

    @property
    def rubric_ids(self) -> tuple[str, ...]:
        """The rubrics the items name, each once, in the order of the items."""
        return tuple(dict.fromkeys(item.rubric for item in self.items))

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of everything the lesson says; key order and formatting do not matter.

        Defaults are left out, so that a new optional key does not change the hash of old lessons.
        """
        content = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The lesson in JSON's own types, whole; `from_json` reads it back."""
        return self.model_dump(mode="json")

    def as_file(self) -> dict[str, Any]:
        """The content as a lesson's file writes it: what is as usual left out, every text in its place."""
        return self.model_dump(mode="json", exclude_defaults=True, by_alias=True)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any] | str | bytes) -> Lesson:
        """A lesson from what `as_json` or `as_file` gave, or from its text. Raises pydantic.ValidationError."""
        if isinstance(stored, str | bytes):
            return cls.model_validate_json(stored)
        return cls.model_validate(dict(stored))

    def student_view(self) -> Lesson:
        """The lesson without model answers, notes and samples: all that a student may be shown."""
        hidden = {"model_answer": "", "notes": "", "samples": ()}
        items = tuple(item.model_copy(update=hidden) for item in self.items)
        return self.model_copy(update={"items": items})


def _first(things: Iterable[_Thing], field: str, wanted: object) -> _Thing:
    for thing in things:
        if getattr(thing, field) == wanted:
            return thing
    raise KeyError(wanted)


Faults = Iterator[tuple[str, str]]


def _faults(lesson: Lesson) -> Faults:
    yield from _repeated("steps", "id", lesson.steps)
    yield from _repeated("steps", "number", lesson.steps)
    yield from _repeated("items", "id", lesson.items)
    for at, item in enumerate(lesson.items):
        yield from _repeated(f"items[{at}].samples", "id", item.samples)
    yield from _weight_faults(lesson)
    yield from _placing_faults(lesson)
    terms: set[object] = set()
    for at, step in enumerate(lesson.steps):
        if isinstance(step, VocabularyStep):
            yield from _repeated(f"steps[{at}].terms", "id", step.terms, terms)
        if isinstance(step, ReferenceStep):
            yield from _diagram_faults(f"steps[{at}]", step)


def _repeated(key: str, field: str, things: Iterable[Any], seen: set[object] | None = None) -> Faults:
    seen = set() if seen is None else seen
    for at, thing in enumerate(things):
        value = getattr(thing, field)
        if value in seen:
            yield f"{key}[{at}].{field}", f"{value!r} is used twice"
        seen.add(value)


def _weight_faults(lesson: Lesson) -> Faults:
    total = sum(item.weight for item in lesson.items)
    if not sum_to_full(item.weight for item in lesson.items):
        yield "items", f"the weights sum to {total:.12g}, not 100"


def _placing_faults(lesson: Lesson) -> Faults:
    kinds = {item.id: item.kind for item in lesson.items}
    shown: Counter[str] = Counter()
    for at, step in enumerate(lesson.steps):
        if not isinstance(step, HotTakesStep | DrillStep):
            continue
        for place, item_id in enumerate(step.items):
            key = f"steps[{at}].items[{place}]"
            shown[item_id] += 1
            if item_id not in kinds:
                yield key, f"no item has the id {item_id!r}"
            elif (kinds[item_id] == "hot_take") != isinstance(step, HotTakesStep):
                yield key, f"{item_id!r} is of kind {kinds[item_id]}, which a {step.kind} step cannot show"
            elif shown[item_id] > 1:
                yield key, f"{item_id!r} is already shown in another place"
    for at, item in enumerate(lesson.items):
        if not shown[item.id]:
            yield f"items[{at}]", f"no step shows {item.id!r}"
        if item.kind == "drawing" and lesson.reference is None:
            yield f"items[{at}]", "a drawing takes its parts from a reference step, and there is none"


def _diagram_faults(key: str, step: ReferenceStep) -> Faults:
    diagram = step.diagram
    yield from _repeated(f"{key}.palette", "kind", step.palette)
    yield from _repeated(f"{key}.diagram.edges", "number", diagram.edges)
    yield from _repeated(f"{key}.diagram.traces", "id", diagram.traces)
    yield from _cell_faults(key, step)
    kinds = {part.kind for part in diagram.parts}
    for at, edge in enumerate(diagram.edges):
        for end in ("start", "end"):
            if getattr(edge, end) not in kinds:
                yield f"{key}.diagram.edges[{at}].{end}", f"no part is of kind {getattr(edge, end)!r}"
        if edge.start == edge.end:
            yield f"{key}.diagram.edges[{at}]", f"edge {edge.number} leads from a part to itself"
    numbers = {edge.number for edge in diagram.edges}
    for at, trace in enumerate(diagram.traces):
        for place, number in enumerate(trace.edges):
            if number not in numbers:
                yield f"{key}.diagram.traces[{at}].edges[{place}]", f"no edge has the number {number}"


def _cell_faults(key: str, step: ReferenceStep) -> Faults:
    taken: dict[tuple[int, int], str] = {}
    for name, parts in (("diagram.parts", step.diagram.parts), ("distractors", step.distractors)):
        for at, part in enumerate(parts):
            owner = taken.setdefault((part.col, part.row), part.kind)
            if owner != part.kind:
                yield f"{key}.{name}[{at}]", f"the cell {part.col},{part.row} is already taken by {owner!r}"

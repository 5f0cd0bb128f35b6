"""A drawn system as a graph: its stored form, its limits, its outline and its canonical form."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

SCHEMA: Literal["atelier.diagram/1"] = "atelier.diagram/1"
MAX_NODES = 24
MAX_EDGES = 40
MAX_LABEL = 40
MAX_NOTE = 280
_ID_CHARACTERS = 40
_MOST_CHARACTERS = 64_000  # of JSON; the largest drawing within the limits is far smaller

Kind = Literal[
    "caller", "runtime", "history", "queue", "worker", "ledger", "retry", "timer", "model", "tools", "gate", "reviewer",
    "trace", "memory", "cache", "balancer", "vector",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
DISTRACTORS: tuple[Kind, ...] = ("memory", "cache", "balancer", "vector")

TITLES: dict[Kind, str] = {
    "caller": "Caller",
    "runtime": "Durable runtime",
    "history": "Run history",
    "queue": "Task queue",
    "worker": "Step worker",
    "ledger": "Idempotency ledger",
    "retry": "Retry policy",
    "timer": "Durable timer",
    "model": "Model API",
    "tools": "Tool APIs",
    "gate": "Human gate",
    "reviewer": "Reviewer",
    "trace": "Trace",
    "memory": "In-memory session",
    "cache": "Cache",
    "balancer": "Load balancer",
    "vector": "Vector store",
}

# (column, row): the kind decides the place, so that every drawing of a class lines up.
HOME_CELLS: dict[Kind, tuple[int, int]] = {
    "trace": (0, 0),
    "history": (1, 0),
    "retry": (2, 0),
    "timer": (3, 0),
    "caller": (0, 1),
    "runtime": (1, 1),
    "queue": (2, 1),
    "balancer": (3, 1),
    "reviewer": (0, 2),
    "gate": (1, 2),
    "worker": (2, 2),
    "model": (3, 2),
    "cache": (0, 3),
    "memory": (1, 3),
    "ledger": (2, 3),
    "tools": (3, 3),
    "vector": (0, 4),
}


class DrawingError(ValueError):
    """A drawing that cannot be kept, with one plain sentence for each fault."""

    def __init__(self, *faults: str) -> None:
        super().__init__(" ".join(faults))
        self.faults = faults


class _Frozen(BaseModel):
    # Unknown keys, such as the coordinates another editor may add, are dropped.
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Part(_Frozen):
    """A box; without a label it is called by its kind."""

    id: str
    kind: Kind
    label: str = ""

    @property
    def name(self) -> str:
        return self.label.strip() or TITLES[self.kind]


class Edge(_Frozen):
    """An arrow between two parts; in JSON its ends are `from` and `to`."""

    id: str
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    label: str = ""


class Crash(_Frozen):
    """The part that dies, and the edges that bring the run back, in order."""

    at: str
    recovery: tuple[str, ...] = ()


class Drawing(_Frozen):
    """A graph as stored; `parse_drawing` is the way in and keeps the limits."""

    format: Literal["atelier.diagram/1"] = Field(default=SCHEMA, alias="schema")
    nodes: tuple[Part, ...] = ()
    edges: tuple[Edge, ...] = ()
    crash: Crash | None = None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return self.model_dump(mode="json", by_alias=True)


def parse_drawing(content: str | Mapping[str, Any]) -> Drawing:
    """The drawing in a JSON text (or in what was read from one); DrawingError says what is wrong."""
    if isinstance(content, str):
        content = _read(content)
    try:
        drawing = Drawing.model_validate(content)
    except ValidationError as error:
        raise DrawingError(*_structure_faults(error)) from None
    if content.get("schema") != SCHEMA:
        raise DrawingError(f"This drawing does not say that its schema is {SCHEMA}.")
    faults = tuple(_limit_faults(drawing))
    if faults:
        raise DrawingError(*faults)
    return drawing


def _read(text: str) -> Mapping[str, Any]:
    if len(text) > _MOST_CHARACTERS:
        raise DrawingError("This drawing is too large.")
    try:
        content = json.loads(text)
        text.encode()
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair could not be stored
    except (ValueError, RecursionError):
        raise DrawingError("This is not a drawing.") from None
    if not isinstance(content, Mapping):
        raise DrawingError("This is not a drawing.")
    return content


def _structure_faults(error: ValidationError) -> tuple[str, ...]:
    names = {"nodes": "part", "edges": "edge"}
    faults = []
    for detail in error.errors(include_url=False, include_input=False):
        loc = detail["loc"]
        if len(loc) > 1 and loc[0] in names and isinstance(loc[1], int):
            what = f"{names[str(loc[0])]} {loc[1] + 1}"
            key = ".".join(str(part) for part in loc[2:])
        else:
            what, key = "drawing", ".".join(str(part) for part in loc)
        trouble = f"lacks its {key}" if detail["type"] == "missing" else f"has a {key or 'form'} that cannot be read"
        faults.append(f"The {what} {trouble}.")
    return tuple(dict.fromkeys(faults[:10]))


def _limit_faults(drawing: Drawing) -> Iterator[str]:
    if len(drawing.nodes) > MAX_NODES:
        yield f"{len(drawing.nodes)} parts; {MAX_NODES} is the most."
    if len(drawing.edges) > MAX_EDGES:
        yield f"{len(drawing.edges)} edges; {MAX_EDGES} is the most."
    if len(drawing.note) > MAX_NOTE:
        yield f"The note is {len(drawing.note)} characters; {MAX_NOTE} is the most."
    labels = [*(part.label for part in drawing.nodes), *(edge.label for edge in drawing.edges)]
    too_long = sum(len(label) > MAX_LABEL for label in labels)
    if too_long:
        yield f"{too_long} labels are too long; {MAX_LABEL} characters is the most."
    yield from _id_faults(drawing)
    yield from _edge_faults(drawing)
    yield from _crash_faults(drawing)


def _id_faults(drawing: Drawing) -> Iterator[str]:
    for name, ids in (("parts", [n.id for n in drawing.nodes]), ("edges", [e.id for e in drawing.edges])):
        if len(set(ids)) < len(ids):
            yield f"Two {name} have the same id."
        if not all(0 < len(each) <= _ID_CHARACTERS for each in ids):
            yield f"The ids of {name} have 1 to {_ID_CHARACTERS} characters."


def _edge_faults(drawing: Drawing) -> Iterator[str]:
    names = {part.id: part.name for part in drawing.nodes}
    pairs: Counter[tuple[str, str]] = Counter()
    for edge in drawing.edges:
        if edge.source not in names or edge.target not in names:
            yield "An edge begins or ends at a part that is not there."
        elif edge.source == edge.target:
            yield f"An edge runs from {names[edge.source]} to itself."
        else:
            pairs[edge.source, edge.target] += 1
    for (source, target), count in pairs.items():
        if count > 1:
            yield f"{count} edges run from {names[source]} to {names[target]}; one is the most."


def _crash_faults(drawing: Drawing) -> Iterator[str]:
    if drawing.crash is None:
        return
    if drawing.crash.at not in {part.id for part in drawing.nodes}:
        yield "The crash is at a part that is not there."
    if not set(drawing.crash.recovery) <= {edge.id for edge in drawing.edges}:
        yield "The recovery names an edge that is not there."
    if len(drawing.crash.recovery) > MAX_EDGES:
        yield f"The recovery has more than {MAX_EDGES} steps."


def describe(drawing: Drawing) -> tuple[str, ...]:
    """The drawing as lines of text, for whoever reads instead of looks."""
    names = _distinct_names(drawing)
    said = {edge.id: _said(edge, names) for edge in drawing.edges}
    lines = list(said.values())
    ends = {end for edge in drawing.edges for end in (edge.source, edge.target)}
    lines += [f"{names[part.id]} stands alone" for part in drawing.nodes if part.id not in ends]
    if drawing.crash is not None:
        lines.append(f"The crash is at {names.get(drawing.crash.at, drawing.crash.at)}")
        back = [said[edge] for edge in drawing.crash.recovery if edge in said]
        lines += [f"Recovery {number}: {line}" for number, line in enumerate(back, 1)]
    if drawing.note.strip():
        lines.append(f"Note: {_spaced(drawing.note)}")
    return tuple(lines)


def _said(edge: Edge, names: Mapping[str, str]) -> str:
    source, target = (names.get(end, end) for end in (edge.source, edge.target))
    return f"From {source} to {target} says {_spaced(edge.label) or 'nothing'}"


def _distinct_names(drawing: Drawing) -> dict[str, str]:
    """Each part's name, numbered where two have the same."""
    totals = Counter(part.name for part in drawing.nodes)
    seen: Counter[str] = Counter()
    names = {}
    for part in drawing.nodes:
        seen[part.name] += 1
        names[part.id] = part.name if totals[part.name] == 1 else f"{part.name} {seen[part.name]}"
    return names


def drawn_words(drawing: Drawing) -> str:
    """Every label and the note, a line each: the words a student wrote."""
    labels = [*(part.label for part in drawing.nodes), *(edge.label for edge in drawing.edges), drawing.note]
    return "\n".join(label for label in labels if label.strip())


def canonical(drawing: Drawing) -> str:
    """A JSON text that is the same for the same drawing, whatever its ids, order or coordinates.

    Parts of equal kind and label are told apart by what they are joined to (Weisfeiler-Leman refinement), and where
    that is not enough by trying each first; a drawing of very many equal parts is left at the refinement.
    """
    return _least(drawing)[0]


def in_order(drawing: Drawing) -> Drawing:
    """The drawing with its parts and edges in the order of its canonical form, their ids kept."""
    _, classes = _least(drawing)
    parts = sorted(drawing.nodes, key=lambda part: classes[part.id])
    edges = sorted(drawing.edges, key=lambda edge: (classes.get(edge.source, -1), classes.get(edge.target, -1)))
    return drawing.model_copy(update={"nodes": tuple(parts), "edges": tuple(edges)})


def _least(drawing: Drawing) -> tuple[str, dict[str, int]]:
    """The canonical form, and the place of each part in it."""
    joined = _Joined(drawing)
    first = joined.refined(joined.colours())
    try:
        return min(_forms(drawing, joined, first, _Patience(_TRIALS)), key=lambda found: found[0])
    except _OutOfPatienceError:
        return _form(drawing, joined, first), first


_TRIALS = 200  # the count is the same for the same drawing, so that giving up is, too


class _OutOfPatienceError(Exception):
    """Too many equal parts to try each."""


class _Patience:
    def __init__(self, trials: int) -> None:
        self.left = trials

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _OutOfPatienceError


class _Joined:
    """What each part is joined to, and the colours that tell parts apart."""

    def __init__(self, drawing: Drawing) -> None:
        recovery = drawing.crash.recovery if drawing.crash else ()
        self.dies = drawing.crash.at if drawing.crash else None
        self.parts = drawing.nodes
        self.steps = {edge.id: [n for n, step in enumerate(recovery) if step == edge.id] for edge in drawing.edges}
        self.around: dict[str, list[tuple[Any, ...]]] = {part.id: [] for part in drawing.nodes}
        for edge in drawing.edges:
            mark = (_spaced(edge.label), tuple(self.steps[edge.id]))
            if edge.source in self.around and edge.target in self.around:
                self.around[edge.source].append((0, edge.target, *mark))
                self.around[edge.target].append((1, edge.source, *mark))

    def colours(self) -> dict[str, int]:
        return _ranked({part.id: (part.kind, _spaced(part.label), part.id == self.dies) for part in self.parts})

    def refined(self, colours: dict[str, int]) -> dict[str, int]:
        """A class for each part; parts share one where no chain of neighbours tells them apart."""
        for _ in self.parts:
            seen = {
                part: sorted((way, colours[other], *mark) for way, other, *mark in around)
                for part, around in self.around.items()
            }
            finer = _ranked({part: (colours[part], *around) for part, around in seen.items()})
            if len(set(finer.values())) == len(set(colours.values())):
                break
            colours = finer
        return colours

    def alike(self, colours: Mapping[str, int]) -> list[str]:
        """One of each kind of part in the first class that holds several; parts joined to the same are one kind."""
        counts = Counter(colours.values())
        shared = min((colour for colour, count in counts.items() if count > 1), default=None)
        kinds = {frozenset(self.around[part]): part for part, colour in sorted(colours.items()) if colour == shared}
        return list(kinds.values())


def _forms(
    drawing: Drawing, joined: _Joined, colours: dict[str, int], patience: _Patience
) -> Iterator[tuple[str, dict[str, int]]]:
    """The drawing written out for every way of telling equal parts apart, and that way."""
    patience.spend()
    choices = joined.alike(colours)
    if not choices:
        yield _form(drawing, joined, colours), colours
    for chosen in choices:
        first = {part: (colour, part != chosen) for part, colour in colours.items()}
        yield from _forms(drawing, joined, joined.refined(_ranked(first)), patience)


def _form(drawing: Drawing, joined: _Joined, classes: Mapping[str, int]) -> str:
    dies_in = classes.get(drawing.crash.at) if drawing.crash else None
    edges = sorted(
        [classes.get(e.source, -1), classes.get(e.target, -1), _spaced(e.label), joined.steps[e.id]]
        for e in drawing.edges
    )
    parts = sorted([classes[part.id], part.kind, _spaced(part.label)] for part in drawing.nodes)
    content = {"schema": SCHEMA, "nodes": parts, "edges": edges, "crash": dies_in, "note": _spaced(drawing.note)}
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _ranked(colours: Mapping[str, tuple[Any, ...]]) -> dict[str, int]:
    order = {colour: rank for rank, colour in enumerate(sorted(set(colours.values())))}
    return {part: order[colour] for part, colour in colours.items()}


def _spaced(text: str) -> str:
    return " ".join(text.split())

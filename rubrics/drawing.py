"""What code can tell about a drawn durable run: 60 points of structure; layout never counts."""

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from rubrics.diagram import (
    DISTRACTORS,
    HOME_CELLS,
    KINDS,
    MAX_EDGES,
    MAX_LABEL,
    MAX_NODES,
    MAX_NOTE,
    SCHEMA,
    TITLES,
    Crash,
    Drawing,
    DrawingError,
    Edge,
    Kind,
    Part,
    canonical,
    describe,
    drawn_words,
    in_order,
    parse_drawing,
)
from rubrics.model import Rubric

__all__ = [
    "DISTRACTORS",
    "HOME_CELLS",
    "KINDS",
    "MAX_EDGES",
    "MAX_LABEL",
    "MAX_NODES",
    "MAX_NOTE",
    "SCHEMA",
    "TITLES",
    "Check",
    "Crash",
    "Drawing",
    "DrawingChecks",
    "DrawingError",
    "DrawingFlag",
    "Edge",
    "Kind",
    "Part",
    "canonical",
    "check_drawing",
    "describe",
    "drawn_words",
    "graph_points",
    "in_order",
    "parse_drawing",
]


MAXIMUM = 60
FLAG_COST = 4
FLAGS_COST_MOST = 12
SPARE_EDGES = 6
SPARE_CAP = 36

_PART_POINTS = 3
_OUTSIDE: tuple[Kind, ...] = ("model", "tools")
_REQUIRED: tuple[tuple[Kind, ...], ...] = (
    ("runtime",), ("history",), ("queue",), ("worker",), ("retry",), ("ledger",), ("gate",), _OUTSIDE,
)  # fmt: skip


class Check(BaseModel):
    """One rule, what it gave, which edges or parts it rests on, and what it is for."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    points: int
    maximum: int
    passed: bool
    detail: str
    why: str = ""


class DrawingFlag(BaseModel):
    """Something that would hurt the run; each costs 4 points, all together at most 12."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    detail: str
    why: str = ""


class DrawingChecks(BaseModel):
    """The code's half of a drawing's points, 0 to 60; `capped` where spare edges hold it at 36."""

    model_config = ConfigDict(frozen=True)

    points: int
    checks: tuple[Check, ...]
    flags: tuple[DrawingFlag, ...]
    deducted: int
    capped: bool


class _Path(NamedTuple):
    """Kinds in a row, joined by edges."""

    kinds: tuple[tuple[Kind, ...], ...]


class _Rule(NamedTuple):
    id: str
    title: str
    points: int
    why: str
    paths: tuple[_Path, ...]  # any of them will do


def _path(*kinds: Kind | tuple[Kind, ...]) -> _Path:
    return _Path(tuple((kind,) if isinstance(kind, str) else kind for kind in kinds))


_PARTS_WHY = "Three points for each part that a durable run cannot do without."
_RULES = (
    _Rule(
        "checkpoint_write",
        "Checkpoint: write",
        4,
        "What happened is written where it outlives the one who did it.",
        (_path(("runtime", "worker"), "history"),),
    ),
    _Rule(
        "checkpoint_replay",
        "Checkpoint: replay",
        5,
        "The runtime reads the history back; a log that nobody reads saves no run.",
        (_path("history", "runtime"),),
    ),
    _Rule(
        "dispatch",
        "Dispatch",
        3,
        "A step waits in a queue until a worker takes it, so that no worker has to be alive.",
        (_path("runtime", "queue", "worker"),),
    ),
    _Rule(
        "result",
        "Result recorded",
        3,
        "What a worker found comes back, or the run never learns of it.",
        (_path("worker", ("runtime", "history")),),
    ),
    _Rule(
        "effect",
        "Effect",
        3,
        "A worker, and nobody else, touches the outside.",
        (_path("worker", _OUTSIDE), _path("worker", "ledger", _OUTSIDE)),
    ),
    _Rule(
        "dedupe",
        "Dedupe",
        5,
        "The worker looks its key up before it acts, so that a second try does not act twice.",
        (_path("worker", "ledger"),),
    ),
    _Rule(
        "retry_enters",
        "Retry: enters",
        3,
        "A step that failed reaches the policy that decides about it.",
        (_path(("worker", "runtime", "queue"), "retry"),),
    ),
    _Rule(
        "retry_returns",
        "Retry: returns",
        4,
        "What the policy decides comes back as work, at once or after a wait.",
        (_path("retry", ("queue", "runtime")), _path("retry", "timer", ("queue", "runtime"))),
    ),
    _Rule(
        "gate_pause",
        "Gate: pause",
        3,
        "The runtime parks the run where a person is asked.",
        (_path("runtime", "gate"),),
    ),
    _Rule(
        "gate_resume",
        "Gate: resume",
        3,
        "The answer reaches the runtime, or the run waits for ever.",
        (_path("gate", "runtime"), _path("gate", "history", "runtime")),
    ),
)

# Edges that earn nothing and are no clutter: who starts a run, who answers, and whatever is traced.
_AROUND = {("caller", "runtime"), ("runtime", "caller"), ("reviewer", "gate"), ("gate", "reviewer")}
_ACCEPTED: set[tuple[str, str]] = _AROUND | {
    (source, target)
    for rule in _RULES
    for path in rule.paths
    for sources, targets in zip(path.kinds, path.kinds[1:], strict=False)
    for source in sources
    for target in targets
}
_PAST_THE_RUNTIME: tuple[Kind, ...] = ("history", "queue", "worker", "ledger", "retry", "timer", "gate", *_OUTSIDE)


class _Graph:
    def __init__(self, drawing: Drawing) -> None:
        self.parts = {part.id: part for part in drawing.nodes}
        self.kinds: dict[str, Kind] = {part.id: part.kind for part in drawing.nodes}
        self.present = set(self.kinds.values())
        self.edges = [e for e in drawing.edges if e.source in self.kinds and e.target in self.kinds]
        self.joined = {end for edge in self.edges for end in (edge.source, edge.target)}

    def pairs(self) -> Iterator[tuple[Kind, Kind]]:
        return ((self.kinds[edge.source], self.kinds[edge.target]) for edge in self.edges)

    def has(self, sources: tuple[Kind, ...], targets: tuple[Kind, ...]) -> bool:
        return any(source in sources and target in targets for source, target in self.pairs())

    def walk(self, path: _Path) -> list[str]:
        """The ids of the edges that make up the path, or none."""
        reached: dict[str, list[str]] = {part: [] for part, kind in self.kinds.items() if kind in path.kinds[0]}
        for kinds in path.kinds[1:]:
            reached = {
                edge.target: [*reached[edge.source], edge.id]
                for edge in self.edges
                if edge.source in reached and self.kinds[edge.target] in kinds
            }
        return next(iter(reached.values()), [])


def check_drawing(drawing: Drawing) -> DrawingChecks:
    """Every rule on one drawing: what it earned, what it lost, and on which edges that rests."""
    graph = _Graph(drawing)
    checks = (_parts(graph), *(_checked(rule, graph) for rule in _RULES))
    flags = tuple(_flags(graph))
    deducted = min(FLAG_COST * len(flags), FLAGS_COST_MOST)
    points = max(0, sum(check.points for check in checks) - deducted)
    capped = any(flag.id == "wired_to_everything" for flag in flags)
    if capped:
        points = min(points, SPARE_CAP)
    return DrawingChecks(points=points, checks=checks, flags=flags, deducted=deducted, capped=capped)


def graph_points(rubric: Rubric, text: str) -> int | None:
    """The code's half of an item's points, for `scoring.item_points`; None for a text, and for what is no drawing."""
    if not rubric.graph_points:
        return None
    try:
        return check_drawing(parse_drawing(text)).points
    except DrawingError:
        return None


def _parts(graph: _Graph) -> Check:
    missing = [
        "one outside API" if kinds == _OUTSIDE else TITLES[kinds[0]]
        for kinds in _REQUIRED
        if not graph.present.intersection(kinds)
    ]
    maximum = _PART_POINTS * len(_REQUIRED)
    return Check(
        id="parts",
        title="Parts",
        points=maximum - _PART_POINTS * len(missing),
        maximum=maximum,
        passed=not missing,
        detail=f"missing: {', '.join(missing)}" if missing else "all there",
        why=_PARTS_WHY,
    )


def _checked(rule: _Rule, graph: _Graph) -> Check:
    edges = next((edges for path in rule.paths if (edges := graph.walk(path))), [])
    return Check(
        id=rule.id,
        title=rule.title,
        points=rule.points if edges else 0,
        maximum=rule.points,
        passed=bool(edges),
        detail=f"edges: {', '.join(edges)}" if edges else f"no {' or '.join(map(_spelled, rule.paths))}",
        why=rule.why,
    )


def _spelled(path: _Path) -> str:
    return " -> ".join("/".join(kinds) for kinds in path.kinds)


def _flags(graph: _Graph) -> Iterator[DrawingFlag]:
    people: tuple[Kind, ...] = ("gate", "reviewer")
    if graph.has(("runtime",), _OUTSIDE):
        yield _flag("runtime_calls_outside", "The runtime calls outside directly")
    if graph.has(("worker",), people) or graph.has(people, ("worker",)):
        yield _flag("worker_waits_on_human", "A worker waits on a human")
    if graph.has(("caller",), _PAST_THE_RUNTIME):
        yield _flag("caller_bypasses_runtime", "The caller bypasses the runtime")
    if "retry" in graph.present and "ledger" not in graph.present:
        yield _flag("retry_without_ledger", "Retry with no ledger")
    if "memory" in graph.present and not graph.has(("runtime", "worker"), ("history",)):
        yield _flag("state_in_memory", "State only in memory")
    loose = _loose(graph)
    if loose:
        yield _flag("loose_parts", "Loose parts", ", ".join(loose))
    spare = sum(pair not in _ACCEPTED and pair[1] != "trace" for pair in graph.pairs())
    if spare > SPARE_EDGES:
        yield _flag("wired_to_everything", "Wired to everything", f"{spare} edges that no rule accepts")


def _loose(graph: _Graph) -> list[str]:
    """Parts without an edge; a reviewer with no gate to answer at is paid for by the gate's own rules."""
    return [
        part.name
        for part in graph.parts.values()
        if part.id not in graph.joined and not (part.kind == "reviewer" and "gate" not in graph.present)
    ]


_FLAGS_WHY = {
    "runtime_calls_outside": "A replay would call it again; outside work belongs in a worker.",
    "worker_waits_on_human": "A worker that waits for a person is held for days, and its wait dies with it.",
    "caller_bypasses_runtime": "What the runtime never saw, it can neither record nor resume.",
    "retry_without_ledger": "A second try acts twice where nobody remembers the first.",
    "state_in_memory": "Memory dies with its process, and the run with it.",
    "loose_parts": "A part without an edge does nothing.",
    "wired_to_everything": f"Where all is joined to all, nothing is said; this half is held at {SPARE_CAP}.",
}


def _flag(flag: str, title: str, detail: str = "") -> DrawingFlag:
    return DrawingFlag(id=flag, title=title, detail=detail, why=_FLAGS_WHY[flag])

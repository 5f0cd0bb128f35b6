"""The judged criteria of a drawing, read from its graph: labels, the crash, economy.

What a part or an edge is for is decided in `rubrics.drawing`; here it is only counted and put in order.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rubrics.drawing import DISTRACTORS, TITLES, Drawing, Edge, Kind, check_drawing
from rubrics.lexicon import Lexicon
from rubrics.look_for_page import Page
from rubrics.passages import Passage

_NEARLY_ALL = 0.8
_HALF = 0.5
_CLUTTER = 4  # spare parts
_REDRAWN = {"memory": "history", "cache": "ledger", "balancer": "queue", "vector": "history"}
_RECOVERY: tuple[tuple[Kind, Kind], ...] = (("history", "runtime"), ("runtime", "queue"), ("queue", "worker"))


class Seen(NamedTuple):
    """A level, the ids it rests on and what to say about it."""

    level: int
    checks: tuple[str, ...]
    note: str


def read_labels(drawing: Drawing, lexicon: Lexicon) -> Seen:
    """How many edges say what passes, in words that could not stand on any edge."""
    edges = drawing.edges
    labels = [" ".join(edge.label.lower().split()) for edge in edges]
    told = [
        edge.id
        for edge, label in zip(edges, labels, strict=True)
        if labels.count(label) == 1 and _says_something(label, lexicon)
    ]
    written = [edge.id for edge, label in zip(edges, labels, strict=True) if label]
    share = len(told) / len(edges) if edges else 0.0
    level = _labels_level(share, len(written) / len(edges) if edges else 0.0)
    rest = [edge.id for edge in edges if edge.id not in told]
    note = f"{len(told)} of {len(edges)} edges say what passes."
    return Seen(
        level,
        tuple(told or written),
        f"{note} Too general, repeated or blank: {', '.join(rest[:10])}." if rest else note,
    )


def _labels_level(told: float, written: float) -> int:
    """From the shares of edges that say what passes and of edges with any word; "mostly blank" is not "calls"."""
    if told == 1:
        return 4
    if told >= _NEARLY_ALL:
        return 3
    if told >= _HALF or (told and written >= _NEARLY_ALL):
        return 2
    return 1 if written else 0


def _says_something(label: str, lexicon: Lexicon) -> bool:
    passage = Passage(label)
    vague = {hit.first for hit in Page(passage, lexicon).hits("vague")}
    own = [place for place, form in enumerate(passage.forms) if form not in lexicon.common and place not in vague]
    return bool(own) or len(vague) > 1


def read_crash(drawing: Drawing, lexicon: Lexicon) -> Seen:
    """Whether the crash is pinned, its recovery runs in order, and the note says what is not repeated and why."""
    if drawing.crash is None or drawing.crash.at not in {part.id for part in drawing.nodes}:
        return Seen(0, (), "")
    by_id = {edge.id: edge for edge in drawing.edges}
    recovery = [by_id[edge] for edge in drawing.crash.recovery if edge in by_id]
    checks = (drawing.crash.at, *(edge.id for edge in recovery))
    if not recovery:
        return Seen(1, checks, "The pin is placed; no edge brings the run back.")
    faults = _recovery_faults(drawing, recovery)
    if faults:
        level = 2 if len(faults) == 1 else 1
        return Seen(level, checks, f"The recovery is not whole: {'; '.join(faults)}.")
    page = Page(Passage(drawing.note), lexicon)
    kept, because = bool(page.hits("kept")), bool(page.hits("because"))
    if kept and because:
        return Seen(4, checks, "The recovery is in order; the note says what is not repeated, and why.")
    missing = "why nothing is repeated" if kept else "what is not repeated, and why"
    return Seen(3, checks, f"The recovery is in order. Not found in the note: {missing}.")


def _recovery_faults(drawing: Drawing, recovery: Sequence[Edge]) -> list[str]:
    """What is missing or out of order: history is replayed, the step queued again, and leased again."""
    kinds = {part.id: part.kind for part in drawing.nodes}
    steps = [(kinds[edge.source], kinds[edge.target]) for edge in recovery]
    places = [steps.index(step) if step in steps else None for step in _RECOVERY]
    faults = [
        f"no edge from {TITLES[source]} to {TITLES[target]}"
        for (source, target), place in zip(_RECOVERY, places, strict=True)
        if place is None
    ]
    known = [place for place in places if place is not None]
    if known != sorted(known):
        faults.append("its edges are out of order")
    reached = {recovery[0].source, recovery[0].target}
    for edge in recovery[1:]:
        if edge.source not in reached:
            faults.append(f"{edge.id} begins where the recovery has not been")
        reached.add(edge.target)
    return faults


def read_economy(drawing: Drawing, lexicon: Lexicon) -> Seen:
    """How much could be taken away, and whether a distractor does a required part's job."""
    kinds = [part.kind for part in drawing.nodes]
    if len(kinds) < 3 or len(drawing.edges) < 2:
        return Seen(0, (), "")
    joined = {end for edge in drawing.edges for end in (edge.source, edge.target)}
    spare = [
        part
        for place, part in enumerate(drawing.nodes)
        if part.kind in DISTRACTORS or part.id not in joined or part.kind in kinds[:place]
    ]
    usurpers = [
        part
        for part in spare
        if part.kind in DISTRACTORS and part.id in joined and _REDRAWN.get(part.kind) not in kinds
    ]
    checks = tuple(part.id for part in spare)
    if len(spare) >= _CLUTTER or any(flag.id == "wired_to_everything" for flag in check_drawing(drawing).flags):
        return Seen(1, checks or tuple(part.id for part in drawing.nodes), "Clutter hides the run.")
    if usurpers:
        names = ", ".join(part.name for part in usurpers)
        return Seen(2, checks, f"Does the job of a required part: {names}.")
    if spare:
        names = ", ".join(part.name for part in spare)
        return Seen(3 if len(spare) == 1 else 2, checks, f"Could be removed: {names}.")
    return Seen(4, tuple(part.id for part in drawing.nodes), "Nothing could be removed.")


GRAPHS: Mapping[str, Callable[[Drawing, Lexicon], Seen]] = {
    "labels": read_labels,
    "crash": read_crash,
    "economy": read_economy,
}

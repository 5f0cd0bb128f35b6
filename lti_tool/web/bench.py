"""The drawing on the bench: parts, edges and the crash pin as a learner builds them, one small operation at a time.

Every operation gives a new bench or raises BenchProblem with the sentence to show. What is stored is the JSON
of `as_text`; a bench may be loose or incomplete where a drawing that is judged may not.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lti_tool.language import gettext as _
from lti_tool.language import joined, ngettext
from lti_tool.lesson import Part
from rubrics.diagram import MAX_EDGES, MAX_LABEL, MAX_NODES, MAX_NOTE, SCHEMA


class BenchProblem(ValueError):
    """The operation cannot be done; the message is shown beside the form and nothing is lost."""


@dataclass(frozen=True)
class Node:
    """A part of the drawing."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True)
class Edge:
    """An arrow from one part to another; an empty label says nothing yet."""

    id: str
    start: str
    end: str
    label: str


@dataclass(frozen=True)
class Bench:
    """A drawing as it stands; `recovery` are edge ids in order."""

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    crash_at: str = ""
    recovery: tuple[str, ...] = ()
    note: str = ""

    def node(self, node_id: str) -> Node:
        """The part with this id. BenchProblem if it is gone."""
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise BenchProblem(_("That part is not in the drawing. Choose another."))

    def edge(self, edge_id: str) -> Edge:
        """The edge with this id. BenchProblem if it is gone."""
        for edge in self.edges:
            if edge.id == edge_id:
                return edge
        raise BenchProblem(_("That edge is not in the drawing. Choose another."))

    def number(self, edge_id: str) -> int:
        """An edge's number in the picture, from 1."""
        return self.edges.index(self.edge(edge_id)) + 1

    @property
    def names(self) -> dict[str, str]:
        """Node id to the part's name; parts of the same label are told apart by a number."""
        names, seen = {}, Counter[str]()
        often = Counter(node.label for node in self.nodes)
        for node in self.nodes:
            seen[node.label] += 1
            names[node.id] = f"{node.label} {seen[node.label]}" if often[node.label] > 1 else node.label
        return names

    def from_part(self, node_id: str) -> list[Edge]:
        """The edges that leave a part."""
        return [edge for edge in self.edges if edge.start == node_id]

    def as_json(self) -> dict[str, Any]:
        """The stored form; without a pin there is no crash in it."""
        stored: dict[str, Any] = {
            "schema": SCHEMA,
            "nodes": [{"id": node.id, "kind": node.kind, "label": node.label} for node in self.nodes],
            "edges": [{"id": edge.id, "from": edge.start, "to": edge.end, "label": edge.label} for edge in self.edges],
        }
        if self.crash_at:
            stored["crash"] = {"at": self.crash_at, "recovery": list(self.recovery)}
        if self.note:
            stored["note"] = self.note
        return stored

    def as_text(self) -> str:
        """The stored form as text, the same for the same drawing."""
        return json.dumps(self.as_json(), ensure_ascii=False, separators=(",", ":"))


def read_bench(text: str) -> Bench:
    """The bench a stored text describes; an empty one for anything that is no drawing."""
    try:
        stored = json.loads(text)
        nodes = tuple(Node(str(n["id"]), str(n["kind"]), str(n["label"])) for n in stored["nodes"])
        known = {node.id for node in nodes}
        edges = tuple(
            Edge(str(e["id"]), str(e["from"]), str(e["to"]), str(e.get("label") or ""))
            for e in stored["edges"]
            if e["from"] in known and e["to"] in known
        )
        return _with_crash(Bench(nodes, edges), stored)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Bench()


def _with_crash(bench: Bench, stored: Mapping[str, Any]) -> Bench:
    crash = stored.get("crash") or {}
    at = str(crash.get("at") or "")
    known = {edge.id for edge in bench.edges}
    return replace(
        bench,
        crash_at=at if any(node.id == at for node in bench.nodes) else "",
        recovery=tuple(str(edge) for edge in crash.get("recovery") or () if edge in known),
        note=str(stored.get("note") or ""),
    )


def _fresh(prefix: str, taken: list[str]) -> str:
    numbers = [int(name[1:]) for name in taken if name[:1] == prefix and name[1:].isdigit()]
    return f"{prefix}{max(numbers, default=0) + 1}"


def add_part(bench: Bench, kind: str, palette: tuple[Part, ...]) -> Bench:
    """One more part of this kind."""
    part = next((part for part in palette if part.kind == kind), None)
    if part is None:
        raise BenchProblem(_("That part is not in the list. Choose another."))
    if len(bench.nodes) >= MAX_NODES:
        raise BenchProblem(_("%(most)d parts is the limit. Remove one first.", most=MAX_NODES))
    node = Node(_fresh("n", [node.id for node in bench.nodes]), part.kind, part.label)
    return replace(bench, nodes=(*bench.nodes, node))


def remove_part(bench: Bench, node_id: str) -> Bench:
    """Without the part and every edge at it."""
    bench.node(node_id)
    gone = {edge.id for edge in bench.edges if node_id in (edge.start, edge.end)}
    return replace(
        bench,
        nodes=tuple(node for node in bench.nodes if node.id != node_id),
        edges=tuple(edge for edge in bench.edges if edge.id not in gone),
        crash_at="" if bench.crash_at == node_id else bench.crash_at,
        recovery=tuple(edge for edge in bench.recovery if edge not in gone),
    )


def connect(bench: Bench, start: str, end: str, label: str) -> Bench:
    """An edge between two parts; where one runs that way already, it gets the new label."""
    label = " ".join(label.split())
    bench.node(start)
    bench.node(end)
    if start == end:
        raise BenchProblem(_("An edge joins two different parts."))
    if len(label) > MAX_LABEL:
        raise BenchProblem(
            _("%(over)d over. An edge says at most %(most)d characters.", over=len(label) - MAX_LABEL, most=MAX_LABEL)
        )
    for at, edge in enumerate(bench.edges):
        if (edge.start, edge.end) == (start, end):
            changed = replace(edge, label=label)
            return replace(bench, edges=(*bench.edges[:at], changed, *bench.edges[at + 1 :]))
    if len(bench.edges) >= MAX_EDGES:
        raise BenchProblem(_("%(most)d edges is the limit. Remove one first.", most=MAX_EDGES))
    edge = Edge(_fresh("e", [edge.id for edge in bench.edges]), start, end, label)
    return replace(bench, edges=(*bench.edges, edge))


def remove_edge(bench: Bench, edge_id: str) -> Bench:
    """Without the edge."""
    bench.edge(edge_id)
    return replace(
        bench,
        edges=tuple(edge for edge in bench.edges if edge.id != edge_id),
        recovery=tuple(edge for edge in bench.recovery if edge != edge_id),
    )


def set_crash(bench: Bench, node_id: str) -> Bench:
    """The pin on a part, or nowhere; without a pin nothing brings the run back."""
    if node_id:
        bench.node(node_id)
    return replace(bench, crash_at=node_id, recovery=bench.recovery if node_id else ())


def add_recovery(bench: Bench, edge_id: str) -> Bench:
    """One more edge that brings the run back, after the others."""
    bench.edge(edge_id)
    if not bench.crash_at:
        raise BenchProblem(_("Place the crash pin first: choose the part that dies."))
    if edge_id in bench.recovery:
        raise BenchProblem(_("That edge is in the list already."))
    return replace(bench, recovery=(*bench.recovery, edge_id))


def drop_recovery(bench: Bench, edge_id: str) -> Bench:
    """Without this edge among those that bring the run back."""
    return replace(bench, recovery=tuple(edge for edge in bench.recovery if edge != edge_id))


def earlier(bench: Bench, edge_id: str) -> Bench:
    """This edge one place earlier among those that bring the run back."""
    order = list(bench.recovery)
    at = order.index(edge_id) if edge_id in order else 0
    if at:
        order[at - 1], order[at] = order[at], order[at - 1]
    return replace(bench, recovery=tuple(order))


def set_note(bench: Bench, note: str) -> Bench:
    """What is not repeated, and why."""
    note = note.replace("\r\n", "\n").strip()
    if len(note) > MAX_NOTE:
        raise BenchProblem(
            _("%(over)d over. The note holds %(most)d characters.", over=len(note) - MAX_NOTE, most=MAX_NOTE)
        )
    return replace(bench, note=note)


def lint(bench: Bench) -> list[str]:
    """What is loose or says nothing; never what is missing."""
    silent = [str(at) for at, edge in enumerate(bench.edges, 1) if not edge.label]
    ends = {end for edge in bench.edges for end in (edge.start, edge.end)}
    loose = [node.label for node in bench.nodes if node.id not in ends]
    lines = []
    if silent:
        said = ngettext(
            "Edge %(edges)s says nothing yet.", "Edges %(edges)s say nothing yet.", len(silent), edges=joined(silent)
        )
        lines.append(said)
    if loose:
        lines.append(ngettext("%(parts)s is loose.", "%(parts)s are loose.", len(loose), parts=joined(loose)))
    return lines

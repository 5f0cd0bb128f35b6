import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rubrics.diagram import Drawing
from rubrics.drawing import (
    HOME_CELLS,
    KINDS,
    SCHEMA,
    TITLES,
    DrawingError,
    canonical,
    check_drawing,
    describe,
    parse_drawing,
)

SAMPLES = Path(__file__).parents[2] / "seeds/lessons/durable-workflows/samples"
REFERENCE = (
    "caller>runtime runtime>history history>runtime runtime>queue queue>worker worker>ledger worker>model worker>tools "
    "worker>runtime runtime>retry retry>timer timer>queue runtime>gate reviewer>gate gate>runtime runtime>trace"
)
MINIMAL = (
    "runtime>history history>runtime runtime>queue queue>worker worker>ledger worker>tools worker>runtime "
    "runtime>retry retry>queue runtime>gate gate>runtime"
)
REQUIRED = "runtime history queue worker retry ledger gate tools"
EVERYTHING = " ".join(f"{one}>{other}" for one in REQUIRED.split() for other in REQUIRED.split() if one != other)


def draw(edges: str, *, more: str = "", without: str = "") -> Drawing:
    """A drawing with a part a kind, from "runtime>history ..."; `more` stand alone, `without` go with their edges."""
    gone = without.split()
    pairs = [pair for pair in (edge.split(">") for edge in edges.split()) if not set(pair) & set(gone)]
    kinds = dict.fromkeys([*(kind for edge in edges.split() for kind in edge.split(">")), *more.split()])
    return Drawing.model_validate(
        {
            "schema": SCHEMA,
            "nodes": [{"id": kind, "kind": kind} for kind in kinds if kind not in gone],
            "edges": [{"id": f"e{n}", "from": one, "to": other} for n, (one, other) in enumerate(pairs)],
        }
    )


VARIANTS = [
    ("reference", draw(REFERENCE), 60, []),
    ("minimal", draw(MINIMAL), 60, []),
    ("no replay", draw(REFERENCE.replace("history>runtime ", "")), 55, []),
    ("no gate", draw(MINIMAL, without="gate"), 51, []),  # 60 - part 3 - pause 3 - resume 3
    ("no gate, the reviewer stays", draw(REFERENCE, without="gate"), 51, []),
    ("no ledger", draw(REFERENCE, without="ledger"), 48, ["retry_without_ledger"]),  # - part 3 - dedupe 5 - flag 4
    ("no queue", draw(MINIMAL, without="queue"), 50, []),  # - part 3 - dispatch 3 - retry returns 4
    (
        "runtime calls out, worker waits",
        draw(REFERENCE + " runtime>tools worker>gate"),
        52,
        ["runtime_calls_outside", "worker_waits_on_human"],
    ),
    ("caller goes past the runtime", draw(REFERENCE + " caller>worker"), 56, ["caller_bypasses_runtime"]),
    ("balancer, worker, cache", draw("caller>balancer balancer>worker worker>cache worker>tools"), 9, []),
    ("memory", draw("runtime>memory memory>runtime runtime>tools"), 0, ["runtime_calls_outside", "state_in_memory"]),
    ("memory beside a history", draw(REFERENCE + " worker>memory"), 60, []),
    ("a loose part", draw(REFERENCE, more="cache"), 56, ["loose_parts"]),
    ("only parts", draw("", more=REQUIRED), 20, ["loose_parts"]),  # 24 - flag 4
    (
        "everything",
        draw(EVERYTHING),
        36,
        ["runtime_calls_outside", "worker_waits_on_human", "wired_to_everything"],
    ),
    ("empty", draw(""), 0, []),
    ("effect through the ledger", draw(MINIMAL.replace("worker>tools", "ledger>tools")), 60, []),
    ("resume through the history", draw(MINIMAL.replace("gate>runtime", "gate>history")), 60, []),
    ("result to the history", draw(MINIMAL.replace("worker>runtime", "worker>history")), 60, []),
    ("retry by a timer alone", draw(MINIMAL.replace("retry>queue", "retry>timer")), 56, []),
    (
        "six spare edges",
        draw(MINIMAL + " gate>queue ledger>queue ledger>retry tools>queue tools>retry queue>gate"),
        60,
        [],
    ),
    (
        "seven spare edges",
        draw(MINIMAL + " gate>queue ledger>queue ledger>retry tools>queue tools>retry queue>gate retry>gate"),
        36,
        ["wired_to_everything"],
    ),
]


@pytest.mark.parametrize(
    ("drawing", "points", "flags"), [row[1:] for row in VARIANTS], ids=[row[0] for row in VARIANTS]
)
def test_points_by_code(drawing: Drawing, points: int, flags: list[str]) -> None:
    checked = check_drawing(drawing)
    assert [flag.id for flag in checked.flags] == flags
    assert checked.points == points
    assert sum(check.maximum for check in checked.checks) == 60
    assert all(check.passed == (check.points == check.maximum) for check in checked.checks)


def test_flags_cost_at_most_twelve() -> None:
    drawing = draw(REFERENCE + " runtime>tools worker>gate caller>worker", more="cache vector")
    checked = check_drawing(drawing)
    assert len(checked.flags) == 4
    assert (checked.deducted, checked.points) == (12, 48)


def test_a_check_names_the_edges_it_rests_on() -> None:
    dispatch = next(check for check in check_drawing(draw(REFERENCE)).checks if check.id == "dispatch")
    assert dispatch.detail == "edges: e3, e4"
    assert next(c for c in check_drawing(draw("", more="queue")).checks if c.id == "dispatch").detail == (
        "no runtime -> queue -> worker"
    )


def test_the_dispatch_goes_through_one_queue() -> None:
    nodes = [("r", "runtime"), ("q1", "queue"), ("q2", "queue"), ("w", "worker")]
    drawing = parse_drawing(stored(nodes=nodes, edges=[("e1", "r", "q1"), ("e2", "q2", "w")]))
    assert not next(check for check in check_drawing(drawing).checks if check.id == "dispatch").passed


def stored(nodes: Any = (), edges: Any = (), **more: Any) -> dict[str, Any]:
    """The stored form from short rows: (id, kind[, label]) and (id, from, to[, label])."""
    return {
        "schema": SCHEMA,
        "nodes": [{"id": row[0], "kind": row[1], "label": row[2] if len(row) > 2 else ""} for row in nodes],
        "edges": [
            {"id": row[0], "from": row[1], "to": row[2], "label": row[3] if len(row) > 3 else ""} for row in edges
        ],
        **more,
    }


TWO = [("a", "runtime"), ("b", "queue")]
REFUSED = [
    ("nonsense", "not a drawing"),
    ("[]", "not a drawing"),
    ("[" * 50_000, "not a drawing"),
    ('{"note": "\\ud800"}', "not a drawing"),
    ("{" + " " * 70_000 + "}", "too large"),
    ({"nodes": []}, "schema is atelier.diagram/1"),
    (stored() | {"schema": "other/1"}, "schema that cannot be read"),
    (stored(nodes=[("a", "robot")]), "part 1 has a kind that cannot be read"),
    ({"schema": SCHEMA, "edges": [{"id": "e", "from": "a"}]}, "edge 1 lacks its to"),
    (stored(nodes=[(str(n), "worker") for n in range(25)]), "25 parts; 24 is the most"),
    (stored(nodes=[("a", "runtime", "x" * 41)]), "1 labels are too long; 40 characters"),
    (stored(nodes=TWO, edges=[("e", "a", "b", "x" * 41)]), "labels are too long"),
    (stored(note="x" * 281), "note is 281 characters; 280"),
    (stored(nodes=[("a", "runtime"), ("a", "queue")]), "Two parts have the same id"),
    (stored(nodes=TWO, edges=[("e", "a", "b"), ("e", "b", "a")]), "Two edges have the same id"),
    (stored(nodes=TWO, edges=[("e", "a", "c")]), "a part that is not there"),
    (stored(nodes=TWO, edges=[("e", "a", "a")]), "from Durable runtime to itself"),
    (stored(nodes=TWO, edges=[("e", "a", "b"), ("f", "a", "b")]), "2 edges run from Durable runtime to Task queue"),
    (stored(nodes=TWO, crash={"at": "z", "recovery": []}), "crash is at a part"),
    (stored(nodes=TWO, crash={"at": "a", "recovery": ["z"]}), "names an edge that is not there"),
]


@pytest.mark.parametrize(("content", "message"), REFUSED)
def test_a_drawing_that_cannot_be_kept(content: Any, message: str) -> None:
    with pytest.raises(DrawingError, match=message) as caught:
        parse_drawing(content)
    assert all(fault.endswith(".") for fault in caught.value.faults)


def test_forty_one_edges_are_too_many_and_every_fault_is_told() -> None:
    nodes = [(str(n), "worker") for n in range(8)]
    pairs = [(f"e{a}{b}", str(a), str(b)) for a in range(8) for b in range(8) if a != b]
    assert len(parse_drawing(stored(nodes=nodes, edges=pairs[:40])).edges) == 40
    with pytest.raises(DrawingError) as caught:
        parse_drawing(stored(nodes=nodes, edges=pairs[:41], note="x" * 300))
    assert len(caught.value.faults) == 2


def test_the_stored_form_survives() -> None:
    text = (SAMPLES / "drawing-reference.json").read_text()
    drawing = parse_drawing(text)
    assert parse_drawing(json.dumps(drawing.as_json())) == drawing
    assert drawing.as_json()["edges"][0].keys() == {"id", "from", "to", "label"}
    assert check_drawing(drawing).points == 60


def test_every_kind_has_a_cell_of_its_own() -> None:
    assert len(KINDS) == 17
    assert set(HOME_CELLS) == set(TITLES) == set(KINDS)
    assert len(set(HOME_CELLS.values())) == 17


def test_the_outline() -> None:
    nodes = [("a", "worker"), ("b", "worker"), ("c", "queue", " Jobs "), ("d", "cache")]
    edges = [("e1", "c", "a", "lease  step"), ("e2", "c", "b")]
    drawing = parse_drawing(
        stored(nodes=nodes, edges=edges, crash={"at": "a", "recovery": ["e2"]}, note=" it  resumes ")
    )
    assert describe(drawing) == (
        "From Jobs to Step worker 1 says lease step",
        "From Jobs to Step worker 2 says nothing",
        "Cache stands alone",
        "The crash is at Step worker 1",
        "Recovery 1: From Jobs to Step worker 2 says nothing",
        "Note: it resumes",
    )


@st.composite
def drawings(make: st.DrawFn) -> dict[str, Any]:
    """Small drawings in which many parts are alike, so that only their neighbours tell them apart."""
    count = make(st.integers(1, 7))
    nodes = [
        (f"n{n}", make(st.sampled_from(["worker", "queue"])), make(st.sampled_from(["", "x"]))) for n in range(count)
    ]
    pairs = [(a, b) for a in range(count) for b in range(count) if a != b]
    chosen = make(st.lists(st.sampled_from(pairs), unique=True, max_size=10)) if pairs else []
    edges = [(f"e{n}", f"n{a}", f"n{b}", make(st.sampled_from(["", "go"]))) for n, (a, b) in enumerate(chosen)]
    recovery = make(st.lists(st.sampled_from([edge[0] for edge in edges]), max_size=4)) if edges else []
    return stored(nodes=nodes, edges=edges, crash={"at": make(st.sampled_from(nodes))[0], "recovery": recovery})


@given(drawings(), st.randoms(use_true_random=False))
def test_ids_order_and_coordinates_do_not_count(content: dict[str, Any], chance: random.Random) -> None:
    ids = [row["id"] for row in [*content["nodes"], *content["edges"]]]
    names = dict(zip(ids, chance.sample([f"id {n}" for n in range(40)], len(ids)), strict=True))
    nodes = [{**row, "id": names[row["id"]], "x": chance.random()} for row in content["nodes"]]
    edges = [
        {**row, "id": names[row["id"]], "from": names[row["from"]], "to": names[row["to"]]} for row in content["edges"]
    ]
    chance.shuffle(nodes)
    chance.shuffle(edges)
    crash = {"at": names[content["crash"]["at"]], "recovery": [names[e] for e in content["crash"]["recovery"]]}
    same = {"schema": SCHEMA, "nodes": nodes, "edges": edges, "crash": crash}
    assert canonical(parse_drawing(same)) == canonical(parse_drawing(content))


BASE = stored(
    nodes=[("a", "runtime"), ("b", "queue"), ("c", "worker"), ("d", "worker")],
    edges=[("e1", "a", "b", "enqueue"), ("e2", "b", "c", "lease"), ("e3", "c", "a", "done")],
    crash={"at": "c", "recovery": ["e1", "e2"]},
    note="steps",
)


@pytest.mark.parametrize(
    "change",
    [
        {"note": "other"},
        {"crash": None},
        {"crash": {"at": "d", "recovery": ["e1", "e2"]}},
        {"crash": {"at": "c", "recovery": ["e2", "e1"]}},
        {"edges": BASE["edges"][:2], "crash": {"at": "c", "recovery": ["e1", "e2"]}},
        {"nodes": [*BASE["nodes"], {"id": "z", "kind": "worker"}]},
        {"nodes": [BASE["nodes"][0] | {"label": "Engine"}, *BASE["nodes"][1:]]},
        {"edges": [*BASE["edges"][:2], BASE["edges"][2] | {"from": "d"}]},
        {"edges": [*BASE["edges"][:2], BASE["edges"][2] | {"from": "a", "to": "c"}]},
    ],
)
def test_any_other_change_counts(change: dict[str, Any]) -> None:
    assert canonical(parse_drawing(BASE | change)) != canonical(parse_drawing(BASE))


def test_equal_parts_are_told_apart_by_their_neighbours() -> None:
    nodes = [("q", "queue"), ("w1", "worker"), ("w2", "worker"), ("l", "ledger"), ("c", "cache")]
    one = stored(nodes=nodes, edges=[("1", "q", "w1"), ("2", "w1", "l"), ("3", "w2", "c")])
    other = stored(nodes=nodes, edges=[("1", "q", "w1"), ("2", "w2", "l"), ("3", "w1", "c")])
    swapped = stored(nodes=nodes, edges=[("1", "q", "w2"), ("2", "w2", "l"), ("3", "w1", "c")])
    assert canonical(parse_drawing(one)) == canonical(parse_drawing(swapped))
    assert canonical(parse_drawing(one)) != canonical(parse_drawing(other))


def ring(*sizes: int) -> Drawing:
    """Rings of equal workers, which no neighbourhood tells apart."""
    nodes, edges = [], []
    for number, size in enumerate(sizes):
        nodes += [(f"{number}.{at}", "worker") for at in range(size)]
        edges += [(f"e{number}.{at}", f"{number}.{at}", f"{number}.{(at + 1) % size}") for at in range(size)]
    return parse_drawing(stored(nodes=nodes, edges=edges))


def test_one_ring_is_not_two() -> None:
    assert canonical(ring(6)) != canonical(ring(3, 3))
    assert canonical(ring(3, 3)) == canonical(parse_drawing(ring(3, 3).as_json()))


def test_very_many_equal_parts_are_answered_too() -> None:
    assert canonical(ring(3, 3, 3, 3, 3, 3, 3, 3)) == canonical(ring(3, 3, 3, 3, 3, 3, 3, 3))
    assert len(canonical(draw("", more="worker"))) > 20


def test_every_rule_and_every_flag_says_what_it_is_for() -> None:
    drawings = [row[1] for row in VARIANTS]
    said = [(one.id, one.why) for drawing in drawings for one in (*check_drawing(drawing).checks,)]
    flagged = [(one.id, one.why) for drawing in drawings for one in check_drawing(drawing).flags]
    assert all(why.endswith(".") for _, why in [*said, *flagged])
    assert len({name for name, _ in said}) == 11
    assert {name for name, _ in flagged} == {
        "runtime_calls_outside",
        "worker_waits_on_human",
        "caller_bypasses_runtime",
        "retry_without_ledger",
        "state_in_memory",
        "loose_parts",
        "wired_to_everything",
    }


ALL = [f"{one}>{other}" for one in KINDS for other in KINDS if one != other]


@given(st.lists(st.sampled_from(ALL), unique=True, max_size=40))
def test_points_stay_within_the_half_that_code_gives(edges: list[str]) -> None:
    checked = check_drawing(draw(" ".join(edges)))
    assert 0 <= checked.points <= 60
    assert checked.deducted == min(12, 4 * len(checked.flags))
    assert not checked.capped or checked.points <= 36
    earned = sum(check.points for check in checked.checks)
    assert checked.points == min(36 if checked.capped else 60, max(0, earned - checked.deducted))


@given(st.lists(st.sampled_from(ALL), unique=True, max_size=30), st.sampled_from(ALL))
def test_one_edge_more_never_unmakes_a_rule(edges: list[str], more: str) -> None:
    before, after = (check_drawing(draw(" ".join(dict.fromkeys(some)))) for some in (edges, [*edges, more]))
    assert all(new.points >= old.points for old, new in zip(before.checks, after.checks, strict=True))

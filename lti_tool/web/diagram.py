"""A diagram as shapes on a page: boxes in their home cells, numbered arrows between them. Used for the
reference and for every drawing, so that all of them line up.

Cells repeat every 208 x 104; a box is 152 x 44; the margin is 24.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import hypot

from lti_tool.lesson import Diagram, Part

CELL = (208, 104)
BOX = (152, 44)
MARGIN = 24
FEWEST_ROWS = 4
COLUMNS = 4
_LANE = 8
_START_GAP, _TIP_GAP, _TIP_LENGTH, _TIP_HALF = 2.0, 3.0, 9.0, 5.0
_PAD = (27.0, 21.0)  # the room a number takes
_ALONG = (0.5, 0.36, 0.64, 0.22, 0.78)
_APART = {"across": 11.0, "down": 26.0, "slanted": 12.0}

Point = tuple[float, float]
Cell = tuple[int, int]


@dataclass(frozen=True)
class Box:
    """A part in its place; `key` names it within its diagram."""

    key: str
    label: str
    x: int
    y: int
    outside: bool = False
    core: bool = False
    pinned: bool = False


@dataclass(frozen=True)
class Arrow:
    """An edge: a line, the triangle at its end, and a pad for its number."""

    number: int
    line: str
    tip: str
    at: Point
    start: str
    end: str
    label: str

    @property
    def pad_width(self) -> int:
        """Room for one digit or two."""
        return 20 if self.number < 10 else 26


@dataclass(frozen=True)
class Picture:
    """Everything an SVG of a diagram holds; `cells` are the corners of home cells without a part."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    cells: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Placed:
    """A part and the cell it stands in."""

    key: str
    label: str
    cell: Cell
    outside: bool = False
    core: bool = False
    pinned: bool = False


@dataclass(frozen=True)
class Link:
    """An edge between two placed parts."""

    number: int
    start: str
    end: str
    label: str


def reference_picture(diagram: Diagram) -> Picture:
    """The lesson's own diagram."""
    placed = [Placed(p.kind, p.label, (p.col, p.row), p.outside, p.core) for p in diagram.parts]
    links = [Link(edge.number, edge.start, edge.end, edge.label) for edge in diagram.edges]
    return _picture(placed, links, rows=1 + max(part.row for part in diagram.parts))


def drawing_picture(
    nodes: Sequence[Mapping[str, str]],
    edges: Sequence[Mapping[str, str]],
    palette: Iterable[Part],
    crash_at: str | None = None,
) -> Picture:
    """A learner's drawing; every kind has its home cell, a second one of a kind stacks below."""
    homes = {part.kind: part for part in palette}
    cells = _cells_of(nodes, homes)
    placed = [
        Placed(
            key=node["id"],
            label=node["label"],
            cell=cells[node["id"]],
            outside=node["kind"] in homes and homes[node["kind"]].outside,
            core=node["kind"] in homes and homes[node["kind"]].core,
            pinned=node["id"] == crash_at,
        )
        for node in nodes
    ]
    links = [Link(at, edge["from"], edge["to"], edge["label"]) for at, edge in enumerate(edges, 1)]
    rows = max([FEWEST_ROWS, *(row + 1 for _, row in cells.values())])
    taken = set(cells.values())
    empty = {(part.col, part.row) for part in homes.values() if part.row < rows} - taken
    return _picture(placed, links, rows, empty)


def _cells_of(nodes: Sequence[Mapping[str, str]], homes: Mapping[str, Part]) -> dict[str, Cell]:
    """Node id to cell: first of a kind at home, further ones in the next free cell below."""
    cells: dict[str, Cell] = {}
    later = []
    for node in nodes:
        part = homes.get(node["kind"])
        if part and (part.col, part.row) not in cells.values():
            cells[node["id"]] = (part.col, part.row)
        else:
            later.append((node["id"], part))
    for key, part in later:
        column, row = (part.col, part.row) if part else (0, FEWEST_ROWS)
        while (column, row) in cells.values():
            row += 1
        cells[key] = (column, row)
    return cells


def _picture(placed: Sequence[Placed], links: Sequence[Link], rows: int, empty: Iterable[Cell] = ()) -> Picture:
    columns = max([COLUMNS, *(part.cell[0] + 1 for part in placed)])
    cells = {part.key: part.cell for part in placed}
    drawn = [link for link in links if link.start in cells and link.end in cells and link.start != link.end]
    between: dict[frozenset[str], list[Link]] = defaultdict(list)
    for link in drawn:
        between[frozenset((link.start, link.end))].append(link)
    taken = set(cells.values())
    arrows: list[Arrow] = []
    numbers: list[Point] = []
    for lane, link in enumerate(drawn):
        sharing = len(between[frozenset((link.start, link.end))]) > 1
        arrows.append(_shape(link, _way(link, cells, taken, sharing=sharing, lane=lane), numbers))
    return Picture(
        width=2 * MARGIN + (columns - 1) * CELL[0] + BOX[0],
        height=2 * MARGIN + (rows - 1) * CELL[1] + BOX[1],
        boxes=tuple(
            Box(part.key, part.label, *_corner(part.cell), part.outside, part.core, part.pinned) for part in placed
        ),
        arrows=tuple(arrows),
        cells=tuple(_corner(cell) for cell in sorted(empty)),
    )


def _corner(cell: Cell) -> tuple[int, int]:
    return MARGIN + cell[0] * CELL[0], MARGIN + cell[1] * CELL[1]


def _centre(cell: Cell) -> Point:
    x, y = _corner(cell)
    return x + BOX[0] / 2, y + BOX[1] / 2


def _way(link: Link, cells: Mapping[str, Cell], taken: set[Cell], *, sharing: bool, lane: int) -> list[Point]:
    start, end = cells[link.start], cells[link.end]
    straight = _straight(start, end, sharing=sharing)
    return _around(start, end, lane) if _blocked(start, end, straight, taken) else straight


def _straight(start: Cell, end: Cell, *, sharing: bool) -> list[Point]:
    """From the side of one box to the facing side of the other; two edges between the same parts keep apart."""
    (ax, ay), (bx, by) = _centre(start), _centre(end)
    columns, rows = _sign(end[0] - start[0]), _sign(end[1] - start[1])
    ax, bx = ax + columns * BOX[0] / 2, bx - columns * BOX[0] / 2
    ay, by = ay + rows * BOX[1] / 2, by - rows * BOX[1] / 2
    if sharing:
        kind = "slanted" if columns and rows else "across" if columns else "down"
        # Left of the way each one goes, so that there and back never lie on each other.
        length = hypot(bx - ax, by - ay)
        left = ((by - ay) / length * _APART[kind], -(bx - ax) / length * _APART[kind])
        return [(ax + left[0], ay + left[1]), (bx + left[0], by + left[1])]
    return [(ax, ay), (bx, by)]


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _blocked(start: Cell, end: Cell, path: list[Point], taken: set[Cell]) -> bool:
    """Whether a straight line would run behind a third box."""
    (ax, ay), (bx, by) = path
    for cell in taken - {start, end}:
        x, y = _centre(cell)
        for step in range(1, 40):
            px, py = ax + (bx - ax) * step / 40, ay + (by - ay) * step / 40
            if abs(px - x) < BOX[0] / 2 + 4 and abs(py - y) < BOX[1] / 2 + 4:
                return True
    return False


def _around(start: Cell, end: Cell, lane: int) -> list[Point]:
    """Through the gutters between columns and rows, each edge in a lane of its own."""
    (ax, ay), (bx, by) = _centre(start), _centre(end)
    shift = (lane % 5 - 2) * _LANE
    side = 1 if end[0] > start[0] or (end[0] == start[0] and start[0] < COLUMNS - 1) else -1
    gutter_x = ax + side * CELL[0] / 2 + shift
    below = end[1] < start[1] or end[1] == start[1]
    gutter_y = by + (1 if below else -1) * CELL[1] / 2 + shift
    leave, arrive = ay + shift * 0.9, bx + shift * 3
    return [
        (ax + side * BOX[0] / 2, leave),
        (gutter_x, leave),
        (gutter_x, gutter_y),
        (arrive, gutter_y),
        (arrive, by + (1 if below else -1) * BOX[1] / 2),
    ]


def _shape(link: Link, path: list[Point], numbers: list[Point]) -> Arrow:
    """The path with a gap at both ends, its triangle, and where its number stands."""
    (ax, ay), (nx, ny) = path[0], path[1]
    (px, py), (bx, by) = path[-2], path[-1]
    first, last = hypot(nx - ax, ny - ay), hypot(bx - px, by - py)
    begin = (ax + (nx - ax) / first * _START_GAP, ay + (ny - ay) / first * _START_GAP)
    ux, uy = (bx - px) / last, (by - py) / last
    point = (bx - ux * _TIP_GAP, by - uy * _TIP_GAP)
    base = (point[0] - ux * _TIP_LENGTH, point[1] - uy * _TIP_LENGTH)
    wide, high = uy * _TIP_HALF, ux * _TIP_HALF
    corners = [point, (base[0] - wide, base[1] + high), (base[0] + wide, base[1] - high)]
    line = [begin, *path[1:-1], base]
    return Arrow(
        number=link.number,
        line=_path(line),
        tip=_path(corners) + "Z",
        at=_number_place(line, numbers),
        start=link.start,
        end=link.end,
        label=link.label,
    )


def _number_place(line: list[Point], numbers: list[Point]) -> Point:
    """On the longest stretch, at its middle or as near to it as leaves the numbers before it readable."""
    (ax, ay), (bx, by) = max(pairwise(line), key=lambda ends: hypot(ends[1][0] - ends[0][0], ends[1][1] - ends[0][1]))
    places = [(_short(ax + (bx - ax) * share), _short(ay + (by - ay) * share)) for share in _ALONG]
    free = (p for p in places if all(abs(p[0] - x) >= _PAD[0] or abs(p[1] - y) >= _PAD[1] for x, y in numbers))
    place = next(free, places[0])
    numbers.append(place)
    return place


def _path(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{_short(x):g} {_short(y):g}" for x, y in points)


def _short(number: float) -> float:
    return round(number, 1)

"""The page a drawing is made on: the picture, the sentence that connects, the outline, the crash pin."""

from dataclasses import dataclass
from datetime import datetime

from lti_tool.attempts import Desk, drafts
from lti_tool.lesson import DrillStep, Part
from lti_tool.lessons import weights_here
from lti_tool.models import Draft
from lti_tool.web import bench
from lti_tool.web.bench import Bench, read_bench
from lti_tool.web.diagram import Picture, drawing_picture
from lti_tool.web.visit import Visit, page
from rubrics.diagram import MAX_EDGES, MAX_LABEL, MAX_NODES, MAX_NOTE

LIMITS = {"parts": MAX_NODES, "edges": MAX_EDGES, "label": MAX_LABEL, "note": MAX_NOTE}


def picture_of(palette: tuple[Part, ...], drawn: Bench) -> Picture:
    """The drawing in its home cells."""
    stored = drawn.as_json()
    return drawing_picture(stored["nodes"], stored["edges"], palette, drawn.crash_at or None)


@dataclass(frozen=True)
class DrawingDraft:
    """A saved drawing in the list."""

    id: int
    saved_at: datetime
    parts: int
    edges: int


def _draft_lines(visit: Visit, item_id: str) -> list[DrawingDraft]:
    kept = [(draft, read_bench(draft.text)) for draft in drafts(visit.session, visit.link, visit.person_id, item_id)]
    return [DrawingDraft(draft.id, draft.saved_at, len(b.nodes), len(b.edges)) for draft, b in kept]


def bench_page(
    visit: Visit,
    step: DrillStep,
    found: Desk,
    drawn: Bench,
    *,
    problem: str | None = None,
    operation: str = "",
    send_problem: str | None = None,
    other: Draft | None = None,
) -> str:
    """The bench; `problem` is shown beside the form of `operation`, `send_problem` beside the judge button."""
    reference = visit.lesson.reference
    palette = reference.palette if reference else ()
    return page(
        "student/draw.html",
        visit,
        step.id,
        step=step,
        desk=found,
        item=found.item,
        rubric=found.rubric,
        bench=drawn,
        names=drawn.names,
        palette=palette,
        picture=picture_of(palette, drawn),
        lint=bench.lint(drawn),
        limits=LIMITS,
        parts=[
            {"kind": p.kind, "label": p.label, "col": p.col, "row": p.row, "outside": p.outside, "core": p.core}
            for p in palette
        ],
        other=other,
        problem=problem,
        operation=operation,
        send_problem=send_problem,
        drafts=_draft_lines(visit, found.item.id),
        weights=weights_here(visit.link, visit.lesson),
    )

"""A drawing as a judge sees it: by ids of ours, in an order of ours, with nothing in it but what its form has.

An answer is found again for every drawing of the same form, so it may not speak of ids that one student's page happened
to give; and what somebody writes into an id, or under a key that no check reads, reaches no judge.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rubrics.drawing import Drawing, DrawingError, in_order, parse_drawing
from rubrics.judgement import Rating
from rubrics.text import normalise

_ID = re.compile(r"\b[pe]\d{1,2}\b")


@dataclass(frozen=True)
class Shown:
    """A drawing by our ids, and the student's own id for each of them."""

    drawing: Drawing
    own: Mapping[str, str]

    def as_text(self) -> str:
        """The drawing as JSON."""
        return json.dumps(self.drawing.as_json(), ensure_ascii=False)

    def told(self, ratings: Sequence[Rating]) -> tuple[Rating, ...]:
        """What was said by our ids, by the student's."""
        return tuple(
            one.model_copy(
                update={
                    "checks": tuple(self.own.get(check, check) for check in one.checks),
                    "comment": _ID.sub(lambda found: self.own.get(found[0], found[0]), one.comment),
                }
            )
            for one in ratings
        )


def shown(text: str) -> Shown | None:
    """The drawing in a text, its words in plain letters with nothing invisible; None where it can't be read."""
    try:
        drawing = in_order(parse_drawing(text))
    except DrawingError:
        return None
    parts = {one.id: f"p{at}" for at, one in enumerate(drawing.nodes, 1)}
    edges = {one.id: f"e{at}" for at, one in enumerate(drawing.edges, 1)}
    crash = drawing.crash
    plain = Drawing(
        nodes=tuple(one.model_copy(update={"id": parts[one.id], "label": _plain(one.label)}) for one in drawing.nodes),
        edges=tuple(
            one.model_copy(
                update={
                    "id": edges[one.id],
                    "source": parts[one.source],
                    "target": parts[one.target],
                    "label": _plain(one.label),
                }
            )
            for one in drawing.edges
        ),
        crash=crash
        and crash.model_copy(update={"at": parts[crash.at], "recovery": tuple(edges[edge] for edge in crash.recovery)}),
        note=_plain(drawing.note),
    )
    own = {ours: own for named in (parts, edges) for own, ours in named.items()}
    return Shown(plain, own)


def _plain(label: str) -> str:
    return " ".join(normalise(label).text.split())

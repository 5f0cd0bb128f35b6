"""Text to safe HTML: a lesson's Markdown, a learner's words with the judge's quotes marked in them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup, escape

from lti_tool.language import gettext as _

TINTS = 7
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True)
class Passage:
    """A quote in its place: characters `start` to `end` of the text, and the number of the row it supports."""

    number: int
    title: str
    start: int
    end: int

    @property
    def tint(self) -> int:
        """Which of the highlight tints it has, 1 to TINTS."""
        return (self.number - 1) % TINTS + 1


def markdown(text: str) -> Markup:
    """Markdown as HTML; HTML inside it is shown, not obeyed."""
    return Markup(_MARKDOWN.render(text))


def inline_markdown(text: str) -> Markup:
    """One line of Markdown, such as a level's words, without a paragraph around it."""
    return Markup(_MARKDOWN.renderInline(text))


def passages(text: str, quotes: Iterable[Mapping[str, Any]], number: int, title: str) -> list[Passage]:
    """The quotes that stand in the text where they say they do; any other is left out."""
    found = []
    for quote in quotes:
        start, end = int(quote["start"]), int(quote["end"])
        if 0 <= start < end and text[start:end] == quote["text"]:
            found.append(Passage(number, title, start, end))
    return found


def highlight(text: str, marked: Iterable[Passage]) -> Markup:
    """A plain text as paragraphs with its passages marked and numbered; where passages overlap, both numbers stand.

    The mark of row 5 has the id `q5` and its number links to `#c5`, the row itself.
    """
    ordered = sorted(marked, key=lambda passage: (passage.start, passage.end, passage.number))
    anchors = _anchors(ordered)
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("").join(_runs(text, start, end, ordered, anchors)))
        for start, end in _paragraphs(text)
    )


def _anchors(ordered: list[Passage]) -> dict[Passage, str]:
    """An id for each passage: `q5` for the first one of row 5, `q5-2` for the next."""
    seen: dict[int, int] = {}
    anchors = {}
    for passage in dict.fromkeys(ordered):
        seen[passage.number] = count = seen.get(passage.number, 0) + 1
        anchors[passage] = f"q{passage.number}" if count == 1 else f"q{passage.number}-{count}"
    return anchors


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Where each paragraph starts and ends; an empty line ends one."""
    start: int | None = None
    end = at = 0
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if bare.strip():
            start = at if start is None else start
            end = at + len(bare)
        elif start is not None:
            yield start, end
            start = None
        at += len(line)
    if start is not None:
        yield start, end


def _runs(text: str, start: int, end: int, ordered: list[Passage], anchors: Mapping[Passage, str]) -> Iterator[Markup]:
    """A paragraph cut wherever a passage begins or ends, so that no two marks ever cross."""
    inside = [passage for passage in anchors if passage.start < end and passage.end > start]
    cuts = {start, end}
    for passage in inside:
        cuts |= {max(passage.start, start), min(passage.end, end)}
    places = sorted(cuts)
    for here, there in pairwise(places):
        covering = [passage for passage in inside if passage.start <= here and passage.end >= there]
        yield _run(text[here:there], covering, [p for p in covering if p.start == here], anchors)


def _run(words: str, covering: list[Passage], beginning: list[Passage], anchors: Mapping[Passage, str]) -> Markup:
    said = Markup("<br>").join(escape(line) for line in words.splitlines()) if "\n" in words else escape(words)
    if not covering:
        return said
    tags = Markup("").join(_tag(passage, anchors[passage], first=at == 0) for at, passage in enumerate(beginning))
    anchor = Markup(' id="{}"').format(anchors[beginning[0]]) if beginning else Markup("")
    tint = (beginning or covering)[-1].tint
    return Markup('<mark class="h{}"{}>{}{}</mark>').format(tint, anchor, tags, said)


def _tag(passage: Passage, anchor: str, *, first: bool) -> Markup:
    own_id = Markup("") if first else Markup(' id="{}"').format(anchor)
    label = _("Highlight %(number)s: %(title)s", number=passage.number, title=passage.title)
    return Markup('<a class="tag h{}"{} href="#c{}" aria-label="{}">{}</a>').format(
        passage.tint, own_id, passage.number, label, passage.number
    )

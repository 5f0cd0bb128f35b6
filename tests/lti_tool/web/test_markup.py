"""Text to safe HTML: Markdown, highlights, times; and diagrams to shapes."""

import re

import pytest
from markupsafe import Markup

from lti_tool.web.diagram import drawing_picture, reference_picture
from lti_tool.web.markup import Passage, highlight, markdown, passages
from seeds.load import bundled, read_lesson


def passage(text: str, words: str, number: int) -> Passage:
    start = text.index(words)
    return Passage(number, f"Row {number}", start, start + len(words))


def plain(html: Markup) -> str:
    """The words of a highlighted text, without its numbers."""
    return Markup(re.sub(r"<a .*?</a>", "", html)).striptags()


def test_html_in_markdown_is_shown_not_obeyed() -> None:
    assert markdown("**bold** <script>alert(1)</script>") == (
        "<p><strong>bold</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>\n"
    )


def test_a_script_address_in_markdown_is_no_link() -> None:
    assert "href" not in markdown("[x](javascript:alert(1))")


def test_a_highlight_is_tint_number_and_a_link_to_its_row() -> None:
    text = "We wait. Then we try again."
    assert highlight(text, [passage(text, "we try again", 3)]) == (
        '<p>We wait. Then <mark class="h3" id="q3"><a class="tag h3" href="#c3" aria-label="Highlight 3: Row 3">3</a>'
        "we try again</mark>.</p>"
    )


def test_overlapping_quotes_never_cross_and_lose_no_word() -> None:
    text = "one two three four"
    html = highlight(text, [passage(text, "one two three", 1), passage(text, "two three four", 2)])
    assert plain(html) == text
    assert html.count("<mark") == html.count("</mark>") == 3
    assert not re.search(r"<mark[^>]*>[^/]*<mark", html)
    assert 'id="q1"' in html
    assert 'id="q2"' in html


def test_two_quotes_that_begin_together_keep_both_numbers() -> None:
    html = highlight("one two three", [passage("one two three", "one two", 1), passage("one two three", "one", 2)])
    assert {'id="q1"', 'id="q2"', 'href="#c1"', 'href="#c2"'} <= set(re.findall(r'(?:id|href)="[^"]+"', html))
    assert plain(html) == "one two three"


def test_a_second_quote_of_a_row_has_an_id_of_its_own() -> None:
    html = highlight("one two three", [passage("one two three", "one", 4), passage("one two three", "three", 4)])
    assert re.findall(r'id="(.*?)"', html) == ["q4", "q4-2"]


def test_a_quote_over_two_paragraphs_is_marked_in_both() -> None:
    text = "First line.\n\nSecond line."
    html = highlight(text, [Passage(1, "Row", 6, 19)])
    assert html.count("<p>") == 2
    assert re.findall(r"<mark.*?</mark>", html)[1].endswith("Second</mark>")
    assert html.count("id=") == 1


def test_what_people_wrote_is_escaped_inside_and_outside_marks() -> None:
    text = '<script>alert("x")</script> & more'
    html = highlight(text, [Passage(1, '"><img src=x>', 0, 8)])
    assert "<script" not in html
    assert "<img" not in html
    assert plain(html) == text


@pytest.mark.parametrize("start", [-1, 3, 40])
def test_a_quote_that_does_not_stand_there_is_left_out(start: int) -> None:
    assert passages("one two", [{"text": "two", "start": start, "end": start + 3}], 1, "Row") == []


def test_a_tint_for_every_row_however_many() -> None:
    assert [Passage(number, "", 0, 1).tint for number in (1, 7, 8, 15)] == [1, 7, 1, 1]


def test_edges_between_the_same_two_parts_are_drawn_apart() -> None:
    reference = read_lesson(bundled()[0]).reference
    assert reference is not None
    arrows = {arrow.number: arrow for arrow in reference_picture(reference.diagram).arrows}
    assert arrows[2].line == "M282 126L282 80"
    assert arrows[3].line == "M334 70L334 116"
    assert arrows[9].line.startswith("M438.6 230.5")


def test_a_second_part_of_a_kind_stacks_below_and_covers_nobody() -> None:
    reference = read_lesson(bundled()[0]).reference
    assert reference is not None
    nodes = [{"id": f"n{at}", "kind": "worker", "label": "Step worker"} for at in range(3)]
    nodes.append({"id": "n9", "kind": "ledger", "label": "Idempotency ledger"})
    boxes = drawing_picture(nodes, [], reference.palette).boxes
    places = {box.key: (box.x, box.y) for box in boxes}
    assert places["n0"] == (440, 232)
    assert places["n9"] == (440, 336)
    assert len(set(places.values())) == 4


def test_an_edge_that_would_run_behind_a_part_goes_round_it() -> None:
    reference = read_lesson(bundled()[0]).reference
    assert reference is not None
    nodes = [{"id": kind, "kind": kind, "label": kind} for kind in ("caller", "runtime", "queue")]
    edges = [{"id": "e1", "from": "caller", "to": "queue", "label": "x"}]
    (arrow,) = drawing_picture(nodes, edges, reference.palette).arrows
    assert arrow.line.count("L") > 1


def test_numbers_of_crossing_edges_stay_apart() -> None:
    reference = read_lesson(bundled()[0]).reference
    assert reference is not None
    kinds = ("history", "queue", "runtime", "retry")
    nodes = [{"id": kind, "kind": kind, "label": kind} for kind in kinds]
    ends = [("history", "queue"), ("runtime", "retry")]
    edges = [{"id": f"e{at}", "from": a, "to": b, "label": "x"} for at, (a, b) in enumerate(ends)]
    first, second = (arrow.at for arrow in drawing_picture(nodes, edges, reference.palette).arrows)
    assert abs(first[0] - second[0]) >= 27 or abs(first[1] - second[1]) >= 21

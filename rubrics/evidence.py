"""What a level must rest on; every rating of every judge passes through `with_evidence` before anyone sees it.

Above 0: words that stand in the text, or the parts and edges of a drawing. At 0: what was looked for.
"""

from typing import Literal

from rubrics.drawing import DrawingError, parse_drawing
from rubrics.judgement import Quote, Rating
from rubrics.model import Criterion, Rubric
from rubrics.text import QUOTE_WORDS, verify_quote, word_count

QUOTE = "quote"  # the reason of a rating whose evidence does not hold
MAX_QUOTES = 3

Evidence = Literal["quotes", "checks", "none"]


def with_evidence(rubric: Rubric, rating: Rating, text: str, evidence: Evidence) -> Rating:
    """A rating with its quotes at their true places, unscored where its evidence does not hold.

    `evidence` is what the judge shows for a level: one that only estimates ("none") has nothing to be held to.
    A level of 0 that does not say what was looked for says what its rubric asks for.
    """
    if rating.level is None:
        return rating
    found = [confirmed(text, quote) for quote in rating.quotes]
    quotes = tuple(quote for quote in found if quote is not None)
    if rating.level == 0:
        looked_for = rating.looked_for.strip() or _asked_for(rubric.criterion(rating.criterion))
        return rating.model_copy(update={"quotes": quotes[:MAX_QUOTES], "looked_for": looked_for})
    fails = len(quotes) < len(found) or (evidence == "quotes" and not quotes)
    if rubric.kind == "drawing" and evidence == "checks":
        fails = not rating.checks or not set(rating.checks) <= _ids(text)
    if fails:
        return Rating(criterion=rating.criterion, level=None, reason=QUOTE, comment=rating.comment)
    return rating.model_copy(update={"quotes": quotes[:MAX_QUOTES]})


def confirmed(text: str, quote: Quote) -> Quote | None:
    """A quote with its true place in the text, or None where its words do not stand there."""
    if text[quote.start : quote.end] == quote.text and 0 < word_count(quote.text) <= QUOTE_WORDS:
        return quote
    return verify_quote(text, quote.text)


def _asked_for(criterion: Criterion) -> str:
    """What would have earned the first level above 0."""
    return criterion.descriptor(1)


def _ids(text: str) -> frozenset[str]:
    try:
        drawing = parse_drawing(text)
    except DrawingError:
        return frozenset()
    return frozenset([*(part.id for part in drawing.nodes), *(edge.id for edge in drawing.edges)])

"""Cards and what a learner said to them: mastered in one sitting, warmed again on later days.

A card is mastered after "got it" on two passes with another card between; "again" starts it over. Once mastered it
comes back on a later day, each time after a longer wait; "again" then only shortens the wait. It blocks nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

PASSES = 2
LATER = timedelta(hours=16)  # what is answered this long after the last time is another day's
WAITS = tuple(timedelta(days=days) for days in (1, 3, 7, 16, 35, 70))
MOST_DUE = 3

Answered = tuple[str, bool, datetime]


@dataclass(frozen=True)
class Card:
    """How far a card is: passes, whether it is mastered, how often it was warmed since, when it was last seen."""

    passes: int = 0
    mastered: bool = False
    warmed: int = 0
    seen_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """When it is to be warmed again; None before it is mastered."""
        if not self.mastered or self.seen_at is None:
            return None
        return self.seen_at + WAITS[min(self.warmed, len(WAITS) - 1)]


def cards(answers: Iterable[Answered]) -> dict[str, Card]:
    """Every card that was answered, from (term id, got it, when) in the order they were given."""
    found: dict[str, Card] = {}
    previous: str | None = None
    for term_id, got_it, at in answers:
        found[term_id] = _answered(found.get(term_id, Card()), got_it, at, in_a_row=previous == term_id)
        previous = term_id
    return found


def _answered(card: Card, got_it: bool, at: datetime, *, in_a_row: bool) -> Card:
    if card.mastered and card.seen_at is not None and at - card.seen_at >= LATER:
        return replace(card, warmed=card.warmed + 1 if got_it else 0, seen_at=at)
    if not got_it:
        return Card(seen_at=at)
    passes = card.passes if in_a_row and card.passes else card.passes + 1
    return replace(card, passes=passes, mastered=passes >= PASSES, seen_at=at)


def due(known: Mapping[str, Card], order: Sequence[str], now: datetime) -> tuple[str, ...]:
    """The cards to warm again, at most three, the longest overdue first; of terms that are still in the lesson."""
    dates = {term_id: known[term_id].due_at for term_id in order if term_id in known}
    waiting = sorted((at, term_id) for term_id, at in dates.items() if at is not None and at <= now)
    return tuple(term_id for _, term_id in waiting[:MOST_DUE])

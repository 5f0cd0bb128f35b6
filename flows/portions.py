"""How many jobs an executor takes at a time, and for whom it keeps places free.

What people wait for (a click) goes ahead of what can wait (a re-judging), and neither can keep the other out: of the
places that an executor has, a fifth is open to each of the two alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

URGENT, BULK = "urgent", "bulk"
CLASSES = (URGENT, BULK)  # in the order in which they are served
SUSPECT = "suspect"  # what may have killed its executor; it is run with nothing beside it

LEAST = 25  # a flow run costs as much for one essay as for a hundred, so that under load few are started
MOST = 100
ESSAYS = 50  # in hand at least
PLACES_A_CALL = 4  # essays in hand for each call that may be made: while some ask, others are read and written
SHARE = 5  # chunks that fill an executor: with one or two, all its essays would ask at once, and then all write
KEPT_FREE = 5  # one place in so many


@dataclass
class InHand:
    """What one flow run has in hand: jobs of one kind and class, and how many of them are not over yet."""

    kind: str
    of_class: str
    left: int

    def one_less(self) -> None:
        """One is over, and its place free, though its neighbours may take longer."""
        self.left -= 1


@dataclass(frozen=True)
class Places:
    """How many jobs of one kind an executor may have in hand, and how many of each class it has."""

    most: int
    taken: Mapping[str, int]

    def free(self, of_class: str) -> int:
        """How many more of this class may be taken now."""
        for_others = max(1, self.most // KEPT_FREE)
        own = self.most - for_others - self.taken.get(of_class, 0)
        return max(0, min(own, self.most - sum(self.taken.values())))

    @property
    def chunk(self) -> int:
        """How many one chunk may take."""
        return min(MOST, max(LEAST, self.most // SHARE))


def essays_in_hand(calls_at_once: int) -> int:
    """How many essays an executor has in hand that may put so many questions at a time."""
    return max(ESSAYS, PLACES_A_CALL * calls_at_once)


def portion(due: int, free: int, in_hand: int, most: int = MOST) -> int:
    """How many of the due jobs one chunk takes: all if they are few, else about half, for others work here too.

    Few free places are left until there are more, unless they are enough for all that is due, or nothing of this class
    is `in_hand`: then there will not be more.
    """
    if in_hand and free < min(due, LEAST):
        return 0
    return min(due, free, most, max(LEAST, (due + 1) // 2))

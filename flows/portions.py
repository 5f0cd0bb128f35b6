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
KEPT_FREE = 5  # one place in so many


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


def portion(due: int, free: int, in_hand: int) -> int:
    """How many of the due jobs one chunk takes: all if they are few, else about half, for others work here too.

    Few free places are left until there are more, unless they are enough for all that is due, or nothing of this class
    is `in_hand`: then there will not be more.
    """
    if in_hand and free < min(due, LEAST):
        return 0
    return min(due, free, MOST, max(LEAST, (due + 1) // 2))

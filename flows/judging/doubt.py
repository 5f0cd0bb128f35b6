"""What is uncertain about a level, in the words that an instructor reads."""

import math
from collections.abc import Sequence

NEAR = 0.15  # of a level: an estimate so close to a boundary could as well have been rounded the other way


def boundary(estimate: float, top: int) -> str:
    """Says between which two levels an estimate lies where it is close to their boundary, else ""."""
    low = math.floor(estimate)
    if not 0 <= low < top or abs(estimate - low - 0.5) > NEAR:
        return ""
    return f"{estimate:.1f} lies on the boundary between {low} and {low + 1}"


def disagreement(said: Sequence[tuple[str, int]]) -> str:
    """Names what each says where they do not say the same, else ""; whoever says it several times is named once."""
    if len({level for _, level in said}) < 2:
        return ""
    by_name: dict[str, list[str]] = {}
    for name, level in said:
        by_name.setdefault(name, []).append(str(level))
    return ", ".join(f"{name} says {listed(levels)}" for name, levels in by_name.items())


def listed(words: Sequence[str]) -> str:
    """1, 2 and 3."""
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)

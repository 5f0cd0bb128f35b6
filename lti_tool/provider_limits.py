"""How much, and how fast, the providers of paid judges may be asked, as the operator's settings say it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ONE = re.compile(r"(?P<provider>[a-z][a-z0-9-]*)\s*=\s*(?P<at_once>\d{1,5})?\s*(?:/\s*(?P<a_minute>\d{1,6}))?")
BURST_OF = 10  # one in so many questions of a minute is kept for bursts


@dataclass(frozen=True)
class Limit:
    """Questions at a time and questions a minute, of all executors together; 0 for no limit."""

    at_once: int = 0
    a_minute: int = 0

    @property
    def burst(self) -> int:
        """How many questions may go ahead of the even pace."""
        return self.a_minute // BURST_OF

    @property
    def interval(self) -> float:
        """Seconds between two questions at the even pace: with the burst on top no minute has more than its number."""
        return 60.0 / max(1, self.a_minute - self.burst - 1) if self.a_minute else 0.0


def read_limits(text: str) -> Mapping[str, Limit]:
    """Limits by provider, from such as "claude=20/1000": 20 at a time, 1000 a minute. ValueError says what is wrong."""
    found: dict[str, Limit] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        match = _ONE.fullmatch(part)
        if match is None or not (match["at_once"] or match["a_minute"]):
            raise ValueError(f"{part!r} is no limit; say it as claude=20/1000: 20 at a time, 1000 a minute")
        found[match["provider"]] = Limit(int(match["at_once"] or 0), int(match["a_minute"] or 0))
    return found

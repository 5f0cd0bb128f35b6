"""The line under a text: how many words it has, and how far that is from what was asked."""

from dataclasses import dataclass

from lti_tool.language import gettext as _
from lti_tool.language import ngettext
from rubrics.model import WordRange

GAUGE = 144  # the gauge's width in its SVG


@dataclass(frozen=True)
class WordLine:
    """A count in words: `512 / 500` and what that means; `limits` are what the gauge and the script go by."""

    count: int
    head: str
    words: str
    fits: bool
    limits: WordRange | None

    @property
    def gauge(self) -> tuple[float, float, float]:
        """Where the range begins, how wide it is, and where the count stands, along GAUGE."""
        if self.limits is None:
            return 0, 0, 0
        low, high, end = self.limits.low, self.limits.high, self.limits.send_high
        at = min(self.count / end * GAUGE, GAUGE) - 1.5
        return round(low / end * GAUGE, 1), round((high - low) / end * GAUGE, 1), round(max(at, 0), 1)


def word_line(count: int, limits: WordRange | None) -> WordLine:
    """The copy for this many words."""
    if limits is None:
        return WordLine(count, ngettext("%(num)d word", "%(num)d words", count), "", True, None)
    head = f"{count} / {limits.aim}"
    if count < limits.low:
        return WordLine(count, head, _("%(number)d to the floor.", number=limits.low - count), False, limits)
    if count > limits.high:
        return WordLine(
            count, head, _("%(number)d over. Cut the second example.", number=count - limits.high), False, limits
        )
    return WordLine(count, head, _("in range"), True, limits)

"""Two languages that nobody speaks, made from the English words: they show what is not translated, and what breaks.

`en-XA` gives every word accents, brackets and 40 per cent more room; `ar-XB` does the same from right to left. The tags
are those of CLDR: https://cldr.unicode.org/translation/getting-started/guide
"""

import gettext as library
import re

LONGER = "en-XA"
RIGHT_TO_LEFT = "ar-XB"
TAGS = (LONGER, RIGHT_TO_LEFT)
MORE = 0.4

_ACCENTS = str.maketrans("aceinosuyACEINOSUY", "åçéîñöšüýÅÇÉÎÑÖŠÜÝ")
# What a program reads stays as it is: places, tags, entities.
_KEPT = re.compile(r"(%\(\w+\)[sd]|%%|<[^>]*>|&\w+;)")


def pseudo(message: str) -> str:
    """The message with accents and in brackets, 40 per cent longer; empty stays empty."""
    if not message:
        return message
    parts = _KEPT.split(message)
    said = "".join(part if at % 2 else part.translate(_ACCENTS) for at, part in enumerate(parts))
    more = round(MORE * sum(len(part) for part in parts[::2]))
    return f"⟦{said}{_padding(more)}⟧"


def _padding(length: int) -> str:
    """Filling that may wrap, as words do."""
    return "".join(" " if at % 8 == 0 else "~" for at in range(length))


class Catalogue(library.NullTranslations):
    """Every message in pseudo, without a file."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag = tag

    def gettext(self, message: str) -> str:
        """The message, made longer."""
        return pseudo(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """The message for this many, made longer."""
        return pseudo(msgid1 if n == 1 else msgid2)

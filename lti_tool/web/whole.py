"""Numbers out of addresses and forms."""

import re

DIGITS = 9  # as many as every column of ours holds
# A thousand and a half to one reader, one and a half to another.
THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")


def whole(text: str, digits: int = DIGITS) -> int | None:
    """The number that stands there in plain digits; None where anything else does, or more digits than are taken."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None

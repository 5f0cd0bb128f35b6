"""Whole numbers out of addresses and forms."""

DIGITS = 9  # as many as every column of ours holds


def whole(text: str, digits: int = DIGITS) -> int | None:
    """The number that stands there in plain digits; None where anything else does, or more digits than are taken."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None

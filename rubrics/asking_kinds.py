"""The kinds of phrases by which a text can ask its grader for marks."""

from typing import Literal, NamedTuple

ASIDE = r" ?[:,;—–.!*\)\]،：-]"


class Phrase(NamedTuple):
    """`where` it counts: anywhere, at the start of a sentence, or where a clause begins (a command)."""

    where: Literal["anywhere", "start", "clause"]
    first: str
    then: str

"""Judges by name."""

from flows.judging.checklist import ChecklistJudge
from flows.judging.judge import Judge, UnknownJudge

_JUDGES = {"checklist": ChecklistJudge}


def get_judge(name: str) -> Judge:
    """A judge by its name; UnknownJudge says which there are."""
    if name not in _JUDGES:
        raise UnknownJudge(f"There is no judge {name!r}; there is: {', '.join(sorted(_JUDGES))}.")
    return _JUDGES[name]()

"""Judges by name; each is loaded only when it is asked for."""

from importlib import import_module

from flows.judging.checklist import ChecklistJudge
from flows.judging.coach import Coach, OfflineCoach
from flows.judging.judge import Judge, UnknownJudge

# A name's beginning, and who makes the judge from what follows the colon.
_MAKERS = {
    "claude": "flows.judging.claude:claude_judge",
    "trained": "flows.judging.trained:trained_judge",
    "panel": "flows.judging.panel:panel_judge",
}
KNOWN = ("checklist", "claude:MODEL", "trained:PATH", "panel:A+B")


def get_judge(name: str) -> Judge:
    """A judge by its name. UnknownJudge says which there are, or what is wrong with the rest of the name."""
    if name == ChecklistJudge.name:
        return ChecklistJudge()
    kind, _, rest = name.partition(":")
    if kind not in _MAKERS or not rest:
        raise UnknownJudge(f"There is no judge {name!r}; there is: {', '.join(KNOWN)}.")
    module, _, maker = _MAKERS[kind].partition(":")
    made: Judge = getattr(import_module(module), maker)(rest)
    return made


def get_coach(name: str) -> Coach:
    """The coach that goes with a judge's name: the same model of Claude, else the one that works offline."""
    kind, _, rest = name.partition(":")
    if kind != "claude":
        return OfflineCoach()
    made: Coach = import_module("flows.judging.claude_coach").ClaudeCoach(rest.split(",")[0])
    return made

"""Appeals as their learner reads them beside the criterion."""

from dataclasses import dataclass

from lti_tool import appeals
from lti_tool.language import gettext as _
from lti_tool.models import Appeal
from lti_tool.results import Sheet
from lti_tool.web.visit import Visit


@dataclass(frozen=True)
class Rung:
    """Where something stands on its way: done, now or open."""

    words: str
    state: str


@dataclass(frozen=True)
class Told:
    """An appeal, the sentence it points at, and how far it is."""

    appeal: Appeal
    sentence: str
    rungs: tuple[Rung, ...]


def told_appeals(visit: Visit, sheet: Sheet) -> dict[str, Told]:
    """The appeals against a sheet, by criterion."""
    known = appeals.appeals_on(visit.session, sheet.submission)
    return {
        criterion: Told(made, appeals.sentence_of(made), _rungs(appeals.state_of(visit.session, made)))
        for criterion, made in known.items()
    }


def _rungs(state: str) -> tuple[Rung, ...]:
    names = {"sent": _("sent"), "being answered": _("with a person"), "answered": _("answered")}
    at = list(names).index(state)
    return tuple(Rung(words, "done" if place <= at else "open") for place, words in enumerate(names.values()))

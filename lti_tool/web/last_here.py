"""The line that leads back: when the learner was last here, at which step, and how far they were."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lti_tool.attempts import latest_draft
from lti_tool.db import utc_now
from lti_tool.language import gettext as _
from lti_tool.language import ngettext
from lti_tool.lesson import VocabularyStep
from lti_tool.models import LastPlace
from lti_tool.places import last_place
from lti_tool.web.bench import read_bench
from lti_tool.web.visit import AnyStep, Visit, item_url, step_url
from rubrics.text import word_count


@dataclass(frozen=True)
class Place:
    """A step, how far the learner was in it, when, and the address; `style` is how the time is said."""

    step: AnyStep
    detail: str
    seen_at: datetime
    style: str
    url: str


def place_of(visit: Visit) -> Place | None:
    """Where the learner was last; None where that is the first step, or no longer in the lesson."""
    known = last_place(visit.session, visit.link, visit.person_id)
    steps = {step.id: step for step in visit.lesson.steps[1:]}
    if known is None or known.step_id not in steps:
        return None
    step = steps[known.step_id]
    items = {item.id for item in visit.lesson.items}
    url = item_url(known.item_id) if known.item_id in items else step_url(step)
    return Place(step, _detail(visit, step, known), known.seen_at, _style(known.seen_at), url)


def _style(seen_at: datetime) -> str:
    ago = utc_now() - seen_at
    if ago < timedelta(hours=12):
        return "time"
    return "weekday" if ago < timedelta(days=6) else "day"


def _detail(visit: Visit, step: AnyStep, known: LastPlace) -> str:
    if isinstance(step, VocabularyStep):
        at = next((place for place, term in enumerate(step.terms, 1) if term.id == known.term_id), None)
        return _("card %(number)d", number=at) if at else ""
    if known.item_id is None:
        return ""
    draft = latest_draft(visit.session, visit.link, visit.person_id, known.item_id)
    if draft is None or not draft.text:
        return ""
    kind = next((item.kind for item in visit.lesson.items if item.id == known.item_id), None)
    if kind == "drawing":
        return ngettext("%(num)d part", "%(num)d parts", len(read_bench(draft.text).nodes))
    return ngettext("%(num)d word", "%(num)d words", word_count(draft.text))

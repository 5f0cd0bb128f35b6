"""The stages of judging as lines of a log: what is done, what runs now, what is still to come."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from lti_tool.language import gettext as _
from lti_tool.language import later, ngettext
from lti_tool.lessons import rubric_of
from lti_tool.models import Submission
from lti_tool.results import Stage, State, stages, state_of
from rubrics.model import Rubric

ORDER = (later("received"), later("reading"), later("judging"), later("checking quotes"), later("scoring"))
RUNNING: tuple[State, ...] = ("queued", "judging")
HELD = later("Judged. A person looks at it next.")
UNREAD = later("The judge could not finish it. A person looks at it next.")
KEEPS_GOING = later("Close this if you like; it keeps going.")
IN_THE_BOX = later("Its text is in the box again.")
OPENS_LATER = later("Nothing to do here. The sheet opens when it is released.")


@dataclass(frozen=True)
class Mark:
    """A criterion in the log: done, now or open."""

    title: str
    state: str


@dataclass(frozen=True)
class Line:
    """A line of the log; `state` is done, now, open or warn."""

    words: str
    state: str
    at: datetime | None = None
    detail: str = ""
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class Log:
    """The log and what heads it; `say` is what a screen reader hears, only when the stage changes.

    `language` is the rubric's: its criteria are named in it.
    """

    lines: tuple[Line, ...]
    head: str
    lede: str
    say: str
    last: int
    running: bool
    language: str


def log_of(session: Session, submission: Submission) -> Log:
    """The log of a submission as it stands now."""
    return judging_log(stages(session, submission), state_of(session, submission), rubric_of(submission))


def judging_log(reached: Iterable[Stage], state: State, rubric: Rubric) -> Log:
    """The log of a submission from the stages it reached."""
    events = list(reached)
    running = state in RUNNING
    at_work = _furthest(events)
    lines: list[Line] = []
    seen: set[str] = set()
    for event in events:
        if event.stage == "resumed":
            lines.append(Line(_resumed(event), "warn", event.at))
        elif event.stage == "waiting" and event is events[-1] and running:
            lines.append(Line(_will_resume(at_work, events), "warn", event.at))
        elif event.stage in ORDER and event.stage not in seen:
            lines.append(_stage_line(event, events, at_work if running else "", rubric))
        seen.add(event.stage)
    lines += [Line(_(name), "open") for name in ORDER if running and name not in seen]
    lines += _end(events, state)
    head = _head(events, state, at_work)
    say = _capital(_(at_work or "received")) if running else head
    lede = KEEPS_GOING if running else IN_THE_BOX if state in ("returned", "withdrawn") else OPENS_LATER
    return Log(tuple(lines), head, _(lede), say, events[-1].id if events else 0, running, rubric.language)


def _furthest(events: list[Stage]) -> str:
    reached = [ORDER.index(event.stage) for event in events if event.stage in ORDER]
    return ORDER[max(reached)] if reached else ""


def _stage_line(event: Stage, events: list[Stage], at_work: str, rubric: Rubric) -> Line:
    state = "now" if event.stage == at_work else "done"
    if event.stage != "judging":
        detail = next((d for e in reversed(events) if e.stage == event.stage and (d := _detail(e, rubric))), "")
        return Line(_(event.stage), state, event.at, detail)
    words, marks = _judging(events, rubric, running=state == "now")
    return Line(words, state, event.at, marks=marks)


def _detail(event: Stage, rubric: Rubric) -> str:
    """What reading found, for the learner: the count and whether it is in range."""
    words = event.detail.get("words")
    if not isinstance(words, int) or rubric.kind == "drawing":
        return ""
    if rubric.words is None:
        return ngettext("%(num)d word", "%(num)d words", words)
    low, high = rubric.words.low, rubric.words.high
    if low <= words <= high:
        return ngettext("%(num)d word, in range", "%(num)d words, in range", words)
    return ngettext(
        "%(num)d word, asked for %(low)d to %(high)d",
        "%(num)d words, asked for %(low)d to %(high)d",
        words,
        low=low,
        high=high,
    )


def _progress(events: list[Stage]) -> tuple[int, int]:
    """How many criteria are done, of how many; (0, 0) while nothing is known."""
    counted = [event.detail for event in events if event.stage == "judging" and event.detail.get("of")]
    if not counted:
        return 0, 0
    return max(int(detail.get("done", 0)) for detail in counted), max(int(detail["of"]) for detail in counted)


def _judging(events: list[Stage], rubric: Rubric, *, running: bool) -> tuple[str, tuple[Mark, ...]]:
    done, of = _progress(events)
    finished = {event.detail.get("criterion") for event in events if event.stage == "judging"}
    complete = not running or (of > 0 and done >= of)
    marks, here = [], False
    for criterion in rubric.judged:
        is_done = complete or criterion.id in finished
        is_now = not is_done and not here
        here = here or is_now
        marks.append(Mark(criterion.title, "done" if is_done else "now" if is_now else "open"))
    return _count(done, of), tuple(marks)


def _count(done: int, of: int) -> str:
    return _("judging %(number)d of %(all)d", number=min(done + 1, of), all=of) if of else _("judging")


def _resumed(event: Stage) -> str:
    at: Any = event.detail.get("at")
    if not at:
        return _("It broke and resumed there. Nothing lost, no attempt used.")
    return _("It broke at “%(stage)s” and resumed there. Nothing lost, no attempt used.", stage=stage_words(str(at)))


def _will_resume(at_work: str, events: list[Stage]) -> str:
    """What is said while a judge that failed is waited for."""
    if at_work in ("", "received"):
        return _("The judge is not to be had just now. It goes on by itself; no attempt is used.")
    place = _count(*_progress(events)) if at_work == "judging" else _(at_work)
    return _("It broke at “%(stage)s” and will resume there. Nothing lost, no attempt used.", stage=place)


def stage_words(at: str) -> str:
    """A stage as the ledger names it, such as `judging 2 of 7`, in the reader's language."""
    counted = re.fullmatch(r"judging (\d+) of (\d+)", at)
    if counted:
        return _("judging %(number)d of %(all)d", number=int(counted[1]), all=int(counted[2]))
    return _(at) if at in ORDER else at


def _end(events: list[Stage], state: State) -> list[Line]:
    last = events[-1].at if events else None
    if state == "awaiting_review":
        return [Line(_(HELD), "now", last)]
    if state == "needs_person":
        return [Line(_(UNREAD), "warn", last)]
    if state == "returned":
        return [Line(_("Sent back to you."), "now", last)]
    return [Line(_("released"), "done", last)] if state == "released" else []


def _head(events: list[Stage], state: State, at_work: str) -> str:
    if state == "needs_person":
        return _(UNREAD)
    if state == "awaiting_review":
        return _(HELD)
    if state == "released":
        return _("Judged.")
    if state == "withdrawn":
        return _("Withdrawn.")
    if state == "returned":
        return _("Sent back to you.")
    words = _count(*_progress(events)) if at_work == "judging" else _(at_work or "received")
    return _capital(words)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]

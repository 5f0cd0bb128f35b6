"""What the instructor's pages say about states, flags, facts and the stages of judging."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lti_tool.deadlines import late_by
from lti_tool.language import gettext as _
from lti_tool.language import later
from lti_tool.models import PendingRelease, Release, ReturnedWork, Submission
from lti_tool.results import Sheet, Stage, stages
from lti_tool.returns import returns_of
from rubrics.model import Rubric
from rubrics.scoring import display

STATES: Mapping[str, str] = {
    "queued": "waits for the judge",
    "judging": "being judged",
    "awaiting_review": "to review",
    "needs_person": "needs a person",
    "released": "released",
    "withdrawn": "withdrawn",
    "returned": "sent back",
}
FLAGS: Mapping[str, str] = {
    "addresses_judge": "part of the text addresses the judge",
    "copied_brief": "much of it is copied from the brief",
    "off_topic": "it is not about this lesson",
    "out_of_range": "the length is out of range",
    "repetition": "it repeats itself",
    "empty": "there is no text",
    "not_text": "this is not readable text",
    "same_text": "another learner sent the same text",
}
_SAID_OTHERWISE = ("out_of_range", "addresses_judge", "same_text")
UNSCORED: Mapping[str, str] = {
    "quote": later("its quote does not stand in the text"),
    "no_answer": later("the judge gave no answer"),
    "unreadable": later("the judge’s answer could not be read"),
    "refused": later("the judge declined"),
    "unavailable": later("the judge was not to be had"),
    "language": later("the text is in a language this judge does not read"),
    "cut_off": later("the judge’s answer broke off"),
    "too_long": later("the text is too long for this judge"),
    "unsure": later("the judge could not decide"),
    "rejected": later("the judge’s service did not take the question"),
    "no_look_fors": later("nobody has written look-fors for it"),
    "no_model": later("this judge has no model for it"),
    "out_of_range": later("the length is outside what can be sent"),
    "empty": later("there is no text"),
    "not_text": later("this cannot be read"),
}
_STAGES: Mapping[str, str] = {
    "held": "held for a person",
    "resumed": "resumed",
    "scoring": "judged",
}


@dataclass(frozen=True)
class Moment:
    """One line of a submission's history."""

    at: datetime
    words: str
    reason: str = ""


def flag_words(flags: Iterable[str]) -> list[str]:
    """Each flag as a sentence's worth of words; an unknown one as it is called."""
    return [FLAGS.get(flag, flag.replace("_", " ")) for flag in flags]


def unscored_words(reason: str) -> str:
    """Why a criterion has no level; a reason without words of its own is shown as it is."""
    return _(UNSCORED[reason]) if reason in UNSCORED else reason.replace("_", " ").rstrip(".")


def fact_words(sheet: Sheet) -> list[str]:
    """The facts that code found, one line each; nothing while there is no judgement."""
    if sheet.judgement is None:
        return []
    facts, rubric = sheet.facts, sheet.rubric
    lines = []
    if (words := facts.get("words")) is not None:
        lines.append(f"{words} words{_range_words(rubric, int(words))}")
    if rubric.max_characters and (characters := facts.get("characters")) is not None:
        lines.append(f"{characters} of {rubric.max_characters} characters")
    if rubric.sentences and (sentences := facts.get("sentences")) is not None:
        lines.append("1 sentence" if sentences == 1 else f"{sentences} sentences")
    if hedges := facts.get("hedges"):
        lines.append(f"hedge words: {', '.join(hedges)}")
    if rubric.sources and (share := facts.get("copied_share")) is not None:
        lines.append(f"{round(float(share) * 100)} % copied from the brief")
    lines += flag_words(flag for flag in sheet.flags if flag not in _SAID_OTHERWISE)
    return lines + _addressing_words(sheet)


def _range_words(rubric: Rubric, words: int) -> str:
    if rubric.words is None:
        return ""
    low, high = rubric.words.low, rubric.words.high
    return ", in range" if low <= words <= high else f", asked for {low} to {high}"


def _addressing_words(sheet: Sheet) -> list[str]:
    if "addresses_judge" not in sheet.flags:
        return ["nothing addresses the judge"]
    spans = sheet.facts.get("addresses_judge") or ()
    if sheet.rubric.kind == "drawing" or not spans:
        return [FLAGS["addresses_judge"]]
    return [f"addresses the judge: “{sheet.submission.text[start:end].strip()}”" for start, end in spans]


def history(session: Session, submission: Submission) -> list[Moment]:
    """What happened to a submission, oldest first: sent, judged, held, released, changed."""
    late = late_by(submission.due_at, submission.sent_at)
    moments = [
        Moment(submission.sent_at, f"sent, attempt {submission.attempt}", f"{late} after it was due" if late else "")
    ]
    for stage in stages(session, submission):
        if stage.stage in _STAGES:
            moments.append(Moment(stage.at, _stage_words(stage)))
    found = select(Release).where(Release.submission_id == submission.id).order_by(Release.sequence)
    moments += [_released(release) for release in session.scalars(found)]
    moments += [_returned(row) for row in returns_of(session, submission)]
    return sorted(moments, key=lambda moment: moment.at)


def _stage_words(stage: Stage) -> str:
    at = stage.detail.get("at")
    return f"resumed at {at}" if stage.stage == "resumed" and at else _STAGES[stage.stage]


def _returned(row: ReturnedWork) -> Moment:
    by = f"by {row.reviewer.handle}" if row.reviewer else "because nobody got to it in time"
    return Moment(row.returned_at, f"sent back {by}", row.words)


def _released(release: Release) -> Moment:
    by = f"by {release.review.reviewer.handle}" if release.review else "by policy"
    verb = "released" if release.sequence == 1 else "changed"
    return Moment(release.released_at, f"{verb} {by}: {display(release.points)} / 100", release.reason or "")


def told_released(learner: str, title: str, release: Release) -> str:
    """The line that says a release has happened."""
    verb = "released" if release.sequence == 1 else "changed and released again"
    return f"{learner}, {title}: {verb}, {display(release.points)} / 100."


def told_pending(pending: PendingRelease) -> str:
    """The line for a decision that is made and does not show yet."""
    time = pending.due_at.strftime("%Y-%m-%d %H:%M")
    return _("%(who)s decided this; it goes out on %(time)s UTC.", who=pending.reviewer.handle, time=time)


def told_already(release: Release, person_id: int) -> str:
    """The line for a commit that came second: who was first, and when (UTC)."""
    at = f"{release.released_at:%H:%M} UTC"
    if release.review is None:
        return f"This was released by policy at {at}. See what was released."
    if release.review.reviewer_id == person_id:
        return f"You confirmed this at {at}. This is what you released."
    return f"Someone else confirmed this at {at}. See theirs."
